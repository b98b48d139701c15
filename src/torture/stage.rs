//! What the threads of a run share: the players' progress, what was done to the world, and what was found to be wrong.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

/// Most violations that are kept: what goes wrong once often goes wrong again at once.
const VIOLATIONS_MOST: usize = 50;

/// Deeds that are named with a violation.
const DEEDS_NAMED: usize = 3;

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// A line's effect happens once, in the order typed, and its result is shown once to everyone who should see it.
    Once,
    /// What anybody was shown is still true.
    Truth,
    /// Nothing that is moved is doubled or lost.
    Whole,
    /// Timers carry on where they were.
    Time,
    /// A channel's history has no gap.
    Channel,
    /// Nothing grows without bound.
    Bound,
    /// The world comes back by itself, and sockets live.
    Life,
}

/// A promise that was not kept.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// Who saw it.
    pub who: String,
    /// What was wrong.
    pub what: String,
    /// When, in milliseconds since the run began.
    pub at_ms: u64,
    /// What had been done to the world just before.
    pub after: Vec<String>,
    /// The end of what they had typed (`>`) and seen (`<`).
    pub transcript: Vec<String>,
}

/// What everybody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// They come in.
    Enter = 1,
    /// They play.
    Play,
    /// They type no more and wait for what is not answered.
    Settle,
    /// They type one last line: its answer is behind all that others said.
    Sync,
    /// They go.
    End,
}

/// How far somebody is.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    pub(super) typed: AtomicU64,
    pub(super) answered: AtomicU64,
    /// Lines typed before the last one.
    counted: AtomicU64,
    /// The last phase whose work is done.
    done: AtomicU64,
    /// They are no part of this any more: something was wrong.
    is_out: AtomicBool,
}

/// Lines that report a change: what was committed and what was seen, where they are not paired yet.
#[derive(Debug, Default)]
struct Reports {
    committed: VecDeque<String>,
    seen: VecDeque<String>,
    paired: u64,
    /// They differed; what follows would differ too.
    is_broken: bool,
}

/// What the threads share.
#[derive(Debug)]
pub(super) struct Stage {
    began: Instant,
    phase: watch::Sender<Phase>,
    pulses: HashMap<String, Pulse>,
    violations: Mutex<Vec<Violation>>,
    deeds: Mutex<VecDeque<(Instant, String)>>,
    reports: Mutex<HashMap<String, Reports>>,
    /// The run was broken off: what is seen from here on means nothing.
    is_closed: AtomicBool,
}

impl Stage {
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        Self {
            began: Instant::now(),
            phase: watch::Sender::new(Phase::Enter),
            pulses: names.map(|name| (name, Pulse::default())).collect(),
            violations: Mutex::default(),
            deeds: Mutex::default(),
            reports: Mutex::default(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Returns the phase, to be watched.
    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(super) fn begin(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Returns how far somebody of the cast is.
    pub(super) fn pulse(&self, name: &str) -> Option<&Pulse> {
        self.pulses.get(name)
    }

    /// Returns how many lines have been typed and answered.
    pub(super) fn lines(&self) -> (u64, u64) {
        let sum =
            |count: fn(&Pulse) -> &AtomicU64| self.pulses.values().map(|p| count(p).load(Ordering::Relaxed)).sum();
        (sum(|pulse| &pulse.typed), sum(|pulse| &pulse.answered))
    }

    /// Tells who has not done the work of a phase yet.
    pub(super) fn behind(&self, phase: Phase) -> Vec<String> {
        let is_behind = |pulse: &Pulse| !pulse.is_out() && pulse.done.load(Ordering::Acquire) < phase as u64;
        self.pulses.iter().filter(|(_, pulse)| is_behind(pulse)).map(|(name, _)| name.clone()).collect()
    }

    /// Returns how many lines each has had answered, to ask later who got no answer since.
    pub(super) fn answered(&self) -> Vec<(String, u64)> {
        let answered = |pulse: &Pulse| pulse.answered.load(Ordering::Relaxed);
        self.pulses.iter().map(|(name, pulse)| (name.clone(), answered(pulse))).collect()
    }

    /// Tells who waits for an answer and has had none since.
    pub(super) fn unanswered_since(&self, before: &[(String, u64)]) -> Vec<String> {
        let waits = |(name, before): &&(String, u64)| {
            self.pulses.get(name).is_some_and(|pulse| {
                let answered = pulse.answered.load(Ordering::Relaxed);
                !pulse.is_out() && answered == *before && pulse.typed.load(Ordering::Relaxed) > answered
            })
        };
        before.iter().filter(waits).map(|(name, _)| name.clone()).collect()
    }

    /// Takes note of something that is done to the world.
    pub(super) fn did(&self, deed: impl Into<String>) {
        let mut deeds = locked(&self.deeds);
        deeds.push_back((Instant::now(), deed.into()));
        if deeds.len() > DEEDS_NAMED {
            deeds.pop_front();
        }
    }

    /// Tells whether the world has been left alone for so long.
    pub(super) fn is_quiet_for(&self, time: Duration) -> bool {
        locked(&self.deeds).back().is_none_or(|(at, _)| at.elapsed() >= time)
    }

    /// Takes note of a promise that was not kept.
    pub(super) fn violated(&self, promise: Promise, who: &str, what: impl Into<String>, transcript: Vec<String>) {
        if self.is_closed.load(Ordering::Acquire) {
            return;
        }
        let since = |at: &Instant| format!("{:.2} s before: ", at.elapsed().as_secs_f64());
        let after = locked(&self.deeds).iter().map(|(at, deed)| since(at) + deed).collect();
        let at_ms = self.began.elapsed().as_millis() as u64;
        let violation = Violation { promise, who: who.to_owned(), what: what.into(), at_ms, after, transcript };
        let mut violations = locked(&self.violations);
        if violations.len() < VIOLATIONS_MOST {
            violations.push(violation);
        }
    }

    /// Breaks the run off.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.begin(Phase::End);
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        locked(&self.violations).clone()
    }

    /// A line that reports a change has been committed for somebody.
    pub(super) fn committed(&self, who: &str, line: &str) {
        self.pair(who, |reports| reports.committed.push_back(line.to_owned()), Vec::new);
    }

    /// Somebody has seen a line that reports a change.
    pub(super) fn seen(&self, who: &str, line: &str, transcript: impl FnOnce() -> Vec<String>) {
        self.pair(who, |reports| reports.seen.push_back(line.to_owned()), transcript);
    }

    fn pair(&self, who: &str, add: impl FnOnce(&mut Reports), transcript: impl FnOnce() -> Vec<String>) {
        let mut all = locked(&self.reports);
        let reports = all.entry(who.to_owned()).or_default();
        if reports.is_broken {
            return;
        }
        add(reports);
        while let (Some(committed), Some(seen)) = (reports.committed.front(), reports.seen.front()) {
            if committed != seen {
                reports.is_broken = true;
                let what = format!("saw {seen:?} where {committed:?} was committed");
                drop(all);
                return self.violated(Promise::Once, who, what, transcript());
            }
            reports.committed.pop_front();
            reports.seen.pop_front();
            reports.paired += 1;
        }
    }

    /// Returns how many reports were paired, and takes note of those that were not.
    pub(super) fn end_pairing(&self) -> u64 {
        let all = std::mem::take(&mut *locked(&self.reports));
        for (who, reports) in all.iter().filter(|(_, reports)| !reports.is_broken) {
            let pulse = self.pulses.get(who);
            if pulse.is_some_and(Pulse::is_out) {
                continue;
            }
            for line in &reports.committed {
                self.violated(Promise::Once, who, format!("{line:?} was committed and never shown"), Vec::new());
            }
            for line in &reports.seen {
                self.violated(Promise::Truth, who, format!("saw {line:?}, which was never committed"), Vec::new());
            }
        }
        all.values().map(|reports| reports.paired).sum()
    }
}

impl Pulse {
    /// Counts what was typed until now: all but the last line.
    pub(super) fn count(&self) {
        self.counted.store(self.typed.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Returns how many lines everybody must have heard who has had the answer to their last line.
    pub(super) fn counted(&self) -> u64 {
        self.counted.load(Ordering::Relaxed)
    }

    pub(super) fn did(&self, phase: Phase) {
        self.done.store(phase as u64, Ordering::Release);
    }

    pub(super) fn leave(&self) {
        self.is_out.store(true, Ordering::Release);
    }

    pub(super) fn is_out(&self) -> bool {
        self.is_out.load(Ordering::Acquire)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(committed: &[&str], seen: &[&str], expected: &[(Promise, &str)]) {
        let stage = Stage::new(["Ann".to_owned()].into_iter());
        committed.iter().for_each(|line| stage.committed("Ann", line));
        seen.iter().for_each(|line| stage.seen("Ann", line, Vec::new));
        stage.end_pairing();
        let violations = stage.violations();
        let found: Vec<(Promise, &str)> = violations.iter().map(|found| (found.promise, &*found.what)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_was_committed_must_be_seen_once_and_in_order() {
        check(&["a", "b"], &["a", "b"], &[]);
        check(&["a", "b"], &["a"], &[(Promise::Once, "\"b\" was committed and never shown")]);
        check(&["a"], &["a", "a"], &[(Promise::Truth, "saw \"a\", which was never committed")]);
        check(&["a", "b"], &["b", "a"], &[(Promise::Once, "saw \"b\" where \"a\" was committed")]);
    }

    #[test]
    fn who_waits_for_an_answer_is_known() {
        let stage = Stage::new(["Ann".to_owned(), "Bob".to_owned()].into_iter());
        let before = stage.answered();
        stage.pulse("Ann").unwrap().typed.store(1, Ordering::Relaxed);
        assert_eq!(stage.unanswered_since(&before), ["Ann"]);
        stage.pulse("Ann").unwrap().answered.store(1, Ordering::Relaxed);
        assert_eq!(stage.unanswered_since(&before), [""; 0]);
    }
}
