//! Finding the database, refusing what cannot be it, and bringing its tables up to date.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::{PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use rustix::fs::{StatVfsMountFlags, statvfs};

use super::connection::{DbConnection, Role, connect_postgres, on_each, set_up_postgres, set_up_sqlite};
use super::error::{DbError, Trouble, one_line};
use super::schema::meta;
use crate::config::{Config, Durability, StorageConfig};

/// Version of the schema this program knows. A database whose `meta.schema_reader` is above it is refused.
pub const SCHEMA_VERSION: i64 = 2;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Name of the file in the data directory, if nothing else is said.
const FILE_NAME: &str = "world.sqlite3";

/// Where a world is stored, and how its connections are set up. Holds none itself.
#[derive(Debug, Clone)]
pub struct Database {
    place: Place,
    durability: Durability,
    pub(super) readers: usize,
    pub(super) slow: Duration,
    migrated: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Place {
    Sqlite(PathBuf),
    Postgres(String),
}

/// Opens the database that the settings name, creating it if there is none, and migrates it.
///
/// # Errors
///
/// [`DbError::Unwritable`], [`DbError::NotADatabase`], [`DbError::Newer`], [`DbError::Unreachable`],
/// [`DbError::BadUrl`], [`DbError::Migration`]: each one line that names the database and what to do.
pub fn open(config: &Config) -> Result<Database, DbError> {
    open_as(config, Alone::Yes)
}

/// Opens the database as [`open`] does, beside a server that runs on it: only such migrations are run as leave that one all
/// that it reads.
///
/// # Errors
///
/// As [`open`], and [`DbError::Contracts`]; then nothing is migrated.
pub fn open_beside(config: &Config) -> Result<Database, DbError> {
    open_as(config, Alone::No)
}

/// Whether another server may run on the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    Yes,
    No,
}

fn open_as(config: &Config, alone: Alone) -> Result<Database, DbError> {
    let database = Database::new(&config.storage, &config.data_dir)?;
    if let Place::Sqlite(path) = &database.place {
        prepare_file(path)?;
    }
    match database.prepare(alone) {
        Ok(migrated) => Ok(Database { migrated, ..database }),
        Err(error) => Err(database.named(error)),
    }
}

/// Opens the database that the settings name as it is: it is neither made nor migrated, and its world may run.
///
/// # Errors
///
/// [`DbError::NoWorld`] if there is none; otherwise as [`open`].
pub fn open_existing(config: &Config) -> Result<Database, DbError> {
    let database = Database::new(&config.storage, &config.data_dir)?;
    if let Place::Sqlite(path) = &database.place
        && !path.is_file()
    {
        return Err(DbError::NoWorld { database: database.name() });
    }
    let mut connection = database.connect_as(Role::Reader)?;
    if !has_tables(&mut connection)? {
        return Err(DbError::NoWorld { database: database.name() });
    }
    database.refuse_newer(&mut connection)?;
    Ok(database)
}

/// Names the database of the settings without opening it, whatever is there: something is to be put in its place.
///
/// # Errors
///
/// [`DbError::BadUrl`]; [`DbError::Unwritable`] if its directory cannot be made.
pub fn place(config: &Config) -> Result<Database, DbError> {
    let database = Database::new(&config.storage, &config.data_dir)?;
    if let Place::Sqlite(path) = &database.place {
        make_directory_of(path)?;
    }
    Ok(database)
}

impl Database {
    fn new(storage: &StorageConfig, data_dir: &Path) -> Result<Self, DbError> {
        let place = match storage.database_url.as_deref() {
            None => Place::Sqlite(data_dir.join(FILE_NAME)),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Place::Postgres(url.to_owned())
            }
            Some(url) => match url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
                Some(path) => Place::Sqlite(PathBuf::from(path)),
                None => return Err(DbError::BadUrl),
            },
        };
        Ok(Self {
            place,
            durability: storage.durability,
            readers: storage.readers.max(1),
            slow: Duration::from_millis(storage.slow_ms),
            migrated: Vec::new(),
        })
    }

    fn prepare(&self, alone: Alone) -> Result<Vec<String>, DbError> {
        let mut connection = self.connect()?;
        self.refuse_newer(&mut connection)?;
        self.migrate(&mut connection, alone)
    }

    /// Returns the names of the migrations that ran when it was opened.
    pub fn migrated(&self) -> &[String] {
        &self.migrated
    }

    /// Opens a connection that may change rows, for start-up and the command line.
    ///
    /// # Errors
    ///
    /// As [`open`].
    pub fn connect(&self) -> Result<DbConnection, DbError> {
        self.connect_as(Role::Starter)
    }

    pub(super) fn connect_as(&self, role: Role) -> Result<DbConnection, DbError> {
        match &self.place {
            Place::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(&path.to_string_lossy())
                    .map_err(|error| self.sqlite_error(path, &error.to_string()))?;
                set_up_sqlite(&mut connection, role, self.durability)
                    .map_err(|error| self.sqlite_error(path, &error.to_string()))?;
                Ok(DbConnection::Sqlite(connection))
            }
            Place::Postgres(url) => {
                let unreachable = |reason: String| DbError::Unreachable { database: self.name(), reason };
                let mut connection =
                    connect_postgres(url).map_err(|error| unreachable(one_line(&error.to_string())))?;
                set_up_postgres(&mut connection, role, self.durability)
                    .map_err(|error| unreachable(one_line(&error.to_string())))?;
                Ok(DbConnection::Postgres(connection))
            }
        }
    }

    /// Returns what an error message calls it: the file, or host and name without the password.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Sqlite(path) => path.display().to_string(),
            Place::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let rest = rest.split('?').next().unwrap_or_default();
                format!("postgres://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
            }
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Returns another database file, set up as this one.
    pub(super) fn at(&self, path: &Path) -> Self {
        Self { place: Place::Sqlite(path.to_owned()), ..self.clone() }
    }

    /// Returns an error that says more of a file than SQLite does, to which all trouble with the disk is an “I/O error”.
    pub(super) fn refined(&self, error: DbError) -> DbError {
        match (error, &self.place) {
            (DbError::Away { trouble: Trouble::Failing, reason }, Place::Sqlite(path)) => {
                DbError::Away { trouble: trouble_with(path), reason }
            }
            (error, _) => error,
        }
    }

    /// Returns an error of the start, which names the database.
    fn named(&self, error: DbError) -> DbError {
        match self.refined(error) {
            DbError::Away { trouble, reason } => {
                DbError::Away { trouble, reason: format!("{}: {reason}", self.name()) }
            }
            error => error,
        }
    }

    fn sqlite_error(&self, path: &Path, message: &str) -> DbError {
        let path = path.to_owned();
        if message.contains("not a database") {
            DbError::NotADatabase { path }
        } else if message.contains("unable to open") || message.contains("readonly") {
            DbError::Unwritable { path, reason: message.to_owned() }
        } else {
            self.refined(DbError::away(message))
        }
    }

    fn refuse_newer(&self, connection: &mut DbConnection) -> Result<(), DbError> {
        if !has_tables(connection)? {
            return Ok(());
        }
        let needs = on_each!(connection, c => meta::table.select(meta::schema_reader).first::<i64>(c));
        match needs {
            Ok(needs) if needs > SCHEMA_VERSION => {
                Err(DbError::Newer { database: self.name(), needs, knows: SCHEMA_VERSION })
            }
            Ok(_) => Ok(()),
            Err(error) => match &self.place {
                Place::Sqlite(path) => Err(DbError::NotADatabase { path: path.clone() }),
                Place::Postgres(_) => Err(error.into()),
            },
        }
    }

    /// Returns whether its tables are those of this program, or of a newer one, which this one can still read. Changes nothing.
    pub(super) fn is_migrated(&self, connection: &mut DbConnection) -> Result<bool, DbError> {
        let query = diesel::sql_query("SELECT version FROM __diesel_schema_migrations");
        let ran: Vec<Version> = on_each!(connection, c => query.load(c))?;
        let needed = match &self.place {
            Place::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(SQLITE_MIGRATIONS),
            Place::Postgres(_) => versions::<diesel::pg::Pg>(POSTGRES_MIGRATIONS),
        };
        Ok(needed?.iter().all(|needed| ran.iter().any(|ran| ran.version == *needed)))
    }

    fn migrate(&self, connection: &mut DbConnection, alone: Alone) -> Result<Vec<String>, DbError> {
        let migrated = match connection {
            DbConnection::Sqlite(connection) => migrate_sqlite(connection, || SQLITE_MIGRATIONS, alone),
            DbConnection::Postgres(connection) => migrate_postgres(connection, POSTGRES_MIGRATIONS, alone),
        };
        migrated.map_err(|error| match (error, &self.place) {
            (MigrationError::Contracts(migration), _) => DbError::Contracts { migration },
            (MigrationError::Failed(reason), Place::Sqlite(path)) if reason.contains("readonly") => {
                DbError::Unwritable { path: path.clone(), reason }
            }
            (MigrationError::Failed(reason), _) => match Trouble::of(&reason) {
                Trouble::Failing => DbError::Migration { database: self.name(), reason: one_line(&reason) },
                trouble => DbError::Away { trouble, reason: one_line(&reason) },
            },
        })
    }
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

/// Returns the versions of the migrations that this program has.
fn versions<DB: diesel::backend::Backend>(migrations: EmbeddedMigrations) -> Result<Vec<String>, DbError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let migrations = migrations.migrations().map_err(|error| DbError::Broken(one_line(&error.to_string())))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// Why the tables were not brought up to date.
#[derive(Debug)]
enum MigrationError {
    Failed(String),
    /// This migration raises `meta.schema_reader`, and may not.
    Contracts(String),
}

impl From<diesel::result::Error> for MigrationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for MigrationError {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Runs what is pending, all or nothing. Where nothing is, no lock is taken.
fn migrate_sqlite<S>(
    connection: &mut SqliteConnection,
    migrations: impl Fn() -> S,
    alone: Alone,
) -> Result<Vec<String>, MigrationError>
where
    S: MigrationSource<diesel::sqlite::Sqlite>,
{
    if !connection.has_pending_migration(migrations())? {
        return Ok(Vec::new());
    }
    // Immediate: a lock that is only taken when the first table is changed might come too late to be given.
    connection.immediate_transaction(|connection| {
        run_migrations(connection, migrations(), alone, |c| meta::table.select(meta::schema_reader).first(c))
    })
}

fn migrate_postgres(
    connection: &mut PgConnection,
    migrations: EmbeddedMigrations,
    alone: Alone,
) -> Result<Vec<String>, MigrationError> {
    // Two servers may open it at once during a reload: the second waits for the first.
    connection.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))?;
    let outcome = connection.transaction(|connection| {
        run_migrations(connection, migrations, alone, |c| meta::table.select(meta::schema_reader).first(c))
    });
    connection.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"))?;
    outcome
}

fn run_migrations<C, S>(
    connection: &mut C,
    migrations: S,
    alone: Alone,
    schema_reader: fn(&mut C) -> diesel::QueryResult<i64>,
) -> Result<Vec<String>, MigrationError>
where
    C: MigrationHarness<C::Backend> + diesel::Connection,
    S: MigrationSource<C::Backend>,
{
    let mut names = Vec::new();
    for migration in connection.pending_migrations(migrations)? {
        let name = migration.name().to_string();
        let before = if alone == Alone::No { Some(schema_reader(connection)?) } else { None };
        connection.run_migration(&migration)?;
        if let Some(before) = before
            && schema_reader(connection)? > before
        {
            return Err(MigrationError::Contracts(name));
        }
        tracing::info!(migration = %name, "database brought to {name}");
        names.push(name);
    }
    Ok(names)
}

/// Any fixed number will do: advisory locks belong to one database.
const MIGRATION_LOCK: i64 = 0x6576_6572_0001;

/// Returns whether there is anything in it. A PostgreSQL database may hold a game's other tables; only ours count.
fn has_tables(connection: &mut DbConnection) -> diesel::QueryResult<bool> {
    use diesel::dsl::sql;
    use diesel::sql_types::Bool;
    match connection {
        DbConnection::Sqlite(c) => diesel::select(sql::<Bool>("EXISTS (SELECT 1 FROM sqlite_master)")).get_result(c),
        DbConnection::Postgres(c) => diesel::select(sql::<Bool>("to_regclass('meta') IS NOT NULL")).get_result(c),
    }
}

/// Less than this is no room, in bytes: SQLite needs a few pages for anything.
const NO_ROOM: u64 = 64 * 1024;

/// Returns what is wrong with the file system that holds a database.
fn trouble_with(path: &Path) -> Trouble {
    match statvfs(path) {
        Ok(disk) if disk.f_flag.contains(StatVfsMountFlags::RDONLY) => Trouble::ReadOnly,
        Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < NO_ROOM => Trouble::Full,
        _ => Trouble::Failing,
    }
}

/// Creates directory and file, readable by their owner alone: they hold what people said, and password hashes.
fn prepare_file(path: &Path) -> Result<(), DbError> {
    make_directory_of(path)?;
    let unwritable = |error: std::io::Error| DbError::unwritable(path, &error);
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(unwritable)?;
    Ok(())
}

fn make_directory_of(path: &Path) -> Result<(), DbError> {
    match path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        Some(directory) => fs::create_dir_all(directory).map_err(|error| DbError::unwritable(path, &error)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use diesel_migrations::FileBasedMigrations;

    use super::*;

    /// A database as the first release makes it, and a folder with one migration more.
    fn stage(migration: &str) -> (tempfile::TempDir, SqliteConnection) {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        migrate_sqlite(&mut connection, || SQLITE_MIGRATIONS, Alone::Yes).unwrap();
        let place = folder.path().join("9999-01-01-000000_newer");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("up.sql"), migration).unwrap();
        (folder, connection)
    }

    fn beside(folder: &tempfile::TempDir, connection: &mut SqliteConnection) -> Result<Vec<String>, MigrationError> {
        let newer = || FileBasedMigrations::from_path(folder.path()).unwrap();
        migrate_sqlite(connection, newer, Alone::No)
    }

    fn has_column(connection: &mut SqliteConnection, column: &str) -> bool {
        connection.batch_execute(&format!("SELECT {column} FROM entity")).is_ok()
    }

    #[test]
    fn what_only_adds_is_done_beside_a_running_server() {
        let (folder, mut connection) = stage("ALTER TABLE entity ADD COLUMN colour TEXT;");
        assert_eq!(beside(&folder, &mut connection).unwrap(), ["9999-01-01-000000_newer"]);
        assert!(has_column(&mut connection, "colour"));
        assert_eq!(beside(&folder, &mut connection).unwrap(), [""; 0]);
    }

    #[test]
    fn what_takes_something_away_is_not_done_beside_a_running_server() {
        let contract = "ALTER TABLE entity ADD COLUMN colour TEXT; UPDATE meta SET schema_reader = schema_reader + 1;";
        let (folder, mut connection) = stage(contract);
        let refused = beside(&folder, &mut connection).unwrap_err();
        assert!(matches!(refused, MigrationError::Contracts(name) if name == "9999-01-01-000000_newer"));
        assert!(!has_column(&mut connection, "colour"), "nothing of it is left");
        let newer = || FileBasedMigrations::from_path(folder.path()).unwrap();
        migrate_sqlite(&mut connection, newer, Alone::Yes).unwrap();
        assert!(has_column(&mut connection, "colour"));
    }

    #[test]
    fn a_server_that_writes_while_another_migrates_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world.sqlite3");
        let open = || {
            let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            set_up_sqlite(&mut connection, Role::Writer, Durability::Process).unwrap();
            connection
        };
        let (mut running, mut new) = (open(), open());
        running.batch_execute("BEGIN IMMEDIATE; CREATE TABLE early (id INTEGER)").unwrap();
        let migrating = std::thread::spawn(move || migrate_sqlite(&mut new, || SQLITE_MIGRATIONS, Alone::Yes));
        running.batch_execute("COMMIT").unwrap();
        assert!(migrating.join().unwrap().is_ok_and(|names| !names.is_empty()));
    }
}
