//! Backups: a copy of a world as it is at one moment, taken while the world runs, and a world put back from one.
//!
//! Of SQLite it is a database file of its own, made by `VACUUM INTO` on a connection that only reads: the writer goes on meanwhile, and
//! the copy is what was committed when it began. Of PostgreSQL it is what `pg_dump` writes. Neither is ever made on a thread that
//! anybody waits for: the command line has a process of its own for it, a running server a thread ([`copier`]).

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::{DbConnection, Role};
use super::database::{Database, Place};
use super::error::DbError;

pub(super) mod copier;
mod names;
mod part;
mod postgres;
mod restore;

pub use copier::{Newest as NewestBackup, Taken as TakenBackup};
pub use restore::{Kept, Restored};

use part::PartFile;
use postgres::Target;

/// How backups' names end: a database file of SQLite, an archive of PostgreSQL's.
const ENDINGS: [&str; 2] = ["sqlite3", "pgdump"];

/// All tables that are ours. A PostgreSQL database may hold others, which no backup touches.
pub(super) const TABLES: [&str; 18] = [
    "__diesel_schema_migrations",
    "account",
    "alias",
    "attribute",
    "change_history",
    "channel",
    "channel_message",
    "entity",
    "lock",
    "meta",
    "outbox",
    "script",
    "session",
    "signal",
    "subscription",
    "tag",
    "tell",
    "timer",
];

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is a file of that name.
    #[error("{} is there already; --force replaces it", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// There is too little space for it.
    #[error("the disk is too full for a backup: {} needs {}, and {} are free", file.display(), shown_size(*needs), shown_size(*free))]
    Full {
        /// What was to be written.
        file: PathBuf,
        /// In bytes.
        needs: u64,
        /// In bytes.
        free: u64,
    },
    /// A file cannot be written. Nothing of it is left.
    #[error("cannot write {}: {reason}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// One of PostgreSQL's programs is missing.
    #[error(
        "{tool} is not there; install PostgreSQL's client programs (on Debian: postgresql-client), or do it where they are: {by_hand}"
    )]
    NoTool {
        /// Its name.
        tool: &'static str,
        /// The command to type instead.
        by_hand: String,
    },
    /// One of PostgreSQL's programs failed.
    #[error("{tool} failed: {reason}")]
    Tool {
        /// Its name.
        tool: &'static str,
        /// In its own words.
        reason: String,
    },
    /// A file is no backup of a world.
    #[error("{} is not a backup of a world", file.display())]
    NotABackup {
        /// The file.
        file: PathBuf,
    },
    /// A backup of one kind of database cannot be put into another.
    #[error("{} is a backup of a world in {of}, and this one is in {here}; name its database with `storage.database_url`", file.display())]
    OtherKind {
        /// The file.
        file: PathBuf,
        /// What it was taken of.
        of: &'static str,
        /// What the settings name.
        here: &'static str,
    },
    /// A backup was taken by a newer program, and cannot be read by this one.
    #[error("{} is from a newer version (schema {needs}, this program knows {knows}); restore it with the newer program", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// Oldest schema version that can read it.
        needs: i64,
        /// This program's.
        knows: i64,
    },
    /// A backup is not whole.
    #[error("{} is damaged, nothing was restored: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found first.
        reason: String,
    },
    /// The database itself.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl BackupError {
    fn write(file: &Path, error: &io::Error) -> Self {
        Self::Write { file: file.to_owned(), reason: error.to_string() }
    }

    fn read(file: &Path, error: &io::Error) -> Self {
        Self::Read { file: file.to_owned(), reason: error.to_string() }
    }

    fn tool(tool: &'static str, reason: &str) -> Self {
        Self::Tool { tool, reason: reason.to_owned() }
    }
}

impl From<diesel::result::Error> for BackupError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Database {
    /// Writes a copy of the world, as it is at one moment, to `file`; the world may run meanwhile. Either all of it is there
    /// afterwards, on the disk, or nothing. Returns its size in bytes.
    ///
    /// # Errors
    ///
    /// [`BackupError::Exists`] unless it `replaces` what is there; [`BackupError::Full`], [`BackupError::Write`],
    /// [`BackupError::NoTool`], [`BackupError::Tool`]; [`BackupError::Db`] if the database cannot be read.
    pub fn back_up(&self, file: &Path, replaces: bool) -> Result<u64, BackupError> {
        let part = PartFile::create(file, replaces)?;
        part.write_out(|| match self.place() {
            Place::Sqlite(_) => self.copy_file(&part),
            Place::Postgres(url) => Target::new(url).dump(part.part(), part.path()),
        })?;
        part.finish()
    }

    /// Takes a backup into `folder`, before something is done to the world. Returns the file, whose name says what.
    ///
    /// # Errors
    ///
    /// As [`Database::back_up`].
    pub fn back_up_before(&self, what: &str, folder: &Path) -> Result<PathBuf, BackupError> {
        make_private(folder).map_err(|error| BackupError::write(folder, &error))?;
        let file = folder.join(format!("before-{what}-{}.{}", names::stamp(SystemTime::now()), self.backup_ending()));
        self.back_up(&file, false)?;
        Ok(file)
    }

    fn copy_file(&self, part: &PartFile) -> Result<(), BackupError> {
        let mut connection = self.connect_as(Role::Reader)?;
        let DbConnection::Sqlite(connection) = &mut connection else { return Ok(()) };
        part.expect_space(used_bytes(connection)?)?;
        let name = part.part().to_str().ok_or_else(|| BackupError::Write {
            file: part.path().to_owned(),
            reason: "SQLite takes only names that are text".to_owned(),
        })?;
        // A reader may write nothing, and to SQLite the copy is something written.
        let copy = format!("PRAGMA query_only = OFF; VACUUM INTO '{}'", name.replace('\'', "''"));
        connection
            .batch_execute(&copy)
            .map_err(|error| BackupError::Write { file: part.path().to_owned(), reason: DbError::from(error).reason() })
    }

    /// Returns how the names of this database's backups end.
    pub(super) fn backup_ending(&self) -> &'static str {
        match self.place() {
            Place::Sqlite(_) => ENDINGS[0],
            Place::Postgres(_) => ENDINGS[1],
        }
    }
}

/// Makes a folder that only its owner can read, unless it is there.
fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[derive(QueryableByName)]
struct Bytes {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// Returns how much of a database file is in use: what its copy will take.
fn used_bytes(connection: &mut SqliteConnection) -> QueryResult<u64> {
    let query = "SELECT (page_count - freelist_count) * page_size AS bytes \
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let Bytes { bytes } = diesel::sql_query(query).get_result(connection)?;
    Ok(bytes.max(0) as u64)
}

/// Returns a size as people read it: `12.3 MiB`.
pub fn shown_size(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "bytes";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_its_largest_unit() {
        let check = |bytes, expected: &str| assert_eq!(shown_size(bytes), expected);
        check(0, "0 bytes");
        check(1023, "1023 bytes");
        check(1024, "1.0 KiB");
        check(12_897_485, "12.3 MiB");
        check(1 << 62, "4194304.0 TiB");
    }
}
