//! When storage goes away and comes back: who is told, what is logged, what keepers can ask.
//!
//! Sequence: writing ─[`Failed`]─► journal ─`StorageTurned`─► accounts ─Commit─► journal ─► everybody.
//! The journal needs no probe to notice that storage is back: it is away only while a flush waits, and that is tried again.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::JournalActor;
use crate::actors::accounts::StorageTurned;
use crate::db::{DbError, Trouble};
use crate::logging::LIFE;
use crate::mailbox;

/// How often the journal looks how long its flush has been under way.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// A flush that takes longer than this says that storage is slow, if not yet away.
const SLOW: Duration = Duration::from_secs(1);

/// A flush could not be written, and will be tried again. Sent by the flush's own task.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Failed {
    /// The flush.
    pub(super) number: u64,
    /// Why; storage is away.
    pub(super) error: DbError,
}

/// Asks how storage is.
#[derive(Debug, Message)]
#[rtype(result = "StorageReport")]
pub struct ReportStorage;

/// How storage is.
#[derive(Debug, Clone, Default, MessageResponse)]
pub struct StorageReport {
    /// What is wrong; `None` if nothing is.
    pub away: Option<Outage>,
    /// How often it has been away since the server started, this time included.
    pub outages: u64,
}

/// A time in which storage is away.
#[derive(Debug, Clone)]
pub struct Outage {
    /// What is wrong.
    pub trouble: Trouble,
    /// What the database said.
    pub reason: String,
    /// When it began.
    pub since: Instant,
}

impl JournalActor {
    /// Looks whether the flush in flight takes too long, and whether there is something to tell.
    pub(super) fn look(&mut self) {
        let patience = Duration::from_millis(self.services.config.storage.patience_ms);
        self.services.storage.set_slow(self.is_late(SLOW));
        if self.is_late(patience) && !self.services.storage.is_away() {
            let known = self.last_failure.take().or_else(|| self.services.pool.why_no_connection());
            self.went_away(&known.unwrap_or_else(|| DbError::late(patience)));
        }
        self.tell();
    }

    fn is_late(&self, patience: Duration) -> bool {
        self.writing.is_some_and(|(_, since)| since.elapsed() >= patience)
    }

    /// Takes note of a failed try. What may be over in a moment counts only if it is not.
    fn failed(&mut self, error: DbError) {
        let may_pass = matches!(error.trouble(), Some(Trouble::Lost | Trouble::Locked));
        let patience = Duration::from_millis(self.services.config.storage.patience_ms);
        if may_pass && !self.is_late(patience) && !self.services.storage.is_away() {
            self.last_failure = Some(error);
        } else {
            self.went_away(&error);
        }
    }

    fn went_away(&mut self, error: &DbError) {
        let (trouble, reason) = (error.trouble().unwrap_or(Trouble::Failing), error.reason());
        if self.services.storage.trouble() == Some(trouble) {
            return;
        }
        self.services.storage.set(Some(trouble));
        let told = trouble.told();
        match &mut self.storage.away {
            Some(outage) => {
                tracing::warn!("storage is still away, now because {told}: {reason}");
                (outage.trouble, outage.reason) = (trouble, reason);
            }
            None => {
                tracing::error!("storage is away, because {told}: {reason}; what would change something is refused");
                self.storage.outages += 1;
                self.storage.away = Some(Outage { trouble, reason, since: Instant::now() });
            }
        }
        self.tell();
    }

    /// Takes note that a flush is stored.
    pub(super) fn came_back(&mut self) {
        self.last_failure = None;
        self.services.storage.set_slow(false);
        let Some(outage) = self.storage.away.take() else { return };
        self.services.storage.set(None);
        let secs = outage.since.elapsed().as_secs();
        tracing::info!(target: LIFE, "storage is back after {secs} s; {} lines were refused so far", self.services.storage.refused());
        self.tell();
    }

    fn tell(&mut self) {
        let away = &self.storage.away;
        if self.told.is_due(away.is_some(), Instant::now()) {
            let away = away.as_ref().map(|outage| (outage.trouble, outage.reason.clone()));
            mailbox::repay(&self.services.accounts, StorageTurned { away });
        }
    }
}

impl Handler<Failed> for JournalActor {
    type Result = ();

    fn handle(&mut self, Failed { number, error }: Failed, _: &mut Self::Context) {
        // It may have been stored since.
        let is_in_flight = self.writing.is_some_and(|(writing, _)| writing == number);
        if is_in_flight {
            self.failed(error);
        }
    }
}

impl Handler<ReportStorage> for JournalActor {
    type Result = StorageReport;

    fn handle(&mut self, _: ReportStorage, _: &mut Self::Context) -> StorageReport {
        self.storage.clone()
    }
}
