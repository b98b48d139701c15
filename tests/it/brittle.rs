//! Servers that die and hang, in a game that makes them (`examples/brittle.rs`): what becomes of lines, and safe mode.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_query};
use everhall::testing::{ADMIN_PASSWORD, Builder, DEADLINE, PASSWORD, START_DEADLINE, TestServer, poll};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::handover::runs;
use super::typists::{check_heard, check_own, paste, typists};
use super::world;

/// What is said of a line that was given up.
const GIVEN_UP: &str = "Something went wrong with that line, twice; it was not done.";

/// The plan of a world that can be broken.
fn brittle() -> Builder {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    TestServer::with_exe(PROGRAM.get_or_init(build))
}

/// Builds the example, if cargo has not done so yet, and returns its program.
fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--locked", "--example", "brittle", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = artifacts.filter(|message| message["target"]["name"] == "brittle");
    programs.find_map(|message| Some(message["executable"].as_str()?.into())).expect("an example is a program")
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

fn safe_mode(server: &TestServer) -> bool {
    server.status()["server"]["safe_mode"] == true
}

#[test]
fn a_line_that_aborts_the_process_each_time_is_given_up_after_the_second() {
    let server = brittle().start();
    let mut ann = server.player("Ann");
    let mut bob = server.player("Bob");
    let before = server.status()["server"]["starts"].as_u64().unwrap();
    bob.send_raw(b"crash\r\nsay alive\r\n");
    bob.expect(GIVEN_UP);
    bob.expect("You say, \"alive\"");
    ann.expect("Bob says, \"alive\"");
    assert_eq!(server.status()["server"]["starts"].as_u64().unwrap() - before, 2, "it was run twice");
    server.wait_for_log("was given up");
    assert!(!server.logs().contains("crash\r\n") && !server.logs().contains("\"crash\""), "its text is not logged");
}

#[test]
fn a_room_in_an_endless_loop_costs_the_line_that_went_round() {
    let server = brittle().config("[server]\npatience_ms = 1000\n").start();
    let mut ann = server.player("Ann");
    let mut bob = server.player("Bob");
    bob.ask("down", "The Cellar");
    bob.send("hang");
    bob.expect(GIVEN_UP);
    server.wait_for_log("the server is silent");
    for n in 0..3 {
        ann.ask(&format!("say hello {n}"), &format!("You say, \"hello {n}\""));
    }
    bob.ask("look", "The Cellar");
}

#[test]
fn a_server_that_is_stopped_dead_loses_none_of_twenty_pasted_lines() {
    let server = super::plan().config("[server]\npatience_ms = 1000\n").start();
    let mut typists = typists(&server, 4);
    for round in 0..2 {
        let old = server.server_pid();
        typists.iter_mut().for_each(|typist| paste(typist, round * 20 + 1, round * 20 + 10));
        typists[0].expect(&format!("-{}\"", round * 20 + 1));
        signal(old, Signal::STOP);
        typists.iter_mut().for_each(|typist| paste(typist, round * 20 + 11, round * 20 + 20));
        server.wait_for_another(old);
    }
    for _ in 0..2 {
        typists.iter_mut().for_each(|typist| typist.sync());
    }
    for typist in &typists {
        check_own(typist, 40);
        for other in typists.iter().filter(|other| other.name() != typist.name()) {
            check_heard(typist, other.name(), 40);
        }
    }
}

#[test]
fn a_command_that_is_open_for_too_long_restarts_the_server() {
    // Two threads for rooms: the one that hangs is not the one that looks. The watchdog would wait for a minute.
    let config = "[server]\narbiters = 2\npatience_ms = 60000\ncommand_ms = 1000\n";
    let server = brittle().config(config).start();
    let mut bob = server.player("Bob");
    let old = server.server_pid();
    bob.send("hang");
    server.wait_for_another(old);
    server.wait_for_log("has no answer after 1000 ms");
    bob.expect(GIVEN_UP);
    bob.ask("look", "The Yard");
}

#[test]
fn a_line_that_waits_for_storage_is_not_held_against_the_server() {
    let server = super::plan().config("[server]\ncommand_ms = 2000\n").start();
    let mut ann = server.player("Ann");
    let old = server.server_pid();
    let file = server.data_dir().join("world.sqlite3");
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    sql_query("BEGIN IMMEDIATE").execute(&mut database).unwrap();
    ann.send("get lamp");
    // The writer has waited for 5 s when it says so.
    server.wait_for_log("storage is away");
    assert_eq!(server.server_pid(), old, "{}", server.logs());
    sql_query("ROLLBACK").execute(&mut database).unwrap();
    ann.sync();
    assert!(!server.logs().contains("has no answer after"), "{}", server.logs());
}

#[test]
fn a_server_that_hangs_is_gone_soon_after_its_portal() {
    let server = brittle().config("[server]\npatience_ms = 60000\n").start();
    let mut bob = server.player("Bob");
    let (old, portal) = (server.server_pid(), server.portal_pid());
    bob.send("hang");
    let hangs = poll(DEADLINE, || server.status()["rooms_loaded"].is_null().then_some(()));
    assert!(hangs.is_some(), "it still says how many rooms are loaded");
    signal(server.launcher_pid(), Signal::KILL);
    is_soon_followed_by(old, portal);
}

#[test]
fn a_server_ends_soon_after_its_portal() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    is_soon_followed_by(server.server_pid(), server.portal_pid());
}

/// Kills a portal, and asserts that its server is gone within 2 s, and what a busy machine adds to that.
fn is_soon_followed_by(server: u32, portal: u32) {
    signal(portal, Signal::KILL);
    let died = Instant::now();
    poll(DEADLINE, || (!runs(server)).then_some(())).expect("the server ends");
    assert!(died.elapsed() < Duration::from_millis(3500), "{:?}", died.elapsed());
}

/// Plays a world into safe mode with `poison`, and out of it with `antidote`.
fn safe_mode_ends_with(poison: &str, antidote: &str) {
    let server = brittle().start();
    let mut ann = server.player("Ann");
    let mut admin = server.admin();
    admin.send(poison);
    ann.expect("it is in safe mode until a keeper has mended it");
    admin.expect("it is in safe mode until a keeper has mended it");
    assert!(safe_mode(&server));
    let shown = server.run(&["status"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("safe mode"), "{shown:?}");

    // Players stay, and are told that nothing is done; nobody but Admins comes in.
    ann.ask("say hello", "That was not done; please try again later.");
    let mut bob = server.telnet("Bob");
    bob.expect("The world is in safe mode: only Admins may come in.");
    bob.ask(&format!("create Bob {PASSWORD}"), "only Admins may come in");
    bob.ask(&format!("connect Ann {PASSWORD}"), "only Admins may come in");
    admin.skip();
    admin.ask("say I am looking", "You say, \"I am looking\"");
    ann.expect("says, \"I am looking\"");
    let mut second = server.telnet("admin");
    second.login("admin", ADMIN_PASSWORD);
    admin.closed();
    let mut admin = second;

    // As long as it is not mended, a reload leads back: its server dies, and is followed by one in safe mode.
    let starts = |status: &Value| status["server"]["starts"].as_u64().unwrap();
    let before = starts(&server.status());
    admin.send("reload");
    let is_back = |status: &Value| starts(status) >= before + 2 && status["server"]["state"] == "ready";
    let back = poll(START_DEADLINE, || is_back(&server.status()).then_some(()));
    assert!(back.is_some(), "{}", server.logs());
    assert!(safe_mode(&server));
    ann.ask("say hello", "That was not done; please try again later.");

    admin.send(antidote);
    admin.sync();
    admin.skip();
    admin.ask("reload", "The server is new.");
    ann.expect("Safe mode is over: the world goes on.");
    assert!(!safe_mode(&server));
    ann.ask("say hello", "You say, \"hello\"");
    bob.send(&format!("create Bob {PASSWORD}"));
    bob.sync();
}

#[test]
fn a_timer_that_kills_each_server_is_stilled_by_safe_mode() {
    safe_mode_ends_with("arm", "disarm");
}

#[test]
fn a_script_that_kills_each_server_is_stilled_by_safe_mode() {
    safe_mode_ends_with("infect", "cure");
}
