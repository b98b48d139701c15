//! One session's lines: what waits, what is in flight, what is acknowledged. Pure: no clock, no socket, no runtime.
//!
//! A session's lines are numbered 1, 2, 3 … as they are sent. At most one is in flight: the next one follows when it is
//! acknowledged. The rest wait here and nowhere else, so that a server that stops or dies has at most one line of a
//! session in its hands, and this is where that one is kept until its acknowledgement arrives.
//!
//! If the *portal* dies, all texts are gone, and what is left is in [`Progress`]: how far the session was, and whether a line was in
//! flight. That line keeps its number: a client that numbers its lines sends it again, and the server, which may have run it, sees by
//! the number that it is the same.

use std::collections::VecDeque;

use crate::ids::SessionId;
use crate::wire::Line;

/// A line in flight when a server died is given up after this many deaths.
const DEATHS_UNTIL_GIVEN_UP: u8 = 2;

/// Lines that begin with one of these words hold a password.
const SECRET_WORDS: [&str; 3] = ["connect", "create", "password"];

/// How much may wait behind the line in flight.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Lines.
    pub lines: usize,
    /// Bytes of all waiting lines.
    pub bytes: usize,
}

/// What became of a line that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It waits for its turn.
    Queued,
    /// It came before, by the client's own number; it is not run again.
    Repeated,
    /// Too much waits. It is counted, for the player to be told.
    Refused,
}

/// How far a session's lines are, without their texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last acknowledged line; 0 if there is none.
    pub acked: u64,
    /// The same by the client's own number; 0 if it does not number its lines.
    pub acked_by_client: u64,
    /// The line in flight, which is the next one.
    pub flight: Option<InFlight>,
}

/// A line in flight, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    /// The client's own number for it.
    pub client: Option<u64>,
}

/// The lines of one session.
#[derive(Debug, Default)]
pub struct Lines {
    acked: u64,
    flight: Option<Flight>,
    /// Was in flight when the portal before this one died, and is not answered yet.
    lost: Option<Lost>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    received: u64,
    acked_by_client: u64,
    refused: u32,
}

#[derive(Debug)]
struct Flight {
    line: Line,
    client: Option<u64>,
    deaths: u8,
}

#[derive(Debug)]
struct Lost {
    client: Option<u64>,
    /// The first that waits stands for it: it came again, or never will.
    waits: bool,
}

#[derive(Debug)]
struct Waiting {
    line: String,
    secret: bool,
    give_up: bool,
    client: Option<u64>,
}

impl Lines {
    /// Returns the lines of a session whose portal has died.
    pub fn revived(progress: Progress) -> Self {
        Self {
            acked: progress.acked,
            acked_by_client: progress.acked_by_client,
            received: progress.acked_by_client,
            lost: progress.flight.map(|flight| Lost { client: flight.client, waits: false }),
            ..Self::default()
        }
    }

    /// Returns how far they are.
    pub fn progress(&self) -> Progress {
        let flight = self.flight.as_ref().map(|flight| flight.client);
        let flight = flight.or(self.lost.as_ref().map(|lost| lost.client));
        Progress {
            acked: self.acked,
            acked_by_client: self.acked_by_client,
            flight: flight.map(|client| InFlight { client }),
        }
    }

    /// Takes in a line; `hidden` if it was typed with echo off, `client` if the client numbers its lines.
    pub fn typed(&mut self, line: String, hidden: bool, client: Option<u64>, bounds: Bounds) -> Receipt {
        if let Some(client) = client {
            // What came before the lost line was acknowledged, or refused.
            let lost = self.lost.as_ref().and_then(|lost| lost.client).unwrap_or(0);
            if client <= self.received || client < lost {
                return Receipt::Repeated;
            }
            self.received = client;
        }
        if self.waiting.len() >= bounds.lines || self.waiting_bytes + line.len() > bounds.bytes {
            self.refused = self.refused.saturating_add(1);
            return Receipt::Refused;
        }
        self.find_lost(client);
        self.waiting_bytes += line.len();
        let secret = hidden || is_secret(&line);
        self.waiting.push_back(Waiting { line, secret, give_up: false, client });
        Receipt::Queued
    }

    /// A line comes after a portal died: it is the lost one, or that one will not come again. Then its number is given up.
    fn find_lost(&mut self, client: Option<u64>) {
        let Some(lost) = self.lost.as_mut().filter(|lost| !lost.waits) else { return };
        lost.waits = true;
        if client.is_none() || client != lost.client {
            let client = lost.client;
            self.waiting.push_back(Waiting { line: String::new(), secret: false, give_up: true, client });
        }
    }

    /// Puts the next line in flight and returns it; `None` while one is in flight or if nothing waits.
    ///
    /// `hidden` if a password is asked for now: a line that was typed ahead may be its answer.
    pub fn send(&mut self, session: SessionId, hidden: bool) -> Option<Line> {
        if self.flight.is_some() {
            return None;
        }
        let next = self.next_waiting()?;
        self.lost = None;
        let secret = next.secret || hidden;
        let line = Line { session, n: self.acked + 1, line: next.line, secret, give_up: next.give_up };
        self.flight = Some(Flight { line: line.clone(), client: next.client, deaths: 0 });
        Some(line)
    }

    fn next_waiting(&mut self) -> Option<Waiting> {
        let next = self.waiting.pop_front()?;
        self.waiting_bytes -= next.line.len();
        if self.waiting.is_empty() {
            // A paste is rare; its room is not kept for the life of the session.
            self.waiting = VecDeque::new();
        }
        Some(next)
    }

    /// Takes an acknowledgement; returns the number to tell the client, its own if it numbers its lines.
    ///
    /// `None` if line `n` was acknowledged before.
    pub fn acknowledge(&mut self, n: u64) -> Option<u64> {
        if n <= self.acked {
            return None;
        }
        self.acked = n;
        let client = match (self.flight.take_if(|flight| flight.line.n <= n), self.lost.take()) {
            (Some(flight), _) => flight.client,
            (None, Some(lost)) => {
                // It had been run. If it has come again meanwhile, that was once too often.
                if lost.waits {
                    self.next_waiting();
                }
                self.received = self.received.max(lost.client.unwrap_or(0));
                lost.client
            }
            (None, None) => None,
        };
        self.acked_by_client = client.unwrap_or(self.acked_by_client);
        Some(client.unwrap_or(n))
    }

    /// Counts a death of the server against the line in flight; the second one marks it to be given up.
    pub fn server_died(&mut self) {
        if let Some(flight) = &mut self.flight {
            flight.deaths = flight.deaths.saturating_add(1);
            flight.line.give_up = flight.deaths >= DEATHS_UNTIL_GIVEN_UP;
        }
    }

    /// Drops what waits; the line in flight stays until it is acknowledged.
    pub fn discard_waiting(&mut self) {
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
        if let Some(lost) = &mut self.lost {
            lost.waits = false;
        }
    }

    /// Returns the number of the last acknowledged line; 0 if there is none.
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// Returns the line in flight, marked if it is to be given up.
    pub fn in_flight(&self) -> Option<&Line> {
        self.flight.as_ref().map(|flight| &flight.line)
    }

    /// Returns how many lines wait behind the one in flight.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns true if the player waits for an answer.
    pub fn is_unanswered(&self) -> bool {
        self.flight.is_some() || !self.waiting.is_empty()
    }

    /// Returns the highest of the client's own numbers that came in; 0 if it does not number its lines.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Returns the highest of the client's own numbers that was acknowledged; 0 if there is none.
    pub fn acked_by_client(&self) -> u64 {
        self.acked_by_client
    }

    /// Returns how many lines were refused and not told yet.
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// Returns how many lines were refused since the last call.
    pub fn take_refused(&mut self) -> u32 {
        std::mem::take(&mut self.refused)
    }
}

/// Returns true if a line begins with a word that a password follows.
pub fn is_secret(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or("");
    SECRET_WORDS.iter().any(|word| first.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: SessionId = SessionId(7);
    const BOUNDS: Bounds = Bounds { lines: 3, bytes: 20 };

    fn lines(typed: &[&str]) -> Lines {
        let mut lines = Lines::default();
        for line in typed {
            assert_eq!(lines.typed((*line).into(), false, None, BOUNDS), Receipt::Queued);
        }
        lines
    }

    fn sent(lines: &mut Lines) -> Option<(u64, String)> {
        lines.send(ANN, false).map(|line| (line.n, line.line))
    }

    #[test]
    fn the_next_line_follows_the_acknowledgement_of_the_last() {
        let mut lines = lines(&["look", "north"]);
        assert_eq!(sent(&mut lines), Some((1, "look".into())));
        assert_eq!(sent(&mut lines), None);
        assert_eq!(lines.acknowledge(1), Some(1));
        assert_eq!(sent(&mut lines), Some((2, "north".into())));
        assert_eq!(lines.acknowledge(2), Some(2));
        assert_eq!(sent(&mut lines), None);
        assert!(!lines.is_unanswered());
    }

    #[test]
    fn an_acknowledgement_counts_once() {
        let mut lines = lines(&["look", "north"]);
        sent(&mut lines);
        assert_eq!(lines.acknowledge(1), Some(1));
        sent(&mut lines);
        assert_eq!(lines.acknowledge(1), None);
        assert_eq!(
            lines.in_flight().map(|line| line.n),
            Some(2),
            "the line in flight is not released by an old number"
        );
    }

    #[test]
    fn too_many_lines_are_refused_and_counted() {
        let mut lines = lines(&["a", "b", "c"]);
        assert_eq!(lines.typed("d".into(), false, None, BOUNDS), Receipt::Refused);
        assert_eq!(lines.typed("e".into(), false, None, BOUNDS), Receipt::Refused);
        assert_eq!(lines.take_refused(), 2);
        assert_eq!(lines.take_refused(), 0);
        sent(&mut lines);
        assert_eq!(lines.typed("f".into(), false, None, BOUNDS), Receipt::Queued, "one left the queue");
    }

    #[test]
    fn too_many_bytes_are_refused() {
        let mut lines = lines(&["twelve bytes"]);
        assert_eq!(lines.typed("nine more".into(), false, None, BOUNDS), Receipt::Refused);
        assert_eq!(lines.typed("a bit".into(), false, None, BOUNDS), Receipt::Queued);
    }

    #[test]
    fn lines_with_passwords_are_secret() {
        fn check(line: &str, expected: bool) {
            assert_eq!(is_secret(line), expected, "{line}");
        }
        check("connect ann hunter22", true);
        check("  CREATE \"Ann Lee\" hunter22", true);
        check("Password old = new", true);
        check("connection lost?", false);
        check("say password", false);
        check("", false);
    }

    #[test]
    fn a_line_typed_with_echo_off_is_secret_whatever_it_says() {
        let mut lines = Lines::default();
        lines.typed("hunter22".into(), true, None, BOUNDS);
        assert!(lines.send(ANN, false).unwrap().secret);
    }

    #[test]
    fn a_password_typed_ahead_of_its_question_is_secret() {
        let mut lines = lines(&["ann", "hunter22"]);
        assert!(!lines.send(ANN, false).unwrap().secret);
        lines.acknowledge(1);
        assert!(lines.send(ANN, true).unwrap().secret);
    }

    #[test]
    fn a_line_that_two_servers_died_of_is_given_up() {
        let mut lines = lines(&["crash", "look"]);
        sent(&mut lines);
        lines.server_died();
        assert!(!lines.in_flight().unwrap().give_up);
        lines.server_died();
        assert!(lines.in_flight().unwrap().give_up);
        lines.acknowledge(1);
        assert!(!lines.send(ANN, false).unwrap().give_up, "only the line that was in flight is suspect");
    }

    #[test]
    fn deaths_are_not_held_against_a_line_that_waited() {
        let mut lines = lines(&["look"]);
        lines.server_died();
        lines.server_died();
        assert!(!lines.send(ANN, false).unwrap().give_up);
    }

    #[test]
    fn a_line_sent_again_by_a_client_that_numbers_them_is_taken_once() {
        let mut lines = Lines::default();
        assert_eq!(lines.typed("look".into(), false, Some(1), BOUNDS), Receipt::Queued);
        assert_eq!(lines.typed("north".into(), false, Some(2), BOUNDS), Receipt::Queued);
        assert_eq!(lines.typed("north".into(), false, Some(2), BOUNDS), Receipt::Repeated);
        assert_eq!(lines.typed("look".into(), false, Some(1), BOUNDS), Receipt::Repeated);
        assert_eq!((lines.waiting(), lines.received()), (2, 2));
    }

    #[test]
    fn a_client_hears_its_own_numbers() {
        let mut lines = Lines::default();
        lines.typed("look".into(), false, Some(10), BOUNDS);
        lines.typed("north".into(), false, Some(20), BOUNDS);
        sent(&mut lines);
        assert_eq!(lines.acknowledge(1), Some(10));
        assert_eq!(sent(&mut lines), Some((2, "north".into())));
        assert_eq!(lines.acknowledge(2), Some(20));
        assert_eq!(lines.acked_by_client(), 20);
    }

    /// Lines of a client that numbers them by tens: one acknowledged, one in flight when the portal died.
    fn revived() -> Lines {
        let mut lines = Lines::default();
        lines.typed("look".into(), false, Some(10), BOUNDS);
        lines.typed("north".into(), false, Some(20), BOUNDS);
        sent(&mut lines);
        lines.acknowledge(1);
        sent(&mut lines);
        lines.typed("dance".into(), false, Some(30), BOUNDS);
        let progress = lines.progress();
        let flight = Some(InFlight { client: Some(20) });
        assert_eq!(progress, Progress { acked: 1, acked_by_client: 10, flight });
        let revived = Lines::revived(progress);
        assert_eq!((revived.received(), revived.in_flight(), revived.progress()), (10, None, progress));
        revived
    }

    fn types(lines: &mut Lines, client: Option<u64>, line: &str) -> Receipt {
        lines.typed(line.into(), false, client, BOUNDS)
    }

    #[test]
    fn a_line_that_was_in_flight_when_the_portal_died_keeps_its_number() {
        let mut lines = revived();
        assert_eq!(types(&mut lines, Some(10), "look"), Receipt::Repeated);
        assert_eq!(types(&mut lines, Some(15), "refused once"), Receipt::Repeated);
        assert_eq!(types(&mut lines, Some(20), "north"), Receipt::Queued);
        assert_eq!(types(&mut lines, Some(30), "dance"), Receipt::Queued);
        assert_eq!(sent(&mut lines), Some((2, "north".into())));
        assert_eq!(lines.acknowledge(2), Some(20));
        assert_eq!(sent(&mut lines), Some((3, "dance".into())));
    }

    #[test]
    fn a_line_that_was_run_when_the_portal_died_is_not_run_again() {
        let mut lines = revived();
        assert_eq!(lines.acknowledge(2), Some(20));
        assert_eq!((lines.received(), lines.acked_by_client(), lines.progress().flight), (20, 20, None));
        assert_eq!(types(&mut lines, Some(20), "north"), Receipt::Repeated);
        assert_eq!(types(&mut lines, Some(30), "dance"), Receipt::Queued);
        assert_eq!(sent(&mut lines), Some((3, "dance".into())));
    }

    #[test]
    fn a_line_that_was_run_and_came_again_while_no_server_was_there_is_not_run_again() {
        let mut lines = revived();
        types(&mut lines, Some(20), "north");
        types(&mut lines, Some(30), "dance");
        assert_eq!(lines.acknowledge(2), Some(20));
        assert_eq!(sent(&mut lines), Some((3, "dance".into())));
    }

    #[test]
    fn a_lost_line_that_never_comes_again_is_given_up_and_the_next_one_is_not_taken_for_it() {
        let mut lines = revived();
        types(&mut lines, Some(30), "dance");
        let given_up = lines.send(ANN, false).unwrap();
        assert_eq!((given_up.n, given_up.give_up, &given_up.line[..]), (2, true, ""));
        assert_eq!(lines.acknowledge(2), Some(20));
        let next = lines.send(ANN, false).unwrap();
        assert_eq!((next.n, next.give_up, &next.line[..]), (3, false, "dance"));
        assert_eq!(lines.acknowledge(3), Some(30));
    }

    #[test]
    fn a_lost_line_without_a_number_is_given_up() {
        let mut lines =
            Lines::revived(Progress { acked: 4, acked_by_client: 0, flight: Some(InFlight { client: None }) });
        types(&mut lines, Some(1), "look");
        assert!(lines.send(ANN, false).unwrap().give_up);
        assert_eq!(lines.acknowledge(5), Some(5));
        assert_eq!(sent(&mut lines), Some((6, "look".into())));
    }

    #[test]
    fn a_portal_that_dies_again_still_knows_of_the_line() {
        let mut lines = revived();
        types(&mut lines, Some(20), "north");
        let progress = lines.progress();
        assert_eq!(progress.flight, Some(InFlight { client: Some(20) }));
        lines.send(ANN, false);
        assert_eq!(lines.progress(), progress);
    }

    #[test]
    fn discarding_keeps_the_line_in_flight() {
        let mut lines = lines(&["quit", "look", "north"]);
        sent(&mut lines);
        lines.discard_waiting();
        assert_eq!(lines.waiting(), 0);
        assert_eq!(lines.in_flight().map(|line| line.n), Some(1));
        assert_eq!(lines.acknowledge(1), Some(1));
        assert_eq!(sent(&mut lines), None);
    }
}
