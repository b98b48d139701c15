//! Each claim about storage, held on both backends: SQLite in a temporary directory, and PostgreSQL in a fresh database at
//! `EVERHALL_TEST_POSTGRES` (default: user postgres on this machine).

mod backup;
mod building;
mod check;
mod cut;
mod flush;
mod pool;
mod read;
mod retention;
mod schema;
mod start;
mod waiting;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::json;

use super::{Database, DbConnection, DbPool, Flush, Taken, open};
use crate::config::{Config, Durability, PasswordConfig, StorageConfig};
use crate::ids::{AccountId, ChannelId, EntityId, SessionId};
use crate::world::record::{
    AccountRecord, Change, ChannelRecord, EntityRecord, EntityRows, Kind, Permission, SessionRecord,
};

/// A place to store a world, removed with it.
struct Stage {
    storage: StorageConfig,
    directory: tempfile::TempDir,
    postgres: Option<PostgresStage>,
}

struct PostgresStage {
    server: String,
    name: String,
}

/// Runs a test on SQLite, and on PostgreSQL if there is one.
fn on_both(test: impl Fn(&Stage)) {
    test(&Stage::sqlite());
    if let Some(stage) = Stage::postgres() {
        test(&stage);
    }
}

impl Stage {
    fn sqlite() -> Self {
        Self { storage: storage(None), directory: tempfile::tempdir().unwrap(), postgres: None }
    }

    /// `None` if no PostgreSQL answers, which is an error where services are required.
    fn postgres() -> Option<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("EVERHALL_TEST_POSTGRES")
            .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let mut connection = match PgConnection::establish(&server) {
            Ok(connection) => connection,
            Err(error) if std::env::var("EVERHALL_REQUIRE_SERVICES").is_ok_and(|value| value == "1") => {
                panic!("no PostgreSQL at {server}: {error}");
            }
            Err(_) => {
                println!("skipped: no PostgreSQL at {server}");
                return None;
            }
        };
        let name = format!("everhall_test_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        diesel::sql_query(format!("CREATE DATABASE {name}")).execute(&mut connection).unwrap();
        let (address, _) = server.rsplit_once('/').unwrap();
        let url = format!("{address}/{name}");
        Some(Self {
            storage: storage(Some(url)),
            directory: tempfile::tempdir().unwrap(),
            postgres: Some(PostgresStage { server, name }),
        })
    }

    /// Returns one more, of the same kind.
    fn another(&self) -> Option<Self> {
        if self.is_sqlite() { Some(Self::sqlite()) } else { Self::postgres() }
    }

    /// Looks into a copy of a world: opens a file, or restores it elsewhere.
    fn look_into(&self, copy: &Path, look: impl FnOnce(&mut DbConnection)) {
        if self.is_sqlite() {
            let file = SqliteConnection::establish(&copy.to_string_lossy()).unwrap();
            return look(&mut DbConnection::Sqlite(file));
        }
        let elsewhere = self.another().unwrap();
        super::place(&elsewhere.config()).unwrap().restore(copy).unwrap();
        look(&mut elsewhere.open().connect().unwrap());
    }

    fn config(&self) -> Config {
        config(self.storage.clone(), self.directory.path().to_owned())
    }

    fn open(&self) -> Database {
        open(&self.config()).unwrap()
    }

    fn is_sqlite(&self) -> bool {
        self.postgres.is_none()
    }

    /// Runs a test's body with a pool that has taken over.
    fn world<F, T>(&self, body: impl FnOnce(DbPool, Taken) -> F) -> T
    where
        F: Future<Output = T>,
    {
        let database = self.open();
        actix::System::new().block_on(async move {
            let pool = DbPool::start(&database, &CHEAP);
            let taken = pool.take_over(100).await.unwrap();
            body(pool, taken).await
        })
    }
}

impl Drop for PostgresStage {
    fn drop(&mut self) {
        if let Ok(mut connection) = PgConnection::establish(&self.server) {
            let _ = diesel::sql_query(format!("DROP DATABASE {} WITH (FORCE)", self.name)).execute(&mut connection);
        }
    }
}

const CHEAP: PasswordConfig =
    PasswordConfig { memory_kib: 64, passes: 1, lanes: 1, hashers: 2, min_chars: 8, waiting: 4 };

fn storage(database_url: Option<String>) -> StorageConfig {
    StorageConfig { database_url, durability: Durability::Process, readers: 2, slow_ms: 1000, patience_ms: 2000 }
}

fn execute(connection: &mut DbConnection, sql: &str) {
    match connection {
        DbConnection::Sqlite(connection) => connection.batch_execute(sql).unwrap(),
        DbConnection::Postgres(connection) => connection.batch_execute(sql).unwrap(),
    }
}

/// Returns the number that a query answers.
fn number(connection: &mut DbConnection, sql: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let query = diesel::sql_query(format!("SELECT CAST(({sql}) AS BIGINT) AS n"));
    super::connection::on_each!(connection, c => query.get_result::<Number>(c)).unwrap().n
}

fn flush(taken: Taken, number: u64, changes: Vec<Change>) -> Flush {
    Flush { epoch: taken.epoch, number, changes, outbox: None, confirmed: 0 }
}

fn entity(id: u64, kind: Kind, location: Option<u64>) -> EntityRecord {
    EntityRecord {
        id: EntityId(id),
        kind,
        type_name: "plain".to_owned(),
        key: format!("thing {id}"),
        description: "It's “plain”.".to_owned(),
        location: location.map(EntityId),
        home: Some(EntityId(1)),
        destination: None,
        left_from: None,
        owner: Some(AccountId(7)),
        permission: Some(Permission::Builder),
        state: r#"{"lit":true}"#.to_owned(),
        version: 3,
    }
}

fn rows(record: EntityRecord) -> EntityRows {
    EntityRows { record, aliases: vec![], attributes: vec![], tags: vec![], locks: vec![], timers: vec![] }
}

fn change(record: EntityRecord) -> Change {
    Change::Entity(Box::new(record))
}

fn account(id: u64, name: &str) -> AccountRecord {
    AccountRecord {
        id: AccountId(id),
        name: name.to_owned(),
        folded: name.to_lowercase(),
        skeleton: name.to_lowercase(),
        password_hash: "$argon2id$…".to_owned(),
        permission: Permission::Helper,
        superuser: true,
        character: EntityId(id + 1000),
        options: json!({"width": 80}),
        ignores: vec![AccountId(3)],
        created_at: 1,
        last_login_at: 2,
    }
}

fn channel(id: u64, name: &str) -> ChannelRecord {
    ChannelRecord {
        id: ChannelId(id),
        name: name.to_owned(),
        folded: name.to_lowercase(),
        aliases: vec!["pub".to_owned()],
        description: "Talk.".to_owned(),
        auto_join: true,
        last_message: 0,
        permission: Permission::Guest,
        type_name: "gossip".to_owned(),
        state: r#"{"topic":"rain"}"#.to_owned(),
    }
}

fn session(id: u64, cursor: u64) -> SessionRecord {
    SessionRecord {
        session: SessionId(id),
        account: AccountId(1),
        puppet: EntityId(2),
        cursor,
        mode: json!({"mode": "play"}),
        lost_at: Some(5),
    }
}

fn config(storage: StorageConfig, data_dir: PathBuf) -> Config {
    use crate::config::{
        BackupConfig, LimitsConfig, ListenConfig, LogConfig, Registration, RetentionConfig, ServerConfig,
        ThrottleConfig, WorldConfig,
    };
    let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        data_dir,
        storage,
        world: WorldConfig {
            name: String::new(),
            welcome_file: None,
            message_of_the_day: String::new(),
            start_room: 0,
            registration: Registration::Open,
            invite_code: String::new(),
            link_lost_secs: 0,
            room_idle_secs: 0,
            lazy_secs: 60,
            time_factor: 1.0,
        },
        listen: ListenConfig { telnet: anywhere, http: anywhere },
        limits: LimitsConfig {
            line_bytes: 0,
            waiting_lines: 0,
            waiting_bytes: 0,
            input_bytes_per_sec: 0,
            output_bytes: 0,
            connections: 0,
            connections_per_address: 0,
            login_secs: 0,
            subnegotiation_bytes: 0,
            resume_secs: 0,
        },
        throttle: ThrottleConfig {
            login_failures: 0,
            login_window_secs: 0,
            creations: 0,
            creation_window_secs: 0,
            exempt_loopback: true,
        },
        password: CHEAP,
        log: LogConfig { level: String::new(), file_bytes: 0, files: 0 },
        server: ServerConfig { arbiters: 0, patience_ms: 0, start_ms: 0, command_ms: 0, safe_after_deaths: 0 },
        backup: BackupConfig { every_secs: 0, keep: 1, folder: None },
        retention: RetentionConfig::default(),
    }
}
