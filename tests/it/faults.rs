//! Lines that end the server each time, hangs, panics, and the end of the portal: what happens at a chosen step of the program.

use std::fs;
use std::path::PathBuf;

use everhall::failpoint::{self, By, Deed, Order, Process, Step};
use everhall::testing::{DEADLINE, PASSWORD, START_DEADLINE, TelnetClient, TestServer, poll};
use serde_json::json;

use super::plan;

/// A world whose processes look for orders.
pub(super) struct Stage {
    pub(super) server: TestServer,
    folder: tempfile::TempDir,
}

impl Stage {
    pub(super) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let orders = folder.path().join("orders");
        let server = plan().config(config).env(failpoint::VARIABLE, orders.to_str().unwrap()).start();
        Self { server, folder }
    }

    fn orders(&self) -> PathBuf {
        self.folder.path().join("orders")
    }

    pub(super) fn order(&self, order: &Order) {
        let new = self.folder.path().join("new");
        fs::write(&new, order.to_string()).unwrap();
        fs::rename(new, self.orders()).unwrap();
    }

    /// Waits until the last order is obeyed.
    pub(super) fn obeyed(&self) {
        let obeyed = poll(DEADLINE, || (!self.orders().exists()).then_some(()));
        assert!(obeyed.is_some(), "{} was not reached", fs::read_to_string(self.orders()).unwrap());
    }

    /// Waits until another server than `old` is ready, which need not wait because others died early.
    fn comes_back(&self, old: u32) {
        let ready = || {
            let status = self.server.status();
            if status["server"]["state"] == "down" {
                self.server.hurry();
            }
            (status["server"]["state"] == "ready" && status["server"]["pid"] != old).then_some(())
        };
        assert!(poll(START_DEADLINE, ready).is_some(), "{}", self.server.logs());
    }
}

fn count(client: &TelnetClient, text: &str) -> usize {
    client.text().matches(text).count()
}

/// Ann types a line at which the server ends each time; there is an order for one end more than there should be.
fn poison(deed: Deed) {
    let stage = Stage::new("[server]\npatience_ms = 500\n");
    let mut ann = stage.server.player("Ann");
    let mut bob = stage.server.player("Bob");
    stage.order(&Order { step: "room.performed".into(), nth: 1, deed, times: 3 });
    ann.ask("get lamp", "Something went wrong with that line, twice; it was not done.");
    let left: Order = fs::read_to_string(stage.orders()).unwrap().parse().unwrap();
    assert_eq!(left.times, 1, "it was run twice and no more");
    fs::remove_file(stage.orders()).unwrap();
    ann.ask("say and now?", "You say, \"and now?\"");
    ann.ask("inventory", "You are not carrying anything.");
    bob.expect("Ann says, \"and now?\"");
    bob.ask("get lamp", "You pick up a lamp.");
    assert_eq!((count(&ann, "twice; it was not done"), count(&bob, "Ann picks up")), (1, 0));
}

#[test]
fn a_line_that_kills_its_server_each_time_is_given_up_after_the_second() {
    poison(Deed::Kill);
}

#[test]
fn a_line_that_keeps_its_room_in_an_endless_loop_is_given_up_after_the_second() {
    poison(Deed::Spin);
}

#[test]
fn a_line_that_stops_its_server_each_time_is_given_up_after_the_second() {
    poison(Deed::Stop);
}

#[test]
fn a_line_at_which_the_engine_panics_each_time_is_given_up_after_the_second() {
    poison(Deed::Panic);
}

#[test]
fn a_panic_in_the_engine_is_a_crash_like_any_other() {
    let stage = Stage::new("");
    let mut ann = stage.server.player("Ann");
    let mut bob = stage.server.player("Bob");
    let cases = [
        ("link.line", "say one", "You say, \"one\""),
        ("session.line", "say two", "You say, \"two\""),
        ("room.input", "say three", "You say, \"three\""),
        ("channel.say", "pub four", "[Public] Ann: four"),
        ("accounts.asked", "who", "2 players in the world."),
        ("journal.commit", "say five", "You say, \"five\""),
        ("journal.flush", "get lamp", "You pick up a lamp."),
        ("writer.rows", "drop lamp", "You drop a lamp."),
        ("link.frame", "get key", "You pick up a key."),
        ("world.loads", "north", "The Winter Garden"),
    ];
    for (step, line, answer) in cases {
        let old = stage.server.server_pid();
        stage.order(&Order { step: step.into(), nth: 1, deed: Deed::Panic, times: 1 });
        ann.send(line);
        stage.obeyed();
        stage.comes_back(old);
        ann.expect(answer);
        ann.sync();
        assert_eq!(count(&ann, answer), 1, "{step}: {}", ann.text());
    }
    bob.sync();
    for heard in ["\"one\"", "\"two\"", "\"three\"", "four", "\"five\"", "Ann picks up a lamp.", "Ann drops a lamp."] {
        assert_eq!(count(&bob, heard), 1, "{heard}: {}", bob.text());
    }
}

/// The portal's end takes the sockets with it. What was shown before is true all the same, and nothing is there twice.
fn portal_dies_at(steps: &[&Step]) {
    let stage = Stage::new("");
    // A launcher that has not seen its world up takes a portal that dies for one that cannot start.
    stage.server.wait_for_log("/play");
    let mut ann = stage.server.player("Ann");
    for step in steps {
        let portal = stage.server.portal_pid();
        stage.order(&Order::kill(step.name, 1));
        match step.by {
            By::Play | By::Page => ann.send("get lamp"),
            By::Start => drop(stage.server.strike_server()),
            By::Reload => stage.server.hurry(),
        }
        ann.closed();
        stage.obeyed();
        let was_shown = ann.unread().contains("You pick up a lamp.");
        let is_back = || {
            let status = stage.server.control(&json!({ "op": "status" }))?;
            (status["server"]["state"] == "ready" && status["portal"]["pid"] != portal).then_some(())
        };
        let back = poll(START_DEADLINE, is_back);
        assert!(back.is_some(), "there is no other portal after {}: {}", step.name, stage.server.logs());
        ann = stage.server.telnet("Ann");
        ann.login("Ann", PASSWORD);
        ann.send("inventory");
        let held = ann.settle().concat().contains("You are carrying: a lamp.");
        assert!(held || !was_shown, "{}: it was shown that she has the lamp", step.name);
        // There is one lamp: in her hands or on the floor.
        ann.send("get lamp");
        ann.settle();
        ann.ask("drop lamp", "You drop a lamp.");
        ann.send("get lamp");
        ann.ask("get lamp", "You have that already.");
        ann.ask("drop lamp", "You drop a lamp.");
        ann.skip();
    }
}

#[test]
fn what_was_shown_is_true_wherever_the_portal_dies() {
    // Those of pages are tried with pages.
    let of_portal = |step: &&Step| step.process == Process::Portal && step.by != By::Page;
    let steps: Vec<&Step> = failpoint::ALL.iter().filter(of_portal).collect();
    // After each death a portal waits longer: a world dies a few times only.
    for some in steps.chunks(3) {
        portal_dies_at(some);
    }
}

#[test]
fn pasted_lines_are_answered_in_order_over_crashes() {
    const PASTED: [(&str, &str); 4] = [
        ("drop lamp", "You drop a lamp."),
        ("time", "Outside this world it is "),
        ("get lamp", "You pick up a lamp."),
        ("who", "1 player in the world."),
    ];
    let stage = Stage::new("");
    let mut ann = stage.server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    let before = ann.text().len();
    let packet: String = PASTED.iter().map(|(line, _)| format!("{line}\r\n")).collect();
    for (step, nth) in
        [("writer.commits", 1), ("room.performed", 2), ("link.partly_written", 3), ("accounts.answered", 1)]
    {
        let old = stage.server.server_pid();
        stage.order(&Order::kill(step, nth));
        ann.send_raw(packet.as_bytes());
        stage.obeyed();
        stage.comes_back(old);
        ann.sync();
    }
    let text = ann.text();
    let answer = |line: &str| PASTED.iter().position(|(_, answer)| line.contains(answer));
    let answers: Vec<usize> = text[before..].lines().filter_map(answer).collect();
    assert_eq!(answers, [0, 1, 2, 3].repeat(4), "{text}");
}

#[test]
fn what_was_stored_is_shown_before_what_happens_at_the_next_start() {
    let stage = Stage::new("[server]\npatience_ms = 3000\n");
    // The first session of all: its room is the first to be loaded again.
    let mut ann = stage.server.player("Ann");
    ann.ask("east", "The Kitchen");
    ann.ask("get lantern", "You pick up a lantern.");
    ann.ask("light lantern", "You light the lantern.");
    ann.ask("west", "The Everhall");
    let crowd: Vec<TelnetClient> = (0..12).map(|n| stage.server.player(&format!("Extra {}", letters(n)))).collect();
    let mut bob = stage.server.player("Bob");
    bob.ask("south", "The Courtyard");
    // The first flush is that of the stroke, the second that of what is heard of it next door; that one is stored and not sent, and a
    // tick of the lantern is due meanwhile.
    stage.order(&Order { step: "journal.stored".into(), nth: 2, deed: Deed::Stop, times: 1 });
    bob.ask("ring bell", "You ring the bell.");
    ann.expect("A bell rings somewhere near.");
    stage.obeyed();
    ann.sync();
    bob.sync();
    assert_eq!((count(&ann, "A bell rings somewhere near."), count(&bob, "You ring the bell.")), (1, 1));
    drop(crowd);
}

/// Names must differ by more than a number.
fn letters(n: u8) -> String {
    [b'a' + n, b'z' - n].map(char::from).iter().collect()
}
