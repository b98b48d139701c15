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

use super::connection::{DbConnection, Role, connect_postgres, on_each, set_up_postgres, set_up_sqlite};
use super::error::{DbError, one_line};
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
    let mut database = Database::new(&config.storage, &config.data_dir)?;
    if let Place::Sqlite(path) = &database.place {
        prepare_file(path)?;
    }
    let mut connection = database.connect()?;
    database.refuse_newer(&mut connection)?;
    database.migrated = database.migrate(&mut connection)?;
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
        self.connect_as(Role::Writer)
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

    fn sqlite_error(&self, path: &Path, message: &str) -> DbError {
        let path = path.to_owned();
        if message.contains("not a database") {
            DbError::NotADatabase { path }
        } else if message.contains("unable to open") || message.contains("readonly") {
            DbError::Unwritable { path, reason: message.to_owned() }
        } else {
            DbError::Away(format!("{}: {message}", path.display()))
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

    fn migrate(&self, connection: &mut DbConnection) -> Result<Vec<String>, DbError> {
        let migrated = match connection {
            DbConnection::Sqlite(connection) => run_migrations(connection, SQLITE_MIGRATIONS),
            DbConnection::Postgres(connection) => {
                // Two servers may open it at once during a reload: the second waits for the first.
                one_at_a_time(connection, |connection| run_migrations(connection, POSTGRES_MIGRATIONS))
            }
        };
        migrated.map_err(|reason| {
            if reason.contains("readonly")
                && let Place::Sqlite(path) = &self.place
            {
                return DbError::Unwritable { path: path.clone(), reason };
            }
            DbError::Migration { database: self.name(), reason: one_line(&reason) }
        })
    }
}

fn run_migrations<C>(connection: &mut C, migrations: EmbeddedMigrations) -> Result<Vec<String>, String>
where
    C: MigrationHarness<C::Backend> + diesel::Connection,
    EmbeddedMigrations: MigrationSource<C::Backend>,
{
    let text = |error: Box<dyn std::error::Error + Send + Sync>| error.to_string();
    let mut names = Vec::new();
    for migration in connection.pending_migrations(migrations).map_err(text)? {
        let name = migration.name().to_string();
        connection.run_migration(&migration).map_err(text)?;
        tracing::info!(migration = %name, "database brought to {name}");
        names.push(name);
    }
    Ok(names)
}

/// Any fixed number will do: advisory locks belong to one database.
const MIGRATION_LOCK: i64 = 0x6576_6572_0001;

fn one_at_a_time<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, String>,
) -> Result<T, String> {
    connection
        .batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        .map_err(|error| error.to_string())?;
    let outcome = work(connection);
    connection
        .batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"))
        .map_err(|error| error.to_string())?;
    outcome
}

/// Returns whether there is anything in it. A PostgreSQL database may hold a game's other tables; only ours count.
fn has_tables(connection: &mut DbConnection) -> diesel::QueryResult<bool> {
    use diesel::dsl::sql;
    use diesel::sql_types::Bool;
    match connection {
        DbConnection::Sqlite(c) => diesel::select(sql::<Bool>("EXISTS (SELECT 1 FROM sqlite_master)")).get_result(c),
        DbConnection::Postgres(c) => diesel::select(sql::<Bool>("to_regclass('meta') IS NOT NULL")).get_result(c),
    }
}

/// Creates directory and file, readable by their owner alone: they hold what people said, and password hashes.
fn prepare_file(path: &Path) -> Result<(), DbError> {
    let unwritable = |error: std::io::Error| DbError::unwritable(path, &error);
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(unwritable)?;
    }
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(unwritable)?;
    Ok(())
}
