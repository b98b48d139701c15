//! The pool outlives panics, errors, and a database that goes away for a while.

use std::sync::mpsc;

use actix::prelude::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::{CHEAP, Stage, change, entity, flush, on_both};
use crate::config::PasswordConfig;
use crate::db::writer::DbWriter;
use crate::db::{DbConnection, DbError, DbPool, Flush, LoadRoom, MetaRead, Password, Read, Trouble};
use crate::ids::EntityId;
use crate::world::record::Kind;

/// Does anything, in the writer.
#[derive(Message)]
#[rtype(result = "Result<(), DbError>")]
struct Do(fn(&mut DbConnection) -> Result<(), DbError>);

impl Handler<Do> for DbWriter {
    type Result = Result<(), DbError>;

    fn handle(&mut self, Do(work): Do, _: &mut SyncContext<Self>) -> Self::Result {
        self.runner.run("Do", work)
    }
}

fn execute(connection: &mut DbConnection, sql: &str) -> Result<(), DbError> {
    match connection {
        DbConnection::Sqlite(connection) => connection.batch_execute(sql)?,
        DbConnection::Postgres(connection) => connection.batch_execute(sql)?,
    }
    Ok(())
}

struct Panics;

impl Read for Panics {
    type Output = ();

    fn read(&self, _: &mut DbConnection) -> Result<(), DbError> {
        panic!("on purpose")
    }
}

struct Fails;

impl Read for Fails {
    type Output = ();

    fn read(&self, connection: &mut DbConnection) -> Result<(), DbError> {
        execute(connection, "SELECT * FROM nowhere")
    }
}

struct Writes;

impl Read for Writes {
    type Output = ();

    fn read(&self, connection: &mut DbConnection) -> Result<(), DbError> {
        execute(connection, "UPDATE meta SET flush = 99")
    }
}

/// Holds its reader until it is let go.
struct Waits(mpsc::Sender<()>, std::sync::Mutex<mpsc::Receiver<()>>);

impl Read for Waits {
    type Output = ();

    fn read(&self, _: &mut DbConnection) -> Result<(), DbError> {
        self.0.send(()).unwrap();
        self.1.lock().unwrap().recv().unwrap();
        Ok(())
    }
}

#[test]
fn a_hundred_panics_and_errors_leave_readers_writer_and_hashers_at_work() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            for _ in 0..100 {
                assert!(matches!(pool.read(Panics).await, Err(DbError::Panicked("Panics"))));
                assert!(matches!(pool.read(Fails).await, Err(DbError::Broken(_))));
                let panicked = pool.writer.send(Do(|_| panic!("on purpose"))).await.unwrap();
                assert!(matches!(panicked, Err(DbError::Panicked("Do"))));
                let failed = pool.writer.send(Do(|connection| execute(connection, "SELECT nonsense"))).await.unwrap();
                assert!(failed.is_err());
                let unreadable = pool.verify(Password::new("x"), "not a hash".to_owned()).await;
                assert!(matches!(unreadable, Err(DbError::Password(_))));
            }
            pool.flush(flush(taken, 1, vec![change(entity(1, Kind::Room, None))])).await.unwrap();
            assert!(pool.read(LoadRoom(EntityId(1))).await.unwrap().is_some());
            assert!(!pool.verify_nobody(Password::new("x")).await.unwrap());
        });
    });
}

#[test]
fn a_panic_in_the_middle_of_a_transaction_writes_nothing() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let panicked = pool
                .writer
                .send(Do(|connection| {
                    connection.transaction(|connection| {
                        execute(connection, "UPDATE meta SET flush = 99")?;
                        panic!("on purpose")
                    })
                }))
                .await
                .unwrap();
            assert!(matches!(panicked, Err(DbError::Panicked(_))));
            pool.flush(flush(taken, 1, vec![])).await.unwrap();
            assert_eq!(pool.read(MetaRead).await.unwrap().flush, 1);
        });
    });
}

#[test]
fn a_reader_cannot_write() {
    on_both(|stage| {
        stage.world(|pool, _| async move {
            assert!(pool.read(Writes).await.is_err());
            assert_eq!(pool.read(MetaRead).await.unwrap().flush, 0);
        });
    });
}

#[test]
fn the_password_that_was_hashed_fits_and_no_other() {
    Stage::sqlite().world(|pool, _| async move {
        let hash = pool.hash(Password::new("correct horse")).await.unwrap();
        assert!(pool.verify(Password::new("correct horse"), hash.clone()).await.unwrap());
        assert!(!pool.verify(Password::new("battery staple"), hash).await.unwrap());
    });
}

#[test]
fn more_hashes_than_may_wait_are_refused_and_the_others_answered() {
    let stage = Stage::sqlite();
    let database = stage.open();
    actix::System::new().block_on(async move {
        let slow = PasswordConfig { hashers: 1, waiting: 3, memory_kib: 4096, ..CHEAP };
        let pool = DbPool::start(&database, &slow);
        let asked: Vec<_> = (0..20).map(|_| pool.verify_nobody(Password::new("x"))).collect();
        let answers = futures_util::future::join_all(asked).await;
        let refused = answers.iter().filter(|answer| matches!(answer, Err(DbError::Busy(_)))).count();
        // Nothing is taken from the queue before this thread waits.
        assert_eq!(refused, 17);
        assert_eq!(pool.hashes_waiting(), 0);
        assert!(!pool.verify_nobody(Password::new("x")).await.unwrap());
    });
}

#[test]
fn one_long_question_does_not_hold_the_others() {
    on_both(|stage| {
        stage.world(|pool, _| async move {
            let (began, begun) = mpsc::channel();
            let (let_go, held) = mpsc::channel();
            let long = pool.read(Waits(began, std::sync::Mutex::new(held)));
            assert_eq!(pool.read(MetaRead).await.unwrap().epoch, 1);
            let_go.send(()).unwrap();
            long.await.unwrap();
            begun.recv().unwrap();
        });
    });
}

#[test]
fn a_take_over_waits_for_the_last_transaction_of_a_dead_server() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let mut late = stage.open().connect().unwrap();
            execute(&mut late, "BEGIN; UPDATE meta SET flush = 1 WHERE epoch = 1 AND flush = 0").unwrap();
            let next = pool.take_over(0);
            let commit = std::thread::spawn(move || execute(&mut late, "COMMIT").unwrap());
            let next = next.await.unwrap();
            commit.join().unwrap();
            assert_eq!((next.epoch, next.flush), (taken.epoch + 1, 1));
        });
    });
}

#[test]
fn a_locked_file_counts_as_storage_away_and_the_flush_goes_through_later() {
    let stage = &Stage::sqlite();
    stage.world(|pool, taken| async move {
        let impatient = Do(|connection| execute(connection, "PRAGMA busy_timeout = 1"));
        pool.writer.send(impatient).await.unwrap().unwrap();
        let mut other = stage.open().connect().unwrap();
        execute(&mut other, "BEGIN EXCLUSIVE").unwrap();
        let away = pool.flush(flush(taken, 1, vec![])).await.unwrap_err();
        assert!(away.is_away(), "{away:?}");
        execute(&mut other, "COMMIT").unwrap();
        pool.flush(flush(taken, 1, vec![])).await.unwrap();
    });
}

#[test]
fn a_full_disk_counts_as_storage_away_and_the_flush_goes_through_later() {
    Stage::sqlite().world(|pool, taken| async move {
        let fill = Do(|connection| execute(connection, "PRAGMA max_page_count = 1"));
        pool.writer.send(fill).await.unwrap().unwrap();
        let large = || {
            let changes = (1..200).map(|id| change(entity(id, Kind::Room, None))).collect();
            pool.flush(flush(taken, 1, changes))
        };
        let away = large().await.unwrap_err();
        assert!(away.trouble() == Some(Trouble::Full), "{away:?}");
        assert_eq!(pool.read(MetaRead).await.unwrap().flush, 0);
        // The connection that failed is not used again, and the limit was that connection's.
        large().await.unwrap();
        assert!(pool.read(LoadRoom(EntityId(199))).await.unwrap().is_some());
    });
}

#[test]
fn the_log_of_the_database_file_stays_bounded() {
    let stage = &Stage::sqlite();
    let log = stage.directory.path().join("world.sqlite3-wal");
    stage.world(|pool, taken| async move {
        for number in 1..=120_u64 {
            let large = Flush {
                outbox: Some(vec![1; 512 * 1024]),
                confirmed: number.saturating_sub(2),
                ..flush(taken, number, vec![])
            };
            pool.flush(large).await.unwrap();
            pool.read(MetaRead).await.unwrap();
        }
        let bytes = std::fs::metadata(log).unwrap().len();
        assert!(bytes <= 16 * 1024 * 1024, "{bytes} bytes after 60 MiB of output");
    });
}

#[test]
fn cut_connections_are_replaced_and_nobody_notices() {
    let Some(stage) = Stage::postgres() else { return };
    let server = stage.postgres.as_ref().unwrap().server.clone();
    let name = stage.postgres.as_ref().unwrap().name.clone();
    let cut = || {
        let mut admin = PgConnection::establish(&server).unwrap();
        let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        diesel::sql_query(sql).execute(&mut admin).unwrap();
    };
    stage.world(|pool, taken| async move {
        for number in 1..=5 {
            pool.flush(flush(taken, number, vec![change(entity(number, Kind::Room, None))])).await.unwrap();
            assert!(pool.read(LoadRoom(EntityId(number))).await.unwrap().is_some());
            cut();
        }
        pool.flush(flush(taken, 6, vec![])).await.unwrap();
        assert_eq!(pool.read(MetaRead).await.unwrap().flush, 6);
    });
}
