//! The book of all sessions as the server must see them, and which of its groups are new. Pure.
//!
//! After a restart of the server this book is all there is of what was typed and not yet answered: [`Book::hello`] tells
//! it to the new server, and [`Book::is_new`] keeps what the old one already showed from being shown twice.

use rustc_hash::FxHashMap;

use super::lines::Lines;
use crate::ids::SessionId;
use crate::wire::{Facts, LiveSession, Origin, PortalHello, WIRE_VERSION};

/// Every session that is live or resumable, and how far the servers got.
#[derive(Debug, Default)]
pub struct Book {
    epoch: u64,
    applied: u64,
    entries: FxHashMap<SessionId, Entry>,
}

/// What a hello says of one session.
#[derive(Debug)]
pub struct Entry {
    /// Its lines.
    pub lines: Lines,
    /// What the server wants back at the next hello.
    pub note: Vec<u8>,
    /// What is known of its other end.
    pub facts: Facts,
    /// A password is asked for: what is typed is hidden.
    pub hidden: bool,
}

impl Book {
    /// Adds a session.
    pub fn open(&mut self, session: SessionId, facts: Facts) {
        self.entries.insert(session, Entry { lines: Lines::default(), note: Vec::new(), facts, hidden: false });
    }

    /// Adds a session that a portal before this one had.
    pub fn revive(&mut self, session: SessionId, entry: Entry) {
        self.entries.insert(session, entry);
    }

    /// Goes on where a portal before this one stopped: all groups up to this flush are applied.
    pub fn go_on_after(&mut self, applied: u64) {
        self.applied = applied;
    }

    /// Removes a session; false if there was none.
    pub fn close(&mut self, session: SessionId) -> bool {
        self.entries.remove(&session).is_some()
    }

    /// Returns a session's entry.
    pub fn entry(&mut self, session: SessionId) -> Option<&mut Entry> {
        self.entries.get_mut(&session)
    }

    /// Returns a session's entry, to look at.
    pub fn get(&self, session: SessionId) -> Option<&Entry> {
        self.entries.get(&session)
    }

    /// Returns all sessions' entries, in no order.
    pub fn entries(&mut self) -> impl Iterator<Item = (SessionId, &mut Entry)> {
        self.entries.iter_mut().map(|(session, entry)| (*session, entry))
    }

    /// Returns how many sessions there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if there is no session.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns what the portal says first to a server.
    pub fn hello(&self) -> PortalHello {
        let mut sessions: Vec<LiveSession> = self
            .entries
            .iter()
            .map(|(session, entry)| LiveSession {
                session: *session,
                note: entry.note.clone(),
                facts: entry.facts.clone(),
                acked: entry.lines.acked(),
                line: entry.lines.in_flight().cloned(),
            })
            .collect();
        sessions.sort_by_key(|live| live.session);
        PortalHello { version: WIRE_VERSION, epoch: self.epoch, applied: self.applied, sessions, safe: false }
    }

    /// Returns true if a server of this epoch is obeyed, and remembers the epoch; older ones are not.
    pub fn obeys(&mut self, epoch: u64) -> bool {
        let obeyed = epoch >= self.epoch;
        self.epoch = self.epoch.max(epoch);
        obeyed
    }

    /// Returns true if a group was not applied before.
    ///
    /// What a line caused is new if the line is not acknowledged; anything else that was stored, if its flush is above
    /// the last applied. The same goes for a line whose session is gone: others still hear what it said. What was never
    /// stored is never sent twice.
    pub fn is_new(&self, flush: Option<u64>, origin: Option<Origin>) -> bool {
        match origin.and_then(|origin| Some((origin.n, self.entries.get(&origin.session)?))) {
            Some((n, entry)) => n > entry.lines.acked(),
            None => flush.is_none_or(|flush| flush > self.applied),
        }
    }

    /// Remembers that all groups up to this flush are applied.
    pub fn apply(&mut self, flush: u64) {
        self.applied = self.applied.max(flush);
    }

    /// Returns the last flush that was applied; 0 if there was none.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Returns the epoch of the server that is obeyed; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Counts a death of the server against every line in flight.
    pub fn server_died(&mut self) {
        for entry in self.entries.values_mut() {
            entry.lines.server_died();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Bounds;
    use super::*;

    const ANN: SessionId = SessionId(1);
    const BOB: SessionId = SessionId(2);

    /// Ann has one line acknowledged and one in flight; flush 10 is the last applied.
    fn book() -> Book {
        let mut book = Book::default();
        book.open(ANN, Facts::default());
        let lines = &mut book.entry(ANN).unwrap().lines;
        for line in ["look", "north"] {
            lines.typed(line.into(), false, None, Bounds { lines: 9, bytes: 99 });
        }
        lines.send(ANN, false);
        lines.acknowledge(1);
        lines.send(ANN, false);
        book.apply(10);
        book
    }

    fn check(flush: Option<u64>, origin: Option<(SessionId, u64)>, expected: bool) {
        let origin = origin.map(|(session, n)| Origin { session, n });
        assert_eq!(book().is_new(flush, origin), expected, "flush {flush:?}, origin {origin:?}");
    }

    #[test]
    fn what_a_line_caused_is_new_until_the_line_is_acknowledged() {
        check(None, Some((ANN, 1)), false);
        check(None, Some((ANN, 2)), true);
        check(Some(11), Some((ANN, 1)), false);
        check(Some(11), Some((ANN, 2)), true);
    }

    #[test]
    fn what_no_line_caused_is_new_above_the_last_applied_flush() {
        check(Some(10), None, false);
        check(Some(11), None, true);
        check(None, None, true);
    }

    #[test]
    fn what_a_session_said_before_it_left_is_heard_once() {
        check(Some(11), Some((BOB, 5)), true);
        check(Some(10), Some((BOB, 5)), false);
        check(None, Some((BOB, 5)), true);
    }

    #[test]
    fn a_hello_names_what_is_unanswered() {
        let mut book = book();
        book.obeys(3);
        book.entry(ANN).unwrap().note = vec![1, 2];
        let hello = book.hello();
        assert_eq!((hello.epoch, hello.applied), (3, 10));
        let [ann] = &hello.sessions[..] else { panic!("one session") };
        assert_eq!((ann.session, ann.acked, &ann.note[..]), (ANN, 1, &[1, 2][..]));
        assert_eq!(ann.line.as_ref().map(|line| (line.n, line.line.as_str())), Some((2, "north")));
    }

    #[test]
    fn a_server_of_an_older_epoch_is_not_obeyed() {
        let mut book = Book::default();
        assert!(book.obeys(4));
        assert!(book.obeys(4));
        assert!(!book.obeys(3));
        assert!(book.obeys(5));
        assert_eq!(book.epoch(), 5);
    }
}
