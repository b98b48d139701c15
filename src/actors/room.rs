//! A room: the unit of order, of parallelism and of failure. Thin: receives mail, calls [`Room`], performs the effects.
//!
//! Sequence of a line: session ─[`Mail::Input`]─► room ─Commit─► journal.
//! Sequence of a walk: room A ─Opened─► journal, A ─[`Mail::Arrive`]─► B ─Moved─► session, B ─Commit─► journal; if B refuses:
//! B ─[`Mail::Returned`]─► A ─Commit─► journal.
//! An empty room goes to sleep when all that changed it is stored: it leaves the directory, passes on what still comes,
//! and stops.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use rustc_hash::FxHashMap;

use crate::actors::accounts::{AskAccounts, Left, Reenter, Seated};
use crate::actors::batch::{Batch, Key};
use crate::actors::channel::AskChannel;
use crate::actors::journal::IsSettled;
use crate::actors::meter::{self, Kind};
use crate::actors::services::Shared;
use crate::actors::session::{Moved, Playing};
use crate::actors::world::{Asleep, Route};
use crate::ids::{AccountId, EntityId, RoomId, SessionId};
use crate::mailbox;
use crate::text;
use crate::text::Markup;
use crate::wire::Item;
use crate::world::caller::{Caller, Seat};
use crate::world::contents::Undo;
use crate::world::effects::{Effects, Hop, Manner, Walk};
use crate::world::record::{Change, Permission};
use crate::world::room::{Moment, Occupant, Performed, Room, departure};

pub mod keeper;
pub mod rewrite;

/// One command per player in the room, with slack.
const ROOM_MAILBOX: usize = 1024;

/// How long a room that has gone to sleep passes on what still comes.
const LINGER: Duration = Duration::from_secs(5);

/// How many of those who left a room remembers, to send mail after them.
const WENT: usize = 256;

/// Mail for a room: plain values, so that it could cross a machine. Kept by world while the room is being loaded.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Mail {
    /// Runs a line for a character. Sent by its session.
    Input {
        /// The line's batch.
        batch: Batch,
        /// Who typed it.
        session: SessionId,
        /// For whom.
        who: EntityId,
        /// The line.
        line: String,
        /// The person.
        caller: Arc<Caller>,
    },
    /// Characters come in. Sent by the room they left, or by accounts.
    Arrive(Arrival),
    /// Characters come back who were not let in. Sent by the room that refused them.
    Returned {
        /// Their batch.
        batch: Batch,
        /// Who.
        party: Vec<Occupant>,
        /// What this room had changed for it.
        undo: Undo,
        /// Why.
        why: Markup,
    },
    /// A session drives a character, or knows more of its person. Sent by the session.
    Sit {
        /// The character.
        who: EntityId,
        /// The session.
        seat: Seat,
    },
    /// A session takes another's place. Sent by the one that gives way, in the login's batch.
    Reseat {
        /// The login's batch.
        batch: Batch,
        /// The character.
        who: EntityId,
        /// The new session.
        seat: Seat,
        /// The old one.
        instead: SessionId,
    },
    /// A session's link is lost. Sent by the session.
    Unseat {
        /// A batch of its own.
        batch: Batch,
        /// The character.
        who: EntityId,
        /// The session.
        session: SessionId,
    },
    /// A character leaves the world. Sent by its session.
    Leave {
        /// The batch.
        batch: Batch,
        /// The character.
        who: EntityId,
        /// Its account.
        account: AccountId,
        /// Its session.
        session: SessionId,
    },
}

/// Characters on their way into a room.
#[derive(Debug)]
pub struct Arrival {
    /// Their batch.
    pub batch: Batch,
    /// Who: the one that goes, then those who follow.
    pub party: Vec<Occupant>,
    /// The room they come from.
    pub from: Option<RoomId>,
    /// How they come.
    pub manner: Manner,
    /// What the room they come from has changed for it.
    pub undo: Undo,
}

/// Asks for a list of who is in the room, for keepers.
#[derive(Debug, Message)]
#[rtype(result = "Vec<(EntityId, String)>")]
pub struct Present;

/// A loaded room.
pub struct RoomActor {
    room: Room,
    services: Shared,
    went: FxHashMap<EntityId, RoomId>,
    went_order: VecDeque<EntityId>,
    active_at: Instant,
    is_asleep: bool,
}

impl RoomActor {
    /// Returns the actor of a loaded room.
    pub fn new(room: Room, services: Shared) -> Self {
        Self {
            room,
            services,
            went: FxHashMap::default(),
            went_order: VecDeque::new(),
            active_at: Instant::now(),
            is_asleep: false,
        }
    }

    fn key(&self) -> Key {
        Key::Room(self.room.id())
    }

    fn moment(batch: &Batch) -> Moment {
        // The batch's number makes each run's random numbers differ; the time makes them differ between processes.
        Moment { now_ms: batch.now_ms, seed: batch.id.0 ^ (batch.now_ms as u64).rotate_left(32) }
    }

    /// Passes mail on to where a character went; gives it back if that is not known.
    fn forward(&self, who: EntityId, mail: Mail) -> Option<Mail> {
        match self.went.get(&who) {
            Some(room) => {
                self.services.to_room(*room, mail);
                None
            }
            None => Some(mail),
        }
    }

    fn input(&mut self, mut batch: Batch, (who, session): (EntityId, SessionId), line: &str, caller: &Arc<Caller>) {
        batch.meet(self.key());
        if !self.room.seats.is_driven_by(who, session) {
            return self.services.commit(batch);
        }
        let channels = self.services.directory.channel_index();
        let moment = Self::moment(&batch);
        match self.room.input(moment, (who, session, caller), line, &self.services.hall, &channels) {
            Performed::Done(changes, effects, undo) => self.go_on(batch, session, caller, (changes, effects, undo)),
            Performed::Refused(why) => {
                batch.tell(session, why);
                self.services.commit(batch);
            }
            Performed::Panicked(why) => {
                tracing::error!(room.id = %self.room.id(), "a command panicked in room {}: {why}", self.room.id());
                batch.tell(session, text!("Something went wrong; nothing was done. It has been noted."));
                if caller.may(Permission::Developer) {
                    batch.tell(session, text!("|x{}|n", why));
                }
                self.services.commit(batch);
            }
        }
    }

    /// Ends the batch, or passes it on.
    fn go_on(
        &mut self,
        mut batch: Batch,
        session: SessionId,
        caller: &Arc<Caller>,
        (changes, effects, undo): (Vec<Change>, Effects, Undo),
    ) {
        self.record(&mut batch, changes, effects.items);
        let services = self.services.clone();
        match effects.hop {
            None => services.commit(batch),
            Some(Hop::Walk(walk)) => self.send_off(batch, walk, undo),
            Some(Hop::Leave { who }) => self.leave(batch, who, caller.account, session),
            Some(Hop::Accounts(request)) => {
                self.open(&batch);
                let ask = AskAccounts { batch, session, caller: caller.clone(), request };
                mailbox::repay(&services.accounts, ask);
            }
            Some(Hop::Channel(id, request)) => match services.directory.channel(id) {
                Some(channel) => {
                    self.open(&batch);
                    mailbox::repay(&channel, AskChannel { batch, session, caller: caller.clone(), request });
                }
                None => services.commit(batch),
            },
        }
    }

    fn record(&self, batch: &mut Batch, changes: Vec<Change>, items: Vec<Item>) {
        if !changes.is_empty() {
            batch.change(self.key());
        }
        batch.changes.extend(changes);
        batch.items.extend(items);
    }

    /// Announces a batch that goes on, if it has changed this room.
    fn open(&self, batch: &Batch) {
        if batch.changed.contains(&self.key()) {
            self.services.opened(batch, self.key());
        }
    }

    /// Takes characters out and sends them to another room.
    fn send_off(&mut self, mut batch: Batch, walk: Walk, undo: Undo) {
        let party: Vec<Occupant> = walk.who.iter().filter_map(|who| self.room.take(*who)).collect();
        let mut undo = undo;
        for occupant in &party {
            let Some(character) = occupant.character() else { continue };
            self.remember(character.id, walk.to);
            if character.transient {
                continue;
            }
            let text = departure(&character.key, &walk.manner);
            match self.room.departed(Self::moment(&batch), character.id, text) {
                Performed::Done(changes, effects, more) => {
                    self.record(&mut batch, changes, effects.items);
                    undo.append(more);
                }
                Performed::Refused(_) => {}
                Performed::Panicked(why) => self.report("on_leave", &why),
            }
        }
        batch.change(self.key());
        self.services.opened(&batch, self.key());
        let arrival = Arrival { batch, party, from: Some(self.room.id()), manner: walk.manner, undo };
        self.services.to_room(walk.to, Mail::Arrive(arrival));
    }

    fn remember(&mut self, who: EntityId, to: RoomId) {
        if self.went.insert(who, to).is_none() {
            self.went_order.push_back(who);
        }
        if self.went_order.len() > WENT
            && let Some(oldest) = self.went_order.pop_front()
        {
            self.went.remove(&oldest);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let Arrival { mut batch, mut party, from, manner, undo } = arrival;
        batch.meet(self.key());
        let moment = Self::moment(&batch);
        let is_last_resort = from.is_none() && self.room.id() == self.services.hall.start_room;
        let mut refused: Vec<(usize, Markup)> = Vec::new();
        for (at, occupant) in party.iter().enumerate() {
            let caller = occupant.occupancy.as_ref().and_then(|occupancy| occupancy.seats.first());
            let caller = caller.map(|seat| seat.caller.as_ref());
            let why = occupant.character().filter(|character| !character.transient);
            let why = why.and_then(|character| self.room.refuses(character, caller, moment));
            refused.extend(why.map(|why| (at, why)));
        }
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
        match self.room.arrive(moment, &who, from, &manner) {
            Performed::Done(changes, effects, _) => {
                self.record(&mut batch, changes, effects.items);
                batch.change(self.key());
                for (seat, who) in sessions.into_iter().zip(&who) {
                    self.welcome(seat, *who, &manner);
                }
                self.services.commit(batch);
            }
            Performed::Refused(why) => {
                who.iter().for_each(|who| drop(self.room.take(*who)));
                self.turn_away(Arrival { batch, party: originals, from, manner, undo }, why);
            }
            Performed::Panicked(why) => {
                self.report("an arrival", &why);
                who.iter().for_each(|who| drop(self.room.take(*who)));
                let text = text!("Something went wrong; you could not go there. It has been noted.");
                self.turn_away(Arrival { batch, party: originals, from, manner, undo }, text);
            }
        }
    }

    /// Tells a session where its puppet is.
    fn welcome(&self, seat: Seat, who: EntityId, manner: &Manner) {
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
    fn turn_away(&self, arrival: Arrival, why: Markup) {
        let Arrival { batch, party, from, manner, undo } = arrival;
        match from {
            Some(from) => self.services.to_room(from, Mail::Returned { batch, party, undo, why }),
            None => {
                let arrival = Arrival { batch, party, from, manner, undo };
                self.services.to_room(self.services.hall.start_room, Mail::Arrive(arrival));
            }
        }
    }

    fn take_back(&mut self, mut batch: Batch, party: Vec<Occupant>, undo: Undo, why: Markup) {
        batch.undo();
        batch.meet(self.key());
        self.room.contents.undo(undo);
        for occupant in party {
            let seats = occupant.occupancy.as_ref().map(|occupancy| occupancy.seats.clone()).unwrap_or_default();
            seats.iter().for_each(|seat| batch.tell(seat.session, why.clone()));
            if let Some(character) = occupant.character() {
                self.went.remove(&character.id);
            }
            self.room.put(occupant);
        }
        self.services.commit(batch);
    }

    fn reseat(&mut self, mut batch: Batch, who: EntityId, seat: Seat, instead: SessionId) {
        if !self.room.has(who) {
            let mail = Mail::Reseat { batch, who, seat, instead };
            // It has just left the world: in a moment the account is free.
            if let Some(Mail::Reseat { batch, seat, .. }) = self.forward(who, mail) {
                let again = Reenter { batch, session: seat.session, account: seat.caller.account, attempts: 0 };
                mailbox::repay(&self.services.accounts, again);
            }
            return;
        }
        batch.change(self.key());
        let was_live = self.room.seats.is_driven_by(who, instead);
        if was_live {
            batch.tell(instead, text!("Your character has been taken over by another connection."));
            batch.items.push(Item::Close { to: instead, reason: "taken over".into() });
        }
        let missed = self.room.seats.of(who).map_or(0, |occupancy| occupancy.missed.len());
        self.room.sit(who, seat.clone(), Some(instead));
        batch.items.extend(self.room.shown_to(who, &seat, Self::moment(&batch)));
        if missed > 0 {
            let recall = text!("You missed {} things that were said. Type |lcrecall|ltrecall|le to read them.", missed);
            batch.tell(seat.session, recall);
        }
        let account = seat.caller.account;
        mailbox::repay(&self.services.accounts, Seated { account, session: seat.session });
        let playing = Playing { caller: seat.caller.clone(), puppet: who, room: self.room.id() };
        self.services.to_session(seat.session, playing);
        self.services.commit(batch);
    }

    fn unseat(&mut self, mut batch: Batch, who: EntityId, session: SessionId) {
        if !self.room.has(who) {
            if let Some(Mail::Unseat { batch, .. }) = self.forward(who, Mail::Unseat { batch, who, session }) {
                self.services.commit(batch);
            }
            return;
        }
        batch.meet(self.key());
        if self.room.contents.entity(who).is_some_and(|entity| entity.transient) {
            self.room.take(who);
            return self.services.commit(batch);
        }
        // After a restart the character has no seat yet: it is played all the same, and keeps what it misses.
        if self.room.seats.of(who).is_none() {
            self.room.seats.put(who, Default::default());
        } else if self.room.seats.is_driven_by(who, session) {
            self.room.seats.unseat(who, session);
            let name = self.room.contents.entity(who).map(|entity| entity.key.clone()).unwrap_or_default();
            let told = self.room.perform(Self::moment(&batch), |cx| {
                cx.tell_others(who, text!("{} stares into space.", name));
                Ok(())
            });
            if let Performed::Done(changes, effects, _) = told {
                self.record(&mut batch, changes, effects.items);
            }
        }
        batch.change(self.key());
        self.services.commit(batch);
    }

    fn leave(&mut self, mut batch: Batch, who: EntityId, account: AccountId, session: SessionId) {
        let Some(mut occupant) = self.room.take(who) else {
            let mail = Mail::Leave { batch, who, account, session };
            if let Some(Mail::Leave { batch, .. }) = self.forward(who, mail) {
                mailbox::repay(&self.services.accounts, Left { batch, account, session });
            }
            return;
        };
        batch.change(self.key());
        if let Some(character) = occupant.entities.first_mut() {
            let before = character.clone();
            character.location = None;
            character.left_from = Some(self.room.id());
            character.version += 1;
            character.changes_since(Some(&before), &mut batch.changes);
            let text = departure(&character.key, &Manner::Login);
            match self.room.departed(Self::moment(&batch), who, text) {
                Performed::Done(changes, effects, _) => self.record(&mut batch, changes, effects.items),
                Performed::Refused(_) => {}
                Performed::Panicked(why) => self.report("on_leave", &why),
            }
        }
        self.services.opened(&batch, self.key());
        mailbox::repay(&self.services.accounts, Left { batch, account, session });
    }

    fn report(&self, place: &str, why: &str) {
        tracing::error!(room.id = %self.room.id(), "room {} panicked in {place}: {why}", self.room.id());
    }

    /// Goes to sleep if nobody plays here and all that changed the room is stored.
    fn rest(&mut self, ctx: &mut Context<Self>) {
        let idle = Duration::from_secs(self.services.config.world.room_idle_secs);
        if self.is_asleep || !self.room.seats.is_empty() || self.active_at.elapsed() < idle {
            return;
        }
        let asked_at = self.active_at;
        let settled = self.services.journal.send(IsSettled(self.key()));
        ctx.spawn(settled.into_actor(self).map(move |settled, actor, ctx| {
            if settled.unwrap_or(false) && actor.active_at == asked_at && actor.room.seats.is_empty() {
                actor.is_asleep = true;
                mailbox::repay(&actor.services.world, Asleep(actor.room.id()));
                ctx.run_later(LINGER, |_, ctx| ctx.stop());
            }
        }));
    }
}

impl Actor for RoomActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(ROOM_MAILBOX);
        let idle = Duration::from_secs(self.services.config.world.room_idle_secs.max(1));
        ctx.run_interval(idle, Self::rest);
    }
}

impl Handler<Mail> for RoomActor {
    type Result = ();

    fn handle(&mut self, mail: Mail, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Room);
        if self.is_asleep {
            return mailbox::repay(&self.services.world, Route { room: self.room.id(), mail });
        }
        self.active_at = Instant::now();
        match mail {
            Mail::Input { batch, session, who, line, caller } if self.room.has(who) => {
                self.input(batch, (who, session), &line, &caller);
            }
            Mail::Input { who, .. } => {
                if let Some(Mail::Input { mut batch, session, .. }) = self.forward(who, mail) {
                    batch.tell(session, text!("You are nowhere to be found. Please connect again."));
                    self.services.commit(batch);
                }
            }
            Mail::Arrive(arrival) => self.arrive(arrival),
            Mail::Returned { batch, party, undo, why } => self.take_back(batch, party, undo, why),
            Mail::Sit { who, .. } if !self.room.has(who) => drop(self.forward(who, mail)),
            Mail::Sit { who, seat } => self.room.sit(who, seat, None),
            Mail::Reseat { batch, who, seat, instead } => self.reseat(batch, who, seat, instead),
            Mail::Unseat { batch, who, session } => self.unseat(batch, who, session),
            Mail::Leave { batch, who, account, session } => self.leave(batch, who, account, session),
        }
    }
}

impl Handler<Present> for RoomActor {
    type Result = Vec<(EntityId, String)>;

    fn handle(&mut self, _: Present, _: &mut Self::Context) -> Vec<(EntityId, String)> {
        let _metered = meter::start(Kind::Room);
        let name = |who| Some((who, self.room.contents.entity(who)?.key.clone()));
        self.room.seats.iter().filter_map(|(who, _)| name(who)).collect()
    }
}
