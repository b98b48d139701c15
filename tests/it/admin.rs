//! The keepers' pages, over real HTTP: who gets in, what they see, and what players see of what they do.

use std::os::unix::fs::PermissionsExt;

use everhall::testing::{ADMIN_PASSWORD, DEADLINE, PASSWORD, START_DEADLINE, TestServer, poll};
use rustix::process::{Pid, Signal, kill_process};

use super::browser::{Answer, Browser};
use super::{plan, world};

const REFUSED: &str = "That name and password do not open this door.";

/// A browser in which the world's keeper has logged in.
fn keeper(server: &TestServer) -> Browser {
    let mut browser = Browser::of(server);
    browser.log_in("admin", ADMIN_PASSWORD).expect_redirect("/admin");
    browser
}

/// Returns the path of the room's page where somebody stands, by the table of sessions.
fn room_of(browser: &mut Browser, name: &str) -> String {
    let page = browser.get("/admin/sessions").expect(200, name);
    let (_, row) = page.body.split_once(&format!(">{name}<")).unwrap();
    row.split_once("href=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

fn edit(browser: &mut Browser, room: &str, version: &str, name: &str, description: &str) -> Answer {
    let fields = [("version", version), ("name", name), ("description", description)];
    browser.submit(room, room, &fields)
}

#[test]
fn only_keepers_get_in_and_nobody_learns_why_not() {
    let server = world();
    let _bob = server.player("Bob");
    let mut browser = Browser::of(&server);
    for path in ["/admin", "/admin/sessions", "/admin/rooms", "/admin/rooms/1"] {
        let answer = browser.get(path).expect_redirect("/admin/login");
        assert!(answer.body.is_empty());
    }
    for path in ["/admin/reload", "/admin/rooms/1", "/admin/logout"] {
        browser.post(path, &[("token", "")]).expect_redirect("/admin/login");
    }
    for (name, password) in [("admin", "wrong"), ("Nobody", PASSWORD), ("Bob", PASSWORD), ("", "")] {
        browser.log_in(name, password).expect(403, REFUSED);
        browser.get("/admin").expect_redirect("/admin/login");
    }
    let answer = browser.log_in("ADMIN", ADMIN_PASSWORD).expect_redirect("/admin");
    let cookie = answer.headers.iter().find(|(_, value)| value.starts_with("everhall_admin=")).unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/admin"] {
        assert!(cookie.1.contains(attribute), "{cookie:?}");
    }
    let page = browser.get("/admin").expect(200, "<dd>Everhall</dd>");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{page:?}");
}

#[test]
fn an_admins_pages_close_with_the_permission_and_the_password() {
    let server = world();
    let mut bob = server.player("Bob");
    let mut admin = server.admin();
    admin.ask("perm Bob = Admin", "Bob is now a Admin");
    let mut browser = Browser::of(&server);
    browser.log_in("Bob", PASSWORD).expect_redirect("/admin");
    browser.get("/admin").expect(200, "Overview");
    bob.ask(&format!("password {PASSWORD} = another-word-7"), "Your password is changed.");
    browser.get("/admin").expect_redirect("/admin/login");
    browser.log_in("Bob", "another-word-7").expect_redirect("/admin");
    browser.get("/admin").expect(200, "Overview");
    admin.ask("perm Bob = Player", "Bob is now a Player");
    browser.get("/admin").expect_redirect("/admin/login");
}

#[test]
fn whoever_guesses_passwords_is_made_to_wait() {
    let server = plan().config("[throttle]\nlogin_failures = 2\nexempt_loopback = false\n").start();
    let mut browser = Browser::of(&server);
    browser.log_in("admin", "wrong").expect(403, REFUSED);
    browser.log_in("admin", "wronger").expect(403, REFUSED);
    let answer = browser.log_in("admin", ADMIN_PASSWORD).expect(429, "Too many failed logins");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
}

#[test]
fn a_form_that_is_not_from_here_does_nothing() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut browser = keeper(&server);
    let room = room_of(&mut browser, "Ann");
    let fields = [("version", "1"), ("name", "Trap"), ("description", "A trap.")];
    for token in ["", "0000", &keeper(&server).get("/admin").field("token")] {
        browser.post(&room, &[&fields[..], &[("token", token)]].concat()).expect(403, "nothing was done");
    }
    browser.post("/admin/reload", &[]).expect(403, "nothing was done");
    let mut stranger = Browser::of(&server);
    let token = stranger.get("/admin/login").field("token");
    stranger.cookies.clear();
    let login = [("name", "admin"), ("password", ADMIN_PASSWORD), ("token", token.as_str())];
    stranger.post("/admin/login", &login).expect(403, "too old");
    ann.sync();
    ann.send("look");
    ann.sync();
    assert!(!ann.text().contains("Trap"), "{}", ann.text());
}

#[test]
fn sessions_and_rooms_are_listed() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.ask("north", "south");
    let _stranger = server.telnet("stranger");
    let mut browser = keeper(&server);
    let page = browser.get("/admin/sessions").expect(200, "127.0.0.1");
    assert!(page.body.contains(">Ann<") && page.body.contains("<td>telnet</td>"), "{}", page.body);
    let listed = poll(DEADLINE, || browser.get("/admin/sessions").body.contains("logging in").then_some(()));
    assert!(listed.is_some());

    let room = room_of(&mut browser, "Ann");
    let id = room.rsplit_once('/').unwrap().1.to_owned();
    let rooms = browser.get("/admin/rooms").expect(200, "Loaded now").body;
    let (_, row) = rooms.split_once(&format!("<a href=\"{room}\">#{id}</a>")).unwrap();
    assert!(row.split_once("</tr>").unwrap().0.contains("<td>Ann</td>"), "{row}");
    browser.get(&format!("/admin/rooms?id=%23{id}")).expect_redirect(&room);
    browser.get("/admin/rooms?id=%3Cb%3E").expect(400, "not a number: &lt;b&gt;");
    let page = browser.get(&room).expect(200, "Ann <span class=\"id\">");
    assert!(page.body.contains("(played)") && page.body.contains("south to "), "{}", page.body);
    browser.get("/admin/rooms/999999999").expect(404, "There is no room #999999999");
    browser.get("/admin/rooms/x").expect(404, "");
    browser.get("/admin/nowhere").expect(404, "There is nothing here");
}

#[test]
fn a_room_is_not_written_anew_while_nothing_can_be_saved() {
    let server = plan().config("[storage]\npatience_ms = 1000").start();
    let mut ann = server.player("Ann");
    let mut browser = keeper(&server);
    let room = room_of(&mut browser, "Ann");
    let version = browser.get(&room).field("version");
    ann.ask("north", "The Winter Garden");
    let other = super::storage::lock(&server);
    ann.send("get watering can");
    ann.expect("The world cannot save anything just now.");
    edit(&mut browser, &room, &version, "Trap", "A trap.").expect(503, "cannot save anything just now");
    drop(other);
    ann.expect("You pick up a watering can.");
    ann.ask("south", "The Everhall");
    edit(&mut browser, &room, &version, "The Trap", "A trap.").expect_redirect(&format!("{room}?saved"));
    ann.ask("look", "The Trap");
}

#[test]
fn a_room_that_is_not_loaded_can_be_looked_at_and_written_anew() {
    let server = plan().config("[world]\nroom_idle_secs = 1\n").start();
    let mut browser = keeper(&server);
    let mut ann = server.player("Ann");
    let start = room_of(&mut browser, "Ann");
    let page = browser.get(&start).body;
    let beside = page.split_once("north to <a href=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let version = browser.get(&beside).expect(200, "Edit").field("version");
    edit(&mut browser, &beside, &version, "The Quiet Room", "Dust.").expect_redirect(&format!("{beside}?saved"));
    let link = format!("href=\"{beside}\"");
    let is_asleep = poll(DEADLINE, || (!browser.get("/admin/rooms").body.contains(&link)).then_some(()));
    assert!(is_asleep.is_some(), "nobody is there: it goes back to sleep");
    browser.get(&beside).expect(200, "The Quiet Room");
    ann.ask("north", "The Quiet Room");
}

#[test]
fn who_stands_in_a_room_sees_it_change() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut bob = server.player("Bob");
    bob.ask("north", "south");
    let mut browser = keeper(&server);
    let room = room_of(&mut browser, "Ann");
    let version = browser.get(&room).field("version");
    let description = "Glass |gwalls|n & a <floor>.\r\nIt hums.";
    ann.skip();
    edit(&mut browser, &room, &version, "Glass \"Hall\"", description).expect_redirect(&format!("{room}?saved"));
    ann.expect("The room changes around you.");
    ann.expect("Glass \"Hall\"");
    ann.expect("Glass walls & a <floor>.");
    ann.expect("It hums.");
    bob.expect_not("The room changes");
    let page = browser.get(&format!("{room}?saved")).expect(200, "Saved.");
    assert!(page.body.contains("Glass |gwalls|n &amp; a &lt;floor&gt;.\nIt hums.</textarea>"), "{}", page.body);
    assert_ne!(page.field("version"), version);

    // It was stored before the page said so, and who did it.
    server.kill_server();
    ann.ask("look", "It hums.");
    let mut boss = server.admin();
    boss.ask("history here", "admin  name: [\"The Everhall\"] -> [\"Glass \\\"Hall\\\"\"]");
    boss.expect("admin  desc: \"");
    boss.expect("It hums.");
}

#[test]
fn an_edit_of_what_somebody_changed_meanwhile_is_refused_and_both_are_shown() {
    let server = world();
    let mut ann = server.player("Ann");
    let (mut first, mut second) = (keeper(&server), keeper(&server));
    let room = room_of(&mut first, "Ann");
    let version = first.get(&room).field("version");
    edit(&mut first, &room, &version, "First Hall", "The first.").expect_redirect(&format!("{room}?saved"));
    ann.expect("First Hall");
    let refused = edit(&mut second, &room, &version, "Second Hall", "The second.")
        .expect(409, "Somebody changed it meanwhile")
        .expect(409, "The first.");
    assert_eq!(refused.field("name"), "Second Hall");
    ann.expect_not("Second Hall");
    // Having seen both, one may send it all the same.
    let version = refused.field("version");
    edit(&mut second, &room, &version, "Second Hall", "The second.").expect_redirect(&format!("{room}?saved"));
    ann.expect("Second Hall");
}

#[test]
fn an_edit_that_says_nothing_or_too_much_is_refused() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut browser = keeper(&server);
    let room = room_of(&mut browser, "Ann");
    let version = browser.get(&room).field("version");
    let long = "x".repeat(9000);
    edit(&mut browser, &room, &version, " \u{202e} ", "A.").expect(422, "A room needs a name.");
    edit(&mut browser, &room, &version, &long[..81], "A.").expect(422, "at most 80 characters");
    edit(&mut browser, &room, &version, "A", &long).expect(422, "at most 8000 characters");
    let huge = "x".repeat(300_000);
    edit(&mut browser, &room, &version, "A", &huge).expect(422, "at most 8000 characters");
    ann.expect_not("The room changes");
    // The same once more changes nothing and disturbs nobody.
    let page = browser.get(&room);
    let (_, text) = page.body.split_once("rows=\"10\"").unwrap();
    let text = text.split_once('\n').unwrap().1.split_once("</textarea>").unwrap().0.replace("&quot;", "\"");
    let name = page.field("name");
    edit(&mut browser, &room, &version, &name, &text).expect_redirect(&format!("{room}?saved"));
    ann.expect_not("The room changes");
    assert_eq!(browser.get(&room).field("version"), version);
}

#[test]
fn a_reload_from_the_page_keeps_players_and_keepers() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut browser = keeper(&server);
    let old = server.server_pid();
    let answer = browser.submit("/admin", "/admin/reload", &[]).expect(202, "starting again");
    server.wait_for_another(old);
    ann.ask("say still here", "You say, \"still here\"");
    let next = answer.header("refresh").split_once("url=").expect("it asks again").1.to_owned();
    let page = poll(DEADLINE, || Some(browser.get(&next)).filter(|answer| answer.status != 503)).unwrap();
    page.expect(200, "The server is new.");
    browser.get("/admin").expect(200, "Overview");
    browser.get("/admin/sessions").expect(200, "since before the reload");
}

#[test]
fn a_visit_that_was_ended_opens_nothing() {
    let server = world();
    let mut browser = keeper(&server);
    let cookies = browser.cookies.clone();
    browser.submit("/admin", "/admin/logout", &[]).expect_redirect("/admin/login");
    browser.get("/admin").expect_redirect("/admin/login");
    browser.cookies = cookies;
    browser.get("/admin").expect_redirect("/admin/login");
}

#[test]
fn while_the_server_is_away_the_portal_answers_for_it() {
    let server = plan().config("[server]\npatience_ms = 1000\n").start();
    let mut browser = keeper(&server);
    let old = server.server_pid();
    // It falls silent, and is killed for that while the page is being asked for.
    let pid = Pid::from_raw(i32::try_from(old).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let away = browser.get("/admin").expect(503, "http-equiv=\"refresh\"");
    assert_eq!(away.header("retry-after"), "2");
    server.wait_for_another(old);
    let back = poll(START_DEADLINE, || Some(browser.get("/admin")).filter(|answer| answer.status == 200));
    back.expect("the pages come back").expect(200, "Overview");
    let socket = server.data_dir().join("web.sock");
    assert_eq!(std::fs::metadata(socket).unwrap().permissions().mode() & 0o777, 0o600);
}
