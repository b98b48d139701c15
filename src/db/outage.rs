//! What one kind of connection has failed of late: so that nobody waits in turn for what is known to be away, and that it is
//! said once, not for each try.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use diesel::r2d2::HandleError;

use super::error::{DbError, Trouble};

/// What is known of the way to the database.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Somebody has waited in vain for a connection, and nobody has had one since.
    is_on: AtomicBool,
    /// It has been logged that storage is away, and not yet that it is back.
    is_told: AtomicBool,
    /// Why the last attempt to connect failed, unless one has succeeded since.
    reason: Mutex<Option<String>>,
    has_reason: AtomicBool,
}

impl Outage {
    /// Tells whether waiting for a connection has been in vain.
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Takes note that somebody has waited in vain. Returns the error to answer with.
    pub(super) fn waited_in_vain(&self) -> DbError {
        self.is_on.store(true, Ordering::Relaxed);
        let none = || "no connection was to be had in time".to_owned();
        self.why().unwrap_or_else(|| DbError::Away { trouble: Trouble::Lost, reason: none() })
    }

    /// Returns why there is no connection; `None` if that is not known, or there is one.
    pub(super) fn why(&self) -> Option<DbError> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).as_deref().map(DbError::away)
    }

    /// Takes note that there is a connection.
    pub(super) fn connected(&self) {
        self.is_on.store(false, Ordering::Relaxed);
        if self.has_reason.swap(false, Ordering::Relaxed) {
            *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Takes note that something failed because storage is away. Returns true the first time.
    pub(super) fn failed(&self) -> bool {
        !self.is_told.swap(true, Ordering::Relaxed)
    }

    /// Tells whether something failed because storage is away, and nothing has worked since.
    pub(super) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Relaxed)
    }

    /// Takes note that something worked. Returns true the first time after a failure.
    pub(super) fn worked(&self) -> bool {
        self.is_told.load(Ordering::Relaxed) && self.is_told.swap(false, Ordering::Relaxed)
    }
}

/// Keeps what r2d2 learns when it cannot connect. It tries again by itself, for as long as it takes.
#[derive(Debug)]
pub(super) struct KeepReason(pub(super) std::sync::Arc<Outage>);

impl HandleError<DbError> for KeepReason {
    fn handle_error(&self, error: DbError) {
        tracing::debug!(%error, "no connection to the database: {error}");
        *self.0.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.reason());
        self.0.has_reason.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waited_in_vain_is_told_why_the_last_attempt_failed() {
        let outage = std::sync::Arc::new(Outage::default());
        assert_eq!(outage.waited_in_vain().trouble(), Some(Trouble::Lost));
        KeepReason(outage.clone())
            .handle_error(DbError::Unreachable { database: "x".into(), reason: "refused".into() });
        let error = outage.waited_in_vain();
        assert_eq!(error.trouble(), Some(Trouble::Lost));
        assert!(error.reason().ends_with("refused"), "{error}");
        assert!(outage.is_on());
        assert!(outage.why().is_some());
        outage.connected();
        assert!(!outage.is_on() && outage.why().is_none());
        assert!(!outage.waited_in_vain().to_string().contains("refused"));
    }

    #[test]
    fn it_is_said_once_that_storage_is_away_and_once_that_it_is_back() {
        let outage = Outage::default();
        assert!(!outage.worked());
        assert!(outage.failed() && !outage.failed());
        assert!(outage.worked() && !outage.worked());
        assert!(outage.failed());
    }
}
