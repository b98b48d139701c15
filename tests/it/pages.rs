//! Pages whose portal dies: each carries on by itself, and what its player types and sees is as if nothing had happened.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::thread;

use everhall::failpoint::{self, By, Order, Process, Step};
use everhall::testing::{PASSWORD, START_DEADLINE, TestServer, WsClient, poll};
use serde_json::{Value, json};

use super::faults::Stage;
use super::world;

/// A page as a browser has it: it numbers its lines, comes back when its socket is lost, and sends again what was not acknowledged.
struct Page {
    address: SocketAddr,
    name: String,
    client: WsClient,
    token: String,
    /// Frames of sockets that were lost, and those of this one that have been looked at.
    shown: Vec<Value>,
    looked_at: usize,
    next: u64,
    unanswered: BTreeMap<u64, String>,
    resumed: u32,
}

impl Page {
    fn open(server: &TestServer, name: &str) -> Self {
        let mut client = server.ws(name);
        client.enter();
        let token = client.token();
        let mut page = Self {
            address: server.http_address(),
            name: name.to_owned(),
            client,
            token,
            shown: Vec::new(),
            looked_at: 0,
            next: 2,
            unanswered: BTreeMap::new(),
            resumed: 0,
        };
        page.look();
        page
    }

    /// Takes in what came.
    fn look(&mut self) {
        for frame in &self.client.frames()[self.looked_at..] {
            if let Some(upto) = frame["ack"].as_u64() {
                self.unanswered = self.unanswered.split_off(&(upto + 1));
            }
            if frame["n"].is_u64() {
                self.shown.push(frame.clone());
            }
        }
        self.looked_at = self.client.frames().len();
    }

    fn types(&mut self, line: &str) {
        self.unanswered.insert(self.next, line.to_owned());
        self.client.send_line(self.next, line);
        self.next += 1;
    }

    /// Waits until all lines are answered, however often the portal dies meanwhile.
    fn is_answered(&mut self) {
        while !self.unanswered.is_empty() {
            if self.client.receive_or_closed() {
                self.look();
            } else {
                self.comes_back();
            }
        }
    }

    fn comes_back(&mut self) {
        self.look();
        let again = || WsClient::over(TcpStream::connect(self.address).ok()?, &self.name);
        self.client = poll(START_DEADLINE, again).expect("the next portal listens");
        self.looked_at = 0;
        let seen = self.shown.last().and_then(|frame| frame["n"].as_u64()).unwrap_or(0);
        self.client.resume(&self.token, seen);
        while !self.client.frames().iter().any(|frame| frame["session"].is_object()) {
            if !self.client.receive_or_closed() {
                return;
            }
        }
        let frame = self.client.frames()[0].clone();
        let session = &frame["session"];
        assert_eq!((&session["resumed"], &session["complete"]), (&true.into(), &true.into()), "{frame}");
        let received = session["received"].as_u64().expect("a number");
        self.resumed += 1;
        for (n, line) in self.unanswered.range(received + 1..) {
            self.client.send_line(*n, line);
        }
    }

    /// Returns the texts that were shown, in the order of their numbers, of which none is missing and none came twice.
    fn texts(&self) -> Vec<&str> {
        let numbers: Vec<u64> = self.shown.iter().filter_map(|frame| frame["n"].as_u64()).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "what {} was shown", self.name);
        self.shown.iter().filter_map(|frame| frame["text"].as_str()).collect()
    }
}

#[test]
fn a_page_carries_on_when_its_portal_is_killed() {
    let server = world();
    let mut page = Page::open(&server, "Ann");
    page.types("get lamp");
    page.is_answered();
    let portal = server.strike_portal();
    page.client.closed();
    page.comes_back();
    page.types("inventory");
    page.is_answered();
    assert!(page.texts().last().unwrap().contains("You are carrying: a lamp."), "{:?}", page.texts());
    assert!(server.portal_pid() != portal && page.resumed == 1);
    // It is logged in as it was.
    let mut bob = server.player("Bob");
    bob.send("look");
    bob.expect("Ann");
    assert_eq!(page.texts().iter().filter(|text| text.contains("Welcome to ")).count(), 1, "{:?}", page.texts());
}

#[test]
fn what_happens_while_no_portal_is_there_for_a_page_is_shown_when_it_is_back() {
    let server = world();
    let mut page = Page::open(&server, "Ann");
    let portal = server.strike_portal();
    server.wait_for_another_portal(portal);
    // Its session lives already, before its page is back.
    let mut bob = server.player("Bob");
    bob.send("say hello Ann");
    bob.expect("You say, \"hello Ann\"");
    page.client.closed();
    page.comes_back();
    page.types("say hello Bob");
    page.is_answered();
    let texts = page.texts().join("\n");
    assert_eq!(texts.matches("Bob has entered the world.").count(), 1, "{texts}");
    assert_eq!(texts.matches("Bob says, \"hello Ann\"").count(), 1, "{texts}");
    bob.expect("Ann says, \"hello Bob\"");
}

#[test]
fn a_stop_ends_the_sessions_of_pages() {
    let mut server = world();
    let page = Page::open(&server, "Ann");
    let token = page.token;
    let mut client = page.client;
    assert!(server.stop().success());
    client.closed();
    server.start_again();
    let mut client = server.ws("Ann");
    client.resume(&token, 0);
    let session = client.expect_frame("the session frame", |frame| frame["session"].is_object());
    assert_eq!(session["session"]["resumed"], false);
    client.line(&format!("connect Ann {PASSWORD}"));
    client.expect_text("Welcome, Ann.");
}

/// A page that somebody has just opened; none if the portal is gone before it is.
fn visitor(server: &TestServer) -> Option<WsClient> {
    let mut visitor = WsClient::over(TcpStream::connect(server.http_address()).ok()?, "Visitor")?;
    visitor.send(&json!({ "size": { "cols": 80, "rows": 24 } }));
    Some(visitor)
}

/// Ends the portal at each of these steps while two pages play.
fn portal_dies_at(steps: &[&Step]) {
    let stage = Stage::new("");
    let server = &stage.server;
    let mut pages = ["Ann", "Bob"].map(|name| Page::open(server, name));
    let mut round = 0;
    for step in steps {
        for nth in if step.by == By::Start { 1..=1 } else { 1..=2 } {
            round += 1;
            let (portal, old) = (server.portal_pid(), server.server_pid());
            stage.order(&Order::kill(step.name, nth));
            if step.by == By::Start {
                server.strike_server();
            }
            for page in &mut pages {
                let name = page.name.clone();
                page.types(["get lamp", "drop lamp"][round % 2]);
                page.types(&format!("say {name}-{round}"));
                page.types(["drop lamp", "get lamp"][round % 2]);
                page.types("inventory");
            }
            let mut visitors = Vec::new();
            match step.name {
                "portal.opened" => visitors.extend((0..nth).filter_map(|_| visitor(server))),
                "portal.resumed" => pages.iter().for_each(|page| page.client.cut()),
                _ => {}
            }
            pages.iter_mut().for_each(Page::is_answered);
            stage.obeyed();
            server.wait_for_another_portal(portal);
            assert_ne!(server.server_pid(), old, "{} {nth}", step.name);
        }
    }
    for page in &mut pages {
        page.types("look");
        page.is_answered();
    }
    let [ann, bob] = pages.each_ref().map(|page| page.texts().join("\n"));
    for round in 1..=round {
        for (page, other, name) in [(&ann, &bob, "Ann"), (&bob, &ann, "Bob")] {
            let own = format!("You say, \"{name}-{round}\"");
            let heard = format!("{name} says, \"{name}-{round}\"");
            assert_eq!(
                (page.matches(&own).count(), other.matches(&heard).count()),
                (1, 1),
                "{steps:?}: {name}-{round}"
            );
        }
    }
    // One lamp: what each was shown of it alternates between the two, and each told the other.
    for (page, other, name) in [(&ann, &bob, "Ann"), (&bob, &ann, "Bob")] {
        let own = page.matches("You pick up a lamp.").count();
        assert_eq!(own, other.matches(&format!("{name} picks up a lamp.")).count(), "{steps:?}");
        let dropped = page.matches("You drop a lamp.").count();
        assert!(dropped <= own && own <= dropped + 1, "{steps:?}: {own} times taken, {dropped} times dropped");
    }
}

#[test]
fn pages_lose_nothing_and_see_nothing_twice_wherever_the_portal_dies() {
    let steps: Vec<&Step> = failpoint::ALL.iter().filter(|step| step.process == Process::Portal).collect();
    // After each death a portal waits longer: a world dies a few times only.
    for some in steps.chunks(3) {
        portal_dies_at(some);
    }
}

#[test]
fn pages_lose_nothing_and_see_nothing_twice_however_often_the_portal_dies() {
    const ROUNDS: u64 = 5;
    const LINES: u64 = 24;
    let server = world();
    let mut pages: Vec<Page> = ["Ann", "Bob", "Cleo"].map(|name| Page::open(&server, name)).into_iter().collect();
    for round in 0..ROUNDS {
        for page in &mut pages {
            for n in 1..=LINES / 4 {
                let number = round * LINES / 4 + n;
                let name = page.name.clone();
                // One that changes nothing and one that is stored, each right only if those before it were run once.
                page.types(&format!("say {name}-{number}"));
                page.types(["get lamp", "drop lamp"][number as usize % 2]);
                page.types(&format!("pub {name}-{number}"));
                page.types("inventory");
            }
        }
        // At another moment in each round.
        for _ in 0..round * 4 {
            pages[0].client.receive_or_closed();
        }
        let old = server.strike_portal();
        thread::scope(|scope| {
            for page in &mut pages {
                scope.spawn(|| page.is_answered());
            }
        });
        server.wait_for_another_portal(old);
        // None has been in the middle of something: all have answers, so that the next round begins with all of them there.
        for page in &mut pages {
            page.types("look");
            page.is_answered();
        }
    }
    let said = ROUNDS * LINES / 4;
    for page in &mut pages {
        // What the others said last may still be on its way.
        page.types("look");
        page.is_answered();
    }
    for page in &pages {
        let texts = page.texts();
        for other in ["Ann", "Bob", "Cleo"] {
            let says = if other == page.name { "You say".to_owned() } else { format!("{other} says") };
            for (what, begins) in
                [("say", format!("{says}, \"{other}-")), ("pub", format!("[Public] {other}: {other}-"))]
            {
                let heard: Vec<u64> = texts
                    .iter()
                    .filter_map(|text| text.trim().strip_prefix(&begins))
                    .filter_map(|rest| rest.trim_end_matches('"').parse().ok())
                    .collect();
                assert_eq!(heard, (1..=said).collect::<Vec<_>>(), "what {} saw of {other}'s {what}", page.name);
            }
        }
        assert_eq!(page.resumed, ROUNDS as u32, "{}", page.name);
    }
}
