//! A world in a file, on a disk that fails, or that another process has locked.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use everhall::testing::{Builder, PASSWORD, TelnetClient, TestServer};

use super::super::plan;
use super::super::typists::typists;
use super::disk::{Disk, Immutable, with_mounts};
use super::{AWAY, BACK, REFUSED, check_published, publish, unavailable, wait_for_trouble, wait_until_ready};

/// As players have it, not as tests do: what a test waits for here is that patience ends.
fn plan_of_players() -> Builder {
    plan().config("[storage]\npatience_ms = 2000")
}

/// Two in the hall and one in the garden.
fn three(server: &TestServer) -> [TelnetClient; 3] {
    let [ann, bob, mut cem] = ["Ann", "Bob", "Cem"].map(|name| server.player(name));
    cem.ask("north", "The Winter Garden");
    cem.sync();
    [ann, bob, cem]
}

/// Asserts that whoever is in a room that waits for nothing is answered, and refused what cannot be saved.
fn check_answers_elsewhere(cem: &mut TelnetClient) {
    cem.ask("look", "The Winter Garden");
    cem.ask("say is anybody there?", "You say, \"is anybody there?\"");
    cem.ask("who", "in the world.");
    cem.ask("tell bob hello", "You tell Bob, \"hello\"");
    let changes = [
        "south",
        "pub hello",
        "setdesc A patient player.",
        "option color 16",
        "ignore bob",
        "channel leave public",
        "quit",
        "password passw0rdX9 = passw0rdX8",
    ];
    for line in changes {
        cem.skip();
        cem.ask(line, REFUSED);
        cem.ask("look me", "You see nothing special");
    }
}

#[test]
fn a_full_disk_holds_up_only_what_must_be_saved() {
    with_mounts("storage::file::a_full_disk_holds_up_only_what_must_be_saved", || {
        let Some(disk) = Disk::small(6 * 1024) else { return };
        let server = plan_of_players().data_dir(disk.path().join("data")).start();
        let [mut ann, mut bob, mut cem] = three(&server);
        let mut keeper = server.admin();
        disk.fill();
        ann.send("get lamp");
        for player in [&mut ann, &mut bob, &mut cem, &mut keeper] {
            player.expect(AWAY);
        }
        keeper.expect("Storage is away: the disk is full");
        check_answers_elsewhere(&mut cem);
        // Where something waits to be saved, what depends on nothing is told as well.
        bob.ask("get key", REFUSED);
        bob.send("look");
        let mut late = server.telnet("Late");
        late.ask(&format!("connect Ann {PASSWORD}"), "so nobody can come in.");
        late.ask(&format!("create Late {PASSWORD}"), "so nobody can come in.");

        let storage = wait_for_trouble(&server, "the disk is full");
        assert_eq!((&storage["state"], &storage["outages"]), (&"away".into(), &1.into()), "{storage}");
        assert!(storage["lines_refused"].as_u64().unwrap() >= 9, "{storage}");
        let said = String::from_utf8(server.run(&["status"]).stdout).unwrap();
        assert!(said.contains("storage  away for ") && said.contains("the disk is full"), "{said}");
        let refused = server.run_with_input(&["admin", "create", "Zoe"], "passw0rdX9\n");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("the disk is full"), "{refused:?}");
        assert!(!ann.text().contains("You pick up a lamp."), "what was shown is not stored");
        assert!(!bob.unread().contains("Things:"), "{}", bob.unread());

        disk.free();
        ann.expect("You pick up a lamp.");
        ann.expect(BACK);
        bob.expect("Things: a fire, a key");
        cem.expect(BACK);
        cem.ask("south", "The Everhall");
        late.create("Late", PASSWORD);
        wait_until_ready(&server);
        assert_eq!(ann.text().matches("You pick up a lamp.").count(), 1);
        for player in [&ann, &bob, &cem] {
            assert_eq!((player.text().matches(AWAY).count(), player.text().matches(BACK).count()), (1, 1));
        }
        // On stderr and in the log; not for each try.
        let said = server.logs().matches("storage is away, because").count();
        assert!((1..=2).contains(&said), "said {said} times");
        // The executable is larger than the disk: what is kept of it must not fill that.
        assert!(!server.data_dir().join("server.kept.new").exists());
    });
}

/// Lines that each of three players publishes: as many as a channel has at hand, in all.
const LINES: u32 = 60;

#[test]
fn a_full_disk_and_crashes_lose_double_and_reorder_nothing() {
    with_mounts("storage::file::a_full_disk_and_crashes_lose_double_and_reorder_nothing", || {
        let Some(disk) = Disk::small(12 * 1024) else { return };
        let mut server = plan_of_players().data_dir(disk.path().join("data")).start();
        let mut players = typists(&server, 3);
        std::thread::scope(|scope| {
            let threads: Vec<_> = players.iter_mut().map(|player| scope.spawn(|| publish(player, LINES))).collect();
            // The last time without a crash.
            for crashes in [true, true, false] {
                disk.fill();
                wait_for_trouble(&server, "the disk is full");
                if crashes {
                    let old = server.strike_server();
                    disk.free();
                    server.wait_for_another(old);
                } else {
                    disk.free();
                    wait_until_ready(&server);
                }
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        players.iter_mut().for_each(|player| player.sync());
        check_published(&players, LINES);
        // What everybody saw is what is stored, over a stop on a full disk too.
        disk.fill();
        assert!(server.stop().success());
        disk.free();
        server.start_again();
        let mut reader = server.telnet("Reader");
        let name = players[0].name().to_owned();
        reader.login(&name, PASSWORD);
        reader.send(&format!("channel history public {}", LINES * 3));
        reader.sync();
        let stored = |line: &str| Some(line.split_once("[Public] ")?.1.to_owned());
        let stored: Vec<String> = reader.text().lines().filter_map(stored).collect();
        let seen: Vec<String> =
            players[0].text().lines().filter_map(|line| line.strip_prefix("[Public] ").map(str::to_owned)).collect();
        assert_eq!(stored, seen);
    });
}

#[test]
fn a_world_does_not_start_on_a_full_disk_and_says_why() {
    with_mounts("storage::file::a_world_does_not_start_on_a_full_disk_and_says_why", || {
        let Some(disk) = Disk::small(512) else { return };
        disk.fill_but(32);
        let output = plan().data_dir(disk.path().join("data")).start_refused();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{said}");
        assert!(said.starts_with("everhall: storage is away: the disk is full"), "{said}");
        assert!(said.contains("world.sqlite3") && said.lines().count() == 1, "{said}");
    });
}

#[test]
fn a_disk_that_fails_leaves_a_world_to_be_read() {
    with_mounts("storage::file::a_disk_that_fails_leaves_a_world_to_be_read", || {
        let Some(disk) = Disk::real() else { return };
        let mut server = plan_of_players().data_dir(disk.path().join("data")).start();
        let [mut ann, mut bob, mut cem] = three(&server);
        bob.ask("get key", "You pick up a key.");
        if !disk.break_down() {
            return unavailable("an ext4 that can be made to fail");
        }
        ann.send("get lamp");
        cem.expect(AWAY);
        wait_for_trouble(&server, "the database cannot be written to");
        check_answers_elsewhere(&mut cem);
        bob.ask("drop key", REFUSED);
        assert!(server.stop().success(), "it can be stopped");
        for player in [&mut ann, &mut bob, &mut cem] {
            player.closed();
        }
        assert!(!ann.text().contains("You pick up a lamp."));
        disk.repair();
        server.start_again();
        let mut again = server.telnet("Bob");
        again.login("Bob", PASSWORD);
        again.ask("inventory", "You are carrying: a key.");
        again.ask("look", "a lamp");
        again.ask("get lamp", "You pick up a lamp.");
    });
}

#[test]
fn a_disk_that_hangs_holds_up_only_what_must_be_saved() {
    with_mounts("storage::file::a_disk_that_hangs_holds_up_only_what_must_be_saved", || {
        let Some(disk) = Disk::real() else { return };
        let server = plan_of_players().data_dir(disk.path().join("data")).start();
        let [mut ann, mut bob, mut cem] = three(&server);
        let Some(frozen) = disk.freeze() else { return unavailable("fsfreeze") };
        ann.send("get lamp");
        bob.expect(AWAY);
        wait_for_trouble(&server, "the database does not answer in time");
        check_answers_elsewhere(&mut cem);
        drop(frozen);
        ann.expect("You pick up a lamp.");
        cem.ask("south", "The Everhall");
        bob.sync();
        assert_eq!(bob.text().matches("Ann picks up a lamp.").count(), 1);
    });
}

#[test]
fn a_file_that_may_not_be_written_is_storage_away() {
    let server = plan_of_players().start();
    let [mut ann, mut bob, mut cem] = three(&server);
    let files = ["world.sqlite3", "world.sqlite3-wal"].map(|name| server.data_dir().join(name));
    let Some(immutable) = Immutable::make(&files) else {
        return unavailable("files that can be made immutable (chattr)");
    };
    ann.send("get lamp");
    bob.expect(AWAY);
    check_answers_elsewhere(&mut cem);
    drop(immutable);
    ann.expect("You pick up a lamp.");
    cem.ask("south", "The Everhall");
    cem.ask("get key", "You pick up a key.");
}

/// Locks a world's file as another program might.
pub(in super::super) fn lock(server: &TestServer) -> SqliteConnection {
    let file = server.data_dir().join("world.sqlite3");
    let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    other
}

#[test]
fn a_file_that_another_process_has_locked_is_storage_away() {
    let mut server = plan_of_players().start();
    let [mut ann, mut bob, mut cem] = three(&server);
    let mut other = lock(&server);
    ann.send("get lamp");
    bob.expect(AWAY);
    wait_for_trouble(&server, "another process has locked the database");
    check_answers_elsewhere(&mut cem);
    other.batch_execute("COMMIT").unwrap();
    ann.expect("You pick up a lamp.");
    cem.ask("south", "The Everhall");

    // A stop gives up what nobody was shown.
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    ann.send("drop lamp");
    bob.wait("to be told again, or not so soon", |_| {
        everhall::testing::poll(std::time::Duration::from_secs(10), || {
            (server.status()["storage"]["state"] == "away").then_some(())
        })
        .is_some()
    });
    assert!(server.stop().success());
    other.batch_execute("COMMIT").unwrap();
    drop(other);
    server.start_again();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.ask("inventory", "You are carrying: a lamp.");
}

#[test]
fn what_happens_by_itself_is_put_off_and_nothing_piles_up() {
    let mut server = plan().start();
    assert!(server.stop().success());
    let file = server.data_dir().join("world.sqlite3");
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    // The weather changes ten times a second.
    database.batch_execute("UPDATE script SET period_ms = 100").unwrap();
    drop(database);
    server.start_again();
    let mut ann = server.player("Ann");
    let changes = ["clouds open", "Clouds drift in", "first drops fall", "Fog comes up", "wind rises"];
    let seen = |ann: &TelnetClient| changes.iter().map(|change| ann.text().matches(change).count()).sum::<usize>();
    ann.ask("south", "The Courtyard");
    ann.wait("some weather", |ann| seen(ann) > 10);

    let mut other = lock(&server);
    wait_for_trouble(&server, "another process has locked the database");
    let waiting = |server: &TestServer| {
        let journal = server.status()["journal"].clone();
        journal["open"].as_u64().unwrap() + journal["pending"].as_u64().unwrap()
    };
    // Up to where it was noticed: a tick each tenth of a second, each of which four rooms heard of.
    let then = waiting(&server);
    ann.wait("two more seconds", |_| {
        let status = server.status();
        status["storage"]["away_s"].as_u64().is_some_and(|secs| secs >= 2)
    });
    assert!(waiting(&server) <= then, "{} batches wait, before it were {then}", waiting(&server));
    let before = seen(&ann);
    other.batch_execute("COMMIT").unwrap();
    ann.wait("weather again", |ann| seen(ann) > before + 10);
}
