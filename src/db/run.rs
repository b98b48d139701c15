//! The one way from a handler to a connection: panics are caught, time is taken, errors are logged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::r2d2::{HandleError, Pool};

use super::connection::{Connector, DbConnection, Role};
use super::database::Database;
use super::error::DbError;

/// How long a handler waits for a connection when the old one was lost, before storage counts as away.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Connections of one role, and how to run something on one.
#[derive(Clone)]
pub(super) struct Runner {
    pool: Pool<Connector>,
    slow: Duration,
}

impl Runner {
    /// Opens no connection yet: the first request of each thread does.
    pub(super) fn new(database: &Database, role: Role, connections: usize) -> Self {
        let pool = Pool::builder()
            .max_size(u32::try_from(connections).unwrap_or(1).max(1))
            .min_idle(Some(0))
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(false)
            .connection_timeout(CONNECT_PATIENCE)
            .error_handler(Box::new(LogRefusals))
            .build_unchecked(Connector { database: database.clone(), role });
        Self { pool, slow: database.slow }
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
                tracing::warn!(%error, "{name} lost its connection to the database: once more on a new one");
                self.attempt(&work).map_err(|failed| failed.error)
            }
            outcome => outcome.map_err(|failed| failed.error),
        });
        self.report(name, started.elapsed(), outcome.as_ref().err());
        outcome
    }

    fn attempt<T>(&self, work: &impl Fn(&mut DbConnection) -> Result<T, DbError>) -> Result<T, Failed> {
        let mut pooled = self.pool.get().map_err(|error| Failed { error: error.into(), lost: false })?;
        work(&mut pooled).map_err(|error| {
            pooled.suspect = error.is_away();
            // A file is not lost; it would only fail once more.
            let lost = pooled.suspect && matches!(**pooled, DbConnection::Postgres(_));
            Failed { error, lost }
        })
    }

    fn report(&self, name: &'static str, took: Duration, error: Option<&DbError>) {
        let duration_ms = took.as_millis() as u64;
        if let Some(error) = error {
            tracing::error!(duration_ms, %error, "{name} failed after {duration_ms} ms: {error}");
        } else if took >= self.slow {
            tracing::warn!(duration_ms, "{name} was slow: {duration_ms} ms");
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

#[derive(Debug)]
struct LogRefusals;

impl HandleError<DbError> for LogRefusals {
    fn handle_error(&self, error: DbError) {
        tracing::warn!(%error, "no connection to the database: {error}");
    }
}
