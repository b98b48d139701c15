//! What must hold in every state, whatever happened before.

use stateright::Property;

use super::server::Stage;
use super::system::{State, Step, System, TYPED, lines, verb};
use super::world::{CAUSES, Cause, Lamp, Outcome, Place, Room, TIMER, Verb, typed_by};

/// Exactly once, as players see it.
pub const SHOWN_ONCE: &str = "1: every result is shown once and in order, to everyone who should see it";
/// Exactly once, as the world has it.
pub const DONE_ONCE: &str = "1: every line takes effect once, in the order typed";
/// Nothing seen is forgotten.
pub const STAYS_TRUE: &str = "2: what was shown is still true";
/// Entities.
pub const NOTHING_DOUBLED: &str = "3: nothing is doubled or lost";
/// Nobody waits for ever.
pub const COMES_TO_AN_END: &str = "1: every line is answered";

/// Returns all properties.
pub fn all() -> Vec<Property<System>> {
    vec![
        Property::always(SHOWN_ONCE, |_, state| is_shown_once(state)),
        Property::always(DONE_ONCE, is_done_once),
        Property::always(STAYS_TRUE, |_, state| stays_true(state)),
        Property::always(NOTHING_DOUBLED, nothing_is_doubled),
        Property::always(COMES_TO_AN_END, comes_to_an_end),
        Property::sometimes(
            "two processes died, a hand-over was made, and all was answered",
            |system: &System, state: &State| {
                let used_up = state.crashes == 0 && system.crashes > 0 && state.hand_overs == 0;
                used_up && is_answered(state)
            },
        ),
    ]
}

fn is_shown_once(state: &State) -> bool {
    let screens = &state.screens;
    let complete = |at: usize| screens.seen[at] & !screens.meant[at] == 0;
    !screens.twice && !screens.disordered && (0..CAUSES).all(complete)
}

/// Every line stands at most once in each room's log, a walk in both or in none, each person's lines in order; and what the rows
/// say is what the logs say.
fn is_done_once(system: &System, state: &State) -> bool {
    let play = &system.plays[state.play as usize];
    let logs = state.database.rows.rooms;
    for cause in 0..CAUSES as Cause {
        let counts = logs.map(|log| log.count(cause));
        let once = match verb(play, cause) {
            Some(Verb::Say) => counts == [0, 0],
            Some(Verb::Walk) => counts == [0, 0] || counts == [1, 1],
            Some(Verb::Take | Verb::Give) | None => counts[0] + counts[1] <= 1,
        };
        if !once {
            return false;
        }
    }
    let in_order = logs.iter().all(|log| {
        let mine: Vec<Cause> =
            log.backwards().filter(|cause| typed_by(*cause).is_some_and(|(who, _)| who == 0)).collect();
        mine.is_sorted_by(|later, earlier| later > earlier)
    });
    let nothing_overwritten = logs
        .iter()
        .zip(state.database.stored)
        .all(|(log, stored)| (0..CAUSES as Cause).all(|cause| (log.count(cause) > 0) == (stored & 1 << cause != 0)));
    in_order && nothing_overwritten && !state.database.twice && rows_fit_logs(system, state)
}

fn rows_fit_logs(system: &System, state: &State) -> bool {
    let play = &system.plays[state.play as usize];
    let database = &state.database;
    let done = |cause: Cause| database.rows.rooms.iter().any(|log| log.count(cause) > 0);
    let begins = [0, play.bob_in];
    let people = [0, 1].map(|who| {
        let walks =
            lines().filter(|(by, _, cause)| *by == who && verb(play, *cause) == Some(Verb::Walk) && done(*cause));
        Place::Room((begins[who] + walks.count()) % 2)
    });
    let taker = lines().find(|(.., cause)| verb(play, *cause) == Some(Verb::Take) && done(*cause)).map(|(who, ..)| who);
    let gifts = lines().filter(|(.., cause)| verb(play, *cause) == Some(Verb::Give) && done(*cause)).count();
    let lamp = taker.map_or(Place::Room(0), |taker| Place::Held((taker + gifts) % 2));
    (database.rows.people, database.rows.lamp, database.rows.timer) == (people, lamp, !done(TIMER))
}

/// What anybody has seen of a room is how its stored log begins; what was done is stored, what was refused is not.
fn stays_true(state: &State) -> bool {
    let (screens, logs) = (&state.screens, &state.database.rows.rooms);
    let known =
        screens.known.iter().all(|known| known.iter().zip(logs).all(|(seen, stored)| seen.is_beginning_of(*stored)));
    let outcomes = screens.outcome.iter().zip(0..).all(|(outcome, cause)| {
        let done = logs.iter().any(|log| log.count(cause) > 0);
        match outcome {
            None => true,
            Some(Outcome::Done) => done,
            Some(Outcome::Said | Outcome::Refused) => !done,
        }
    });
    known && outcomes
}

/// Everybody and the lamp have a place, in the database and in the memory of the server that runs; once all is stored, the same.
fn nothing_is_doubled(_: &System, state: &State) -> bool {
    let rows = &state.database.rows;
    let placed = rows.people.iter().all(|place| matches!(place, Place::Room(_))) && rows.lamp != Place::Nowhere;
    let Some(server) =
        state.servers[0].as_ref().filter(|server| matches!(server.stage, Stage::Running | Stage::Stopping))
    else {
        return placed;
    };
    let Some(memory) = &server.memory else { return placed };
    let of_person = |who: usize| {
        memory.rooms.iter().filter(|room| room.has(who)).count()
            + memory.mail.iter().filter(|mail| mail.who == who).count()
    };
    let lamps = memory.rooms.iter().filter(|room| room.lamp.is_some()).count()
        + memory.mail.iter().filter(|mail| mail.lamp).count();
    let with_somebody_here = |room: &Room| match room.lamp {
        Some(Lamp::With(who)) => room.has(who),
        _ => true,
    };
    let whole = of_person(0) == 1 && of_person(1) == 1 && lamps == 1 && memory.rooms.iter().all(with_somebody_here);
    let stored = !memory.book.is_idle() || memory.rooms == Room::load(rows);
    placed && whole && stored
}

fn is_answered(state: &State) -> bool {
    (0..2).all(|who| {
        let seat = &state.portal.seats[who];
        seat.acked_k == TYPED[who] && seat.connected && seat.ring.is_empty()
    })
}

/// Where nothing is left to do, every line is acknowledged, and everybody has seen all that was meant for them.
fn comes_to_an_end(system: &System, state: &State) -> bool {
    if is_answered(state) {
        let all_seen = |(_, _, cause): (usize, u8, Cause)| {
            let at = cause as usize;
            state.screens.outcome[at].is_some() && state.screens.seen[at] == state.screens.meant[at]
        };
        return lines().all(all_seen);
    }
    let mut steps: Vec<Step> = Vec::new();
    system.progress(state, &mut steps);
    !steps.is_empty()
}
