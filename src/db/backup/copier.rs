//! The actor that takes backups while a world runs, on a thread of low priority that nobody waits for.

use std::path::PathBuf;
use std::time::SystemTime;

use actix::prelude::*;

use super::{BackupError, make_private, names};
use crate::db::database::Database;
use crate::db::error::DbError;
use crate::db::run::contain;

/// Added to the niceness of its thread, as a hasher's.
const NICENESS: i32 = 10;

/// The actor. It holds no connection while it has nothing to do.
pub(in crate::db) struct DbCopier {
    database: Database,
}

impl DbCopier {
    pub(in crate::db) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl Actor for DbCopier {
    type Context = SyncContext<Self>;

    fn started(&mut self, _: &mut SyncContext<Self>) {
        // On Linux a niceness is a thread's own, and "no process" means the calling thread.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!(%error, "backups are taken at normal priority");
        }
    }
}

/// Takes a backup into a folder, then deletes the oldest ones.
#[derive(Debug, Message)]
#[rtype(result = "Result<Taken, BackupError>")]
pub(in crate::db) struct TakeBackup {
    /// Made if need be.
    pub(in crate::db) folder: PathBuf,
    /// How many stay.
    pub(in crate::db) keep: usize,
}

/// Asks for the newest of the backups that were taken so.
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<Newest>, BackupError>")]
pub(in crate::db) struct FindNewest {
    /// Where they are.
    pub(in crate::db) folder: PathBuf,
}

/// A backup that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How many older ones were deleted.
    pub deleted: usize,
}

/// The newest backup of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// The file.
    pub file: PathBuf,
    /// When it was written.
    pub at: SystemTime,
}

impl Handler<TakeBackup> for DbCopier {
    type Result = Result<Taken, BackupError>;

    fn handle(&mut self, TakeBackup { folder, keep }: TakeBackup, _: &mut SyncContext<Self>) -> Self::Result {
        self.contained("TakeBackup", |database| {
            let unwritable = |error| BackupError::write(&folder, &error);
            make_private(&folder).map_err(unwritable)?;
            names::sweep_parts(&folder).map_err(unwritable)?;
            let file = names::scheduled(&folder, SystemTime::now(), database.backup_ending());
            let bytes = database.back_up(&file, false)?;
            let deleted = names::rotate(&folder, keep).map_err(unwritable)?.len();
            Ok(Taken { file, bytes, deleted })
        })
    }
}

impl Handler<FindNewest> for DbCopier {
    type Result = Result<Option<Newest>, BackupError>;

    fn handle(&mut self, FindNewest { folder }: FindNewest, _: &mut SyncContext<Self>) -> Self::Result {
        self.contained("FindNewest", |_| {
            let unreadable = |error| BackupError::read(&folder, &error);
            let Some(file) = names::all_scheduled(&folder).map_err(unreadable)?.pop() else { return Ok(None) };
            let at = std::fs::metadata(&file).and_then(|metadata| metadata.modified()).map_err(unreadable)?;
            Ok(Some(Newest { file, at }))
        })
    }
}

impl DbCopier {
    fn contained<T>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Database) -> Result<T, BackupError>,
    ) -> Result<T, BackupError> {
        contain(name, || Ok::<_, DbError>(work(&self.database)))?
    }
}
