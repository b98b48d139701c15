//! STORAGE. The only place that names diesel. It answers; it never calls, and it knows no actor but its own.
//!
//! SQLite and PostgreSQL hold the same tables (`migrations/`) and run the same code, except for the statements in
//! `statement.rs`. The pool of sync actors has one `writer`, which is fed flushes by the journal and keeps the storage side of
//! the commit rule, some `reader`s, and some `hasher`s, which know no database at all.
//!
//! ```text
//! journal ── Flush ──► DbWriter   one transaction: epoch and number, rows, cursors, outbox
//! world   ── LoadRoom, LocationOf ──► DbReader    one snapshot
//! session ── FindAccount ──► DbReader, then Verify ──► Hasher
//! ```
//!
//! Backups and checks ([`Database::back_up`], [`Database::restore`], [`check()`]) need no actors; a running world's own backups are taken by
//! the `copier`, on a thread of its own. Old rows are found by a reader and deleted by the writer, a few at a time.
//!
//! Everything goes through [`DbPool`], whose methods return futures to await off the command path. Start-up and the
//! command line use [`Database`] and [`seed`] directly, without actors.

mod admin;
mod backup;
mod building;
mod changes;
mod check;
mod connection;
mod database;
mod error;
mod hasher;
mod lock;
mod outage;
mod parts;
pub mod password;
mod pool;
mod reader;
mod records;
mod retention;
mod rooms;
mod rows;
mod run;
mod schema;
pub mod seed;
mod statement;
#[cfg(test)]
mod tests;
mod trail;
mod waiting;
mod writer;

pub use admin::{create_account, last_session, set_password};
pub use backup::{BackupError, Kept, NewestBackup, Restored, TakenBackup, shown_size};
pub use building::{FindEntities, FoundEntity, HistoryOf};
pub use check::{CheckError, Finding, Repaired, Report, check, repair};
pub use connection::DbConnection;
pub use database::{Database, SCHEMA_VERSION, open, open_beside, open_existing, place};
pub use error::{DbError, Trouble};
pub use lock::WorldLock;
pub use password::Password;
pub use pool::DbPool;
pub use reader::{
    AccountById, AccountName, FindAccount, History, LoadChannels, LoadNames, LoadOutbox, LoadScripts, LoadSessions,
    Meta, MetaRead, Read, Tells,
};
pub use retention::{FindOld, Old};
pub use rooms::{EntityById, LoadCarried, LoadRoom, LocationOf};
pub use trail::{Left, Print, Trail};
pub use waiting::{LoadDue, LoadSignals};
pub use writer::{Flush, Flushed, Taken};
