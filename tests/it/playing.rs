//! What a conversation in a file cannot show: many players, screens, options, structure of an answer.

use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_query};
use everhall::testing::{DEADLINE, poll};

use super::{plan, world};

#[test]
fn a_room_shows_name_description_exits_characters_things_in_that_order() {
    let server = world();
    let _bob = server.player("Bob");
    let mut ann = server.player("Ann");
    ann.send("look");
    ann.sync();
    let text = ann.unread();
    let places: Vec<Option<usize>> = ["Exits", "Characters", "Things"].iter().map(|part| text.find(part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in\n{text}");
    assert!(text.contains("Bob") && text.contains("lamp") && text.contains("north"), "{text}");
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    assert!(!first.starts_with("Exits"), "the name comes first: {text}");
}

#[test]
fn a_room_that_slept_is_as_it_was() {
    let server = plan().config("[world]\nroom_idle_secs = 1").start();
    let mut ann = server.player("Ann");
    ann.ask("get lamp", "You pick up a lamp.");
    ann.ask("get red ball", "You pick up a red ball.");
    ann.ask("north", "The Winter Garden");
    ann.ask("drop lamp", "You drop a lamp.");
    ann.ask("get can", "You pick up a watering can.");
    let loaded = || server.status()["rooms_loaded"].as_u64();
    let awake = loaded().expect("status counts the rooms that are loaded");
    ann.ask("south", "The Everhall");
    let asleep = poll(DEADLINE, || loaded().filter(|loaded| *loaded < awake));
    asleep.expect("the empty room is put to sleep");
    ann.send("north");
    ann.expect("Things: a lamp, a fern");
    ann.ask("look lamp", "horn window");
    ann.ask("get lamp", "You pick up a lamp.");
    ann.ask("i", "You are carrying: a red ball, a watering can, a lamp.");
}

#[test]
fn a_type_that_is_not_known_any_more_is_kept() {
    let mut server = world();
    assert!(server.stop().success());
    let file = server.data_dir().join("world.sqlite3");
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let set = "UPDATE entity SET type_name = 'tavern', state = '{\"beer\":3}' WHERE id = 1 OR key = 'lamp'";
    assert_eq!(sql_query(set).execute(&mut database).unwrap(), 2);
    drop(database);
    server.start_again();
    let mut ann = server.player("Ann");
    ann.ask("look", "The Everhall");
    ann.ask("get lamp", "You pick up a lamp.");
    ann.ask("say still a room", "You say, \"still a room\"");
    ann.ask("drop lamp", "You drop a lamp.");
    assert!(server.stop().success());
    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let kept = "UPDATE entity SET version = version WHERE type_name = 'tavern' AND state = '{\"beer\":3}'";
    assert_eq!(sql_query(kept).execute(&mut database).unwrap(), 2);
}

#[test]
fn an_answer_ends_with_one_prompt() {
    let server = world();
    let mut ann = server.player("Ann");
    let before = ann.prompts();
    for line in ["look", "inventory", "nonsense", "say hello", ""] {
        ann.send(line);
    }
    ann.sync();
    ann.wait("the last prompt", |client| client.prompts() >= before + 6);
    assert_eq!(ann.prompts(), before + 6);
}

#[test]
fn a_say_reaches_fifty_in_order() {
    let server = world();
    let mut listeners: Vec<_> = (0..50).map(|n| server.player(&format!("Listener {n}"))).collect();
    let mut ann = server.player("Ann");
    super::typists::talk(&mut ann, |n| n == 20);
    for listener in &mut listeners {
        listener.expect("Ann says, \"Ann-20\"");
        super::typists::check_heard(listener, "Ann", 20);
    }
}

#[test]
fn only_one_of_two_who_reach_for_it_gets_the_lamp() {
    let server = world();
    let mut ann = server.player("Ann");
    let mut bob = server.player("Bob");
    for _ in 0..10 {
        ann.send("get lamp");
        bob.send("get lamp");
        let ann_has = ann.settle().iter().any(|line| line.contains("You pick up a lamp."));
        let bob_has = bob.settle().iter().any(|line| line.contains("You pick up a lamp."));
        assert!(ann_has != bob_has, "Ann: {ann_has}, Bob: {bob_has}");
        let holder = if ann_has { &mut ann } else { &mut bob };
        holder.ask("drop lamp", "You drop a lamp.");
        holder.sync();
    }
}

#[test]
fn text_is_wrapped_at_the_width_of_the_screen() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.resize(40, 24);
    ann.send(&format!("say {}", "word ".repeat(40).trim()));
    ann.sync();
    let text = ann.unread();
    let longest = text.lines().filter(|line| line.contains("word word")).map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|longest| (20..=40).contains(&longest)), "{longest:?} in\n{text}");
}

#[test]
fn colours_can_be_switched_off() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.send("option color none");
    ann.sync();
    let before = ann.raw().len();
    ann.send("look");
    ann.sync();
    assert!(!ann.raw()[before..].contains(&27), "no escape sequence after `option color none`");
    ann.send("option color 256");
    ann.sync();
    let before = ann.raw().len();
    ann.send("look");
    ann.sync();
    assert!(ann.raw()[before..].contains(&27), "the room's name is coloured after `option color 256`");
}

#[test]
fn a_screen_reader_can_be_announced_before_the_login() {
    let server = world();
    let mut ann = server.telnet("Ann");
    ann.send("screenreader");
    ann.enter();
    let before = ann.raw().len();
    ann.send("look");
    ann.sync();
    assert!(!ann.raw()[before..].contains(&27));
}

#[test]
fn options_stay_with_the_account() {
    let server = world();
    let mut ann = server.player("Ann");
    ann.send("option screenreader on");
    ann.sync();
    ann.send("quit");
    ann.closed();
    let mut ann = server.telnet("Ann");
    ann.login("Ann", everhall::testing::PASSWORD);
    let before = ann.raw().len();
    ann.send("look");
    ann.sync();
    assert!(!ann.raw()[before..].contains(&27));
}
