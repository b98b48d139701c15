//! What a resumable session was sent last, so that its next socket gets what the lost one did not. Pure.

use std::collections::VecDeque;

use super::door::Delivery;

/// Bytes of output kept for one session.
pub const RING_BYTES: usize = 64 * 1024;

/// What one entry costs beside its text.
const ENTRY_BYTES: usize = 64;

/// The last [`RING_BYTES`] of a session's texts and events, with their numbers.
#[derive(Debug, Default)]
pub struct Ring {
    kept: VecDeque<(u64, usize, Delivery)>,
    bytes: usize,
    dropped: u64,
}

impl Ring {
    /// Keeps a delivery; the oldest ones make room. Only texts and events have numbers, others are passed over.
    pub fn push(&mut self, delivery: &Delivery) {
        let (n, size) = match delivery {
            Delivery::Text { n, output } => (*n, output.text.len() + ENTRY_BYTES),
            Delivery::Event { n, event } => (*n, event.name.len() + event.data.len() + ENTRY_BYTES),
            _ => return,
        };
        self.kept.push_back((n, size, delivery.clone()));
        self.bytes += size;
        while self.bytes > RING_BYTES
            && let Some((n, size, _)) = self.kept.pop_front()
        {
            self.bytes -= size;
            self.dropped = n;
        }
    }

    /// Returns a ring that has lost all up to number `dropped`.
    pub fn after_loss(dropped: u64) -> Self {
        Self { dropped, ..Self::default() }
    }

    /// Returns all that is kept, the oldest first.
    pub fn kept(&self) -> impl Iterator<Item = &Delivery> {
        self.kept.iter().map(|(.., delivery)| delivery)
    }

    /// Returns the number of the last one that had to make room; 0 if there is none.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns what it takes of [`RING_BYTES`].
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns what came after number `seen`, and true if nothing of it is missing.
    pub fn after(&self, seen: u64) -> (Vec<Delivery>, bool) {
        let missed = self.kept.iter().filter(|(n, ..)| *n > seen).map(|(.., delivery)| delivery.clone()).collect();
        (missed, seen >= self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::door::Output;
    use super::*;

    fn ring(texts: impl IntoIterator<Item = String>) -> Ring {
        let mut ring = Ring::default();
        for (n, text) in (1..).zip(texts) {
            ring.push(&Delivery::Text { n, output: Arc::new(Output::new(text)) });
        }
        ring
    }

    fn check(ring: &Ring, seen: u64, expected: &[u64], complete: bool) {
        let (missed, whole) = ring.after(seen);
        let numbers: Vec<u64> = missed
            .iter()
            .map(|delivery| match delivery {
                Delivery::Text { n, .. } => *n,
                other => panic!("{other:?} has no number"),
            })
            .collect();
        assert_eq!((&numbers[..], whole), (expected, complete), "after {seen}");
    }

    #[test]
    fn what_was_seen_does_not_come_again() {
        let ring = ring(["a", "b", "c"].map(String::from));
        check(&ring, 0, &[1, 2, 3], true);
        check(&ring, 2, &[3], true);
        check(&ring, 3, &[], true);
        check(&Ring::default(), 0, &[], true);
    }

    #[test]
    fn what_no_longer_fits_is_missed_and_said_so() {
        let ring = ring((0..4).map(|_| "x".repeat(RING_BYTES / 3)));
        check(&ring, 1, &[3, 4], false);
        check(&ring, 2, &[3, 4], true);
    }

    #[test]
    fn a_text_larger_than_the_ring_is_missed_whole() {
        let ring = ring(["a".into(), "x".repeat(RING_BYTES + 1), "b".into()]);
        check(&ring, 0, &[3], false);
        check(&ring, 2, &[3], true);
    }
}
