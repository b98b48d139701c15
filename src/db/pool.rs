//! The handle to the sync actors that every other actor holds.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix::prelude::*;

use super::backup::BackupError;
use super::backup::copier::{DbCopier, FindNewest, Newest, TakeBackup, Taken as TakenBackup};
use super::connection::Role;
use super::database::Database;
use super::error::DbError;
use super::hasher::{Handed, Hash, Hasher, Verify, VerifyNobody, Work};
use super::outage::Outage;
use super::password::Password;
use super::reader::{Asked, DbReader, Read};
use super::retention::{Delete, Old};
use super::run::{Queue, Runner};
use super::writer::{DbWriter, Flush, Flushed, TakeOver, Taken};
use crate::config::PasswordConfig;

/// Questions that may wait for a reader: one of each session and each room being loaded, with slack. More are refused.
const READS_WAITING: usize = 4096;

/// How long a question of a running world waits for its answer. A database server that hangs would hold it for ever.
/// Shorter than half of `server.command_ms`, so that a line which asks twice is no bug.
const READ_PATIENCE: Duration = Duration::from_millis(4500);

/// The pool: one writer, some readers, some hashers, and one that copies. Cheap to clone.
///
/// Each method sends at once and returns a future to be awaited off the command path. Dropping the future does not take
/// back what was asked.
#[derive(Clone)]
pub struct DbPool {
    pub(super) writer: Addr<DbWriter>,
    readers: Addr<DbReader>,
    hashers: Addr<Hasher>,
    copier: Addr<DbCopier>,
    reads: Queue,
    hashes: Queue,
    writing: Arc<Outage>,
    reading: Arc<Outage>,
    patience: Option<Duration>,
}

impl DbPool {
    /// Starts the actors' threads. To be called on an arbiter of a running system. Connections open with the first request.
    pub fn start(database: &Database, passwords: &PasswordConfig) -> Self {
        let writing = Runner::new(database, Role::Writer, 1);
        let reading = Runner::new(database, Role::Reader, database.readers);
        let outages = (writing.outage.clone(), reading.outage.clone());
        let hashing = passwords.clone();
        let copied = database.clone();
        let hashers = match passwords.hashers {
            0 => thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1)),
            hashers => hashers,
        };
        Self {
            writer: SyncArbiter::start_with_thread_builder(1, named("db-writer"), move || {
                DbWriter::new(writing.clone())
            }),
            readers: SyncArbiter::start_with_thread_builder(database.readers, named("db-reader"), move || {
                DbReader::new(reading.clone())
            }),
            hashers: SyncArbiter::start_with_thread_builder(hashers, named("hasher"), move || {
                Hasher::new(hashing.clone())
            }),
            copier: SyncArbiter::start_with_thread_builder(1, named("db-copier"), move || {
                DbCopier::new(copied.clone())
            }),
            reads: Queue::new(READS_WAITING),
            hashes: Queue::new(passwords.waiting),
            writing: outages.0,
            reading: outages.1,
            patience: None,
        }
    }

    /// Returns the same pool for a running world: who asks it waits at most 4.5 s. What is read at the start, as large as
    /// the world is, may take longer.
    pub fn impatient(&self) -> Self {
        Self { patience: Some(READ_PATIENCE), ..self.clone() }
    }

    /// Makes this process the one, and sets ids aside for it.
    pub fn take_over(&self, reserve: u64) -> impl Future<Output = Result<Taken, DbError>> + use<> {
        let answer = self.writer.send(TakeOver { reserve });
        async move { answer.await.unwrap_or(Err(DbError::Stopping)) }
    }

    /// Writes a flush. The journal, which alone calls this, has one under way at a time: that bounds the writer's queue.
    pub fn flush<F: Into<Arc<Flush>>>(&self, flush: F) -> impl Future<Output = Result<Flushed, DbError>> + use<F> {
        let flush: Arc<Flush> = flush.into();
        let answer = self.writer.send(flush);
        async move { answer.await.unwrap_or(Err(DbError::Stopping)) }
    }

    /// Returns why the writer has no connection, as far as that is known.
    pub fn why_no_connection(&self) -> Option<DbError> {
        self.writing.why()
    }

    /// Deletes old rows, between two flushes. Returns how many. Upkeep, which alone calls this, has one deletion under way at a time.
    ///
    /// # Errors
    ///
    /// The future's: [`DbError::Superseded`] if another server has taken over since.
    pub fn delete(&self, epoch: u64, old: Old) -> impl Future<Output = Result<usize, DbError>> + use<> {
        let answer = self.writer.send(Delete { epoch, old: Arc::new(old) });
        async move { answer.await.unwrap_or(Err(DbError::Stopping)) }
    }

    /// Takes a backup into a folder, and deletes the oldest of those that were taken so until `keep` are left.
    ///
    /// # Errors
    ///
    /// The future's: as [`Database::back_up`].
    pub fn take_backup(
        &self,
        folder: PathBuf,
        keep: usize,
    ) -> impl Future<Output = Result<TakenBackup, BackupError>> + use<> {
        let answer = self.copier.send(TakeBackup { folder, keep });
        async move { answer.await.unwrap_or(Err(DbError::Stopping.into())) }
    }

    /// Finds the newest of the backups in a folder that were taken with [`Self::take_backup`].
    ///
    /// # Errors
    ///
    /// The future's: [`BackupError::Read`] if the folder cannot be read.
    pub fn newest_backup(&self, folder: PathBuf) -> impl Future<Output = Result<Option<Newest>, BackupError>> + use<> {
        let answer = self.copier.send(FindNewest { folder });
        async move { answer.await.unwrap_or(Err(DbError::Stopping.into())) }
    }

    /// Asks a reader.
    ///
    /// # Errors
    ///
    /// The future's: [`DbError::Busy`] if too many questions wait already; [`DbError::Away`] if there is no answer in time;
    /// else the question's own.
    pub fn read<R: Read>(&self, question: R) -> impl Future<Output = Result<R::Output, DbError>> + use<R> {
        let answer = self.reads.enter().map(|place| self.readers.send(Asked { question, place }));
        let (patience, outage) = (self.patience, self.reading.clone());
        async move {
            let Some(patience) = patience else { return answer?.await.unwrap_or(Err(DbError::Stopping)) };
            match actix_rt::time::timeout(patience, answer?).await {
                Ok(answer) => answer.unwrap_or(Err(DbError::Stopping)),
                Err(_) => {
                    let error = DbError::late(patience);
                    if outage.failed() {
                        tracing::error!(%error, "the database cannot be read: {error}");
                    }
                    Err(error)
                }
            }
        }
    }

    /// Tells whether the last question could not be answered because storage is away.
    pub fn is_failing_to_read(&self) -> bool {
        self.reading.is_told()
    }

    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// The future's: [`DbError::Busy`] if more than `password.waiting` hashes wait already.
    pub fn hash(&self, password: Password) -> impl Future<Output = Result<String, DbError>> + use<> {
        self.hand(Hash(password))
    }

    /// Asks whether a password fits a stored hash.
    ///
    /// # Errors
    ///
    /// As [`Self::hash`]; [`DbError::Password`] if the stored hash cannot be read.
    pub fn verify(&self, password: Password, hash: String) -> impl Future<Output = Result<bool, DbError>> + use<> {
        self.hand(Verify { password, hash })
    }

    /// Takes as long as [`Self::verify`] and answers false, for a name that nobody has.
    ///
    /// # Errors
    ///
    /// As [`Self::hash`].
    pub fn verify_nobody(&self, password: Password) -> impl Future<Output = Result<bool, DbError>> + use<> {
        self.hand(VerifyNobody(password))
    }

    /// Returns how many hashes wait: what “n ahead of you” shows.
    pub fn hashes_waiting(&self) -> usize {
        self.hashes.len()
    }

    /// Returns how many questions wait for a reader.
    pub fn reads_waiting(&self) -> usize {
        self.reads.len()
    }

    fn hand<W: Work>(&self, work: W) -> impl Future<Output = Result<W::Output, DbError>> + use<W> {
        let answer = self.hashes.enter().map(|place| self.hashers.send(Handed { work, place }));
        async move { answer?.await.unwrap_or(Err(DbError::Stopping)) }
    }
}

/// Names the threads, so that `top -H` and a flame graph tell them apart.
fn named(name: &'static str) -> impl FnMut() -> thread::Builder {
    move || thread::Builder::new().name(name.to_owned())
}
