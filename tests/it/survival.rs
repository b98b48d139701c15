//! What survives a reload, a crash and a stop: everything that was typed, and everything that anybody was shown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_query};
use everhall::testing::{Builder, TelnetClient, TestServer};

use super::postgres::Database;
use super::typists::{check_heard, check_own, paste, talk, typists};
use super::{plan, world};

#[test]
fn a_reload_loses_none_of_what_twenty_players_are_typing() {
    let server = world();
    let mut typists = typists(&server, 20);
    let reloaded = AtomicBool::new(false);
    let typed: Vec<u32> = thread::scope(|scope| {
        let threads: Vec<_> = typists
            .iter_mut()
            .map(|typist| {
                let reloaded = &reloaded;
                // Five lines after the reload as well, so that each has lines before, in and behind it.
                let mut behind = 0;
                scope.spawn(move || {
                    talk(typist, |n| {
                        behind += u32::from(reloaded.load(Ordering::Acquire));
                        n >= 10 && behind > 5
                    })
                })
            })
            .collect();
        server.reload();
        reloaded.store(true, Ordering::Release);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    typists.iter_mut().for_each(|typist| typist.sync());
    // Once more: what the first ones said at last has reached the others before their own second answer.
    typists.iter_mut().for_each(|typist| typist.sync());
    for (typist, last) in typists.iter().zip(&typed) {
        check_own(typist, *last);
        for (other, last) in typists.iter().zip(&typed).filter(|(other, _)| other.name() != typist.name()) {
            check_heard(typist, other.name(), *last);
        }
    }
}

#[test]
fn a_crash_loses_none_of_twenty_pasted_lines() {
    a_crash_loses_nothing(plan());
}

#[test]
fn a_crash_loses_none_of_twenty_pasted_lines_on_postgres() {
    let Some(database) = Database::fresh() else { return };
    a_crash_loses_nothing(plan().database_url(&database.url()));
}

fn a_crash_loses_nothing(plan: Builder) {
    let server = plan.start();
    let mut typists = typists(&server, 4);
    for round in 0..3 {
        for typist in &mut typists {
            paste(typist, round * 20 + 1, round * 20 + 20);
        }
        // Each round strikes at another moment: at once, after one answer, in the middle.
        if round > 0 {
            let name = typists[0].name().to_owned();
            typists[0].expect(&format!("\"{name}-{}\"", round * 20 + [1, 1, 10][round as usize]));
        }
        server.kill_server();
    }
    for _ in 0..2 {
        typists.iter_mut().for_each(|typist| typist.sync());
    }
    for typist in &typists {
        check_own(typist, 60);
        for other in typists.iter().filter(|other| other.name() != typist.name()) {
            check_heard(typist, other.name(), 60);
        }
    }
}

#[test]
fn a_crash_neither_repeats_nor_undoes_what_changed_the_world() {
    let server = world();
    let mut ann = server.player("Ann");
    // Each line is right only if every line before it took effect once.
    let pasted = "get lamp\r\ninventory\r\ndrop lamp\r\ninventory\r\n".repeat(10);
    ann.send_raw(pasted.as_bytes());
    ann.expect("You pick up a lamp.");
    server.kill_server();
    ann.sync();
    let text = ann.text();
    let answers: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            ["You pick up a lamp.", "You are carrying: a lamp.", "You drop a lamp.", "You are not carrying anything."]
                .into_iter()
                .find(|answer| line.contains(answer))
        })
        .collect();
    let expected =
        ["You pick up a lamp.", "You are carrying: a lamp.", "You drop a lamp.", "You are not carrying anything."]
            .repeat(10);
    assert_eq!(answers, expected);
}

#[test]
fn a_dropped_lamp_lies_where_it_was_dropped_after_a_stop() {
    where_things_lie_survives(world());
}

#[test]
fn a_dropped_lamp_lies_where_it_was_dropped_after_a_stop_on_postgres() {
    let Some(database) = Database::fresh() else { return };
    where_things_lie_survives(plan().database_url(&database.url()).start());
}

fn where_things_lie_survives(mut server: TestServer) {
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    ann.ask("get key", "You pick up a key.");
    ann.ask("setdesc A quiet keeper of lamps.", "escription");
    ann.send("north");
    ann.ask("drop lamp", "You drop a lamp.");
    ann.ask("pub good night", "good night");
    assert!(server.stop().success());
    ann.closed();

    server.start_again();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", everhall::testing::PASSWORD);
    ann.skip();
    ann.ask("look", "lamp");
    ann.ask("inventory", "You are carrying: a key.");
    ann.ask("look me", "A quiet keeper of lamps.");
    ann.ask("channel history public", "good night");
    let mut bob = server.player("Bob");
    bob.send("get lamp");
    bob.expect("You see no \"lamp\" here.");
}

#[test]
fn a_crash_of_everything_keeps_what_was_shown() {
    let mut server = world();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    server.start_again();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", everhall::testing::PASSWORD);
    ann.ask("inventory", "You are carrying: a lamp.");
}

#[test]
fn a_crash_among_logins_makes_each_account_once() {
    let server = world();
    let mut witness = server.player("Witness");
    for strikes_after in [0, 1, 3] {
        let name = |n: u32| format!("Visitor {strikes_after} {}", char::from(b"ABCDEFGH"[n as usize]));
        let mut clients: Vec<_> = (0..8).map(|n| server.telnet(&name(n))).collect();
        for client in &mut clients {
            let line = format!("create \"{}\" {}\r\nsay I am in\r\n", client.name(), everhall::testing::PASSWORD);
            client.send_raw(line.as_bytes());
        }
        for client in &mut clients[..strikes_after] {
            client.expect("You say, \"I am in\"");
        }
        server.kill_server();
        clients.iter_mut().for_each(|client| client.sync());
        witness.sync();
        for client in &clients {
            assert_eq!(client.text().matches("You say, \"I am in\"").count(), 1, "{}", client.text());
            let entered = format!("{} has entered the world.", client.name());
            assert_eq!(witness.text().matches(&entered).count(), 1, "{entered}");
            let heard = format!("{} says, \"I am in\"", client.name());
            assert_eq!(witness.text().matches(&heard).count(), 1, "{heard}");
        }
    }
    witness.ask("who", "25 players in the world.");
    let check = server.run(&["check"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

#[test]
fn a_crash_leaves_everybody_where_they_walked() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut bob = server.player("Bob");
    bob.ask("follow ann", "You follow Ann");
    ann.expect("Bob follows you");
    for strikes_after in [0, 1, 7] {
        ann.skip();
        bob.skip();
        ann.send_raw("north\r\nsay hither\r\nsouth\r\nsay thither\r\n".repeat(10).as_bytes());
        for _ in 0..strikes_after {
            ann.expect("You say, \"thither\"");
        }
        server.kill_server();
        ann.sync();
        bob.sync();
        // Bob came along each time, and heard each word once.
        let text = bob.text();
        let heard: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("Ann says, ")).collect();
        let heard: Vec<&&str> = heard.iter().filter(|said| said.contains("hither")).collect();
        assert!(heard.len().is_multiple_of(20) && !heard.is_empty(), "{heard:?}");
        for (at, said) in heard.iter().enumerate() {
            assert_eq!(**said, ["\"hither\"", "\"thither\""][at % 2], "{at}");
        }
    }
    let (ann, bob) = (ann.text(), bob.text());
    assert_eq!((ann.matches("The Winter Garden").count(), bob.matches("The Winter Garden").count()), (30, 30));
}

#[test]
fn a_crash_leaves_no_gap_in_a_channel() {
    let server = world();
    let mut talkers = typists(&server, 4);
    for round in 0..3 {
        for talker in &mut talkers {
            let name = talker.name().to_owned();
            let lines: String = (1..=10).map(|n| format!("pub {name}-{}\r\n", round * 10 + n)).collect();
            talker.send_raw(lines.as_bytes());
        }
        talkers[0].expect(&format!("-{}", round * 10 + 1));
        server.kill_server();
    }
    for _ in 0..2 {
        talkers.iter_mut().for_each(|talker| talker.sync());
    }
    let messages = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("[Public] Typist"));
        lines.map(str::to_owned).collect()
    };
    // All saw the same, in the same order, and it is what the channel remembers.
    let seen = messages(&talkers[0].text());
    assert_eq!(seen.len(), 120);
    for talker in &talkers {
        assert_eq!(messages(&talker.text()), seen, "{}", talker.name());
    }
    talkers[0].skip();
    talkers[0].ask("channel history public 50", seen.last().unwrap().split(": ").last().unwrap());
}

#[test]
fn whatever_is_played_things_are_neither_lost_nor_doubled() {
    const THINGS: [&str; 6] = ["lamp", "key", "red ball", "blue ball", "ladle", "bag"];
    let mut server = world();
    let mut players = typists(&server, 5);
    let names: Vec<String> = players.iter().map(|player| player.name().to_owned()).collect();
    // As random as it need be, and the same each time.
    let mut seed = 1_u64;
    let mut roll = move |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % sides
    };
    for _ in 0..4 {
        for player in &mut players {
            let lines: String = (0..40)
                .map(|_| {
                    let (thing, whom) = (THINGS[roll(THINGS.len())], &names[roll(names.len())]);
                    match roll(12) {
                        0..3 => format!("get {thing}\r\n"),
                        3 => format!("drop {thing}\r\n"),
                        4 => format!("give {thing} to {whom}\r\n"),
                        5 => format!("put {thing} in bag\r\n"),
                        6 => format!("get {thing} from bag\r\n"),
                        7 => format!("follow {whom}\r\n"),
                        8 => "east\r\nnorth\r\n".to_owned(),
                        9 => "home\r\n".to_owned(),
                        _ => format!("{}\r\n", ["north", "south", "east", "west", "up", "down"][roll(6)]),
                    }
                })
                .collect();
            player.send_raw(lines.as_bytes());
        }
        server.kill_server();
        players.iter_mut().for_each(|player| player.sync());
    }
    let held = |player: &mut TelnetClient| -> Vec<String> {
        player.skip();
        player.send("inventory");
        let carried = player.settle().concat();
        let mut carried: Vec<String> = carried.split([':', ',', '.']).map(|thing| thing.trim().to_owned()).collect();
        // The order in which things are shown is the one they came in, and is not stored.
        carried.sort();
        carried
    };
    players.iter_mut().for_each(|player| player.sync());
    let before: Vec<Vec<String>> = players.iter_mut().map(held).collect();
    // However they met, the play was no idle one.
    assert!(players.iter().any(|player| player.text().contains("You pick up a")), "nobody picked anything up");
    assert!(server.stop().success());

    let file = server.data_dir().join("world.sqlite3");
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let mut count = |what: &str| {
        let count = format!("UPDATE entity SET version = version WHERE {what}");
        sql_query(count).execute(&mut database).unwrap()
    };
    for thing in ["lamp", "key", "red ball", "blue ball", "copper ladle", "canvas bag"] {
        assert_eq!(count(&format!("key = '{thing}'")), 1, "{thing}");
    }
    let somewhere = "location IN (SELECT id FROM entity)";
    assert_eq!(count(&format!("kind = 'object' AND NOT coalesce({somewhere}, false)")), 0, "nothing is nowhere");
    assert_eq!(count("location = id"), 0);
    drop(database);
    let check = server.run(&["check"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));

    server.start_again();
    let mut again: Vec<TelnetClient> = names.iter().map(|name| server.telnet(name)).collect();
    for player in &mut again {
        let name = player.name().to_owned();
        player.login(&name, everhall::testing::PASSWORD);
    }
    let after: Vec<Vec<String>> = again.iter_mut().map(held).collect();
    assert_eq!(after, before, "what was shown is what was stored");
}
