//! A panic is planted in every hook of every kind: what the line did is lost, and nothing else. Whoever typed it reads a
//! plain sentence, Developers who are there a short trace.

use std::time::Duration;

use everhall::testing::{PASSWORD, TelnetClient, TestServer};

use super::plan;

/// What somebody reads whose line came to nothing.
const NOTHING: &str = "Something went wrong; nothing was done. It has been noted.";

/// What is read where something happened that nobody typed.
const HERE: &str = "Something here does not work as it should. It has been noted.";

/// The cellar, with a Developer, somebody who types, and somebody who only watches.
struct Cellar {
    server: TestServer,
    admin: TelnetClient,
    ann: TelnetClient,
    bob: TelnetClient,
    pid: u32,
}

impl Cellar {
    fn enter() -> Self {
        let server = plan().start();
        let (mut admin, mut ann, mut bob) = (server.admin(), server.player("Ann"), server.player("Bob"));
        for client in [&mut admin, &mut ann, &mut bob] {
            client.ask("down", "The Cellar");
        }
        let pid = server.server_pid();
        let mut cellar = Self { server, admin, ann, bob, pid };
        cellar.settle();
        cellar
    }

    fn settle(&mut self) {
        for client in [&mut self.admin, &mut self.ann, &mut self.bob] {
            client.settle();
        }
    }

    /// Makes something panic in a hook.
    fn set(&mut self, target: &str, hook: &str) {
        self.admin.ask(&format!("retype {target} = trap: {{\"at\":\"{hook}\"}}"), "is of type trap now.");
    }

    /// Lets Ann type a line, at which `target` panics in the hook.
    fn fails(&mut self, target: &str, hook: &str, line: &str, told: &str) {
        self.set(target, hook);
        self.settle_but_say();
        self.ann.ask(line, told);
        self.traced(hook);
        self.admin.ask(&format!("examine {target}"), &format!("State: {{\"at\":\"{hook}\",\"told\":0}}"));
        // It is mended by hand, and the world goes on.
        self.set(target, "");
        let seen: Vec<String> = [&mut self.ann, &mut self.bob].into_iter().flat_map(TelnetClient::settle).collect();
        for line in seen {
            assert!(!line.contains("Never to be seen") && !line.contains("a fault in"), "{hook}: {line}");
        }
        self.admin.settle();
    }

    /// Reads all that has come, without saying anything.
    fn settle_but_say(&mut self) {
        for client in [&mut self.admin, &mut self.ann, &mut self.bob] {
            client.ask("time", "It is");
            client.skip();
        }
    }

    /// Waits for the trace that a Developer reads: what the panic said, and where it was.
    fn traced(&mut self, hook: &str) {
        self.admin.expect(&format!("a fault in {hook} at tests/types/game.rs:"));
    }

    /// Waits until the others have read the plain sentence. It may come before the answer to what led to it.
    fn noticed(&mut self) {
        for client in [&mut self.ann, &mut self.bob] {
            client.wait("the plain sentence", |client| client.text().contains(HERE));
        }
    }

    /// Nothing has died of all this.
    fn survived(self) {
        assert_eq!(self.server.server_pid(), self.pid, "the server has died meanwhile");
    }
}

pub(crate) fn rooms_that_panic_lose_the_line_and_nothing_else() {
    let mut cellar = Cellar::enter();
    cellar.fails("here", "can_leave", "up", NOTHING);
    cellar.fails("here", "on_leave", "up", "Something went wrong; you stay where you are. It has been noted.");
    cellar.fails("here", "on_say", "say hello", NOTHING);
    cellar.fails("here", "shape_description", "look", NOTHING);
    cellar.ann.ask("up", "The Ward");
    let outside = "Something is wrong with that place; you cannot go in.";
    cellar.fails("here", "can_enter", "down", outside);
    cellar.fails("here", "on_enter", "down", "Something went wrong; you could not go there. It has been noted.");
    cellar.set("here", "shape_description");
    cellar.ann.ask("down", "You cannot make out where you are.");
    cellar.traced("shape_description");
    cellar.set("here", "");
    let id = cellar.here();
    cellar.ann.ask("up", "The Ward");
    cellar.set("here", "on_signal");
    cellar.settle();
    cellar.ann.ask(&format!("poke {id}"), "Poked.");
    cellar.traced("on_signal");
    cellar.bob.expect(HERE);
    cellar.set("here", "");
    cellar.ann.expect_not(HERE);
    cellar.survived();
}

impl Cellar {
    /// Returns the number of the room.
    fn here(&mut self) -> String {
        self.number_of("here", "The Cellar (")
    }

    /// Returns the number of something that `examine` shows behind `before`.
    fn number_of(&mut self, target: &str, before: &str) -> String {
        self.admin.skip();
        self.admin.ask(&format!("examine {target}"), before);
        let text = self.admin.unread();
        text.split(')').next().unwrap().to_owned()
    }
}

pub(crate) fn a_room_that_panics_at_whoever_goes_keeps_nobody_in_the_world() {
    let mut cellar = Cellar::enter();
    cellar.set("here", "on_leave");
    cellar.ann.send("quit");
    cellar.ann.closed();
    cellar.traced("on_leave");
    cellar.bob.expect(HERE);
    cellar.bob.expect("Ann has left the world.");
    cellar.set("here", "");
    // Where she left, she comes back.
    let mut ann = cellar.server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.ask("look", "The Cellar");
    cellar.survived();
}

pub(crate) fn where_everybody_begins_nobody_is_kept_out_by_a_type_that_panics() {
    let server = plan().start();
    let mut admin = server.admin();
    for (hook, name) in [("can_enter", "Nina"), ("on_enter", "Otto"), ("shape_description", "Pia")] {
        admin.ask(&format!("retype here = trap: {{\"at\":\"{hook}\"}}"), "is of type trap now.");
        let mut newcomer = server.telnet(name);
        newcomer.create(name, PASSWORD);
        if hook != "shape_description" {
            admin.expect(&format!("a fault in {hook} at "));
        }
        newcomer.ask("say I am in", "You say, \"I am in\"");
    }
}

pub(crate) fn exits_that_panic_lose_the_line_and_nothing_else() {
    let mut cellar = Cellar::enter();
    cellar.fails("gap", "can_traverse", "gap", NOTHING);
    cellar.fails("gap", "on_traverse", "gap", NOTHING);
    cellar.set("gap", "on_signal");
    let id = cellar.number_of("gap", "gap (");
    cellar.ann.ask(&format!("poke {id}"), "Poked.");
    cellar.traced("on_signal");
    cellar.ann.expect(HERE);
    cellar.bob.expect(HERE);
    cellar.survived();
}

pub(crate) fn characters_that_panic_lose_the_line_and_nothing_else() {
    let mut cellar = Cellar::enter();
    cellar.fails("ann", "can_say", "say hello", NOTHING);
    cellar.fails("ann", "shape_say", "say hello", NOTHING);
    cellar.fails("doll", "on_hear", "say hello", NOTHING);
    cellar.ann.ask("get urn", "You pick up an urn.");
    cellar.fails("doll", "on_receive", "give urn to doll", NOTHING);
    cellar.ann.ask("inventory", "an urn");
    cellar.ann.ask("up", "The Ward");
    cellar.fails("doll", "on_meet", "down", "Something went wrong; you could not go there. It has been noted.");
    cellar.set("doll", "on_signal");
    let id = cellar.number_of("doll", "doll (");
    cellar.ann.ask(&format!("poke {id}"), "Poked.");
    cellar.traced("on_signal");
    cellar.bob.expect(HERE);
    cellar.survived();
}

pub(crate) fn objects_that_panic_lose_the_line_and_nothing_else() {
    let mut cellar = Cellar::enter();
    for (hook, line) in
        [("can_get", "get urn"), ("on_get", "get urn"), ("on_use", "use urn"), ("shape_description", "look urn")]
    {
        cellar.fails("urn", hook, line, NOTHING);
        cellar.ann.ask("inventory", "You are not carrying anything.");
    }
    cellar.ann.ask("get urn", "You pick up an urn.");
    let id = {
        cellar.admin.ask("find urn", "#");
        let text = cellar.admin.text();
        let (_, rest) = text.rsplit_once("Found 1:").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    for (hook, line) in [("can_drop", "drop urn"), ("on_drop", "drop urn"), ("can_drop", "give urn to bob")] {
        cellar.fails(&id, hook, line, NOTHING);
        cellar.ann.ask("inventory", "an urn");
    }
    cellar.set(&id, "on_signal");
    cellar.ann.ask(&format!("poke {id}"), "Poked.");
    cellar.traced("on_signal");
    cellar.bob.expect(HERE);
    cellar.survived();
}

pub(crate) fn what_panics_when_it_is_made_is_not_made() {
    let mut cellar = Cellar::enter();
    cellar.admin.ask("perm ann = Builder", "Builder");
    for (line, name) in [
        ("create broken pot:stillborn", "broken pot"),
        ("create broken man:stillborn child", "broken man"),
        ("open broken door:stillborn = here", "broken door"),
        ("dig Nowhere = broken hatch:stillborn, back", "broken hatch"),
    ] {
        cellar.ann.ask(line, NOTHING);
        cellar.traced("on_create");
        cellar.ann.ask(&format!("find {name}"), "Nothing fits.");
        cellar.ann.ask(&format!("look {name}"), "You see no");
    }
    cellar.ann.ask("find Nowhere", "Nothing fits.");
    cellar.ann.ask("retype urn = stillborn", NOTHING);
    cellar.traced("on_create");
    cellar.ann.ask("examine urn", "of type object");
    cellar.survived();
}

pub(crate) fn channels_that_panic_lose_the_line_and_nothing_else() {
    let mut cellar = Cellar::enter();
    cellar.admin.ask("channel create Pit:pit = Deep.", "The channel Pit is made.");
    cellar.ann.ask("channel join pit", "You listen to Pit now.");
    cellar.bob.ask("channel join pit", "You listen to Pit now.");
    let said = "Something went wrong; nothing was said. It has been noted.";
    for hook in ["can_speak", "shape_text", "on_message"] {
        cellar.ann.ask(&format!("pit {hook}"), said);
        cellar.traced(hook);
    }
    cellar.ann.ask("arm pit on_signal", "Armed.");
    cellar.traced("on_signal");
    cellar.noticed();
    // What was said is numbered without a gap, and what was not left nothing behind.
    cellar.ann.ask("pit hello", "[Pit] Ann: hello");
    cellar.bob.expect("The pit has heard 1.");
    cellar.bob.ask("pit", "#1 [Pit] Ann: hello");
    let bob = cellar.bob.text();
    assert!(!bob.contains("a fault") && !bob.contains("can_speak") && !bob.contains("The pit answers"), "{bob}");
    cellar.survived();
}

pub(crate) fn scripts_that_panic_are_told_of_and_go_on() {
    let mut cellar = Cellar::enter();
    cellar.admin.ask("channel create Pit:pit", "The channel Pit is made.");
    cellar.ann.ask("arm on_signal", "Armed.");
    cellar.traced("on_signal");
    cellar.noticed();
    cellar.ann.ask("arm on_tick", "Armed.");
    cellar.ann.expect("The gremlin hears on_tick.");
    cellar.traced("on_tick");
    cellar.bob.expect(HERE);
    // It hears signals all the while, and is told to stop.
    cellar.ann.ask("arm peace", "Armed.");
    cellar.ann.expect("The gremlin hears peace.");
    let ann = cellar.ann.text();
    assert!(!ann.contains("Never to be seen") && !ann.contains("The gremlin hears on_signal"), "{ann}");
    assert_eq!(ann.matches(HERE).count(), 2, "each trouble is told once in a while: {ann}");
    cellar.survived();
}

pub(crate) fn commands_and_locks_that_panic_lose_the_line_and_nothing_else() {
    let mut cellar = Cellar::enter();
    cellar.ann.ask("trip", NOTHING);
    cellar.traced("a command");
    cellar.admin.ask("lock urn = get: boom()", "is locked by boom().");
    cellar.ann.ask("get urn", NOTHING);
    cellar.traced("a lock");
    cellar.admin.ask("lock gap = traverse: boom()", "is locked by boom().");
    cellar.ann.ask("gap", NOTHING);
    cellar.traced("a lock");
    // Whoever would follow is asked as well.
    cellar.admin.ask("lock gap = traverse: perm(Developer) OR boom()", "is locked by");
    cellar.bob.ask("follow admin", "You follow admin from now on.");
    cellar.admin.ask("gap", NOTHING);
    cellar.traced("a lock");
    cellar.bob.ask("unfollow", "You");
    cellar.ann.ask("up", "The Ward");
    cellar.admin.ask("lock here = enter: boom()", "is locked by boom().");
    cellar.ann.ask("down", "Something is wrong with that place; you cannot go in.");
    cellar.traced("a lock");
    for client in [&mut cellar.ann, &mut cellar.bob] {
        client.expect_not("Never to be seen");
        assert!(!client.text().contains("a fault in"), "{}", client.text());
    }
    cellar.survived();
}

pub(crate) fn state_that_cannot_be_stored_loses_the_line_that_led_to_it() {
    let mut cellar = Cellar::enter();
    cellar.admin.ask("create book:ledger", "You create book");
    cellar.ann.ask("use book", NOTHING);
    cellar.admin.expect("the state of type ledger cannot be stored: key must be a string");
    cellar.admin.ask("examine book", "State: {\"entries\":{}}");
    cellar.server.kill_server();
    cellar.admin.ask("examine book", "State: {\"entries\":{}}");
    assert!(!cellar.ann.text().contains("You write."));
}

pub(crate) fn a_panic_at_each_tick_is_told_once_in_a_while() {
    let mut cellar = Cellar::enter();
    cellar.set("urn", "on_signal");
    cellar.ann.ask("wind urn 50", "Wound.");
    cellar.traced("on_signal");
    cellar.bob.expect(HERE);
    // Many ticks later: the ticker goes on, and is heard as soon as it works.
    let until = std::time::Instant::now() + Duration::from_millis(500);
    while std::time::Instant::now() < until {
        cellar.bob.sync();
    }
    cellar.set("urn", "");
    cellar.bob.expect("The end of on_signal.");
    assert_eq!(cellar.bob.text().matches(HERE).count(), 1);
    assert_eq!(cellar.admin.text().matches("a fault in on_signal").count(), 1);
    cellar.survived();
}

pub(crate) fn a_walk_that_is_refused_leaves_nothing_of_what_led_to_it() {
    let mut cellar = Cellar::enter();
    cellar.admin.ask("set ann/heavy = 1", "heavy is 1 now.");
    cellar.set("out", "");
    cellar.ann.ask("out", "The ledge would not hold you.");
    let check = |cellar: &mut Cellar| {
        cellar.admin.ask("examine ann", "heavy = 1");
        cellar.admin.ask("examine out", "\"told\":0}");
        assert!(!cellar.admin.text().contains("traversed"), "{}", cellar.admin.text());
    };
    check(&mut cellar);
    // Nor does it come back with what is stored later.
    cellar.admin.ask("set ann/light = 1", "light is 1 now.");
    cellar.server.kill_server();
    check(&mut cellar);
    assert!(!cellar.ann.text().contains("Never to be seen"));
}
