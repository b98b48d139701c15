//! The commit rule as a model, and a proof by exhaustion that it keeps what it promises.
//!
//! A portal, servers, a database; two players who type three lines in two rooms, a lamp that can be taken and given, and a timer of its own; two processes
//! that die at any moment, and one hand-over at any moment. [`stateright`] walks through every interleaving of their steps. In each state that comes about:
//!
//! 1. each line takes effect once, in the order typed; its result is shown once, in order, to everyone who should see it;
//! 2. whatever anybody was shown is still true;
//! 3. walking, taking and giving neither double nor lose anybody or anything, in one room or between two.
//!
//! Each step carries the number of its rule (`ARCHITECTURE.md`, *The commit rule*). A model shows something only if it can fail: each
//! [`Fault`] leaves out one thing that a rule asks for, and each is found out. Figures are printed with `-- --nocapture`.
//!
//! What is merged into one step cannot be told apart from outside: a session's and a room's handlers and the journal's for what they send (`server.rs`);
//! the portal's confirmation of a flush and its arrival. What is left out: channels, accounts and signals, which are batches like any other; storage that is away.

mod book;
mod database;
mod fault;
mod portal;
mod properties;
mod server;
mod system;
mod world;

use std::collections::BTreeSet;
use std::time::Instant;

use fault::Fault;
use properties::{COMES_TO_AN_END, DONE_ONCE, NOTHING_DOUBLED, SHOWN_ONCE, STAYS_TRUE};
use stateright::{Checker, HasDiscoveries, Model};
use system::{Play, System};
use world::Verb::{self, Give, Say, Take, Walk};

/// Returns every way to type three of these, with Bob beginning in each of these rooms.
fn plays(verbs: &[Verb], rooms: &[usize]) -> Vec<Play> {
    let mut plays = Vec::new();
    for first in verbs {
        for second in verbs {
            for third in verbs {
                plays.extend(rooms.iter().map(|room| Play { verbs: [*first, *second, *third], bob_in: *room }));
            }
        }
    }
    plays
}

fn every_play() -> Vec<Play> {
    plays(&[Say, Take, Give, Walk], &[0, 1])
}

/// Two crashes and one hand-over at any moment, by a protocol without fault.
fn system(plays: Vec<Play>) -> System {
    System { plays, crashes: 2, portal_dies: false, hand_overs: 1, resends_all: false, fault: None }
}

/// Looks at every state that can come about.
#[track_caller]
fn check(system: System) {
    let (begun, plays) = (Instant::now(), system.plays.len());
    let checker = system.checker().threads(2).spawn_dfs().join();
    let states = checker.unique_state_count();
    println!("{plays} plays: {states} different states, none of them wrong ({:.1?})", begun.elapsed());
    checker.assert_properties();
}

#[test]
fn whatever_happens_the_commit_rule_keeps_what_it_promises() {
    check(system(every_play()));
}

#[test]
fn it_does_so_if_the_portal_may_die_as_well() {
    let chosen = [[Walk, Say, Walk], [Take, Give, Say], [Walk, Walk, Take], [Say, Take, Walk]];
    let chosen = chosen.map(|verbs| Play { verbs, bob_in: 0 });
    check(System { portal_dies: true, ..system(chosen.to_vec()) });
}

#[test]
fn a_server_that_sends_too_much_again_does_no_harm() {
    check(System { resends_all: true, crashes: 1, ..system(every_play()) });
}

/// Looks for a state in which a fault has broken a property, and shows the shortest way there.
#[track_caller]
fn breaks(fault: Fault, property: &'static str, system: System) {
    let system = System { fault: Some(fault), ..system };
    let begun = Instant::now();
    let until = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = system.clone().checker().finish_when(until).spawn_bfs().join();
    let Some(path) = checker.discovery(property) else {
        panic!("{fault:?} was not found out in {} states", checker.unique_state_count());
    };
    let states = checker.unique_state_count();
    let play = system.plays[path.last_state().play as usize];
    println!("{fault:?} breaks {property}\n  {play:?}, {states} states, {:.1?}", begun.elapsed());
    println!("  {:?}", path.into_actions());
}

/// A server may die, once.
fn one_crash() -> System {
    System { crashes: 1, hand_overs: 0, ..system(every_play()) }
}

/// Nothing happens but what the protocol does.
fn no_crash() -> System {
    System { crashes: 0, hand_overs: 0, ..system(every_play()) }
}

/// There may be a hand-over.
fn one_hand_over() -> System {
    System { crashes: 0, ..system(every_play()) }
}

/// A process may die, once, and it may be the portal.
fn one_crash_of_the_portal() -> System {
    System { crashes: 1, hand_overs: 0, portal_dies: true, ..system(plays(&[Say, Take, Walk], &[0])) }
}

#[test]
fn rule_3_needs_the_window_of_one_line() {
    breaks(Fault::NoWindow, COMES_TO_AN_END, one_crash());
}

#[test]
fn rule_5_needs_one_batch_for_both_rooms() {
    breaks(Fault::BatchPerRoom, NOTHING_DOUBLED, no_crash());
}

#[test]
fn rule_7_needs_the_wait_for_batches_under_way() {
    breaks(Fault::NoWaitForOpen, STAYS_TRUE, no_crash());
}

#[test]
fn rule_7_needs_the_wait_for_what_was_seen() {
    breaks(Fault::NoWaitForFlush, STAYS_TRUE, no_crash());
}

#[test]
fn rule_7_needs_what_is_shown_to_be_stored() {
    breaks(Fault::ShownBeforeStored, STAYS_TRUE, no_crash());
}

#[test]
fn rule_7_needs_the_order_of_cause_and_effect() {
    breaks(Fault::WaitsForLater, SHOWN_ONCE, no_crash());
}

#[test]
fn rule_9_needs_changes_in_the_order_in_which_they_were_made() {
    breaks(Fault::RowsByBatch, DONE_ONCE, no_crash());
}

#[test]
fn rule_9_needs_the_epoch_check() {
    breaks(Fault::NoEpochCheck, DONE_ONCE, one_crash());
}

#[test]
fn rule_9_needs_the_order_of_commits() {
    breaks(Fault::NoCommitOrder, DONE_ONCE, no_crash());
}

#[test]
fn rule_9_needs_the_outbox() {
    breaks(Fault::NoOutbox, COMES_TO_AN_END, one_crash());
}

#[test]
fn rule_9_needs_the_outbox_until_it_is_confirmed() {
    breaks(Fault::DeletedUnconfirmed, COMES_TO_AN_END, one_crash());
}

#[test]
fn rule_12_needs_groups_applied_once() {
    breaks(Fault::AppliedAgain, SHOWN_ONCE, System { resends_all: true, ..one_crash() });
}

#[test]
fn rule_14_needs_the_cursor() {
    breaks(Fault::NoCursor, DONE_ONCE, one_crash());
}

#[test]
fn rule_14_needs_the_line_in_flight_in_the_hello() {
    breaks(Fault::NotSentAgain, COMES_TO_AN_END, one_crash());
}

#[test]
fn rule_14_needs_a_hello_after_the_last_words() {
    breaks(Fault::HelloTooEarly, STAYS_TRUE, one_hand_over());
}

#[test]
fn rule_19_needs_the_epoch_before_the_world() {
    breaks(Fault::LoadedBeforeEpoch, DONE_ONCE, one_crash());
}

#[test]
fn rule_19_needs_the_old_server_gone_before_the_world_is_loaded() {
    breaks(Fault::LoadedBeside, DONE_ONCE, one_hand_over());
}

#[test]
fn the_ring_file_must_hold_what_is_delivered() {
    breaks(Fault::DeliveredBeforeRecorded, SHOWN_ONCE, one_crash_of_the_portal());
}

#[test]
fn the_ring_file_must_hold_what_is_confirmed() {
    breaks(Fault::ConfirmedBeforeRecorded, COMES_TO_AN_END, one_crash_of_the_portal());
}

#[test]
fn the_ring_file_must_hold_what_is_in_flight() {
    breaks(Fault::FlightNotRecorded, DONE_ONCE, one_crash_of_the_portal());
}

#[test]
fn a_line_that_a_page_sends_again_needs_the_cursor() {
    breaks(Fault::NoCursorForLines, DONE_ONCE, one_crash_of_the_portal());
}
