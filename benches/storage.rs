//! A flush, as the journal gives it to the writer, on SQLite and on PostgreSQL; and what the portal records of its pages:
//! `cargo bench --bench storage`.
//!
//! PostgreSQL is the one of `EVERHALL_TEST_POSTGRES` (default: user postgres on this machine); without it a line says so.
//! The figure is the time until the transaction is on the disk: mostly the disk's.

#![allow(missing_docs, reason = "criterion's macros make functions")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may fail loudly")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
use everhall::config::{Config, StorageConfig};
use everhall::db::{self, DbPool, Flush};
use everhall::ids::{EntityId, SessionId};
use everhall::portal::door::{Delivery, Output};
use everhall::portal::lines::Progress;
use everhall::portal::replay::Replay;
use everhall::portal::ring_file::{RingFile, SessionState};
use everhall::wire::Facts;
use everhall::world::entity::Entity;
use everhall::world::record::Change;
use everhall::world::types::Behaviour;

const DEFAULT: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A stone is moved by each of these sessions: its entity's row, its cursor, and an outbox row of 100 bytes each.
fn changes(sessions: u64, number: u64) -> Vec<Change> {
    let mut changes = Vec::new();
    for session in 1..=sessions {
        let mut stone = Entity::new(EntityId(session), Behaviour::object(), format!("stone{session}"));
        stone.version = number as i64;
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

/// A thousand pages, and what the portal records of them. Without a folder it records nothing.
struct Pages {
    file: RingFile,
    sessions: BTreeMap<SessionId, (Replay, u64)>,
    all: Vec<SessionId>,
    key: [u8; 32],
    facts: Facts,
}

impl Pages {
    fn new(folder: Option<&Path>) -> Self {
        let file = folder.map_or_else(RingFile::nowhere, |folder| RingFile::open(folder).0);
        let all: Vec<SessionId> = (1..=1000).map(|n| SessionId::new(1, n)).collect();
        let sessions = all.iter().map(|id| (*id, (Replay::default(), 0))).collect();
        let mut pages = Self { file, sessions, all, key: [7; 32], facts: Facts::default() };
        for id in pages.all.clone() {
            let state = state(id, &pages.sessions, &pages.key, &pages.facts);
            pages.file.session(&state);
        }
        pages.write();
        pages
    }

    fn text(&mut self, to: Vec<SessionId>, text: &str) {
        let output = Arc::new(Output::new(text.to_owned()));
        for id in &to {
            let (replay, delivered) = self.sessions.get_mut(id).unwrap();
            *delivered += 1;
            replay.remember(&Delivery::Text { n: *delivered, output: output.clone() });
        }
        self.file.text(to, text);
    }

    fn write(&mut self) {
        self.file.write();
        while let Some(id) = self.file.next_to_carry() {
            let state = state(id, &self.sessions, &self.key, &self.facts);
            self.file.carried(&state);
        }
    }

    /// A page's line goes out, and its answer comes.
    fn line(&mut self, n: u64) {
        let id = self.all[n as usize % self.all.len()];
        self.file.sent(id, Some(n));
        self.write();
        self.text(vec![id], &"x".repeat(100));
        self.file.acked(id, n);
        self.file.applied(1, n);
        self.write();
        self.turn_over(n);
    }

    /// Something is said that all of them hear.
    fn said(&mut self, n: u64) {
        self.text(self.all.clone(), &"x".repeat(100));
        self.write();
        self.turn_over(n);
    }

    /// More often than once a second, so that its cost is in the figures.
    fn turn_over(&mut self, n: u64) {
        if n.is_multiple_of(1000) {
            self.file.turn_over(self.sessions.iter().map(|(id, (replay, _))| (*id, replay.ring.bytes())));
        }
    }
}

fn state<'a>(
    session: SessionId,
    sessions: &'a BTreeMap<SessionId, (Replay, u64)>,
    key: &'a [u8; 32],
    facts: &'a Facts,
) -> SessionState<'a> {
    let (replay, delivered) = &sessions[&session];
    let progress = Progress::default();
    SessionState { session, key, facts, note: &[], progress, replay, delivered: *delivered }
}

fn ring_file(criterion: &mut Criterion) {
    for (name, on_disk) in [("recorded", true), ("not recorded", false)] {
        let folder = tempfile::tempdir_in(".").unwrap();
        let mut pages = Pages::new(on_disk.then(|| folder.path()));
        let mut n = 0;
        criterion.bench_function(&format!("1,000 pages, {name}: a line of one"), |bencher| {
            bencher.iter(|| {
                n += 1;
                pages.line(n);
            });
        });
        criterion.bench_function(&format!("1,000 pages, {name}: a text for all"), |bencher| {
            bencher.iter(|| {
                n += 1;
                pages.said(n);
            });
        });
    }
}

criterion_group! {
    name = flushes;
    config = Criterion::default().sample_size(30);
    targets = storage
}
criterion_group!(recording, ring_file);
criterion_main!(recording, flushes);
