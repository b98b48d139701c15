//! The one way from a handler to a connection: panics are caught, time is taken, errors are logged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::r2d2::Pool;

use super::connection::{Connector, DbConnection, Role};
use super::database::Database;
use super::error::DbError;
use super::outage::{KeepReason, Outage};

/// How long a handler waits for a connection when the old one was lost, before storage counts as away. A database server
/// that is only started again is back by then.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// How long the next ones wait, as long as nobody has had a connection since.
const AWAY_PATIENCE: Duration = Duration::from_millis(50);

/// Connections of one role, and how to run something on one.
#[derive(Clone)]
pub(super) struct Runner {
    pool: Pool<Connector>,
    slow: Duration,
    role: Role,
    pub(super) outage: Arc<Outage>,
    database: Arc<Database>,
}

impl Runner {
    /// Opens no connection yet: the first request of each thread does.
    pub(super) fn new(database: &Database, role: Role, connections: usize) -> Self {
        let outage = Arc::new(Outage::default());
        let pool = Pool::builder()
            .max_size(u32::try_from(connections).unwrap_or(1).max(1))
            .min_idle(Some(0))
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(false)
            .connection_timeout(CONNECT_PATIENCE)
            .error_handler(Box::new(KeepReason(outage.clone())))
            .build_unchecked(Connector { database: database.clone(), role });
        Self { pool, slow: database.slow, role, outage, database: Arc::new(database.clone()) }
    }

    /// Runs `work` on a connection. A lost one is replaced, and the work is done once more: it has to find out itself what the
    /// first time has left behind.
    pub(super) fn run<T>(
        &self,
        name: &'static str,
        work: impl Fn(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let started = Instant::now();
        let outcome = contain(name, || match self.attempt(&work) {
            Err(Failed { error, lost: true }) => {
                // Once for each connection that was lost; what cannot be had at all is told by `report`.
                tracing::warn!(%error, "{name} lost its connection to the database: once more on a new one");
                self.attempt(&work).map_err(|failed| failed.error)
            }
            outcome => outcome.map_err(|failed| failed.error),
        });
        self.report(name, started.elapsed(), outcome.as_ref().err());
        outcome
    }

    fn attempt<T>(&self, work: &impl Fn(&mut DbConnection) -> Result<T, DbError>) -> Result<T, Failed> {
        let patience = if self.outage.is_on() { AWAY_PATIENCE } else { CONNECT_PATIENCE };
        let mut pooled =
            self.pool.get_timeout(patience).map_err(|_| Failed { error: self.outage.waited_in_vain(), lost: false })?;
        self.outage.connected();
        work(&mut pooled).map_err(|error| {
            let error = self.database.refined(error);
            pooled.suspect = error.is_away();
            // A file is not lost; it would only fail once more.
            let lost = pooled.suspect && matches!(**pooled, DbConnection::Postgres(_));
            Failed { error, lost }
        })
    }

    /// Logs errors and what was slow. That storage is away is said once, and once that it is back; of the writer's part the
    /// journal does it, which knows more.
    fn report(&self, name: &'static str, took: Duration, error: Option<&DbError>) {
        let duration_ms = took.as_millis() as u64;
        let is_reader = self.role == Role::Reader;
        match error {
            Some(error) if error.is_away() => match self.outage.failed() && is_reader {
                true => tracing::error!(duration_ms, %error, "the database cannot be read: {name}: {error}"),
                false => tracing::debug!(duration_ms, %error, "{name} failed after {duration_ms} ms: {error}"),
            },
            Some(error) => tracing::error!(duration_ms, %error, "{name} failed after {duration_ms} ms: {error}"),
            None => {
                if self.outage.worked() && is_reader {
                    tracing::info!("the database can be read again");
                }
                if took >= self.slow {
                    tracing::warn!(duration_ms, "{name} was slow: {duration_ms} ms");
                }
            }
        }
    }
}

struct Failed {
    error: DbError,
    lost: bool,
}

/// Runs something that may panic. A sync actor's thread would end with the panic, and the pool with its last thread.
pub(super) fn contain<T>(name: &'static str, work: impl FnOnce() -> Result<T, DbError>) -> Result<T, DbError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(DbError::Panicked(name)))
}

/// What waits for some threads, counted by us: a `SyncArbiter`'s own queue has no bound.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    waiting: Arc<AtomicUsize>,
    bound: usize,
}

/// A place in a [`Queue`], given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Queue {
    pub(super) fn new(bound: usize) -> Self {
        Self { waiting: Arc::default(), bound }
    }

    pub(super) fn enter(&self) -> Result<Place, DbError> {
        let place = Place(Arc::clone(&self.waiting));
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        if before >= self.bound { Err(DbError::Busy(before)) } else { Ok(place) }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
