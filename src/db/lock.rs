//! One world per database: a lock that its holder's death releases.

use std::fs::File;
use std::path::PathBuf;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use rustix::fs::{FlockOperation, flock};

use super::connection::DbConnection;
use super::database::{Database, Place};
use super::error::DbError;

/// Held by the launcher for a whole run; the server processes under it do not take it. Dropping it lets another world in.
///
/// It keeps two worlds from being started on one database by mistake. What keeps an old server from writing
/// after a new one took over is the epoch, which needs no lock.
pub struct WorldLock {
    _held: Held,
}

enum Held {
    File { _file: File },
    Session { _connection: Box<DbConnection> },
}

/// Any fixed number will do: advisory locks belong to one database.
const WORLD_LOCK: i64 = 0x6576_6572_0002;

impl Database {
    /// Takes the lock, without waiting.
    ///
    /// # Errors
    ///
    /// [`DbError::InUse`] if another world holds it; as [`open`](super::open) otherwise.
    pub fn lock_world(&self) -> Result<WorldLock, DbError> {
        let in_use = || DbError::InUse { database: self.name() };
        match self.place() {
            Place::Sqlite(path) => {
                // Not the database itself: SQLite locks parts of that, and must not lose its locks when this is closed.
                let mut path = path.clone().into_os_string();
                path.push(".lock");
                let path = PathBuf::from(path);
                let file = File::options()
                    .append(true)
                    .create(true)
                    .open(&path)
                    .map_err(|error| DbError::unwritable(&path, &error))?;
                match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => Ok(WorldLock { _held: Held::File { _file: file } }),
                    Err(rustix::io::Errno::WOULDBLOCK) => Err(in_use()),
                    Err(error) => Err(DbError::unwritable(&path, &error.into())),
                }
            }
            Place::Postgres(_) => {
                let mut connection = self.connect()?;
                let DbConnection::Postgres(postgres) = &mut connection else { return Err(in_use()) };
                let taken: bool =
                    diesel::select(sql::<Bool>(&format!("pg_try_advisory_lock({WORLD_LOCK})"))).get_result(postgres)?;
                if !taken {
                    return Err(in_use());
                }
                Ok(WorldLock { _held: Held::Session { _connection: Box::new(connection) } })
            }
        }
    }
}

impl std::fmt::Debug for WorldLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WorldLock")
    }
}
