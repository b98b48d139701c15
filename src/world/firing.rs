//! A timer that fires: what it sends to its entity's type, and what is stored of it with what that did. Pure.
//!
//! A one-shot is gone with its effect. A ticker stores its tick only with a tick that changed something, so that the
//! same tick is not run again after a restart; one that changed nothing may be. A firing whose effect cannot be stored has not
//! happened: it is put off.

use crate::ids::EntityId;
use crate::world::contents::Contents;
use crate::world::record::Change;
use crate::world::signal::{Signal, Timer};

/// A timer on its way to its entity's type.
#[derive(Debug)]
pub struct Firing {
    /// Whose it is.
    pub entity: EntityId,
    /// What its type is told.
    pub signal: Signal,
    /// The timer as it was before.
    before: Timer,
    /// The timer as this firing left it.
    timer: Timer,
}

impl Firing {
    /// Takes a due timer from the room. Returns `None` if it is no longer the timer that it was: another one that was due
    /// before it has stopped it, changed it, or carried it away.
    pub fn begin(contents: &mut Contents, entity: EntityId, before: &Timer, now_ms: i64) -> Option<Self> {
        if contents.entity(entity)?.timer(&before.name)? != before {
            return None;
        }
        let signal = before.signal(entity, before.ticks_due(now_ms));
        let mut timer = before.clone();
        if timer.is_ticker() {
            timer = contents.ticked(entity, &timer.name, now_ms)?;
        } else {
            contents.spend(entity, &timer.name);
        }
        Some(Self { entity, signal, before: before.clone(), timer })
    }

    /// Puts the firing off: the timer is due as it was before, and counts what it misses meanwhile.
    pub fn put_off(self, contents: &mut Contents) {
        contents.set_back(self.entity, self.before);
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
