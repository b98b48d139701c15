//! Walks: who leaves the room, who comes in, and who comes back because another room did not let them in.

use super::{Arrival, Mail, RoomActor, WENT};
use crate::actors::batch::Batch;
use crate::actors::session::{Moved, Playing};
use crate::actors::world::turn_back;
use crate::failpoint::fail_point;
use crate::ids::{EntityId, RoomId, SessionId};
use crate::text;
use crate::text::Markup;
use crate::wire::Item;
use crate::world::caller::{Caller, Seat};
use crate::world::contents::Undo;
use crate::world::effects::{Manner, Walk};
use crate::world::failure::Failure;
use crate::world::record::Kind;
use crate::world::room::{Moment, Occupant, Performed, departure, in_a_sentence};
use crate::world::types::Refusal;

impl RoomActor {
    /// Takes characters out and sends them to another room.
    ///
    /// If the room's type panics at it, they stay, and all that led to it is undone.
    pub(super) fn send_off(&mut self, mut batch: Batch, walk: Walk, mut undo: Undo) {
        let party: Vec<Occupant> = walk.who.iter().filter_map(|who| self.room.take(*who)).collect();
        fail_point!("room.taken_out");
        for occupant in &party {
            // What they carry as well: signals go after it.
            occupant.entities.iter().for_each(|entity| self.remember(entity.id, walk.to));
            let Some(character) = occupant.character() else { continue };
            if character.transient {
                continue;
            }
            let text = departure(&in_a_sentence(character), &walk.manner);
            let gone = (character.kind() == Kind::Character).then_some(character.id);
            match self.room.departed(self.moment(&batch), gone, text) {
                Performed::Done(changes, effects, more) => {
                    self.perform_effects(&mut batch, changes, effects);
                    undo.append(more);
                }
                Performed::Refused(_) | Performed::Unsaved => {}
                Performed::Panicked(failure) => return self.keep(batch, party, undo, &failure),
            }
        }
        batch.change(self.key());
        self.services.opened(&batch, self.key());
        fail_point!("room.opened");
        let arrival = Arrival { batch, party, from: Some(self.room.id()), manner: walk.manner, undo };
        self.services.to_room(walk.to, Mail::Arrive(arrival));
        fail_point!("room.sent_off");
    }

    /// Puts characters back whom the room's type did not let go.
    fn keep(&mut self, mut batch: Batch, party: Vec<Occupant>, undo: Undo, failure: &Failure) {
        self.report("on_leave", failure);
        let traces = self.developers(seated(&party));
        let why = text!("Something went wrong; you stay where you are. It has been noted.");
        self.bring_back(&mut batch, party, undo, why);
        if !traces.is_empty() {
            batch.items.push(Item::Text { to: traces, text: failure.trace().into_string() });
        }
        self.services.commit(batch);
    }

    pub(super) fn remember(&mut self, who: EntityId, to: RoomId) {
        if self.went.insert(who, to).is_none() {
            self.went_order.push_back(who);
        }
        if self.went_order.len() > WENT
            && let Some(oldest) = self.went_order.pop_front()
        {
            self.went.remove(&oldest);
        }
    }

    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let Arrival { mut batch, mut party, from, manner, undo } = arrival;
        fail_point!("room.arrival");
        batch.meet(self.key());
        let moment = self.moment(&batch);
        let is_last_resort = from.is_none() && self.room.id() == self.services.hall.start_room;
        let refused = self.refused(&party, moment);
        if let Some((0, why)) = refused.first()
            && !is_last_resort
        {
            return self.turn_away(Arrival { batch, party, from, manner, undo }, why.clone());
        }
        // Followers who may not come in go back; the others come in without them.
        for (at, why) in refused.into_iter().rev().filter(|(at, _)| *at > 0) {
            let occupant = party.remove(at);
            let mut back = Batch::begin(None, batch.now_ms);
            back.meet(self.key());
            if let Some(from) = from {
                let mail = Mail::Returned { batch: back, party: vec![occupant], undo: Undo::default(), why };
                self.services.to_room(from, mail);
            }
        }
        let who: Vec<EntityId> = party.iter().filter_map(|o| Some(o.character()?.id)).collect();
        let sessions: Vec<Seat> =
            party.iter().filter_map(|o| o.occupancy.as_ref()).flat_map(|o| o.seats.clone()).collect();
        // Who is here went nowhere: mail follows the last steps only, and never in circles.
        for who in &who {
            self.went.remove(who);
        }
        let originals = party.clone();
        party.into_iter().for_each(|occupant| self.room.put(occupant));
        let mut arrived = self.room.arrive(moment, &who, from, &manner);
        if is_last_resort && let Performed::Panicked(failure) = &arrived {
            // A type that fails in the room where everybody begins must not keep everybody out of the world.
            self.complain(&mut batch, "an arrival", failure);
            arrived = self.room.arrive_untold(moment, &who, from, &manner);
        }
        match arrived {
            Performed::Done(changes, effects, _) => {
                let hop = self.perform_effects(&mut batch, changes, effects);
                if hop.is_some() {
                    tracing::debug!("a hook on arrival cannot send the party on");
                }
                batch.change(self.key());
                for (seat, who) in sessions.into_iter().zip(&who) {
                    self.welcome(seat, *who, &manner);
                }
                fail_point!("room.arrived");
                self.services.commit(batch);
            }
            // It has begun elsewhere, so it goes on here.
            Performed::Unsaved => tracing::error!("an arrival was put off"),
            Performed::Refused(why) => {
                who.iter().for_each(|who| drop(self.room.take(*who)));
                self.turn_away(Arrival { batch, party: originals, from, manner, undo }, why);
            }
            Performed::Panicked(failure) => {
                who.iter().for_each(|who| drop(self.room.take(*who)));
                self.tell_of_arrival("an arrival", &failure, &originals, moment);
                let text = text!("Something went wrong; you could not go there. It has been noted.");
                self.turn_away(Arrival { batch, party: originals, from, manner, undo }, text);
            }
        }
    }

    /// Returns who of a party may not come in, by their place in it, and why.
    fn refused(&self, party: &[Occupant], moment: Moment) -> Vec<(usize, Markup)> {
        let mut refused = Vec::new();
        for (at, occupant) in party.iter().enumerate() {
            let caller = occupant.occupancy.as_ref().and_then(|occupancy| occupancy.seats.first());
            let caller = caller.map(|seat| seat.caller.as_ref());
            let somebody = occupant.character().filter(|it| !it.transient && it.kind() == Kind::Character);
            let Some(character) = somebody else { continue };
            match self.room.lets_in(character, caller, moment) {
                Ok(Ok(())) => {}
                Ok(Err(Refusal(why))) => refused.push((at, why)),
                Err(failure) => {
                    self.tell_of_arrival("can_enter", &failure, std::slice::from_ref(occupant), moment);
                    refused.push((at, text!("Something is wrong with that place; you cannot go in.")));
                }
            }
        }
        refused
    }

    /// Tells Developers here and in a party that it cannot come in because a type panics. In a batch of its own: what the
    /// party's has done is undone.
    fn tell_of_arrival(&self, place: &str, failure: &Failure, party: &[Occupant], moment: Moment) {
        self.report(place, failure);
        let mut told = Batch::begin(None, moment.now_ms);
        told.meet(self.key());
        self.show_trace(&mut told, failure, seated(party));
        self.services.commit(told);
    }

    /// Tells a session where its puppet is.
    pub(super) fn welcome(&self, seat: Seat, who: EntityId, manner: &Manner) {
        let room = self.room.id();
        match manner {
            Manner::Login => {
                let playing = Playing { caller: seat.caller.clone(), puppet: who, room };
                self.services.to_session(seat.session, playing);
            }
            _ => self.services.to_session(seat.session, Moved(room)),
        }
    }

    /// Sends a party back; those who come from nowhere go to the start room.
    pub(super) fn turn_away(&self, arrival: Arrival, why: Markup) {
        fail_point!("room.turns_away");
        turn_back(&self.services, arrival, &why);
    }

    pub(super) fn take_back(&mut self, mut batch: Batch, party: Vec<Occupant>, undo: Undo, why: Markup) {
        self.bring_back(&mut batch, party, undo, why);
        self.services.commit(batch);
    }

    /// Undoes what led to a walk, puts those back who went, and tells them why.
    fn bring_back(&mut self, batch: &mut Batch, party: Vec<Occupant>, undo: Undo, why: Markup) {
        batch.undo();
        batch.meet(self.key());
        if !batch.consumed.is_empty() {
            batch.change(self.key());
        }
        let is_told = |session| {
            let mut seats = party.iter().filter_map(|it| it.occupancy.as_ref()).flat_map(|it| &it.seats);
            seats.any(|seat| seat.session == session)
        };
        // Whoever sent somebody or something else on its way hears of it too.
        if let Some(origin) = batch.origin.filter(|origin| !is_told(origin.session)) {
            batch.tell(origin.session, why.clone());
        }
        for occupant in party {
            let seats = occupant.occupancy.as_ref().map(|occupancy| occupancy.seats.clone()).unwrap_or_default();
            seats.iter().for_each(|seat| batch.tell(seat.session, why.clone()));
            for entity in &occupant.entities {
                self.went.remove(&entity.id);
            }
            self.room.put(occupant);
        }
        // When they are back: what led to the walk may have changed them as well.
        self.room.contents.undo(undo);
        fail_point!("room.undone");
    }
}

/// Returns the sessions of a party, with whom they belong to.
fn seated(party: &[Occupant]) -> impl Iterator<Item = (SessionId, &Caller)> {
    let seats = party.iter().filter_map(|occupant| occupant.occupancy.as_ref()).flat_map(|it| &it.seats);
    seats.map(|seat| (seat.session, seat.caller.as_ref()))
}
