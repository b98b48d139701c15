//! How a room ends: it goes to sleep when nobody needs it, or it was destroyed; in both cases when that is stored. And how
//! what is late is stored in time.

use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::RoomActor;
use crate::actors::batch::Batch;
use crate::actors::journal::IsSettled;
use crate::actors::meter;
use crate::actors::world::Asleep;
use crate::failpoint::fail_point;
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

    /// Stores what is late. Returns what is told when that is done; `None` if nothing was late.
    fn save_late(&mut self) -> Option<oneshot::Receiver<()>> {
        let changes = self.room.contents.take_late();
        if changes.is_empty() {
            return None;
        }
        let mut batch = Batch::begin(None, self.services.now_ms());
        batch.change(self.key());
        batch.changes = changes;
        Some(self.services.commit_watched(batch))
    }

    /// Sees to it that what is late is stored in time.
    pub(super) fn mind_late(&mut self, ctx: &mut Context<Self>) {
        if !self.room.contents.has_late() {
            return;
        }
        if self.room.contents.is_exact() {
            // A walk that came back has made it late again.
            self.save_late();
        } else if !std::mem::replace(&mut self.is_minding, true) {
            let most = Duration::from_secs(self.services.config.world.lazy_secs);
            ctx.run_later(most, |actor, ctx| {
                actor.is_minding = false;
                if actor.services.storage.is_away() {
                    return actor.mind_late(ctx);
                }
                actor.save_late();
            });
        }
    }

    /// Goes to sleep if nobody plays here and all that changed the room is stored.
    pub(super) fn rest(&mut self, ctx: &mut Context<Self>) {
        let idle = Duration::from_secs(self.services.config.world.room_idle_secs);
        if self.is_asleep || self.is_destroyed || !self.room.seats.is_empty() || self.active_at.elapsed() < idle {
            return;
        }
        // Then what is late cannot be stored, and what is stored perhaps not be read again.
        if self.services.storage.is_away() {
            return;
        }
        let asked_at = self.mails;
        let (stored, journal, key) = (self.save_late(), self.services.journal.clone(), self.key());
        let settled = async move {
            if let Some(stored) = stored {
                // If the server ends first, nobody sleeps.
                stored.await.ok()?;
            }
            journal.send(IsSettled(key)).await.ok()
        };
        ctx.spawn(settled.into_actor(self).map(move |settled, actor, ctx| {
            if settled.unwrap_or(false) && actor.mails == asked_at && actor.room.seats.is_empty() {
                actor.is_asleep = true;
                fail_point!("room.sleeps");
                tracing::debug!(room.id = %actor.room.id(), "room {} goes to sleep", actor.room.id());
                let next_due = actor.room.contents.next_due();
                mailbox::repay(&actor.services.world, Asleep { room: actor.room.id(), next_due });
                ctx.run_later(LINGER, |_, ctx| ctx.stop());
            }
        }));
    }
}

/// The server stops: what is late is stored, and nothing is late any more. Sent by the link.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Settle;

impl Handler<Settle> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: Settle, _: &mut Self::Context) {
        let _metered = meter::start(meter::Kind::Room);
        self.room.contents.be_exact();
        self.save_late();
    }
}
