//! A PostgreSQL that goes away, hangs, or only reads.

use std::time::{Duration, Instant};

use everhall::testing::{DEADLINE, PASSWORD, START_DEADLINE, TelnetClient, TestServer, poll};

use super::super::plan;
use super::cluster::Cluster;
use super::{AWAY, BACK, REFUSED, wait_for_trouble, wait_until_ready};

fn world(cluster: &Cluster) -> TestServer {
    plan().config("[storage]\npatience_ms = 1000").database_url(&cluster.url()).start()
}

#[test]
fn a_postgresql_that_is_away_for_a_while_loses_and_doubles_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    let server = world(&cluster);
    let (mut ann, mut bob, mut admin) = (server.player("Ann"), server.player("Bob"), server.admin());
    admin.ask("north", "The Winter Garden");
    cluster.stop();
    ann.send("get lamp");
    bob.expect(AWAY);
    admin.expect("Storage is away: the database cannot be reached");
    bob.ask("get key", REFUSED);
    // What must be read is answered as well, if not with what was asked for.
    let began = Instant::now();
    for line in ["find lamp", "examine #999", "history #1", "perm Bob = Builder"] {
        admin.skip();
        admin.ask(line, "again");
    }
    assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
    let mut late = server.telnet("Late");
    late.ask(&format!("connect Ann {PASSWORD}"), "so nobody can come in.");
    assert!(!ann.text().contains("You pick up a lamp."));

    cluster.start_again();
    ann.expect("You pick up a lamp.");
    bob.expect(BACK);
    bob.ask("get key", "You pick up a key.");
    admin.ask("find lamp", "lamp");
    late.login("Ann", PASSWORD);
    late.ask("inventory", "You are carrying: a lamp.");
    bob.sync();
    assert_eq!(bob.text().matches("Ann picks up a lamp.").count(), 1);
    let logs = server.logs();
    for said in ["storage is away, because", "the database cannot be read"] {
        let times = logs.matches(said).count();
        assert!((1..=4).contains(&times), "{said:?} is said {times} times");
    }
}

#[test]
fn a_crash_while_postgresql_is_away_runs_what_nobody_saw_once_more() {
    let Some(cluster) = Cluster::start() else { return };
    let server = world(&cluster);
    let (mut ann, mut bob) = (server.player("Ann"), server.player("Bob"));
    ann.ask("get key", "You pick up a key.");
    cluster.stop();
    ann.send_raw(b"get lamp\r\ninventory\r\n");
    bob.expect(AWAY);
    // It cannot start while there is no database; the portal goes on trying.
    let old = server.strike_server();
    server.wait_for_log("starting the server again in");
    bob.send("say hello");
    cluster.start_again();
    server.wait_for_another(old);
    ann.expect("You pick up a lamp.");
    ann.expect("You are carrying: a key, a lamp.");
    bob.expect("You say, \"hello\"");
    bob.sync();
    assert_eq!(ann.text().matches("You pick up a lamp.").count(), 1);
    assert_eq!(bob.text().matches("Ann picks up a lamp.").count(), 1);
}

#[test]
fn a_reload_while_postgresql_is_away_runs_what_nobody_saw_once_more() {
    let Some(cluster) = Cluster::start() else { return };
    let server = world(&cluster);
    let (mut ann, mut bob) = (server.player("Ann"), server.player("Bob"));
    cluster.stop();
    ann.send_raw(b"get lamp\r\ninventory\r\n");
    bob.expect(AWAY);
    // Whether it succeeds in the end is not what matters here.
    let mut reload = server.spawn(&["reload"]);
    bob.send("say hello");
    server.wait_for_log("cannot reach the database");
    cluster.start_again();
    ann.expect("You pick up a lamp.");
    ann.expect("You are carrying: a lamp.");
    bob.expect("You say, \"hello\"");
    reload.wait().unwrap();
    bob.sync();
    assert_eq!(ann.text().matches("You pick up a lamp.").count(), 1);
    assert_eq!(bob.text().matches("Ann picks up a lamp.").count(), 1);
}

#[test]
fn a_signal_to_a_room_that_cannot_be_read_is_kept() {
    let Some(cluster) = Cluster::start() else { return };
    let config = "[storage]\npatience_ms = 1000\n[world]\nroom_idle_secs = 1\n[log]\nlevel = \"debug\"";
    let mut server = plan().config(config).database_url(&cluster.url()).start();
    assert!(server.stop().success());
    // The weather changes in four rooms, which have time to fall asleep before it changes again.
    cluster.sql(&["UPDATE script SET period_ms = 5000 WHERE type_name = 'weather'"]);
    server.start_again();
    let mut bob = server.player("Bob");
    let outdoors = |said: &str| server.logs().matches(said).count();
    let asleep = poll(START_DEADLINE, || (outdoors("goes to sleep") >= 8).then_some(()));
    assert!(asleep.is_some(), "{}", server.logs());
    cluster.stop();
    bob.expect(AWAY);
    let kept = poll(DEADLINE, || (outdoors("cannot be loaded now") >= 4).then_some(()));
    assert!(kept.is_some(), "{}", server.logs());
    cluster.start_again();
    bob.expect(BACK);
    bob.ask("south", "The Courtyard");
    assert_eq!(outdoors("finds nobody"), 0, "a signal was lost");
    assert!(server.stop().success());
    // All four have come, or are still on their way.
    let come =
        "SELECT count(*) FROM entity, script WHERE entity.type_name = 'outdoors' AND script.type_name = 'weather'
        AND entity.state::json->>'sky' = script.state::json->>'sky'";
    cluster.sql(&[&format!("SELECT 1 / (CASE WHEN 4 <= ({come}) + (SELECT count(*) FROM signal) THEN 1 ELSE 0 END)")]);
}

#[test]
fn a_postgresql_that_is_started_again_is_not_noticed() {
    let Some(cluster) = Cluster::start() else { return };
    let server = plan().database_url(&cluster.url()).start();
    let mut ann = server.player("Ann");
    for _ in 0..3 {
        cluster.stop();
        ann.send("get lamp");
        cluster.start_again();
        ann.expect("You pick up a lamp.");
        ann.ask("drop lamp", "You drop a lamp.");
    }
    wait_until_ready(&server);
}

#[test]
fn a_postgresql_that_hangs_keeps_nobody_waiting_who_need_not() {
    let Some(cluster) = Cluster::start() else { return };
    let server = world(&cluster);
    let (mut ann, mut bob, mut cem) = (server.player("Ann"), server.player("Bob"), server.player("Cem"));
    cem.ask("north", "The Winter Garden");
    let held = cluster.hold();
    ann.send("get lamp");
    bob.expect(AWAY);
    wait_for_trouble(&server, "the database does not answer in time");
    cem.ask("look", "The Winter Garden");
    cem.ask("south", REFUSED);
    drop(held);
    ann.expect("You pick up a lamp.");
    cem.expect(BACK);
    cem.ask("south", "The Everhall");
}

#[test]
fn a_question_to_a_postgresql_that_hangs_is_answered_in_time() {
    let Some(cluster) = Cluster::start() else { return };
    let server = world(&cluster);
    let mut admin = server.admin();
    let held = cluster.hold();
    let began = Instant::now();
    // Nothing has been to be saved: so nobody knows yet. And these are more questions than there are readers.
    let mut others: Vec<TelnetClient> = (0..4).map(|_| server.telnet("somebody")).collect();
    for other in &mut others {
        other.send(&format!("connect admin {PASSWORD}"));
    }
    admin.send("find lamp");
    let told = |client: &mut TelnetClient| {
        client.wait("an answer, late", |client| client.unread().contains("Please try again") || began.elapsed() > LATE);
        assert!(client.unread().contains("Please try again"), "{}", client.unread());
    };
    const LATE: Duration = Duration::from_secs(20);
    others.iter_mut().chain([&mut admin]).for_each(told);
    drop(held);
    admin.ask("find lamp", "Found");
}

#[test]
fn a_postgresql_that_only_reads_is_storage_away() {
    let Some(cluster) = Cluster::start() else { return };
    let server = world(&cluster);
    let (mut ann, mut bob, mut admin) = (server.player("Ann"), server.player("Bob"), server.admin());
    admin.ask("north", "The Winter Garden");
    cluster.sql(&["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"]);
    // It is not said when the connections have heard of it; so this may still be stored, and then the next is not.
    ann.send("get lamp");
    bob.wait("to be told", |bob| {
        let told = bob.unread().contains(AWAY);
        if !told {
            ann.send_raw(b"drop lamp\r\nget lamp\r\n");
        }
        told || bob.unread().contains(AWAY)
    });
    wait_for_trouble(&server, "the database cannot be written to");
    admin.ask("find lamp", "Found");
    admin.ask("south", REFUSED);
    cluster.sql(&[
        "SET default_transaction_read_only = off",
        "ALTER SYSTEM RESET default_transaction_read_only",
        "SELECT pg_reload_conf()",
    ]);
    bob.expect(BACK);
    admin.ask("south", "The Everhall");
}

#[test]
fn a_world_does_not_start_without_its_database_and_says_why() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.url();
    let mut server = plan().database_url(&url).start();
    assert!(server.stop().success());
    cluster.stop();
    let output = plan().database_url(&url).start_refused();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.starts_with("everhall: cannot reach the database postgres://127.0.0.1:"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    cluster.start_again();
    server.start_again();
    server.player("Ann").ask("get lamp", "You pick up a lamp.");
}
