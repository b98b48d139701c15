//! One child process: started in its own group, its standard error passed on, its last words kept.

use std::io::{self, Write};
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
#[derive(Debug, Clone)]
pub struct Exit {
    /// In words: `exit status: 1`.
    pub status: String,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The last line it wrote to its standard error; empty if it wrote none.
    pub last_line: String,
}

/// Starts the server. It has its own process group, so that Ctrl-C reaches the portal alone.
pub(super) fn spawn(settings: &ServerSettings) -> io::Result<Started> {
    let mut child = Command::new(&settings.executable)
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
        let mut last_line = Vec::new();
        let Some(mut stderr) = self.child.stderr.take() else {
            return Exit::new(self.child.wait().await, String::new());
        };
        let status = tokio::select! {
            status = self.child.wait() => status,
            never = pass_on_forever(&mut stderr, &mut last_line) => match never {},
        };
        // What it said at the very end; a process of its own that holds the pipe open is not waited for.
        let _ = tokio::time::timeout(REST_PATIENCE, pass_on(&mut stderr, &mut last_line)).await;
        Exit::new(status, String::from_utf8_lossy(&last_line).trim().to_owned())
    }
}

impl Exit {
    fn new(status: io::Result<ExitStatus>, last_line: String) -> Self {
        match status {
            Ok(status) => Self { status: status.to_string(), code: status.code(), last_line },
            Err(error) => Self { status: error.to_string(), code: None, last_line },
        }
    }
}

async fn pass_on_forever(stderr: &mut ChildStderr, last_line: &mut Vec<u8>) -> std::convert::Infallible {
    pass_on(stderr, last_line).await;
    std::future::pending().await
}

/// Copies the server's standard error to the portal's, until its end.
async fn pass_on(stderr: &mut ChildStderr, last_line: &mut Vec<u8>) {
    let mut buffer = vec![0; 8192];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        keep_last_line(last_line, &buffer[..count]);
        let chunk = buffer[..count].to_vec();
        // A terminal that is held up must not hold up the portal.
        let _ = tokio::task::spawn_blocking(move || io::stderr().write_all(&chunk)).await;
    }
}

/// Keeps the last line that is not empty; a line may come in pieces.
fn keep_last_line(last_line: &mut Vec<u8>, chunk: &[u8]) {
    for byte in chunk {
        if last_line.last() == Some(&b'\n') && !byte.is_ascii_whitespace() {
            last_line.clear();
        }
        if last_line.last() != Some(&b'\n') && last_line.len() < LAST_LINE_BYTES {
            last_line.push(*byte);
        } else if *byte == b'\n' && last_line.last() != Some(&b'\n') {
            last_line.pop();
            last_line.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&str], expected: &str) {
        let mut last_line = Vec::new();
        for chunk in chunks {
            keep_last_line(&mut last_line, chunk.as_bytes());
        }
        assert_eq!(String::from_utf8_lossy(&last_line).trim(), expected);
    }

    #[test]
    fn the_last_words_are_kept() {
        check(&["starting\nport is taken\n"], "port is taken");
        check(&["starting\npor", "t is taken"], "port is taken");
        check(&["port is taken\n", "\n\n"], "port is taken");
        check(&[], "");
    }

    #[test]
    fn a_long_line_is_cut_and_ends() {
        check(&[&"x".repeat(5000), "\nend\n"], "end");
    }
}
