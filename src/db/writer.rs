//! The actor that writes: one flush at a time, one transaction each.
//!
//! [`TakeOver`] once, when a server process becomes the one; then [`Flush`] after [`Flush`], each sent when the last came back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use diesel::connection::Connection as _;
use diesel::prelude::*;

use super::changes::Rows;
use super::connection::{DbConnection, on_each};
use super::error::{DbError, Trouble};
use super::rows::OutboxRow;
use super::run::Runner;
use super::schema::{meta, outbox};
use super::statement::{Fixed, write_rows};
use crate::failpoint::fail_point;
use crate::world::record::Change;

/// The only one that changes rows while a world runs.
pub(super) struct DbWriter {
    pub(super) runner: Runner,
    /// Outbox rows up to this flush are deleted already.
    confirmed: u64,
}

impl DbWriter {
    pub(super) fn new(runner: Runner) -> Self {
        Self { runner, confirmed: 0 }
    }
}

impl Actor for DbWriter {
    type Context = SyncContext<Self>;
}

/// How often taking over waits for a lock, which another process may hold for a while.
const TAKE_OVER_TRIES: usize = 5;

/// Makes the asking server process the one: every other's next flush is refused.
///
/// Sent by the journal before anything is loaded that can change.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<Taken, DbError>")]
pub(super) struct TakeOver {
    /// How many ids to set aside for it.
    pub(super) reserve: u64,
}

/// What a server process begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The new epoch; names this process in each of its flushes.
    pub epoch: u64,
    /// The last flush written; the next is one more.
    pub flush: u64,
    /// The first of the `reserve` ids that are set aside.
    pub next_id: u64,
}

/// Writes batches in one transaction, all or nothing. Sent by the journal, one at a time.
///
/// On an error that [`is_away`](DbError::is_away), the same flush may be sent again, and must be before another of its number: it
/// is written once, also if the first commit had succeeded without our hearing of it. On [`DbError::Superseded`] the process is to exit.
/// On any other error nothing is written and the number is still free, so that the flush can be sent in parts to find
/// the batch at fault.
#[derive(Debug, Message)]
#[rtype(result = "Result<Flushed, DbError>")]
pub struct Flush {
    /// From [`Taken`].
    pub epoch: u64,
    /// One more than the last flush's.
    pub number: u64,
    /// Changed rows, the oldest first; of several to one row the last counts.
    pub changes: Vec<Change>,
    /// The flush's groups, as the portal will get them; `None` if there is nothing to show.
    pub outbox: Option<Vec<u8>>,
    /// The portal has applied all flushes up to this one: their outbox rows are deleted.
    pub confirmed: u64,
}

/// A flush is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// Its number.
    pub number: u64,
    /// How long it took to write, in the writer.
    pub duration: Duration,
}

impl Handler<TakeOver> for DbWriter {
    type Result = Result<Taken, DbError>;

    fn handle(&mut self, message: TakeOver, _: &mut SyncContext<Self>) -> Self::Result {
        let mut tries = 0;
        loop {
            tries += 1;
            let taken = self
                .runner
                .run("TakeOver", |connection| connection.transaction(|connection| take_over(connection, message)));
            match taken {
                Err(error) if error.trouble() == Some(Trouble::Locked) && tries < TAKE_OVER_TRIES => {}
                taken => return taken,
            }
        }
    }
}

impl Handler<Arc<Flush>> for DbWriter {
    type Result = Result<Flushed, DbError>;

    fn handle(&mut self, flush: Arc<Flush>, _: &mut SyncContext<Self>) -> Self::Result {
        fail_point!("writer.flush");
        let started = Instant::now();
        let delete = (flush.confirmed > self.confirmed).then_some(flush.confirmed);
        self.runner.run("Flush", |connection| write_flush(connection, &flush, delete))?;
        fail_point!("writer.committed");
        self.confirmed = self.confirmed.max(flush.confirmed);
        Ok(Flushed { number: flush.number, duration: started.elapsed() })
    }
}

/// Waits for a late transaction of the server before: both change the same row.
fn take_over(connection: &mut DbConnection, message: TakeOver) -> Result<Taken, DbError> {
    let reserve = message.reserve as i64;
    let (epoch, flush, next): (i64, i64, i64) = on_each!(connection, c => {
        diesel::update(meta::table)
            .set((meta::epoch.eq(meta::epoch + 1), meta::next_id.eq(meta::next_id + reserve)))
            .execute(c)?;
        meta::table.select((meta::epoch, meta::flush, meta::next_id)).first(c)
    })?;
    Ok(Taken { epoch: epoch as u64, flush: flush as u64, next_id: (next - reserve) as u64 })
}

fn write_flush(connection: &mut DbConnection, flush: &Flush, delete: Option<u64>) -> Result<(), DbError> {
    let (mut committing, mut trouble) = (false, None);
    let outcome = connection.transaction(|connection| {
        let written = write_rows_of(connection, flush, delete);
        committing = written.is_ok();
        trouble = written.as_ref().err().and_then(|error| Some((error.trouble()?, error.reason())));
        written
    });
    match (outcome, trouble) {
        (Err(DbError::Away { trouble, reason }), _) if committing => Err(DbError::InDoubt { trouble, reason }),
        // SQLite rolls back by itself when the disk is full; that ours then fails is not what anybody wants to know.
        (Err(DbError::Away { .. }), Some((trouble, reason))) => Err(DbError::Away { trouble, reason }),
        (outcome, _) => outcome,
    }
}

fn write_rows_of(connection: &mut DbConnection, flush: &Flush, delete: Option<u64>) -> Result<(), DbError> {
    if !claim_number(connection, flush)? {
        return already_written(connection, flush);
    }
    fail_point!("writer.numbered");
    Rows::of(&flush.changes).write(connection)?;
    fail_point!("writer.rows");
    if let Some(groups) = &flush.outbox {
        write_rows(connection, &[OutboxRow { flush: flush.number as i64, groups: groups.as_slice().into() }])?;
    }
    if let Some(confirmed) = delete {
        let confirmed = confirmed as i64;
        on_each!(connection, c => diesel::delete(outbox::table.filter(outbox::flush.le(confirmed))).execute(c))?;
    }
    fail_point!("writer.commits");
    Ok(())
}

/// The epoch check and the gap-free number in one statement. It comes first: it takes the lock that keeps a late transaction of
/// another process, or of this one's lost connection, from coming in between.
fn claim_number(connection: &mut DbConnection, flush: &Flush) -> Result<bool, DbError> {
    let (epoch, number) = (flush.epoch as i64, flush.number as i64);
    let values = [number, epoch, number - 1];
    let claim = Fixed(r#"UPDATE "meta" SET "flush" = ? WHERE "epoch" = ? AND "flush" = ?"#, &values);
    Ok(on_each!(connection, c => claim.execute(c))? == 1)
}

/// The number is taken: by this very flush, whose commit was in doubt, or because this process is no longer the one.
fn already_written(connection: &mut DbConnection, flush: &Flush) -> Result<(), DbError> {
    let (epoch, last): (i64, i64) = on_each!(connection, c => meta::table.select((meta::epoch, meta::flush)).first(c))?;
    let (epoch, last) = (epoch as u64, last as u64);
    if (epoch, last) == (flush.epoch, flush.number) { Ok(()) } else { Err(DbError::Superseded { epoch, flush: last }) }
}
