//! How often one address may fail. Pure: it is told the time.
//!
//! A try counts from when it begins, because it takes a while to know what it comes to: else an address could have any number
//! of them checked at once.

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
    /// Tries under way: each may become an event.
    trying: FxHashMap<String, usize>,
}

/// Whether an address may try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may; [`Throttle::end`] is to follow.
    Go,
    /// It may if one of those under way comes to nothing that counts.
    Busy,
    /// It must wait for so many seconds.
    Wait(i64),
}

impl Throttle {
    /// Returns a throttle that allows `limit` events within `window_secs`.
    pub(super) fn new(limit: u32, window_secs: u64) -> Self {
        Self {
            limit: limit as usize,
            window_ms: window_secs as i64 * 1000,
            events: FxHashMap::default(),
            trying: FxHashMap::default(),
        }
    }

    /// Begins a try.
    pub(super) fn begin(&mut self, address: &str, now_ms: i64) -> Admission {
        if let Some(secs) = self.wait_secs(address, now_ms) {
            return Admission::Wait(secs);
        }
        let counted = self.events.get(address).map_or(0, VecDeque::len);
        let trying = self.trying.get(address).copied().unwrap_or(0);
        if trying > 0 && counted + trying >= self.limit {
            return Admission::Busy;
        }
        self.trying.insert(address.to_owned(), trying + 1);
        Admission::Go
    }

    /// Ends a try that began, and counts it as an event if it is one.
    pub(super) fn end(&mut self, address: &str, counts: bool, now_ms: i64) {
        if let Some(trying) = self.trying.get_mut(address) {
            *trying -= 1;
            if *trying == 0 {
                self.trying.remove(address);
            }
        }
        if counts {
            self.count(address, now_ms);
        }
    }

    /// Returns how many seconds an address must wait, or `None` if it need not.
    fn wait_secs(&mut self, address: &str, now_ms: i64) -> Option<i64> {
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
    fn count(&mut self, address: &str, now_ms: i64) {
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

    #[test]
    fn no_more_tries_are_under_way_than_may_fail() {
        let mut throttle = Throttle::new(2, 60);
        assert_eq!((throttle.begin("a", 0), throttle.begin("a", 0)), (Admission::Go, Admission::Go));
        assert_eq!((throttle.begin("a", 0), throttle.begin("b", 0)), (Admission::Busy, Admission::Go));
        throttle.end("a", false, 1_000);
        assert_eq!(throttle.begin("a", 1_000), Admission::Go, "one came to nothing");
        throttle.end("a", true, 2_000);
        assert_eq!(throttle.begin("a", 2_000), Admission::Busy);
        throttle.end("a", true, 3_000);
        assert_eq!(throttle.begin("a", 4_000), Admission::Wait(58));
        assert!(throttle.trying.contains_key("b") && !throttle.trying.contains_key("a"));
    }
}
