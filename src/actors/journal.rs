//! The journal: takes in complete batches, has the writer store them in groups, lets their output go.
//!
//! Sequence: actor ─[`Opened`]*─[`Commit`]─► journal ─Flush─► writer ─► journal ─Send─► link.
//! One flush is in flight; the next starts when it is back. What may go when is in `book.rs`.
//! Storage that is away is tried again until it is back: meanwhile nothing that changed anything is shown, and nothing new
//! is changed.

use std::time::Instant;

use actix::prelude::*;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::actors::batch::{Batch, BatchId, Key};
use crate::actors::book::{Action, Book, Flush};
use crate::actors::link::Send;
use crate::actors::meter::{self, Kind};
use crate::actors::services::Shared;
use crate::actors::storage::Told;
use crate::actors::vital::Vital;
use crate::db::DbError;
use crate::failpoint::fail_point;
use crate::mailbox;

mod outage;
mod writing;

pub use outage::{Outage, ReportStorage, StorageReport};
use writing::Writing;

/// One complete batch per session and timer, with slack.
const JOURNAL_MAILBOX: usize = 16 * 1024;

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
    confirmed: u64,
    services: Shared,
    /// The flush in flight, and since when it is.
    writing: Option<(u64, Instant)>,
    storage: StorageReport,
    /// Why the flush in flight has failed of late, if that may be over in a moment.
    last_failure: Option<DbError>,
    told: Told,
    figures: JournalFigures,
    actions: Vec<Action>,
    watchers: FxHashMap<BatchId, oneshot::Sender<()>>,
}

impl JournalActor {
    /// Returns a journal that goes on after flush `settled`.
    pub fn new(settled: u64, services: Shared) -> Self {
        Self {
            _vital: Vital("journal"),
            book: Book::new(settled),
            confirmed: 0,
            services,
            writing: None,
            storage: StorageReport::default(),
            last_failure: None,
            told: Told::default(),
            figures: JournalFigures::default(),
            actions: Vec::new(),
            watchers: FxHashMap::default(),
        }
    }

    fn perform(&mut self, ctx: &mut Context<Self>) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Send { flush, groups } => mailbox::repay(&self.services.link, Send { flush, groups }),
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
        fail_point!("journal.flush");
        self.figures.largest_flush = self.figures.largest_flush.max(flush.batches.len());
        self.figures.stored_groups += flush.batches.len() as u64;
        let (started, number) = (Instant::now(), flush.number);
        self.writing = Some((number, started));
        let (pool, epoch) = (self.services.pool.clone(), self.services.epoch);
        let writing = Writing::of(pool, ctx.address(), epoch, self.confirmed, flush).run();
        ctx.spawn(writing.into_actor(self).map(move |result, journal, ctx| match result {
            Ok(()) => {
                let _metered = meter::start(Kind::Journal);
                journal.writing = None;
                journal.came_back();
                fail_point!("journal.stored");
                let took = started.elapsed().as_micros() as u64;
                journal.figures.flushes += 1;
                journal.figures.flush_total_us += took;
                journal.figures.flush_max_us = journal.figures.flush_max_us.max(took);
                journal.book.flushed(number, &mut journal.actions);
                journal.perform(ctx);
                fail_point!("journal.sent");
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

crate::counted!(JournalActor, meter::waiting(meter::Kind::Journal));

impl Actor for JournalActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(JOURNAL_MAILBOX);
        ctx.run_interval(outage::LOOK_INTERVAL, |journal, _| journal.look());
    }
}

impl Handler<Commit> for JournalActor {
    type Result = ();

    fn handle(&mut self, Commit(batch): Commit, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Journal);
        self.figures.lines += u64::from(batch.origin.is_some());
        fail_point!("journal.commit");
        self.book.commit(batch, &mut self.actions);
        self.perform(ctx);
    }
}

impl Handler<Opened> for JournalActor {
    type Result = ();

    fn handle(&mut self, opened: Opened, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Journal);
        fail_point!("journal.opened");
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
