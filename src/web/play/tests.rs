//! The web's part of the portal on a real port, against an actor that speaks the switchboard's side of `door.rs`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_web::dev::ServerHandle;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{self, Message as WsMessage};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::serve;
use crate::config::*;
use crate::ids::SessionId;
use crate::mailbox::repay_to;
use crate::portal::door::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// What the portal's web told the switchboard.
#[derive(Debug)]
enum Told {
    Typed { line: String, secret: bool },
    Facts { width: u16, screen_reader: bool },
    Gone { reason: String },
}

/// Speaks the switchboard's side: keeps what it delivered for a resume and answers each line at once.
struct Switchboard {
    told: UnboundedSender<Told>,
    sessions: HashMap<SessionId, Session>,
}

#[derive(Clone)]
struct Session {
    door: Recipient<Deliver>,
    shown: Vec<Delivery>,
    received: u64,
}

impl Switchboard {
    fn show(&mut self, session: SessionId, text: &str) {
        let entry = self.sessions.get_mut(&session).unwrap();
        let n = entry.shown.len() as u64 + 1;
        let delivery = Delivery::Text { n, output: Arc::new(Output::new(text.into())) };
        entry.shown.push(delivery.clone());
        repay_to(&entry.door, Deliver(vec![delivery]));
    }
}

impl Actor for Switchboard {
    type Context = Context<Self>;
}

impl Handler<Open> for Switchboard {
    type Result = Result<Opened, Refused>;

    fn handle(&mut self, open: Open, _: &mut Context<Self>) -> Self::Result {
        let session = SessionId::new(1, self.sessions.len() as u32 + 1);
        assert!(open.resumable);
        assert_eq!((open.facts.protocol.as_str(), open.facts.address.as_str()), ("websocket", "127.0.0.1"));
        let _ = self.told.send(Told::Facts { width: open.facts.width, screen_reader: open.facts.screen_reader });
        self.sessions.insert(session, Session { door: open.door, shown: Vec::new(), received: 0 });
        self.show(session, "Welcome");
        Ok(Opened { session, token: format!("token{}", session.0) })
    }
}

impl Handler<Resume> for Switchboard {
    type Result = Result<Resumed, Refused>;

    fn handle(&mut self, resume: Resume, _: &mut Context<Self>) -> Self::Result {
        let known = self.sessions.iter_mut().find(|(session, _)| resume.token == format!("token{}", session.0));
        let Some((&session, entry)) = known else { return Err(Refused("unknown".into())) };
        entry.door = resume.door;
        repay_to(&entry.door, Deliver(entry.shown.split_off(resume.seen as usize)));
        Ok(Resumed { session, received: entry.received, complete: true })
    }
}

impl Handler<Typed> for Switchboard {
    type Result = ();

    fn handle(&mut self, typed: Typed, _: &mut Context<Self>) {
        let Typed { session, line, secret, n } = typed;
        let entry = self.sessions.get_mut(&session).unwrap();
        let door = entry.door.clone();
        if let Some(n) = n {
            if n <= entry.received {
                return;
            }
            entry.received = n;
        }
        let _ = self.told.send(Told::Typed { line: line.clone(), secret });
        match line.as_str() {
            "password" => repay_to(&door, Deliver(vec![Delivery::Secret(true)])),
            "narrow" => {
                repay_to(&door, Deliver(vec![Delivery::Setting { name: "width".into(), value: "40".into() }]));
            }
            "quit" => repay_to(&door, Deliver(vec![Delivery::Close("Goodbye.".into())])),
            "flood" => (0..200).for_each(|_| self.show(session, &"x".repeat(50_000))),
            _ => self.show(session, &format!("typed <{line}>")),
        }
        repay_to(&door, Deliver(vec![Delivery::Ack { n: n.unwrap_or(16_383) }]));
    }
}

impl Handler<FactsChanged> for Switchboard {
    type Result = ();

    fn handle(&mut self, changed: FactsChanged, _: &mut Context<Self>) {
        let (width, screen_reader) = (changed.facts.width, changed.facts.screen_reader);
        let _ = self.told.send(Told::Facts { width, screen_reader });
    }
}

impl Handler<Gone> for Switchboard {
    type Result = ();

    fn handle(&mut self, gone: Gone, _: &mut Context<Self>) {
        let _ = self.told.send(Told::Gone { reason: gone.reason });
    }
}

/// A server on a free port with its switchboard.
struct Portal {
    address: SocketAddr,
    told: UnboundedReceiver<Told>,
    handle: ServerHandle,
}

impl Drop for Portal {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl Portal {
    fn start() -> Self {
        Self::with(config())
    }

    fn with(config: Config) -> Self {
        let (tell, told) = unbounded_channel();
        let switchboard = Switchboard { told: tell, sessions: HashMap::new() }.start();
        let door = SwitchboardDoor {
            open: switchboard.clone().recipient(),
            resume: switchboard.clone().recipient(),
            typed: switchboard.clone().recipient(),
            facts: switchboard.clone().recipient(),
            gone: switchboard.recipient(),
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = serve(listener, door, &config).unwrap();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { address, told, handle }
    }

    async fn connect(&self) -> Page {
        self.connect_from(None).await.unwrap()
    }

    async fn connect_from(&self, origin: Option<&str>) -> Result<Page, tungstenite::Error> {
        let mut request = format!("ws://{}/ws", self.address).into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Page { socket })
    }

    async fn told(&mut self) -> Told {
        timeout(PATIENCE, self.told.recv()).await.expect("the switchboard was told nothing").unwrap()
    }

    async fn told_gone(&mut self) -> String {
        loop {
            if let Told::Gone { reason } = self.told().await {
                return reason;
            }
        }
    }

    async fn told_typed(&mut self) -> (String, bool) {
        loop {
            if let Told::Typed { line, secret } = self.told().await {
                return (line, secret);
            }
        }
    }

    async fn told_facts(&mut self) -> (u16, bool) {
        loop {
            if let Told::Facts { width, screen_reader } = self.told().await {
                return (width, screen_reader);
            }
        }
    }

    /// Returns head and body of the answer to a plain request.
    async fn get(&self, path: &str, header: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{header}\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }
}

/// The other end of a websocket.
struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Page {
    async fn send(&mut self, frame: Value) {
        self.send_raw(WsMessage::text(frame.to_string())).await;
    }

    async fn send_raw(&mut self, message: WsMessage) {
        self.socket.send(message).await.unwrap();
    }

    async fn next(&mut self) -> WsMessage {
        timeout(PATIENCE, self.socket.next()).await.expect("nothing came").unwrap().unwrap()
    }

    async fn frame(&mut self) -> Value {
        let message = self.next().await;
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    #[track_caller]
    fn expect(&mut self, expected: Value) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move { assert_eq!(self.frame().await, expected, "at {caller}") }
    }

    /// Reads the session frame and the welcome; returns the token.
    async fn enter(&mut self) -> String {
        let session = self.frame().await["session"].clone();
        assert_eq!(session["resumed"], json!(false));
        self.expect(json!({"n": 1, "html": "Welcome", "text": "Welcome"})).await;
        session["token"].as_str().unwrap().to_owned()
    }

    async fn expect_error(&mut self, says: &str) {
        let frame = self.frame().await;
        assert!(frame["error"].as_str().unwrap().contains(says), "{frame}");
    }

    async fn expect_close(&mut self, reason: &str, code: u16) {
        let frame = self.frame().await;
        assert_eq!(frame, json!({"close": reason}));
        let WsMessage::Close(Some(close)) = self.next().await else { panic!("not closed") };
        assert_eq!(u16::from(close.code), code);
    }
}

#[actix::test]
async fn who_only_listens_is_welcomed() {
    let portal = Portal::start();
    portal.connect().await.enter().await;
}

#[actix::test]
async fn a_line_is_answered_and_acknowledged_by_its_own_number() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.send(json!({"n": 5, "line": "look"})).await;
    page.enter().await;
    page.expect(json!({"n": 2, "html": "typed &lt;look&gt;", "text": "typed <look>"})).await;
    page.expect(json!({"ack": 5})).await;
    assert_eq!(portal.told_typed().await, ("look".into(), false));
}

#[actix::test]
async fn a_paste_is_several_lines_and_one_acknowledgement() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.send(json!({"n": 1, "line": "one\ntwo\r\nthree\n"})).await;
    page.send(json!({"n": 1, "line": "one\ntwo\r\nthree\n"})).await;
    page.send(json!({"n": 2, "line": "four"})).await;
    for line in ["one", "two", "three", "four"] {
        assert_eq!(portal.told_typed().await.0, line);
    }
    page.enter().await;
    for frame in [json!("typed <one>"), json!("typed <two>"), json!("typed <three>")] {
        assert_eq!(page.frame().await["text"], frame);
    }
    page.expect(json!({"ack": 1})).await;
    assert_eq!(page.frame().await["text"], "typed <four>");
    page.expect(json!({"ack": 2})).await;
}

#[actix::test]
async fn who_comes_back_gets_what_was_missed_and_nothing_runs_twice() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.send(json!({"n": 1, "line": "look"})).await;
    let token = page.enter().await;
    page.frame().await;
    drop(page);
    assert_eq!(portal.told_gone().await, "closed by peer");

    let mut page = portal.connect().await;
    page.send(json!({"resume": token, "seen": 1})).await;
    page.send(json!({"n": 1, "line": "look"})).await;
    page.send(json!({"n": 2, "line": "north"})).await;
    page.expect(json!({"session": {"token": token, "resumed": true, "received": 1, "complete": true}})).await;
    page.expect(json!({"n": 2, "html": "typed &lt;look&gt;", "text": "typed <look>"})).await;
    page.frame().await;
    page.expect(json!({"ack": 2})).await;
    assert_eq!(portal.told_typed().await.0, "north");

    page.send(json!({"resume": token, "seen": 1})).await;
    page.expect_error("must be the first frame").await;
}

#[actix::test]
async fn an_unknown_token_gets_a_new_session() {
    let portal = Portal::start();
    let mut page = portal.connect().await;
    page.send(json!({"resume": "stale", "seen": 9})).await;
    page.enter().await;
}

#[actix::test]
async fn a_window_and_a_screen_reader_are_told_and_a_chosen_width_stays() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.send(json!({"size": {"cols": 100, "rows": 40}})).await;
    page.enter().await;
    assert_eq!(portal.told_facts().await, (100, false));
    page.send(json!({"screenreader": true})).await;
    assert_eq!(portal.told_facts().await, (100, true));
    page.send(json!({"n": 1, "line": "narrow"})).await;
    assert_eq!(portal.told_facts().await, (40, true));
    page.expect(json!({"setting": {"name": "width", "value": "40"}})).await;
    page.send(json!({"size": {"cols": 120, "rows": 40}})).await;
    assert_eq!(portal.told_facts().await, (40, true));
}

#[actix::test]
async fn what_is_typed_while_hidden_is_marked_as_secret() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.send(json!({"n": 1, "line": "password"})).await;
    page.enter().await;
    page.expect(json!({"secret": true})).await;
    page.send(json!({"n": 2, "line": "hunter2hunter2"})).await;
    assert_eq!(portal.told_typed().await, ("password".into(), false));
    assert_eq!(portal.told_typed().await, ("hunter2hunter2".into(), true));
}

#[actix::test]
async fn since_asks_for_a_channels_history() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.send(json!({"since": {"channel": "Public\nquit", "n": 40}})).await;
    page.enter().await;
    assert_eq!(portal.told_typed().await.0, "channel history Public");
    page.send(json!({"since": {"channel": "Public", "n": 40}})).await;
    assert_eq!(portal.told_typed().await.0, "channel history Public since 40");
}

#[actix::test]
async fn bad_frames_are_answered_and_do_no_harm() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.enter().await;
    page.send_raw(WsMessage::binary(vec![0, 159, 146, 150])).await;
    page.expect_error("not binary").await;
    page.send_raw(WsMessage::text("look")).await;
    page.expect_error("not understood").await;
    page.send(json!({"n": 1, "line": "x".repeat(1024 * 1024)})).await;
    page.expect_error("16384 bytes").await;
    page.send(json!({"n": 1, "line": "x".repeat(5000)})).await;
    assert_eq!(page.frame().await["notice"], "A line may be 4096 bytes long; yours was cut.");
    assert_eq!(portal.told_typed().await.0.len(), 4096);
}

#[actix::test]
async fn a_message_in_fragments_is_read_as_one() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.send_raw(fragment(r#"{"n":1,"li"#, Data::Text, false)).await;
    page.send_raw(fragment(r#"ne":"lo"#, Data::Continue, false)).await;
    page.send_raw(fragment(r#"ok"}"#, Data::Continue, true)).await;
    assert_eq!(portal.told_typed().await.0, "look");

    page.send_raw(fragment(&"x".repeat(10_000), Data::Text, false)).await;
    page.send_raw(fragment(&"x".repeat(10_000), Data::Continue, false)).await;
    page.send_raw(fragment("x", Data::Continue, true)).await;
    page.send(json!({"n": 2, "line": "north"})).await;
    assert_eq!(portal.told_typed().await.0, "north");
}

fn fragment(text: &str, kind: Data, last: bool) -> WsMessage {
    WsMessage::Frame(Frame::message(text.to_owned(), OpCode::Data(kind), last))
}

#[actix::test]
async fn who_sends_only_bad_frames_is_closed() {
    let portal = Portal::start();
    let mut page = portal.connect().await;
    page.enter().await;
    for _ in 0..20 {
        page.send(json!({"nonsense": 1})).await;
        page.expect_error("unknown field `nonsense`").await;
    }
    page.expect_close("too many frames were not understood", 1008).await;
}

#[actix::test]
async fn a_session_that_ends_says_why_and_its_socket_is_gone() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.enter().await;
    page.send(json!({"n": 1, "line": "quit"})).await;
    page.expect_close("Goodbye.", 1000).await;
    assert_eq!(portal.told_gone().await, "Goodbye.");
}

#[actix::test]
async fn who_never_reads_is_cut_off() {
    let mut portal = Portal::start();
    let mut page = portal.connect().await;
    page.enter().await;
    page.send(json!({"n": 1, "line": "flood"})).await;
    assert_eq!(portal.told_gone().await, "did not read");
}

#[actix::test]
async fn a_page_from_elsewhere_gets_no_socket() {
    let portal = Portal::start();
    let Err(tungstenite::Error::Http(answer)) = portal.connect_from(Some("https://evil.example")).await else {
        panic!("connected")
    };
    assert_eq!(answer.status().as_u16(), 403);
    portal.connect_from(Some(&format!("http://{}", portal.address))).await.unwrap().enter().await;
}

#[actix::test]
async fn beyond_the_limit_a_socket_is_refused_until_another_leaves() {
    let mut config = config();
    config.limits.connections = 1;
    let mut portal = Portal::with(config);
    let mut first = portal.connect().await;
    first.enter().await;
    let Err(tungstenite::Error::Http(answer)) = portal.connect_from(None).await else { panic!("connected") };
    assert_eq!(answer.status().as_u16(), 503);
    assert!(String::from_utf8_lossy(answer.body().as_deref().unwrap()).contains("All places are taken"));
    drop(first);
    assert_eq!(portal.told_gone().await, "closed by peer");
}

#[actix::test]
async fn the_pages_are_served_guarded_and_cached() {
    let portal = Portal::start();
    let root = portal.get("/", "").await;
    assert!(root.starts_with("HTTP/1.1 302") && root.contains("location: /play"), "{root}");
    assert!(portal.get("/healthz", "").await.ends_with("\r\n\r\nok"));
    let page = portal.get("/play", "").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<title>Everhall</title>"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none'; script-src 'self';"), "{page}");
    let tag = page.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let again = portal.get("/play", &format!("If-None-Match: {tag}\r\n")).await;
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    for file in ["/play/play.css", "/play/play.js", "/play/icon.svg"] {
        assert!(portal.get(file, "").await.starts_with("HTTP/1.1 200"), "{file}");
    }
}

/// The documented defaults, as far as the web reads them.
pub(super) fn config() -> Config {
    Config {
        data_dir: PathBuf::new(),
        world: WorldConfig {
            name: "Everhall".into(),
            welcome_file: None,
            message_of_the_day: String::new(),
            start_room: 0,
            registration: Registration::Open,
            invite_code: String::new(),
            link_lost_secs: 300,
            room_idle_secs: 300,
            lazy_secs: 60,
            time_factor: 4.0,
        },
        listen: ListenConfig { telnet: ([127, 0, 0, 1], 0).into(), http: ([127, 0, 0, 1], 0).into() },
        storage: StorageConfig {
            database_url: None,
            durability: Durability::Power,
            readers: 2,
            slow_ms: 100,
            patience_ms: 2000,
        },
        limits: LimitsConfig {
            line_bytes: 4096,
            waiting_lines: 256,
            waiting_bytes: 65_536,
            input_bytes_per_sec: 1_048_576,
            output_bytes: 1_048_576,
            connections: 4096,
            connections_per_address: 32,
            login_secs: 600,
            subnegotiation_bytes: 8192,
            resume_secs: 120,
        },
        throttle: ThrottleConfig {
            login_failures: 10,
            login_window_secs: 300,
            creations: 5,
            creation_window_secs: 600,
            exempt_loopback: true,
        },
        password: PasswordConfig { memory_kib: 19_456, passes: 2, lanes: 1, hashers: 0, min_chars: 8, waiting: 256 },
        log: LogConfig { level: "info".into(), file_bytes: 10_485_760, files: 7 },
        server: ServerConfig {
            arbiters: 0,
            patience_ms: 5000,
            start_ms: 10_000,
            command_ms: 10_000,
            safe_after_deaths: 5,
        },
        backup: BackupConfig::default(),
        retention: RetentionConfig::default(),
    }
}

#[actix::test]
async fn while_the_server_is_away_its_pages_come_back_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data_dir = folder.path().to_owned();
    let portal = Portal::with(config);
    let away = portal.get("/admin", "").await;
    assert!(away.starts_with("HTTP/1.1 503") && away.contains("retry-after: 2\r\n"), "{away}");
    assert!(away.contains("http-equiv=\"refresh\""), "{away}");
    // A server that crashed leaves its socket behind.
    drop(std::os::unix::net::UnixListener::bind(folder.path().join(crate::web::WEB_SOCKET)).unwrap());
    assert!(portal.get("/admin", "").await.starts_with("HTTP/1.1 503"));
}

#[actix::test]
async fn what_is_not_the_portals_own_is_passed_on_to_the_server_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data_dir = folder.path().to_owned();
    let portal = Portal::with(config);
    let listener = tokio::net::UnixListener::bind(folder.path().join(crate::web::WEB_SOCKET)).unwrap();
    let server = actix::spawn(async move {
        let (mut wire, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let length = wire.read(&mut asked).await.unwrap();
        let answer =
            "HTTP/1.1 404 Not Found\r\nX-Own: yes\r\nKeep-Alive: timeout=5\r\nContent-Length: 7\r\n\r\nnowhere";
        wire.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&asked[..length]).to_lowercase()
    });
    let answer = portal.get("/nowhere?a=%20b", "Cookie: c=d\r\nX-Forwarded-For: 10.0.0.1\r\nTE: trailers\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.ends_with("\r\n\r\nnowhere"), "{answer}");
    assert!(answer.contains("x-own: yes") && !answer.to_lowercase().contains("keep-alive"), "{answer}");
    let asked = server.await.unwrap();
    assert!(asked.starts_with("get /nowhere?a=%20b http/1.1\r\n") && asked.contains("\r\ncookie: c=d\r\n"), "{asked}");
    assert!(asked.contains("\r\nx-forwarded-for: 127.0.0.1\r\n") && !asked.contains("10.0.0.1"), "{asked}");
    assert!(!asked.contains("\r\nte:"), "{asked}");
}
