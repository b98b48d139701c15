//! Ids for what is new: a block that world has reserved, given out by a counter.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::EntityId;

/// Ids that are reserved at a time.
pub const ID_BLOCK: u64 = 10_000;

/// A block of reserved ids: a counter and its limit.
#[derive(Debug)]
pub struct IdBlock {
    next: AtomicU64,
    limit: AtomicU64,
}

impl IdBlock {
    /// Returns ids from `next` up to, not including, `limit`.
    pub fn new(next: u64, limit: u64) -> Self {
        Self { next: AtomicU64::new(next), limit: AtomicU64::new(limit) }
    }

    /// Returns an id that was never given out, or `None` until world has reserved more.
    pub fn take(&self) -> Option<EntityId> {
        let limit = self.limit.load(Ordering::Acquire);
        let step = |next| (next < limit).then_some(next + 1);
        self.next.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).ok().map(EntityId)
    }

    /// Returns the new limit to reserve if less than half a block is left.
    pub fn wanted(&self) -> Option<u64> {
        let limit = self.limit.load(Ordering::Acquire);
        (self.next.load(Ordering::Acquire) + ID_BLOCK / 2 > limit).then_some(limit + ID_BLOCK)
    }

    /// Takes note that ids below `limit` are reserved: its row is committed.
    pub fn extend(&self, limit: u64) {
        self.limit.fetch_max(limit, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_beyond_the_reserved_ones_is_given_out() {
        let ids = IdBlock::new(5, 7);
        assert_eq!((ids.take(), ids.take(), ids.take()), (Some(EntityId(5)), Some(EntityId(6)), None));
        assert_eq!(ids.wanted(), Some(7 + ID_BLOCK));
        ids.extend(8);
        assert_eq!((ids.take(), ids.take()), (Some(EntityId(7)), None));
    }
}
