//! Scripts that come with new code.

use std::fs;

use everhall::testing::TelnetClient;

use super::game::SECOND_EDITION;
use super::plan;

/// Waits for the newcomer's next tick and returns how many it has counted.
fn counted(client: &mut TelnetClient) -> u64 {
    client.skip();
    let mut count = None;
    client.wait("a tick", |client| {
        let text = client.unread();
        count = text.split("Newcomer: ").nth(1).and_then(|rest| rest.split('.').next()?.parse().ok());
        count.is_some()
    });
    count.unwrap()
}

pub(crate) fn a_script_that_comes_into_a_running_world_is_there_once_and_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let edition = folder.path().join("second");
    let server = plan().env(SECOND_EDITION, &edition.display().to_string()).start();
    let mut ann = server.player("Ann");
    ann.sync();
    assert!(!ann.text().contains("Newcomer"));
    fs::write(&edition, "").unwrap();
    server.reload();
    let first = counted(&mut ann);
    // It is one, whose count goes on, however often the server starts.
    server.reload();
    let second = counted(&mut ann);
    assert!(second > first, "{second} after {first}");
    server.kill_server();
    let third = counted(&mut ann);
    assert!(third > second, "{third} after {second}");
    let text = ann.text();
    let all: Vec<u64> =
        text.split("Newcomer: ").skip(1).filter_map(|rest| rest.split('.').next()?.parse().ok()).collect();
    assert!(all.is_sorted(), "two of them would count apart: {all:?}");
    // Without its type it is kept, and does not run; with it, it goes on.
    fs::remove_file(&edition).unwrap();
    server.reload();
    ann.skip();
    ann.expect_not("Newcomer");
    fs::write(&edition, "").unwrap();
    server.reload();
    assert!(counted(&mut ann) > third);
}
