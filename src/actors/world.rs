//! World: which rooms are loaded. Loads a room when the first mail for it comes, and keeps the mail meanwhile.
//!
//! Sequence: anyone ─[`Route`]─► world ─LoadRoom─► db reader … world ─Mail*─► room. A room that goes to sleep says
//! [`Asleep`] and passes on to world what still reaches it. Mail that somebody waits for is answered if its room cannot be
//! read; all other is kept until it can.
//! World also keeps the block of reserved ids filled.

use std::collections::BTreeSet;
use std::time::Duration;

use actix::prelude::*;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::actors::accounts::{Left, Reenter};
use crate::actors::batch::Batch;
use crate::actors::meter::{self, Kind};
use crate::actors::room::{Arrival, Mail, RoomActor};
use crate::actors::services::{Shared, now_ms};
use crate::actors::storage::LATER;
use crate::actors::vital::Vital;
use crate::db::{DbError, FindEntities, HistoryOf, LoadRoom, LocationOf};
use crate::failpoint::fail_point;
use crate::ids::{EntityId, RoomId, SessionId};
use crate::mailbox;
use crate::text;
use crate::text::Markup;
use crate::world::building;
use crate::world::contents::Undo;
use crate::world::effects::{FindRequest, Manner};
use crate::world::entity::Entity;
use crate::world::record::{Change, EntityRows};
use crate::world::room::Room;

mod wake;

pub use wake::Wake;

/// One mail per session for rooms that are being loaded, with slack.
const WORLD_MAILBOX: usize = 16 * 1024;

/// How often the block of ids is looked at.
const IDS_INTERVAL: Duration = Duration::from_millis(500);

/// How often sleeping rooms are looked at.
const DUE_INTERVAL: Duration = Duration::from_millis(20);

/// How often a signal is looked for before it is given up: for about five seconds.
const SIGNAL_ATTEMPTS: u32 = 12;

/// How long a signal waits before it is looked for again; each time twice as long.
const SIGNAL_WAIT: Duration = Duration::from_millis(5);

/// The longest such wait.
const SIGNAL_WAIT_MOST: Duration = Duration::from_secs(1);

/// The services are there.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Begin(pub Shared);

/// Mail for a room that is not in the directory. Sent by anyone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Route {
    /// The room.
    pub room: RoomId,
    /// What it shall get.
    pub mail: Mail,
}

/// A room has gone to sleep. Sent by the room; what it sends after this must be loaded anew.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Asleep {
    /// The room.
    pub room: RoomId,
    /// When its next timer is due, and wakes it; milliseconds since 1970.
    pub next_due: Option<i64>,
}

/// Mail for the room that something is in. Sent by who does not know which that is.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Locate {
    /// What is looked for.
    pub entity: EntityId,
    /// What its room shall get.
    pub mail: Mail,
}

/// A room is new, with all that is in it; the room comes first. Sent before its rows are committed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Adopt(pub Vec<Entity>);

/// A builder searches. Sent by the room they stand in; ends the batch.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Find {
    /// The command's batch.
    pub batch: Batch,
    /// Who gets the answer.
    pub session: SessionId,
    /// What is looked for.
    pub request: FindRequest,
}

/// A builder reads what was changed by hand. Sent by the room they stand in; ends the batch.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ReadHistory {
    /// The command's batch.
    pub batch: Batch,
    /// Who gets the answer.
    pub session: SessionId,
    /// Of what; it may be gone.
    pub entity: EntityId,
}

/// When timers of rooms that are not loaded are due. Sent at the start.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Due(pub Vec<(RoomId, i64)>);

/// Most entities that a search shows.
const FOUND_MOST: u32 = 100;

/// Most changes that a history shows: the last ones.
const HISTORY_MOST: u32 = 50;

/// World.
pub struct WorldActor {
    _vital: Vital,
    services: Option<Shared>,
    /// Rooms that are being loaded, with their mail in order.
    loading: FxHashMap<RoomId, Vec<Mail>>,
    /// Who waits for a room that is being loaded.
    waking: FxHashMap<RoomId, Vec<oneshot::Sender<bool>>>,
    /// Sleeping rooms by the time at which a timer wakes them.
    due: BTreeSet<(i64, RoomId)>,
    reserving: bool,
}

impl Default for WorldActor {
    fn default() -> Self {
        Self {
            _vital: Vital("world"),
            services: None,
            loading: FxHashMap::default(),
            waking: FxHashMap::default(),
            due: BTreeSet::new(),
            reserving: false,
        }
    }
}

impl WorldActor {
    fn load(&mut self, services: &Shared, id: RoomId, ctx: &mut Context<Self>) {
        fail_point!("world.loads");
        let loaded = services.pool.read(LoadRoom(id));
        ctx.spawn(loaded.into_actor(self).map(move |loaded, world, ctx| {
            let _metered = meter::start(Kind::World);
            world.loaded(id, loaded, ctx);
            world.woken(id);
        }));
    }

    fn loaded(&mut self, id: RoomId, loaded: Result<Option<Vec<EntityRows>>, DbError>, ctx: &mut Context<Self>) {
        let mail = self.loading.remove(&id).unwrap_or_default();
        let Some(services) = self.services.clone() else { return };
        let rows = match loaded {
            Ok(Some(rows)) => rows,
            Ok(None) => return lead_nowhere(&services, id, mail),
            Err(error) if error.is_passing() => {
                tracing::debug!(room.id = %id, "room {id} cannot be loaded now: {error}");
                let (asked, kept) = mail.into_iter().partition(Mail::is_waited_for);
                self.keep(id, kept, ctx);
                return bounce(
                    &services,
                    asked,
                    &text!("You cannot get there just now. Please try again in a moment."),
                );
            }
            Err(error) => {
                tracing::error!(room.id = %id, "room {id} cannot be loaded: {error}");
                return bounce(&services, mail, &text!("You cannot get there just now. Please try again."));
            }
        };
        let entities = rows.into_iter().map(|rows| Entity::from_rows(rows, &services.hall.types)).collect();
        let Some(addr) = start(&services, id, entities) else { return };
        tracing::debug!(room.id = %id, "room {id} is loaded");
        fail_point!("world.loaded");
        for mail in mail {
            mailbox::repay(&addr, mail);
        }
        // Only now: nobody may overtake the mail that waited.
        services.directory.set_room(id, Some(addr));
    }

    /// Keeps mail for a room that cannot be read now, and has it read again in a moment.
    fn keep(&mut self, id: RoomId, mail: Vec<Mail>, ctx: &mut Context<Self>) {
        if mail.is_empty() {
            return;
        }
        self.loading.insert(id, mail);
        ctx.run_later(LATER, move |world, ctx| {
            if let Some(services) = world.services.clone() {
                world.load(&services, id, ctx);
            }
        });
    }

    /// Wakes the sleeping rooms whose timers are due; while storage is away none, since what they do could not be stored.
    fn wake(&mut self, ctx: &mut Context<Self>) {
        let is_still = |services: &Shared| !services.is_ticking() || services.storage.is_away();
        if self.services.as_ref().is_none_or(is_still) {
            return;
        }
        let now = now_ms();
        while let Some((at, room)) = self.due.first().copied()
            && at <= now
        {
            self.due.remove(&(at, room));
            ctx.notify(Route { room, mail: Mail::Tick });
        }
    }

    fn locate(&mut self, services: &Shared, entity: EntityId, mail: Mail, ctx: &mut Context<Self>) {
        let place = services.pool.read(LocationOf(entity));
        let services = services.clone();
        ctx.spawn(place.into_actor(self).map(move |place, _, ctx| match (place, mail) {
            (Ok(Some(room)), mail) => ctx.notify(Route { room, mail }),
            (Ok(None), Mail::Signal { signal, sender, attempts }) => {
                let mail = Mail::Signal { signal, sender, attempts: attempts + 1 };
                ctx.notify(Locate { entity, mail });
            }
            (Ok(None), mail) => bounce(&services, vec![mail], &text!("There is no {}, or it is nowhere.", entity)),
            (Err(error), mail) if error.is_passing() && !mail.is_waited_for() => {
                ctx.notify_later(Locate { entity, mail }, LATER);
            }
            (Err(error), mail) => {
                error.report(format_args!("{entity} cannot be looked for"));
                bounce(&services, vec![mail], &text!("{} cannot be looked for just now. Please try again.", entity));
            }
        }));
    }

    fn find(&mut self, services: Shared, find: Find, ctx: &mut Context<Self>) {
        let Find { mut batch, session, request } = find;
        let FindRequest { key, tag, kind, type_name, attribute } = request;
        let question = FindEntities { key, tag, kind, type_name, attribute, limit: FOUND_MOST };
        let found = services.pool.read(question);
        ctx.spawn(found.into_actor(self).map(move |found, _, _| {
            match found {
                Err(error) => {
                    error.report("a search failed");
                    batch.tell(session, text!("That cannot be searched just now. Please try again."));
                }
                Ok(found) if found.is_empty() => batch.tell(session, text!("Nothing fits.")),
                Ok(found) => {
                    let mut list = text!("Found {}:", found.len());
                    for entity in found {
                        let place = entity.location.map_or_else(String::new, |id| format!(" in {id}"));
                        let (kind, type_name) = (entity.kind.name(), entity.type_name);
                        list.push(&text!("\n{}  {}  ({}, {}{})", entity.id, entity.key, kind, type_name, place));
                    }
                    batch.tell(session, list);
                }
            }
            services.commit(batch);
        }));
    }

    fn read_history(&mut self, services: Shared, read: ReadHistory, ctx: &mut Context<Self>) {
        let ReadHistory { mut batch, session, entity } = read;
        let changes = services.pool.read(HistoryOf { entity, last: HISTORY_MOST });
        ctx.spawn(changes.into_actor(self).map(move |changes, _, _| {
            let answer = match changes {
                Ok(changes) if changes.is_empty() => text!("Nobody has changed {} by hand.", entity),
                Ok(changes) => building::history(entity, &changes),
                Err(error) => {
                    error.report(format_args!("the history of {entity} cannot be read"));
                    text!("That cannot be read just now. Please try again.")
                }
            };
            batch.tell(session, answer);
            services.commit(batch);
        }));
    }

    /// Reserves more ids when less than half a block is left.
    fn reserve(&mut self, ctx: &mut Context<Self>) {
        let Some(services) = self.services.clone() else { return };
        let Some(limit) = services.hall.ids.wanted() else { return };
        if std::mem::replace(&mut self.reserving, true) {
            return;
        }
        let mut batch = Batch::begin(None, services.now_ms());
        batch.changes.push(Change::IdsReserved(limit));
        let key = crate::actors::batch::Key::Ids;
        batch.change(key);
        services.commit(batch);
        // The ids may be given out when their row is stored.
        let stored = async move {
            while !services.journal.send(crate::actors::journal::IsSettled(key)).await.unwrap_or(true) {
                actix_rt::time::sleep(Duration::from_millis(5)).await;
            }
            services.hall.ids.extend(limit);
        };
        ctx.spawn(stored.into_actor(self).map(|_, world, _| world.reserving = false));
    }
}

fn start(services: &Shared, id: RoomId, entities: Vec<Entity>) -> Option<Addr<RoomActor>> {
    let actor = RoomActor::new(Room::new(entities)?, services.clone());
    Some(RoomActor::start_in_arbiter(services.arbiter(id.0), |_| actor))
}

/// Answers mail for a room that there is not. Whoever wanted to go home is at home where everybody begins, from now on.
pub(super) fn lead_nowhere(services: &Shared, room: RoomId, mail: Vec<Mail>) {
    let start = services.hall.start_room;
    let is_homeless = |mail: &Mail| room != start && matches!(mail, Mail::Arrive(Arrival { manner: Manner::Home, .. }));
    let (homeless, others): (Vec<_>, Vec<_>) = mail.into_iter().partition(is_homeless);
    homeless.into_iter().for_each(|mail| services.to_room(start, mail));
    bounce(services, others, &text!("That way leads nowhere."));
}

/// Answers mail for a room that cannot be had.
fn bounce(services: &Shared, mail: Vec<Mail>, why: &Markup) {
    for mail in mail {
        match mail {
            Mail::Input { mut batch, session, .. } => {
                batch.tell(session, why.clone());
                services.commit(batch);
            }
            Mail::Arrive(arrival) => turn_back(services, arrival, why),
            Mail::Reseat { batch, seat, .. } => {
                let account = seat.caller.account;
                let again = Reenter { batch, session: seat.session, account, attempts: 0 };
                mailbox::repay(&services.accounts, again);
            }
            Mail::Leave { batch, account, session, .. } => {
                mailbox::repay(&services.accounts, Left { batch, account, session });
            }
            Mail::Unseat { batch, .. } => services.commit(batch),
            Mail::Relay { mut batch, session, .. } | Mail::Vouch { mut batch, session, .. } => {
                batch.tell(session, why.clone());
                services.commit(batch);
            }
            Mail::Signal { signal, .. } => services.drop_signal(&signal),
            Mail::Tick => {}
            // The room they come back to was destroyed behind them.
            Mail::Returned { mut batch, party, .. } => {
                batch.undo();
                let arrival = Arrival { batch, party, from: None, manner: Manner::Teleport, undo: Undo::default() };
                services.to_room(services.hall.start_room, Mail::Arrive(arrival));
            }
            Mail::Sit { .. } => {
                tracing::error!("a character is in a room that is gone; it comes back at its next login");
            }
        }
    }
}

/// Sends a party back where it comes from; those who come from nowhere go to the start room, once.
pub fn turn_back(services: &Shared, arrival: Arrival, why: &Markup) {
    let Arrival { mut batch, party, from, manner, undo } = arrival;
    match from {
        Some(from) => services.to_room(from, Mail::Returned { batch, party, undo, why: why.clone() }),
        None if batch.has_failed_over => {
            // Not even the start room lets them in.
            tracing::error!("nobody can begin in the start room {}", services.hall.start_room);
            let seat = party.first().and_then(|occupant| occupant.occupancy.as_ref()?.seats.first().cloned());
            if let Some(seat) = seat {
                batch.undo();
                batch.tell(seat.session, text!("The world has no room to begin in. Please tell its keeper."));
                let account = seat.caller.account;
                mailbox::repay(&services.accounts, Left { batch, account, session: seat.session });
            }
        }
        None => {
            batch.has_failed_over = true;
            let arrival = Arrival { batch, party, from, manner, undo };
            services.to_room(services.hall.start_room, Mail::Arrive(arrival));
        }
    }
}

crate::counted!(WorldActor, meter::waiting(meter::Kind::World));

impl Actor for WorldActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(WORLD_MAILBOX);
        ctx.run_interval(IDS_INTERVAL, Self::reserve);
        ctx.run_interval(DUE_INTERVAL, Self::wake);
    }
}

impl Handler<Begin> for WorldActor {
    type Result = ();

    fn handle(&mut self, Begin(services): Begin, _: &mut Self::Context) {
        let _metered = meter::start(Kind::World);
        self.services = Some(services);
    }
}

impl Handler<Route> for WorldActor {
    type Result = ();

    fn handle(&mut self, Route { room, mail }: Route, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::World);
        let Some(services) = self.services.clone() else { return };
        if let Some(addr) = services.directory.room(room) {
            return mailbox::repay(&addr, mail);
        }
        match self.loading.get_mut(&room) {
            Some(waiting) => waiting.push(mail),
            None => {
                self.loading.insert(room, vec![mail]);
                self.load(&services, room, ctx);
            }
        }
    }
}

impl Handler<Asleep> for WorldActor {
    type Result = ();

    fn handle(&mut self, Asleep { room, next_due }: Asleep, _: &mut Self::Context) {
        let _metered = meter::start(Kind::World);
        if let Some(services) = &self.services {
            services.directory.set_room(room, None);
        }
        self.due.extend(next_due.map(|at| (at, room)));
    }
}

impl Handler<Locate> for WorldActor {
    type Result = ();

    fn handle(&mut self, Locate { entity, mail }: Locate, ctx: &mut Self::Context) {
        let Some(services) = self.services.clone() else { return };
        match mail {
            Mail::Signal { signal, attempts, .. } if attempts >= SIGNAL_ATTEMPTS => services.drop_signal(&signal),
            Mail::Signal { attempts: attempts @ 1.., .. } => {
                // It was not where storage says it is: where it is now may not be stored yet.
                let wait = SIGNAL_WAIT.saturating_mul(1 << (attempts - 1)).min(SIGNAL_WAIT_MOST);
                ctx.run_later(wait, move |world, ctx| world.locate(&services, entity, mail, ctx));
            }
            mail => self.locate(&services, entity, mail, ctx),
        }
    }
}

impl Handler<Adopt> for WorldActor {
    type Result = ();

    fn handle(&mut self, Adopt(entities): Adopt, _: &mut Self::Context) {
        let (Some(services), Some(id)) = (&self.services, entities.first().map(|room| room.id)) else { return };
        let addr = start(services, id, entities);
        services.directory.set_room(id, addr);
    }
}

impl Handler<Find> for WorldActor {
    type Result = ();

    fn handle(&mut self, find: Find, ctx: &mut Self::Context) {
        if let Some(services) = self.services.clone() {
            self.find(services, find, ctx);
        }
    }
}

impl Handler<ReadHistory> for WorldActor {
    type Result = ();

    fn handle(&mut self, read: ReadHistory, ctx: &mut Self::Context) {
        if let Some(services) = self.services.clone() {
            self.read_history(services, read, ctx);
        }
    }
}

impl Handler<Due> for WorldActor {
    type Result = ();

    fn handle(&mut self, Due(due): Due, _: &mut Self::Context) {
        self.due.extend(due.into_iter().map(|(room, at)| (at, room)));
    }
}
