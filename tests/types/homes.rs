//! What becomes of those whose room is destroyed behind them.

use everhall::testing::{PASSWORD, TelnetClient, TestServer};

use super::plan;

const GONE: &str = "Your home is gone. From now on it is here.";

/// A world with a hut beside the ward, its keeper, and somebody who stands in the hut.
fn hut() -> (TestServer, TelnetClient, TelnetClient, String) {
    let server = plan().start();
    let (mut admin, mut ann) = (server.admin(), server.player("Ann"));
    admin.ask("dig Hut = door, out", "You dig Hut (");
    let hut = admin.unread().split(')').next().unwrap().to_owned();
    ann.ask("door", "Hut");
    (server, admin, ann, hut)
}

pub(crate) fn who_has_lost_their_home_is_at_home_where_everybody_begins() {
    let (server, mut admin, mut ann, hut) = hut();
    ann.ask("settle", "You settle.");
    ann.ask("out", "The Ward");
    ann.ask("down", "The Cellar");
    ann.ask("home", "Hut");
    ann.ask("out", "The Ward");
    ann.ask("down", "The Cellar");
    admin.ask(&format!("destroy {hut}"), "You destroy Hut");
    ann.ask("home", GONE);
    ann.expect("The Ward");
    admin.expect("Ann comes home.");
    // It is stored, and told once.
    server.kill_server();
    ann.ask("down", "The Cellar");
    ann.skip();
    ann.ask("home", "The Ward");
    ann.expect_not(GONE);
    ann.ask("home", "You are at home already.");

    // Also for whoever stands there already.
    let mut bob = server.player("Bob");
    admin.ask("dig Shack = hatch, out", "You dig Shack (");
    let shack = admin.unread().split(')').next().unwrap().to_owned();
    bob.ask("hatch", "Shack");
    bob.ask("settle", "You settle.");
    bob.ask("out", "The Ward");
    admin.ask(&format!("destroy {shack}"), "You destroy Shack");
    bob.ask("home", GONE);
    bob.ask("home", "You are at home already.");
}

pub(crate) fn who_left_the_world_in_a_room_that_is_gone_comes_back_where_everybody_begins() {
    let (server, mut admin, mut ann, hut) = hut();
    ann.send("quit");
    ann.closed();
    admin.ask(&format!("destroy {hut}"), "You destroy Hut");
    let mut ann = server.telnet("Ann");
    ann.login("Ann", PASSWORD);
    ann.ask("look", "The Ward");
    ann.ask("say I am back", "You say, \"I am back\"");
    admin.expect("Ann says, \"I am back\"");
}
