//! What types and commands do, tried in a room without a server. Ann and Bob stand in it.

use everhall::testing::{Trial, tick};
use game_template::{characters, exits, plugin, rooms, scripts};

#[test]
fn an_echo_gives_back_the_last_word() {
    let mut trial = Trial::of(plugin);
    trial.room_of(rooms::Echo);
    let said = trial.run("Ann", "say is anybody there");
    assert_eq!(said.to("Bob"), ["Ann says, \"is anybody there\"", "The walls answer, \"… there\""]);
}

#[test]
fn a_parrot_greets_with_what_it_heard() {
    let mut trial = Trial::of(plugin);
    let parrot = trial.character_of(characters::Parrot::default(), "parrot");
    trial.run("Ann", "say pieces of eight");
    assert_eq!(trial.state::<characters::Parrot>(parrot).heard, "pieces of eight");
    let said = trial.walk_in("Cem");
    assert!(said.to("Cem").contains(&"The parrot croaks, \"pieces of eight\"".to_owned()));
}

#[test]
fn a_gap_takes_both_hands() {
    let mut trial = Trial::of(plugin);
    let elsewhere = trial.here();
    trial.exit_of(exits::Gap, "gap", elsewhere);
    trial.thing("shell");
    trial.run("Ann", "get shell");
    let refused = trial.run("Ann", "gap");
    assert_eq!(refused.to("Ann"), ["You cannot squeeze through with the shell in your hands."]);
    trial.run("Ann", "drop shell");
    assert!(trial.run("Ann", "gap").hop.is_some());
}

#[test]
fn a_toast_is_seen_by_all() {
    let mut trial = Trial::of(plugin);
    assert_eq!(trial.run("Ann", "toast bob").to("Bob"), ["Ann raises a glass to Bob."]);
    assert_eq!(trial.run("Ann", "toast").to("Ann"), ["Toast whom?"]);
}

#[test]
fn the_tides_take_turns() {
    let mut tides = scripts::Tides::default();
    assert_eq!(tick(&mut tides, 12), ["Far below, the tide comes in."]);
    assert_eq!(tick(&mut tides, 18), ["Far below, the tide goes out."]);
}
