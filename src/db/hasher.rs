//! The actors that hash passwords, on threads of low priority: a hundred logins at once leave everybody else's latency as it was.

use actix::prelude::*;

use super::error::DbError;
use super::password::{self, Password};
use super::run::{Place, contain};
use crate::config::PasswordConfig;

/// One of several: each has a thread and takes what comes next.
pub(super) struct Hasher {
    config: PasswordConfig,
}

/// Added to the niceness of a hasher's thread: it gets what others leave, and about a tenth of a busy core.
const NICENESS: i32 = 10;

impl Hasher {
    pub(super) fn new(config: PasswordConfig) -> Self {
        Self { config }
    }
}

impl Actor for Hasher {
    type Context = SyncContext<Self>;

    fn started(&mut self, _: &mut SyncContext<Self>) {
        // On Linux a niceness is a thread's own, and "no process" means the calling thread.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!(%error, "password hashing runs at normal priority");
        }
    }
}

/// Hashes a new password with a new salt. Answers a PHC string.
#[derive(Debug)]
pub(super) struct Hash(pub(super) Password);

/// Answers whether a password fits a stored hash.
#[derive(Debug)]
pub(super) struct Verify {
    /// As typed.
    pub(super) password: Password,
    /// The account's PHC string.
    pub(super) hash: String,
}

/// Does the work of a [`Verify`] for an account that does not exist, and answers false: how long a refusal takes does not tell
/// which names are taken.
#[derive(Debug)]
pub(super) struct VerifyNobody(pub(super) Password);

/// What a hasher can be asked.
pub(super) trait Work: Send + 'static {
    type Output: Send + 'static;
    const NAME: &'static str;
    fn work(self, config: &PasswordConfig) -> Result<Self::Output, DbError>;
}

/// Work on its way to a hasher.
pub(super) struct Handed<W> {
    pub(super) work: W,
    pub(super) place: Place,
}

impl<W: Work> Message for Handed<W> {
    type Result = Result<W::Output, DbError>;
}

impl<W: Work> Handler<Handed<W>> for Hasher {
    type Result = Result<W::Output, DbError>;

    fn handle(&mut self, Handed { work, place }: Handed<W>, _: &mut SyncContext<Self>) -> Self::Result {
        // It no longer waits.
        drop(place);
        let outcome = contain(W::NAME, || work.work(&self.config));
        if let Err(error) = &outcome {
            tracing::error!(%error, "{} failed: {error}", W::NAME);
        }
        outcome
    }
}

impl Work for Hash {
    type Output = String;
    const NAME: &'static str = "Hash";

    fn work(self, config: &PasswordConfig) -> Result<String, DbError> {
        password::hash(config, self.0.as_str())
    }
}

impl Work for Verify {
    type Output = bool;
    const NAME: &'static str = "Verify";

    fn work(self, _: &PasswordConfig) -> Result<bool, DbError> {
        password::verify(self.password.as_str(), &self.hash)
    }
}

impl Work for VerifyNobody {
    type Output = bool;
    const NAME: &'static str = "VerifyNobody";

    fn work(self, config: &PasswordConfig) -> Result<bool, DbError> {
        password::hash(config, self.0.as_str()).map(|_| false)
    }
}
