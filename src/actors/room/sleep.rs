//! How a room ends: it goes to sleep when nobody needs it, or it was destroyed; in both cases when that is stored.

use std::time::Duration;

use actix::prelude::*;

use super::RoomActor;
use crate::actors::journal::IsSettled;
use crate::actors::world::Asleep;
use crate::mailbox;

/// How long a room that has gone to sleep passes on what still comes.
const LINGER: Duration = Duration::from_secs(5);

/// How often a room that was destroyed asks whether that is stored.
const STORED_INTERVAL: Duration = Duration::from_millis(5);

impl RoomActor {
    /// Ends, when it is stored that the room is gone. Until then nobody may load it from its rows.
    pub(super) fn end(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_ending, true) {
            return;
        }
        let (journal, key) = (self.services.journal.clone(), self.key());
        let stored = async move {
            while !journal.send(IsSettled(key)).await.unwrap_or(true) {
                actix_rt::time::sleep(STORED_INTERVAL).await;
            }
        };
        ctx.spawn(stored.into_actor(self).map(|(), actor, ctx| {
            actor.is_asleep = true;
            mailbox::repay(&actor.services.world, Asleep { room: actor.room.id(), next_due: None });
            ctx.run_later(LINGER, |_, ctx| ctx.stop());
        }));
    }

    /// Goes to sleep if nobody plays here and all that changed the room is stored.
    pub(super) fn rest(&mut self, ctx: &mut Context<Self>) {
        let idle = Duration::from_secs(self.services.config.world.room_idle_secs);
        if self.is_asleep || self.is_destroyed || !self.room.seats.is_empty() || self.active_at.elapsed() < idle {
            return;
        }
        let asked_at = self.mails;
        let settled = self.services.journal.send(IsSettled(self.key()));
        ctx.spawn(settled.into_actor(self).map(move |settled, actor, ctx| {
            if settled.unwrap_or(false) && actor.mails == asked_at && actor.room.seats.is_empty() {
                actor.is_asleep = true;
                tracing::debug!(room.id = %actor.room.id(), "room {} goes to sleep", actor.room.id());
                let next_due = actor.room.contents.next_due();
                mailbox::repay(&actor.services.world, Asleep { room: actor.room.id(), next_due });
                ctx.run_later(LINGER, |_, ctx| ctx.stop());
            }
        }));
    }
}
