//! `/ws`: the frames that web clients rely on, byte for byte where it matters, and the session that outlives its socket.

use std::io::{Read, Write};
use std::net::TcpStream;

use everhall::testing::{DEADLINE, PASSWORD};
use serde_json::{Value, json};

use super::world;

/// Returns the frame's keys in the order of the alphabet.
fn keys(frame: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = frame.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_frames_are_as_promised() {
    let server = world();
    let mut ann = server.ws("Ann");
    let first = ann.expect_frame("the first frame", |_| true);
    assert_eq!(keys(&first), ["session"]);
    assert_eq!(first["session"]["resumed"], false);
    assert!(first["session"]["token"].as_str().is_some_and(|token| token.len() >= 32), "{first}");

    ann.send(&json!({"n": 1, "line": format!("create Ann {PASSWORD}")}));
    let ack = ann.expect_frame("the acknowledgement", |frame| frame.get("ack").is_some());
    assert_eq!(ack, json!({"ack": 1}));
    let room = ann.frames().iter().find(|frame| frame["event"] == "Room.Info").cloned().unwrap_or_default();
    assert!(room["data"].is_object(), "the room is shown as an event too: {room}");

    ann.send(&json!({"n": 2, "line": "say a < b & \"c\""}));
    let text =
        ann.expect_frame("the answer", |frame| frame["text"].as_str().is_some_and(|text| text.starts_with("You say")));
    assert_eq!(keys(&text), ["html", "n", "text"]);
    assert_eq!(text["text"].as_str().unwrap_or_default().trim_end(), "You say, \"a < b & \"c\"\"");
    let html = text["html"].as_str().unwrap_or_default();
    assert!(html.contains("a &lt; b &amp; "), "{html}");
    assert!(!html.contains("< b"), "{html}");
    ann.expect_frame("the acknowledgement", |frame| *frame == json!({"ack": 2}));
}

#[test]
fn texts_and_events_are_numbered_without_gap() {
    let server = world();
    let mut ann = server.ws("Ann");
    ann.enter();
    ann.line("look");
    ann.line("north");
    ann.line("south");
    let numbers: Vec<u64> = ann.frames().iter().filter_map(|frame| frame["n"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn players_of_both_doors_meet() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut bob = server.ws("Bob");
    bob.enter();
    ann.send("say hello by telnet");
    bob.expect_text("Ann says, \"hello by telnet\"");
    bob.line("say hello by web");
    ann.expect("Bob says, \"hello by web\"");
}

#[test]
fn a_session_is_taken_up_by_a_new_socket_with_all_it_missed() {
    let server = world();
    let mut bob = server.player("Bob");
    let mut ann = server.ws("Ann");
    ann.enter();
    bob.ask("say one", "You say");
    ann.expect_text("Bob says, \"one\"");
    let (token, seen) = (ann.token(), ann.last_seen());
    ann.hang_up();
    bob.ask("say two", "You say, \"two\"");
    bob.ask("say three", "You say, \"three\"");

    let mut ann = server.ws("Ann");
    ann.resume(&token, seen);
    let session = ann.expect_frame("the session", |frame| frame["session"]["resumed"] == true);
    assert_eq!(session["session"]["complete"], true, "{session}");
    ann.expect_text("Bob says, \"two\"");
    ann.expect_text("Bob says, \"three\"");
    let numbers: Vec<u64> = ann.frames().iter().filter_map(|frame| frame["n"].as_u64()).collect();
    assert_eq!(numbers.first(), Some(&(seen + 1)), "from the first it missed, none twice: {numbers:?}");
    ann.send_line(7, "say it is me");
    ann.expect_text("You say, \"it is me\"");
    bob.expect("Ann says, \"it is me\"");
    assert_eq!(server.status()["players"], 2);
}

#[test]
fn a_line_that_is_sent_again_after_a_resume_is_not_run_again() {
    let server = world();
    let mut bob = server.player("Bob");
    let mut ann = server.ws("Ann");
    ann.enter();
    ann.send_line(5, "say only once");
    bob.expect("Ann says, \"only once\"");
    let (token, seen) = (ann.token(), ann.last_seen());
    ann.hang_up();
    let mut ann = server.ws("Ann");
    ann.resume(&token, seen);
    ann.send_line(5, "say only once");
    ann.send_line(6, "say and more");
    ann.expect_text("You say, \"and more\"");
    bob.expect("Ann says, \"and more\"");
    assert_eq!(bob.text().matches("only once").count(), 1);
}

#[test]
fn a_session_is_taken_up_after_a_reload() {
    let server = world();
    let mut ann = server.ws("Ann");
    ann.enter();
    let (token, seen) = (ann.token(), ann.last_seen());
    ann.hang_up();
    server.reload();
    let mut ann = server.ws("Ann");
    ann.resume(&token, seen);
    ann.send_line(9, "say still me");
    ann.expect_text("You say, \"still me\"");
}

#[test]
fn a_wrong_token_begins_a_new_session() {
    let server = world();
    let mut ann = server.ws("Ann");
    ann.resume(&"0".repeat(64), 3);
    let session = ann.expect_frame("a session", |frame| frame.get("session").is_some());
    assert_eq!(session["session"]["resumed"], false);
    ann.enter();
}

#[test]
fn what_was_said_on_a_channel_since_a_message_comes_once_in_order() {
    let server = world();
    let mut bob = server.player("Bob");
    for n in 1..=5 {
        bob.ask(&format!("pub message {n}"), &format!("message {n}"));
    }
    let mut ann = server.ws("Ann");
    ann.enter();
    ann.send(&json!({"since": {"channel": "Public", "n": 2}}));
    for n in 3..=5 {
        ann.expect_text(&format!("message {n}"));
    }
    ann.line("look");
    let shown: Vec<Value> = ann.frames().iter().filter(|frame| frame["text"].is_string()).cloned().collect();
    assert!(!shown.iter().any(|frame| frame["text"].as_str().is_some_and(|text| text.contains("message 2"))));
}

#[test]
fn the_web_client_is_one_page_without_outside_parts() {
    let server = world();
    let (head, page) = get(&server, "/play");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_lowercase().contains("content-type: text/html"), "{head}");
    for outside in ["src=\"http", "href=\"http", "@import", "url(http", "//cdn"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let (head, _) = get(&server, "/");
    assert!(head.starts_with("HTTP/1.1 30"), "{head}");
    assert!(head.to_lowercase().contains("location: /play"), "{head}");
}

#[test]
fn a_page_of_another_site_gets_no_socket() {
    let server = world();
    let (head, _) = request(
        &server,
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
}

/// Returns head and body of a page.
fn get(server: &everhall::testing::TestServer, path: &str) -> (String, String) {
    request(server, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

fn request(server: &everhall::testing::TestServer, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.http_address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A connection that is kept open ends by the deadline; what came until then is judged.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer
        .split_once("\r\n\r\n")
        .map(|(head, body)| (head.to_owned(), body.to_owned()))
        .unwrap_or((answer, String::new()))
}
