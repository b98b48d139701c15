//! Putting a world back from a backup. Nothing of the present one is touched before the backup has been read to its end, and the
//! present one is kept.
//!
//! What is restored goes on with numbers that are higher than any that the present world has used: epochs, flushes and ids never
//! come twice. Output that was stored for a portal is dropped, because that one is gone. Its sessions count as lost links, as after
//! any death of a portal; that their numbers are not given out again is seen to by each start (`launcher/prepare.rs`).

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::part::{PartFile, with_ending};
use super::postgres::{self, Target};
use super::{BackupError, TABLES, names};
use crate::db::connection::{DbConnection, on_each};
use crate::db::database::{Database, Place, SCHEMA_VERSION};
use crate::db::error::DbError;
use crate::db::schema::{account, entity, meta};

/// What every database file of SQLite begins with, and every archive of `pg_dump`.
const SQLITE_HEAD: &[u8] = b"SQLite format 3\0";
const POSTGRES_HEAD: &[u8] = b"PGDMP";

const SQLITE: &str = "SQLite";
const POSTGRES: &str = "PostgreSQL";

/// A world that was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Entities in it.
    pub entities: i64,
    /// Accounts in it.
    pub accounts: i64,
    /// What became of the world before: a file, or a schema of the same PostgreSQL database. `None` if there was none.
    pub kept: Option<Kept>,
}

/// Where the world before is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A database file of its own.
    File(PathBuf),
    /// A schema of the database.
    Schema(String),
}

impl Database {
    /// Puts the world back that `file` is a backup of. No world may run on this database.
    ///
    /// # Errors
    ///
    /// [`DbError::InUse`] within [`BackupError::Db`]; [`BackupError::NotABackup`], [`BackupError::OtherKind`],
    /// [`BackupError::Newer`] and [`BackupError::Damaged`] for the file; whatever else kept it from being written. The present world
    /// is then as it was.
    pub fn restore(&self, file: &Path) -> Result<Restored, BackupError> {
        let (of, here) = (kind_of(file)?, if matches!(self.place(), Place::Sqlite(_)) { SQLITE } else { POSTGRES });
        if of != here {
            return Err(BackupError::OtherKind { file: file.to_owned(), of, here });
        }
        let _world = self.lock_world()?;
        let (kept, mut restored) = match self.place() {
            Place::Sqlite(path) => (restore_file(self, file, path)?.map(Kept::File), self.connect()?),
            Place::Postgres(url) => (restore_dump(self, file, url)?.map(Kept::Schema), self.connect()?),
        };
        let (entities, accounts) = on_each!(&mut restored, c =>
            (entity::table.count().get_result(c)?, account::table.count().get_result(c)?));
        Ok(Restored { entities, accounts, kept })
    }
}

fn kind_of(file: &Path) -> Result<&'static str, BackupError> {
    let mut head = Vec::with_capacity(SQLITE_HEAD.len());
    let read = File::open(file).and_then(|opened| opened.take(SQLITE_HEAD.len() as u64).read_to_end(&mut head));
    read.map_err(|error| BackupError::read(file, &error))?;
    match &*head {
        head if head == SQLITE_HEAD => Ok(SQLITE),
        head if head.starts_with(POSTGRES_HEAD) => Ok(POSTGRES),
        _ => Err(BackupError::NotABackup { file: file.to_owned() }),
    }
}

/// The numbers that must never come twice.
struct Numbers {
    epoch: i64,
    flush: i64,
    next_id: i64,
}

/// Reads those of a world that is there; `None` if there is none, or if it is too broken to say.
fn numbers(connection: &mut DbConnection) -> Option<Numbers> {
    let query = meta::table.select((meta::epoch, meta::flush, meta::next_id));
    let (epoch, flush, next_id) = on_each!(connection, c => query.first(c)).ok()?;
    Some(Numbers { epoch, flush, next_id })
}

/// Returns the statements that make a restored world go on above `before`. `place` is what its tables' names begin with.
fn go_on_above(before: Option<&Numbers>, place: &str) -> String {
    let (epoch, flush, next_id) = before.map_or((0, 0, 0), |n| (n.epoch, n.flush, n.next_id));
    let higher = |column: &str, other: i64| format!("CASE WHEN {column} > {other} THEN {column} ELSE {other} END");
    format!(
        "UPDATE {place}meta SET epoch = {} + 1, flush = {}, next_id = {}; DELETE FROM {place}outbox;",
        higher("epoch", epoch),
        higher("flush", flush),
        higher("next_id", next_id)
    )
}

/// Makes a copy of the backup beside the database, tries it, and lets it take the database's place.
fn restore_file(database: &Database, file: &Path, path: &Path) -> Result<Option<PathBuf>, BackupError> {
    let part = PartFile::create(path, true)?;
    fill(database, file, &part)?;
    let before = if path.exists() { settle(database) } else { None };
    make_go_on(&database.at(part.part()), before.as_ref())?;
    let kept = keep(path)?;
    part.finish()?;
    Ok(kept)
}

/// Copies the backup, and what it may have beside it if it is a database file that was copied by hand; then reads all of it.
fn fill(database: &Database, file: &Path, part: &PartFile) -> Result<(), BackupError> {
    let unreadable = |error: io::Error| BackupError::read(file, &error);
    part.expect_space(fs::metadata(file).map_err(unreadable)?.len())?;
    copy(file, part.part())?;
    let log = with_ending(file, "-wal");
    if log.exists() {
        copy(&log, &with_ending(part.part(), "-wal"))?;
    }
    let not_one = || BackupError::NotABackup { file: file.to_owned() };
    let damaged = |reason: String| BackupError::Damaged { file: file.to_owned(), reason };
    let mut connection = database.at(part.part()).connect().map_err(|error| match error {
        DbError::NotADatabase { .. } => not_one(),
        error => damaged(error.to_string()),
    })?;
    let DbConnection::Sqlite(connection) = &mut connection else { return Ok(()) };
    let sound: Result<Sound, _> = diesel::sql_query("PRAGMA integrity_check(1)").get_result(connection);
    match sound {
        Ok(sound) if sound.integrity_check == "ok" => {}
        Ok(sound) => return Err(damaged(sound.integrity_check)),
        Err(error) => return Err(damaged(error.to_string())),
    }
    let needs: i64 = meta::table.select(meta::schema_reader).first(connection).map_err(|_| not_one())?;
    expect_readable(file, needs)?;
    let entities: i64 = entity::table.count().get_result(connection).map_err(|_| not_one())?;
    if entities == 0 { Err(not_one()) } else { Ok(()) }
}

#[derive(QueryableByName)]
struct Sound {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

fn expect_readable(file: &Path, needs: i64) -> Result<(), BackupError> {
    if needs > SCHEMA_VERSION {
        return Err(BackupError::Newer { file: file.to_owned(), needs, knows: SCHEMA_VERSION });
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut source = File::open(from).map_err(|error| BackupError::read(from, &error))?;
    let mut target = File::create(to).map_err(|error| BackupError::write(to, &error))?;
    io::copy(&mut source, &mut target).map(drop).map_err(|error| BackupError::write(to, &error))
}

/// Puts everything of the present world into its one file, and returns its numbers. One that is too broken for that is kept as it
/// is.
fn settle(database: &Database) -> Option<Numbers> {
    let mut connection = database.connect().ok()?;
    let before = numbers(&mut connection);
    if let DbConnection::Sqlite(connection) = &mut connection {
        let _ = connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    before
}

fn make_go_on(copy: &Database, before: Option<&Numbers>) -> Result<(), BackupError> {
    let mut connection = copy.connect()?;
    let DbConnection::Sqlite(connection) = &mut connection else { return Ok(()) };
    // One file, without a log beside it: it is about to get another name.
    let statements = format!("BEGIN; {} COMMIT; PRAGMA journal_mode = DELETE;", go_on_above(before, ""));
    Ok(connection.batch_execute(&statements)?)
}

/// Gives the present database file a second name, under which it stays when another takes its first.
fn keep(path: &Path) -> Result<Option<PathBuf>, BackupError> {
    let unwritable = |error: io::Error| BackupError::write(path, &error);
    if !path.exists() {
        return Ok(None);
    }
    let ending = format!(".before-{}", names::stamp(SystemTime::now()));
    let kept = with_ending(path, &unused(&ending, "-", |ending| with_ending(path, ending).exists()));
    // A log that is still there belongs to the old file, and to no other. It goes first: a new file must never meet it.
    let log = with_ending(path, "-wal");
    if log.exists() {
        fs::rename(&log, with_ending(&kept, "-wal")).map_err(unwritable)?;
    }
    let _ = fs::remove_file(with_ending(path, "-shm"));
    // So there is no moment without a world. Not every file system can do that.
    fs::hard_link(path, &kept).or_else(|_| fs::rename(path, &kept)).map_err(unwritable)?;
    Ok(Some(kept))
}

/// Returns a name, with a number behind it if it is taken.
fn unused(name: &str, joint: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|n| format!("{name}{joint}{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Moves the present tables into a schema of their own and makes those of the backup, in one transaction.
fn restore_dump(database: &Database, file: &Path, url: &str) -> Result<Option<String>, BackupError> {
    let dumped = postgres::read_meta(file)?.ok_or_else(|| BackupError::NotABackup { file: file.to_owned() })?;
    expect_readable(file, dumped.schema_reader)?;
    postgres::read_through(file)?;
    let mut connection = database.connect()?;
    let DbConnection::Postgres(postgres) = &mut connection else { return Ok(None) };
    let here: Name = diesel::sql_query("SELECT current_schema()::text AS name").get_result(postgres)?;
    let here = here.name;
    if here != dumped.place {
        let reason = format!("its tables belong into the schema {}, and this database's are in {here}", dumped.place);
        return Err(BackupError::tool("pg_restore", &reason));
    }
    let present: Vec<Name> =
        diesel::sql_query("SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()")
            .load(postgres)?;
    let present: Vec<&str> = present.iter().map(|table| &*table.name).filter(|name| TABLES.contains(name)).collect();
    let taken: Vec<Name> =
        diesel::sql_query("SELECT nspname::text AS name FROM pg_namespace WHERE nspname LIKE 'before\\_%'")
            .load(postgres)?;
    let before = if present.contains(&"meta") { numbers(&mut connection) } else { None };

    let begin = format!("before_{}", names::stamp(SystemTime::now()).replace('-', "_"));
    let kept = unused(&begin, "_", |name| taken.iter().any(|taken| taken.name == name));
    let mut first = "SET LOCAL lock_timeout = 5000;".to_owned();
    if !present.is_empty() {
        first += &format!("CREATE SCHEMA {kept};");
        for table in &present {
            first += &format!("ALTER TABLE \"{here}\".\"{table}\" SET SCHEMA {kept};");
        }
    }
    let last = go_on_above(before.as_ref(), &format!("\"{here}\"."));
    Target::new(url).run_script(file, &first, &last)?;
    if let DbConnection::Postgres(connection) = &mut connection {
        // Its planner would know nothing of the new rows for a minute.
        connection.batch_execute("ANALYZE")?;
    }
    Ok((!present.is_empty()).then_some(kept))
}
