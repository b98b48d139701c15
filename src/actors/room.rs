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

use crate::actors::accounts::AskAccounts;
use crate::actors::batch::{Batch, Key};
use crate::actors::channel::AskChannel;
use crate::actors::meter;
use crate::actors::services::Shared;
use crate::actors::world::{Adopt, Find, Locate, ReadHistory, Route, bounce};
use crate::ids::{EntityId, RoomId, SessionId};
use crate::text;
use crate::text::Markup;
use crate::wire::Item;
use crate::world::caller::{Caller, Seat};
use crate::world::contents::Undo;
use crate::world::effects::{Effects, Hop};
use crate::world::record::{Change, Permission};
use crate::world::room::{Moment, Performed, Room};
use crate::{logging, mailbox};

pub mod keeper;
mod mail;
pub mod rewrite;
mod seating;
mod signals;
mod sleep;
mod walks;

pub use mail::{Arrival, Mail};

/// One command per player in the room, with slack.
const ROOM_MAILBOX: usize = 1024;

/// How many of those who left a room remembers, to send mail after them.
const WENT: usize = 256;

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
    /// How much mail it has had. What its timers do keeps it from sleeping until that is stored, but not awake.
    mails: u64,
    is_asleep: bool,
    is_destroyed: bool,
    is_ending: bool,
    /// When the wheel will wake it.
    scheduled: Option<i64>,
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
            mails: 0,
            is_asleep: false,
            is_destroyed: false,
            is_ending: false,
            scheduled: None,
        }
    }

    fn key(&self) -> Key {
        Key::Room(self.room.id())
    }

    fn moment(&self, batch: &Batch) -> Moment {
        // The batch's number makes each run's random numbers differ; the time makes them differ between processes.
        let seed = batch.id.0 ^ (batch.now_ms as u64).rotate_left(32);
        Moment { now_ms: batch.now_ms, clock: self.services.hall.clock, seed }
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
        self.run(batch, (who, session), line, caller);
    }

    /// Runs a line, for a character that is here or a builder who is not.
    fn run(&mut self, mut batch: Batch, (who, session): (EntityId, SessionId), line: &str, caller: &Arc<Caller>) {
        let channels = self.services.directory.channel_index();
        let moment = self.moment(&batch);
        match self.room.input(moment, (who, session, caller), line, &self.services.hall, &channels) {
            Performed::Done(changes, mut effects, undo) => {
                let elsewhere = effects.hop.take_if(|hop| matches!(hop, Hop::Elsewhere { .. }));
                if let Some(Hop::Elsewhere { entity, line: rewritten }) = elsewhere {
                    let (line, caller) = (rewritten.unwrap_or_else(|| line.to_owned()), caller.clone());
                    let mail = Mail::Relay { batch, session, who, line, caller, entity };
                    return mailbox::repay(&self.services.world, Locate { entity, mail });
                }
                self.go_on(batch, session, caller, (changes, effects, undo));
            }
            Performed::Refused(why) => {
                batch.tell(session, why);
                self.services.commit(batch);
            }
            Performed::Panicked(why) => {
                tracing::error!(room.id = %self.room.id(), "a command panicked in room {}: {why}", self.room.id());
                batch.tell(session, text!("Something went wrong; nothing was done. It has been noted."));
                if caller.may(Permission::Developer) {
                    batch.tell(session, trace(&why));
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
        let services = self.services.clone();
        let hop = self.perform_effects(&mut batch, changes, effects);
        match hop {
            None | Some(Hop::Elsewhere { .. }) => services.commit(batch),
            Some(Hop::Find(request)) => {
                self.open(&batch);
                mailbox::repay(&services.world, Find { batch, session, request });
            }
            Some(Hop::History(entity)) => {
                self.open(&batch);
                mailbox::repay(&services.world, ReadHistory { batch, session, entity });
            }
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

    /// Takes into the batch what a run recorded, and starts the rooms that it made. Returns where the batch goes on.
    fn perform_effects(&mut self, batch: &mut Batch, changes: Vec<Change>, effects: Effects) -> Option<Hop> {
        let Effects { items, signals, rows, new_rooms, destroys_room, hop, .. } = effects;
        self.record(batch, changes, items);
        if !rows.is_empty() {
            batch.change(self.key());
            batch.changes.extend(rows);
        }
        for entities in new_rooms {
            batch.change(self.key());
            entities.iter().for_each(|entity| entity.changes_since(None, &mut batch.changes));
            mailbox::repay(&self.services.world, Adopt(entities));
        }
        self.services.send_signals(batch, self.key(), signals);
        self.is_destroyed |= destroys_room;
        hop
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

    /// Shows the trace of a panic to those who can read it, here and among `others`.
    fn tell_developers(&self, batch: &mut Batch, why: &str, others: &[Seat]) {
        let seats = self.room.seats.iter().flat_map(|(_, occupancy)| occupancy.seats.iter()).chain(others);
        let trace = trace(why);
        for seat in seats.filter(|seat| seat.caller.may(Permission::Developer)) {
            batch.tell(seat.session, trace.clone());
        }
    }

    fn report(&self, place: &str, why: &str) {
        tracing::error!(room.id = %self.room.id(), "room {} panicked in {place}: {why}", self.room.id());
    }
}

/// Returns what a Developer reads of a panic that has just been caught on this thread.
fn trace(why: &str) -> Markup {
    match logging::take_panic_place() {
        place if place.is_empty() => text!("|x{}|n", why),
        place => text!("|x{} at {}|n", why, place),
    }
}

crate::counted!(RoomActor, meter::waiting(meter::Kind::Room));

impl Actor for RoomActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(ROOM_MAILBOX);
        let idle = Duration::from_secs(self.services.config.world.room_idle_secs.max(1));
        ctx.run_interval(idle, Self::rest);
        self.schedule(ctx);
    }
}

impl Handler<Mail> for RoomActor {
    type Result = ();

    fn handle(&mut self, mail: Mail, ctx: &mut Self::Context) {
        let _metered = meter::start(meter::Kind::Room);
        if self.is_asleep && matches!(mail, Mail::Tick) {
            return;
        }
        if self.is_asleep {
            return mailbox::repay(&self.services.world, Route { room: self.room.id(), mail });
        }
        self.mails += 1;
        if !matches!(mail, Mail::Tick) {
            self.active_at = Instant::now();
        }
        if self.is_destroyed && matches!(mail, Mail::Arrive(_) | Mail::Returned { .. }) {
            return bounce(&self.services, vec![mail], &text!("That way leads nowhere."));
        }
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
            Mail::Signal { signal, sender, attempts } => self.signal(signal, sender, attempts),
            Mail::Tick => {
                self.scheduled = None;
                self.tick();
            }
            Mail::Relay { mut batch, session, who, line, caller, entity } => {
                batch.meet(self.key());
                if self.room.has(entity) {
                    self.run(batch, (who, session), &line, &caller);
                } else {
                    batch.tell(session, text!("{} cannot be found just now.", entity));
                    self.services.commit(batch);
                }
            }
        }
        self.schedule(ctx);
        if self.is_destroyed {
            self.end(ctx);
        }
    }
}

impl Handler<Present> for RoomActor {
    type Result = Vec<(EntityId, String)>;

    fn handle(&mut self, _: Present, _: &mut Self::Context) -> Vec<(EntityId, String)> {
        let _metered = meter::start(meter::Kind::Room);
        let name = |who| Some((who, self.room.contents.entity(who)?.key.clone()));
        self.room.seats.iter().filter_map(|(who, _)| name(who)).collect()
    }
}
