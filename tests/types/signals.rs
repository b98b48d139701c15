//! Signals whose receiver is hard to find, that lead to others for ever, whose walk is refused.

use everhall::testing::{TelnetClient, TestServer};

use super::plan;

/// Returns the number of a room or thing that only one is called as.
fn find(admin: &mut TelnetClient, name: &str) -> String {
    admin.skip();
    admin.ask(&format!("find {name}"), "Found 1:");
    admin.expect("#");
    let text = admin.unread();
    format!("#{}", text.split_whitespace().next().unwrap())
}

fn world() -> (TestServer, TelnetClient) {
    let server = plan().start();
    let mut admin = server.admin();
    admin.ask("down", "The Cellar");
    (server, admin)
}

pub(crate) fn a_signal_finds_what_left_in_a_crowd() {
    let (server, mut admin) = world();
    // More than a room remembers of those who left it.
    admin.ask("scatter 400", "Scattered 400 from #");
    let text = admin.unread();
    let first = format!("#{}", text.split(' ').next().unwrap());
    let ledge = find(&mut admin, "The Ledge");
    // From another room: where it is has to be looked up, and is not stored yet when it has left.
    admin.ask("up", "The Ward");
    for times in 1..=5 {
        admin.ask(&format!("seek {first} {}", if times % 2 == 1 { &ledge } else { "#3" }), "Sought.");
        admin.wait("the search to arrive", |admin| {
            // It may be between two rooms just now.
            admin.send(&format!("examine {first}"));
            let state = format!("State: {{\"ran\":{times},\"found\":{times}}}");
            admin.settle().iter().any(|line| line.contains(&state))
        });
    }
    assert!(!server.logs().contains("finds nobody"));
}

pub(crate) fn a_signal_for_nobody_is_given_up_and_forgotten() {
    let (server, mut admin) = world();
    admin.ask("poke #999999", "Poked.");
    server.wait_for_log("finds nobody");
    let told = server.logs().matches("finds nobody").count();
    // It is not stored any more.
    server.reload();
    admin.ask("poke #3", "Poked.");
    admin.sync();
    assert_eq!(server.logs().matches("finds nobody").count(), told);
}

pub(crate) fn two_that_answer_each_other_are_stopped_also_over_walls() {
    let (server, mut admin) = world();
    let mut ann = server.player("Ann");
    ann.ask("down", "The Cellar");
    admin.ask("create bat:echo", "You create bat");
    let bat = find(&mut admin, "bat");
    admin.ask(&format!("poke {bat}"), "Poked.");
    admin.expect("signal prod was answered too often, it is dropped");
    ann.expect("Something here does not work as it should.");
    ann.ask("look bat", "It has answered 101 times.");
    // The frog is poked wherever it comes in; in time it stays where it is.
    let frog = find(&mut admin, "frog");
    admin.ask(&format!("poke {frog}"), "Poked.");
    server.wait_for_log("signal prod was answered too often");
    admin.wait("the frog to sit still", |admin| {
        // It may be between two rooms just now.
        admin.send(&format!("examine {frog}"));
        let seen = admin.settle().concat();
        let hops = seen.split("State: {\"hops\":").nth(1).map(|rest| rest.split('}').next().unwrap().to_owned());
        let hops: u32 = hops.map_or(0, |hops| hops.parse().unwrap());
        assert!(hops <= 101, "it hops for ever: {hops}");
        hops == 101
    });
    admin.sync();
}

pub(crate) fn a_signal_whose_walk_is_refused_is_spent_and_undone() {
    let (server, mut admin) = world();
    let mut ann = server.player("Ann");
    ann.ask("down", "The Cellar");
    let toad = find(&mut admin, "toad");
    admin.ask(&format!("poke {toad}"), "Poked.");
    let check = |admin: &mut TelnetClient| {
        admin.ask(&format!("examine {toad}"), "State: {\"hops\":0}");
        admin.expect("In: The Cellar");
    };
    admin.sync();
    check(&mut admin);
    // It does not come again, and nobody has seen anything of it.
    server.kill_server();
    check(&mut admin);
    ann.expect_not("It hops.");
    // When it may go, the next one takes it there.
    admin.ask(&format!("set {toad}/heavy ="), "heavy");
    admin.ask(&format!("poke {toad}"), "Poked.");
    ann.expect("It hops.");
    admin.ask(&format!("examine {toad}"), "State: {\"hops\":1}");
    admin.expect("In: The Ledge");
}

pub(crate) fn rooms_scripts_and_channels_reach_each_other_by_name() {
    let (_server, mut admin) = world();
    admin.ask("arm pit hello", "Armed.");
    admin.expect("signal word goes nowhere: there is no ChannelNamed(\"pit\")");
    admin.ask("channel create Pit:pit", "The channel Pit is made.");
    admin.ask("arm pit hello", "Armed.");
    admin.expect("The pit answers, hello.");
    // From a room to the script, and from there to the channel.
    admin.ask("arm good evening", "Armed.");
    admin.expect("The pit answers, a gremlin said good evening.");
}
