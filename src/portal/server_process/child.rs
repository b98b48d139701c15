//! One child process: started in its own group, its standard error passed on, its last words kept.

use std::io::{self, Write};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};

use super::ServerSettings;

/// Longest last line that is kept, in bytes.
const LAST_LINE_BYTES: usize = 1000;
/// How long the rest of its standard error is read after it exited.
const REST_PATIENCE: Duration = Duration::from_millis(200);

/// A process that was started.
pub(super) struct Started {
    pub(super) pid: Pid,
    child: Child,
}

/// How a server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// In words: `exit status: 1`.
    pub status: String,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The last line it wrote to its standard error; empty if it wrote none.
    pub last_line: String,
}

/// Starts a server from this file, under the name of the executable that it is a version of. It has its own process group, so
/// that Ctrl-C reaches the launcher alone.
pub(super) fn spawn(program: &Path, settings: &ServerSettings) -> io::Result<Started> {
    let mut child = Command::new(program)
        .arg0(&settings.executable)
        .args(&settings.args)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    match child.id().and_then(|id| Pid::from_raw(id as i32)) {
        Some(pid) => Ok(Started { pid, child }),
        None => {
            child.start_kill()?;
            Err(io::Error::other("the server has no process id"))
        }
    }
}

impl Started {
    /// Waits until it is reaped.
    pub(super) async fn wait(mut self) -> Exit {
        let mut words = LastWords::default();
        let Some(mut stderr) = self.child.stderr.take() else {
            return Exit::new(self.child.wait().await, String::new());
        };
        let status = tokio::select! {
            status = self.child.wait() => status,
            never = pass_on_forever(&mut stderr, &mut words) => match never {},
        };
        // What it said at the very end; a process of its own that holds the pipe open is not waited for.
        let _ = tokio::time::timeout(REST_PATIENCE, pass_on(&mut stderr, &mut words)).await;
        Exit::new(status, words.take())
    }
}

impl Exit {
    /// Returns how a process ended that could not be started.
    pub(super) fn unborn(error: &io::Error) -> Self {
        Self { status: error.to_string(), code: None, last_line: String::new() }
    }

    /// Returns why it ended, in its own words if it left any.
    pub fn words(&self) -> &str {
        if self.last_line.is_empty() { &self.status } else { &self.last_line }
    }

    fn new(status: io::Result<ExitStatus>, last_line: String) -> Self {
        match status {
            Ok(status) => Self { status: status.to_string(), code: status.code(), last_line },
            Err(error) => Self { status: error.to_string(), code: None, last_line },
        }
    }
}

async fn pass_on_forever(stderr: &mut ChildStderr, words: &mut LastWords) -> std::convert::Infallible {
    pass_on(stderr, words).await;
    std::future::pending().await
}

/// Copies the server's standard error to the portal's, until its end.
async fn pass_on(stderr: &mut ChildStderr, words: &mut LastWords) {
    let mut buffer = vec![0; 8192];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        words.hear(&buffer[..count]);
        let chunk = buffer[..count].to_vec();
        // A terminal that is held up must not hold up the portal.
        let _ = tokio::task::spawn_blocking(move || io::stderr().write_all(&chunk)).await;
    }
}

/// The last line that says something. Lines may come in pieces.
#[derive(Debug, Default)]
struct LastWords {
    line: Vec<u8>,
    /// The last whole line; of two the first of which ends with a colon, both.
    last: String,
}

impl LastWords {
    fn hear(&mut self, chunk: &[u8]) {
        for byte in chunk {
            match byte {
                b'\n' => self.end_line(),
                _ if self.line.len() < LAST_LINE_BYTES => self.line.push(*byte),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim().to_owned();
        // What Rust itself adds to a panic that nobody has caught.
        if line.is_empty() || line.starts_with("note: run with `RUST_BACKTRACE") {
            return;
        }
        self.last = if self.last.ends_with(':') && self.last.len() < LAST_LINE_BYTES {
            format!("{} {line}", self.last)
        } else {
            line
        };
    }

    fn take(mut self) -> String {
        self.end_line();
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&str], expected: &str) {
        let mut words = LastWords::default();
        for chunk in chunks {
            words.hear(chunk.as_bytes());
        }
        assert_eq!(words.take(), expected);
    }

    #[test]
    fn the_last_words_are_kept() {
        check(&["starting\nport is taken\n"], "port is taken");
        check(&["starting\npor", "t is taken"], "port is taken");
        check(&["port is taken\n", "\n\n"], "port is taken");
        check(&[], "");
    }

    #[test]
    fn a_panic_is_kept_with_its_place() {
        let panic = "starting\n\nthread 'main' panicked at src/lib.rs:3:9:\nno such planet\n\
                     note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        check(&[panic], "thread 'main' panicked at src/lib.rs:3:9: no such planet");
    }

    #[test]
    fn a_long_line_is_cut_and_ends() {
        check(&[&"x".repeat(5000), "\nend\n"], "end");
    }
}
