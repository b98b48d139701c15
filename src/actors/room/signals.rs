//! Signals that come, and timers that are due: each runs the hook of the type it is for.

use actix::prelude::*;

use super::{Mail, RoomActor};
use crate::actors::batch::{Batch, Key};
use crate::actors::services::arrived;
use crate::actors::storage::LATER;
use crate::actors::wheel::Wake;
use crate::actors::world::Locate;
use crate::failpoint::fail_point;
use crate::ids::EntityId;
use crate::mailbox;
use crate::world::cx::RoomCx;
use crate::world::effects::{Effects, Hop};
use crate::world::firing::Firing;
use crate::world::record::{Change, SignalRecord, SignalTarget};
use crate::world::room::{Moment, Performed};
use crate::world::signal::Signal;

/// Timers that fire before the room's other mail has its turn.
const TIMERS_AT_ONCE: usize = 128;

impl RoomActor {
    /// Gives a signal to the type it is for.
    pub(super) fn signal(&mut self, signal: SignalRecord, sender: Option<Key>, attempts: u32) {
        let entity = match signal.target {
            SignalTarget::Entity(entity) => entity,
            _ => self.room.id(),
        };
        if !self.room.has(entity) {
            let mail = Mail::Signal { signal, sender, attempts: attempts + 1 };
            if let Some(mail) = self.forward(entity, mail) {
                mailbox::repay(&self.services.world, Locate { entity, mail });
            }
            return;
        }
        let mut batch = Batch::begin(None, self.services.now_ms());
        batch.hops = signal.hops + 1;
        batch.change(self.key());
        if let Some(sender) = sender {
            batch.meet(sender);
        }
        batch.consumed.push(Change::SignalGone(signal.id));
        fail_point!("room.signal");
        self.deliver(batch, entity, &arrived(&signal));
    }

    /// Runs a signal's hook as a batch of its own.
    fn deliver(&mut self, mut batch: Batch, entity: EntityId, signal: &Signal) {
        let run = |cx: &mut RoomCx| {
            cx.deliver(entity, signal);
            Ok(())
        };
        match self.room.perform(self.moment(&batch), run) {
            Performed::Done(changes, effects, undo) => {
                fail_point!("room.delivered");
                match self.perform_effects(&mut batch, changes, effects) {
                    Some(Hop::Walk(walk)) => self.send_off(batch, walk, undo),
                    _ => self.services.commit(batch),
                }
            }
            Performed::Refused(_) | Performed::Unsaved => self.services.commit(batch),
            Performed::Panicked(failure) => {
                self.complain(&mut batch, &format!("on_signal of {entity}"), &failure);
                self.services.commit(batch);
            }
        }
    }

    /// Fires the timers that are due. Each runs its hook by itself, and loses only what it did if that panics; all of them
    /// are one batch, but for those that send somebody or something to another room, which may be refused there. While
    /// storage is away those fire that change nothing, up to the first that would; from there on all wait.
    pub(super) fn tick(&mut self) {
        let mut batch = Batch::begin(None, self.services.now_ms());
        if self.waits_for_storage && self.services.storage.is_away() {
            return;
        }
        self.waits_for_storage = false;
        let (now_ms, mut n) = (batch.now_ms, 0);
        'pass: for (at, entity) in self.room.contents.due(now_ms, TIMERS_AT_ONCE) {
            // No more than it has now: a hook may set one that is due already.
            let most = self.room.contents.entity(entity).map_or(0, |entity| entity.timers.len());
            for _ in 0..most {
                // That a one-shot is spent is a change already.
                if self.room.contents.is_one_shot_next(entity, at) && self.services.must_wait(&batch) {
                    self.waits_for_storage = true;
                    break 'pass;
                }
                let Some(firing) = Firing::begin(&mut self.room.contents, entity, at, now_ms) else { break };
                n += 1;
                fail_point!("room.timer");
                if !self.fire(&mut batch, &firing, n) {
                    firing.put_off(&mut self.room.contents);
                    self.waits_for_storage = true;
                    break 'pass;
                }
            }
        }
        self.end_pass(batch);
    }

    /// Runs a timer's hook, the `n`th of a pass whose batch this is. Returns false if nothing has happened, because it
    /// cannot be stored.
    fn fire(&mut self, batch: &mut Batch, firing: &Firing, n: u64) -> bool {
        batch.meet(self.key());
        let moment = self.first_moment(batch);
        // Each has random numbers of its own: the golden ratio spreads the seeds.
        let moment = Moment { seed: moment.seed ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15), ..moment };
        let performed = self.room.fire(moment, firing);
        if matches!(performed, Performed::Unsaved) {
            return false;
        }
        if let Performed::Done(_, effects, _) = &performed
            && effects.hop.is_some()
        {
            let own = Batch::begin(None, batch.now_ms);
            let before = std::mem::replace(batch, Batch::begin(None, batch.now_ms));
            self.end_pass(before);
            self.fire_and_go(own, firing, performed);
            return true;
        }
        if let Some(spent) = firing.spent() {
            batch.change(self.key());
            batch.consumed.push(spent);
        }
        match performed {
            Performed::Done(changes, effects, _) => {
                self.record_firing(batch, firing, changes, effects);
            }
            Performed::Refused(_) | Performed::Unsaved => {}
            Performed::Panicked(failure) => {
                self.complain(batch, &format!("on_signal of {}", firing.entity), &failure);
            }
        }
        true
    }

    /// Ends a firing that sends somebody or something away, in a batch of its own.
    fn fire_and_go(&mut self, mut batch: Batch, firing: &Firing, performed: Performed) {
        let Performed::Done(changes, effects, undo) = performed else { return };
        if let Some(spent) = firing.spent() {
            batch.change(self.key());
            batch.consumed.push(spent);
        }
        match self.record_firing(&mut batch, firing, changes, effects) {
            Some(Hop::Walk(walk)) => self.send_off(batch, walk, undo),
            _ => self.services.commit(batch),
        }
    }

    /// Takes into the batch what a firing did. Returns where it goes on.
    fn record_firing(
        &mut self,
        batch: &mut Batch,
        firing: &Firing,
        changes: Vec<Change>,
        effects: Effects,
    ) -> Option<Hop> {
        // What has done something that lasts shall not tick again for the same time after a restart.
        fail_point!("room.fired");
        let is_lasting = !changes.is_empty() || effects.is_lasting();
        let hop = self.perform_effects(batch, changes, effects);
        if is_lasting {
            batch.changes.extend(firing.ticked(&self.room.contents));
        }
        hop
    }

    /// Ends the batch of a pass, if anything came of it.
    fn end_pass(&self, batch: Batch) {
        if !(batch.changes.is_empty()
            && batch.consumed.is_empty()
            && batch.items.is_empty()
            && batch.signals.is_empty())
        {
            self.services.commit(batch);
        }
    }

    /// Lets the wheel know when the next timer is due.
    pub(super) fn schedule(&mut self, ctx: &Context<Self>) {
        let mut next = self.room.contents.next_due();
        if self.waits_for_storage {
            if self.scheduled.is_some() {
                return;
            }
            next = next.map(|next| next.max(self.services.now_ms() + LATER.as_millis() as i64));
        }
        if next != self.scheduled {
            self.scheduled = next;
            if let Some(at) = next {
                let room = self.room.id();
                mailbox::repay(self.services.wheel(room), Wake { at, room, addr: ctx.address() });
            }
        }
    }
}
