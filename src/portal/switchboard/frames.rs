//! What comes from the server: groups are applied whole and once, and each connection gets one message for all of it.

use std::sync::Arc;

use tracing::{debug, info, warn};

use super::{Link, ServerFact, Switchboard};
use crate::failpoint::fail_point;
use crate::ids::SessionId;
use crate::mailbox::repay_to;
use crate::portal::door::{Deliver, Delivery, Event, Output};
use crate::wire::{Frame, Group, Item, Origin, ToPortal, ToServer};

/// Longest note kept for the server, in bytes.
const NOTE_BYTES: usize = 1024;

/// What the portal does when all that was read is applied and delivered.
#[derive(Debug, Default)]
struct Effects {
    /// Who asks for a reload: the session whose command did, none for a page.
    reloads: Vec<Option<SessionId>>,
    shutdown: bool,
    /// A stored frame came, be it for the second time.
    confirm: bool,
}

impl Switchboard {
    /// Applies all frames of one read, then delivers and confirms.
    pub(super) fn take_frames(&mut self, frames: Vec<ToPortal>) {
        let mut effects = Effects::default();
        for frame in frames {
            match frame {
                ToPortal::Frame(frame) => self.apply_frame(frame, &mut effects),
                ToPortal::Pong { tick, storage_away } => self.watchdog.pong(tick, storage_away),
                ToPortal::Ready { epoch } => self.server_ready(epoch),
                ToPortal::Answer { id, json } => {
                    if let Some(ask) = self.asks.remove(&id) {
                        // Who asked may have gone; then nobody misses the answer.
                        let _ = ask.send(json);
                    }
                }
                // Said to its supervisor, before it was introduced.
                ToPortal::Hello(_) | ToPortal::Prepared => {}
            }
        }
        fail_point!("portal.applied");
        if effects.confirm {
            self.note_applied();
        }
        self.deliver();
        fail_point!("portal.delivered");
        if effects.confirm {
            self.tell_server(&ToServer::Applied { flush: self.book.applied() });
            fail_point!("portal.confirmed");
        }
        if effects.shutdown {
            self.tell_supervisor(ServerFact::ShutdownAsked);
            return;
        }
        for by in effects.reloads {
            self.tell_supervisor(ServerFact::ReloadAsked { by });
        }
    }

    fn apply_frame(&mut self, frame: Frame, effects: &mut Effects) {
        if !self.book.obeys(frame.epoch) {
            debug!(epoch = frame.epoch, "passed over a frame of an older server");
            return;
        }
        for group in frame.groups {
            if self.book.is_new(frame.flush, group.origin) {
                self.apply_group(group, effects);
                fail_point!("portal.group");
            }
        }
        if let Some(flush) = frame.flush {
            self.book.apply(flush);
            effects.confirm = true;
        }
    }

    fn apply_group(&mut self, group: Group, effects: &mut Effects) {
        for item in group.items {
            self.apply_item(group.origin, item, effects);
        }
        let Some(origin) = group.origin else { return };
        let Some(entry) = self.book.entry(origin.session) else { return };
        if let Some(n) = entry.lines.acknowledge(origin.n) {
            self.note_acked(origin.session, origin.n);
            self.push(origin.session, Delivery::Ack { n });
            self.send_next_line(origin.session);
        }
    }

    fn apply_item(&mut self, origin: Option<Origin>, item: Item, effects: &mut Effects) {
        match item {
            Item::Text { to, text } => {
                self.tell(&to, &Arc::new(Output::new(text)));
            }
            Item::Event { to, name, data } => self.push_event(&to, Event { name, data }),
            Item::Prompt { to, text } => self.push(to, Delivery::Prompt(text.into())),
            Item::Secret { to, on } => {
                if let Some(entry) = self.book.entry(to) {
                    entry.hidden = on;
                }
                self.push(to, Delivery::Secret(on));
            }
            Item::Setting { to, name, value } => {
                self.push(to, Delivery::Setting { name: name.into(), value: value.into() });
            }
            Item::Note { to, note } if note.len() > NOTE_BYTES => {
                warn!(session.id = %to, "a note of {} bytes is too long to keep", note.len());
            }
            Item::Note { to, note } => {
                self.note_note(to, &note);
                if let Some(entry) = self.book.entry(to) {
                    entry.note = note;
                }
            }
            Item::Close { to, reason } => {
                info!(session.id = %to, "session {to} is closed by the world: {reason}");
                if let Some(entry) = self.book.entry(to) {
                    entry.lines.discard_waiting();
                }
                self.push(to, Delivery::Close(reason.into()));
            }
            Item::Reload => effects.reloads.push(origin.map(|origin| origin.session)),
            Item::Shutdown => effects.shutdown = true,
        }
    }

    /// Numbers a text for each of these sessions and puts it among the turn's deliveries.
    pub(super) fn tell(&mut self, to: &[SessionId], output: &Arc<Output>) {
        let kept = self.push_numbered(to, |n| Delivery::Text { n, output: output.clone() });
        self.ring_file.text(kept, &output.text);
    }

    fn push_event(&mut self, to: &[SessionId], event: Event) {
        let wants = |session: &SessionId| self.book.get(*session).is_some_and(|entry| entry.facts.events);
        let to: Vec<SessionId> = to.iter().copied().filter(wants).collect();
        let event = Arc::new(event);
        let kept = self.push_numbered(&to, |n| Delivery::Event { n, event: event.clone() });
        self.ring_file.event(kept, &event.name, &event.data);
    }

    /// Returns those of the sessions that are resumable.
    fn push_numbered(&mut self, to: &[SessionId], delivery: impl Fn(u64) -> Delivery) -> Vec<SessionId> {
        let mut kept = Vec::new();
        for session in to {
            let Some(seat) = self.seats.get_mut(session) else { continue };
            let n = seat.next_number();
            if seat.resume.is_some() {
                kept.push(*session);
            }
            if seat.push(delivery(n)) {
                self.touched.push(*session);
            }
        }
        kept
    }

    /// Puts a delivery without a number among those of this turn.
    pub(super) fn push(&mut self, session: SessionId, delivery: Delivery) {
        if self.seats.get(&session).is_some_and(|seat| seat.resume.is_some()) {
            self.ring_file.unnumbered(session, &delivery);
        }
        if self.seats.get_mut(&session).is_some_and(|seat| seat.push(delivery)) {
            self.touched.push(session);
        }
    }

    /// Sends what was collected, one message by connection, and lets go of sessions that were closed.
    ///
    /// A connection takes its deliveries off its mailbox at once and bounds its own buffer, so nothing piles up between.
    pub(super) fn deliver(&mut self) {
        self.record();
        let mut touched = std::mem::take(&mut self.touched);
        for session in touched.drain(..) {
            let Some(seat) = self.seats.get_mut(&session) else { continue };
            let pending = std::mem::take(&mut seat.pending);
            if let Some(door) = &seat.door {
                repay_to(door, Deliver(pending));
            }
            if seat.closing {
                self.end_session(session);
            }
        }
        self.touched = touched;
    }

    /// Tells the server facts that changed; only the last ones of each session, however often they did.
    pub(super) fn push_changed_facts(&mut self) {
        if self.facts_changed.is_empty() || self.wire.is_none() {
            return;
        }
        for session in std::mem::take(&mut self.facts_changed) {
            if let Some(seat) = self.seats.get_mut(&session) {
                seat.facts_changed = false;
            }
            let Some(facts) = self.book.entry(session).map(|entry| entry.facts.clone()) else { continue };
            self.tell_server(&ToServer::Facts { session, facts });
        }
    }

    /// True if lines are sent at once.
    pub(super) fn is_ready(&self) -> bool {
        self.link == Link::Ready
    }
}
