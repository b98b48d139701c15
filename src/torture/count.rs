//! Counts numbered lines: which are missing, which came twice, which came too late. Pure.

use std::collections::BTreeSet;

/// The lines of one speaker as one listener saw them.
#[derive(Debug, Default)]
pub(super) struct Count {
    last: u64,
    missing: BTreeSet<u64>,
    tally: Tally,
}

/// What was wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Never came.
    pub lost: u64,
    /// Came more than once.
    pub doubled: u64,
    /// Came behind a later one.
    pub out_of_order: u64,
}

impl Count {
    /// Takes the next line; returns what is wrong with it.
    pub(super) fn take(&mut self, n: u64) -> Option<String> {
        if n == self.last + 1 {
            self.last = n;
            return None;
        }
        if n > self.last {
            let wrong = format!("{n} came after {}", self.last);
            self.missing.extend(self.last + 1..n);
            self.last = n;
            return Some(wrong);
        }
        if self.missing.remove(&n) {
            self.tally.out_of_order += 1;
            return Some(format!("{n} came behind {}", self.last));
        }
        self.tally.doubled += 1;
        Some(format!("{n} came again, behind {}", self.last))
    }

    /// Returns the last line.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Returns what was wrong in all, where `typed` lines should have come.
    pub(super) fn tally(&self, typed: u64) -> Tally {
        Tally { lost: self.missing.len() as u64 + typed.saturating_sub(self.last), ..self.tally }
    }
}

impl Tally {
    /// Adds another.
    pub(super) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[u64], typed: u64, expected: (u64, u64, u64)) {
        let mut count = Count::default();
        let wrong = lines.iter().filter_map(|n| count.take(*n)).count();
        let Tally { lost, doubled, out_of_order } = count.tally(typed);
        assert_eq!((lost, doubled, out_of_order), expected, "{lines:?}");
        assert_eq!(wrong == 0, lines.iter().copied().eq(1..=count.last()), "{lines:?}");
    }

    #[test]
    fn what_is_lost_doubled_or_late_is_counted() {
        check(&[1, 2, 3], 3, (0, 0, 0));
        check(&[1, 2], 3, (1, 0, 0));
        check(&[1, 3], 3, (1, 0, 0));
        check(&[1, 2, 2, 3], 3, (0, 1, 0));
        check(&[1, 3, 2], 3, (0, 0, 1));
        check(&[2, 3, 1, 1], 4, (1, 1, 1));
        check(&[], 0, (0, 0, 0));
    }
}
