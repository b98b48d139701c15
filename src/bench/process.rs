//! What portal and server use: CPU time and memory, from `/proc`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// Ticks of `/proc/N/stat` per second: the same on every Linux in use, whatever the kernel's own rate.
const TICKS_PER_SEC: u64 = 100;

/// The processes to measure, as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct Processes {
    /// Number of the portal's process.
    pub portal: Option<u32>,
    /// Number of the server's process.
    pub server: Option<u32>,
    /// Where the world lives, which is asked for its own figures.
    pub data_dir: Option<PathBuf>,
}

/// What both used at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Both {
    pub(super) portal: Option<Usage>,
    pub(super) server: Option<Usage>,
}

/// What one process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    pub(super) memory_kib: u64,
}

impl Processes {
    /// Asks a running world for its processes, over the control socket in its data directory.
    pub fn of(data_dir: &Path) -> Self {
        let status = ask(data_dir, r#"{"op":"status"}"#).unwrap_or_default();
        let pid = |process: &str| status[process]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        Self { portal: pid("portal"), server: pid("server"), data_dir: Some(data_dir.to_owned()) }
    }

    /// Asks the running world.
    pub(super) fn ask(&self, request: &str) -> Option<Value> {
        ask(self.data_dir.as_deref()?, request)
    }

    /// Asks the server for its figures; the longest times of handlers begin anew. Null if there is none to ask.
    pub(super) fn figures(&self) -> Value {
        let request = r#"{"op":"ask","what":"status","args":{"anew":true}}"#;
        self.data_dir.as_deref().filter(|_| self.server.is_some()).and_then(|dir| ask(dir, request)).unwrap_or_default()
    }

    pub(super) fn usage(&self) -> Both {
        let usage = |pid: Option<u32>| Usage::of(&pid?.to_string());
        Both { portal: usage(self.portal), server: usage(self.server) }
    }
}

impl Usage {
    /// Returns what this process has used.
    pub(super) fn own() -> Self {
        Self::of("self").unwrap_or_default()
    }

    fn of(process: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        Some(Self { cpu: cpu(&stat)?, memory_kib: resident_kib(&status)? })
    }

    /// Returns the CPU time used since an earlier moment.
    pub(super) fn cpu_since(&self, before: &Self) -> Duration {
        self.cpu.saturating_sub(before.cpu)
    }
}

fn ask(data_dir: &Path, request: &str) -> Option<Value> {
    let mut stream = UnixStream::connect(data_dir.join("control.sock")).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(format!("{request}\n").as_bytes()).ok()?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).ok()?;
    serde_json::from_str(&answer).ok()
}

/// Reads user and system time. The name in brackets may itself hold brackets and spaces.
fn cpu(stat: &str) -> Option<Duration> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SEC))
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_memory_are_read() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 4 0 100 1000 200";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1750)));
        assert_eq!(resident_kib("Name:\tx\nVmRSS:\t   2048 kB\n"), Some(2048));
        assert_eq!(cpu("nonsense"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(Usage::own().memory_kib > 100);
    }
}
