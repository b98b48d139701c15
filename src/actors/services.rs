//! What every actor of the server holds: the way to the others, storage, settings, ids and the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use actix::{Addr, ArbiterHandle};
use tokio::sync::oneshot;

use crate::actors::accounts::AccountsActor;
use crate::actors::batch::{Batch, Key};
use crate::actors::directory::Directory;
use crate::actors::journal::{Commit, JournalActor, Opened, Watch};
use crate::actors::link::LinkActor;
use crate::actors::room::Mail;
use crate::actors::session::SessionActor;
use crate::actors::world::{Route, WorldActor};
use crate::config::Config;
use crate::db::DbPool;
use crate::ids::{EntityId, RoomId, SessionId};
use crate::mailbox;
use crate::world::command::Hall;
use crate::world::types::Registry;

/// Ids that world reserves at a time.
pub const ID_BLOCK: u64 = 10_000;

/// Shared by all actors of one server process.
pub struct Services {
    /// Settings.
    pub config: Config,
    /// The welcome screen, marked up; `None` for the built-in one.
    pub welcome: Option<String>,
    /// Types.
    pub registry: Registry,
    /// Commands, calendar, start room.
    pub hall: Hall,
    /// Who is where.
    pub directory: Directory,
    /// Storage.
    pub pool: DbPool,
    /// Ids that may be given out.
    pub ids: Ids,
    /// Arbiters of rooms, sessions and channels.
    pub arbiters: Vec<ArbiterHandle>,
    /// The journal.
    pub journal: Addr<JournalActor>,
    /// The accounts.
    pub accounts: Addr<AccountsActor>,
    /// The world.
    pub world: Addr<WorldActor>,
    /// The wire.
    pub link: Addr<LinkActor>,
}

/// A block of reserved ids: a counter and its limit.
#[derive(Debug)]
pub struct Ids {
    next: AtomicU64,
    limit: AtomicU64,
}

impl Ids {
    /// Returns ids from `next` up to, not including, `limit`.
    pub fn new(next: u64, limit: u64) -> Self {
        Self { next: AtomicU64::new(next), limit: AtomicU64::new(limit) }
    }

    /// Returns an id that was never given out, or `None` until world has reserved more.
    pub fn take(&self) -> Option<EntityId> {
        let limit = self.limit.load(Ordering::Acquire);
        let taken =
            self.next.fetch_update(Ordering::AcqRel, Ordering::Acquire, |next| (next < limit).then_some(next + 1));
        taken.ok().map(EntityId)
    }

    /// Returns the new limit to reserve if less than half a block is left.
    pub fn wanted(&self) -> Option<u64> {
        let limit = self.limit.load(Ordering::Acquire);
        (self.next.load(Ordering::Acquire) + ID_BLOCK / 2 > limit).then_some(limit + ID_BLOCK)
    }

    /// Takes note that ids below `limit` are reserved: its row is committed.
    pub fn extend(&self, limit: u64) {
        self.limit.fetch_max(limit, Ordering::AcqRel);
    }
}

impl Services {
    /// Returns the time, in milliseconds since 1970. Batches carry it to whatever runs in them.
    pub fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }

    /// Ends a batch.
    pub fn commit(&self, batch: Batch) {
        mailbox::repay(&self.journal, Commit(batch));
    }

    /// Ends a batch that holds changes; the receiver is told when they are stored.
    pub fn commit_watched(&self, batch: Batch) -> oneshot::Receiver<()> {
        let (stored, told) = oneshot::channel();
        mailbox::repay(&self.journal, Watch { batch: batch.id, stored });
        self.commit(batch);
        told
    }

    /// Announces that a batch has changed an actor and goes on; before it does.
    pub fn opened(&self, batch: &Batch, key: Key) {
        mailbox::repay(&self.journal, Opened { batch: batch.id, key });
    }

    /// Sends mail to a room: straight on if it is loaded, else by way of world.
    pub fn to_room(&self, room: RoomId, mail: Mail) {
        match self.directory.room(room) {
            // One line in flight per session bounds what a room can be sent.
            Some(addr) => mailbox::repay(&addr, mail),
            None => mailbox::repay(&self.world, Route { room, mail }),
        }
    }

    /// Sends to a session, if it still is.
    pub fn to_session<M>(&self, session: SessionId, message: M)
    where
        SessionActor: actix::Handler<M>,
        M: actix::Message + Send + 'static,
        M::Result: Send,
    {
        if let Some(addr) = self.directory.session(session) {
            mailbox::repay(&addr, message);
        }
    }

    /// Returns the arbiter of an actor: the same for the same number, spread over all.
    pub fn arbiter(&self, number: u64) -> &ArbiterHandle {
        &self.arbiters[(number as usize) % self.arbiters.len()]
    }
}

/// How actors hold their services.
pub type Shared = Arc<Services>;
