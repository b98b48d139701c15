//! Where log lines go: a rotated file for each process, and the terminal of a world that runs in the foreground.
//!
//! A line is handed to a thread that writes, so that neither a slow disk nor a terminal that is held up stops an arbiter.
//! The thread's queue is bounded: what does not fit is counted and said.

use std::any::Any;
use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing::error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

use crate::config::{Config, LogConfig};

/// Target of the lines that a keeper sees on the terminal: the life of the processes, not of each connection.
///
/// `info!(target: LIFE, "the server is ready")`
pub const LIFE: &str = "life";

/// Lines that may wait to be written.
const WAITING_LINES: usize = 4096;

/// How long the end of a process waits for its last lines to be written.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// Parent of the portal.
    Launcher,
    /// Holds the sockets.
    Portal,
    /// Runs the world.
    Server,
}

impl Process {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Launcher, Self::Portal, Self::Server];

    /// Returns its name, as [`crate::cli`] shows it beside its lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Launcher => "launcher",
            Self::Portal => "portal",
            Self::Server => "server",
        }
    }

    /// Returns its log file below the data directory.
    pub fn log_file(self, data_dir: &Path) -> PathBuf {
        let name = match self {
            Self::Launcher => "everhall.log",
            Self::Portal => "portal.log",
            Self::Server => "server.log",
        };
        logs_dir(data_dir).join(name)
    }
}

/// Returns where the log files are.
pub fn logs_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("logs")
}

/// Keeps the log open; dropping it waits until what was logged is written.
#[must_use = "the last lines are lost without it"]
pub struct Logs(Vec<Lines>);

impl Drop for Logs {
    fn drop(&mut self) {
        self.0.iter().for_each(Lines::flush);
    }
}

/// Begins to log to the process's file and, with `terminal`, to stderr.
///
/// Stderr shows warnings and [`LIFE`], or all of `log.level` if a keeper chose another one than the default.
///
/// # Errors
///
/// The log directory cannot be made.
pub fn init(process: Process, config: &Config, terminal: bool) -> io::Result<Logs> {
    std::fs::create_dir_all(logs_dir(&config.data_dir))?;
    let lines = Lines::start(rotated(&process.log_file(&config.data_dir), &config.log))?;
    let mut logs = vec![lines.clone()];
    let file = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(lines)
        .with_filter(EnvFilter::new(&config.log.level));
    let mut stderr = None;
    if terminal {
        let lines = Lines::start(io::stderr())?;
        logs.push(lines.clone());
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .without_time()
            .with_writer(lines);
        stderr = Some(layer.with_filter(EnvFilter::new(terminal_filter(&config.log.level))));
    }
    // Fails only if the process logs already.
    let _ = tracing_subscriber::registry().with(file).with(stderr).try_init();
    log_panics(logs.clone());
    Ok(Logs(logs))
}

fn terminal_filter(level: &str) -> String {
    if level == LogConfig::default().level { format!("warn,{LIFE}=info") } else { level.to_owned() }
}

fn rotated(path: &Path, log: &LogConfig) -> FileRotate<AppendCount> {
    let mut options = OpenOptions::new();
    options.read(true).create(true).append(true).mode(0o600);
    let limit = ContentLimit::BytesSurpassed(log.file_bytes.max(1));
    FileRotate::new(path, AppendCount::new(log.files), limit, Compression::None, Some(options))
}

thread_local! {
    static PANIC_PLACE: Cell<String> = const { Cell::new(String::new()) };
}

/// Returns where this thread panicked last, as `file:line:column`, and forgets it; empty if it did not.
///
/// For whoever has caught the panic: the message alone does not tell.
pub fn take_panic_place() -> String {
    PANIC_PLACE.take()
}

/// Returns what a panic said.
pub fn reason(payload: &(dyn Any + Send)) -> &str {
    let reason = payload.downcast_ref::<&str>().copied();
    reason.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Logs panics with their place instead of printing them, and writes them out at once: the process may abort next.
fn log_panics(logs: Vec<Lines>) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        PANIC_PLACE.set(place.clone());
        let reason = reason(panic.payload());
        let trace = std::backtrace::Backtrace::capture();
        match trace.status() {
            std::backtrace::BacktraceStatus::Captured => error!("panic at {place}: {reason}\n{trace}"),
            _ => error!("panic at {place}: {reason}"),
        }
        logs.iter().for_each(Lines::flush);
    }));
}

enum Entry {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// The way to the thread that writes.
#[derive(Clone)]
struct Lines {
    entries: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

impl Lines {
    fn start(target: impl Write + Send + 'static) -> io::Result<Self> {
        let (entries, queue) = sync_channel(WAITING_LINES);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(&queue, target, &counted))?;
        Ok(Self { entries, lost })
    }

    fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.entries.try_send(Entry::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH_PATIENCE);
        }
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.entries.try_send(Entry::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// The thread that writes. A line that cannot be written is lost: there is nowhere left to say so.
fn write_lines(queue: &Receiver<Entry>, mut target: impl Write, lost: &AtomicU64) {
    for entry in queue {
        match entry {
            Entry::Line(line) => {
                let _ = target.write_all(&line);
                let lost = lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    let _ = writeln!(
                        target,
                        "({lost} lines are missing here: they came faster than they could be written)"
                    );
                }
            }
            Entry::Flush(done) => {
                let _ = target.flush();
                let _ = done.try_send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_is_rotated_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("world.log");
        let config = LogConfig { file_bytes: 100, files: 2, ..LogConfig::default() };
        let lines = Lines::start(rotated(&path, &config)).unwrap();
        for n in 0..40 {
            (&lines).write_all(format!("line {n} of the log\n").as_bytes()).unwrap();
        }
        lines.flush();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
        let newest = std::fs::read_to_string(&path).unwrap();
        assert!(newest.ends_with("line 39 of the log\n"), "{newest}");
    }

    #[test]
    fn the_terminal_is_quiet_unless_a_level_was_chosen() {
        assert_eq!(terminal_filter("info"), "warn,life=info");
        assert_eq!(terminal_filter("debug"), "debug");
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        struct Stuck(Receiver<()>, Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _ = self.0.recv();
                self.1.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (go, wait) = std::sync::mpsc::channel();
        let written = Arc::new(std::sync::Mutex::new(Vec::new()));
        let lines = Lines::start(Stuck(wait, Arc::clone(&written))).unwrap();
        // One line may be with the thread already.
        for _ in 0..WAITING_LINES + 11 {
            (&lines).write_all(b"x\n").unwrap();
        }
        drop(go);
        while lines.entries.try_send(Entry::Line(b"last\n".to_vec())).is_err() {
            std::thread::yield_now();
        }
        let (done, flushed) = sync_channel(1);
        lines.entries.send(Entry::Flush(done)).unwrap();
        flushed.recv().unwrap();
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(text.contains("(10 lines are missing here") || text.contains("(11 lines are missing here"), "{text}");
    }
}
