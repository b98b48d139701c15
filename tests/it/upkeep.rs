//! What a keeper sees of a world's soundness, and what a world does for it by itself.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::{Connection, SqliteConnection, sql_query};
use everhall::testing::{DEADLINE, PASSWORD, START_DEADLINE, TestServer, poll};
use serde_json::Value;

use super::{plan, world};

/// Opens the database file of a world.
fn database(server: &TestServer) -> SqliteConnection {
    let file = server.data_dir().join("world.sqlite3");
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    database.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
    database
}

fn number(database: &mut SqliteConnection, query: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    sql_query(format!("SELECT ({query}) AS n")).get_result::<Number>(database).unwrap().n
}

#[test]
fn a_damaged_world_is_found_out_and_mended_after_a_backup() {
    let mut server = world();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    let output = server.run(&["check"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"Nothing is wrong.\n"[..]), "while it runs");
    let output = server.run(&["check", "--repair"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(server.stop().success());
    database(&server).batch_execute("UPDATE entity SET location = 4711 WHERE key = 'key'").unwrap();

    let output = server.run(&["check"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let wrong = "is in #4711, which does not exist. Repair: put it where its home is, else into the start room #1.\n\
        One thing is wrong.\ncheck --repair mends what it can, after a backup, while the world is stopped.\n";
    assert!(said.contains("(key) ") && said.ends_with(wrong), "{said}");
    let report: Value = serde_json::from_slice(&server.run(&["check", "--json"]).stdout).unwrap();
    assert_eq!(report["findings"][0]["problem"], "is in #4711, which does not exist", "{report}");

    let output = server.run(&["check", "--repair", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["count"], &report["findings"]), (&1.into(), &Value::Array(vec![])), "{report}");
    let backup = report["backup"].as_str().unwrap();
    assert!(backup.contains("/backups/before-repair-"), "{backup}");
    let mut before = SqliteConnection::establish(backup).unwrap();
    assert_eq!(number(&mut before, "SELECT count(*) FROM entity WHERE location = 4711"), 1);
    let output = server.run(&["check", "--repair"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"Nothing is wrong.\n"[..]));

    server.start_again();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.skip();
    ann.ask("get key", "You pick up a key.");
    ann.ask("inventory", "a lamp");
}

#[test]
fn a_world_that_was_killed_is_sound() {
    let mut server = world();
    let mut ann = server.player("Ann");
    let mut bob = server.player("Bob");
    ann.send_raw("get lamp\r\nnorth\r\ndrop lamp\r\npub hello\r\nsouth\r\n".repeat(5).as_bytes());
    bob.send_raw("follow ann\r\nget lamp\r\nput lamp in bag\r\nnorth\r\ntell carla hello\r\n".repeat(5).as_bytes());
    server.strike_server();
    let output = server.run(&["check"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    ann.sync();
    bob.sync();
    server.start_again();
    let output = server.run(&["check"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn old_messages_go_and_the_history_goes_on() {
    let server = plan().config("[retention]\nchannel_messages = 5\nsweep_secs = 1\n").start();
    let mut ann = server.player("Ann");
    for n in 1..=20 {
        ann.ask(&format!("pub number {n}"), &format!("Ann: number {n}"));
    }
    let mut file = database(&server);
    let kept = "SELECT count(*) FROM channel_message";
    poll(START_DEADLINE, || (number(&mut file, kept) == 5).then_some(())).expect("five are kept");
    assert_eq!(number(&mut file, "SELECT min(n) FROM channel_message"), 16);
    // What the channel has at hand is forgotten with its server.
    server.reload();
    ann.skip();
    ann.ask("channel history public 100", "#20 [Public] Ann: number 20");
    let text = ann.text();
    let (_, history) = text.rsplit_once("#16 [Public] Ann: number 16").expect("the oldest one");
    assert!(!history.contains("number 15"));
    ann.ask("pub number 21", "Ann: number 21");
    assert_eq!(number(&mut file, "SELECT max(n) FROM channel_message"), 21);
    assert!(server.run(&["check"]).status.success());
}

#[test]
fn a_session_that_cannot_go_on_leaves_no_row() {
    let mut server = world();
    let _ann = server.player("Ann");
    assert!(server.stop().success());
    let mut file = database(&server);
    let dead = "INSERT INTO session (id, account, puppet, cursor, mode) VALUES (7, 4711, 4711, 0, 'null')";
    file.batch_execute(dead).unwrap();
    server.start_again();
    server.wait_for_log("has no account or no place; dropped");
    let gone = || (number(&mut database(&server), "SELECT count(*) FROM session WHERE id = 7") == 0).then_some(());
    poll(DEADLINE, gone).expect("it is gone");
}
