//! How often one address may fail. Pure: it is told the time.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

/// Most addresses remembered; beyond that the table is swept of those whose window has passed, and if that is not
/// enough, emptied.
const ADDRESSES: usize = 10_000;

/// Counts events by address within a window.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: usize,
    window_ms: i64,
    events: FxHashMap<String, VecDeque<i64>>,
}

impl Throttle {
    /// Returns a throttle that allows `limit` events within `window_secs`.
    pub(super) fn new(limit: u32, window_secs: u64) -> Self {
        Self { limit: limit as usize, window_ms: window_secs as i64 * 1000, events: FxHashMap::default() }
    }

    /// Returns how many seconds an address must wait, or `None` if it need not.
    pub(super) fn wait_secs(&mut self, address: &str, now_ms: i64) -> Option<i64> {
        let events = self.events.get_mut(address)?;
        while events.front().is_some_and(|at| *at + self.window_ms <= now_ms) {
            events.pop_front();
        }
        if events.is_empty() {
            self.events.remove(address);
            return None;
        }
        let first = *events.front()?;
        (events.len() >= self.limit).then(|| ((first + self.window_ms - now_ms) / 1000).max(1))
    }

    /// Counts an event.
    pub(super) fn count(&mut self, address: &str, now_ms: i64) {
        if self.events.len() >= ADDRESSES {
            let window_ms = self.window_ms;
            self.events.retain(|_, events| events.back().is_some_and(|at| *at + window_ms > now_ms));
            if self.events.len() >= ADDRESSES {
                self.events.clear();
            }
        }
        let events = self.events.entry(address.to_owned()).or_default();
        if events.len() >= self.limit.max(1) {
            events.pop_front();
        }
        events.push_back(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_waits_until_its_oldest_failure_is_out_of_the_window() {
        let mut throttle = Throttle::new(2, 60);
        throttle.count("a", 0);
        assert_eq!(throttle.wait_secs("a", 1_000), None);
        throttle.count("a", 10_000);
        assert_eq!(throttle.wait_secs("a", 20_000), Some(40));
        assert_eq!(throttle.wait_secs("b", 20_000), None);
        assert_eq!(throttle.wait_secs("a", 60_000), None);
    }
}
