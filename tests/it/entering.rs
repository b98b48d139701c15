//! From the welcome screen into the world and out of it: names, passwords, throttles, take-over, lost links.

use everhall::testing::{ADMIN_PASSWORD, DEADLINE, PASSWORD, TelnetClient, TestServer, poll};

use super::{plan, world};

const ECHO: u8 = 1;
const WILL: u8 = 251;
const WONT: u8 = 252;

/// Somebody at the welcome screen, who has read it.
fn guest(server: &TestServer, name: &str) -> TelnetClient {
    let mut guest = server.telnet(name);
    guest.expect("Name: ");
    guest
}

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
    let mut ann = guest(&server, "Ann");
    assert!(ann.text().contains("connect") && ann.text().contains("create"), "the welcome screen says how to begin");
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
    // A new name is offered creation, and its password asked twice.
    let mut ann = guest(&server, "Ann");
    ann.send("Ann");
    ann.expect("(yes/no)");
    assert!(!ann.echo_off(), "what is no password is echoed");
    ann.send("yes");
    ann.expect("New password: ");
    ann.wait("echo off", |client| client.echo_off());
    ann.send(PASSWORD);
    ann.expect("again: ");
    ann.wait("echo off", |client| client.echo_off());
    ann.send(PASSWORD);
    ann.ask("say here", "You say, \"here\"");
    assert!(!ann.echo_off());
    assert!(!ann.text().contains(PASSWORD));
    ann.send("quit");
    ann.closed();

    // A known one is asked for the password; a wrong one leads back to the name.
    let mut ann = guest(&server, "Ann");
    ann.send("ann");
    ann.expect("Password: ");
    ann.wait("echo off", |client| client.echo_off());
    ann.send("not the password");
    ann.expect("Name: ");
    ann.wait("echo on", |client| !client.echo_off());
    let mut ann = guest(&server, "Ann");
    ann.send("ann");
    ann.expect("Password: ");
    ann.send(PASSWORD);
    ann.ask("say again", "You say, \"again\"");
    let echo: Vec<u8> = ann.negotiated().iter().filter(|(_, option)| *option == ECHO).map(|(verb, _)| *verb).collect();
    assert_eq!(echo, [WILL, WONT], "WILL ECHO before the password, WONT ECHO behind it, and at no other time");
}

#[test]
fn a_new_name_that_is_not_wanted_is_dropped() {
    let server = world();
    let mut ann = guest(&server, "Ann");
    ann.send("Amn");
    ann.expect("(yes/no)");
    ann.ask("perhaps", "yes or no");
    ann.ask("no", "Name: ");
    ann.create("Ann", PASSWORD);
    ann.ask("who", "Ann");
    let mut amn = guest(&server, "Amn");
    refused(&mut amn, &format!("connect Amn {PASSWORD}"), "password");
}

#[test]
fn a_wrong_password_and_an_unknown_name_are_answered_alike() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut stranger = guest(&server, "stranger");
    let mut answer = |line: &str| {
        stranger.send(line);
        stranger.wait("the next prompt", |client| client.unread().contains("Name: "));
        let said = stranger.unread().split("Name: ").next().unwrap_or_default().trim().to_owned();
        stranger.expect("Name: ");
        said
    };
    let wrong = answer("connect Ann wrong-passw0rd");
    assert!(wrong.to_lowercase().contains("password"), "{wrong}");
    assert_eq!(answer("connect Cat wrong-passw0rd"), wrong, "nobody learns which names exist");
    ann.ask("say undisturbed", "You say, \"undisturbed\"");
    // The line goes on being usable.
    stranger.login("Ann", PASSWORD);
}

#[test]
fn a_name_is_taken_for_all_that_look_like_it() {
    let server = world();
    let _ann = server.player("Paula");
    let mut client = guest(&server, "late");
    for name in ["Paula", "PAULA", "paula", "Pau1a", "Раulа"] {
        refused(&mut client, &format!("create {name} {PASSWORD}"), "name");
    }
    for name in ["X", "a-name-that-is-longer-than-thirty-letters", "semi;colon", "<b>"] {
        refused(&mut client, &format!("create {name} {PASSWORD}"), "name");
    }
    refused(&mut client, "create Shorty short", "password");
    // Composed or not, it is one name.
    client.create("Zo\u{e9}", PASSWORD);
    let mut client = guest(&server, "late");
    refused(&mut client, &format!("create Zoe\u{301} {PASSWORD}"), "name");
    for name in ["O'Brien", "Anne-Marie", "R2 D2", "Jürgen"] {
        let mut client = server.telnet(name);
        client.create(name, PASSWORD);
        client.ask("say I am in", "You say, \"I am in\"");
    }
}

#[test]
fn a_keeper_chooses_welcome_screen_message_and_start_room() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("welcome.txt");
    std::fs::write(&file, "|wA harbour, long ago.|n\nKnock, and say who you are.").unwrap();
    let server = plan()
        .config(&format!(
            "[world]\nwelcome_file = {:?}\nmessage_of_the_day = \"Mind the tide.\"\nstart_room = 3",
            file.to_str().unwrap()
        ))
        .start();
    let mut ann = guest(&server, "Ann");
    assert!(ann.text().contains("A harbour, long ago.\nKnock"), "{}", ann.text());
    ann.send(&format!("create Ann {PASSWORD}"));
    ann.expect("Mind the tide.");
    ann.expect("The Winter Garden");
}

#[test]
fn registration_can_be_closed() {
    let server = plan().config("[world]\nregistration = \"closed\"").start();
    let mut client = guest(&server, "Ann");
    refused(&mut client, &format!("create Ann {PASSWORD}"), "closed");
    client.login("admin", ADMIN_PASSWORD);
}

#[test]
fn registration_can_ask_for_an_invitation() {
    let server = plan().config("[world]\nregistration = \"invite\"\ninvite_code = \"open-sesame\"").start();
    let mut client = guest(&server, "Ann");
    refused(&mut client, &format!("create Ann {PASSWORD}"), "invit");
    refused(&mut client, &format!("create Ann {PASSWORD} open-barley"), "invit");
    client.send(&format!("create Ann {PASSWORD} open-sesame"));
    client.ask("say I am in", "You say, \"I am in\"");

    // The guided form asks for the code, once: a mistyped password does not lose it.
    let mut client = guest(&server, "Bob");
    client.ask("Bob", "Invite code: ");
    client.ask("open-sesame", "New password: ");
    client.ask(PASSWORD, "again: ");
    client.ask("another-passw0rd", "New password: ");
    client.ask(PASSWORD, "again: ");
    client.send(PASSWORD);
    client.ask("say I am in too", "You say, \"I am in too\"");
}

#[test]
fn failed_logins_are_throttled_by_address() {
    let server = plan().config("[throttle]\nexempt_loopback = false\nlogin_failures = 3").start();
    let _ann = server.player("Ann");
    let mut client = guest(&server, "burglar");
    for _ in 0..3 {
        refused(&mut client, "connect Ann wrong-passw0rd", "password");
    }
    // Now the right one does not help either, on this connection or another.
    for mut client in [client, guest(&server, "burglar")] {
        refused(&mut client, &format!("connect Ann {PASSWORD}"), "too many");
    }
}

/// Long enough to check that many logins begin before the first is done.
const SLOW_PASSWORDS: &str = "[password]\nmemory_kib = 19456\npasses = 2\n[throttle]\nexempt_loopback = false\n";

#[test]
fn no_more_wrong_passwords_are_tried_at_once_than_one_after_the_other() {
    let server = plan().config(&format!("{SLOW_PASSWORDS}login_failures = 3")).start();
    let mut guests: Vec<TelnetClient> = (0..8).map(|_| guest(&server, "guest")).collect();
    guests.iter_mut().for_each(|guest| guest.send("connect admin wrong-password"));
    let (tried, waits) = ("do not belong together", "Too many failed logins");
    let mut outcomes = [0, 0];
    for guest in &mut guests {
        guest.wait("an answer", |guest| guest.unread().contains(tried) || guest.unread().contains(waits));
        outcomes[usize::from(guest.unread().contains(waits))] += 1;
    }
    assert_eq!(outcomes, [3, 5]);
}

#[test]
fn right_passwords_that_are_tried_at_once_all_open() {
    let server = plan().config(&format!("{SLOW_PASSWORDS}login_failures = 3\ncreations = 8")).start();
    let name = |n: u8| format!("Visitor {}", char::from(b"ABCDEFGH"[usize::from(n)]));
    (0..8).for_each(|n| drop(server.player(&name(n))));
    let mut guests: Vec<TelnetClient> = (0..8).map(|n| guest(&server, &name(n))).collect();
    for guest in &mut guests {
        let line = format!("connect \"{}\" {PASSWORD}", guest.name());
        guest.send(&line);
    }
    guests.iter_mut().for_each(|guest| guest.expect("Welcome, Visitor "));
}

#[test]
fn creations_are_throttled_by_address() {
    let server = plan().config("[throttle]\nexempt_loopback = false\ncreations = 2").start();
    let _ann = server.player("Ann");
    let _bob = server.player("Bob");
    let mut client = guest(&server, "Cat");
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
fn of_many_logins_to_one_account_at_once_one_is_left() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut bob = server.player("Bob");
    ann.send("quit");
    ann.closed();
    let mut clients: Vec<_> = (0..6).map(|_| server.telnet("Ann")).collect();
    for client in &mut clients {
        client.send(&format!("connect Ann {PASSWORD}"));
    }
    let left = poll(DEADLINE, || {
        let open: Vec<usize> = (0..clients.len()).filter(|at| !clients[*at].is_closed()).collect();
        matches!(open.as_slice(), [_]).then(|| open[0])
    });
    let mut ann = clients.swap_remove(left.expect("five are told that another took over"));
    ann.ask("say it is me", "You say, \"it is me\"");
    bob.expect("Ann says, \"it is me\"");
    assert!(clients.iter().all(|client| client.text().contains("taken over")));
    assert_eq!(bob.text().matches("Ann has entered the world.").count(), 1);
    assert_eq!(server.status()["players"], 2);
    // Whoever came in so is there for others too.
    bob.ask("tell ann = welcome", "You tell Ann, \"welcome\"");
    ann.expect("Bob tells you, \"welcome\"");
}

#[test]
fn who_connects_while_the_old_connection_leaves_gets_in() {
    let server = world();
    let mut old = server.player("Ann");
    let mut bob = server.player("Bob");
    old.ask("get lamp", "You pick up a lamp.");
    for round in 0..6 {
        let mut new = guest(&server, "Ann");
        if round % 2 == 0 {
            old.send("quit");
            new.send(&format!("connect Ann {PASSWORD}"));
            old.closed();
        } else {
            new.send(&format!("connect Ann {PASSWORD}"));
            old.hang_up();
        }
        new.ask("inventory", "You are carrying: a lamp.");
        // Rooms pass mail on after who has left them: not in circles.
        for exit in ["north", "south", "north", "south"] {
            new.send(exit);
        }
        new.sync();
        // Whoever came in so is there for others too.
        bob.ask("tell ann = hello", "You tell Ann, \"hello\"");
        new.expect("Bob tells you, \"hello\"");
        old = new;
    }
    assert_eq!(server.status()["players"], 2);
}

#[test]
fn a_tell_that_meets_a_login_is_read() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut bob = server.player("Bob");
    for n in 1..=20 {
        bob.send("quit");
        bob.closed();
        bob = guest(&server, "Bob");
        // The login is under way when it is told.
        bob.send(&format!("connect Bob {PASSWORD}"));
        if n % 2 == 0 {
            ann.expect("Bob has");
        }
        ann.send(&format!("tell bob = told-{n}."));
        ann.expect(&format!("told-{n}."));
        bob.expect(&format!("told-{n}."));
        ann.skip();
    }
    assert_eq!(bob.text().matches("told-").count(), 1, "it is told once");
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
fn a_lost_link_is_waited_for_over_a_reload() {
    let server = plan().config("[world]\nlink_lost_secs = 5").start();
    let mut ann = server.player("Ann");
    let cat = server.player("Cat");
    let mut bob = server.player("Bob");
    ann.ask("get lamp", "You pick up a lamp.");
    ann.hang_up();
    cat.hang_up();
    bob.expect("Cat stares into space.");
    server.reload();
    bob.ask("look", "Ann");
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.ask("inventory", "You are carrying: a lamp.");
    bob.expect("Cat has left the world.");
    ann.ask("say I am not", "You say, \"I am not\"");
    assert_eq!(server.status()["players"], 2);
}

#[test]
fn a_login_goes_on_over_a_reload() {
    let server = world();
    let _ann = server.player("Ann");
    let mut ann = guest(&server, "Ann");
    let mut bob = guest(&server, "Bob");
    ann.ask("ann", "Password: ");
    bob.ask("Bob", "(yes/no)");
    bob.ask("yes", "New password: ");
    bob.ask(PASSWORD, "again: ");
    server.reload();
    assert!(ann.echo_off() && bob.echo_off());
    ann.send(PASSWORD);
    bob.send(PASSWORD);
    ann.ask("say here", "You say, \"here\"");
    bob.ask("say here too", "You say, \"here too\"");
    assert!(!ann.echo_off() && !bob.echo_off());
}

#[test]
fn the_other_door_takes_over_as_well() {
    let server = world();
    let mut old = server.player("Ann");
    old.ask("get lamp", "You pick up a lamp.");
    let mut new = server.ws("Ann");
    new.line(&format!("connect Ann {PASSWORD}"));
    old.closed();
    new.line("inventory");
    new.expect_text("You are carrying: a lamp.");
    let mut again = server.telnet("Ann");
    again.login("Ann", PASSWORD);
    new.closed();
    again.ask("inventory", "You are carrying: a lamp.");
}

#[test]
fn passwords_and_what_is_said_are_in_no_log_and_passwords_in_no_database() {
    let mut server = plan().env("EVERHALL_LOG_LEVEL", "debug").start();
    let mut ann = server.player("Ann");
    let _bob = server.player("Bob");
    for line in ["say xyzzy-1", "pub xyzzy-2", "whisper bob = xyzzy-3", "tell bob = xyzzy-4", ":xyzzy-5", "xyzzy-6"] {
        ann.send(line);
    }
    ann.sync();
    assert!(server.stop().success());
    let logs = server.logs();
    for secret in ["xyzzy", PASSWORD, ADMIN_PASSWORD] {
        assert!(!logs.contains(secret), "{secret} in\n{logs}");
    }
    for file in ["world.sqlite3", "world.sqlite3-wal"] {
        let bytes = std::fs::read(server.data_dir().join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(PASSWORD) && !text.contains(ADMIN_PASSWORD), "{file}");
    }
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
    let mut ann = guest(&server, "Ann");
    refused(&mut ann, &format!("connect Ann {PASSWORD}"), "password");
    ann.login("Ann", "new-passw0rd");
    assert!(!server.logs().contains("new-passw0rd"));
    assert!(!server.logs().contains(PASSWORD));
}

#[test]
fn forty_logins_at_once_all_come_in_and_hold_nobody_up() {
    let server = world();
    let mut bystander = server.player("Bystander");
    let mut clients: Vec<_> = (0..40).map(|n| server.telnet(&format!("Visitor {n}"))).collect();
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
