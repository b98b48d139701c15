//! The database: what is left of everything after a crash.

use super::book::{Entry, Flight};
use super::fault::Fault;
use super::world::{Changes, Group, Log, Place, Rows};

/// What is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Database {
    /// The world.
    pub rows: Rows,
    /// By room: what was ever stored of it; bit by cause. It is no part of the protocol, but what rows are measured by.
    pub stored: [u8; 2],
    /// Something was stored twice.
    pub twice: bool,
    /// By session: the last line that is done.
    pub cursors: [u8; 2],
    /// Which server process is the one.
    pub epoch: u8,
    /// The last flush.
    pub flush: u8,
    /// What the portal has not confirmed.
    pub outbox: Vec<(u8, Vec<Group>)>,
}

impl Database {
    /// Returns a world that nothing has happened in.
    pub fn new(people: [Place; 2]) -> Self {
        let rows = Rows { people, lamp: Place::Room(0), timer: true, rooms: [Log::default(); 2] };
        Self { rows, stored: [0; 2], twice: false, cursors: [0; 2], epoch: 0, flush: 0, outbox: Vec::new() }
    }

    /// Rule 9: writes a flush as one transaction: the epoch and the gap-free number first. False if it is refused.
    pub fn write(&mut self, epoch: u8, flight: &Flight, fault: Option<Fault>) -> bool {
        if epoch != self.epoch && fault != Some(Fault::NoEpochCheck) {
            return false;
        }
        if flight.number != self.flush + 1 && fault != Some(Fault::NoCommitOrder) {
            // Without the epoch it looks as if this very flush had been in doubt and was done.
            return fault == Some(Fault::NoEpochCheck) && flight.number == self.flush;
        }
        self.flush = self.flush.max(flight.number);
        let mut rooms = [None; 2];
        for (entry, changes) in flight.entries.iter().filter_map(|entry| Some((entry, entry.stored?))) {
            self.write_batch(entry, &changes);
            for (room, log) in changes.rooms.into_iter().enumerate() {
                let older = |log: Log| rooms[room].is_some_and(|last: Log| log.is_beginning_of(last));
                // Of several changes to a row the last counts, in the order in which they were made.
                let last = log.filter(|log| fault == Some(Fault::RowsByBatch) || !older(*log));
                rooms[room] = last.or(rooms[room]);
            }
        }
        for (row, log) in self.rows.rooms.iter_mut().zip(rooms) {
            *row = log.unwrap_or(*row);
        }
        match fault {
            Some(Fault::NoOutbox) => {}
            _ => {
                let stored = flight.entries.iter().filter(|entry| entry.stored.is_some());
                self.outbox.push((flight.number, stored.map(|entry| entry.group.clone()).collect()));
            }
        }
        let confirmed = if fault == Some(Fault::DeletedUnconfirmed) { flight.number - 1 } else { flight.confirmed };
        self.outbox.retain(|(flush, _)| *flush > confirmed);
        true
    }

    fn write_batch(&mut self, entry: &Entry, changes: &Changes) {
        if let Some((who, place)) = changes.person {
            self.rows.people[who] = place;
        }
        self.rows.lamp = changes.lamp.unwrap_or(self.rows.lamp);
        self.rows.timer &= !changes.timer_gone;
        for room in (0..2).filter(|room| changes.rooms[*room].is_some()) {
            let bit = 1 << entry.group.cause;
            self.twice |= self.stored[room] & bit != 0;
            self.stored[room] |= bit;
        }
        // The line is done.
        if let Some((who, n)) = entry.group.origin {
            self.cursors[who] = n;
        }
    }
}

/// Rule 9: a transaction of a server that is gone, which the database may still carry out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Late {
    /// Of the server that sent it.
    pub epoch: u8,
    /// What it writes.
    pub flight: Flight,
}
