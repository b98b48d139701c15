//! The journal: takes in complete batches, has the writer store them in groups, lets their output go.
//!
//! Sequence: actor ─[`Opened`]*─[`Commit`]─► journal ─Flush─► writer ─► journal ─Send─► link.
//! One flush is in flight; the next starts when it is back. What may go when is in `book.rs`.
//! Storage that is away is tried again until it is back: meanwhile nothing that changed anything is shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::prelude::*;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::actors::batch::{Batch, BatchId, Key};
use crate::actors::book::{self, Action, Book, Flush};
use crate::actors::link::{LinkActor, Send};
use crate::actors::meter::{self, Kind};
use crate::actors::vital::Vital;
use crate::db::{self, DbError, DbPool, Taken};
use crate::mailbox;
use crate::wire::{self, Group, Item};
use crate::world::record::Change;

/// One complete batch per session and timer, with slack.
const JOURNAL_MAILBOX: usize = 16 * 1024;

/// How long a flush waits before it is tried again while storage is away.
const RETRY: Duration = Duration::from_millis(200);

/// A flush that takes longer than this says that storage is slow; how often that is looked at.
const SLOW: Duration = Duration::from_secs(1);
const SLOW_INTERVAL: Duration = Duration::from_millis(250);

/// A complete batch. Sent by the last actor that it passed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Commit(pub Batch);

/// A batch has changed an actor and goes on to another. Sent before it does, by the actor that was changed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Opened {
    /// The batch.
    pub batch: BatchId,
    /// The actor.
    pub key: Key,
}

/// Asks to be told when a batch with changes is stored: for those who answer outside the wire. Sent before its [`Commit`]
/// or [`Opened`], by the same actor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Watch {
    /// The batch.
    pub batch: BatchId,
    /// Told then. Dropped untold if the server ends first.
    pub stored: oneshot::Sender<()>,
}

/// The portal has applied all stored groups up to this flush.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Confirmed(pub u64);

/// Asks whether all that changed an actor is stored.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct IsSettled(pub Key);

/// Asks whether nothing is waiting at all.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct IsIdle;

/// Asks for figures.
#[derive(Debug, Message)]
#[rtype(result = "JournalFigures")]
pub struct Figures;

/// What the journal has done since it started.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, MessageResponse)]
pub struct JournalFigures {
    /// Lines that were run: complete batches that acknowledge one.
    pub lines: u64,
    /// Flushes stored.
    pub flushes: u64,
    /// Groups stored.
    pub stored_groups: u64,
    /// Most groups in one flush.
    pub largest_flush: usize,
    /// Time the writer took for all flushes, in microseconds.
    pub flush_total_us: u64,
    /// Time the slowest flush took, in microseconds.
    pub flush_max_us: u64,
    /// Batches under way or held now.
    pub open: usize,
    /// Batches waiting for the next flush now.
    pub pending: usize,
}

/// The journal.
pub struct JournalActor {
    _vital: Vital,
    book: Book,
    epoch: u64,
    confirmed: u64,
    pool: DbPool,
    link: Addr<LinkActor>,
    figures: JournalFigures,
    actions: Vec<Action>,
    watchers: FxHashMap<BatchId, oneshot::Sender<()>>,
    /// When the flush that is in flight was given to the writer.
    flying_since: Option<Instant>,
    storage_away: Arc<AtomicBool>,
}

impl JournalActor {
    /// Returns a journal of the server that has taken over. It sets `storage_away` while storage is slow or away.
    pub fn new(taken: &Taken, pool: DbPool, link: Addr<LinkActor>, storage_away: Arc<AtomicBool>) -> Self {
        Self {
            _vital: Vital("journal"),
            book: Book::new(taken.flush),
            epoch: taken.epoch,
            confirmed: 0,
            pool,
            link,
            figures: JournalFigures::default(),
            actions: Vec::new(),
            watchers: FxHashMap::default(),
            flying_since: None,
            storage_away,
        }
    }

    /// Says that storage is slow if the flush in flight takes long.
    fn look_at_storage(&mut self) {
        if self.flying_since.is_some_and(|since| since.elapsed() > SLOW) {
            self.storage_away.store(true, Ordering::Relaxed);
        }
    }

    fn perform(&mut self, ctx: &mut Context<Self>) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Send { flush, groups } => mailbox::repay(&self.link, Send { flush, groups }),
                Action::Flush(flush) => self.store(flush, ctx),
            }
        }
        self.actions = actions;
    }

    fn tell_watchers(&mut self) {
        for batch in self.book.stored() {
            if let Some(watcher) = self.watchers.remove(&batch) {
                // Whoever waited may have given up.
                let _ = watcher.send(());
            }
        }
    }

    fn store(&mut self, flush: Flush, ctx: &mut Context<Self>) {
        self.figures.largest_flush = self.figures.largest_flush.max(flush.batches.len());
        self.figures.stored_groups += flush.batches.len() as u64;
        let (started, number) = (Instant::now(), flush.number);
        self.flying_since = Some(started);
        let storage_away = self.storage_away.clone();
        let writing = Writing::of(self.pool.clone(), self.epoch, self.confirmed, flush).run(storage_away);
        ctx.spawn(writing.into_actor(self).map(move |result, journal, ctx| match result {
            Ok(()) => {
                let _metered = meter::start(Kind::Journal);
                let took = started.elapsed().as_micros() as u64;
                journal.flying_since = None;
                journal.storage_away.store(false, Ordering::Relaxed);
                journal.figures.flushes += 1;
                journal.figures.flush_total_us += took;
                journal.figures.flush_max_us = journal.figures.flush_max_us.max(took);
                journal.book.flushed(number, &mut journal.actions);
                journal.perform(ctx);
                journal.tell_watchers();
            }
            Err(error) => {
                // Superseded, or memory and storage no longer agree: start again from what is stored.
                tracing::error!("flush {number} failed, the server starts again: {error}");
                crate::flamegraph::finish();
                std::process::exit(crate::actors::server::EXIT_RESTART);
            }
        }));
    }
}

/// A flush on its way to the writer.
struct Writing {
    pool: DbPool,
    row: Arc<db::Flush>,
    /// Of each batch, how many of the row's changes are its own, and its group.
    batches: Vec<(usize, Group)>,
}

impl Writing {
    fn of(pool: DbPool, epoch: u64, confirmed: u64, flush: Flush) -> Self {
        let outbox = wire::encode_groups(flush.batches.iter().map(|stored| &stored.group));
        let mut changes = Vec::with_capacity(flush.batches.iter().map(|stored| stored.changes.len()).sum());
        let batches = flush.batches.into_iter().map(|stored| {
            let count = stored.changes.len();
            changes.extend(stored.changes);
            (count, stored.group)
        });
        let batches = batches.collect();
        let row = db::Flush { epoch, number: flush.number, changes, outbox: Some(outbox), confirmed };
        Self { pool, row: Arc::new(row), batches }
    }

    /// Writes the flush; waits while storage is away. A row that contradicts another is a bug of whoever owns it: then the
    /// batches are written one by one, the one at fault is answered with an error, and the caller must start again.
    async fn run(self, storage_away: Arc<AtomicBool>) -> Result<(), DbError> {
        let (pool, whole) = (self.pool, self.row);
        let write = |row| write_when_back(&pool, row, &storage_away);
        let Err(fault) = write(whole.clone()).await else { return Ok(()) };
        if matches!(fault, DbError::Superseded { .. } | DbError::Stopping) {
            return Err(fault);
        }
        let row = |number, stored: &book::Stored| {
            let outbox = Some(wire::encode_groups([&stored.group].into_iter()));
            let (epoch, confirmed) = (whole.epoch, whole.confirmed);
            Arc::new(db::Flush { epoch, number, changes: stored.changes.clone(), outbox, confirmed })
        };
        let mut begin = 0;
        for (number, (count, group)) in (whole.number..).zip(self.batches) {
            let changes = whole.changes[begin..begin + count].to_vec();
            begin += count;
            let stored = book::Stored { changes, group };
            if let Err(error) = write(row(number, &stored)).await {
                tracing::error!("a batch of flush {} is given up: {error}", whole.number);
                write(row(number, &given_up(stored.group))).await?;
            }
        }
        Err(fault)
    }
}

/// Writes a row, trying again as long as storage is away.
async fn write_when_back(pool: &DbPool, row: Arc<db::Flush>, storage_away: &AtomicBool) -> Result<(), DbError> {
    let number = row.number;
    loop {
        match pool.flush(row.clone()).await {
            Err(error) if error.is_away() => {
                storage_away.store(true, Ordering::Relaxed);
                tracing::error!("storage is away, flush {number} waits: {error}");
                actix_rt::time::sleep(RETRY).await;
            }
            other => return other.map(|_| ()),
        }
    }
}

/// Returns what is stored instead of a batch that cannot be.
fn given_up(group: Group) -> book::Stored {
    let Some(origin) = group.origin else { return book::Stored { changes: Vec::new(), group: Group::default() } };
    let text = crate::text!("Something went wrong; nothing was done. It has been noted.").into_string();
    let items = vec![Item::Text { to: vec![origin.session], text }];
    let changes = vec![Change::Cursor(origin.session, origin.n)];
    book::Stored { changes, group: Group { origin: Some(origin), items } }
}

crate::counted!(JournalActor, meter::waiting(meter::Kind::Journal));

impl Actor for JournalActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(JOURNAL_MAILBOX);
        ctx.run_interval(SLOW_INTERVAL, |journal, _| journal.look_at_storage());
    }
}

impl Handler<Commit> for JournalActor {
    type Result = ();

    fn handle(&mut self, Commit(batch): Commit, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Journal);
        self.figures.lines += u64::from(batch.origin.is_some());
        self.book.commit(batch, &mut self.actions);
        self.perform(ctx);
    }
}

impl Handler<Opened> for JournalActor {
    type Result = ();

    fn handle(&mut self, opened: Opened, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Journal);
        self.book.opened(opened.batch, opened.key);
    }
}

impl Handler<Watch> for JournalActor {
    type Result = ();

    fn handle(&mut self, Watch { batch, stored }: Watch, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Journal);
        self.book.watch(batch);
        self.watchers.insert(batch, stored);
    }
}

impl Handler<Confirmed> for JournalActor {
    type Result = ();

    fn handle(&mut self, Confirmed(flush): Confirmed, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Journal);
        self.confirmed = self.confirmed.max(flush);
    }
}

impl Handler<IsSettled> for JournalActor {
    type Result = bool;

    fn handle(&mut self, IsSettled(key): IsSettled, _: &mut Self::Context) -> bool {
        let _metered = meter::start(Kind::Journal);
        self.book.is_settled(key)
    }
}

impl Handler<IsIdle> for JournalActor {
    type Result = bool;

    fn handle(&mut self, _: IsIdle, _: &mut Self::Context) -> bool {
        let _metered = meter::start(Kind::Journal);
        self.book.is_idle()
    }
}

impl Handler<Figures> for JournalActor {
    type Result = JournalFigures;

    fn handle(&mut self, _: Figures, _: &mut Self::Context) -> JournalFigures {
        let _metered = meter::start(Kind::Journal);
        let (open, pending) = self.book.waiting();
        JournalFigures { open, pending, ..self.figures }
    }
}
