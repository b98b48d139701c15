//! What survives the portal: all that concerns resumable sessions is recorded before anything of it leaves the process.

use rustc_hash::FxHashMap;
use tracing::warn;

use super::Switchboard;
use super::seat::Seat;
use crate::ids::SessionId;
use crate::portal::book::Book;
use crate::portal::ring_file::{Revived, RingFile, SessionState};

impl Switchboard {
    /// Goes on with the sessions of a portal that has died, and records what happens to them and to others in this file.
    #[must_use]
    pub fn reviving(mut self, ring_file: RingFile, revived: Revived) -> Self {
        self.ring_file = ring_file;
        self.revived_epoch = revived.epoch;
        self.book.go_on_after(revived.applied);
        for (session, revived) in revived.sessions {
            let (entry, key, replay, delivered) = revived.into_parts();
            self.tokens.insert(key, session);
            self.book.revive(session, entry);
            self.seats.insert(session, Seat::revived(key, replay, delivered));
        }
        self
    }

    /// The first server is ready: if it has another database than the last one had, no session of that one goes on here.
    pub(super) fn check_revived(&mut self, epoch: u64) {
        let last = std::mem::take(&mut self.revived_epoch);
        if last < epoch {
            return;
        }
        warn!("the database is not the one that the portal before knew: its sessions end");
        self.book.go_on_after(0);
        let strangers: Vec<SessionId> =
            self.seats.keys().copied().filter(|session| session.start() != self.start).collect();
        for session in strangers {
            self.end_session(session);
        }
    }

    fn is_kept(&self, session: SessionId) -> bool {
        self.seats.get(&session).is_some_and(|seat| seat.resume.is_some())
    }

    /// Takes note of a session that was opened, and has it written: its token may be given out then.
    pub(super) fn note_opened(&mut self, session: SessionId) {
        if let Some(state) = state(&self.seats, &self.book, session) {
            self.ring_file.session(&state);
            self.note_applied();
            self.record();
        }
    }

    /// Takes note of the line that a session has in flight.
    pub(super) fn note_sent(&mut self, session: SessionId) {
        if self.is_kept(session)
            && let Some(entry) = self.book.get(session)
        {
            let flight = entry.lines.progress().flight;
            self.ring_file.sent(session, flight.and_then(|flight| flight.client));
        }
    }

    /// Takes note that a session's line is acknowledged.
    pub(super) fn note_acked(&mut self, session: SessionId, n: u64) {
        if self.is_kept(session) {
            self.ring_file.acked(session, n);
        }
    }

    /// Takes note of how far the server's groups are applied, if there is anybody whom that concerns.
    pub(super) fn note_applied(&mut self) {
        if !self.tokens.is_empty() {
            self.ring_file.applied(self.book.epoch(), self.book.applied());
        }
    }

    /// Takes note of what the server wants back of a session.
    pub(super) fn note_note(&mut self, session: SessionId, note: &[u8]) {
        if self.is_kept(session) {
            self.ring_file.note(session, note);
        }
    }

    /// Writes what was noted, and carries over some sessions from an older file. What follows from it may leave the process then.
    pub(super) fn record(&mut self) {
        self.ring_file.write();
        while let Some(session) = self.ring_file.next_to_carry() {
            if let Some(state) = state(&self.seats, &self.book, session) {
                self.ring_file.carried(&state);
            }
        }
    }

    /// Once a second: begins the next file if this one has grown.
    pub(super) fn turn_over_ring_file(&mut self) {
        let kept = self.seats.iter().filter_map(|(session, seat)| {
            let resume = seat.resume.as_ref()?;
            Some((*session, resume.replay.ring.bytes()))
        });
        self.ring_file.turn_over(kept);
        self.record();
    }
}

/// Returns all that is saved of a session; `None` if it ends with its socket.
fn state<'a>(seats: &'a FxHashMap<SessionId, Seat>, book: &'a Book, session: SessionId) -> Option<SessionState<'a>> {
    let (seat, entry) = (seats.get(&session)?, book.get(session)?);
    let resume = seat.resume.as_ref()?;
    Some(SessionState {
        session,
        key: &resume.key,
        facts: &entry.facts,
        note: &entry.note,
        progress: entry.lines.progress(),
        replay: &resume.replay,
        delivered: seat.delivered(),
    })
}
