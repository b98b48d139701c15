//! Players who type numbered lines, and what must be true of what they see: each line once, in order.

use everhall::testing::{TelnetClient, TestServer};

/// Says `NAME-1`, `NAME-2` … one after the other, each when the last was answered, until `enough`.
pub(super) fn talk(client: &mut TelnetClient, mut enough: impl FnMut(u32) -> bool) -> u32 {
    let name = client.name().to_owned();
    let mut n = 0;
    while !enough(n) {
        n += 1;
        client.send(&format!("say {name}-{n}"));
        client.expect_line(&format!("You say, \"{name}-{n}\""));
    }
    n
}

/// Sends `NAME-first` … `NAME-last` in one packet.
pub(super) fn paste(client: &mut TelnetClient, first: u32, last: u32) {
    let name = client.name().to_owned();
    let lines: String = (first..=last).map(|n| format!("say {name}-{n}\r\n")).collect();
    client.send_raw(lines.as_bytes());
}

/// Asserts that a player saw the answers to lines 1 to `last` exactly once each, in order.
pub(super) fn check_own(client: &TelnetClient, last: u32) {
    check(client, "You say", client.name(), last);
}

/// Asserts that a player saw what another said in lines 1 to `last` exactly once each, in order.
pub(super) fn check_heard(client: &TelnetClient, speaker: &str, last: u32) {
    check(client, &format!("{speaker} says"), speaker, last);
}

fn check(client: &TelnetClient, says: &str, speaker: &str, last: u32) {
    let wanted = format!("{says}, \"{speaker}-");
    let text = client.text();
    let heard: Vec<u32> = text.lines().filter_map(|line| number(line, &wanted)).collect();
    let expected: Vec<u32> = (1..=last).collect();
    assert_eq!(heard, expected, "what {} saw of {speaker}'s lines", client.name());
}

fn number(line: &str, before: &str) -> Option<u32> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once('"')?.0.parse().ok()
}

/// Lets `count` players enter: `Typist A`, `Typist B` ….
pub(super) fn typists(server: &TestServer, count: u8) -> Vec<TelnetClient> {
    // Letters and digits that do not look alike: names must differ by more than that.
    const LETTERS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ3479";
    LETTERS[..usize::from(count)]
        .iter()
        .map(|letter| server.player(&format!("Typist {}", char::from(*letter))))
        .collect()
}
