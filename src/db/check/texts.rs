//! Texts that must be JSON: one that is not keeps a whole room from being loaded, or the world from starting.

use diesel::prelude::*;
use serde_json::Value;

use super::{CheckError, Fix, Report, quoted};
use crate::db::connection::{DbConnection, on_each};
use crate::db::schema::{account, attribute, channel, session};

/// Attributes that are read at a time.
const ATTRIBUTES_AT_ONCE: i64 = 10_000;

pub(super) fn find(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    attributes(connection, report)?;
    accounts(connection, report)?;
    channels(connection, report)?;
    sessions(connection, report)
}

fn attributes(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    use attribute::{category, entity, key, table, value};
    let mut last: (i64, String, String) = (i64::MIN, String::new(), String::new());
    loop {
        let after = entity
            .gt(last.0)
            .or(entity.eq(last.0).and(category.gt(last.1.clone())))
            .or(entity.eq(last.0).and(category.eq(last.1.clone())).and(key.gt(last.2.clone())));
        let query = table.filter(after).order((entity, category, key)).limit(ATTRIBUTES_AT_ONCE);
        let rows: Vec<(i64, String, String, String)> =
            on_each!(connection, c => query.select((entity, category, key, value)).load(c))?;
        for (id, of, name, text) in &rows {
            if serde_json::from_str::<Value>(text).is_err() {
                let delete = format!(
                    "DELETE FROM attribute WHERE entity = {id} AND category = {} AND key = {}",
                    quoted(of),
                    quoted(name)
                );
                report.add(
                    format!("#{id}"),
                    format!("has an attribute {name} that is no JSON"),
                    "delete it",
                    Fix::Sql(delete),
                );
            }
        }
        match rows.into_iter().last() {
            Some((id, of, name, _)) => last = (id, of, name),
            None => return Ok(()),
        }
    }
}

fn accounts(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    let query = account::table.order(account::id);
    let rows: Vec<(i64, String, String, String)> = on_each!(connection, c =>
        query.select((account::id, account::name, account::options, account::ignores)).load(c))?;
    let known: rustc_hash::FxHashSet<i64> = rows.iter().map(|row| row.0).collect();
    for (id, name, options, ignores) in &rows {
        let of = || format!("account {id} ({name})");
        if serde_json::from_str::<Value>(options).is_err() {
            let fix = Fix::Sql(format!("UPDATE account SET options = '{{}}' WHERE id = {id}"));
            report.add(of(), "has options that are no JSON", "let it have none", fix);
        }
        let alive = serde_json::from_str::<Vec<i64>>(ignores).map(|all| {
            let alive: Vec<i64> = all.iter().copied().filter(|ignored| known.contains(ignored)).collect();
            (alive.len() == all.len(), alive)
        });
        let (problem, repair, alive) = match alive {
            Ok((true, _)) => continue,
            Ok((false, alive)) => ("ignores an account that does not exist", "let it ignore the others", alive),
            Err(_) => ("has a list of whom it ignores that is none", "let it ignore nobody", Vec::new()),
        };
        let alive = alive.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let fix = Fix::Sql(format!("UPDATE account SET ignores = '[{alive}]' WHERE id = {id}"));
        report.add(of(), problem, repair, fix);
    }
    Ok(())
}

fn channels(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    let query = channel::table.order(channel::id).select((channel::id, channel::name, channel::aliases));
    let rows: Vec<(i64, String, String)> = on_each!(connection, c => query.load(c))?;
    for (id, name, aliases) in rows {
        if serde_json::from_str::<Vec<String>>(&aliases).is_err() {
            let fix = Fix::Sql(format!("UPDATE channel SET aliases = '[]' WHERE id = {id}"));
            report.add(
                format!("channel {id} ({name})"),
                "has a list of short names that is none",
                "let it have none",
                fix,
            );
        }
    }
    Ok(())
}

fn sessions(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    let query = session::table.order(session::id).select((session::id, session::account, session::mode));
    let rows: Vec<(i64, i64, String)> = on_each!(connection, c => query.load(c))?;
    for (id, account, mode) in rows {
        if serde_json::from_str::<Value>(&mode).is_err() {
            let fix = Fix::Sql(format!("UPDATE session SET mode = 'null' WHERE id = {id}"));
            report.add(
                format!("session {id} of account {account}"),
                "has a mode that is no JSON",
                "let it have none",
                fix,
            );
        }
    }
    Ok(())
}
