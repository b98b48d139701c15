//! Numbers: those that must be higher than all that were used, and those that must have no gap.

use diesel::dsl::max;
use diesel::prelude::*;

use super::{AT_ONCE, CheckError, Fix, Report};
use crate::db::connection::{DbConnection, on_each};
use crate::db::schema::{
    account, change_history, channel, channel_message, entity, meta, outbox, script, signal, tell,
};
use crate::wire;

/// Lost messages that are made up for by notes. Where more are missing, what was said before them goes instead.
const NOTES_MOST: i64 = 1000;

pub(super) fn find(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    let (epoch, flush, next_id): (i64, i64, i64) =
        on_each!(connection, c => meta::table.select((meta::epoch, meta::flush, meta::next_id)).first(c))?;
    next_id_is_above_all(connection, next_id, report)?;
    let highest: Option<i64> = on_each!(connection, c => outbox::table.select(max(outbox::flush)).first(c))?;
    if let Some(highest) = highest.filter(|highest| *highest > flush) {
        let problem = format!("are counted to {flush}, and number {highest} is stored");
        let fix = Fix::Sql(format!("UPDATE meta SET flush = {highest}"));
        report.add("flushes", problem, format!("count on from {highest}"), fix);
    }
    let highest: Option<i64> = on_each!(connection, c => signal::table.select(max(signal::id)).first(c))?;
    // The upper half of a signal's id is the epoch that it was sent in.
    if let Some(sent_in) = highest.map(|id| id >> 32).filter(|sent_in| *sent_in > epoch) {
        let problem = format!("are counted to {epoch}, and a signal was sent in number {sent_in}");
        let fix = Fix::Sql(format!("UPDATE meta SET epoch = {sent_in}"));
        report.add("epochs", problem, format!("count on from {sent_in}"), fix);
    }
    outputs(connection, report)?;
    messages(connection, report)
}

fn next_id_is_above_all(connection: &mut DbConnection, next_id: i64, report: &mut Report) -> Result<(), CheckError> {
    let mut highest = 0;
    macro_rules! look_at {
        ($($table:ident)+) => {
            $(
                let used: Option<i64> = on_each!(connection, c => $table::table.select(max($table::id)).first(c))?;
                highest = highest.max(used.unwrap_or(0));
            )+
        };
    }
    look_at!(entity account channel script tell change_history);
    if highest >= next_id {
        let next = highest.saturating_add(1);
        let fix = Fix::Sql(format!("UPDATE meta SET next_id = {next}"));
        report.add(
            "new ids",
            format!("begin with {next_id}, and {highest} is in use"),
            format!("begin with {next}"),
            fix,
        );
    }
    Ok(())
}

/// Output that nobody can read keeps the server from starting.
fn outputs(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    let numbers: Vec<i64> =
        on_each!(connection, c => outbox::table.select(outbox::flush).order(outbox::flush).load(c))?;
    for number in numbers {
        let query = outbox::table.find(number).select(outbox::groups);
        let groups: Option<Vec<u8>> = on_each!(connection, c => query.first(c).optional())?;
        if groups.is_some_and(|groups| wire::decode_groups(&groups).is_err()) {
            let fix = Fix::Sql(format!("DELETE FROM outbox WHERE flush = {number}"));
            report.add(format!("the output of flush {number}"), "cannot be read", "delete it", fix);
        }
    }
    Ok(())
}

/// A channel, and what is stored of what was said on it.
struct Said {
    id: i64,
    name: String,
    /// The number of its last message.
    last_message: i64,
}

fn messages(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    use channel_message as m;
    let query = channel::table.order(channel::id).select((channel::id, channel::name, channel::last_message));
    let channels: Vec<(i64, String, i64)> = on_each!(connection, c => query.load(c))?;
    for (id, name, last_message) in channels {
        let all = || m::table.filter(m::channel.eq(id));
        let ends = all().select((diesel::dsl::min(m::n), max(m::n), diesel::dsl::count_star()));
        let (Some(first), Some(last), count): (Option<i64>, Option<i64>, i64) =
            on_each!(connection, c => ends.get_result(c))?
        else {
            continue;
        };
        let said = Said { id, name, last_message };
        if first < 1 {
            let fix = Fix::Sql(format!("DELETE FROM channel_message WHERE channel = {id} AND n < 1"));
            report.add(said.of(), format!("has a message number {first}"), "delete what comes before 1", fix);
        } else if last_message < last {
            let fix = Fix::Sql(format!("UPDATE channel SET last_message = {last} WHERE id = {id}"));
            let problem = format!("has counted to {last_message}, and message {last} is there");
            report.add(said.of(), problem, format!("count on from {last}"), fix);
        } else if last_message - first + 1 != count {
            gaps(connection, &said, report)?;
        }
    }
    Ok(())
}

/// Finds each gap behind what is stored of a channel's history. What is missing before its beginning is no gap.
fn gaps(connection: &mut DbConnection, said: &Said, report: &mut Report) -> Result<(), CheckError> {
    use channel_message as m;
    let next = diesel::alias!(channel_message as next);
    let all = || m::table.filter(m::channel.eq(said.id));
    let follower = next.filter(next.field(m::channel).eq(said.id)).filter(next.field(m::n).eq(m::n + 1));
    let before = all()
        .filter(m::n.lt(said.last_message))
        .filter(diesel::dsl::not(diesel::dsl::exists(follower)))
        .order(m::n)
        .limit(AT_ONCE as i64)
        .select((m::n, m::at));
    let before: Vec<(i64, i64)> = on_each!(connection, c => before.load(c))?;
    report.is_cut |= before.len() == AT_ONCE;
    for (n, at) in before {
        let after: Option<i64> =
            on_each!(connection, c => all().filter(m::n.gt(n)).select(diesel::dsl::min(m::n)).first(c))?;
        let (from, to) = (n + 1, after.unwrap_or(said.last_message + 1) - 1);
        let problem = match from == to {
            true => format!("has lost message {from}"),
            false => format!("has lost messages {from} to {to}"),
        };
        if to - from < NOTES_MOST {
            report.add(said.of(), problem, "put a note in its place", Fix::Sql(notes(said.id, from..=to, at)));
        } else {
            let fix = Fix::Sql(format!("DELETE FROM channel_message WHERE channel = {} AND n < {from}", said.id));
            report.add(said.of(), problem, "delete what was said before", fix);
        }
    }
    Ok(())
}

impl Said {
    fn of(&self) -> String {
        format!("channel {} ({})", self.id, self.name)
    }
}

fn notes(channel: i64, numbers: std::ops::RangeInclusive<i64>, at: i64) -> String {
    let rows = numbers.map(|n| format!("({channel}, {n}, {at}, NULL, 'The world', 'What was said here is lost.')"));
    let rows = rows.collect::<Vec<_>>().join(", ");
    format!("INSERT INTO channel_message (channel, n, at, account, speaker, text) VALUES {rows}")
}
