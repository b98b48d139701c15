//! A flush, as the journal gives it to the writer, on SQLite and on PostgreSQL: `cargo bench --bench storage`.
//!
//! PostgreSQL is the one of `EVERHALL_TEST_POSTGRES` (default: user postgres on this machine); without it a line says so.
//! The figure is the time until the transaction is on the disk: mostly the disk's.

#![allow(missing_docs, reason = "criterion's macros make functions")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may fail loudly")]

use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
use everhall::config::{Config, StorageConfig};
use everhall::db::{self, DbPool, Flush};
use everhall::ids::{EntityId, SessionId};
use everhall::world::entity::Entity;
use everhall::world::record::Change;
use everhall::world::types::Behaviour;

const DEFAULT: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A stone is moved by each of these sessions: its entity's row, its cursor, and an outbox row of 100 bytes each.
fn changes(sessions: u64, number: u64) -> Vec<Change> {
    let mut changes = Vec::new();
    for session in 1..=sessions {
        let mut stone = Entity::new(EntityId(session), Behaviour::object(), format!("stone{session}"));
        stone.version = number;
        stone.changes_since(None, &mut changes);
        changes.push(Change::Cursor(SessionId(session), number));
    }
    changes
}

fn measure(criterion: &mut Criterion, name: &str, config: &Config) {
    let database = db::open(config).unwrap();
    let system = actix::System::new();
    let (pool, taken) = system.block_on(async {
        let pool = DbPool::start(&database, &config.password);
        let taken = pool.take_over(10_000).await.unwrap();
        (pool, taken)
    });
    let mut number = taken.flush;
    for sessions in [1, 50, 200] {
        criterion.bench_function(&format!("flush: {name}, {sessions} batches"), |bencher| {
            bencher.iter_custom(|times| {
                let flushes: Vec<Flush> = (number + 1..=number + times)
                    .map(|number| Flush {
                        epoch: taken.epoch,
                        number,
                        changes: changes(sessions, number),
                        outbox: Some(vec![7; 100 * sessions as usize]),
                        confirmed: number - 1,
                    })
                    .collect();
                number += times;
                let began = Instant::now();
                system.block_on(async {
                    for flush in flushes {
                        pool.flush(flush).await.unwrap();
                    }
                });
                began.elapsed()
            });
        });
    }
}

fn storage(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(".").unwrap();
    let config = |url: Option<String>| Config {
        data_dir: folder.path().to_owned(),
        storage: StorageConfig { database_url: url, ..StorageConfig::default() },
        ..Config::default()
    };
    measure(criterion, "SQLite", &config(None));

    let server = std::env::var("EVERHALL_TEST_POSTGRES").unwrap_or_else(|_| DEFAULT.to_owned());
    let Ok(mut connection) = PgConnection::establish(&server) else {
        return eprintln!("skipped: no PostgreSQL at {server} (set EVERHALL_TEST_POSTGRES)");
    };
    let name = format!("everhall_bench_{}", std::process::id());
    sql_query(format!("CREATE DATABASE {name}")).execute(&mut connection).unwrap();
    let (address, _) = server.rsplit_once('/').unwrap();
    measure(criterion, "PostgreSQL", &config(Some(format!("{address}/{name}"))));
    sql_query(format!("DROP DATABASE {name} WITH (FORCE)")).execute(&mut connection).unwrap();
}

criterion_group! {
    name = flushes;
    config = Criterion::default().sample_size(30);
    targets = storage
}
criterion_main!(flushes);
