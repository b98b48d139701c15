//! From the welcome screen into the world and out of it: names, passwords, throttles, take-over, lost links.

use everhall::testing::{ADMIN_PASSWORD, PASSWORD, TelnetClient};

use super::{plan, world};

const ECHO: u8 = 1;
const WILL: u8 = 251;
const WONT: u8 = 252;

/// Asserts that a line at the welcome screen is refused: something is answered, and the next line is not a command of the world.
#[track_caller]
fn refused(client: &mut TelnetClient, line: &str, says: &str) {
    client.skip();
    client.send(line);
    client.wait(format_args!("a refusal of {line:?} that says {says:?}"), |client| {
        client.unread().to_lowercase().contains(&says.to_lowercase())
    });
}

#[test]
fn both_one_line_forms_lead_into_the_world() {
    let server = world();
    let mut ann = server.telnet("Ann");
    ann.wait("the welcome screen", |client| client.unread().contains("connect"));
    ann.send(&format!("create Ann {PASSWORD}"));
    // The room is shown in full on arrival.
    ann.expect("Exits");
    ann.sync();
    ann.send("quit");
    ann.closed();

    let mut ann = server.telnet("Ann");
    ann.send(&format!("connect Ann {PASSWORD}"));
    ann.expect("Exits");
    ann.ask("say back", "You say, \"back\"");

    let mut mary = server.telnet("Mary Ann");
    mary.send(&format!("create \"Mary Ann\" \"two words {PASSWORD}\""));
    mary.sync();
    ann.ask("who", "Mary Ann");
    mary.send("quit");
    mary.closed();
    let mut mary = server.telnet("Mary Ann");
    // Names are found whatever their case; a client's stored line may differ.
    mary.send(&format!("CONNECT \"mary ann\" \"two words {PASSWORD}\""));
    mary.ask("say hi", "You say, \"hi\"");
    ann.expect("Mary Ann says, \"hi\"");
}

#[test]
fn the_guided_form_asks_for_the_password_with_echo_off() {
    let server = world();
    // A new name is offered creation.
    let mut ann = server.telnet("Ann");
    ann.send("Ann");
    ann.wait("the offer to create", |client| client.unread().contains("Ann"));
    assert!(!ann.echo_off(), "what is no password is echoed");
    ann.send("yes");
    ann.wait("echo off", |client| client.echo_off());
    ann.send(PASSWORD);
    // It is asked twice or once; in both cases the same answer is right, and in the world it is echoed again.
    ann.wait("echo on or the second question", |client| !client.echo_off() || client.prompts() >= 4);
    if ann.echo_off() {
        ann.send(PASSWORD);
    }
    ann.wait("echo on", |client| !client.echo_off());
    ann.ask("say here", "You say, \"here\"");
    assert!(!ann.text().contains(PASSWORD));
    ann.send("quit");
    ann.closed();

    // A known one is asked for the password.
    let mut ann = server.telnet("Ann");
    ann.send("ann");
    ann.wait("echo off", |client| client.echo_off());
    ann.send("not the password");
    ann.wait("echo on, or the question again", |client| {
        client.negotiated().contains(&(WONT, ECHO)) || client.prompts() >= 3
    });
    let mut ann = server.telnet("Ann");
    ann.send("ann");
    ann.wait("echo off", |client| client.echo_off());
    ann.send(PASSWORD);
    ann.wait("echo on", |client| !client.echo_off());
    ann.ask("say again", "You say, \"again\"");
    let echo: Vec<u8> = ann.negotiated().iter().filter(|(_, option)| *option == ECHO).map(|(verb, _)| *verb).collect();
    assert_eq!(echo, [WILL, WONT], "WILL ECHO before the password, WONT ECHO behind it, and at no other time");
}

#[test]
fn a_new_name_that_is_not_wanted_is_dropped() {
    let server = world();
    let mut ann = server.telnet("Ann");
    ann.send("Amn");
    ann.wait("the offer to create", |client| client.unread().contains("Amn"));
    ann.send("no");
    ann.create("Ann", PASSWORD);
    ann.ask("who", "Ann");
    let mut amn = server.telnet("Amn");
    refused(&mut amn, &format!("connect Amn {PASSWORD}"), "password");
}

#[test]
fn a_wrong_password_and_an_unknown_name_are_answered_alike() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut stranger = server.telnet("stranger");
    stranger.wait("the welcome screen", |client| client.prompts() > 0 || client.unread().contains("connect"));
    let mut answer = |line: &str| {
        refused(&mut stranger, line, "password");
        stranger.unread().replace("Nobody", "Ann")
    };
    let wrong = answer("connect Ann wrong-passw0rd");
    let unknown = answer("connect Nobody wrong-passw0rd");
    assert_eq!(wrong.lines().next(), unknown.lines().next(), "nobody learns which names exist");
    ann.ask("say undisturbed", "You say, \"undisturbed\"");
    // The line goes on being usable.
    stranger.login("Ann", PASSWORD);
}

#[test]
fn a_name_is_taken_for_all_that_look_like_it() {
    let server = world();
    let _ann = server.player("Paula");
    let mut client = server.telnet("late");
    for name in ["Paula", "PAULA", "paula", "Pau1a", "Раulа"] {
        refused(&mut client, &format!("create {name} {PASSWORD}"), "name");
    }
    for name in ["X", "a-name-that-is-longer-than-thirty-letters", "semi;colon", "<b>"] {
        refused(&mut client, &format!("create {name} {PASSWORD}"), "name");
    }
    refused(&mut client, "create Shorty short", "password");
    // Composed or not, it is one name.
    client.create("Zo\u{e9}", PASSWORD);
    let mut client = server.telnet("late");
    refused(&mut client, &format!("create Zoe\u{301} {PASSWORD}"), "name");
    for name in ["O'Brien", "Anne-Marie", "R2 D2", "Jürgen"] {
        let mut client = server.telnet(name);
        client.create(name, PASSWORD);
        client.ask("say I am in", "You say, \"I am in\"");
    }
}

#[test]
fn registration_can_be_closed() {
    let server = plan().config("[world]\nregistration = \"closed\"").start();
    let mut client = server.telnet("Ann");
    refused(&mut client, &format!("create Ann {PASSWORD}"), "closed");
    client.login("admin", ADMIN_PASSWORD);
}

#[test]
fn registration_can_ask_for_an_invitation() {
    let server = plan().config("[world]\nregistration = \"invite\"\ninvite_code = \"open-sesame\"").start();
    let mut client = server.telnet("Ann");
    refused(&mut client, &format!("create Ann {PASSWORD}"), "invit");
    refused(&mut client, &format!("create Ann {PASSWORD} open-barley"), "invit");
    client.send(&format!("create Ann {PASSWORD} open-sesame"));
    client.ask("say I am in", "You say, \"I am in\"");
}

#[test]
fn failed_logins_are_throttled_by_address() {
    let server = plan().config("[throttle]\nexempt_loopback = false\nlogin_failures = 3").start();
    let _ann = server.player("Ann");
    let mut client = server.telnet("burglar");
    for _ in 0..3 {
        refused(&mut client, "connect Ann wrong-passw0rd", "password");
    }
    // Now the right one does not help either, on this connection or another.
    for mut client in [client, server.telnet("burglar")] {
        refused(&mut client, &format!("connect Ann {PASSWORD}"), "too many");
    }
}

#[test]
fn creations_are_throttled_by_address() {
    let server = plan().config("[throttle]\nexempt_loopback = false\ncreations = 2").start();
    let _ann = server.player("Ann");
    let _bob = server.player("Bob");
    let mut client = server.telnet("Cat");
    refused(&mut client, &format!("create Cat {PASSWORD}"), "too many");
    client.login("admin", ADMIN_PASSWORD);
}

#[test]
fn a_second_connection_takes_over() {
    let server = world();
    let mut old = server.player("Ann");
    let mut bob = server.player("Bob");
    old.ask("get lamp", "You pick up a lamp.");
    let mut new = server.telnet("Ann");
    new.login("Ann", PASSWORD);
    old.closed();
    assert!(!old.unread().trim().is_empty(), "the old connection is told why it ends");
    new.ask("inventory", "You are carrying: a lamp.");
    new.ask("say once", "You say, \"once\"");
    bob.expect("Ann says, \"once\"");
    bob.expect_not("Ann says, \"once\"");
    assert_eq!(server.status()["players"], 2);
}

#[test]
fn the_lines_an_old_connection_still_had_are_not_run_for_the_new_one() {
    let server = world();
    let mut old = server.player("Ann");
    let mut new = server.telnet("Ann");
    let pasted: String = (1..=200).map(|n| format!("say old-{n}\r\n")).collect();
    old.send_raw(pasted.as_bytes());
    new.login("Ann", PASSWORD);
    old.closed();
    new.skip();
    new.ask("say mine", "You say, \"mine\"");
    new.expect_not("old-");
}

#[test]
fn a_lost_link_leaves_the_character_for_a_while() {
    let server = plan().config("[world]\nlink_lost_secs = 1").start();
    let ann = server.player("Ann");
    let mut bob = server.player("Bob");
    ann.hang_up();
    bob.ask("look", "Ann");
    // After the configured second the character leaves by itself.
    bob.expect("Ann has left the world.");
    bob.send("look");
    bob.expect_not("Ann");
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    bob.expect("Ann has entered the world.");
}

#[test]
fn a_changed_password_is_the_only_one() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.ask("password wrong-passw0rd = new-passw0rd", "password");
    ann.sync();
    ann.send(&format!("password {PASSWORD} = new-passw0rd"));
    ann.sync();
    ann.send("quit");
    ann.closed();
    let mut ann = server.telnet("Ann");
    refused(&mut ann, &format!("connect Ann {PASSWORD}"), "password");
    ann.login("Ann", "new-passw0rd");
    assert!(!server.logs().contains("new-passw0rd"));
    assert!(!server.logs().contains(PASSWORD));
}

#[test]
fn forty_logins_at_once_all_come_in_and_hold_nobody_up() {
    let server = world();
    let mut bystander = server.player("Bystander");
    let mut clients: Vec<_> = (0..40).map(|n| server.telnet(&format!("Guest {n}"))).collect();
    for client in &mut clients {
        let line = format!("create \"{}\" {PASSWORD}", client.name());
        client.send(&line);
    }
    // The bystander is answered while they are being let in.
    for _ in 0..20 {
        bystander.sync();
    }
    for client in &mut clients {
        client.sync();
    }
    assert_eq!(server.status()["players"], 41);
}
