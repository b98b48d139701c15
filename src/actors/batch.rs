//! A batch: everything that one input caused, on its way through the actors to the journal.

use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::ids::{ChannelId, RoomId, ScriptId, SessionId};
use crate::wire::{Item, Origin};
use crate::world::record::{Change, SignalRecord};

/// Number of a batch within this server process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);

/// An actor whose state batches read and change: the unit of dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A room.
    Room(RoomId),
    /// A session.
    Session(SessionId),
    /// A channel.
    Channel(ChannelId),
    /// A script.
    Script(ScriptId),
    /// The accounts.
    Accounts,
    /// The block of reserved ids.
    Ids,
}

/// Everything one input caused. Ends in the journal, once.
#[derive(Debug)]
pub struct Batch {
    /// Its number.
    pub id: BatchId,
    /// The line that caused it, and that its group acknowledges.
    pub origin: Option<Origin>,
    /// When it began, in milliseconds since 1970: the time that its hooks see.
    pub now_ms: i64,
    /// Rows to store.
    pub changes: Vec<Change>,
    /// Rows of what caused it, a signal or a one-shot timer: stored even if what it did is refused, and before that.
    pub consumed: Vec<Change>,
    /// What the portal shall show and do.
    pub items: Vec<Item>,
    /// Signals to send when it ends.
    pub signals: Vec<SignalRecord>,
    /// Actors whose state it read or changed.
    pub met: SmallVec<[Key; 4]>,
    /// Actors whose state it changed.
    pub changed: SmallVec<[Key; 4]>,
    /// How many signals led to it.
    pub hops: u32,
    /// The room it was meant for could not be had; it has been sent to the start room.
    pub has_failed_over: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Batch {
    /// Begins a batch.
    pub fn begin(origin: Option<Origin>, now_ms: i64) -> Self {
        Self {
            id: BatchId(NEXT.fetch_add(1, Ordering::Relaxed)),
            origin,
            now_ms,
            changes: Vec::new(),
            consumed: Vec::new(),
            items: Vec::new(),
            signals: Vec::new(),
            met: SmallVec::new(),
            changed: SmallVec::new(),
            hops: 0,
            has_failed_over: false,
        }
    }

    /// Takes note that the batch read an actor's state.
    pub fn meet(&mut self, key: Key) {
        if !self.met.contains(&key) {
            self.met.push(key);
        }
    }

    /// Takes note that the batch changed an actor's state.
    pub fn change(&mut self, key: Key) {
        self.meet(key);
        if !self.changed.contains(&key) {
            self.changed.push(key);
        }
    }

    /// Forgets what the batch did: it is refused, and only its answer is left to give.
    pub fn undo(&mut self) {
        self.changes.clear();
        self.items.clear();
        self.signals.clear();
        self.changed.clear();
    }

    /// Returns it as if it had neither done nor seen anything: what is told then depends on nothing.
    pub fn unmet(mut self) -> Self {
        self.undo();
        self.met.clear();
        self
    }

    /// Tells whether it has done anything that lasts.
    pub fn is_lasting(&self) -> bool {
        !self.changes.is_empty() || !self.signals.is_empty()
    }

    /// Shows a marked-up text to a session.
    pub fn tell(&mut self, session: SessionId, text: crate::text::Markup) {
        self.items.push(Item::Text { to: vec![session], text: text.into_string() });
    }
}
