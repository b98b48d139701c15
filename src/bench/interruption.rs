//! The server is replaced or killed while the bots play: what each of them waited for the line that this hit is the figure.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use clap::ValueEnum;
use rustc_hash::FxHashMap;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::Tally;
use super::histogram::Histogram;
use super::process::Processes;
use super::report::Waited;

/// Time between two: a server that has been ready for 3 s is replaced at once when it dies.
const PERIOD: Duration = Duration::from_millis(4500);

/// A line counts for an interruption if it was under way, or was typed, within this time from its beginning.
const SPAN: Duration = Duration::from_secs(2);

/// What happens to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Interruption {
    /// Another one takes over.
    Reload,
    /// It is killed as a crash would.
    Kill,
}

/// What the interruptions came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interruptions {
    /// What happened.
    pub interruption: Interruption,
    /// How often.
    pub times: usize,
    /// How often it was refused, or there was no server to kill.
    pub failed: usize,
    /// Of each bot and each time, the longest wait.
    pub waited: Waited,
    /// Of each reload, the pause by the portal's own clock, in milliseconds.
    pub pauses_ms: Vec<u64>,
}

/// The longest wait of each bot, for each interruption.
#[derive(Debug, Default)]
pub(super) struct Longest {
    spans: Vec<(Instant, FxHashMap<u32, Duration>)>,
}

impl Longest {
    /// Takes note of an answer.
    pub(super) fn record(&mut self, bot: u32, sent: Instant, answered: Instant) {
        if let Some((began, waits)) = self.spans.last_mut()
            && answered >= *began
            && sent < *began + SPAN
        {
            let wait = waits.entry(bot).or_default();
            *wait = (*wait).max(answered - sent);
        }
    }

    /// Returns all of them together.
    pub(super) fn waited(&self) -> Waited {
        let mut waits = Histogram::default();
        self.spans.iter().flat_map(|(_, waits)| waits.values()).for_each(|wait| waits.record(*wait));
        Waited::of(&waits)
    }
}

impl Interruption {
    /// Interrupts the server every 4.5 s between `begin` and `end`, and leaves the last one its span.
    pub(super) async fn run(
        self,
        processes: Processes,
        begin: Instant,
        end: Instant,
        tally: Rc<RefCell<Tally>>,
    ) -> Interruptions {
        let (mut times, mut failed, mut pauses_ms) = (0, 0, Vec::new());
        let mut next = begin;
        while next + SPAN <= end {
            sleep_until(next).await;
            next += PERIOD;
            times += 1;
            tally.borrow_mut().longest.spans.push((Instant::now(), FxHashMap::default()));
            let known = processes.clone();
            let done = tokio::task::spawn_blocking(move || self.interrupt(&known)).await;
            match done.ok().flatten() {
                Some(pause_ms) => pauses_ms.extend(pause_ms),
                None => failed += 1,
            }
        }
        sleep_until(end).await;
        let waited = tally.borrow().longest.waited();
        Interruptions { interruption: self, times, failed, waited, pauses_ms }
    }

    /// Interrupts it once; returns the pause, if anybody tells it. `None` if it could not be done.
    fn interrupt(self, processes: &Processes) -> Option<Option<u64>> {
        match self {
            Self::Reload => {
                let answer = processes.ask(r#"{"op":"reload"}"#)?;
                (answer["ok"] == true).then(|| answer["pause_ms"].as_u64())
            }
            Self::Kill => {
                let status = processes.ask(r#"{"op":"status"}"#)?;
                let pid = Pid::from_raw(i32::try_from(status["server"]["pid"].as_i64()?).ok()?)?;
                kill_process(pid, Signal::KILL).ok().map(|()| None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bots_longest_wait_counts_and_only_what_was_hit() {
        let began = Instant::now() + Duration::from_secs(10);
        let ms = |ms: i64| {
            if ms < 0 {
                began - Duration::from_millis(ms.unsigned_abs())
            } else {
                began + Duration::from_millis(ms as u64)
            }
        };
        let mut longest = Longest::default();
        longest.record(0, ms(-900), ms(-100));
        longest.spans.push((began, FxHashMap::default()));
        longest.record(0, ms(-900), ms(-100));
        longest.record(0, ms(-1), ms(29));
        longest.record(0, ms(30), ms(31));
        longest.record(1, ms(10), ms(20));
        longest.record(1, ms(2500), ms(9000));
        let waited = longest.waited();
        assert_eq!((waited.count, waited.max_us), (2, 30_000.0));
    }
}
