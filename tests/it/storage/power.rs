//! With `durability = "power"` nothing leaves before it is on the disk: held by a library in front of the system's own, which
//! writes down in which order files are written and synchronised and sockets are sent to.

use std::fs;
use std::process::Command;

use super::super::plan;
use super::unavailable;

/// Lines that change something.
const LINES: u32 = 40;

/// What the library wrote down.
enum Event {
    /// Bytes that were about to be written to the log of the database.
    Logged(Vec<u8>),
    /// That log was on the disk.
    Synchronised,
    /// Bytes that were about to be sent to a socket.
    Sent(Vec<u8>),
}

fn events(bytes: &[u8]) -> Vec<Event> {
    let (mut events, mut at) = (Vec::new(), 0);
    while at + 5 <= bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().unwrap()) as usize;
        let data = bytes[at + 5..at + 5 + length].to_vec();
        events.push(match bytes[at] {
            b'L' => Event::Logged(data),
            b'F' => Event::Synchronised,
            b'S' => Event::Sent(data),
            other => panic!("an event of the kind {other}"),
        });
        at += 5 + length;
    }
    events
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Returns what is wrong: texts that left before the log that holds them was on the disk.
fn too_early(events: &[Event], texts: &[String]) -> Vec<String> {
    let early = |text: &&String| {
        let find = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted);
        let logged = find(&|event| matches!(event, Event::Logged(bytes) if holds(bytes, text)));
        let sent = find(&|event| matches!(event, Event::Sent(bytes) if holds(bytes, text)));
        let (Some(logged), Some(sent)) = (logged, sent) else {
            panic!("{text} was logged: {logged:?}, sent: {sent:?}")
        };
        !events.get(logged..sent).unwrap_or_default().iter().any(|event| matches!(event, Event::Synchronised))
    };
    texts.iter().filter(early).cloned().collect()
}

/// Plays with a durability, and returns the texts that left too early of how many.
fn played(durability: &str) -> Option<(usize, usize)> {
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("order.c"), folder.path().join("order.so"));
    fs::write(&source, include_str!("order.c")).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    let Ok(compiled) = compiler.output() else {
        unavailable("a C compiler");
        return None;
    };
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let order = folder.path().join("order");
    let server = plan()
        .config(&format!("[storage]\ndurability = \"{durability}\""))
        .env("LD_PRELOAD", library.to_str().unwrap())
        .env("EVERHALL_ORDER", order.to_str().unwrap())
        .start();
    let mut ann = server.player("Ann");
    let texts: Vec<String> = (1..=LINES).map(|n| format!("numbered-{n}-by-ann")).collect();
    for (n, text) in texts.iter().enumerate() {
        ann.ask(&format!("pub {text}"), text);
        // What depends on such a line must wait as well: it leaves with it, or behind it.
        if n % 4 == 0 {
            ann.ask("who", "1 player");
        }
    }
    let log = fs::read(format!("{}.{}", order.display(), server.server_pid())).unwrap();
    Some((too_early(&events(&log), &texts).len(), texts.len()))
}

#[test]
fn with_the_durability_power_nothing_leaves_before_it_is_on_the_disk() {
    let Some((early, all)) = played("power") else { return };
    assert_eq!(early, 0, "of {all}");
}

/// What the test above would see if it were otherwise: with `process` the disk is not waited for.
#[test]
fn with_the_durability_process_the_disk_is_not_waited_for() {
    let Some((early, all)) = played("process") else { return };
    assert_eq!(early, all);
}
