//! The processes from outside: what they report, how they refuse to start, how they stop, what a keeper runs.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;

use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_query};
use everhall::testing::{ADMIN_PASSWORD, Builder, DEADLINE, PASSWORD, TelnetClient};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{plan, world};

#[test]
fn status_tells_processes_listeners_and_players() {
    let server = world();
    let output = server.run(&["status", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let status: Value = serde_json::from_slice(&output.stdout).expect("status --json prints JSON");
    assert_eq!(status["portal"]["state"], "running", "{status}");
    assert_eq!(status["server"]["state"], "ready", "{status}");
    assert!(status["portal"]["pid"].as_u64().unwrap() != status["server"]["pid"].as_u64().unwrap());
    assert_eq!(status["listeners"]["telnet"], server.telnet_address().to_string());
    assert_eq!(status["listeners"]["http"], server.http_address().to_string());
    assert_eq!(status["players"], 0);
    assert!(status["uptime_s"].is_u64(), "{status}");

    let _ann = server.player("Ann");
    let handlers = &server.status()["handlers"];
    for kind in ["session", "room", "accounts", "journal", "link"] {
        let (of, waited) = (&handlers[kind], &handlers[kind]["most_mail_waiting"]);
        assert!(of["count"].as_u64() > Some(0) && of["max_us"].is_number() && of["total_us"].is_number(), "{handlers}");
        assert!(waited.as_u64() > Some(0) && of["mail_waiting"].is_u64(), "{kind}: {handlers}");
    }
    assert!(server.status()["portal"]["most_mail_waiting"].as_u64() > Some(0), "{}", server.status());
    // Who only looks at the welcome screen is no player.
    let mut nobody = server.telnet("nobody");
    nobody.wait("the welcome screen", |client| !client.text().trim().is_empty());
    assert_eq!(server.status()["players"], 1);
}

#[test]
fn a_world_that_does_not_run_is_reported_as_such() {
    let mut server = world();
    assert!(server.stop().success());
    for command in ["status", "stop", "reload"] {
        let output = server.run(&[command]);
        assert!(!output.status.success(), "{command}: {output:?}");
        check_words(&output, "running");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(plan().arg("--telnet").arg(&address), 3, &address);
}

#[test]
fn a_data_directory_belongs_to_one_running_world() {
    let server = world();
    let mut ann = server.player("Ann");
    refused(plan().data_dir(server.data_dir()), 4, "locked");
    ann.ask("say still here", "You say, \"still here\"");
}

#[test]
fn a_database_belongs_to_one_running_world() {
    let Some(database) = super::postgres::Database::fresh() else { return };
    let _server = plan().database_url(&database.url()).start();
    let output = plan().database_url(&database.url()).start_refused();
    assert_eq!(output.status.code(), Some(4));
    check_words(&output, "everhall: ");
}

#[test]
fn an_unknown_setting_is_named_with_what_may_be_meant() {
    refused(plan().config("[world]\nregistraton = \"open\""), 2, "did you mean `world.registration`?");
    refused(plan().config("[wrold]\nname = \"X\""), 2, "did you mean `[world]`?");
    refused(plan().config("[world]\nregistration = \"maybe\""), 2, "open or closed or invite");
    // The environment is not only ours: there an unknown name is a warning.
    plan().env("EVERHALL_WORLD_NAMME", "X").start().wait_for_log("did you mean EVERHALL_WORLD_NAME?");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.sqlite3");
    let text = "Dear diary, ".repeat(1000);
    std::fs::write(&file, &text).unwrap();
    refused(plan().data_dir(folder.path()), 6, "world.sqlite3");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let mut first = world();
    assert!(first.stop().success());
    let file = first.data_dir().join("world.sqlite3");
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    // As a later version writes it whose changes this one cannot read.
    sql_query("UPDATE meta SET schema_reader = 1000000").execute(&mut database).unwrap();
    drop(database);
    refused(plan().data_dir(first.data_dir()), 6, "newer");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let inside = file.join("data");
    let output = plan().data_dir(&inside).start_refused();
    assert_eq!(output.status.code(), Some(5));
    check_words(&output, inside.to_str().unwrap());
}

#[test]
fn stop_and_sigterm_tell_the_players_and_end_well() {
    for signal in [false, true] {
        let mut server = world();
        let mut ann = server.player("Ann");
        let status = if signal { server.terminate() } else { server.stop() };
        assert_eq!(status.code(), Some(0), "signal: {signal}");
        ann.closed();
        assert!(ann.unread().contains("The world is shutting down."), "{}", ann.unread());
        // Nothing is left behind that a next start would stumble over.
        server.start_again();
        let mut ann = server.telnet("Ann");
        ann.login("Ann", PASSWORD);
    }
}

#[test]
fn shutdown_by_a_keeper_ends_well() {
    let mut server = world();
    let mut ann = server.player("Ann");
    let mut admin = server.admin();
    admin.send("shutdown");
    ann.closed();
    admin.closed();
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn reload_by_a_keeper_runs_once() {
    let server = world();
    let mut admin = server.admin();
    let mut ann = server.player("Ann");
    let old = server.server_pid();
    admin.send("reload");
    server.wait_for_another(old);
    admin.sync();
    ann.ask("say hello", "You say, \"hello\"");
    let new = server.server_pid();
    admin.sync();
    assert_eq!(server.server_pid(), new, "the reload is not run again by the server it started");
}

#[test]
fn a_killed_server_is_replaced_and_the_portal_stays() {
    let server = world();
    let mut ann = server.player("Ann");
    let portal = server.portal_pid();
    for _ in 0..3 {
        server.kill_server();
        ann.sync();
    }
    assert_eq!(server.portal_pid(), portal);
}

#[test]
fn a_killed_portal_is_replaced_at_the_same_addresses() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    let (telnet, http) = (server.telnet_address(), server.http_address());
    let portal = server.strike_portal();
    ann.closed();
    server.wait_for_another_portal(portal);
    let status = server.status();
    assert_eq!(status["listeners"]["telnet"], telnet.to_string());
    assert_eq!(status["listeners"]["http"], http.to_string());
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.ask("inventory", "You are carrying: a lamp.");
}

#[test]
fn a_killed_launcher_takes_its_world_with_it() {
    let mut server = world();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    kill(server.launcher_pid());
    ann.closed();
    server.start_again();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.ask("inventory", "You are carrying: a lamp.");
}

/// Kills a process as a crash would.
fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

#[test]
fn a_locked_out_keeper_runs_commands() {
    let server = world();
    let mut ann = server.player("Ann");
    let output = server.run(&["admin", "run", "wall the keeper speaks"]);
    assert!(output.status.success(), "{output:?}");
    ann.expect("the keeper speaks");
    let output = server.run(&["admin", "run", "who"]);
    check_words(&output, "Ann");
}

#[test]
fn a_keeper_makes_accounts_and_sets_passwords() {
    let server = world();
    let output = server.run_with_input(&["admin", "create", "Zoe"], "first-passw0rd\n");
    assert!(output.status.success(), "{output:?}");
    let mut zoe = server.telnet("Zoe");
    zoe.login("Zoe", "first-passw0rd");
    zoe.ask("wall I am a keeper", "I am a keeper");

    let output = server.run_with_input(&["admin", "password", "Zoe"], "second-passw0rd\n");
    assert!(output.status.success(), "{output:?}");
    let mut again = server.telnet("Zoe");
    again.send("connect Zoe first-passw0rd");
    again.login("Zoe", "second-passw0rd");

    let output = server.run_with_input(&["admin", "password", "Nobody At All"], "second-passw0rd\n");
    assert!(!output.status.success());
    check_words(&output, "Nobody At All");
    let output = server.run_with_input(&["admin", "create", "zoe"], "third-passw0rd\n");
    assert!(!output.status.success(), "the name is taken");
    let output = server.run_with_input(&["admin", "create", "Yves"], "short\n");
    assert!(!output.status.success(), "the password is too short");
}

#[test]
fn a_first_start_prints_the_generated_password_once() {
    let mut server = plan().without_env("EVERHALL_ADMIN_PASSWORD").start();
    let logs = server.logs();
    // It stands last in its line.
    let line = logs.lines().find(|line| line.contains("password")).expect("the password is printed");
    let password = line.split_whitespace().next_back().unwrap().to_owned();
    let mut admin = server.telnet("admin");
    admin.login("admin", &password);
    assert!(server.stop().success());
    assert_eq!(server.logs().matches(&password).count(), 1, "it is printed, and not logged");
    server.start_again();
    assert!(!server.logs().contains(&password), "it is not printed again");
}

#[test]
fn config_prints_settings_with_their_sources() {
    let mut server = plan().config("[world]\nname = \"Elsewhere\"").env("EVERHALL_LOG_LEVEL", "debug").start();
    let output = server.run(&["config"]);
    check_words(&output, "Elsewhere");
    check_words(&output, "everhall.toml");
    check_words(&output, "EVERHALL_LOG_LEVEL");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(ADMIN_PASSWORD));
    assert!(server.stop().success());
}

#[test]
fn the_environment_comes_before_the_file_and_flags_before_both() {
    let server = plan()
        .config("[world]\nname = \"From the file\"\n[listen]\nhttp = \"127.0.0.1:1\"")
        .env("EVERHALL_WORLD_NAME", "From the environment")
        .env("EVERHALL_LISTEN_TELNET", "127.0.0.1:1")
        .start();
    let mut guest = server.telnet("guest");
    guest.expect("Welcome to From the environment.");
    assert!(server.telnet_address().port() > 1 && server.http_address().port() > 1);
}

#[test]
fn a_world_runs_in_the_background() {
    let background = Background(tempfile::tempdir().unwrap());
    let output = background.run(&["start", "--telnet", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    assert!(output.status.success(), "{output:?}");
    let output = background.run(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).expect("status --json prints JSON");
    assert_eq!(status["server"]["state"], "ready", "ready when `start` returns: {status}");
    let pid = std::fs::read_to_string(background.0.path().join("data/everhall.pid")).unwrap();
    assert!(pid.trim().parse::<u32>().is_ok(), "{pid:?}");
    let mut admin = TelnetClient::connect(status["listeners"]["telnet"].as_str().unwrap().parse().unwrap(), "admin");
    admin.login("admin", ADMIN_PASSWORD);
    check_words(&background.run(&["status"]), "127.0.0.1:");
    check_words(&background.run(&["logs"]), "admin logged in");

    let second = background.run(&["start", "--telnet", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(4), "{second:?}");
    admin.sync();
    let output = background.run(&["stop"]);
    assert!(output.status.success(), "{output:?}");
    admin.closed();
    assert_eq!(background.run(&["status"]).status.code(), Some(1));
}

/// A folder of a world that is started detached. Whatever happens, it is stopped.
struct Background(tempfile::TempDir);

impl Background {
    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_everhall"));
        command.args(args).current_dir(self.0.path()).env("EVERHALL_ADMIN_PASSWORD", ADMIN_PASSWORD);
        command.env("EVERHALL_PASSWORD_MEMORY_KIB", "1024").output().unwrap()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It has been stopped already, unless the test failed.
        let _ = self.run(&["stop"]);
    }
}

#[test]
fn logs_can_be_followed() {
    let server = world();
    let mut following = server.spawn(&["logs", "-f"]);
    let shown = BufReader::new(following.stdout.take().unwrap());
    let (found, search) = mpsc::channel();
    let searching = thread::spawn(move || {
        let found_it = shown.lines().map_while(Result::ok).any(|line| line.contains("Ann logged in"));
        // Nobody listens any more if it came too late.
        let _ = found.send(found_it);
    });
    let _ann = server.player("Ann");
    let found = search.recv_timeout(DEADLINE);
    following.kill().unwrap();
    following.wait().unwrap();
    searching.join().unwrap();
    assert_eq!(found, Ok(true));
}

#[test]
fn migrate_prepares_a_database_and_starts_nothing() {
    let background = Background(tempfile::tempdir().unwrap());
    for _ in 0..2 {
        let output = background.run(&["migrate"]);
        assert!(output.status.success(), "{output:?}");
    }
    assert!(background.0.path().join("data/world.sqlite3").exists());
    assert_eq!(background.run(&["status"]).status.code(), Some(1));
}

#[test]
fn a_public_address_without_encryption_warns_once() {
    let server = plan().arg("--telnet").arg("0.0.0.0:0").start();
    let said = server.logs().matches("without TLS").count();
    assert!(said > 0);
    server.reload();
    assert_eq!(server.logs().matches("without TLS").count(), said, "it is said again after a reload");
}

#[test]
fn version_is_printed_without_a_world() {
    let output = Command::new(env!("CARGO_BIN_EXE_everhall")).arg("version").output().unwrap();
    assert!(output.status.success());
    check_words(&output, env!("CARGO_PKG_VERSION"));
}

/// Asserts that a world refuses to start: exit code, and one line on standard error that names the trouble.
#[track_caller]
fn refused(plan: Builder, code: i32, names: &str) {
    let output = plan.start_refused();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(matches!(lines.as_slice(), [line] if line.starts_with("everhall: ") && line.contains(names)), "{stderr}");
}

/// Asserts that a command printed `words`.
#[track_caller]
fn check_words(output: &Output, words: &str) {
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains(words), "{words:?} is not in\n{printed}");
}
