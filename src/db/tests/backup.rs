//! Backups are of one moment, and what is restored from one goes on where it was.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Stage, change, entity, execute, flush, number, on_both, rows};
use crate::db::{BackupError, Database, DbError, Flush, Kept, Old, open_existing, place, seed};
use crate::world::record::Kind;

fn file(stage: &Stage) -> PathBuf {
    stage.directory.path().join("the world's.backup")
}

/// A world of one room, with the epoch, the flush and the next id that are given.
fn small_world(stage: &Stage) -> Database {
    let database = stage.open();
    seed::seed(&database, [rows(entity(1, Kind::Room, None))], vec![], vec![], vec![]).unwrap();
    let numbers =
        "UPDATE meta SET epoch = 3, flush = 70, next_id = 500; INSERT INTO outbox (flush, groups) VALUES (70, '')";
    execute(&mut database.connect().unwrap(), numbers);
    database
}

#[test]
fn a_copy_is_of_one_moment_while_the_writer_goes_on() {
    on_both(|stage| {
        let (folder, database) = (stage.directory.path().to_owned(), stage.open());
        let copies = stage.world(|pool, taken| async move {
            let copying = std::thread::spawn(move || {
                let copy = |n| {
                    let file = folder.join(format!("copy {n}"));
                    database.back_up(&file, false).map(|_| file)
                };
                (0..3).map(copy).collect::<Result<Vec<_>, _>>().unwrap()
            });
            let mut flushes = 0;
            while !copying.is_finished() || flushes < 5 {
                flushes += 1;
                let rooms = [2 * flushes, 2 * flushes + 1].map(|id| change(entity(id, Kind::Room, None)));
                pool.flush(flush(taken, flushes, rooms.to_vec())).await.unwrap();
            }
            copying.join().unwrap()
        });
        let mut last = 0;
        for copy in copies {
            stage.look_into(&copy, |connection| {
                let flushes = number(connection, "SELECT flush FROM meta");
                assert_eq!(number(connection, "SELECT count(*) FROM entity"), 2 * flushes);
                assert!(flushes >= last);
                last = flushes;
            });
        }
        assert!(last > 0, "nothing was written while it was copied");
    });
}

#[test]
fn the_log_that_grew_while_somebody_read_is_cut_back() {
    let stage = &Stage::sqlite();
    let log = stage.directory.path().join("world.sqlite3-wal");
    let bytes = || fs::metadata(&log).unwrap().len();
    stage.world(|pool, taken| async move {
        let mut reader = stage.open().connect().unwrap();
        execute(&mut reader, "BEGIN; SELECT * FROM meta");
        let write = |number| {
            let outbox = Some(vec![1; 512 * 1024]);
            pool.flush(Flush { outbox, confirmed: number - 1, ..flush(taken, number, vec![]) })
        };
        for number in 1..=60 {
            write(number).await.unwrap();
        }
        let grown = bytes();
        assert!(grown > 24 * 1024 * 1024, "{grown} bytes of 30 MiB that somebody might still ask about");
        execute(&mut reader, "COMMIT");
        for number in 61..=64 {
            write(number).await.unwrap();
        }
        assert!(bytes() <= 16 * 1024 * 1024, "{} bytes when nobody reads any more", bytes());
    });
}

#[test]
fn a_restored_world_is_what_it_was_and_counts_on_from_what_it_became() {
    on_both(|stage| {
        let database = small_world(stage);
        database.back_up(&file(stage), false).unwrap();
        let mut connection = database.connect().unwrap();
        execute(&mut connection, "UPDATE meta SET epoch = 5, flush = 90, next_id = 900");
        execute(&mut connection, "UPDATE entity SET key = 'burnt down'");
        drop(connection);

        let restored = place(&stage.config()).unwrap().restore(&file(stage)).unwrap();
        assert_eq!((restored.entities, restored.accounts), (1, 0));
        let mut connection = stage.open().connect().unwrap();
        assert_eq!(number(&mut connection, "SELECT count(*) FROM entity WHERE key = 'thing 1'"), 1);
        for (column, expected) in [("epoch", 6), ("flush", 90), ("next_id", 900)] {
            assert_eq!(number(&mut connection, &format!("SELECT {column} FROM meta")), expected, "{column}");
        }
        assert_eq!(number(&mut connection, "SELECT count(*) FROM outbox"), 0, "for a portal that is gone");
        match restored.kept.unwrap() {
            Kept::File(kept) => stage.look_into(&kept, |connection| {
                assert_eq!(number(connection, "SELECT count(*) FROM entity WHERE key = 'burnt down'"), 1);
            }),
            Kept::Schema(kept) => {
                let burnt = format!("SELECT count(*) FROM {kept}.entity WHERE key = 'burnt down'");
                assert_eq!(number(&mut connection, &burnt), 1);
            }
        }
        // And once more: what is kept of one world is not in the way of the next.
        drop(connection);
        place(&stage.config()).unwrap().restore(&file(stage)).unwrap();
        assert!(stage.world(|pool, taken| async move { pool.delete(taken.epoch, Old::Tells(vec![])).await }).is_ok());
    });
}

#[test]
fn a_backup_is_restored_where_there_is_no_world_yet() {
    on_both(|stage| {
        let database = small_world(stage);
        database.back_up(&file(stage), false).unwrap();
        let Some(elsewhere) = stage.another() else { return };
        let restored = place(&elsewhere.config()).unwrap().restore(&file(stage)).unwrap();
        assert_eq!(restored.kept, None);
        let mut connection = elsewhere.open().connect().unwrap();
        assert_eq!(number(&mut connection, "SELECT next_id FROM meta"), 500);
        assert_eq!(number(&mut connection, "SELECT epoch FROM meta"), 4);
    });
}

/// Holds that a file is refused, and that the world is as it was and runs.
fn refused(stage: &Stage, file: &Path, is_expected: impl Fn(&BackupError) -> bool) {
    let names = || {
        let mut names: Vec<_> = fs::read_dir(stage.directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.retain(|name| !name.to_string_lossy().ends_with(".lock"));
        names.sort();
        names
    };
    let before = names();
    let error = place(&stage.config()).unwrap().restore(file).unwrap_err();
    assert!(is_expected(&error), "{error:?}");
    assert_eq!(names(), before, "nothing is left behind: {error}");
    let mut connection = stage.open().connect().unwrap();
    assert_eq!(number(&mut connection, "SELECT count(*) FROM entity WHERE key = 'thing 1'"), 1);
    assert_eq!(number(&mut connection, "SELECT epoch FROM meta"), 3);
}

#[test]
fn what_is_no_backup_of_this_world_is_refused_and_the_world_left_alone() {
    on_both(|stage| {
        let database = small_world(stage);
        let (good, bad) = (file(stage), stage.directory.path().join("bad"));
        database.back_up(&good, false).unwrap();

        refused(stage, &bad, |error| matches!(error, BackupError::Read { .. }));
        fs::write(&bad, "Dear diary").unwrap();
        refused(stage, &bad, |error| matches!(error, BackupError::NotABackup { .. }));
        let other: &[u8] = if stage.is_sqlite() { b"PGDMP, and so on" } else { b"SQLite format 3\0, and so on" };
        fs::write(&bad, other).unwrap();
        refused(stage, &bad, |error| matches!(error, BackupError::OtherKind { .. }));
        let whole = fs::read(&good).unwrap();
        fs::write(&bad, &whole[..whole.len() * 2 / 3]).unwrap();
        refused(stage, &bad, |error| matches!(error, BackupError::Damaged { .. }));

        execute(&mut database.connect().unwrap(), "UPDATE meta SET schema_reader = 99");
        let newer = stage.directory.path().join("newer");
        database.back_up(&newer, false).unwrap();
        execute(&mut database.connect().unwrap(), "UPDATE meta SET schema_reader = 1");
        refused(stage, &newer, |error| matches!(error, BackupError::Newer { needs: 99, .. }));

        let _running = database.lock_world().unwrap();
        refused(stage, &good, |error| matches!(error, BackupError::Db(DbError::InUse { .. })));
    });
}

#[test]
fn a_database_of_something_else_is_no_backup() {
    let stage = Stage::sqlite();
    small_world(&stage);
    let other = stage.directory.path().join("recipes");
    let mut recipes = <diesel::SqliteConnection as diesel::Connection>::establish(other.to_str().unwrap()).unwrap();
    diesel::connection::SimpleConnection::batch_execute(&mut recipes, "CREATE TABLE recipes (name TEXT)").unwrap();
    drop(recipes);
    refused(&stage, &other, |error| matches!(error, BackupError::NotABackup { .. }));
}

#[test]
fn a_database_file_that_was_copied_by_hand_is_restored_with_its_log() {
    let stage = Stage::sqlite();
    let database = small_world(&stage);
    // Held open, so that what was written last is in the log alone.
    let mut connection = database.connect().unwrap();
    execute(&mut connection, "UPDATE entity SET key = 'written last'");
    let copy = stage.directory.path().join("copied.sqlite3");
    for ending in ["", "-wal"] {
        let from = stage.directory.path().join(format!("world.sqlite3{ending}"));
        fs::copy(from, stage.directory.path().join(format!("copied.sqlite3{ending}"))).unwrap();
    }
    execute(&mut connection, "UPDATE entity SET key = 'written later'");
    drop(connection);
    place(&stage.config()).unwrap().restore(&copy).unwrap();
    let mut connection = stage.open().connect().unwrap();
    assert_eq!(number(&mut connection, "SELECT count(*) FROM entity WHERE key = 'written last'"), 1);
}

#[test]
fn a_world_that_is_broken_is_kept_as_it_is_and_replaced() {
    let stage = Stage::sqlite();
    let database = small_world(&stage);
    database.back_up(&file(&stage), false).unwrap();
    let path = stage.directory.path().join("world.sqlite3");
    let broken = b"SQLite format 3\0, and then the disk died".repeat(500);
    fs::write(&path, &broken).unwrap();
    let restored = place(&stage.config()).unwrap().restore(&file(&stage)).unwrap();
    let Some(Kept::File(kept)) = restored.kept else { panic!("it is kept") };
    assert_eq!(fs::read(kept).unwrap(), broken);
    let mut connection = stage.open().connect().unwrap();
    assert_eq!(number(&mut connection, "SELECT epoch FROM meta"), 4);
}

#[test]
fn a_world_that_is_not_there_cannot_be_copied() {
    on_both(|stage| {
        let error = open_existing(&stage.config()).unwrap_err();
        assert!(matches!(error, DbError::NoWorld { .. }), "{error:?}");
        assert_eq!(fs::read_dir(stage.directory.path()).unwrap().count(), 0);
    });
}
