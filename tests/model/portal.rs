//! The portal: lines that wait or are in flight, what was acknowledged and applied, and what its screens showed.

use super::fault::Fault;
use super::server::{Frame, Given, Hello};
use super::world::{CAUSES, Cause, Group, Log, Outcome, Text, typed_by};

/// How far the server behind the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// None is ready: lines wait.
    Away,
    /// Lines are sent.
    Ready,
    /// It was asked to stop: no line is sent.
    Stopping,
}

/// A session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Seat {
    /// The last line acknowledged, by its number.
    pub acked: u8,
    /// The same, by the page's number for it.
    pub acked_k: u8,
    /// In flight: one, unless that is the fault.
    pub flight: Vec<Given>,
    /// The last line that arrived, by the page's number.
    pub received: u8,
    /// By the page's number: the line that went to a server and is not acknowledged, as the file has it. A portal that
    /// has just been started knows no more of it than that.
    pub recorded: Option<u8>,
    /// The page is connected.
    pub connected: bool,
    /// The ring: what was shown and is not delivered yet, frame by frame.
    pub ring: Vec<Vec<(Cause, Text)>>,
}

/// The portal, all of which its file keeps except what `forget` drops.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Portal {
    /// Its server.
    pub link: Link,
    /// The last flush applied.
    pub applied: u8,
    /// The two sessions.
    pub seats: [Seat; 2],
}

impl Portal {
    /// Returns a portal whose players have typed all that they will.
    pub fn new(typed: [u8; 2]) -> Self {
        let seats = typed.map(|received| Seat { received, connected: true, ..Seat::default() });
        Self { link: Link::Away, applied: 0, seats }
    }

    /// Rule 14: returns what a server is told first.
    pub fn hello(&self) -> Hello {
        let sessions = [0, 1].map(|who| (self.seats[who].acked, self.seats[who].flight.clone()));
        Hello { applied: self.applied, sessions }
    }

    /// Applies a frame. Returns the lines that it releases.
    pub fn apply(&mut self, frame: Frame, fault: Option<Fault>) -> [Vec<Given>; 2] {
        match frame {
            Frame::Ready => {
                self.link = Link::Ready;
                [self.send(0, fault), self.send(1, fault)]
            }
            Frame::Groups(sent) => {
                let mut released = [Vec::new(), Vec::new()];
                self.seats.iter_mut().for_each(|seat| seat.ring.push(Vec::new()));
                for group in sent.groups {
                    if self.is_new(sent.flush, &group) || fault == Some(Fault::AppliedAgain) {
                        self.apply_group(group, fault, &mut released);
                    }
                }
                self.seats.iter_mut().for_each(|seat| seat.ring.retain(|frame| !frame.is_empty()));
                self.applied = self.applied.max(sent.flush.unwrap_or(0));
                released
            }
        }
    }

    /// Rule 12: what a line caused is new until the line is acknowledged, anything else above the last flush applied.
    fn is_new(&self, flush: Option<u8>, group: &Group) -> bool {
        match group.origin {
            Some((who, n)) => n > self.seats[who].acked,
            None => flush.is_none_or(|flush| flush > self.applied),
        }
    }

    /// Rule 12: a group is applied whole.
    fn apply_group(&mut self, group: Group, fault: Option<Fault>, released: &mut [Vec<Given>; 2]) {
        for text in group.texts {
            for who in (0..2).filter(|who| text.to & 1 << who != 0) {
                if let Some(frame) = self.seats[who].ring.last_mut() {
                    frame.push((group.cause, text));
                }
            }
        }
        if let Some((who, n)) = group.origin {
            self.seats[who].acknowledge(n);
            released[who].extend(self.send(who, fault));
        }
    }

    /// Rule 3: sends a session's next line if none is in flight.
    pub fn send(&mut self, who: usize, fault: Option<Fault>) -> Vec<Given> {
        let mut sent = Vec::new();
        let seat = &mut self.seats[who];
        while self.link == Link::Ready && (seat.flight.is_empty() || fault == Some(Fault::NoWindow)) {
            let last = seat.flight.last().copied().unwrap_or(Given { n: seat.acked, k: seat.acked_k });
            if last.k >= seat.received {
                break;
            }
            let line = Given { n: last.n + 1, k: last.k + 1 };
            seat.flight.push(line);
            seat.recorded.get_or_insert(line.k);
            sent.push(line);
        }
        sent
    }

    /// What is left of the portal when its process dies: what its file says.
    pub fn forget(&mut self, fault: Option<Fault>) {
        self.link = Link::Away;
        for seat in &mut self.seats {
            if fault == Some(Fault::FlightNotRecorded) {
                seat.recorded = None;
            }
            seat.flight.clear();
            seat.received = seat.acked_k;
            seat.connected = false;
        }
    }
}

impl Seat {
    fn acknowledge(&mut self, n: u8) {
        if n <= self.acked {
            return;
        }
        self.acked = n;
        let recorded = self.recorded.take();
        match self.flight.iter().position(|line| line.n == n) {
            Some(at) => {
                self.acked_k = self.flight[at].k;
                self.flight.drain(..=at);
            }
            // The page has not sent it again; if it does, it has come before.
            None => self.acked_k = recorded.unwrap_or(self.acked_k),
        }
        self.received = self.received.max(self.acked_k);
    }

    /// The page is back: it sends again what is not acknowledged.
    pub fn resume(&mut self, typed: u8) {
        self.connected = true;
        self.received = self.received.max(typed);
    }
}

/// What the players have seen. It watches for what must never be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Screens {
    /// By cause: who has seen something of it; bit 0 Ann, bit 1 Bob.
    pub seen: [u8; CAUSES],
    /// By cause: who should.
    pub meant: [u8; CAUSES],
    /// By cause: how it ended, as its own person saw it.
    pub outcome: [Option<Outcome>; CAUSES],
    /// By person and room: the longest log they have seen.
    pub known: [[Log; 2]; 2],
    /// Something was shown twice to somebody.
    pub twice: bool,
    /// Something of a person was shown before something they did earlier, or an older room after a newer one.
    pub disordered: bool,
}

impl Screens {
    /// Shows one who should see them the texts of a frame.
    pub fn show(&mut self, who: usize, frame: &[(Cause, Text)], is_walk: impl Fn(Cause) -> bool) {
        for (cause, text) in frame {
            self.show_text(who, *cause, text);
            let known = &mut self.known[who][text.room];
            if known.is_beginning_of(text.log) {
                *known = text.log;
                continue;
            }
            // Two who change places have each seen the other leave: one of them has to be shown first.
            let newer = known.backwards().take_while(|newer| text.log.count(*newer) == 0);
            let mut both_walk = newer.map(|newer| is_walk(newer) && frame.iter().any(|(cause, _)| *cause == newer));
            self.disordered |= !(text.log.is_beginning_of(*known) && is_walk(*cause) && both_walk.all(|both| both));
        }
    }

    fn show_text(&mut self, who: usize, cause: Cause, text: &Text) {
        let at = cause as usize;
        self.twice |= self.seen[at] & 1 << who != 0;
        self.seen[at] |= 1 << who;
        self.meant[at] |= text.to;
        if let Some((by, k)) = typed_by(cause) {
            let mut later =
                (0..CAUSES).filter(|other| typed_by(*other as Cause).is_some_and(|(w, l)| w == by && l > k));
            self.disordered |= later.any(|other| self.seen[other] & 1 << who != 0);
            if by == who {
                self.outcome[at] = Some(text.outcome);
            }
        }
    }
}
