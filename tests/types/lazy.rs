//! Timers and state over crashes: what is lazy is old by as much as it may be, and never older.

use std::time::{Duration, Instant};

use everhall::testing::{Builder, DEADLINE, TelnetClient, TestServer, poll};

use super::plan;

/// A world in whose cellar a candle burns, each tick of it 50 ms, and its keeper on the way out of there.
fn burning(plan: Builder, tick: &str) -> (TestServer, TelnetClient, Instant) {
    let server = plan.start();
    let mut admin = server.admin();
    admin.ask("down", "The Cellar");
    admin.ask("create candle:candle", "You create candle");
    admin.ask(&format!("wind candle {tick}"), "Wound.");
    (server, admin, Instant::now())
}

/// Returns what the candle shows: what has burnt, and in how many ticks that it was told of.
fn look(admin: &mut TelnetClient) -> (u64, u64) {
    admin.skip();
    admin.ask("look candle", "Burnt: ");
    let text = admin.unread();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Lets time pass, in which nobody in the cellar sees or does anything.
fn pass(elsewhere: &mut TelnetClient, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        elsewhere.sync();
    }
}

fn flushes(server: &TestServer) -> u64 {
    let output = server.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    status["journal"]["flushes"].as_u64().unwrap_or_else(|| panic!("status tells of flushes: {status}"))
}

pub(crate) fn state_that_is_lazy_is_stored_once_in_a_while_and_is_no_older_after_a_crash() {
    let (server, mut admin, lit) = burning(plan().config("[world]\nlazy_secs = 1"), "50");
    admin.ask("up", "The Ward");
    let before = flushes(&server);
    pass(&mut admin, Duration::from_secs(3));
    let stored = flushes(&server) - before;
    assert!((1..=6).contains(&stored), "60 ticks took {stored} flushes");
    let burnt_for = lit.elapsed();
    server.kill_server();
    admin.ask("down", "The Cellar");
    let (burnt, told) = look(&mut admin);
    let now = lit.elapsed();
    // A second may be missing, and a little more on a busy machine; the ticks since then came again, as one.
    let ticks = |time: Duration| (time.as_millis() / 50) as u64;
    assert!(told >= ticks(burnt_for.saturating_sub(Duration::from_millis(1800))), "told {told} in {burnt_for:?}");
    assert!((ticks(burnt_for)..=ticks(now) + 1).contains(&burnt), "burnt {burnt} in {burnt_for:?} to {now:?}");
}

pub(crate) fn what_was_shown_of_it_is_stored() {
    let (server, mut admin, _) = burning(plan(), "50");
    let (mut burnt, mut told) = (0, 0);
    for _ in 0..3 {
        admin.wait("twenty ticks more", |admin| {
            let seen = look(admin);
            let is_later = seen.1 >= told + 20;
            if is_later {
                (burnt, told) = seen;
            }
            is_later
        });
        server.kill_server();
        let after = look(&mut admin);
        assert!(after.0 >= burnt && after.1 >= told, "{after:?} after ({burnt}, {told})");
    }
}

pub(crate) fn a_reload_loses_nothing_of_it() {
    let (server, mut admin, _) = burning(plan(), "50");
    admin.ask("up", "The Ward");
    pass(&mut admin, Duration::from_secs(2));
    server.reload();
    admin.ask("down", "The Cellar");
    let (burnt, told) = look(&mut admin);
    // Forty ticks each by itself, not as one that made up for all of them.
    assert!(burnt >= 35 && told >= 35, "burnt {burnt}, told {told}");
}

pub(crate) fn a_room_that_goes_to_sleep_stores_it() {
    let plan = plan().config("[world]\nroom_idle_secs = 1\n[log]\nlevel = \"debug\"");
    let (server, mut admin, _) = burning(plan, "900");
    admin.ask("up", "The Ward");
    let naps = || server.logs().matches("goes to sleep").count();
    assert!(poll(DEADLINE, || (naps() >= 3).then_some(())).is_some(), "the cellar sleeps between its ticks");
    server.kill_server();
    admin.ask("down", "The Cellar");
    let (_, told) = look(&mut admin);
    assert!(told >= 2, "told {told}");
}

pub(crate) fn a_one_shot_that_sets_itself_anew_goes_on_after_a_crash() {
    let server = plan().start();
    let mut admin = server.admin();
    admin.ask("create metronome:metronome", "You create metronome");
    admin.ask("wind metronome", "Wound.");
    let beats = |admin: &mut TelnetClient| -> u64 {
        admin.skip();
        admin.ask("look metronome", "Beats: ");
        admin.unread().split('.').next().unwrap().parse().unwrap()
    };
    let mut last = 0;
    for _ in 0..3 {
        admin.wait("five beats more", |admin| beats(admin) >= last + 5);
        last = beats(&mut admin);
        server.kill_server();
    }
    admin.wait("five beats more", |admin| beats(admin) >= last + 5);
}
