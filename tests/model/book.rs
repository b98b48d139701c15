//! The journal's book, as `src/actors/book.rs` keeps it: which batch may be stored when, whose output may leave.

use super::fault::Fault;
use super::world::{Batch, Cause, Changes, Group};

/// A batch that joined a flush, or waits for one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What is shown of it.
    pub group: Group,
    /// What is stored of it; nothing of one that only waited for what it has seen.
    pub stored: Option<Changes>,
}

/// One database transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flight {
    /// Its number.
    pub number: u8,
    /// In order.
    pub entries: Vec<Entry>,
    /// What the portal had applied when it was made up.
    pub confirmed: u8,
    /// The database has it; the journal has not heard of it.
    pub written: bool,
}

/// What leaves for the portal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sent {
    /// The flush that stored it.
    pub flush: Option<u8>,
    /// In order.
    pub groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Held {
    batch: Batch,
    /// Bit by cause.
    waits: u8,
}

/// The book.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Book {
    settled: u8,
    /// By room: the last flush that holds a change of it; 0 once that is stored.
    marks: [u8; 2],
    /// By cause: whether its batch is incomplete or held.
    open: [bool; 4],
    /// By room: the incomplete and held batches that have changed it, in that order.
    changers: [Vec<Cause>; 2],
    held: Vec<Held>,
    pending: Vec<Entry>,
    /// Under way; one, unless that is the fault.
    pub flights: Vec<Flight>,
}

impl Book {
    /// Returns a book that goes on after flush `settled`.
    pub fn new(settled: u8) -> Self {
        Self { settled, ..Self::default() }
    }

    /// Tells whether nothing waits and nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.pending.is_empty() && self.open == [false; 4]
    }

    /// Rule 7: an incomplete batch has changed a room and goes on to another.
    pub fn opened(&mut self, cause: Cause, room: usize) {
        self.open[cause as usize] = true;
        if !self.changers[room].contains(&cause) {
            self.changers[room].push(cause);
        }
    }

    /// Returns the open batches that a batch has seen: those that changed a room it met, before it changed that room itself.
    fn causes(&self, batch: &Batch, fault: Option<Fault>) -> u8 {
        let met = (0..2).filter(|room| batch.met & 1 << room != 0);
        let own = batch.group.cause;
        let is_last = |cause: Cause| cause == own && fault != Some(Fault::WaitsForLater);
        let before = |room: usize| self.changers[room].iter().take_while(move |cause| !is_last(**cause));
        met.flat_map(before).fold(0, |causes, cause| causes | 1 << cause) & !(1 << own)
    }

    /// Forgets that a batch is open, but for the rooms that it keeps.
    fn close(&mut self, cause: Cause, kept: u8) {
        self.open[cause as usize] = false;
        for room in (0..2).filter(|room| kept & 1 << room == 0) {
            self.changers[room].retain(|open| *open != cause);
        }
    }

    /// A batch under way was refused: what it did has not happened, for those who saw it neither.
    pub fn struck(&mut self, cause: Cause) {
        for held in &mut self.held {
            held.batch.strike(cause);
        }
    }

    /// Rules 7, 9, 10: takes in a complete batch.
    pub fn commit(&mut self, batch: Batch, confirmed: u8, fault: Option<Fault>, out: &mut Vec<Sent>) {
        let cause = batch.group.cause;
        let was_open = self.open[cause as usize];
        let waits = if fault == Some(Fault::NoWaitForOpen) { 0 } else { self.causes(&batch, fault) };
        if waits == 0 {
            self.close(cause, 0);
            self.admit(batch, fault, out);
        } else {
            self.close(cause, batch.changed);
            for room in (0..2).filter(|room| batch.changed & 1 << room != 0) {
                self.opened(cause, room);
            }
            self.open[cause as usize] = true;
            self.held.push(Held { batch, waits });
        }
        if was_open || !self.held.is_empty() {
            self.release(fault, out);
        }
        self.start_flush(confirmed, fault, out);
    }

    /// Rule 7: lets go of held batches that wait, directly or not, for no incomplete one.
    fn release(&mut self, fault: Option<Fault>, out: &mut Vec<Sent>) {
        let mut ready = self.held.iter().fold(0, |ready, held| ready | held.bit());
        let open = (0..4).filter(|at| self.open[*at]).fold(0, |open, at| open | 1 << at);
        loop {
            let stay = self.held.iter().filter(|held| held.waits & open & !ready != 0);
            let next = stay.fold(ready, |ready, held| ready & !held.bit());
            if next == ready {
                break;
            }
            ready = next;
        }
        let (go, stay): (Vec<Held>, Vec<Held>) =
            std::mem::take(&mut self.held).into_iter().partition(|held| ready & held.bit() != 0);
        self.held = stay;
        for held in &go {
            self.close(held.batch.group.cause, 0);
        }
        let go = if fault == Some(Fault::WaitsForLater) { go } else { causes_first(go) };
        for held in go {
            self.admit(held.batch, fault, out);
        }
    }

    /// Rules 7 and 10: a batch without changes leaves with what it has seen, or at once.
    fn admit(&mut self, batch: Batch, fault: Option<Fault>, out: &mut Vec<Sent>) {
        if batch.is_lasting() {
            let next = self.next_flush();
            for room in (0..2).filter(|room| batch.changed & 1 << room != 0) {
                self.marks[room] = next;
            }
            return self.pending.push(Entry { group: batch.group, stored: Some(batch.changes) });
        }
        let met = (0..2).filter(|room| batch.met & 1 << room != 0);
        let needed = met.map(|room| self.marks[room]).max().unwrap_or(0);
        let entry = Entry { group: batch.group, stored: None };
        let at_once = needed <= self.settled || fault == Some(Fault::NoWaitForFlush);
        match self.flights.iter_mut().find(|flight| needed <= flight.number) {
            _ if at_once => out.push(Sent { flush: None, groups: vec![entry.group] }),
            Some(flight) => flight.entries.push(entry),
            None => self.pending.push(entry),
        }
    }

    fn next_flush(&self) -> u8 {
        self.flights.last().map_or(self.settled, |flight| flight.number) + 1
    }

    /// Rule 9: one flush under way, the next as soon as it is back.
    fn start_flush(&mut self, confirmed: u8, fault: Option<Fault>, out: &mut Vec<Sent>) {
        let most = if fault == Some(Fault::NoCommitOrder) { 2 } else { 1 };
        if self.flights.len() >= most || self.pending.iter().all(|entry| entry.stored.is_none()) {
            return;
        }
        let number = self.next_flush();
        let entries = std::mem::take(&mut self.pending);
        if fault == Some(Fault::ShownBeforeStored) {
            out.push(Sent { flush: Some(number), groups: entries.iter().map(|entry| entry.group.clone()).collect() });
        }
        self.flights.push(Flight { number, entries, confirmed, written: false });
    }

    /// Rule 9: a flush is stored; its output leaves, the next one starts.
    pub fn flushed(&mut self, at: usize, confirmed: u8, fault: Option<Fault>, out: &mut Vec<Sent>) {
        let flight = self.flights.remove(at);
        self.settled = self.settled.max(flight.number);
        for mark in &mut self.marks {
            if *mark <= self.settled {
                *mark = 0;
            }
        }
        if fault != Some(Fault::ShownBeforeStored) {
            let groups = flight.entries.into_iter().map(|entry| entry.group).collect();
            out.push(Sent { flush: Some(flight.number), groups });
        }
        self.start_flush(confirmed, fault, out);
    }
}

impl Held {
    fn bit(&self) -> u8 {
        1 << self.batch.group.cause
    }
}

/// Rule 7: puts what waited for each other into the order of cause and effect. Those that are each other's causes stay in their order.
fn causes_first(mut held: Vec<Held>) -> Vec<Held> {
    let direct: Vec<(u8, u8)> = held.iter().map(|held| (held.bit(), held.waits)).collect();
    let all_causes = |of: u8| {
        let mut causes = of;
        for _ in 0..direct.len() {
            let more = direct.iter().filter(|(bit, _)| causes & bit != 0);
            causes = more.fold(causes, |causes, (_, waits)| causes | waits);
        }
        causes
    };
    let mut order = Vec::new();
    while !held.is_empty() {
        let left = held.iter().fold(0, |left, held| left | held.bit());
        let is_next = |one: &Held| {
            let before = held.iter().filter(|other| all_causes(one.waits) & left & other.bit() != 0);
            before.into_iter().all(|other| all_causes(other.waits) & one.bit() != 0)
        };
        let at = held.iter().position(is_next).unwrap_or(0);
        order.push(held.remove(at));
    }
    order
}
