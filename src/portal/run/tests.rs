//! A whole portal: real sockets, and a real process that stands for the server while the test speaks for it.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

use super::*;
use crate::ids::SessionId;
use crate::portal::testing::{self, Server, within};
use crate::wire::{Group, Item, Origin, PortalHello, ToPortal, ToServer};

/// A process that runs as long as its file is there, and does not start while another is.
const STAND_IN: &str = "[ -e \"$0-broken\" ] && { echo out of order >&2; exit 1; }; \
                        touch \"$0.$$\"; while [ -e \"$0.$$\" ]; do sleep 0.01; done";
const GA: &str = "\u{fffd}\u{fffd}";

struct World {
    folder: TempDir,
    portal: JoinHandle<Result<(), PortalError>>,
    telnet: String,
    pid: i64,
}

fn config_in(folder: &TempDir) -> Config {
    testing::config(folder.path().join("data"))
}

fn shell(script: &str, folder: &TempDir) -> PortalArgs {
    let server_args = vec!["-c".into(), script.into(), folder.path().join("alive").into()];
    PortalArgs { executable: "/bin/sh".into(), server_args }
}

impl World {
    async fn start() -> (Self, Server) {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> (Self, Server) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config_in(&folder);
        change(&mut config);
        let portal = actix::spawn(run(config, shell(STAND_IN, &folder)));
        let mut world = Self { folder, portal, telnet: String::new(), pid: 0 };
        let (mut server, _) = Server::connect(&world.data_dir().join(WIRE_SOCKET)).await;
        // Before the server is ready: it is not asked then.
        let status = world.control(json!({"op": "status"})).await;
        world.telnet = status["listeners"]["telnet"].as_str().unwrap().into();
        world.pid = status["server"]["pid"].as_i64().unwrap();
        is_ready(&mut server).await;
        world.process_file(world.pid).await;
        (world, server)
    }

    /// Connects as the server that follows, and is ready.
    async fn server(&self) -> (Server, PortalHello) {
        takes_over(self.prepared().await).await
    }

    /// Connects as the server that follows, prepared.
    async fn prepared(&self) -> UnixStream {
        Server::prepared(&self.data_dir().join(WIRE_SOCKET)).await
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn control(&self, request: Value) -> Value {
        self.try_control(request).await.unwrap()
    }

    async fn try_control(&self, request: Value) -> Result<Value, control::ControlError> {
        let data_dir = self.data_dir();
        let asked = move || control::request(&data_dir, &request, Duration::from_secs(10));
        tokio::task::spawn_blocking(asked).await.unwrap()
    }

    /// Waits until the first process has a successor.
    async fn next_process(&self) {
        within(async {
            loop {
                let pid = self.control(json!({"op": "status"})).await["server"]["pid"].as_i64();
                if pid.is_some_and(|pid| pid != self.pid) {
                    return;
                }
            }
        })
        .await
    }

    /// Waits for the file that keeps a process running.
    async fn process_file(&self, pid: i64) -> PathBuf {
        let file = self.folder.path().join(format!("alive.{pid}"));
        within(async {
            while !file.exists() {
                tokio::task::yield_now().await;
            }
            file
        })
        .await
    }

    /// Lets the first process end, as a server does that was told to stop.
    async fn process_ends(&self) {
        fs::remove_file(self.process_file(self.pid).await).unwrap();
    }

    async fn player(&self, server: &mut Server) -> Player {
        let stream = TcpStream::connect(&self.telnet).await.unwrap();
        let session = server
            .hears_of(|frame| if let ToServer::Opened { session, .. } = frame { Some(session) } else { None })
            .await;
        let mut player = Player { stream, session, seen: Vec::new() };
        player.sees("\u{19}").await;
        player
    }
}

/// Is introduced, and ready.
async fn takes_over(prepared: UnixStream) -> (Server, PortalHello) {
    let (mut server, hello) = Server::new(prepared).await;
    server.says(ToPortal::Ready { epoch: 1 }).await;
    (server, hello)
}

/// Says that the server is ready, and waits until the portal knows.
async fn is_ready(server: &mut Server) {
    server.says(ToPortal::Ready { epoch: 1 }).await;
    server.frame(Some(1), Vec::new()).await;
    server.confirmed().await;
}

struct Player {
    stream: TcpStream,
    session: SessionId,
    seen: Vec<u8>,
}

impl Player {
    async fn types(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Waits for text; returns all up to its end.
    async fn sees(&mut self, text: &str) -> String {
        within(async {
            loop {
                let seen = String::from_utf8_lossy(&self.seen).into_owned();
                if let Some(at) = seen.find(text) {
                    self.seen = seen.as_bytes()[at + text.len()..].to_vec();
                    return seen[..at + text.len()].to_owned();
                }
                let count = self.stream.read_buf(&mut self.seen).await.unwrap_or(0);
                assert_ne!(count, 0, "the socket is closed; it said {seen:?}");
            }
        })
        .await
    }

    async fn sees_the_end(&mut self) -> String {
        within(async {
            // A connection that is cut off has an end too.
            while self.stream.read_buf(&mut self.seen).await.is_ok_and(|count| count > 0) {}
        })
        .await;
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    fn text(&self, text: &str) -> Group {
        Group { origin: None, items: vec![Item::Text { to: vec![self.session], text: text.into() }] }
    }

    fn answer(&self, n: u64, text: &str) -> Group {
        Group { origin: Some(Origin { session: self.session, n }), ..self.text(text) }
    }
}

#[actix::test]
async fn what_is_typed_over_telnet_is_answered_with_a_marked_prompt() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    server.frame(None, vec![ann.text("Welcome!")]).await;
    ann.sees("Welcome!\r\n").await;
    ann.types("look\r\nnorth\r\n").await;
    assert_eq!(server.line().await.line, "look");
    server.frame(None, vec![ann.answer(1, "A hall.")]).await;
    ann.sees(&format!("A hall.\r\n{GA}")).await;
    assert_eq!(server.line().await.line, "north");
}

#[actix::test]
async fn a_reload_hands_over_with_sockets_and_lines() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    let reload = world.control(json!({"op": "reload"}));
    let play = async {
        let prepared = world.prepared().await;
        server.told_to_stop().await;
        ann.types("look\r\n").await;
        server.frame(None, vec![ann.text("The last of the old.")]).await;
        world.process_ends().await;
        drop(server);
        let (mut server, hello) = takes_over(prepared).await;
        assert_eq!(hello.sessions.len(), 1);
        assert_eq!(server.line().await.line, "look");
        server.frame(None, vec![ann.answer(1, "A hall.")]).await;
        assert!(ann.sees("A hall.").await.contains("The last of the old."));
    };
    let (answer, ()) = tokio::join!(reload, play);
    assert_eq!(answer["ok"], true);
    assert!(answer["pause_ms"].as_u64().is_some_and(|pause| pause < 5_000), "{answer}");
}

#[actix::test]
async fn lines_are_answered_by_the_old_server_while_the_new_one_prepares_itself() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    let reload = world.control(json!({"op": "reload"}));
    let play = async {
        let next = within(async {
            loop {
                let status = world.control(json!({"op": "status"})).await;
                if let Some(next) = status["server"]["next_pid"].as_i64() {
                    assert_eq!(
                        (&status["server"]["state"], &status["server"]["pid"]),
                        (&json!("ready"), &json!(world.pid))
                    );
                    break next;
                }
            }
        });
        assert_ne!(next.await, world.pid);
        ann.types("look\r\n").await;
        assert_eq!(server.line().await.line, "look");
        server.frame(None, vec![ann.answer(1, "A hall.")]).await;
        ann.sees("A hall.").await;
        let second = world.try_control(json!({"op": "reload"})).await.unwrap_err();
        assert_eq!(second.to_string(), "a reload is under way already");
        let prepared = world.prepared().await;
        server.told_to_stop().await;
        world.process_ends().await;
        drop(server);
        takes_over(prepared).await
    };
    assert_eq!(tokio::join!(reload, play).0["ok"], true);
}

#[actix::test]
async fn a_reload_that_fails_says_why_and_leaves_the_old_server_running() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    fs::write(world.folder.path().join("alive-broken"), "").unwrap();
    let refused = world.try_control(json!({"op": "reload"})).await.unwrap_err();
    assert_eq!(refused.to_string(), "the new server did not start: out of order; the running one goes on");
    let why = server.hears_of(|frame| if let ToServer::ReloadFailed { why } = frame { Some(why) } else { None }).await;
    assert_eq!(why, refused.to_string());
    ann.types("look\r\n").await;
    assert_eq!(server.line().await.line, "look");
    let reload = Item::Reload;
    server.frame(None, vec![Group { items: vec![reload], ..ann.answer(1, "") }]).await;
    ann.sees("The new server did not start: out of order; the running one goes on.").await;
}

#[actix::test]
async fn a_new_server_that_says_nothing_is_killed_and_the_old_one_goes_on() {
    let (world, mut server) = World::with(|config| config.server.start_ms = 200).await;
    let refused = world.try_control(json!({"op": "reload"})).await.unwrap_err();
    assert_eq!(refused.to_string(), "the new server did not start: it was not ready in time; the running one goes on");
    let status = world.control(json!({"op": "status"})).await;
    assert_eq!((&status["server"]["state"], &status["server"]["pid"]), (&json!("ready"), &json!(world.pid)));
    let mut ann = world.player(&mut server).await;
    ann.types("look\r\n").await;
    assert_eq!(server.line().await.line, "look");
}

#[actix::test]
async fn a_new_server_that_is_introduced_and_not_ready_is_followed_by_the_one_before() {
    let (world, mut server) = World::with(|config| config.server.start_ms = 1500).await;
    let mut ann = world.player(&mut server).await;
    let reload = world.try_control(json!({"op": "reload"}));
    let play = async {
        let prepared = world.prepared().await;
        server.told_to_stop().await;
        world.process_ends().await;
        drop(server);
        ann.types("look\r\n").await;
        // It says nothing more; its process is killed for that.
        Server::new(prepared).await.0
    };
    let (refused, silent) = tokio::join!(reload, play);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the new server ended before it was ready: it was not ready in time; the one before is started again"
    );
    drop(silent);
    let (mut server, _) = world.server().await;
    assert_eq!(server.line().await.line, "look");
}

#[actix::test]
async fn a_silent_server_is_killed_and_replaced() {
    let (world, server) = World::with(|config| config.server.patience_ms = 50).await;
    world.next_process().await;
    drop(server);
    world.server().await;
}

#[actix::test]
async fn a_killed_server_is_replaced_and_gets_the_line_in_flight_again() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    ann.types("get lamp\r\n").await;
    server.line().await;
    let pid = rustix::process::Pid::from_raw(world.pid as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    drop(server);
    world.next_process().await;
    let (_server, hello) = world.server().await;
    assert_eq!(hello.sessions[0].line.as_ref().map(|line| &line.line[..]), Some("get lamp"));
}

#[actix::test]
async fn the_end_is_told_to_players_and_leaves_nothing_behind() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    assert_eq!(world.control(json!({"op": "stop"})).await["ok"], true);
    server.told_to_stop().await;
    server.frame(None, vec![ann.text("Saved.")]).await;
    drop(server);
    world.process_ends().await;
    assert!(ann.sees_the_end().await.ends_with("Saved.\r\nThe world is shutting down.\r\n"));
    drop(ann);
    let data_dir = world.data_dir();
    assert!(within(world.portal).await.unwrap().is_ok());
    assert!(!data_dir.join(CONTROL_SOCKET).exists() && !data_dir.join(WIRE_SOCKET).exists());
}

#[actix::test]
async fn a_first_server_that_fails_ends_the_portal_with_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let result = within(run(config_in(&folder), shell("echo busy >&2; echo no database >&2; exit 3", &folder))).await;
    match result {
        Err(PortalError::ServerFailed { code, line }) => assert_eq!((code, &line[..]), (3, "no database")),
        other => panic!("{other:?}"),
    }
}

#[actix::test]
async fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config_in(&folder);
    config.listen.telnet = taken.local_addr().unwrap();
    let error = within(run(config, shell(STAND_IN, &folder))).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen for telnet on {}: ", taken.local_addr().unwrap())), "{error}");
}

#[actix::test]
async fn two_portals_do_not_share_a_data_directory() {
    let (world, _server) = World::start().await;
    let second = run(testing::config(world.data_dir()), shell(STAND_IN, &world.folder));
    assert!(matches!(within(second).await, Err(PortalError::Locked(_))));
}

#[actix::test]
async fn the_keeper_runs_a_line_and_asks_a_question() {
    let (world, mut server) = World::start().await;
    let run = world.control(json!({"op": "run", "line": "who"}));
    let play = async {
        let facts =
            server.hears_of(|frame| if let ToServer::Opened { facts, .. } = frame { Some(facts) } else { None }).await;
        assert!(facts.trusted);
        let line = server.line().await;
        let items = vec![Item::Text { to: vec![line.session], text: "Nobody is here.".into() }];
        server.frame(None, vec![Group { origin: Some(Origin { session: line.session, n: 1 }), items }]).await;
        server.hears_of(|frame| matches!(frame, ToServer::Closed { .. }).then_some(())).await;
    };
    assert_eq!(tokio::join!(run, play).0, json!({"ok": true, "output": "Nobody is here.\n"}));

    let status = world.control(json!({"op": "status"}));
    let play = async {
        let id = server.hears_of(|frame| if let ToServer::Ask { id, .. } = frame { Some(id) } else { None }).await;
        server.says(ToPortal::Answer { id, json: json!({"players": 2, "server": {"rooms": 12}}).to_string() }).await;
    };
    let status = tokio::join!(status, play).0;
    assert_eq!((&status["players"], &status["server"]["rooms"]), (&json!(2), &json!(12)));
    assert_eq!((&status["server"]["state"], &status["portal"]["state"]), (&json!("ready"), &json!("running")));
}

#[actix::test]
async fn a_client_that_never_reads_is_disconnected_and_others_are_not() {
    let (world, mut server) = World::with(|config| config.limits.output_bytes = 100_000).await;
    let mut bob = world.player(&mut server).await;
    let ann = world.player(&mut server).await;
    let page = "x".repeat(60_000);
    let gone = |frame| if let ToServer::Closed { session } = frame { Some(session) } else { None };
    let closed = within(async {
        loop {
            server.frame(None, vec![ann.text(&page)]).await;
            if let Ok(closed) = tokio::time::timeout(Duration::from_millis(1), server.hears_of(gone)).await {
                return closed;
            }
        }
    });
    assert_eq!(closed.await, ann.session);
    server.frame(None, vec![bob.text("Still here?")]).await;
    bob.sees("Still here?").await;
}

#[actix::test]
async fn a_web_browser_on_the_telnet_port_is_told_so() {
    let (world, mut server) = World::start().await;
    let mut browser = world.player(&mut server).await;
    browser.types("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = browser.sees_the_end().await;
    assert!(answer.contains("HTTP/1.1 400 Bad Request\r\n"), "{answer:?}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{answer:?}");
}

#[actix::test]
async fn a_password_is_asked_for_with_echo_off_and_kept_secret() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    ann.types("ann\r\n").await;
    server.line().await;
    let to = ann.session;
    let items = vec![Item::Prompt { to, text: "Password: ".into() }, Item::Secret { to, on: true }];
    server.frame(None, vec![Group { origin: Some(Origin { session: to, n: 1 }), items }]).await;
    ann.sees("\u{1}Password: ").await;
    ann.types(b"\xff\xfd\x01hunter22\r\n").await;
    let line = server.line().await;
    assert_eq!((&line.line[..], line.secret), ("hunter22", true));
    ann.sees("\r\n").await;
}

#[actix::test]
async fn what_a_client_tells_of_its_screen_reaches_the_server() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    ann.types(b"\xff\xfb\x1f\xff\xfa\x1f\x00\x78\x00\x28\xff\xf0").await;
    let facts = |frame| if let ToServer::Facts { facts, .. } = frame { Some(facts) } else { None };
    let told = server.hears_of(facts).await;
    assert_eq!((told.width, told.height), (120, 40));
}

#[actix::test]
async fn a_line_over_the_limit_is_cut_with_a_notice() {
    let (world, mut server) = World::start().await;
    let mut ann = world.player(&mut server).await;
    ann.types(["x".repeat(10_000).as_str(), "\r\n"].concat()).await;
    assert_eq!(server.line().await.line.len(), 4096);
    ann.sees("Your line was too long and cut at 4096 bytes.\r\n").await;
}
