//! Tells a silent server from one that answers. Pure: it counts the portal's own ticks, not time, so that a portal that
//! was itself held up (a suspended machine) does not blame its server. Nor does it while the server's storage is slow or
//! away, as its last answer said: another server would have the same storage.

use std::time::Duration;

/// Ticks without an answer after which a server is silent.
const TICKS: u64 = 5;

/// Counts pings and pongs of one server.
#[derive(Debug, Default)]
pub struct Watchdog {
    pinged: u64,
    ponged: u64,
    storage_away: bool,
}

/// What a tick says.
#[derive(Debug, PartialEq, Eq)]
pub enum Beat {
    /// Send a ping with this number.
    Ping(u64),
    /// The server is silent for too long.
    Silent,
}

impl Watchdog {
    /// Returns the time between ticks, so that a server is silent after `patience`.
    pub fn period(patience: Duration) -> Duration {
        (patience / TICKS as u32).max(Duration::from_millis(1))
    }

    /// Counts a tick.
    pub fn tick(&mut self) -> Beat {
        if self.pinged - self.ponged >= TICKS && !self.storage_away {
            return Beat::Silent;
        }
        self.pinged += 1;
        Beat::Ping(self.pinged)
    }

    /// Takes the answer to ping `tick`; what was never asked is passed over.
    pub fn pong(&mut self, tick: u64, storage_away: bool) {
        if tick <= self.pinged {
            self.ponged = self.ponged.max(tick);
            self.storage_away = storage_away;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_answers_is_never_silent() {
        let mut watchdog = Watchdog::default();
        for tick in 1..100 {
            assert_eq!(watchdog.tick(), Beat::Ping(tick));
            watchdog.pong(tick, false);
        }
    }

    #[test]
    fn a_server_is_silent_after_five_ticks_without_an_answer() {
        let mut watchdog = Watchdog::default();
        watchdog.tick();
        watchdog.pong(1, false);
        for tick in 2..=6 {
            assert_eq!(watchdog.tick(), Beat::Ping(tick));
        }
        assert_eq!(watchdog.tick(), Beat::Silent);
        watchdog.pong(3, false);
        assert_eq!(watchdog.tick(), Beat::Ping(7), "a late answer is an answer");
    }

    #[test]
    fn a_server_whose_storage_is_away_is_waited_for() {
        let mut watchdog = Watchdog::default();
        watchdog.tick();
        watchdog.pong(1, true);
        for tick in 2..50 {
            assert_eq!(watchdog.tick(), Beat::Ping(tick));
        }
        watchdog.pong(49, false);
        for _ in 0..5 {
            watchdog.tick();
        }
        assert_eq!(watchdog.tick(), Beat::Silent, "its patience is back with its storage");
    }

    #[test]
    fn an_answer_to_nothing_does_not_count() {
        let mut watchdog = Watchdog::default();
        watchdog.pong(1000, true);
        for _ in 0..5 {
            watchdog.tick();
        }
        assert_eq!(watchdog.tick(), Beat::Silent);
    }
}
