//! Old rows: which are too many or too old, found by a reader, and deleted a few at a time by the writer between two flushes.

use std::sync::Arc;

use actix::prelude::*;
use diesel::connection::Connection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::{DbConnection, on_each};
use super::error::DbError;
use super::reader::Read;
use super::schema::{change_history, channel, channel_message, meta, tell};
use super::writer::DbWriter;
use crate::config::RetentionConfig;

/// Rows that are deleted in one transaction: about a millisecond, in which a flush waits.
const ROWS_AT_ONCE: i64 = 200;

/// Finds old rows, at most a few transactions' worth of each kind.
#[derive(Debug, Clone)]
pub struct FindOld {
    /// What is kept.
    pub keep: RetentionConfig,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

/// Rows that may go, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Old {
    /// Messages of a channel up to a number: its history has a beginning, but no gap.
    Messages {
        /// The channel's id.
        channel: i64,
        /// The last number that goes.
        up_to: i64,
    },
    /// Stored tells.
    Tells(Vec<i64>),
    /// Changes made by hand, up to an id.
    Changes {
        /// The last id that goes.
        up_to: i64,
    },
}

/// Deletes old rows. Sent one at a time; a flush waits behind it at most.
#[derive(Debug, Message)]
#[rtype(result = "Result<usize, DbError>")]
pub(super) struct Delete {
    /// Nothing is deleted if another server has taken over.
    pub(super) epoch: u64,
    pub(super) old: Arc<Old>,
}

impl Read for FindOld {
    type Output = Vec<Old>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let mut old = Vec::new();
        let channels: Vec<i64> =
            on_each!(connection, c => channel::table.select(channel::id).order(channel::id).load(c))?;
        for channel in channels {
            old.extend(self.messages(connection, channel)?);
        }
        let tells = self.tells(connection)?;
        if !tells.is_empty() {
            old.push(Old::Tells(tells));
        }
        old.extend(self.changes(connection)?);
        Ok(old)
    }
}

impl FindOld {
    /// Returns the time before which something is too old; `None` if nothing ever is.
    fn since(&self, days: u64) -> Option<i64> {
        (days > 0).then(|| self.now_ms.saturating_sub(days as i64 * 86_400_000))
    }

    fn messages(&self, connection: &mut DbConnection, id: i64) -> QueryResult<Option<Old>> {
        use channel_message::{at, channel, n, table};
        let all = || table.filter(channel.eq(id));
        let ends = all().select((diesel::dsl::min(n), diesel::dsl::max(n)));
        let (Some(first), Some(last)): (Option<i64>, Option<i64>) = on_each!(connection, c => ends.get_result(c))?
        else {
            return Ok(None);
        };
        let mut up_to = first - 1;
        if self.keep.channel_messages > 0 {
            up_to = up_to.max(last - self.keep.channel_messages as i64);
        }
        if let Some(since) = self.since(self.keep.channel_days) {
            // Those before the first one that is new enough: so there is never a gap, whatever the clock has done.
            let young = all().filter(at.ge(since)).select(n).order(n).limit(1);
            let young: Option<i64> = on_each!(connection, c => young.first(c).optional())?;
            up_to = up_to.max(young.unwrap_or(last + 1) - 1);
        }
        let some = first.saturating_add(ROWS_AT_ONCE - 1).min(up_to);
        Ok((up_to >= first).then_some(Old::Messages { channel: id, up_to: some }))
    }

    fn tells(&self, connection: &mut DbConnection) -> QueryResult<Vec<i64>> {
        use tell::{at, id, table, to_account};
        let mut ids: Vec<i64> = Vec::new();
        if let Some(since) = self.since(self.keep.tell_days) {
            let old = table.filter(at.lt(since)).select(id).order(id).limit(ROWS_AT_ONCE);
            ids = on_each!(connection, c => old.load(c))?;
        }
        if self.keep.tells == 0 || ids.len() as i64 >= ROWS_AT_ONCE {
            return Ok(ids);
        }
        let keep = self.keep.tells as i64;
        let crowded = diesel::sql_query(
            "SELECT to_account AS id FROM tell GROUP BY to_account HAVING count(*) > $1 ORDER BY to_account LIMIT 1",
        );
        let crowded: Option<Id> = on_each!(connection, c => crowded.bind::<BigInt, _>(keep).get_result(c).optional())?;
        if let Some(Id { id: reader }) = crowded {
            let newest = table.filter(to_account.eq(reader)).select(id).order(id.desc()).offset(keep).limit(1);
            let up_to: Option<i64> = on_each!(connection, c => newest.first(c).optional())?;
            let old = table.filter(to_account.eq(reader)).filter(id.le(up_to.unwrap_or(0)));
            let old = old.select(id).order(id).limit(ROWS_AT_ONCE - ids.len() as i64);
            ids.extend(on_each!(connection, c => old.load::<i64>(c))?);
        }
        Ok(ids)
    }

    fn changes(&self, connection: &mut DbConnection) -> QueryResult<Option<Old>> {
        use change_history::{at, id, table};
        let mut up_to: Option<i64> = None;
        if self.keep.changes > 0 {
            let newest = table.select(id).order(id.desc()).offset(self.keep.changes as i64).limit(1);
            up_to = on_each!(connection, c => newest.first(c).optional())?;
        }
        if let Some(since) = self.since(self.keep.change_days) {
            let young = table.filter(at.ge(since)).select(id).order(id).limit(1);
            let young: Option<i64> = on_each!(connection, c => young.first(c).optional())?;
            up_to = up_to.max(Some(young.unwrap_or(i64::MAX) - 1));
        }
        let Some(up_to) = up_to else { return Ok(None) };
        let some = table.filter(id.le(up_to)).select(id).order(id).limit(ROWS_AT_ONCE);
        let some: Vec<i64> = on_each!(connection, c => some.load(c))?;
        Ok(some.last().map(|last| Old::Changes { up_to: *last }))
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

impl Handler<Delete> for DbWriter {
    type Result = Result<usize, DbError>;

    fn handle(&mut self, Delete { epoch, old }: Delete, _: &mut SyncContext<Self>) -> Self::Result {
        self.runner.run("Delete", |connection| connection.transaction(|connection| delete(connection, epoch, &old)))
    }
}

fn delete(connection: &mut DbConnection, epoch: u64, old: &Old) -> Result<usize, DbError> {
    let (now, flush): (i64, i64) = on_each!(connection, c => meta::table.select((meta::epoch, meta::flush)).first(c))?;
    if now as u64 != epoch {
        return Err(DbError::Superseded { epoch: now as u64, flush: flush as u64 });
    }
    let deleted = match old {
        Old::Messages { channel, up_to } => {
            let messages = channel_message::table.filter(channel_message::channel.eq(channel));
            let messages = messages.filter(channel_message::n.le(up_to));
            on_each!(connection, c => diesel::delete(messages).execute(c))
        }
        Old::Tells(ids) => {
            on_each!(connection, c => diesel::delete(tell::table.filter(tell::id.eq_any(ids))).execute(c))
        }
        Old::Changes { up_to } => {
            let changes = change_history::table.filter(change_history::id.le(up_to));
            on_each!(connection, c => diesel::delete(changes).execute(c))
        }
    };
    Ok(deleted?)
}
