//! Who drives a character here: another session, nobody any more because the link is lost, nobody because it leaves the world.

use super::{Mail, RoomActor};
use crate::actors::accounts::{Left, Reenter, Seated};
use crate::actors::batch::Batch;
use crate::actors::session::Playing;
use crate::failpoint::fail_point;
use crate::ids::{AccountId, EntityId, SessionId};
use crate::wire::Item;
use crate::world::caller::Seat;
use crate::world::effects::Manner;
use crate::world::failure::contain;
use crate::world::room::{Performed, departure};
use crate::{mailbox, text};

impl RoomActor {
    pub(super) fn reseat(&mut self, mut batch: Batch, who: EntityId, seat: Seat, instead: SessionId) {
        if !self.room.has(who) {
            let mail = Mail::Reseat { batch, who, seat, instead };
            // It has just left the world: in a moment the account is free.
            if let Some(Mail::Reseat { batch, seat, .. }) = self.forward(who, mail) {
                let again = Reenter { batch, session: seat.session, account: seat.caller.account, attempts: 0 };
                mailbox::repay(&self.services.accounts, again);
            }
            return;
        }
        batch.change(self.key());
        let was_live = self.room.seats.is_driven_by(who, instead);
        if was_live {
            batch.tell(instead, text!("Your character has been taken over by another connection."));
            batch.items.push(Item::Close { to: instead, reason: "taken over".into() });
        }
        let missed = self.room.seats.of(who).map_or(0, |occupancy| occupancy.missed.len());
        self.room.sit(who, seat.clone(), Some(instead));
        // What is shown is stored.
        batch.changes.extend(self.room.contents.take_late());
        batch.items.extend(self.room.shown_to(who, &seat, self.moment(&batch)));
        if missed > 0 {
            let recall = text!("You missed {} things that were said. Type |lcrecall|ltrecall|le to read them.", missed);
            batch.tell(seat.session, recall);
        }
        let account = seat.caller.account;
        mailbox::repay(&self.services.accounts, Seated { account, session: seat.session });
        let playing = Playing { caller: seat.caller.clone(), puppet: who, room: self.room.id() };
        self.services.to_session(seat.session, playing);
        fail_point!("room.reseated");
        self.services.commit(batch);
    }

    pub(super) fn unseat(&mut self, mut batch: Batch, who: EntityId, session: SessionId) {
        if !self.room.has(who) {
            if let Some(Mail::Unseat { batch, .. }) = self.forward(who, Mail::Unseat { batch, who, session }) {
                self.services.commit(batch);
            }
            return;
        }
        batch.meet(self.key());
        if self.room.contents.entity(who).is_some_and(|entity| entity.transient) {
            self.room.take(who);
            return self.services.commit(batch);
        }
        // After a restart the character has no seat yet: it is played all the same, and keeps what it misses.
        if self.room.seats.of(who).is_none() {
            self.room.seats.put(who, Default::default());
        } else if self.room.seats.is_driven_by(who, session) {
            self.room.seats.unseat(who, session);
            let name = self.room.contents.entity(who).map(|entity| entity.key.clone()).unwrap_or_default();
            let told = self.room.perform(self.moment(&batch), |cx| {
                cx.tell_others(who, text!("{} stares into space.", name));
                Ok(())
            });
            if let Performed::Done(changes, effects, _) = told {
                self.record(&mut batch, changes, effects.items);
            }
        }
        batch.change(self.key());
        self.services.commit(batch);
    }

    pub(super) fn leave(&mut self, mut batch: Batch, who: EntityId, account: AccountId, session: SessionId) {
        let Some(mut occupant) = self.room.take(who) else {
            let mail = Mail::Leave { batch, who, account, session };
            if let Some(Mail::Leave { batch, .. }) = self.forward(who, mail) {
                mailbox::repay(&self.services.accounts, Left { batch, account, session });
            }
            return;
        };
        batch.change(self.key());
        if let Some(character) = occupant.entities.first_mut() {
            let before = character.clone();
            character.location = None;
            character.left_from = Some(self.room.id());
            character.version += 1;
            if let Err(failure) = contain(|| character.changes_since(Some(&before), &mut batch.changes)) {
                self.report("its state", &failure);
            }
            let text = departure(&character.key, &Manner::Login);
            let mut departed = self.room.departed(self.moment(&batch), Some(who), text.clone());
            if let Performed::Panicked(failure) = &departed {
                // Whoever wants to leave the world is not kept in it by a room that fails.
                self.complain(&mut batch, "on_leave", failure);
                departed = self.room.departed(self.moment(&batch), None, text);
            }
            if let Performed::Done(changes, effects, _) = departed {
                self.perform_effects(&mut batch, changes, effects);
            }
        }
        self.services.opened(&batch, self.key());
        fail_point!("room.left");
        mailbox::repay(&self.services.accounts, Left { batch, account, session });
    }
}
