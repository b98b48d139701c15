//! What comes from connections: sessions open, are taken up again, type, and go.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tracing::info;

use super::seat::Seat;
use super::{QUIET_PAUSE, Switchboard};
use crate::failpoint::fail_point;
use crate::ids::SessionId;
use crate::mailbox::repay_to;
use crate::portal::door::{
    Deliver, Delivery, FactsChanged, Gone, Open, Opened, Output, Refused, Resume, Resumed, Typed,
};
use crate::portal::lines::Receipt;
use crate::portal::ring_file::token_key;
use crate::wire::{Facts, ToServer};

/// Random bytes in a resume token.
const TOKEN_BYTES: usize = 32;

impl Switchboard {
    fn admit(&self, facts: &Facts) -> Result<(), Refused> {
        if self.ended {
            return Err(Refused("The world is shutting down.".into()));
        }
        if facts.trusted {
            return Ok(());
        }
        if self.seats.len() >= self.limits.connections {
            return Err(Refused("The world is full just now. Please try again later.".into()));
        }
        let from_there = counted_address(facts).and_then(|address| self.addresses.get(&address)).copied();
        if from_there.unwrap_or(0) >= self.limits.connections_per_address {
            return Err(Refused("There are too many connections from your address.".into()));
        }
        Ok(())
    }

    fn count_address(&mut self, facts: &Facts) {
        if let Some(address) = counted_address(facts) {
            *self.addresses.entry(address).or_default() += 1;
        }
    }

    fn uncount_address(&mut self, session: SessionId) {
        let Some(address) = self.book.entry(session).and_then(|entry| counted_address(&entry.facts)) else { return };
        if let Some(count) = self.addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    /// Forgets a session and tells the server that it is gone. Its connection may still be writing.
    pub(super) fn end_session(&mut self, session: SessionId) {
        if self.seats.get(&session).is_some_and(|seat| seat.door.is_some()) {
            self.uncount_address(session);
        }
        let Some(seat) = self.seats.remove(&session) else { return };
        if let Some(resume) = seat.resume {
            self.tokens.remove(&resume.key);
            self.ring_file.ended(session);
        }
        if let Some(door) = seat.door {
            self.leaving.push(door);
        }
        self.book.close(session);
        self.tell_server(&ToServer::Closed { session });
    }

    /// A session's socket is lost: a resumable one waits, any other ends.
    fn lose_socket(&mut self, session: SessionId) {
        if self.seats.get(&session).is_none_or(|seat| seat.door.is_none()) {
            return;
        }
        if self.seats.get(&session).is_some_and(|seat| seat.resume.is_none()) {
            self.end_session(session);
            return;
        }
        self.uncount_address(session);
        if let Some(seat) = self.seats.get_mut(&session) {
            seat.door = None;
            if let Some(resume) = &mut seat.resume {
                resume.lost_at = Some(Instant::now());
            }
        }
    }

    /// Once a second: tells who was refused, ends what was not resumed, and forgets what nobody waits for.
    pub(super) fn sweep(&mut self) {
        self.tell_refusals();
        let patience = Duration::from_secs(self.limits.resume_secs);
        let mut expired = Vec::new();
        let mut dead = Vec::new();
        for (session, seat) in &self.seats {
            if seat.door.as_ref().is_some_and(|door| !door.connected()) {
                dead.push(*session);
            }
            let lost_at = seat.resume.as_ref().and_then(|resume| resume.lost_at);
            if lost_at.is_some_and(|lost_at| lost_at.elapsed() >= patience) {
                expired.push(*session);
            }
        }
        // A connection that died without a word, of a panic for instance.
        for session in dead {
            self.lose_socket(session);
        }
        for session in expired {
            info!(session.id = %session, "session {session} was not taken up again");
            self.end_session(session);
        }
        self.turn_over_ring_file();
        self.leaving.retain(Recipient::connected);
        self.asks.retain(|_, ask| !ask.is_closed());
        self.wake_wire();
    }

    fn tell_refusals(&mut self) {
        for session in std::mem::take(&mut self.refusing) {
            let Some(entry) = self.book.entry(session) else { continue };
            let count = entry.lines.take_refused();
            let lines = if count == 1 { "1 line was".into() } else { format!("{count} lines were") };
            let text = format!("{lines} not accepted: too many are waiting already.");
            self.tell(&[session], &Arc::new(Output::new(text)));
        }
        self.deliver();
    }

    /// Tells players who wait for an answer that the server is away, once, when it is away for a second.
    pub(super) fn tell_of_pause(&mut self) {
        if self.is_ready() || self.away_since.elapsed() < QUIET_PAUSE {
            return;
        }
        let mut waiting = Vec::new();
        for (session, entry) in self.book.entries() {
            if entry.lines.is_unanswered()
                && let Some(seat) = self.seats.get_mut(&session)
                && !seat.told_of_pause
            {
                seat.told_of_pause = true;
                waiting.push(session);
            }
        }
        let output = Arc::new(Output::new("The world is being restarted; your lines are kept.".into()));
        self.tell(&waiting, &output);
        self.deliver();
    }
}

/// Returns the address that limits count by; none for loopback and for what has no address.
fn counted_address(facts: &Facts) -> Option<IpAddr> {
    let address = facts.address.parse::<IpAddr>().ok()?.to_canonical();
    (!address.is_loopback()).then_some(address)
}

/// Returns 256 random bits in hex.
fn new_token() -> Option<String> {
    let mut bytes = [0; TOKEN_BYTES];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).ok()?;
    (filled == TOKEN_BYTES).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Handler<Open> for Switchboard {
    type Result = Result<Opened, Refused>;

    fn handle(&mut self, open: Open, _: &mut Context<Self>) -> Self::Result {
        self.admit(&open.facts)?;
        let token = if open.resumable { new_token() } else { None };
        self.opened += 1;
        let session = SessionId::new(self.start, self.opened);
        let key = token.as_deref().map(token_key);
        if let Some(key) = key {
            self.tokens.insert(key, session);
        }
        self.count_address(&open.facts);
        self.seats.insert(session, Seat::new(open.door, key));
        self.book.open(session, open.facts.clone());
        self.note_opened(session);
        fail_point!("portal.opened");
        self.tell_server(&ToServer::Opened { session, facts: open.facts });
        Ok(Opened { session, token: token.unwrap_or_default() })
    }
}

impl Handler<Resume> for Switchboard {
    type Result = Result<Resumed, Refused>;

    fn handle(&mut self, message: Resume, _: &mut Context<Self>) -> Self::Result {
        let refused = || Refused("That session is over.".into());
        let session = *self.tokens.get(&token_key(&message.token)).ok_or_else(refused)?;
        if self.seats.get(&session).is_some_and(|seat| seat.door.is_some()) {
            self.uncount_address(session);
        }
        self.count_address(&message.facts);
        let entry = self.book.entry(session).ok_or_else(refused)?;
        entry.facts = message.facts;
        let (received, acked) = (entry.lines.received(), entry.lines.acked_by_client());
        let seat = self.seats.get_mut(&session).ok_or_else(refused)?;
        let resume = seat.resume.as_mut().ok_or_else(refused)?;
        resume.lost_at = None;
        fail_point!("portal.resumed");
        let (replay, complete) = resume.replay.after(message.seen, acked);
        repay_to(&message.door, Deliver(replay));
        if let Some(displaced) = seat.door.replace(message.door) {
            resume.displaced += 1;
            repay_to(&displaced, Deliver(vec![Delivery::Close("taken up from another socket".into())]));
        }
        if !seat.facts_changed {
            seat.facts_changed = true;
            self.facts_changed.push(session);
        }
        Ok(Resumed { session, received, complete })
    }
}

impl Handler<Typed> for Switchboard {
    type Result = ();

    fn handle(&mut self, typed: Typed, _: &mut Context<Self>) {
        let bounds = self.bounds();
        let session = typed.session;
        if self.seats.get(&session).is_none_or(|seat| seat.closing) {
            return;
        }
        let Some(entry) = self.book.entry(session) else { return };
        fail_point!("portal.typed");
        match entry.lines.typed(typed.line, typed.secret, typed.n, bounds) {
            Receipt::Queued => self.send_next_line(session),
            Receipt::Repeated => {}
            Receipt::Refused => {
                if entry.lines.refused() == 1 {
                    self.refusing.push(session);
                }
            }
        }
    }
}

impl Handler<FactsChanged> for Switchboard {
    type Result = ();

    fn handle(&mut self, message: FactsChanged, _: &mut Context<Self>) {
        let session = message.session;
        let Some(entry) = self.book.entry(session) else { return };
        entry.facts = message.facts;
        if let Some(seat) = self.seats.get_mut(&session)
            && !std::mem::replace(&mut seat.facts_changed, true)
        {
            self.facts_changed.push(session);
        }
    }
}

impl Handler<Gone> for Switchboard {
    type Result = ();

    fn handle(&mut self, gone: Gone, _: &mut Context<Self>) {
        let session = gone.session;
        let Some(seat) = self.seats.get_mut(&session) else { return };
        if let Some(resume) = &mut seat.resume
            && resume.displaced > 0
        {
            resume.displaced -= 1;
            return;
        }
        info!(session.id = %session, "session {session} lost its socket: {}", gone.reason);
        self.lose_socket(session);
    }
}

/// Tells every player something, closes all sessions and opens no more. Sent when the portal is about to end.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Farewell {
    /// Marked up.
    pub text: String,
}

impl Handler<Farewell> for Switchboard {
    type Result = ();

    fn handle(&mut self, farewell: Farewell, _: &mut Context<Self>) {
        if !self.seats.is_empty() {
            info!("closing {} sessions", self.seats.len());
        }
        self.ended = true;
        let output = Arc::new(Output::new(farewell.text));
        let sessions: Vec<SessionId> = self.seats.keys().copied().collect();
        self.tell(&sessions, &output);
        for session in sessions {
            self.push(session, Delivery::Close("shutting down".into()));
        }
        self.deliver();
    }
}
