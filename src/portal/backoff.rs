//! How long to wait before a server that died is started again, and when to give up the ordinary way. Pure.

use std::time::Duration;

/// A server that was ready this long was a good one: its death is a surprise, the next starts at once.
pub const STEADY: Duration = Duration::from_secs(3);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How far a server had come when it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It never took over: it could not be started, or storage was away. It says nothing of the world.
    Unborn,
    /// It had taken over, and was not ready for [`STEADY`].
    Early,
    /// It had been ready for [`STEADY`].
    Late,
}

/// Counts deaths in a row.
#[derive(Debug)]
pub struct Backoff {
    hopeless: u32,
    waits: u32,
    early_deaths: u32,
}

impl Backoff {
    /// Begins to count. After `hopeless` early deaths in a row there is no hope; 0 means that there always is.
    pub fn new(hopeless: u32) -> Self {
        Self { hopeless, waits: 0, early_deaths: 0 }
    }

    /// Counts a death and returns how long to wait before the next start.
    pub fn died(&mut self, death: Death) -> Duration {
        if death == Death::Late {
            self.reset();
            return Duration::ZERO;
        }
        let wait = FIRST_WAIT * 2u32.saturating_pow(self.waits.min(16));
        self.waits = self.waits.saturating_add(1);
        self.early_deaths = self.early_deaths.saturating_add(u32::from(death == Death::Early));
        wait.min(LONGEST_WAIT)
    }

    /// Returns how many servers in a row died early.
    pub fn early_deaths(&self) -> u32 {
        self.early_deaths
    }

    /// Tells whether so many died early that the next one is to run in safe mode.
    pub fn is_hopeless(&self) -> bool {
        self.hopeless > 0 && self.early_deaths >= self.hopeless
    }

    /// Forgets them: a server has been ready for [`STEADY`].
    pub fn reset(&mut self) {
        *self = Self::new(self.hopeless);
    }
}

#[cfg(test)]
mod tests {
    use super::Death::{Early, Late, Unborn};
    use super::*;

    fn check(deaths: &[Death], expected_ms: &[u64]) {
        let mut backoff = Backoff::new(5);
        let waits: Vec<u64> = deaths.iter().map(|death| backoff.died(*death).as_millis() as u64).collect();
        assert_eq!(waits, expected_ms);
    }

    #[test]
    fn early_deaths_double_the_wait_up_to_five_seconds() {
        check(
            &[Unborn, Early, Early, Unborn, Early, Unborn, Early, Early],
            &[100, 200, 400, 800, 1600, 3200, 5000, 5000],
        );
    }

    #[test]
    fn a_server_that_was_ready_for_three_seconds_is_replaced_at_once() {
        check(&[Late, Late], &[0, 0]);
        check(&[Early, Unborn, Late, Early], &[100, 200, 0, 100]);
    }

    #[test]
    fn five_early_deaths_in_a_row_are_hopeless() {
        let mut backoff = Backoff::new(5);
        for death in [Early, Early, Early, Early, Late, Early, Early, Unborn, Unborn, Early, Early] {
            backoff.died(death);
            assert!(!backoff.is_hopeless(), "{backoff:?}");
        }
        backoff.died(Early);
        assert!(backoff.is_hopeless() && backoff.early_deaths() == 5);
        backoff.reset();
        assert!(!backoff.is_hopeless());
        let mut patient = Backoff::new(0);
        for _ in 0..100 {
            patient.died(Early);
        }
        assert!(!patient.is_hopeless());
    }
}
