//! One connection to either backend, and how it is set up for its use.

use std::ops::{Deref, DerefMut};

use diesel::connection::{Connection as _, SimpleConnection};
use diesel::r2d2::{ManageConnection, R2D2Connection as _};
use diesel::{ConnectionResult, MultiConnection, PgConnection, SqliteConnection};

use super::database::Database;
use super::error::DbError;
use crate::config::Durability;

/// A connection to the database a world lives in.
#[derive(MultiConnection)]
pub enum DbConnection {
    /// The default: one file.
    Sqlite(SqliteConnection),
    /// A server of its own.
    Postgres(PgConnection),
}

/// Runs the same query on whichever backend a connection has. Unlike a query on the `MultiConnection` itself, it is compiled
/// for each of them: PostgreSQL gets `= ANY($1)` for a list, one statement to prepare whatever the list's length.
macro_rules! on_each {
    ($connection:expr, $inner:ident => $run:expr) => {
        match $connection {
            $crate::db::connection::DbConnection::Sqlite($inner) => $run,
            $crate::db::connection::DbConnection::Postgres($inner) => $run,
        }
    };
}
pub(super) use on_each;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Changes rows: the writer, start-up and the command line.
    Writer,
    /// Is refused a change by the database itself.
    Reader,
}

/// A page of SQLite's file is 4 KiB. The log is copied into the database when it has this many; 2,000 pages (8 MiB) make
/// that seldom enough not to be felt and keep the log small.
const CHECKPOINT_PAGES: u32 = 2000;

/// What SQLite's log file is cut back to after a checkpoint, in bytes. It is larger only while one transaction is (the
/// first world's), or while a reader holds an old snapshot, which none does for long.
const LOG_BYTES: u32 = 16 * 1024 * 1024;

/// How long a statement waits for another process's lock, in milliseconds.
const LOCK_MS: u32 = 5000;

/// Page caches, in KiB. The system's own cache is behind them, so they can be small.
const WRITER_CACHE_KIB: u32 = 4096;
const READER_CACHE_KIB: u32 = 1024;

pub(super) fn set_up_sqlite(
    connection: &mut SqliteConnection,
    role: Role,
    durability: Durability,
) -> diesel::QueryResult<()> {
    // The lock's patience first: changing to WAL needs a lock too.
    connection.batch_execute(&format!("PRAGMA busy_timeout = {LOCK_MS}; PRAGMA journal_mode = WAL;"))?;
    let synchronous = match durability {
        Durability::Power => "FULL",
        Durability::Process => "NORMAL",
    };
    let (cache, query_only) = match role {
        Role::Writer => (WRITER_CACHE_KIB, "OFF"),
        Role::Reader => (READER_CACHE_KIB, "ON"),
    };
    // Foreign keys stay off: the actors own the rows and check first, and entities are written in any order.
    connection.batch_execute(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; \
         PRAGMA journal_size_limit = {LOG_BYTES}; PRAGMA cache_size = -{cache}; PRAGMA foreign_keys = OFF; \
         PRAGMA temp_store = MEMORY; PRAGMA query_only = {query_only};"
    ))
}

pub(super) fn set_up_postgres(
    connection: &mut PgConnection,
    role: Role,
    durability: Durability,
) -> diesel::QueryResult<()> {
    let synchronous = match durability {
        Durability::Power => "on",
        Durability::Process => "off",
    };
    // A reader's several queries see one state of the world, as they do on SQLite.
    let role = match role {
        Role::Writer => "",
        Role::Reader => {
            "SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on;"
        }
    };
    connection.batch_execute(&format!(
        "SET application_name = 'everhall'; SET synchronous_commit = {synchronous}; SET lock_timeout = {LOCK_MS}; {role}"
    ))
}

/// Opens connections for r2d2. Diesel's own manager would try one backend after the other.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) database: Database,
    pub(super) role: Role,
}

/// A pooled connection. One that failed is not used again: outside a transaction Diesel does not notice that it is lost.
pub(super) struct Pooled {
    connection: DbConnection,
    pub(super) suspect: bool,
}

impl Deref for Pooled {
    type Target = DbConnection;

    fn deref(&self) -> &DbConnection {
        &self.connection
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut DbConnection {
        &mut self.connection
    }
}

impl ManageConnection for Connector {
    type Connection = Pooled;
    type Error = DbError;

    fn connect(&self) -> Result<Pooled, DbError> {
        Ok(Pooled { connection: self.database.connect_as(self.role)?, suspect: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), DbError> {
        Ok(pooled.connection.ping()?)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.suspect || std::thread::panicking() || pooled.connection.is_broken()
    }
}

/// Opens PostgreSQL, giving up after 5 s unless the URL says otherwise.
pub(super) fn connect_postgres(url: &str) -> ConnectionResult<PgConnection> {
    if url.contains("connect_timeout") {
        return PgConnection::establish(url);
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    PgConnection::establish(&format!("{url}{separator}connect_timeout=5"))
}
