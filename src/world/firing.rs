//! A timer that fires: what it sends to its entity's type, and what is stored of it with what that did. Pure.
//!
//! A one-shot is gone with its effect. A ticker stores its tick only with a tick that changed something, so that the
//! same tick is not run again after a restart; one that changed nothing may be. A firing whose effect cannot be stored has not
//! happened: it is put off.

use crate::ids::EntityId;
use crate::world::contents::{Contents, Due};
use crate::world::record::Change;
use crate::world::signal::{Signal, Timer};

/// A timer on its way to its entity's type.
#[derive(Debug)]
pub struct Firing {
    /// Whose it is.
    pub entity: EntityId,
    /// What its type is told.
    pub signal: Signal,
    /// When the timer had ticked last before.
    fired_at: i64,
    /// The timer as this firing left it.
    timer: Timer,
}

impl Firing {
    /// Takes a timer of `entity` that was due at `at` from the room. Returns `None` if there is none any more: another one
    /// that was due before it has stopped it, changed it, or carried it away.
    pub fn begin(contents: &mut Contents, entity: EntityId, at: i64, now_ms: i64) -> Option<Self> {
        let Due { mut timer, ticks, fired_at } = contents.take_due(entity, at, now_ms)?;
        // A one-shot is gone: all that is still wanted of it is its name.
        let json = if timer.is_ticker() { timer.json.clone() } else { std::mem::take(&mut timer.json) };
        let signal = Signal { name: timer.name.clone(), json, from: Some(entity), ticks, hops: 0 };
        Some(Self { entity, signal, fired_at, timer })
    }

    /// Puts the firing off: the timer is due as it was before, and counts what it misses meanwhile.
    pub fn put_off(self, contents: &mut Contents) {
        let Self { entity, signal, fired_at, timer } = self;
        contents.set_back(entity, Timer { json: signal.json, fired_at, ..timer });
    }

    /// Tells whether it fires again.
    pub fn is_ticker(&self) -> bool {
        self.timer.is_ticker()
    }

    /// Returns the row of a one-shot that goes whatever its hook comes to.
    pub fn spent(&self) -> Option<Change> {
        (!self.timer.is_ticker()).then(|| Change::TimerGone(self.entity, self.timer.name.clone()))
    }

    /// Returns the row of a ticker that goes with what its hook did, if that was anything.
    pub fn ticked(&self, contents: &Contents) -> Option<Change> {
        let timer = contents.entity(self.entity)?.timer(&self.timer.name)?;
        // One that the hook has set anew is among its changes already.
        (self.timer.is_ticker() && *timer == self.timer).then(|| Change::Timer(Box::new(timer.to_record(self.entity))))
    }
}
