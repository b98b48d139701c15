//! What survives a reload, a crash and a stop: everything that was typed, and everything that anybody was shown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use everhall::testing::{Builder, TestServer};

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
