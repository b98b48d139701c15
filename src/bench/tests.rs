//! The generator against a small server of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::*;

/// Answers like a world, one thread a connection, until it is closed. Threads end with the test.
fn serve(answer: fn(&str) -> Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || talk(stream.unwrap(), answer));
        }
    });
    address
}

fn talk(mut stream: TcpStream, answer: fn(&str) -> Vec<u8>) {
    stream.set_nodelay(true).unwrap();
    // A client that has finished closes with a reset now and then; that ends the talk as well.
    let _ = stream.write_all(b"Welcome!\r\n\xff\xf9");
    for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
        if stream.write_all(&answer(&line)).is_err() {
            break;
        }
    }
}

fn world(line: &str) -> Vec<u8> {
    let words = match line.split(' ').next().unwrap_or_default() {
        "look" | "north" | "south" => "Cell 1-1\r\nExits: north",
        "connect" if line.ends_with(" passw0rdX9") => "Cell 1-1\r\nExits: north",
        "say" => "You say, \"hello\"",
        "get" => "You pick up a rock.",
        "drop" => "You drop a rock.",
        "home" => "You are at home already.",
        "inventory" => "You are not carrying anything.",
        _ => "There is no such command.",
    };
    [b"Bob nods.\r\n> \xff\xf9".as_slice(), words.as_bytes(), b"\r\n> \xff\xf9"].concat()
}

fn options(addr: SocketAddr, scenario: Scenario) -> Options {
    Options {
        addr,
        clients: 40,
        first: 0,
        seconds: 1,
        warmup: 0,
        scenario,
        think: 0,
        profile: None,
        bystander: None,
        flood: None,
        interrupt: None,
        peer: None,
        portal_pid: None,
        server_pid: None,
    }
}

#[test]
fn a_run_counts_what_was_answered() {
    let processes = Processes { portal: Some(std::process::id()), server: None, data_dir: None };
    let report = run(&options(serve(world), Scenario::Mix), processes).unwrap();
    assert!(report.commands > 100, "{report}");
    assert_eq!(report.unexpected, 0, "{report}");
    assert!(report.p50_us > 0.0 && report.p50_us <= report.p99_us && report.p99_us <= report.max_us, "{report}");
    assert!(report.portal.is_some() && report.server.is_none());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["scenario"], "mix");
}

#[test]
fn refusals_are_told() {
    let gagged =
        |line: &str| if line.starts_with("say") { b"You are gagged.\r\n\xff\xf9".to_vec() } else { world(line) };
    let mut options = options(serve(gagged), Scenario::Say);
    options.seconds = 3;
    let report = run(&options, Processes::default()).unwrap();
    assert!(report.unexpected > 0 && report.unexpected >= report.commands, "{report}");
    assert!(report.to_string().contains("NOT VALID"), "{report}");
}

#[test]
fn a_server_that_hangs_up_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || drop(listener.accept()));
    let mut options = options(address, Scenario::Look);
    options.clients = 1;
    assert!(matches!(run(&options, Processes::default()), Err(BenchError::Closed { .. } | BenchError::Io { .. })));
}
