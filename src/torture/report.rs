//! What a run found, as a table and as JSON.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::Torture;
use super::count::Tally;
use super::gremlin::Done;
use super::stage::{Promise, Stage, Violation};
use super::witness::Committed;
use crate::testing::poll;

/// How much larger the portal may be at the end: what an allocator keeps of what was once in use.
const MEMORY_KIB: u64 = 64 * 1024;

/// How long sockets that are closed may still be open in the portal.
const CLOSING: Duration = Duration::from_secs(5);

/// What a run found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What the dice began with.
    pub seed: u64,
    /// Where the world was stored.
    pub database: String,
    /// Where it lived.
    pub data_dir: PathBuf,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many played.
    pub players: usize,
    /// What was done to the world.
    pub done: Done,
    /// Numbered lines typed.
    pub typed: u64,
    /// Numbered lines answered.
    pub answered: u64,
    /// What was wrong with what typists saw.
    pub tally: Tally,
    /// What was committed.
    pub committed: Committed,
    /// Lines that report a change, each committed and seen by who should see it.
    pub reports: u64,
    /// What grew.
    pub growth: Growth,
    /// What was wrong.
    pub violations: Vec<Violation>,
}

/// What the portal, which lives through it all, used before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Growth {
    /// Its memory when all were in, in KiB.
    pub memory_kib_before: u64,
    /// Its memory when all were answered.
    pub memory_kib_after: u64,
    /// Its open files when all were in.
    pub files_before: usize,
    /// Its open files when all were answered.
    pub files_after: usize,
}

impl Report {
    pub(super) fn new(torture: &Torture, database: String, data_dir: PathBuf) -> Self {
        let size = torture.size;
        Self {
            seed: torture.seed,
            database,
            data_dir,
            seconds: 0.0,
            players: size.typists + size.bankers + size.visitors + 1 + if size.demo { 2 } else { 0 },
            done: Done::default(),
            typed: 0,
            answered: 0,
            tally: Tally::default(),
            committed: Committed::default(),
            reports: 0,
            growth: Growth::default(),
            violations: Vec::new(),
        }
    }

    /// Tells whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// Returns how many sockets were dropped.
    pub fn sockets_dropped(&self) -> usize {
        self.violations.iter().filter(|violation| violation.what.contains("socket was dropped")).count()
    }
}

impl Growth {
    pub(super) fn begin(&mut self, portal: u32) {
        (self.memory_kib_before, self.files_before) = (memory_kib(portal), files(portal));
    }

    pub(super) fn end(&mut self, portal: u32, stage: &Stage) {
        // Sockets of those who went may still be closing.
        poll(CLOSING, || (files(portal) <= self.files_before).then_some(()));
        (self.memory_kib_after, self.files_after) = (memory_kib(portal), files(portal));
        if self.files_after > self.files_before {
            let what = format!("the portal has {} open files, {} before", self.files_after, self.files_before);
            stage.violated(Promise::Bound, "the portal", what, Vec::new());
        }
        if self.memory_kib_after > self.memory_kib_before + MEMORY_KIB {
            let what = format!("the portal uses {} KiB, {} before", self.memory_kib_after, self.memory_kib_before);
            stage.violated(Promise::Bound, "the portal", what, Vec::new());
        }
    }
}

/// Returns a process's resident memory; 0 where there is no `/proc`.
fn memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Returns how many files a process has open; 0 where there is no `/proc`.
fn files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |files| files.flatten().count())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Done { reloads, kills, kills_at_start, kills_in_reload, freezes, hangs, steps, longest_pause_ms } =
            self.done;
        let Tally { lost, doubled, out_of_order } = self.tally;
        let mut row = |name: &str, value: String| writeln!(f, "{name:<22} {value}");
        row("seed", self.seed.to_string())?;
        row("database", self.database.clone())?;
        row("took", format!("{:.1} s", self.seconds))?;
        row("players", self.players.to_string())?;
        row("reloads", reloads.to_string())?;
        row("kill -9", format!("{kills}, {kills_at_start} at a start, {kills_in_reload} in a reload"))?;
        row("SIGSTOP", format!("{freezes} for a moment, {hangs} until the watchdog ended it"))?;
        if steps > 0 {
            row("ended at steps", steps.to_string())?;
        }
        row("longest pause", format!("{longest_pause_ms} ms"))?;
        row("lines", format!("{} typed, {} answered", self.typed, self.answered))?;
        row("what typists saw", format!("{lost} lost, {doubled} doubled, {out_of_order} out of order"))?;
        row("sockets dropped", self.sockets_dropped().to_string())?;
        let Committed { groups, moves, messages, strokes } = self.committed;
        row("committed", format!("{groups} outputs, {moves} moves, {messages} messages, {strokes} signals heard"))?;
        row("reports of a change", format!("{} committed and seen", self.reports))?;
        let Growth { memory_kib_before, memory_kib_after, files_before, files_after } = self.growth;
        row("portal's memory", format!("{memory_kib_before} KiB, {memory_kib_after} KiB in the end"))?;
        row("portal's open files", format!("{files_before}, {files_after} in the end"))?;
        row("violations", self.violations.len().to_string())?;
        for violation in &self.violations {
            write!(f, "\n{violation}")?;
        }
        if !self.is_clean() {
            write!(f, "\nThe world is left in {}; the same dice: --seed {}\n", self.data_dir.display(), self.seed)?;
        }
        Ok(())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at_ms as f64 / 1000.0;
        writeln!(f, "{:?}, at {at:.2} s, {}: {}", self.promise, self.who, self.what)?;
        self.after.iter().try_for_each(|deed| writeln!(f, "    {deed}"))?;
        self.transcript.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}
