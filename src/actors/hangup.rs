//! The end of the wire, seen by a thread of its own: a server whose arbiters are held up ends all the same when nobody
//! is at the other end any more.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use tokio::net::UnixStream;

/// How long a server without a wire may take to finish.
const PATIENCE: Duration = Duration::from_secs(2);

/// Told of by `poll` where nothing is asked for: an end of both directions; and, on Linux, of the other's.
#[cfg(target_os = "linux")]
const HANGUP: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const HANGUP: PollFlags = PollFlags::empty();

/// Ends this process some time after the other end of the wire is closed, if it has not ended by itself.
///
/// # Errors
///
/// The thread cannot be started.
pub(super) fn watch(wire: &UnixStream) -> io::Result<()> {
    let wire = wire.as_fd().try_clone_to_owned()?;
    let watch = move || {
        while let Err(Errno::INTR) = poll(&mut [PollFd::new(&wire, HANGUP)], None) {}
        wait();
        tracing::error!("the server did not end within {PATIENCE:?} of its wire");
        let _ = kill_process(getpid(), Signal::KILL);
    };
    std::thread::Builder::new().name("watch-wire".to_owned()).spawn(watch).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own")]
fn wait() {
    std::thread::sleep(PATIENCE);
}
