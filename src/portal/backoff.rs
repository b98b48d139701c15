//! How long to wait before a server that died is started again. Pure.

use std::time::Duration;

/// A server that was ready this long was a good one: its death is a surprise, the next starts at once.
const STEADY: Duration = Duration::from_secs(3);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Counts early deaths.
#[derive(Debug, Default)]
pub struct Backoff {
    early_deaths: u32,
}

impl Backoff {
    /// Counts a death and returns how long to wait; `ready_for` is `None` if the server never got ready.
    pub fn died(&mut self, ready_for: Option<Duration>) -> Duration {
        if ready_for.is_some_and(|time| time >= STEADY) {
            self.early_deaths = 0;
            return Duration::ZERO;
        }
        let wait = FIRST_WAIT * 2u32.saturating_pow(self.early_deaths.min(16));
        self.early_deaths = self.early_deaths.saturating_add(1);
        wait.min(LONGEST_WAIT)
    }

    /// Returns how many servers in a row died early.
    pub fn early_deaths(&self) -> u32 {
        self.early_deaths
    }

    /// Forgets them: the next server is started on purpose.
    pub fn reset(&mut self) {
        self.early_deaths = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(deaths: &[Option<u64>], expected_ms: &[u64]) {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = deaths
            .iter()
            .map(|ready_ms| backoff.died(ready_ms.map(Duration::from_millis)).as_millis() as u64)
            .collect();
        assert_eq!(waits, expected_ms);
    }

    #[test]
    fn early_deaths_double_the_wait_up_to_five_seconds() {
        check(
            &[None, Some(0), Some(2999), None, None, None, None, None],
            &[100, 200, 400, 800, 1600, 3200, 5000, 5000],
        );
    }

    #[test]
    fn a_server_that_was_ready_for_three_seconds_is_replaced_at_once() {
        check(&[Some(3000), Some(60_000)], &[0, 0]);
        check(&[None, None, Some(3000), None], &[100, 200, 0, 100]);
    }
}
