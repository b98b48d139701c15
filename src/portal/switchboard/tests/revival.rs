//! A portal that dies, and the one that follows: what is recorded at any moment is all that the next one has.

use tempfile::TempDir;

use super::*;
use crate::portal::door::Resumed;
use crate::portal::lines::InFlight;
use crate::portal::ring_file::{self, RingFile};

/// A portal's data directory. The portals follow one another without saying goodbye.
struct DataDir {
    folder: TempDir,
    start: u32,
}

impl DataDir {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), start: 0 }
    }

    /// Starts the next portal, as if the one before had just been killed.
    async fn portal(&mut self) -> Portal {
        self.start += 1;
        let (ring_file, revived) = RingFile::open(self.folder.path());
        let switchboard = Switchboard::new(limits(), Duration::from_secs(60), self.start);
        Portal::of(switchboard.reviving(ring_file, revived)).await
    }
}

impl Portal {
    async fn numbered(&self, player: &Player, n: u64, line: &str) {
        let typed = Typed { session: player.session, line: line.into(), secret: false, n: Some(n) };
        self.switchboard.send(typed).await.unwrap();
    }

    /// Takes up a session of the portal before.
    async fn comes_back(&self, player: &mut Player, seen: u64) -> Result<Resumed, Refused> {
        let (door, deliveries) = relay();
        let resume = Resume { token: player.token.clone(), seen, facts: Facts::default(), door };
        player.deliveries = deliveries;
        self.switchboard.send(resume).await.unwrap()
    }
}

#[actix::test]
async fn a_page_gets_from_the_next_portal_what_it_missed() {
    let mut data_dir = DataDir::new();
    let mut portal = data_dir.portal().await;
    let mut ann = portal.player(true).await;
    let bob = portal.player(false).await;
    let (mut server, _) = portal.ready_server(1).await;
    portal.numbered(&ann, 10, "look").await;
    server.line().await;
    let items = vec![
        text(&[&ann, &bob], "A hall."),
        Item::Note { to: ann.session, note: vec![7] },
        Item::Prompt { to: ann.session, text: ">".into() },
    ];
    server.frame(Some(5), vec![answer(&ann, 1, items)]).await;
    assert_eq!(ann.gets().await, ["1 A hall.", "prompt >", "ack 10"]);
    server.frame(None, vec![told(vec![text(&[&ann], "Bob nods.")])]).await;
    ann.gets().await;
    server.frame(None, vec![told(vec![text(&[&ann], "Bob leaves.")])]).await;
    ann.gets().await;

    let portal = data_dir.portal().await;
    let (mut server, hello) = portal.server().await;
    let [live] = &hello.sessions[..] else { panic!("{hello:?}") };
    assert_eq!((hello.applied, live.session, live.acked, &live.note[..]), (5, ann.session, 1, &[7][..]));
    assert_eq!((live.line.as_ref(), &live.facts), (None, &Facts::default()));
    let resumed = portal.comes_back(&mut ann, 1).await.unwrap();
    assert_eq!((resumed.session, resumed.received, resumed.complete), (ann.session, 10, true));
    assert_eq!(ann.gets().await, ["prompt >", "2 Bob nods.", "3 Bob leaves.", "secret false", "ack 10"]);
    server.says(ToPortal::Ready { epoch: 2 }).await;
    let groups = vec![told(vec![text(&[&ann, &bob], "A bell.")])];
    server.says(ToPortal::Frame(Frame { epoch: 2, flush: None, groups })).await;
    assert_eq!(ann.gets().await, ["4 A bell."]);
}

#[actix::test]
async fn a_line_that_was_run_when_the_portal_died_is_answered_and_not_run_again() {
    let mut data_dir = DataDir::new();
    let mut portal = data_dir.portal().await;
    let mut ann = portal.player(true).await;
    let (mut server, _) = portal.ready_server(1).await;
    portal.numbered(&ann, 10, "get lamp").await;
    portal.numbered(&ann, 20, "look").await;
    server.line().await;

    let mut portal = data_dir.portal().await;
    let (mut server, hello) = portal.ready_server(2).await;
    assert_eq!((hello.sessions[0].acked, hello.sessions[0].line.as_ref()), (0, None));
    let groups = vec![answer(&ann, 1, vec![text(&[&ann], "You pick up a lamp.")])];
    server.says(ToPortal::Frame(Frame { epoch: 2, flush: Some(1), groups })).await;
    server.confirmed().await;
    let resumed = portal.comes_back(&mut ann, 0).await.unwrap();
    assert_eq!(resumed.received, 10);
    assert_eq!(ann.gets().await, ["1 You pick up a lamp.", "secret false", "ack 10"]);
    portal.numbered(&ann, 10, "get lamp").await;
    portal.numbered(&ann, 20, "look").await;
    let line = server.line().await;
    assert_eq!((line.n, &line.line[..]), (2, "look"));
}

#[actix::test]
async fn a_line_that_may_have_been_run_when_the_portal_died_is_sent_again_under_its_number() {
    let mut data_dir = DataDir::new();
    let mut portal = data_dir.portal().await;
    let mut ann = portal.player(true).await;
    let (mut server, _) = portal.ready_server(1).await;
    portal.numbered(&ann, 10, "get lamp").await;
    server.line().await;

    // Twice: the second portal dies before it has sent anything.
    let portal = data_dir.portal().await;
    portal.comes_back(&mut ann, 0).await.unwrap();
    portal.numbered(&ann, 10, "get lamp").await;
    let mut portal = data_dir.portal().await;
    portal.comes_back(&mut ann, 0).await.unwrap();
    portal.numbered(&ann, 10, "get lamp").await;
    portal.numbered(&ann, 20, "look").await;
    let (mut server, _) = portal.ready_server(2).await;
    let line = server.line().await;
    assert_eq!((line.n, &line.line[..], line.give_up), (1, "get lamp", false));
    let groups = vec![answer(&ann, 1, vec![text(&[&ann], "You pick up a lamp.")])];
    server.says(ToPortal::Frame(Frame { epoch: 2, flush: Some(1), groups })).await;
    assert_eq!(server.line().await.n, 2);
}

#[actix::test]
async fn a_session_that_ended_is_not_there_in_the_next_portal() {
    let mut data_dir = DataDir::new();
    let mut portal = data_dir.portal().await;
    let mut ann = portal.player(true).await;
    let (mut server, _) = portal.ready_server(1).await;
    let close = Item::Close { to: ann.session, reason: "quit".into() };
    server.frame(None, vec![told(vec![close])]).await;
    assert_eq!(ann.gets().await, ["close quit"]);
    assert_eq!(server.hears_of(|frame| matches!(frame, ToServer::Closed { .. }).then_some(())).await, ());

    let portal = data_dir.portal().await;
    let (_, hello) = portal.server().await;
    assert!(hello.sessions.is_empty());
    assert!(portal.comes_back(&mut ann, 0).await.is_err());
}

#[actix::test]
async fn the_sessions_of_another_database_end() {
    let mut data_dir = DataDir::new();
    let mut portal = data_dir.portal().await;
    let mut ann = portal.player(true).await;
    let (mut server, _) = portal.ready_server(7).await;
    server.says(ToPortal::Frame(Frame { epoch: 7, flush: Some(90), groups: Vec::new() })).await;
    server.confirmed().await;

    // Its keeper has put back a copy of last week's.
    let mut portal = data_dir.portal().await;
    let bob = portal.player(true).await;
    let (mut server, hello) = portal.ready_server(4).await;
    assert_eq!(hello.sessions.len(), 2);
    let closed = server.hears_of(|frame| if let ToServer::Closed { session } = frame { Some(session) } else { None });
    assert_eq!(closed.await, ann.session);
    assert!(portal.comes_back(&mut ann, 0).await.is_err());
    let groups = vec![told(vec![text(&[&bob], "Hello.")])];
    server.says(ToPortal::Frame(Frame { epoch: 4, flush: Some(50), groups })).await;
    assert_eq!(server.confirmed().await, 50);
    let mut bob = bob;
    assert_eq!(bob.gets().await, ["1 Hello."]);
}

#[actix::test]
async fn a_line_is_on_record_before_it_leaves_and_a_text_before_it_is_shown() {
    let mut data_dir = DataDir::new();
    let mut portal = data_dir.portal().await;
    let mut ann = portal.player(true).await;
    let (mut server, _) = portal.ready_server(1).await;
    for n in 1..=20 {
        portal.numbered(&ann, n, "look").await;
        server.line().await;
        let recorded = ring_file::recorded(data_dir.folder.path());
        assert_eq!(recorded.sessions[&ann.session].progress.flight, Some(InFlight { client: Some(n) }));
        server.frame(Some(n), vec![answer(&ann, n, vec![text(&[&ann], "A hall.")])]).await;
        ann.gets().await;
        let recorded = ring_file::recorded(data_dir.folder.path());
        let session = &recorded.sessions[&ann.session];
        assert_eq!((session.delivered, session.progress.acked, recorded.applied), (n, n, n));
    }
}
