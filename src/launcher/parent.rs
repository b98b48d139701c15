//! How a portal notices that its launcher is gone.

use std::io::Read;
use std::time::Duration;

use rustix::fs::{FileType, fstat};
use rustix::process::{Signal, getpid, kill_process};

/// How long a portal without a launcher may take to stop.
const PATIENCE: Duration = Duration::from_secs(15);

/// Stops this process, as SIGTERM does, when its parent is gone, however that ended.
///
/// The launcher holds the other end of the pipe that is this process's standard input and never writes to it; the
/// kernel closes it with the launcher. Does nothing if standard input is not a pipe.
pub fn watch_parent() {
    let piped = fstat(std::io::stdin()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    if !piped {
        return;
    }
    let watch = || {
        let mut bytes = [0; 64];
        while matches!(std::io::stdin().read(&mut bytes), Ok(1..)) {}
        tracing::warn!("the launcher is gone: stopping");
        let _ = kill_process(getpid(), Signal::TERM);
        wait();
        std::process::abort();
    };
    if let Err(error) = std::thread::Builder::new().name("watch-parent".to_owned()).spawn(watch) {
        tracing::error!("cannot watch for the end of the launcher: {error}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own")]
fn wait() {
    std::thread::sleep(PATIENCE);
}
