//! World: which rooms are loaded. Loads a room when the first mail for it comes, and keeps the mail meanwhile.
//!
//! Sequence: anyone ─[`Route`]─► world ─LoadRoom─► db reader … world ─Mail*─► room. A room that goes to sleep says
//! [`Asleep`] and passes on to world what still reaches it.
//! World also keeps the block of reserved ids filled.

use std::time::Duration;

use actix::prelude::*;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::actors::accounts::{Left, Reenter};
use crate::actors::batch::Batch;
use crate::actors::meter::{self, Kind};
use crate::actors::room::{Arrival, Mail, RoomActor};
use crate::actors::services::Shared;
use crate::db::{DbError, LoadRoom};
use crate::ids::RoomId;
use crate::mailbox;
use crate::text;
use crate::text::Markup;
use crate::world::entity::Entity;
use crate::world::record::{Change, EntityRows};
use crate::world::room::Room;

mod wake;

pub use wake::Wake;

/// One mail per session for rooms that are being loaded, with slack.
const WORLD_MAILBOX: usize = 16 * 1024;

/// How often the block of ids is looked at.
const IDS_INTERVAL: Duration = Duration::from_millis(500);

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
pub struct Asleep(pub RoomId);

/// World.
#[derive(Default)]
pub struct WorldActor {
    services: Option<Shared>,
    /// Rooms that are being loaded, with their mail in order.
    loading: FxHashMap<RoomId, Vec<Mail>>,
    /// Who waits for a room that is being loaded.
    waking: FxHashMap<RoomId, Vec<oneshot::Sender<bool>>>,
    reserving: bool,
}

impl WorldActor {
    fn load(&mut self, services: &Shared, id: RoomId, ctx: &mut Context<Self>) {
        let loaded = services.pool.read(LoadRoom(id));
        ctx.spawn(loaded.into_actor(self).map(move |loaded, world, _| {
            let _metered = meter::start(Kind::World);
            world.loaded(id, loaded);
            world.woken(id);
        }));
    }

    fn loaded(&mut self, id: RoomId, loaded: Result<Option<Vec<EntityRows>>, DbError>) {
        let mail = self.loading.remove(&id).unwrap_or_default();
        let Some(services) = self.services.clone() else { return };
        let rows = match loaded {
            Ok(Some(rows)) => rows,
            Ok(None) => return bounce(&services, mail, &text!("That way leads nowhere.")),
            Err(error) => {
                tracing::error!(room.id = %id, "room {id} cannot be loaded: {error}");
                return bounce(&services, mail, &text!("You cannot get there just now. Please try again."));
            }
        };
        let entities = rows.into_iter().map(|rows| Entity::from_rows(rows, &services.registry)).collect();
        let Some(room) = Room::new(entities) else { return };
        let actor = RoomActor::new(room, services.clone());
        let addr = RoomActor::start_in_arbiter(services.arbiter(id.0), |_| actor);
        for mail in mail {
            mailbox::repay(&addr, mail);
        }
        // Only now: nobody may overtake the mail that waited.
        services.directory.set_room(id, Some(addr));
    }

    /// Reserves more ids when less than half a block is left.
    fn reserve(&mut self, ctx: &mut Context<Self>) {
        let Some(services) = self.services.clone() else { return };
        let Some(limit) = services.ids.wanted() else { return };
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
            services.ids.extend(limit);
        };
        ctx.spawn(stored.into_actor(self).map(|_, world, _| world.reserving = false));
    }
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
            Mail::Returned { .. } | Mail::Sit { .. } => {
                tracing::error!("characters are in a room that is gone; they come back at their next login");
            }
        }
    }
}

fn turn_back(services: &Shared, arrival: Arrival, why: &Markup) {
    let Arrival { mut batch, party, from, manner, undo } = arrival;
    match from {
        Some(from) => services.to_room(from, Mail::Returned { batch, party, undo, why: why.clone() }),
        None if batch.has_failed_over => {
            // Not even the start room is there: nobody can come in.
            tracing::error!("the start room {} cannot be loaded", services.hall.start_room);
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

impl Actor for WorldActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(WORLD_MAILBOX);
        ctx.run_interval(IDS_INTERVAL, Self::reserve);
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

    fn handle(&mut self, Asleep(room): Asleep, _: &mut Self::Context) {
        let _metered = meter::start(Kind::World);
        if let Some(services) = &self.services {
            services.directory.set_room(room, None);
        }
    }
}
