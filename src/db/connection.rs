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
    /// Changes rows while a world runs.
    Writer,
    /// Changes rows, and can wait: start-up and the command line.
    Starter,
    /// Is refused a change by the database itself.
    Reader,
}

/// A page of SQLite's file is 4 KiB. The log is copied into the database when it has this many; 2,000 pages (8 MiB) make
/// that seldom enough not to be felt and keep the log small.
const CHECKPOINT_PAGES: u32 = 2000;

/// What SQLite's log file is cut back to after a checkpoint, in bytes. It is larger only while one transaction is (the
/// first world's), or while a reader holds an old snapshot, which none does for long.
const LOG_BYTES: u32 = 16 * 1024 * 1024;

/// How long a statement waits for another process's lock, in milliseconds. The writer, which tries again by itself, says early
/// what it waits for.
const LOCK_MS: u32 = 5000;
const WRITER_LOCK_MS: u32 = 1000;

/// How long PostgreSQL lets a transaction of ours do nothing before it ends it, in milliseconds. Ours never wait, so this is one
/// whose connection was lost without PostgreSQL's hearing of it: until it ends, it holds the row that every flush changes.
const IDLE_TRANSACTION_MS: u32 = 10_000;

/// What a connection to PostgreSQL is opened with unless the URL says otherwise: by default a machine that vanished would be
/// waited for until TCP gives up, which takes hours.
const POSTGRES_PARAMETERS: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "3"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
];

/// Page caches, in KiB. The system's own cache is behind them, so they can be small.
const WRITER_CACHE_KIB: u32 = 4096;
const READER_CACHE_KIB: u32 = 1024;

pub(super) fn set_up_sqlite(
    connection: &mut SqliteConnection,
    role: Role,
    durability: Durability,
) -> diesel::QueryResult<()> {
    // The lock's patience first: changing to WAL needs a lock too.
    let lock_ms = lock_ms(role);
    connection.batch_execute(&format!("PRAGMA busy_timeout = {lock_ms}; PRAGMA journal_mode = WAL;"))?;
    let synchronous = match durability {
        Durability::Power => "FULL",
        Durability::Process => "NORMAL",
    };
    let (cache, query_only) = match role {
        Role::Writer | Role::Starter => (WRITER_CACHE_KIB, "OFF"),
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
    let lock_ms = lock_ms(role);
    // A reader's several queries see one state of the world, as they do on SQLite.
    let role = match role {
        Role::Writer | Role::Starter => "",
        Role::Reader => {
            "SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on;"
        }
    };
    connection.batch_execute(&format!(
        "SET application_name = 'everhall'; SET synchronous_commit = {synchronous}; SET lock_timeout = {lock_ms}; \
         SET idle_in_transaction_session_timeout = {IDLE_TRANSACTION_MS}; {role}"
    ))
}

fn lock_ms(role: Role) -> u32 {
    match role {
        Role::Writer => WRITER_LOCK_MS,
        Role::Starter | Role::Reader => LOCK_MS,
    }
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

/// Opens PostgreSQL.
pub(super) fn connect_postgres(url: &str) -> ConnectionResult<PgConnection> {
    PgConnection::establish(&with_parameters(url))
}

fn with_parameters(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in POSTGRES_PARAMETERS {
        if !url.contains(name) {
            let separator = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{separator}{name}={value}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_comes_before_our_own_parameters() {
        let url = with_parameters("postgres://me@host/world?connect_timeout=60");
        assert!(url.starts_with("postgres://me@host/world?connect_timeout=60&keepalives_idle=5&"), "{url}");
        assert!(with_parameters("postgres://me@host/world").contains("/world?connect_timeout=5&"));
    }
}
