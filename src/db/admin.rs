//! What the command line does to a database while no world runs on it. Hold a [`WorldLock`](super::WorldLock) meanwhile.

use diesel::connection::Connection as _;
use diesel::prelude::*;

use super::connection::{DbConnection, on_each};
use super::error::DbError;
use super::parts::write_entities;
use super::rows::{AccountRow, SubscriptionRow};
use super::schema::{account, channel, meta, session};
use super::statement::write_rows;
use crate::ids::{AccountId, EntityId, SessionId};
use crate::world::record::{AccountRecord, EntityRows};

/// Sets the password hash of the account with that folded name. Returns false if there is none.
///
/// # Errors
///
/// [`DbError::Away`] if the database cannot be written now.
pub fn set_password(connection: &mut DbConnection, folded: &str, hash: &str) -> Result<bool, DbError> {
    let changed = on_each!(connection, c =>
        diesel::update(account::table.filter(account::folded.eq(folded)))
            .set(account::password_hash.eq(hash))
            .execute(c))?;
    Ok(changed == 1)
}

/// Returns the stored session with the highest id: of all portals that a database knows of, the last one's. `None` if there is none.
///
/// # Errors
///
/// [`DbError::Away`] if the database cannot be read now.
pub fn last_session(connection: &mut DbConnection) -> Result<Option<SessionId>, DbError> {
    let highest = session::table.select(diesel::dsl::max(session::id));
    let highest: Option<i64> = on_each!(connection, c => highest.first(c))?;
    Ok(highest.filter(|id| *id > 0).map(SessionId::from_db))
}

/// Adds an account and its character, which `make` builds for the ids it is given. The account joins every channel with
/// `auto_join`.
///
/// # Errors
///
/// [`DbError::NameTaken`] if the name or one that looks like it is taken; [`DbError::Away`] if the database cannot be written now.
pub fn create_account(
    connection: &mut DbConnection,
    make: impl FnOnce(AccountId, EntityId) -> (AccountRecord, EntityRows),
) -> Result<AccountId, DbError> {
    connection.transaction(|connection| {
        let next: i64 = on_each!(connection, c => {
            diesel::update(meta::table).set(meta::next_id.eq(meta::next_id + 2)).execute(c)?;
            meta::table.select(meta::next_id).first(c)
        })?;
        let (record, character) = make(AccountId::from_db(next - 2), EntityId::from_db(next - 1));
        let alike = account::folded.eq(&record.folded).or(account::skeleton.eq(&record.skeleton));
        let taken: i64 = on_each!(connection, c => account::table.filter(alike).count().get_result(c))?;
        if taken > 0 {
            return Err(DbError::NameTaken(record.name));
        }
        write_rows(connection, &[AccountRow::from(&record)])?;
        write_entities(connection, &[character])?;
        let open: Vec<i64> = on_each!(connection, c =>
            channel::table.filter(channel::auto_join.eq(true)).select(channel::id).load(c))?;
        let joined: Vec<SubscriptionRow> =
            open.into_iter().map(|channel| SubscriptionRow { channel, account: record.id.to_db() }).collect();
        write_rows(connection, &joined)?;
        Ok(record.id)
    })
}
