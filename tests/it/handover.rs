//! A reload as what it is: a new server beside the old one, which takes over or leaves everything as it was.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_query};
use everhall::testing::{ADMIN_PASSWORD, DEADLINE, PASSWORD, TestServer, poll};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::browser::Browser;
use super::world;

/// An executable of the test's own, in whose place others can be put.
struct Program {
    folder: TempDir,
    path: PathBuf,
}

impl Program {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("everhall");
        link(Path::new(env!("CARGO_BIN_EXE_everhall")), &path);
        Self { folder, path }
    }

    fn world(&self) -> TestServer {
        TestServer::with_exe(&self.path).start()
    }

    /// Puts a shell script in its place, as a build does: another file of that name.
    fn becomes(&self, script: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, &self.path).unwrap();
    }

    /// Puts a file in its place that is no program.
    fn becomes_nonsense(&self) {
        let new = self.folder.path().join("new");
        fs::write(&new, "nonsense").unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, &self.path).unwrap();
    }

    /// Puts itself back in its place.
    fn is_itself(&self) {
        let new = self.folder.path().join("new");
        link(Path::new(env!("CARGO_BIN_EXE_everhall")), &new);
        fs::rename(new, &self.path).unwrap();
    }

    /// Puts itself in its place, but it begins only when it may.
    fn waits(&self) -> Waiting {
        let (waiting, go) = (self.folder.path().join("waiting"), self.folder.path().join("go"));
        self.becomes(&format!(
            "touch '{}'; while [ ! -e '{}' ]; do sleep 0.01; done; exec '{}' \"$@\"",
            waiting.display(),
            go.display(),
            env!("CARGO_BIN_EXE_everhall"),
        ));
        Waiting { waiting, go }
    }
}

/// A new server that has been started and does nothing yet.
struct Waiting {
    waiting: PathBuf,
    go: PathBuf,
}

impl Waiting {
    fn is_there(&self) {
        poll(DEADLINE, || self.waiting.exists().then_some(())).expect("the new server is started");
    }

    fn goes_on(&self) {
        fs::write(&self.go, "").unwrap();
    }
}

fn link(from: &Path, to: &Path) {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).unwrap();
    }
}

/// Begins `everhall reload`, by the executable that the tests are of: the world's own may be broken.
fn reload(server: &TestServer) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everhall"));
    command.arg("reload").arg("--data-dir").arg(server.data_dir());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs `reload`, which is to be refused; returns what it said.
fn refused(server: &TestServer) -> String {
    let output = reload(server).wait_with_output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Waits for the end of a command in the background; returns what it printed.
fn printed(mut child: Child) -> String {
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert!(child.wait().unwrap().success(), "{printed}");
    printed
}

/// Tells whether a process runs. One that nobody has reaped does not.
pub(super) fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn the_old_server_answers_while_the_new_one_prepares_itself() {
    let program = Program::new();
    let server = program.world();
    let mut ann = server.player("Ann");
    let mut admin = server.admin();
    let old = server.server_pid();
    let waiting = program.waits();
    let reload = reload(&server);
    waiting.is_there();
    let status = server.status();
    assert_eq!((&status["server"]["state"], &status["server"]["pid"]), (&"ready".into(), &old.into()), "{status}");
    let next = status["server"]["next_pid"].as_u64().expect("the new server");
    assert_ne!(next, u64::from(old));
    ann.ask("get lamp", "You pick up a lamp.");
    ann.ask("say meanwhile", "You say, \"meanwhile\"");
    assert!(refused(&server).contains("a reload is under way already"));
    admin.ask("reload", "A reload is under way already.");
    waiting.goes_on();
    let said = printed(reload);
    assert!(said.starts_with("The server is new. The pause was "), "{said}");
    assert_eq!(u64::from(server.server_pid()), next);
    assert!(!runs(old));
    ann.ask("inventory", "You are carrying: a lamp.");
}

#[test]
fn whoever_reloads_in_the_world_is_told_when_it_is_done() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut admin = server.admin();
    let old = server.server_pid();
    admin.ask("reload", "Reloading");
    admin.expect("The server is new. The pause was ");
    assert_ne!(server.server_pid(), old);
    ann.expect_not("The server is new");
}

/// Reloads a world into something that fails, from the command line, in the world and on the page; then its server is killed.
fn leaves_the_old_server_running(config: &str, spoil: impl Fn(&Program), words: &str) {
    let program = Program::new();
    let server = TestServer::with_exe(&program.path).config(config).start();
    let mut ann = server.player("Ann");
    let mut admin = server.admin();
    let mut browser = Browser::of(&server);
    browser.log_in("admin", ADMIN_PASSWORD).expect_redirect("/admin");
    let old = server.server_pid();
    spoil(&program);

    let said = refused(&server);
    assert!(said.starts_with("everhall: the new server did not start: ") && said.contains(words), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    admin.ask("reload", "Reloading");
    admin.expect("The new server did not start: ");
    admin.expect("; the running one goes on.");
    let page = browser.submit("/admin", "/admin/reload", &[]).expect(202, "starting again");
    let next = page.header("refresh").split_once("url=").expect("it asks again").1.to_owned();
    let told = poll(DEADLINE, || Some(browser.get(&next)).filter(|page| page.body.contains("A reload failed")));
    let told = told.expect("the page tells").expect(200, "The new server did not start: ");
    assert_eq!(told.header("refresh"), "");
    browser.get("/admin").expect(200, "A reload failed");

    assert_eq!(server.server_pid(), old);
    ann.ask("get lamp", "You pick up a lamp.");
    ann.expect_not("restarted");
    // What follows a crash is not what lies there now.
    server.kill_server();
    ann.ask("inventory", "You are carrying: a lamp.");
    server.kill_server();
    ann.ask("drop lamp", "You drop a lamp.");
    assert!(refused(&server).contains(words));
    program.is_itself();
    server.reload();
    ann.ask("get lamp", "You pick up a lamp.");
}

#[test]
fn a_new_server_that_exits_leaves_the_old_one_running_also_after_a_crash() {
    leaves_the_old_server_running(
        "",
        |it| it.becomes("echo no such planet >&2; exit 3"),
        "no such planet; the running one goes on",
    );
}

#[test]
fn a_file_that_is_no_program_leaves_the_old_server_running_also_after_a_crash() {
    leaves_the_old_server_running("", Program::becomes_nonsense, "Exec format error");
}

#[test]
fn a_new_server_that_is_killed_leaves_the_old_one_running_also_after_a_crash() {
    leaves_the_old_server_running("", |it| it.becomes("kill -9 $$"), "signal: 9");
}

#[test]
fn a_new_server_that_never_gets_ready_leaves_the_old_one_running_also_after_a_crash() {
    let stuck = |it: &Program| it.becomes("echo counting stars >&2; exec sleep 600");
    leaves_the_old_server_running(
        "[server]\nstart_ms = 1000\n",
        stuck,
        "it was not ready in time; its last words were: counting stars",
    );
}

#[test]
fn a_new_server_that_cannot_read_the_database_leaves_the_old_one_running() {
    let server = world();
    let mut ann = server.player("Ann");
    let old = server.server_pid();
    let file = server.data_dir().join("world.sqlite3");
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    sql_query("PRAGMA busy_timeout = 5000").execute(&mut database).unwrap();
    sql_query("UPDATE meta SET schema_reader = 1000000").execute(&mut database).unwrap();
    assert!(refused(&server).contains("is from a newer version"));
    ann.ask("get lamp", "You pick up a lamp.");
    assert_eq!(server.server_pid(), old);
    sql_query("UPDATE meta SET schema_reader = 1").execute(&mut database).unwrap();
    server.reload();
    ann.ask("inventory", "You are carrying: a lamp.");
}

#[test]
fn a_new_server_that_dies_while_it_takes_over_is_followed_by_the_one_before() {
    let program = Program::new();
    let server = program.world();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    let mut browser = Browser::of(&server);
    browser.log_in("admin", ADMIN_PASSWORD).expect_redirect("/admin");
    let waiting = program.waits();
    let reload = reload(&server);
    waiting.is_there();
    // What it will load is not what it expects: it fails when the old one is gone.
    let file = server.data_dir().join("world.sqlite3");
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    sql_query("PRAGMA busy_timeout = 5000").execute(&mut database).unwrap();
    sql_query("ALTER TABLE script RENAME TO scribble").execute(&mut database).unwrap();
    waiting.goes_on();
    server.wait_for_log("the new server ended before it was ready");
    sql_query("ALTER TABLE scribble RENAME TO script").execute(&mut database).unwrap();
    let output = reload.wait_with_output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    ann.ask("inventory", "You are carrying: a lamp.");
    let told = poll(DEADLINE, || Some(browser.get("/admin")).filter(|page| page.status == 200));
    told.expect("the page is there").expect(200, "The new server ended before it was ready");
}

#[test]
fn a_crash_while_a_new_server_prepares_itself_is_mended_by_the_old_code() {
    let program = Program::new();
    let server = program.world();
    let mut ann = server.player("Ann");
    let waiting = program.waits();
    let reload = reload(&server);
    waiting.is_there();
    server.kill_server();
    assert!(!reload.wait_with_output().unwrap().status.success());
    ann.ask("get lamp", "You pick up a lamp.");
    assert_eq!(server.status()["server"]["next_pid"], Value::Null);
}

#[test]
fn a_stop_during_a_reload_ends_both_servers() {
    let program = Program::new();
    let mut server = program.world();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    let waiting = program.waits();
    let reload = reload(&server);
    waiting.is_there();
    let next = server.status()["server"]["next_pid"].as_u64().unwrap() as u32;
    assert!(server.terminate().success());
    assert!(!reload.wait_with_output().unwrap().status.success());
    assert!(!runs(next));
}

#[test]
fn the_executable_that_is_kept_goes_when_the_world_stops() {
    let program = Program::new();
    let mut server = program.world();
    let kept = server.data_dir().join("server.kept");
    poll(DEADLINE, || kept.exists().then_some(())).expect("the executable is kept");
    let files = || {
        let names = fs::read_dir(server.data_dir()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("server.")).count()
    };
    server.reload();
    server.kill_server();
    poll(DEADLINE, || (files() == 1).then_some(())).expect("one file is kept");
    assert!(server.stop().success());
    assert!(!kept.exists());
    // One that a crash of everything left behind is not what the next start runs.
    fs::write(&kept, "nonsense").unwrap();
    fs::set_permissions(&kept, Permissions::from_mode(0o755)).unwrap();
    server.start_again();
    let mut ann = server.player("Ann");
    server.kill_server();
    ann.sync();
}

#[test]
fn servers_ignore_an_interrupt_and_the_launcher_does_not() {
    let mut server = world();
    let mut ann = server.player("Ann");
    let pid = |pid: u32| Pid::from_raw(pid.try_into().unwrap()).unwrap();
    let old = server.server_pid();
    kill_process(pid(old), Signal::INT).unwrap();
    ann.ask("get lamp", "You pick up a lamp.");
    assert_eq!(server.server_pid(), old);
    kill_process(pid(server.launcher_pid()), Signal::INT).unwrap();
    ann.closed();
    assert!(ann.unread().contains("The world is shutting down."), "{}", ann.unread());
    assert_eq!(server.ended().code(), Some(0));
    server.start_again();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.ask("inventory", "You are carrying: a lamp.");
}
