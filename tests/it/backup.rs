//! Backups of running worlds, and worlds that are put back: what was shown before the backup is true after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use everhall::testing::{Builder, DEADLINE, PASSWORD, START_DEADLINE, TelnetClient, TestServer, poll};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::postgres::Database;
use super::typists::typists;
use super::{plan, world};

/// Runs a subcommand that shall succeed, and returns what it printed.
fn done(server: &TestServer, args: &[&str]) -> String {
    let output = server.run(args);
    assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Holds that a subcommand is refused, and says this.
#[track_caller]
fn refused(output: &Output, code: i32, words: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}{}", text(&output.stdout));
    assert!(said.contains(words) && said.lines().count() == 1, "{words}: {said}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Kills all processes of a world at once, as the loss of the machine would.
fn kill_all(server: &mut TestServer) {
    for pid in [server.launcher_pid(), server.portal_pid(), server.server_pid()] {
        let _ = kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL);
    }
    server.ended();
}

#[test]
fn what_was_shown_before_a_backup_is_true_when_it_is_restored() {
    drill(plan(), "sqlite3");
}

#[test]
fn what_was_shown_before_a_backup_is_true_when_it_is_restored_on_postgres() {
    let Some(database) = Database::fresh() else { return };
    drill(plan().database_url(&database.url()), "pgdump");
}

/// What a player has been shown: each line is answered before the next is typed.
#[derive(Default)]
struct Shown {
    described: AtomicU32,
    said: AtomicU32,
}

fn drill(plan: Builder, ending: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("drill.{ending}"));
    let mut server = plan.start();
    let mut players = typists(&server, 5);
    players[0].ask("get lamp", "You pick up a lamp.");
    players[1].ask("north", "The Winter Garden");
    let names: Vec<String> = players.iter().map(|player| player.name().to_owned()).collect();
    let shown: Vec<Shown> = names.iter().map(|_| Shown::default()).collect();
    let is_over = AtomicBool::new(false);
    // While five type, the world is copied.
    let before: Vec<(u32, u32)> = thread::scope(|scope| {
        for (player, shown) in players.iter_mut().zip(&shown) {
            scope.spawn(|| type_on(player, shown, &is_over));
        }
        poll(DEADLINE, || shown.iter().all(|shown| load(&shown.said) >= 3).then_some(())).unwrap();
        let before = shown.iter().map(|shown| (load(&shown.described), load(&shown.said))).collect();
        let said = done(&server, &["backup", file.to_str().unwrap()]);
        assert!(said.starts_with(&format!("The world is copied to {} (", file.display())), "{said}");
        is_over.store(true, Ordering::Release);
        before
    });
    // What comes after it is lost with the world.
    players[0].ask("drop lamp", "You drop a lamp.");
    players[2].ask("pub all this is in vain", "all this is in vain");
    refused(&server.run(&[Path::new("restore"), &file]), 4, "locked by another running world");
    kill_all(&mut server);
    let left_by_the_portal = server.data_dir().join("portal.ring");
    assert!(left_by_the_portal.exists());

    let said = done(&server, &["restore", file.to_str().unwrap()]);
    assert!(said.contains("is back: ") && said.contains("The one before is kept in "), "{said}");
    assert!(!left_by_the_portal.exists(), "its sessions were in another world");
    server.start_again();
    let mut again: Vec<TelnetClient> = names.iter().map(|name| server.telnet(name)).collect();
    for (((player, name), shown), (described, said)) in again.iter_mut().zip(&names).zip(&shown).zip(before) {
        player.login(name, PASSWORD);
        player.skip();
        player.ask("look me", "is number ");
        let number = number_behind(&player.text(), &format!("{name} is number "));
        let possible = described..=load(&shown.described);
        assert!(possible.contains(&number), "{name} is described by {number}, where {possible:?} can be");
        player.skip();
        player.ask("channel history public 500", &format!("{name}: {name}-{said}"));
        assert!(!player.text().contains("in vain"), "what came after the backup is not in it");
        player.settle();
        check_no_gap(&player.text());
    }
    again[0].skip();
    again[0].ask("inventory", "You are carrying: a lamp.");
    again[1].ask("look", "The Winter Garden");
    again[1].ask("pub we are back", "we are back");
    assert_eq!(done(&server, &["check"]), "Nothing is wrong.\n");
}

fn load(number: &AtomicU32) -> u32 {
    number.load(Ordering::Acquire)
}

/// Describes itself and talks, until it is told to stop.
fn type_on(player: &mut TelnetClient, shown: &Shown, is_over: &AtomicBool) {
    let name = player.name().to_owned();
    for n in 1.. {
        player.ask(&format!("setdesc {name} is number {n} and counting."), "escription");
        shown.described.store(n, Ordering::Release);
        player.ask(&format!("pub {name}-{n}"), &format!("{name}: {name}-{n}"));
        shown.said.store(n, Ordering::Release);
        if is_over.load(Ordering::Acquire) {
            return;
        }
    }
}

fn number_behind(text: &str, words: &str) -> u32 {
    let (_, rest) = text.rsplit_once(words).unwrap_or_else(|| panic!("{words:?} in {text}"));
    rest.split(' ').next().unwrap().parse().unwrap()
}

/// Asserts that a channel's history was shown with numbers 1, 2, 3 ….
fn check_no_gap(text: &str) {
    let numbers: Vec<u32> =
        text.lines().filter_map(|line| line.strip_prefix('#')?.split_once(" [Public]")?.0.parse().ok()).collect();
    assert!(!numbers.is_empty() && numbers == (1..=numbers.len() as u32).collect::<Vec<_>>(), "{numbers:?}");
}

#[test]
fn sessions_of_a_restored_world_are_never_named_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let mut first = world();
    // The portal's start number grows with each start.
    for _ in 0..3 {
        assert!(first.stop().success());
        first.start_again();
    }
    let mut ann = first.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    done(&first, &["backup", file.to_str().unwrap()]);

    let mut second = world();
    assert!(second.stop().success());
    done(&second, &["restore", file.to_str().unwrap()]);
    second.start_again();
    let state: Value = serde_json::from_slice(&fs::read(second.data_dir().join("portal.state")).unwrap()).unwrap();
    assert_eq!(state["start"], 1005, "well above the four starts of the world that the session is of");
    let mut ann = second.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.skip();
    ann.ask("inventory", "You are carrying: a lamp.");
    ann.ask("drop lamp", "You drop a lamp.");
}

#[test]
fn a_backup_replaces_nothing_unless_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let mut server = world();
    let args = ["backup", file.to_str().unwrap()];
    done(&server, &args);
    let first = fs::read(&file).unwrap();
    assert!(first.starts_with(b"SQLite format 3\0"));
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    refused(&server.run(&args), 1, "is there already; --force replaces it");
    assert_eq!(fs::read(&file).unwrap(), first);
    done(&server, &["backup", "--force", args[1]]);
    assert_ne!(fs::read(&file).unwrap(), first);
    // A world that is stopped is copied as well.
    assert!(server.stop().success());
    done(&server, &["backup", "--force", args[1]]);
    refused(&server.run(&["backup", "/nowhere/at/all"]), 1, "cannot write /nowhere/at/all: No such file or directory");
}

#[test]
fn a_backup_that_cannot_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let server = world();
    let config = server.data_dir().with_file_name("everhall.toml");
    // A file may not be larger than 64 KiB here, which is as if the disk were full.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_everhall"), "backup"])
        .args([&file, Path::new("--data-dir"), server.data_dir(), Path::new("--config"), &config])
        .output()
        .unwrap();
    refused(&output, 1, "cannot write ");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    done(&server, &["backup", file.to_str().unwrap()]);
}

#[test]
fn what_is_no_backup_is_refused_and_the_world_starts_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes");
    fs::write(&file, "Dear diary").unwrap();
    let mut server = world();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    assert!(server.stop().success());
    refused(&server.run(&[Path::new("restore"), &file]), 6, "is not a backup of a world");
    refused(&server.run(&["restore", "/nowhere"]), 1, "cannot read /nowhere");
    server.start_again();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.skip();
    ann.ask("inventory", "You are carrying: a lamp.");
}

#[test]
fn without_a_world_there_is_nothing_to_copy() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["backup", "check"] {
        let output = Command::new(env!("CARGO_BIN_EXE_everhall"))
            .args([command, "--data-dir", "nowhere"])
            .args(if command == "backup" { &["x"][..] } else { &[] })
            .current_dir(folder.path())
            .output()
            .unwrap();
        refused(&output, 1, "there is no world in nowhere/world.sqlite3");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn without_pg_dump_a_keeper_is_told_what_to_type() {
    let Some(database) = Database::fresh() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let server = plan().database_url(&database.url()).env("PATH", "/nowhere").start();
    let output = server.run(&[Path::new("backup"), &file]);
    refused(&output, 1, "pg_dump is not there; install PostgreSQL's client programs");
    let said = text(&output.stderr);
    assert!(said.contains("pg_dump --format=custom --table='(") && said.contains(&database.url()), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Returns the backups that a world has taken by itself, the oldest first.
fn scheduled(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).map(|files| files.map(|file| file.unwrap().path()).collect());
    let mut files: Vec<PathBuf> = files.unwrap_or_default();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "sqlite3" || ending == "pgdump"));
    files.sort();
    files
}

#[test]
fn a_world_takes_backups_by_itself_and_keeps_the_last_ones() {
    scheduled_backups(plan());
}

#[test]
fn a_world_takes_backups_by_itself_and_keeps_the_last_ones_on_postgres() {
    let Some(database) = Database::fresh() else { return };
    scheduled_backups(plan().database_url(&database.url()));
}

fn scheduled_backups(plan: Builder) {
    let mut server = plan.config("[backup]\nevery_secs = 1\nkeep = 2\n").start();
    let folder = server.data_dir().join("backups");
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    let after = |older: &[PathBuf]| {
        let newer = || scheduled(&folder).into_iter().filter(|file| !older.contains(file)).collect::<Vec<_>>();
        poll(START_DEADLINE, || Some(newer()).filter(|newer| !newer.is_empty())).expect("a newer backup")
    };
    let first = after(&[]);
    // The oldest went, and two are left, or three while the newest is just there.
    poll(START_DEADLINE, || (!first[0].exists()).then_some(())).expect("the first one goes");
    assert!((1..=3).contains(&scheduled(&folder).len()), "{:?}", scheduled(&folder));
    // A reload does not begin anew with counting.
    server.reload();
    let last = after(&scheduled(&folder)).pop().unwrap();
    let status = server.status();
    assert!(status["backup"]["last"].as_str().is_some_and(|file| file.contains("/backups/world-")), "{status}");
    assert_eq!(status["backup"]["failed"], Value::Null);
    assert!(text(&server.run(&["status"]).stdout).contains("backup   "));

    kill_all(&mut server);
    let kept = folder.join("kept");
    fs::copy(&last, &kept).or_else(|_| fs::copy(scheduled(&folder).last().unwrap(), &kept)).unwrap();
    done(&server, &["restore", kept.to_str().unwrap()]);
    server.start_again();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.skip();
    ann.ask("inventory", "You are carrying: a lamp.");
}

#[test]
fn a_backup_that_fails_is_told_and_the_next_one_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    fs::write(&backups, "in the way").unwrap();
    let config = format!("[backup]\nevery_secs = 1\nfolder = \"{}\"\n", backups.display());
    let server = plan().config(&config).start();
    let failed = || server.status()["backup"]["failed"].as_str().map(str::to_owned);
    let why = poll(START_DEADLINE, failed).expect("it fails");
    assert!(why.contains(&*backups.to_string_lossy()), "{why}");
    server.wait_for_log("no backup was taken: ");
    assert!(text(&server.run(&["status"]).stdout).contains("backup   failed: "));
    fs::remove_file(&backups).unwrap();
    poll(START_DEADLINE, || scheduled(&backups).pop()).expect("the next one");
    poll(START_DEADLINE, || failed().is_none().then_some(())).expect("nothing failed any more");
}

#[test]
fn a_world_without_backups_takes_none() {
    let server = plan().config("[backup]\nevery_secs = 0\n").start();
    let status = server.status();
    assert_eq!(status["backup"], json!({"last": null, "last_at": null, "next_at": null, "failed": null}), "{status}");
    assert!(!server.data_dir().join("backups").exists());
}
