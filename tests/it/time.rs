//! Signals and timers of the demo world, over crashes and reloads: each exactly once, and none forgotten.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use everhall::testing::{TelnetClient, TestServer, poll};

use super::{plan, world};

/// Brings a player who stands in the hall into the kitchen, takes the lantern and lights it.
fn light_lantern(player: &mut TelnetClient) -> Burning {
    player.ask("east", "The Kitchen");
    player.ask("get lantern", "You pick up a lantern.");
    player.ask("light lantern", "You light the lantern.");
    let lit = Instant::now();
    Burning { lit, full: 120, last: 120 }
}

/// A lantern, and how much oil it can have left.
struct Burning {
    lit: Instant,
    full: u64,
    last: u64,
}

impl Burning {
    /// A measure of oil burns in this time.
    const TICK: Duration = Duration::from_secs(2);

    /// Looks at the lantern, and asserts that it has burnt as long as it was lit: no tick is missing or came twice.
    fn check(&mut self, player: &mut TelnetClient) -> u64 {
        let before = self.ticks();
        player.skip();
        player.ask("look lantern", "It is lit. There are ");
        player.expect("measures");
        let text = player.text();
        let (_, rest) = text.rsplit_once("It is lit. There are ").unwrap();
        let oil: u64 = rest.split(' ').next().unwrap().parse().unwrap();
        // A tick may be under way.
        let possible = self.full - self.ticks() - 1..=self.full - before + 1;
        assert!(possible.contains(&oil), "{oil} measures are left, where {possible:?} can be");
        assert!(oil <= self.last, "oil came back: {oil} after {}", self.last);
        self.last = oil;
        oil
    }

    fn ticks(&self) -> u64 {
        (self.lit.elapsed().as_millis() / Self::TICK.as_millis()) as u64
    }
}

#[test]
fn a_lantern_burns_in_its_carriers_hand_over_crashes_and_reloads() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut lantern = light_lantern(&mut ann);
    ann.ask("west", "The Everhall");
    lantern.check(&mut ann);
    server.kill_server();
    lantern.check(&mut ann);
    ann.ask("up", "The Gallery");
    server.reload();
    ann.ask("down", "The Everhall");
    lantern.check(&mut ann);
    let old = server.strike_server();
    ann.send("north");
    server.wait_for_another(old);
    ann.expect("The Winter Garden");
    // On the other side of all that it still ticks.
    let now = lantern.check(&mut ann);
    ann.wait("two more ticks", |ann| lantern.check(ann) + 2 <= now);
}

#[test]
fn a_lantern_burns_while_nothing_can_be_saved() {
    let server = plan().config("[storage]\npatience_ms = 1000").start();
    let (mut ann, mut bob) = (server.player("Ann"), server.player("Bob"));
    let mut lantern = light_lantern(&mut ann);
    lantern.check(&mut ann);
    let mut other = super::storage::lock(&server);
    bob.send("get lamp");
    ann.expect("The world cannot save anything just now.");
    let unlock = Instant::now() + Duration::from_secs(5);
    assert_eq!(
        poll(Duration::from_secs(6), || (Instant::now() > unlock).then_some(())),
        Some(()),
        "more than two ticks"
    );
    other.batch_execute("COMMIT").unwrap();
    ann.expect("The world can save again.");
    // Those that were put off come as one, so a second may pass.
    let expected = lantern.ticks();
    ann.wait("the ticks that were put off", |ann| {
        ann.skip();
        ann.ask("look lantern", "There are ");
        ann.expect("measures");
        let text = ann.text();
        let oil = text.rsplit_once("It is lit. There are ").unwrap().1.split(' ').next().unwrap();
        oil.parse::<u64>().unwrap() <= lantern.full - expected
    });
    lantern.check(&mut ann);
}

#[test]
fn a_sleeping_room_wakes_for_its_timers_and_none_is_missed() {
    let server = plan().config("[world]\nroom_idle_secs = 1\n[log]\nlevel = \"debug\"").start();
    let mut ann = server.player("Ann");
    let mut lantern = light_lantern(&mut ann);
    ann.ask("drop lantern", "You drop");
    ann.ask("north", "The Pantry");
    let logs = || server.logs();
    let kitchen = poll(Duration::from_secs(20), || {
        let logs = logs();
        let (_, rest) = logs.split_once("goes to sleep")?;
        let id = logs[..logs.len() - rest.len()]
            .rsplit_once("\"room ")
            .or_else(|| logs[..logs.len() - rest.len()].rsplit_once(" room "))?
            .1;
        Some(id.split(' ').next()?.to_owned())
    });
    let kitchen = kitchen.expect("a room goes to sleep");
    // Loaded twice: when Ann came, and by the lantern's tick while nobody was there.
    let loaded = format!("room {kitchen} is loaded");
    let woken = poll(Duration::from_secs(20), || (logs().matches(&loaded).count() >= 2).then_some(()));
    assert!(woken.is_some(), "{loaded} but once");
    ann.ask("south", "The Kitchen");
    lantern.check(&mut ann);
}

#[test]
fn an_answer_that_is_due_while_the_server_is_away_is_given_once() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.ask("up", "The Gallery");
    ann.expect("Odo says, \"Mind the banisters");
    for _ in 0..3 {
        ann.ask("say hello", "You say, \"hello\"");
        let old = server.strike_server();
        server.wait_for_another(old);
        ann.expect("Odo says, \"Hello. Ask me");
    }
    ann.sync();
    let text = ann.text();
    assert_eq!(text.matches("Odo says, \"Hello.").count(), 3, "{text}");
    assert_eq!(text.matches("Odo says, \"Mind").count(), 1, "{text}");
}

/// How often the server is killed while the bell is rung.
const CRASHES: u64 = 6;

/// How often the bell is rung for each crash.
const RINGS: u64 = 4;

#[test]
fn each_stroke_of_the_bell_is_heard_next_door_once_over_crashes() {
    // So many deaths in a row would be followed by safe mode.
    let server = plan().config("[server]\nsafe_after_deaths = 0\n").start();
    let (mut ann, mut bob, mut cem) = (server.player("Ann"), server.player("Bob"), server.player("Cem"));
    ann.ask("south", "The Courtyard");
    cem.ask("south", "The Courtyard");
    cem.ask("east", "The Orchard");
    for crash in 0..CRASHES {
        ann.send_raw("ring bell\r\n".repeat(RINGS as usize).as_bytes());
        // At once, after the first answer, when the first is heard, when all is said.
        match crash % 4 {
            0 => {}
            1 => ann.expect("You ring the bell."),
            2 => bob.expect("A bell rings"),
            _ => ann.sync(),
        }
        let old = server.strike_server();
        server.wait_for_another(old);
        ann.sync();
    }
    strokes_heard(&server, (&mut ann, &mut bob, &mut cem), CRASHES * RINGS);
    server.reload();
    ann.ask("ring bell", "You ring the bell.");
    strokes_heard(&server, (&mut ann, &mut bob, &mut cem), CRASHES * RINGS + 1);
}

fn strokes_heard(
    server: &TestServer,
    (ann, bob, cem): (&mut TelnetClient, &mut TelnetClient, &mut TelnetClient),
    strokes: u64,
) {
    ann.ask("look bell", &format!("Strokes so far: {strokes}."));
    for listener in [bob, cem] {
        let heard = |listener: &TelnetClient| listener.text().matches("A bell rings somewhere near.").count() as u64;
        listener.wait("every stroke", |listener| heard(listener) >= strokes);
        listener.sync();
        assert_eq!(heard(listener), strokes, "{} {}", listener.name(), server.logs());
    }
    assert_eq!(ann.text().matches("You ring the bell.").count() as u64, strokes);
}
