//! What no well-behaved client sends. Whoever sends it is told or cut off; nobody else notices.

use std::net::TcpStream;

use everhall::testing::{DEADLINE, PASSWORD, TelnetClient, TestServer, poll};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{plan, world};

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;
const NAWS: u8 = 31;

/// Sends bytes and waits until the rest of the line, `say after`, is answered as usual.
#[track_caller]
fn survives(client: &mut TelnetClient, bytes: &[u8]) {
    client.send_raw(bytes);
    client.ask("say after", "You say, \"after\"");
}

#[test]
fn a_line_over_4_kib_is_cut_with_a_notice() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.send(&format!("say {}", "x".repeat(5000)));
    let (said, rest): (Vec<String>, Vec<String>) = ann.settle().into_iter().partition(|line| line.contains("xxxx"));
    let length = said.concat().matches('x').count();
    assert!((4000..=4096).contains(&length), "{length} of 5000 letters were said");
    let notice = rest.concat();
    assert!(notice.contains("cut"), "a notice, not {notice:?}");

    // However long it is, one line is one line.
    ann.send(&format!("say {}", "y".repeat(1_000_000)));
    let said = ann.settle().concat().matches("You say").count();
    assert_eq!(said, 1);
    // Cut between characters, not inside one.
    ann.send(&format!("say {}", "é".repeat(3000)));
    assert!(!ann.settle().concat().contains('\u{fffd}'));
}

#[test]
fn invalid_utf8_nuls_and_lone_returns_do_no_harm() {
    let server = world();
    let mut bob = server.player("Bob");
    let mut ann = server.player("Ann");
    survives(&mut ann, b"say caf\xe9 \xc3\x28 \xed\xa0\x80 \xf8\x88 done\r\n");
    bob.expect("done\"");
    ann.send_raw(b"sa\0y nul\0s\0\r\n");
    bob.expect("Ann says, \"nuls\"");
    // CR NUL and a bare LF end a line as well as CR LF does.
    ann.send_raw(b"say return\r\0say newline\nsay both\r\n");
    for said in ["return", "newline", "both"] {
        ann.expect(&format!("You say, \"{said}\""));
    }
    survives(&mut ann, b"say lone\rreturn\r\n");
    survives(&mut ann, b"\r\r\r\n\n\n\r\n\0\0");
    // Backspaces and escape sequences are typed by people who think they are in an editor.
    survives(&mut ann, b"say \x1b[31mred\x1b[0m \x07\x08\x7f \xc2\x9b31m\r\n");
    bob.sync();
    let text = bob.text();
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(control), "Bob is shown a control character in {text:?}");
    assert!(!bob.raw().windows(5).any(|bytes| bytes == b"\x1b[31m"), "Bob's screen is not Ann's to colour");
}

#[test]
fn characters_and_telnet_sequences_may_be_split_anywhere() {
    let server = world();
    let mut bystander = server.player("Bystander");
    let mut ann = server.player("Ann");
    let typed = [
        b"say \xc3\xa9\xe6\x97\xa5".as_slice(),
        &[IAC, SB, NAWS, 0, 200, 0, 50, IAC, SE],
        b"\xf0\x9f\x8c\x8d\xff\xff!\r\n",
    ];
    for byte in typed.concat() {
        ann.send_raw(&[byte]);
        // A round trip of somebody else: by then this byte has been read by itself.
        bystander.sync();
    }
    ann.expect("You say, \"é日🌍");
    ann.expect("!\"");
    assert!(!ann.text().contains("200"));
}

#[test]
fn subnegotiations_without_end_are_bounded() {
    let server = world();
    let mut bystander = server.player("Bystander");
    let mut ann = server.player("Ann");
    // A mebibyte, then an end: discarded, and the line goes on.
    let mut huge = vec![IAC, SB, 24];
    huge.resize(1024 * 1024, b'x');
    huge.extend([IAC, SE]);
    survives(&mut ann, &huge);
    assert!(!ann.text().contains("xxxx"));
    // Subnegotiations of options nobody agreed on, empty ones, and one with doubled IACs.
    survives(&mut ann, &[IAC, SB, IAC, SE, IAC, SB, 99, 1, 2, IAC, SE, IAC, SB, NAWS, IAC, IAC, IAC, SE]);
    // One that never ends, by somebody who then hangs up.
    let mut cat = server.player("Cat");
    cat.send_raw(&[IAC, SB, NAWS, 0, 80]);
    cat.hang_up();
    bystander.sync();
}

#[test]
fn telnet_options_that_do_not_exist_are_refused_once() {
    let server = world();
    let mut ann = server.player("Ann").mute();
    let before = ann.raw().len();
    let offers: Vec<u8> = (100..200u8).flat_map(|option| [IAC, 251, option, IAC, 253, option]).collect();
    survives(&mut ann, &offers.repeat(20));
    let answered = ann.raw().len() - before;
    // One DONT and one WONT each; answering every repetition would be a loop waiting for a partner.
    assert!(answered < 100 * 6 * 2 + 1000, "{answered} bytes");
}

#[test]
fn an_http_request_on_the_telnet_port_does_no_harm() {
    let server = world();
    let mut bystander = server.player("Bystander");
    let mut browser = server.telnet("browser").mute();
    browser.send_raw(b"GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n");
    browser.wait("an answer or the end", |client| !client.text().trim().is_empty() || client.is_closed());
    bystander.ask("who", "Bystander");
    assert_eq!(server.status()["players"], 1);
}

#[test]
fn a_flood_is_bounded_told_and_felt_by_nobody_else() {
    const LINES: usize = 10_000;
    let server = world();
    let mut bystander = server.player("Bystander");
    bystander.send("north");
    bystander.sync();
    let mut ann = server.player("Ann");
    let flood: String = (1..=LINES).map(|n| format!("say flood-{n}\r\n")).collect();
    let began = std::time::Instant::now();
    ann.send_raw(flood.as_bytes());
    for _ in 0..20 {
        bystander.sync();
    }
    assert!(began.elapsed() < DEADLINE, "20 answers for a bystander took {:?}", began.elapsed());
    // Every line was either run or counted in a notice; the notices come once a second.
    let (mut said, mut refused) = (0, 0);
    ann.wait(format_args!("{LINES} lines said or refused"), |client| {
        (said, refused) = account(client);
        said + refused >= LINES
    });
    assert_eq!(said + refused, LINES, "{said} were said, {refused} refused");
    assert!(refused > 0);
    ann.sync();
}

/// How many lines of a flood were said, and how many the notices say were refused.
fn account(client: &TelnetClient) -> (usize, usize) {
    let text = client.unread();
    let said = text.matches("You say, \"flood-").count();
    let refused = text.lines().filter(|line| line.contains("not accepted")).filter_map(first_number).sum();
    (said, refused)
}

fn first_number(line: &str) -> Option<usize> {
    let digits: String =
        line.chars().skip_while(|c| !c.is_ascii_digit()).take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().ok()
}

#[test]
fn a_client_that_never_reads_is_cut_off_with_a_reason_in_the_log() {
    let server = plan().config("[limits]\noutput_bytes = 65536").start();
    let mut talker = server.player("Talker");
    let mut sleeper = TcpStream::connect(server.telnet_address()).unwrap();
    // The system's own buffers are not what is measured here.
    set_socket_recv_buffer_size(&sleeper, 4096).unwrap();
    std::io::Write::write_all(&mut sleeper, format!("create Sleeper {PASSWORD}\r\n").as_bytes()).unwrap();
    talker.expect("Sleeper has entered the world.");
    let long = "z".repeat(4000);
    let cut_off = (0..200).any(|_| {
        for _ in 0..20 {
            talker.send(&format!("say {long}"));
        }
        talker.sync();
        talker.skip();
        server.logs().contains("did not read")
    });
    assert!(cut_off, "16 MB were kept for a client that reads nothing");
    talker.ask("say still here", "You say, \"still here\"");
}

#[test]
fn two_thousand_who_never_log_in_keep_nobody_out() {
    const IDLERS: usize = 2000;
    allow_open_files(IDLERS as u64 + 200);
    let server = world();
    let mut ann = server.player("Ann");
    let idlers: Vec<TcpStream> =
        (0..IDLERS).map(|_| TcpStream::connect_timeout(&server.telnet_address(), DEADLINE).unwrap()).collect();
    ann.ask("say undisturbed", "You say, \"undisturbed\"");
    let mut bob = server.player("Bob");
    bob.ask("say me too", "You say, \"me too\"");
    assert_eq!(server.status()["players"], 2);
    drop(idlers);
    ann.sync();
}

#[test]
fn the_places_are_limited_and_given_back() {
    let server = plan().config("[limits]\nconnections = 10").start();
    let mut ann = server.player("Ann");
    let mut idlers: Vec<TelnetClient> = (0..9).map(|_| server.telnet("idler")).collect();
    for idler in &mut idlers {
        idler.wait("the welcome screen", |client| !client.text().trim().is_empty());
    }
    let mut late = server.telnet("late");
    late.closed();
    assert!(!late.text().trim().is_empty(), "who is turned away is told why");
    ann.sync();
    idlers.pop().unwrap().hang_up();
    let entered = poll(DEADLINE, || {
        let mut bob = server.telnet("Bob");
        bob.wait("an answer", |client| !client.text().trim().is_empty() || client.is_closed());
        (!bob.is_closed()).then_some(bob)
    });
    entered.expect("a place that was given back can be had").enter();
}

#[test]
fn who_does_not_log_in_is_disconnected_after_a_while() {
    let server = plan().config("[limits]\nlogin_secs = 1").start();
    let mut ann = server.player("Ann");
    let mut idler = server.telnet("idler");
    idler.closed();
    ann.sync();
}

#[test]
fn websocket_frames_that_are_not_json_are_answered() {
    let server = world();
    let mut ann = server.ws("Ann");
    ann.enter();
    for nonsense in
        ["hello", "", "[]", "{}", "{\"n\":", "{\"n\":\"one\",\"line\":7}", "{\"line\":\"look\"}", "null", "\u{0}"]
    {
        ann.send_text(nonsense);
        ann.expect_frame(&format!("an error for {nonsense:?}"), |frame| frame["error"].is_string());
    }
    ann.line("say fine");
    ann.expect_text("You say, \"fine\"");
}

#[test]
fn websocket_frames_that_are_binary_or_huge_are_answered_or_cut_off() {
    let server = world();
    let mut bystander = server.ws("Bystander");
    bystander.enter();
    let mut ann = server.ws("Ann");
    ann.enter();
    ann.send_binary(b"\x00\x01\xff");
    ann.expect_frame("an error for a binary frame", |frame| frame["error"].is_string());
    ann.send_text(&format!("{{\"n\":9,\"line\":\"{}\"}}", "x".repeat(2 * 1024 * 1024)));
    ann.expect_frame("an error for a huge frame", |frame| frame["error"].is_string());
    bystander.line("say undisturbed");
    bystander.expect_text("You say, \"undisturbed\"");
    assert_no_panic(&server);
}

/// Asserts that no process logged a panic.
fn assert_no_panic(server: &TestServer) {
    let logs = server.logs();
    assert!(!logs.contains("panicked"), "{logs}");
}

/// Raises the limit of open files, of this process and those it starts.
fn allow_open_files(wanted: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    }
}
