//! Signals that come, and timers that are due: each runs the hook of the type it is for, as a batch of its own.

use actix::prelude::*;

use super::{Mail, RoomActor};
use crate::actors::batch::{Batch, Key};
use crate::actors::services::arrived;
use crate::actors::wheel::Wake;
use crate::actors::world::Locate;
use crate::ids::EntityId;
use crate::mailbox;
use crate::world::cx::RoomCx;
use crate::world::effects::Hop;
use crate::world::firing::Firing;
use crate::world::record::{Change, SignalRecord, SignalTarget};
use crate::world::room::Performed;
use crate::world::signal::Signal;

/// How often a signal is looked for before it is given up.
const SIGNAL_ATTEMPTS: u32 = 3;

/// Timers that fire before the room's other mail has its turn.
const TIMERS_AT_ONCE: usize = 64;

impl RoomActor {
    /// Gives a signal to the type it is for.
    pub(super) fn signal(&mut self, signal: SignalRecord, sender: Option<Key>, attempts: u32) {
        let entity = match signal.target {
            SignalTarget::Entity(entity) => entity,
            _ => self.room.id(),
        };
        if !self.room.has(entity) {
            let mail = Mail::Signal { signal, sender, attempts: attempts + 1 };
            if let Some(Mail::Signal { signal, sender, attempts }) = self.forward(entity, mail) {
                if attempts >= SIGNAL_ATTEMPTS {
                    return self.services.drop_signal(&signal);
                }
                let mail = Mail::Signal { signal, sender, attempts };
                mailbox::repay(&self.services.world, Locate { entity, mail });
            }
            return;
        }
        let mut batch = Batch::begin(None, self.services.now_ms());
        batch.change(self.key());
        if let Some(sender) = sender {
            batch.meet(sender);
        }
        batch.consumed.push(Change::SignalGone(signal.id));
        self.deliver(batch, entity, &arrived(&signal), None);
    }

    /// Runs a signal's hook as a batch of its own: one that has come, or that of a timer which fires.
    pub(super) fn deliver(&mut self, mut batch: Batch, entity: EntityId, signal: &Signal, firing: Option<&Firing>) {
        batch.meet(self.key());
        let run = |cx: &mut RoomCx| {
            cx.deliver(entity, signal);
            Ok(())
        };
        match self.room.perform(self.moment(&batch), run) {
            Performed::Done(changes, effects, undo) => {
                let hop = self.perform_effects(&mut batch, changes, effects);
                // What has done something that lasts shall not tick again for the same time after a restart.
                if batch.is_lasting() || hop.is_some() {
                    batch.changes.extend(firing.and_then(|firing| firing.ticked(&self.room.contents)));
                }
                match hop {
                    Some(Hop::Walk(walk)) => self.send_off(batch, walk, undo),
                    _ => self.services.commit(batch),
                }
            }
            Performed::Refused(_) => self.services.commit(batch),
            Performed::Panicked(why) => {
                self.report(&format!("on_signal of {entity}"), &why);
                self.tell_developers(&mut batch, &why, &[]);
                self.services.commit(batch);
            }
        }
    }

    /// Fires the timers that are due, each as a batch of its own.
    pub(super) fn tick(&mut self) {
        let now_ms = self.services.now_ms();
        for (entity, timer) in self.room.contents.due(now_ms, TIMERS_AT_ONCE) {
            let Some(firing) = Firing::begin(&mut self.room.contents, entity, &timer, now_ms) else { continue };
            let mut batch = Batch::begin(None, now_ms);
            if let Some(spent) = firing.spent() {
                batch.change(self.key());
                batch.consumed.push(spent);
            }
            self.deliver(batch, entity, &firing.signal, Some(&firing));
        }
    }

    /// Lets the wheel know when the next timer is due.
    pub(super) fn schedule(&mut self, ctx: &Context<Self>) {
        let next = self.room.contents.next_due();
        if next != self.scheduled {
            self.scheduled = next;
            if let Some(at) = next {
                let room = self.room.id();
                mailbox::repay(self.services.wheel(room), Wake { at, room, addr: ctx.address() });
            }
        }
    }
}
