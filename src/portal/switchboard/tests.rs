//! The switchboard against a peer that speaks real frames over a real Unix socket.

mod revival;

use std::time::Duration;

use actix::prelude::*;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::*;
use crate::portal::door::{Delivery, FactsChanged, Gone, Open, Opened, Refused, Resume, Typed};
use crate::portal::testing::{Server, limits, within};
use crate::wire::{Facts, Frame, Group, Item, Origin, PortalHello, ToPortal};

/// Hands on what it is sent.
struct Relay<M>(mpsc::UnboundedSender<M>);

impl<M: 'static + Unpin> Actor for Relay<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result = ()> + Send + Unpin + 'static> Handler<M> for Relay<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Context<Self>) {
        let _ = self.0.send(message);
    }
}

fn relay<M: Message<Result = ()> + Send + Unpin + 'static>() -> (Recipient<M>, mpsc::UnboundedReceiver<M>) {
    let (send, receive) = mpsc::unbounded_channel();
    (Relay(send).start().recipient(), receive)
}

struct Portal {
    switchboard: Addr<Switchboard>,
    facts: mpsc::UnboundedReceiver<ServerFact>,
}

impl Portal {
    async fn new() -> Self {
        Self::with(limits(), Duration::from_secs(60)).await
    }

    async fn with(limits: LimitsConfig, patience: Duration) -> Self {
        Self::of(Switchboard::new(limits, patience, 1)).await
    }

    async fn of(switchboard: Switchboard) -> Self {
        let switchboard = switchboard.start();
        let (by, facts) = relay();
        switchboard.send(SupervisedBy { by }).await.unwrap();
        Self { switchboard, facts }
    }

    /// Connects a server; returns it with what the portal said first.
    async fn server(&self) -> (Server, PortalHello) {
        let (ours, stream) = UnixStream::pair().unwrap();
        self.switchboard.send(WireOpened { stream: ours, safe: false }).await.unwrap();
        Server::new(stream).await
    }

    async fn ready_server(&mut self, epoch: u64) -> (Server, PortalHello) {
        let (mut server, hello) = self.server().await;
        server.says(ToPortal::Ready { epoch }).await;
        assert_eq!(self.fact().await, ServerFact::Ready);
        (server, hello)
    }

    async fn fact(&mut self) -> ServerFact {
        within(self.facts.recv()).await.unwrap()
    }

    async fn dies(&mut self, server: Server) {
        drop(server);
        assert_eq!(self.fact().await, ServerFact::WireClosed);
    }

    async fn player(&self, resumable: bool) -> Player {
        let (door, deliveries) = relay();
        let open = Open { facts: Facts::default(), door, resumable };
        let Opened { session, token } = self.switchboard.send(open).await.unwrap().unwrap();
        Player { session, token, deliveries }
    }

    async fn typed(&self, session: SessionId, line: &str) {
        self.switchboard.send(Typed { session, line: line.into(), secret: false, n: None }).await.unwrap();
    }
}

struct Player {
    session: SessionId,
    token: String,
    deliveries: mpsc::UnboundedReceiver<Deliver>,
}

impl Player {
    /// Returns the next message's deliveries in short: texts with their numbers, `ack n` …
    async fn gets(&mut self) -> Vec<String> {
        let Deliver(deliveries) = within(self.deliveries.recv()).await.unwrap();
        deliveries
            .into_iter()
            .map(|delivery| match delivery {
                Delivery::Text { n, output } => format!("{n} {}", output.text),
                Delivery::Event { n, event } => format!("{n} {} {}", event.name, event.data),
                Delivery::Ack { n } => format!("ack {n}"),
                Delivery::Prompt(text) => format!("prompt {text}"),
                Delivery::Secret(on) => format!("secret {on}"),
                Delivery::Setting { name, value } => format!("{name} = {value}"),
                Delivery::Close(reason) => format!("close {reason}"),
            })
            .collect()
    }
}

fn text(to: &[&Player], text: &str) -> Item {
    Item::Text { to: to.iter().map(|player| player.session).collect(), text: text.into() }
}

fn answer(to: &Player, n: u64, items: Vec<Item>) -> Group {
    Group { origin: Some(Origin { session: to.session, n }), items }
}

fn told(items: Vec<Item>) -> Group {
    Group { origin: None, items }
}

#[actix::test]
async fn the_acknowledgement_of_a_line_releases_the_next() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(1).await;
    let mut ann = portal.player(false).await;
    portal.typed(ann.session, "look").await;
    portal.typed(ann.session, "north").await;
    let line = server.line().await;
    assert_eq!((line.n, &line.line[..]), (1, "look"));
    server.frame(None, vec![answer(&ann, 1, vec![text(&[&ann], "A hall.")])]).await;
    assert_eq!(ann.gets().await, ["1 A hall.", "ack 1"]);
    let line = server.line().await;
    assert_eq!((line.n, &line.line[..]), (2, "north"));
}

#[actix::test]
async fn lines_typed_before_a_server_is_ready_are_sent_when_it_is() {
    let portal = Portal::new().await;
    let ann = portal.player(false).await;
    portal.typed(ann.session, "look").await;
    let (mut server, hello) = portal.server().await;
    assert_eq!(hello.sessions[0].line, None, "a line that was never sent is not in doubt");
    server.says(ToPortal::Ready { epoch: 1 }).await;
    assert_eq!(server.line().await.line, "look");
}

#[actix::test]
async fn one_message_carries_all_that_one_read_brings() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(1).await;
    let (mut ann, mut bob) = (portal.player(false).await, portal.player(false).await);
    let both = text(&[&ann, &bob], "The sun rises.");
    let groups = vec![told(vec![both, text(&[&bob], "It is warm.")]), told(vec![text(&[&bob], "Birds sing.")])];
    server.frame(None, groups).await;
    assert_eq!(ann.gets().await, ["1 The sun rises."]);
    assert_eq!(bob.gets().await, ["1 The sun rises.", "2 It is warm.", "3 Birds sing."]);
}

#[actix::test]
async fn a_stored_frame_is_applied_once_and_confirmed() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(1).await;
    let mut ann = portal.player(false).await;
    portal.typed(ann.session, "get lamp").await;
    server.line().await;
    let groups = vec![answer(&ann, 1, vec![text(&[&ann], "Taken.")]), told(vec![text(&[&ann], "A bell rings.")])];
    server.frame(Some(7), groups.clone()).await;
    assert_eq!(ann.gets().await, ["1 Taken.", "ack 1", "2 A bell rings."]);
    assert_eq!(server.confirmed().await, 7);
    server.frame(Some(7), groups).await;
    server.frame(None, vec![told(vec![text(&[&ann], "It is dark.")])]).await;
    assert_eq!(ann.gets().await, ["3 It is dark."]);
}

#[actix::test]
async fn what_a_dead_server_wrote_counts_and_the_rest_is_sent_again() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(1).await;
    let (mut ann, bob) = (portal.player(false).await, portal.player(false).await);
    for (player, line) in [(&ann, "get lamp"), (&bob, "north"), (&bob, "south")] {
        portal.typed(player.session, line).await;
    }
    server.line().await;
    server.line().await;
    server.frame(Some(1), vec![answer(&ann, 1, vec![text(&[&ann], "Taken.")])]).await;
    portal.dies(server).await;
    assert_eq!(ann.gets().await, ["1 Taken.", "ack 1"]);
    let (_server, hello) = portal.server().await;
    assert_eq!((hello.epoch, hello.applied), (1, 1));
    let lines: Vec<_> =
        hello.sessions.iter().map(|live| (live.acked, live.line.clone().map(|line| line.line))).collect();
    assert_eq!(lines, [(1, None), (0, Some("north".into()))]);
}

#[actix::test]
async fn a_line_that_kills_its_server_twice_is_given_up_the_third_time() {
    let mut portal = Portal::new().await;
    let ann = portal.player(false).await;
    let (mut server, _) = portal.ready_server(1).await;
    portal.typed(ann.session, "crash").await;
    assert!(!server.line().await.give_up);
    portal.dies(server).await;
    for give_up in [false, true] {
        let epoch = 2;
        let (server, hello) = portal.ready_server(epoch).await;
        let line = hello.sessions[0].line.clone().unwrap();
        assert_eq!((line.n, &line.line[..], line.give_up), (1, "crash", give_up));
        portal.dies(server).await;
    }
}

#[actix::test]
async fn a_reload_and_a_server_that_never_started_are_not_held_against_a_line() {
    let mut portal = Portal::new().await;
    let ann = portal.player(false).await;
    let (mut server, _) = portal.ready_server(1).await;
    portal.typed(ann.session, "look").await;
    server.line().await;
    for _ in 0..2 {
        assert!(portal.switchboard.send(StopServer).await.unwrap());
        assert_eq!(server.hears().await, ToServer::Stop);
        portal.dies(server).await;
        let (unfit, _) = portal.server().await;
        portal.dies(unfit).await;
        let hello;
        (server, hello) = portal.ready_server(2).await;
        assert!(!hello.sessions[0].line.as_ref().unwrap().give_up);
    }
}

#[actix::test]
async fn a_server_killed_because_it_did_not_stop_counts_against_the_line() {
    let mut portal = Portal::new().await;
    let ann = portal.player(false).await;
    let (mut server, _) = portal.ready_server(1).await;
    portal.typed(ann.session, "loop").await;
    server.line().await;
    for _ in 0..2 {
        portal.switchboard.send(StopServer).await.unwrap();
        portal.switchboard.send(Killing).await.unwrap();
        portal.dies(server).await;
        (server, _) = portal.ready_server(2).await;
    }
    portal.dies(server).await;
    let (_server, hello) = portal.server().await;
    assert!(hello.sessions[0].line.as_ref().unwrap().give_up);
}

#[actix::test]
async fn no_line_is_sent_to_a_server_that_stops() {
    let mut portal = Portal::new().await;
    let ann = portal.player(false).await;
    let (mut server, _) = portal.ready_server(1).await;
    portal.switchboard.send(StopServer).await.unwrap();
    portal.typed(ann.session, "look").await;
    assert_eq!(server.hears().await, ToServer::Stop);
    portal.dies(server).await;
    let (mut server, _) = portal.ready_server(2).await;
    assert_eq!(server.line().await.line, "look");
}

#[actix::test]
async fn a_frame_of_an_older_server_is_passed_over() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(2).await;
    let mut ann = portal.player(false).await;
    server.says(ToPortal::Frame(Frame { epoch: 1, flush: None, groups: vec![told(vec![text(&[&ann], "old")])] })).await;
    server.says(ToPortal::Frame(Frame { epoch: 2, flush: None, groups: vec![told(vec![text(&[&ann], "new")])] })).await;
    assert_eq!(ann.gets().await, ["1 new"]);
}

#[actix::test]
async fn a_reload_is_asked_for_once_it_is_applied_and_not_again() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(1).await;
    let mut ann = portal.player(false).await;
    portal.typed(ann.session, "reload").await;
    server.line().await;
    let groups = vec![answer(&ann, 1, vec![text(&[&ann], "Reloading."), Item::Reload])];
    server.frame(Some(1), groups.clone()).await;
    assert_eq!(ann.gets().await, ["1 Reloading.", "ack 1"]);
    assert_eq!(portal.fact().await, ServerFact::ReloadAsked { by: Some(ann.session) });
    server.frame(Some(1), groups).await;
    portal.dies(server).await;
}

#[actix::test]
async fn a_closed_session_gets_its_last_words_and_is_forgotten() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(1).await;
    let mut ann = portal.player(false).await;
    for line in ["quit", "look"] {
        portal.typed(ann.session, line).await;
    }
    server.line().await;
    let close = Item::Close { to: ann.session, reason: "quit".into() };
    server.frame(None, vec![answer(&ann, 1, vec![text(&[&ann], "Goodbye."), close])]).await;
    assert_eq!(ann.gets().await, ["1 Goodbye.", "close quit"]);
    assert_eq!(server.hears().await, ToServer::Closed { session: ann.session });
    assert_eq!(portal.switchboard.send(Report).await.unwrap().sessions, 0);
}

#[actix::test]
async fn a_resumed_session_gets_what_it_missed_and_sends_no_line_twice() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(1).await;
    let mut ann = portal.player(true).await;
    let session = ann.session;
    let typed = |n, line: &str| Typed { session, line: line.into(), secret: false, n: Some(n) };
    portal.switchboard.send(typed(10, "look")).await.unwrap();
    assert_eq!(server.line().await.n, 1);
    server.frame(None, vec![answer(&ann, 1, vec![text(&[&ann], "A hall.")])]).await;
    assert_eq!(ann.gets().await, ["1 A hall.", "ack 10"]);
    portal.switchboard.send(Gone { session, reason: "closed by peer".into() }).await.unwrap();
    server
        .frame(None, vec![told(vec![text(&[&ann], "Bob nods."), Item::Prompt { to: session, text: ">".into() }])])
        .await;
    server.frame(None, vec![told(vec![text(&[&ann], "Bob leaves.")])]).await;
    portal.switchboard.send(typed(10, "look")).await.unwrap();
    portal.switchboard.send(typed(11, "north")).await.unwrap();
    assert_eq!(server.line().await.line, "north");

    let (door, deliveries) = relay();
    let resume = Resume { token: ann.token.clone(), seen: 1, facts: Facts::default(), door };
    let resumed = portal.switchboard.send(resume).await.unwrap().unwrap();
    assert_eq!((resumed.session, resumed.received, resumed.complete), (session, 11, true));
    ann.deliveries = deliveries;
    assert_eq!(ann.gets().await, ["prompt >", "2 Bob nods.", "3 Bob leaves.", "secret false", "ack 10"]);
}

#[actix::test]
async fn a_session_taken_up_from_another_socket_stays_when_the_old_one_goes() {
    let portal = Portal::new().await;
    let mut ann = portal.player(true).await;
    let (door, _deliveries) = relay();
    let resume = Resume { token: ann.token.clone(), seen: 0, facts: Facts::default(), door };
    portal.switchboard.send(resume).await.unwrap().unwrap();
    assert_eq!(ann.gets().await, ["close taken up from another socket"]);
    let gone = || Gone { session: ann.session, reason: "displaced".into() };
    portal.switchboard.send(gone()).await.unwrap();
    assert_eq!(portal.switchboard.send(Report).await.unwrap().sessions, 1);
}

#[actix::test]
async fn a_session_that_nobody_takes_up_again_ends() {
    let mut portal = Portal::with(LimitsConfig { resume_secs: 0, ..limits() }, Duration::from_secs(60)).await;
    let (mut server, _) = portal.ready_server(1).await;
    let ann = portal.player(true).await;
    portal.switchboard.send(Gone { session: ann.session, reason: "closed by peer".into() }).await.unwrap();
    loop {
        match server.hears().await {
            ToServer::Closed { session } => break assert_eq!(session, ann.session),
            ToServer::Opened { .. } | ToServer::Ping { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let (door, _deliveries) = relay();
    let resume = Resume { token: ann.token, seen: 0, facts: Facts::default(), door };
    let refused = portal.switchboard.send(resume).await.unwrap().unwrap_err();
    assert_eq!(refused, Refused("That session is over.".into()));
}

#[actix::test]
async fn refused_lines_are_counted_and_told() {
    let portal = Portal::with(LimitsConfig { waiting_lines: 2, ..limits() }, Duration::from_secs(60)).await;
    let mut ann = portal.player(false).await;
    for _ in 0..5 {
        portal.typed(ann.session, "look").await;
    }
    assert_eq!(ann.gets().await, ["1 3 lines were not accepted: too many are waiting already."]);
}

#[actix::test]
async fn who_waits_for_an_absent_server_is_told_once() {
    let portal = Portal::new().await;
    let (mut ann, mut bob) = (portal.player(false).await, portal.player(false).await);
    portal.typed(ann.session, "look").await;
    assert_eq!(ann.gets().await, ["1 The world is being restarted; your lines are kept."]);
    assert!(bob.deliveries.try_recv().is_err());
    assert!(ann.deliveries.try_recv().is_err());
}

#[actix::test]
async fn a_silent_server_is_reported() {
    let mut portal = Portal::with(limits(), Duration::from_millis(50)).await;
    let (_server, _) = portal.ready_server(1).await;
    assert_eq!(portal.fact().await, ServerFact::Silent);
}

#[actix::test]
async fn the_last_facts_are_told() {
    let mut portal = Portal::new().await;
    let (mut server, _) = portal.ready_server(1).await;
    let ann = portal.player(false).await;
    for width in [100, 120] {
        let facts = Facts { width, ..Facts::default() };
        portal.switchboard.send(FactsChanged { session: ann.session, facts }).await.unwrap();
    }
    loop {
        if let ToServer::Facts { facts, .. } = server.hears().await
            && facts.width == 120
        {
            break;
        }
    }
}

#[actix::test]
async fn a_question_is_answered_or_ends_with_its_server() {
    let mut portal = Portal::new().await;
    let ask = || AskServer { what: "status".into(), json: "{}".into() };
    assert_eq!(portal.switchboard.send(ask()).await.unwrap(), Err(Unanswered));
    let (mut server, _) = portal.ready_server(1).await;
    let asked = portal.switchboard.send(ask());
    let answered = async {
        let ToServer::Ask { id, .. } = server.hears().await else { panic!("no question") };
        server.says(ToPortal::Answer { id, json: "{\"players\":2}".into() }).await;
    };
    assert_eq!(tokio::join!(asked, answered).0.unwrap(), Ok("{\"players\":2}".into()));
    let asked = portal.switchboard.send(ask());
    let died = async {
        server.hears().await;
        drop(server);
    };
    assert_eq!(tokio::join!(asked, died).0.unwrap(), Err(Unanswered));
}

#[actix::test]
async fn one_address_has_only_so_many_connections() {
    let portal = Portal::with(LimitsConfig { connections_per_address: 1, ..limits() }, Duration::from_secs(60)).await;
    let open = |address: &str| {
        let facts = Facts { address: address.into(), ..Facts::default() };
        portal.switchboard.send(Open { facts, door: relay().0, resumable: false })
    };
    let first = open("192.0.2.1").await.unwrap().unwrap();
    assert!(open("192.0.2.1").await.unwrap().is_err());
    assert!(open("::ffff:192.0.2.1").await.unwrap().is_err());
    assert!(open("192.0.2.2").await.unwrap().is_ok());
    for _ in 0..3 {
        assert!(open("127.0.0.1").await.unwrap().is_ok());
    }
    portal.switchboard.send(Gone { session: first.session, reason: "closed by peer".into() }).await.unwrap();
    assert!(open("192.0.2.1").await.unwrap().is_ok());
}
