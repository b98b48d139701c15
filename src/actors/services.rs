//! What every actor of the server holds: the way to the others, storage, settings, ids and the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
use crate::actors::storage::{self, Storage};
use crate::actors::upkeep::UpkeepActor;
use crate::actors::wheel::WheelActor;
use crate::actors::world::{Locate, Route, WorldActor};
use crate::config::Config;
use crate::db::DbPool;
use crate::failpoint::fail_point;
use crate::ids::{RoomId, SessionId};
use crate::mailbox;
use crate::world::command::Hall;
use crate::world::failure::Failure;
use crate::world::record::{Change, SignalRecord, SignalTarget};
use crate::world::signal::{HOPS_MOST, Signal, Target};

/// Shared by all actors of one server process.
pub struct Services {
    /// Settings.
    pub config: Config,
    /// The welcome screen, marked up; `None` for the built-in one.
    pub welcome: Option<String>,
    /// Commands, types, ids, calendar, start room.
    pub hall: Hall,
    /// Who is where.
    pub directory: Directory,
    /// The way to storage. Its questions do not wait for ever.
    pub pool: DbPool,
    /// Whether the world can save.
    pub storage: Storage,
    /// The epoch of this process.
    pub epoch: u64,
    /// It runs in safe mode: nothing happens by itself, and only Admins get through.
    pub safe: bool,
    /// Scripts tick and timers fire. False until it has taken over, in safe mode, and when it is asked to stop.
    pub ticking: AtomicBool,
    /// Signals that it has sent.
    pub signals: AtomicU64,
    /// Arbiters of rooms, sessions and channels.
    pub arbiters: Vec<ArbiterHandle>,
    /// A wheel on each of them.
    pub wheels: Vec<Addr<WheelActor>>,
    /// The journal.
    pub journal: Addr<JournalActor>,
    /// The accounts.
    pub accounts: Addr<AccountsActor>,
    /// The world.
    pub world: Addr<WorldActor>,
    /// The wire.
    pub link: Addr<LinkActor>,
    /// What sees to backups and old rows.
    pub upkeep: Addr<UpkeepActor>,
}

impl Services {
    /// Returns the time, in milliseconds since 1970. Batches carry it to whatever runs in them.
    pub fn now_ms(&self) -> i64 {
        now_ms()
    }

    /// Tells whether scripts tick and timers fire now.
    pub fn is_ticking(&self) -> bool {
        self.ticking.load(Ordering::Relaxed)
    }

    /// Ends a batch. Its signals go out behind it: whoever handles one comes after it.
    pub fn commit(&self, mut batch: Batch) {
        let signals = std::mem::take(&mut batch.signals);
        let sender = batch.changed.first().copied();
        // First: what it did may have set the same timer anew.
        let mut changes = std::mem::take(&mut batch.consumed);
        changes.append(&mut batch.changes);
        batch.changes = changes;
        batch.changes.extend(signals.iter().map(|signal| Change::Signal(Box::new(signal.clone()))));
        mailbox::repay(&self.journal, Commit(batch));
        for signal in signals {
            fail_point!("signal.sent");
            self.deliver(signal, sender);
        }
    }

    /// Makes a batch send signals when it ends. `by` is the actor that sends them.
    ///
    /// # Errors
    ///
    /// One of them is a bug of its type's, and is dropped: there is nobody it can go to, or more than [`HOPS_MOST`] signals
    /// led to it.
    pub fn send_signals(&self, batch: &mut Batch, by: Key, signals: Vec<(Target, Signal)>) -> Result<(), Failure> {
        let mut failure = Ok(());
        for (target, signal) in signals {
            let Signal { name, json, from, hops, .. } = signal;
            if hops > HOPS_MOST {
                failure = Err(Failure::new(format!("signal {name} was answered too often, it is dropped")));
                continue;
            }
            let Some(target) = self.stored_target(target) else {
                failure = Err(Failure::new(format!("signal {name} goes nowhere: there is no {target:?}")));
                continue;
            };
            let n = self.signals.fetch_add(1, Ordering::Relaxed);
            batch.change(by);
            batch.signals.push(SignalRecord { id: self.epoch << 32 | n, target, name, json, from, hops });
        }
        failure
    }

    /// Returns where a signal is stored to go; `None` if there is no such thing.
    fn stored_target(&self, target: Target) -> Option<SignalTarget> {
        match target {
            Target::Room(id) => Some(SignalTarget::Room(id)),
            Target::Entity(id) => Some(SignalTarget::Entity(id)),
            Target::Channel(id) => Some(SignalTarget::Channel(id)),
            Target::Script(id) => Some(SignalTarget::Script(id)),
            Target::ChannelNamed(name) => {
                let channel = self.directory.channel_index().find(&name.to_lowercase())?.id;
                Some(SignalTarget::Channel(channel))
            }
            Target::ScriptOf(type_name) => self.directory.script_of(type_name).map(SignalTarget::Script),
            // Whoever has neighbours has named them.
            Target::Neighbours => None,
        }
    }

    /// Brings a stored signal to where it goes. `sender` is an actor that its batch has changed.
    pub fn deliver(&self, signal: SignalRecord, sender: Option<Key>) {
        match (signal.target, sender) {
            // What is in a room is most often signalled from there; and that room knows better where it went than storage.
            (SignalTarget::Room(room), _) | (SignalTarget::Entity(_), Some(Key::Room(room))) => {
                self.to_room(room, Mail::Signal { signal, sender, attempts: 0 });
            }
            (SignalTarget::Entity(entity), _) => {
                let mail = Mail::Signal { signal, sender, attempts: 0 };
                mailbox::repay(&self.world, Locate { entity, mail });
            }
            (SignalTarget::Channel(id), _) => match self.directory.channel(id) {
                Some(channel) => mailbox::repay(&channel, Signalled { signal, sender }),
                None => self.drop_signal(&signal),
            },
            (SignalTarget::Script(id), _) => match self.directory.script(id) {
                Some(script) => mailbox::repay(&script, Signalled { signal, sender }),
                None => self.drop_signal(&signal),
            },
        }
    }

    /// Gives up a signal that nobody can handle.
    pub fn drop_signal(&self, signal: &SignalRecord) {
        tracing::warn!(signal = signal.name, "signal {} to {:?} finds nobody", signal.name, signal.target);
        let mut batch = Batch::begin(None, self.now_ms());
        batch.changes.push(Change::SignalGone(signal.id));
        self.commit(batch);
    }

    /// Tells whether a batch must not begin to change anything, because storage is away. One that has begun goes on: it
    /// is kept until storage is back.
    pub fn must_wait(&self, batch: &Batch) -> bool {
        self.storage.is_away() && !batch.is_lasting() && batch.consumed.is_empty()
    }

    /// Ends a batch that [must wait](Self::must_wait): its line is not done, which is told and acknowledged. That is true
    /// whatever becomes of what the line has met, so it is told at once.
    pub fn refuse_unsaved(&self, batch: Batch, session: SessionId) {
        self.storage.count_refused();
        let mut batch = batch.unmet();
        batch.tell(session, storage::unsaved());
        self.commit(batch);
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

    /// Returns the wheel on the arbiter of a room.
    pub fn wheel(&self, room: RoomId) -> &Addr<WheelActor> {
        &self.wheels[(room.0 as usize) % self.wheels.len()]
    }
}

/// Returns the time, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// A signal has come. Sent to channels and scripts when the batch that sent it is complete.
#[derive(Debug, actix::Message)]
#[rtype(result = "()")]
pub struct Signalled {
    /// As it is stored.
    pub signal: SignalRecord,
    /// An actor that its batch has changed; the handler's batch depends on it.
    pub sender: Option<Key>,
}

/// Returns a signal as hooks get it.
pub fn arrived(signal: &SignalRecord) -> Signal {
    Signal { name: signal.name.clone(), json: signal.json.clone(), from: signal.from, ticks: 1, hops: signal.hops }
}

/// How actors hold their services.
pub type Shared = Arc<Services>;
