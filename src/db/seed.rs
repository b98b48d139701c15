//! Writing a first world, before any actor runs.

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::prelude::*;

use super::connection::{DbConnection, on_each};
use super::database::Database;
use super::error::DbError;
use super::parts::write_entities;
use super::rows::{AccountRow, ChannelRow, ScriptRow, SubscriptionRow};
use super::schema::{entity, meta};
use super::statement::write_rows;
use crate::world::record::{AccountRecord, ChannelRecord, EntityRows, ScriptRecord};

/// Entities written together: bounds the memory of a world of millions.
const ENTITIES_AT_ONCE: usize = 5000;

/// Returns whether there is no world in it yet.
///
/// # Errors
///
/// [`DbError::Away`] if it cannot be read.
pub fn is_empty(connection: &mut DbConnection) -> Result<bool, DbError> {
    let any = diesel::select(diesel::dsl::exists(entity::table.select(entity::id)));
    Ok(!on_each!(connection, c => any.get_result::<bool>(c))?)
}

/// Writes a first world in one transaction: all of it, or nothing. Entities are taken as they come, so that a large world need not
/// be in memory. Every account joins every channel with `auto_join`. Ids above all that were used are free afterwards.
///
/// # Errors
///
/// [`DbError::Constraint`] if rows contradict each other, [`DbError::Away`] if the disk is full.
pub fn seed(
    database: &Database,
    entities: impl IntoIterator<Item = EntityRows>,
    accounts: Vec<AccountRecord>,
    channels: Vec<ChannelRecord>,
    scripts: Vec<ScriptRecord>,
) -> Result<(), DbError> {
    let mut connection = database.connect()?;
    connection.transaction(|connection| {
        let mut highest = 0;
        let mut entities = entities.into_iter();
        loop {
            let some: Vec<EntityRows> = entities.by_ref().take(ENTITIES_AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            highest = some.iter().map(|entity| entity.record.id.0).fold(highest, u64::max);
            write_entities(connection, &some)?;
        }
        highest = accounts.iter().map(|account| account.id.0).fold(highest, u64::max);
        highest = channels.iter().map(|channel| channel.id.0).fold(highest, u64::max);
        highest = scripts.iter().map(|script| script.id.0).fold(highest, u64::max);

        write_rows(connection, &accounts.iter().map(AccountRow::from).collect::<Vec<_>>())?;
        write_rows(connection, &channels.iter().map(ChannelRow::from).collect::<Vec<_>>())?;
        write_rows(connection, &scripts.iter().map(ScriptRow::from).collect::<Vec<_>>())?;
        write_rows(connection, &joined(&accounts, &channels))?;

        let next = highest as i64 + 1;
        on_each!(connection, c =>
            diesel::update(meta::table.filter(meta::next_id.lt(next))).set(meta::next_id.eq(next)).execute(c))?;
        Ok::<_, DbError>(())
    })?;
    if let DbConnection::Postgres(connection) = &mut connection {
        // Its planner would know nothing of the new rows for a minute.
        connection.batch_execute("ANALYZE")?;
    }
    Ok(())
}

fn joined(accounts: &[AccountRecord], channels: &[ChannelRecord]) -> Vec<SubscriptionRow> {
    let open = channels.iter().filter(|channel| channel.auto_join);
    open.flat_map(|channel| {
        accounts.iter().map(|account| SubscriptionRow { channel: channel.id.to_db(), account: account.id.to_db() })
    })
    .collect()
}
