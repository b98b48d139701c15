//! A flush on its way to the writer: tried again while storage is away, taken apart if a row contradicts another.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::JournalActor;
use super::outage::Failed;
use crate::actors::book::{Flush, Stored};
use crate::db::{self, DbError, DbPool};
use crate::mailbox;
use crate::wire::{self, Group, Item};
use crate::world::record::Change;

/// How long a flush waits before it is tried again while storage is away: at first, and at most.
const RETRY: Duration = Duration::from_millis(200);
const RETRY_MOST: Duration = Duration::from_secs(1);

/// A flush on its way to the writer.
pub(super) struct Writing {
    pool: DbPool,
    journal: Addr<JournalActor>,
    row: Arc<db::Flush>,
    /// Of each batch, how many of the row's changes are its own, and its group.
    batches: Vec<(usize, Group)>,
}

impl Writing {
    pub(super) fn of(pool: DbPool, journal: Addr<JournalActor>, epoch: u64, confirmed: u64, flush: Flush) -> Self {
        let outbox = wire::encode_groups(flush.batches.iter().map(|stored| &stored.group));
        let mut changes = Vec::with_capacity(flush.batches.iter().map(|stored| stored.changes.len()).sum());
        let batches = flush.batches.into_iter().map(|stored| {
            let count = stored.changes.len();
            changes.extend(stored.changes);
            (count, stored.group)
        });
        let batches = batches.collect();
        let row = db::Flush { epoch, number: flush.number, changes, outbox: Some(outbox), confirmed };
        Self { pool, journal, row: Arc::new(row), batches }
    }

    /// Writes the flush; waits while storage is away.
    ///
    /// A row that contradicts another is a bug of whoever owns it: then the batches are written one by one, up to the one at
    /// fault, which is answered with an error instead, and the caller must start again from what is stored. Those behind it
    /// may rest on what it did, so they are not written: nobody has seen them, and their lines run again.
    pub(super) async fn run(self) -> Result<(), DbError> {
        let Err(fault) = self.write_when_back(self.row.clone()).await else { return Ok(()) };
        if matches!(fault, DbError::Superseded { .. } | DbError::Stopping) {
            return Err(fault);
        }
        let whole = &self.row;
        let row = |number, changes, group: &Group| {
            let outbox = Some(wire::encode_groups([group].into_iter()));
            Arc::new(db::Flush { epoch: whole.epoch, number, changes, outbox, confirmed: whole.confirmed })
        };
        let mut begin = 0;
        for (number, (count, group)) in (whole.number..).zip(&self.batches) {
            let changes = whole.changes[begin..begin + count].to_vec();
            begin += count;
            if let Err(error) = self.write_when_back(row(number, changes, group)).await {
                tracing::error!("a batch of flush {} is given up: {error}", whole.number);
                let Stored { changes, group } = given_up(group);
                self.write_when_back(row(number, changes, &group)).await?;
                break;
            }
        }
        Err(fault)
    }

    /// Writes a row, trying again as long as storage is away. If it is not known whether the last try has come through, the
    /// row's number tells.
    async fn write_when_back(&self, row: Arc<db::Flush>) -> Result<(), DbError> {
        let mut wait = RETRY;
        loop {
            match self.pool.flush(row.clone()).await {
                Err(error) if error.is_away() => {
                    mailbox::repay(&self.journal, Failed { number: self.row.number, error });
                    actix_rt::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MOST);
                }
                other => return other.map(|_| ()),
            }
        }
    }
}

/// Returns what is stored instead of a batch that cannot be.
fn given_up(group: &Group) -> Stored {
    let Some(origin) = group.origin else { return Stored { changes: Vec::new(), group: Group::default() } };
    let text = crate::text!("Something went wrong; nothing was done. It has been noted.").into_string();
    let items = vec![Item::Text { to: vec![origin.session], text }];
    let changes = vec![Change::Cursor(origin.session, origin.n)];
    Stored { changes, group: Group { origin: Some(origin), items } }
}
