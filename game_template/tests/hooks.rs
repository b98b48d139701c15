//! What types and commands do, tried in a room without a server. Ann and Bob stand in it.

use std::time::Duration;

use everhall::prelude::Tick;
use everhall::testing::{Trial, tick};
use game_template::{characters, exits, objects, plugin, rooms, scripts};

#[test]
fn an_echo_gives_back_the_last_word() {
    let mut trial = Trial::of(plugin);
    trial.room_of(rooms::Echo);
    let said = trial.run("Ann", "say is anybody there");
    assert_eq!(said.to("Bob"), ["Ann says, \"is anybody there\"", "The walls answer, \"… there\""]);
}

#[test]
fn a_lamp_burns_down_once_it_is_taken() {
    let mut trial = Trial::of(plugin);
    let lamp = trial.thing_of(objects::Lamp { oil: 2 }, "lamp");
    assert!(trial.entity(lamp).timers.is_empty());
    trial.run("Ann", "get lamp");
    assert_eq!(trial.entity(lamp).timers[0].period_ms, 60_000);
    assert_eq!(trial.signal(lamp, &Tick).to("Bob"), ["The lamp flickers."]);
    assert_eq!(trial.signal(lamp, &Tick).to("Bob"), ["The lamp goes out."]);
    trial.signal(lamp, &Tick);
    assert!(trial.entity(lamp).timers.is_empty(), "nothing is left to burn");
}

#[test]
fn a_bush_bears_berries_again_after_a_while_though_nothing_ticks() {
    let mut trial = Trial::of(plugin);
    let bush = trial.thing_of(objects::Bush::default(), "bush");
    for _ in 0..6 {
        assert_eq!(trial.run("Ann", "use bush").to("Bob"), ["Ann eats a berry."]);
    }
    assert_eq!(trial.run("Ann", "use bush").to("Ann"), ["There is not one berry left."]);
    assert!(trial.entity(bush).timers.is_empty());
    trial.pass(Duration::from_secs(25 * 60));
    let seen = |trial: &mut Trial| trial.run("Bob", "look bush").to("Bob").concat();
    assert!(seen(&mut trial).ends_with("Berries on it: 2."), "{}", seen(&mut trial));
    // What had begun to grow goes on.
    trial.run("Bob", "use bush");
    trial.pass(Duration::from_secs(5 * 60));
    assert!(seen(&mut trial).ends_with("Berries on it: 2."), "{}", seen(&mut trial));
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
