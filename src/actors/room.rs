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
use crate::actors::complaints::Complaints;
use crate::actors::meter;
use crate::actors::services::Shared;
use crate::actors::vital::Vital;
use crate::actors::world::{Adopt, Find, Locate, ReadHistory, Route, lead_nowhere};
use crate::failpoint::fail_point;
use crate::ids::{EntityId, RoomId, SessionId};
use crate::mailbox;
use crate::text;
use crate::text::Markup;
use crate::wire::Item;
use crate::world::building::no_room;
use crate::world::caller::Caller;
use crate::world::contents::Undo;
use crate::world::effects::{Effects, Hop};
use crate::world::failure::{Failure, NOTHING_DONE, SOMETHING_WRONG};
use crate::world::record::{Change, Permission};
use crate::world::room::{Moment, Performed, Room};

pub mod keeper;
mod mail;
pub mod rewrite;
mod seating;
mod signals;
pub mod sleep;
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
    _vital: Vital,
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
    /// What is late will be stored.
    is_minding: bool,
    /// What it has complained of.
    complaints: Complaints,
    /// When the wheel will wake it.
    scheduled: Option<i64>,
    /// Timers are due that would change something, and storage is away.
    waits_for_storage: bool,
}

impl RoomActor {
    /// Returns the actor of a loaded room.
    pub fn new(room: Room, services: Shared) -> Self {
        Self {
            _vital: Vital("room"),
            room,
            services,
            went: FxHashMap::default(),
            went_order: VecDeque::new(),
            active_at: Instant::now(),
            mails: 0,
            is_asleep: false,
            is_destroyed: false,
            is_ending: false,
            is_minding: false,
            complaints: Complaints::default(),
            scheduled: None,
            waits_for_storage: false,
        }
    }

    fn key(&self) -> Key {
        Key::Room(self.room.id())
    }

    fn moment(&self, batch: &Batch) -> Moment {
        // The batch's number makes each run's random numbers differ; the time makes them differ between processes.
        let seed = batch.id.0 ^ (batch.now_ms as u64).rotate_left(32);
        Moment { now_ms: batch.now_ms, clock: self.services.hall.clock, seed, hops: batch.hops, can_save: true }
    }

    /// Returns the moment of a run with which a batch may begin to change something: which it must not while storage is away.
    fn first_moment(&self, batch: &Batch) -> Moment {
        Moment { can_save: !self.services.must_wait(batch), ..self.moment(batch) }
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
        fail_point!("room.input");
        if !self.room.seats.is_driven_by(who, session) {
            return self.services.commit(batch);
        }
        self.run(batch, (who, session), (line, None), caller);
    }

    /// Runs a line, for a character that is here or a builder who is not.
    fn run(
        &mut self,
        mut batch: Batch,
        (who, session): (EntityId, SessionId),
        (line, knows): (&str, Option<RoomId>),
        caller: &Arc<Caller>,
    ) {
        let channels = self.services.directory.channel_index();
        let moment = self.first_moment(&batch);
        let by = (who, session, caller);
        match self.room.input(moment, by, (line, knows), &self.services.hall, &channels) {
            Performed::Done(changes, mut effects, undo) => {
                fail_point!("room.performed");
                let caller = caller.clone();
                match effects.hop.take() {
                    Some(Hop::Elsewhere { entity, line: rewritten }) => {
                        let line = rewritten.unwrap_or_else(|| line.to_owned());
                        let mail = Mail::Relay { batch, session, who, line, caller, entity, knows };
                        mailbox::repay(&self.services.world, Locate { entity, mail });
                    }
                    Some(Hop::Vouch(entity)) => {
                        let (line, back) = (line.to_owned(), self.room.id());
                        let mail = Mail::Vouch { batch, session, who, line, caller, entity, back };
                        mailbox::repay(&self.services.world, Locate { entity, mail });
                    }
                    hop => {
                        effects.hop = hop;
                        self.go_on(batch, session, &caller, (changes, effects, undo));
                    }
                }
            }
            Performed::Refused(why) => {
                batch.tell(session, why);
                self.services.commit(batch);
            }
            Performed::Unsaved => self.services.refuse_unsaved(batch, session),
            Performed::Panicked(failure) => {
                self.report("a command", &failure);
                batch.tell(session, Markup::plain(NOTHING_DONE));
                // A builder may be in another room than what they change.
                self.show_trace(&mut batch, &failure, [(session, caller.as_ref())]);
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
            None | Some(Hop::Elsewhere { .. } | Hop::Vouch(_)) => services.commit(batch),
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
                fail_point!("room.asked_accounts");
            }
            Some(Hop::Channel(id, request)) => match services.directory.channel(id) {
                Some(channel) => {
                    self.open(&batch);
                    mailbox::repay(&channel, AskChannel { batch, session, caller: caller.clone(), request });
                    fail_point!("room.asked_channel");
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
            mailbox::repay(&self.services.world, Adopt(entities));
        }
        if let Err(failure) = self.services.send_signals(batch, self.key(), signals) {
            self.complain(batch, "a signal", &failure);
        }
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

    /// Returns who can read a trace, here and among `others`.
    fn developers<'c>(&'c self, others: impl IntoIterator<Item = (SessionId, &'c Caller)>) -> Vec<SessionId> {
        let seats = self.room.seats.iter().flat_map(|(_, occupancy)| occupancy.seats.iter());
        let here = seats.map(|seat| (seat.session, seat.caller.as_ref()));
        let all = here.chain(others).filter(|(_, caller)| caller.may(Permission::Developer));
        let mut all: Vec<SessionId> = all.map(|(session, _)| session).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Shows what is known of a panic to the Developers here and among `others`.
    fn show_trace<'c>(
        &'c self,
        batch: &mut Batch,
        failure: &Failure,
        others: impl IntoIterator<Item = (SessionId, &'c Caller)>,
    ) {
        let to = self.developers(others);
        if !to.is_empty() {
            batch.items.push(Item::Text { to, text: failure.trace().into_string() });
        }
    }

    /// Tells who is here of a panic that nobody's line has caused: Developers its trace, the others a plain sentence. The
    /// same panic is told and logged once in a while.
    fn complain(&mut self, batch: &mut Batch, place: &str, failure: &Failure) {
        if !self.complaints.is_news(failure.to_string(), batch.now_ms) {
            return;
        }
        self.report(place, failure);
        self.show_trace(batch, failure, []);
        let developers = self.developers([]);
        let seats = self.room.seats.iter().flat_map(|(_, occupancy)| occupancy.seats.iter());
        let mut to: Vec<SessionId> = seats.map(|seat| seat.session).filter(|it| !developers.contains(it)).collect();
        to.sort_unstable();
        if !to.is_empty() {
            batch.items.push(Item::Text { to, text: SOMETHING_WRONG.to_owned() });
        }
    }

    fn report(&self, place: &str, failure: &Failure) {
        tracing::error!(room.id = %self.room.id(), "room {} panicked in {place}: {failure}", self.room.id());
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
            return lead_nowhere(&self.services, self.room.id(), vec![mail]);
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
            Mail::Relay { mut batch, session, who, line, caller, entity, knows } => {
                batch.meet(self.key());
                if self.room.has(entity) {
                    self.run(batch, (who, session), (&line, knows), &caller);
                } else {
                    batch.tell(session, text!("{} cannot be found just now.", entity));
                    self.services.commit(batch);
                }
            }
            Mail::Vouch { mut batch, session, who, line, caller, entity, back } => {
                batch.meet(self.key());
                if entity == self.room.id() && !self.is_destroyed {
                    let mail = Mail::Relay { batch, session, who, line, caller, entity: back, knows: Some(entity) };
                    self.services.to_room(back, mail);
                } else {
                    let gone = || text!("There is no {}, or it is nowhere.", entity);
                    batch.tell(session, self.room.contents.entity(entity).map_or_else(gone, no_room));
                    self.services.commit(batch);
                }
            }
        }
        self.schedule(ctx);
        self.mind_late(ctx);
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
