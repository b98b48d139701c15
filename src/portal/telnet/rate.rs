//! How fast one connection is read. Pure: time is handed in.

use std::time::{Duration, Instant};

/// Seconds over which the rate is averaged.
const AVERAGED_SECS: f64 = 4.0;

/// A bucket of bytes that fills at the allowed rate.
#[derive(Debug)]
pub struct Rate {
    per_sec: f64,
    allowance: f64,
    since: Instant,
}

impl Rate {
    /// Returns a full bucket for `per_sec` bytes per second.
    pub fn new(per_sec: usize, now: Instant) -> Self {
        let per_sec = per_sec.max(1) as f64;
        Self { per_sec, allowance: per_sec * AVERAGED_SECS, since: now }
    }

    /// Counts bytes that were read; returns how long to wait before reading on, if at all.
    pub fn read(&mut self, bytes: usize, now: Instant) -> Option<Duration> {
        let filled = now.duration_since(self.since).as_secs_f64() * self.per_sec;
        self.since = now;
        self.allowance = (self.allowance + filled).min(self.per_sec * AVERAGED_SECS) - bytes as f64;
        (self.allowance < 0.0).then(|| Duration::from_secs_f64(-self.allowance / self.per_sec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_seconds_worth_may_come_at_once_and_the_rest_is_read_at_the_rate() {
        let now = Instant::now();
        let mut rate = Rate::new(1000, now);
        assert_eq!(rate.read(4000, now), None);
        assert_eq!(rate.read(500, now), Some(Duration::from_millis(500)));
        assert_eq!(rate.read(1000, now + Duration::from_millis(500)), Some(Duration::from_secs(1)));
        assert_eq!(rate.read(1000, now + Duration::from_secs(60)), None);
    }
}
