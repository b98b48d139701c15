//! Who drives which character of a room, and what was said to those whose link is lost.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::ids::{EntityId, SessionId};
use crate::world::caller::Seat;

/// What is kept for a character whose link is lost, in texts.
pub const MISSED_TEXTS: usize = 100;

/// A character that people play.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Occupancy {
    /// The sessions that drive it; none while its link is lost.
    pub seats: SmallVec<[Seat; 1]>,
    /// What was said meanwhile, the oldest first; at most [`MISSED_TEXTS`].
    pub missed: VecDeque<String>,
}

/// The played characters of a room.
#[derive(Debug, Default)]
pub struct Seats(FxHashMap<EntityId, Occupancy>);

impl Seats {
    /// Returns a character's occupancy; `None` for one that nobody plays.
    pub fn of(&self, who: EntityId) -> Option<&Occupancy> {
        self.0.get(&who)
    }

    /// Returns the first seat of a character.
    pub fn seat(&self, who: EntityId) -> Option<&Seat> {
        self.0.get(&who)?.seats.first()
    }

    /// Tells whether a session drives the character.
    pub fn is_driven_by(&self, who: EntityId, session: SessionId) -> bool {
        self.0.get(&who).is_some_and(|occupancy| occupancy.seats.iter().any(|seat| seat.session == session))
    }

    /// Returns the played characters with their occupancies, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (EntityId, &Occupancy)> {
        self.0.iter().map(|(who, occupancy)| (*who, occupancy))
    }

    /// Tells whether nobody plays here.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Seats a session; one that is seated already gets the new facts.
    pub fn sit(&mut self, who: EntityId, seat: Seat) {
        let occupancy = self.0.entry(who).or_default();
        match occupancy.seats.iter_mut().find(|known| known.session == seat.session) {
            Some(known) => *known = seat,
            None => occupancy.seats.push(seat),
        }
    }

    /// Unseats a session; the character stays played, with its link lost.
    pub fn unseat(&mut self, who: EntityId, session: SessionId) {
        if let Some(occupancy) = self.0.get_mut(&who) {
            occupancy.seats.retain(|seat| seat.session != session);
        }
    }

    /// Puts back what [`Seats::take`] took.
    pub fn put(&mut self, who: EntityId, occupancy: Occupancy) {
        self.0.insert(who, occupancy);
    }

    /// Takes a character's occupancy away: it leaves, or nobody plays it any more.
    pub fn take(&mut self, who: EntityId) -> Option<Occupancy> {
        self.0.remove(&who)
    }

    /// Keeps a text for a character whose link is lost.
    pub fn keep_missed(&mut self, who: EntityId, text: String) {
        if let Some(occupancy) = self.0.get_mut(&who) {
            if occupancy.missed.len() == MISSED_TEXTS {
                occupancy.missed.pop_front();
            }
            occupancy.missed.push_back(text);
        }
    }

    /// Returns what a character missed, and forgets it.
    pub fn take_missed(&mut self, who: EntityId) -> VecDeque<String> {
        self.0.get_mut(&who).map(|occupancy| std::mem::take(&mut occupancy.missed)).unwrap_or_default()
    }
}
