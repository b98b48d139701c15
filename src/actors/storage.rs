//! Whether the world can save: what actors ask before they begin a change, and when players are told that it cannot.
//!
//! Written by the journal alone: storage is slow as soon as a flush takes long, and away from when one fails, or takes longer
//! than `storage.patience_ms`; until it is stored. What was executed before goes on and waits in the journal, and players with it; what would begin to change
//! something is refused, or put off if nobody waits for it. So nothing piles up, however long it takes.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::db::Trouble;
use crate::text;
use crate::text::Markup;

/// How long after they have been told that storage is away players are not told so again.
const QUIET: Duration = Duration::from_secs(30);

/// How long what is put off waits before it is tried again.
pub const LATER: Duration = Duration::from_secs(1);

/// Whether the world can save. One of the few things that actors share: a number that one of them writes.
#[derive(Debug, Default)]
pub struct Storage {
    /// 0 if it can, else one more than the place of the trouble in [`Trouble::ALL`].
    trouble: AtomicU8,
    /// The flush in flight takes long.
    is_slow: AtomicBool,
    /// Lines that were refused because it could not.
    refused: AtomicU64,
}

impl Storage {
    /// Tells whether it cannot.
    pub fn is_away(&self) -> bool {
        self.trouble.load(Ordering::Acquire) != 0
    }

    /// Tells whether it takes long or cannot: meanwhile nobody is blamed for taking long themselves.
    pub fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed) || self.is_away()
    }

    /// Takes note whether the flush in flight takes long. For the journal alone.
    pub(super) fn set_slow(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::Relaxed);
    }

    /// Returns why it cannot; `None` if it can.
    pub fn trouble(&self) -> Option<Trouble> {
        let place = self.trouble.load(Ordering::Acquire).checked_sub(1)?;
        Trouble::ALL.get(usize::from(place)).copied()
    }

    /// Takes note of what is wrong, or that nothing is. For the journal alone.
    pub(super) fn set(&self, trouble: Option<Trouble>) {
        let place = trouble.and_then(|trouble| Trouble::ALL.iter().position(|one| *one == trouble));
        self.trouble.store(place.map_or(0, |place| place as u8 + 1), Ordering::Release);
    }

    /// Counts a line that was refused.
    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many lines were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// What whoever typed it is told of a line that would have changed something.
pub fn unsaved() -> Markup {
    text!("The world cannot save anything just now, so that was not done. Please try again in a moment.")
}

/// What whoever wants to come in is told.
pub fn closed() -> Markup {
    text!("The world cannot save anything just now, so nobody can come in. Please try again in a moment.")
}

/// What everybody has been told. Pure.
#[derive(Debug, Default)]
pub(super) struct Told {
    is_away: bool,
    /// When they were told last that it is away.
    at: Option<Instant>,
}

impl Told {
    /// Returns whether to tell everybody now that storage is as it is. Then they count as told. That it is away is told at
    /// once, but not over and over if it comes and goes; that it is back, at once to those who know that it was away.
    pub(super) fn is_due(&mut self, is_away: bool, now: Instant) -> bool {
        let is_quiet = is_away && self.at.is_some_and(|at| now.duration_since(at) < QUIET);
        if is_away == self.is_away || is_quiet {
            return false;
        }
        self.is_away = is_away;
        if is_away {
            self.at = Some(now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_is_told_as_what_it_is() {
        let storage = Storage::default();
        assert_eq!((storage.is_away(), storage.trouble()), (false, None));
        for trouble in Trouble::ALL {
            storage.set(Some(trouble));
            assert_eq!((storage.is_away(), storage.trouble()), (true, Some(trouble)));
        }
        storage.set(None);
        assert!(!storage.is_away());
    }

    #[test]
    fn what_comes_and_goes_is_told_once_in_a_while() {
        let (mut told, start) = (Told::default(), Instant::now());
        let mut tell = |secs, away| told.is_due(away, start + Duration::from_secs(secs));
        assert!(!tell(0, false));
        assert!(tell(1, true));
        assert!(!tell(2, true));
        assert!(tell(3, false), "they are told at once that it is back");
        assert!(!tell(4, true), "and not so soon that it is away again");
        assert!(!tell(5, false), "nor then that it is back");
        assert!(!tell(29, true));
        assert!(tell(31, true), "but if it stays away");
        assert!(tell(32, false));
    }
}
