//! Storage that fails while people play: a disk that is full, read-only or frozen, a file that another process has locked, a
//! PostgreSQL that is away, hangs, only reads, or whose connection is cut anywhere.

mod cluster;
mod contradiction;
mod cuts;
mod disk;
mod file;
mod power;
mod proxy;
mod server;

use std::env;
use std::io::Write;
use std::time::Duration;

use everhall::testing::{TelnetClient, TestServer, poll};
use serde_json::Value;

pub(super) use file::lock;

/// What everybody in the world is told when storage goes away.
const AWAY: &str = "The world cannot save anything just now.";

/// What everybody in the world is told when it is back.
const BACK: &str = "The world can save again.";

/// What whoever typed it is told of a line that would have changed something.
const REFUSED: &str = "so that was not done. Please try again in a moment.";

/// Says that something which a test needs is not to be had: the test is skipped, or fails where it must not be.
fn unavailable(what: &str) {
    let is_required = env::var("EVERHALL_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
    assert!(!is_required, "not to be had, but EVERHALL_REQUIRE_SERVICES=1: {what}");
    // Not by a macro: what those print is hidden when a test succeeds.
    std::io::stderr().write_all(format!("skipped: not to be had: {what}\n").as_bytes()).unwrap();
}

/// Waits until the server says of storage that something is so; returns all that it says of it.
#[track_caller]
fn wait_for_storage(server: &TestServer, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let patience = Duration::from_secs(30);
    let found = poll(patience, || Some(server.status()["storage"].clone()).filter(|storage| is_so(storage)));
    found.unwrap_or_else(|| panic!("storage should be {what}: {}\n{}", server.status(), server.logs()))
}

/// Waits until storage is away for that reason.
#[track_caller]
fn wait_for_trouble(server: &TestServer, trouble: &str) -> Value {
    wait_for_storage(server, trouble, |storage| storage["trouble"] == trouble)
}

/// Waits until the world can save.
#[track_caller]
fn wait_until_ready(server: &TestServer) {
    wait_for_storage(server, "ready", |storage| storage["state"] == "ready");
}

/// Publishes `NAME-1` … `NAME-last` on the public channel, one after the other. A line that is refused because it cannot
/// be saved is typed again, as a person would.
fn publish(client: &mut TelnetClient, last: u32) {
    let name = client.name().to_owned();
    for n in 1..=last {
        let said = format!("[Public] {name}: {name}-{n}\n");
        loop {
            client.skip();
            client.send(&format!("pub {name}-{n}"));
            let answered =
                |text: &str| text.contains(&said) || text.contains(REFUSED) || text.contains("it was not done");
            client.wait(format_args!("an answer to line {n}"), |client| answered(&client.unread()));
            if client.unread().contains(&said) {
                break;
            }
        }
    }
}

/// Asserts that all saw the same messages in the same order, and of each of them `NAME-1` … `NAME-last`, once and in order.
fn check_published(clients: &[TelnetClient], last: u32) {
    let seen = |client: &TelnetClient| -> Vec<String> {
        let text = client.text();
        text.lines().filter_map(|line| line.strip_prefix("[Public] ")).map(str::to_owned).collect()
    };
    let all = seen(&clients[0]);
    for client in clients {
        assert_eq!(seen(client), all, "what {} saw is not what {} saw", client.name(), clients[0].name());
        let own = format!("{}: ", client.name());
        let said: Vec<&str> = all.iter().filter_map(|line| line.strip_prefix(own.as_str())).collect();
        let expected: Vec<String> = (1..=last).map(|n| format!("{}-{n}", client.name())).collect();
        assert_eq!(said, expected, "what {} published", client.name());
    }
}
