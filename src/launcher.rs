//! `run` and `start`: the small process that is parent of the portal.
//!
//! It locks the data directory, prepares the database, starts the portal, restarts it if it dies, and passes on the
//! wish to stop. It holds no socket and knows no game: what it does is so little that it has no reason to fail.
//!
//! ```text
//! launcher ── spawns ──► portal ── spawns ──► server
//!          ◄── exit status        SIGTERM ──►
//! ```
//!
//! The portal is in a process group of its own, so that the terminal's Ctrl-C reaches the launcher alone. Its standard
//! input is a pipe whose end tells it that the launcher is gone ([`watch_parent`]).

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::logging::LIFE;

pub mod control;
mod error;
mod lock;
mod parent;
pub mod prepare;
mod progress;
pub mod status;

pub use error::LaunchError;
pub use lock::DataDirLock;
pub use parent::watch_parent;
pub use prepare::{FirstWorld, Prepared, prepare};
pub use progress::Progress;

/// How long the portal may take to stop before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Pause before a dead portal is started again; doubles with each death in a row, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A portal that was up this long had not died while starting.
const SETTLED: Duration = Duration::from_secs(3);

/// What a running portal holds locked in the data directory.
const PORTAL_LOCK: &str = "portal.lock";

/// How long a portal whose launcher was killed is waited for.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(10);

/// Environment variable with the first account's password; only [`prepare()`] has a use for it.
pub const FIRST_PASSWORD: &str = "EVERHALL_ADMIN_PASSWORD";

/// How to start the portal, and what to tell when it is up.
pub struct Launch<'a> {
    /// The executable.
    pub program: &'a Path,
    /// Its arguments. Given the status of the portal before it, if there was one, so that it takes over its ports.
    pub args: &'a dyn Fn(Option<&Value>) -> Vec<OsString>,
    /// Where its control socket is.
    pub data_dir: &'a Path,
    /// Called once, when the first server is ready, with the portal's status.
    pub ready: &'a dyn Fn(&Value),
}

/// Runs the portal until it ends by itself with exit code 0 or `stop` says so. Returns the exit code to pass on.
///
/// A portal that ends before the world was up is not restarted: it has said why. Later deaths are restarted.
///
/// # Errors
///
/// The portal cannot be started, died before the world was up, or had to be killed.
pub async fn supervise(launch: Launch<'_>, mut stop: mpsc::Receiver<()>) -> Result<u8, LaunchError> {
    let mut last_status: Option<Value> = None;
    let mut pause = FIRST_PAUSE;
    loop {
        // The pipe is held as long as the portal lives.
        let (mut portal, _pipe) = spawn(&launch, last_status.as_ref())?;
        let started = Instant::now();
        let status = tokio::select! {
            ended = watch(&mut portal, &launch, &mut last_status) => ended?,
            _ = stop.recv() => return stop_portal(portal, &mut stop).await,
        };
        match (status.code().map(u8::try_from), &last_status) {
            (Some(Ok(0)), _) => return Ok(0),
            (Some(Ok(code)), None) => return Ok(code),
            (_, None) => return Err(LaunchError::PortalDied(status)),
            (_, Some(_)) => {}
        }
        if started.elapsed() >= SETTLED {
            pause = FIRST_PAUSE;
        }
        warn!("the portal ended ({status}); starting it again in {} ms", pause.as_millis());
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.recv() => return Ok(0),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits until the portal ends; meanwhile notes its status when it is up.
async fn watch(
    portal: &mut Child,
    launch: &Launch<'_>,
    last_status: &mut Option<Value>,
) -> Result<ExitStatus, LaunchError> {
    let ready = tokio::select! {
        ended = portal.wait() => return ended.map_err(LaunchError::Portal),
        status = status::until_ready(launch.data_dir) => status,
    };
    match last_status.replace(ready) {
        None => last_status.iter().for_each(launch.ready),
        Some(_) => info!(target: LIFE, "the world is up again"),
    }
    portal.wait().await.map_err(LaunchError::Portal)
}

fn spawn(launch: &Launch<'_>, last_status: Option<&Value>) -> Result<(Child, Option<ChildStdin>), LaunchError> {
    let mut portal = Command::new(launch.program)
        .args((launch.args)(last_status))
        .env_remove(FIRST_PASSWORD)
        .stdin(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(LaunchError::Portal)?;
    // Taken out because waiting for a child closes its standard input.
    let pipe = portal.stdin.take();
    Ok((portal, pipe))
}

/// Asks the portal to stop and waits; a second wish to stop, or a portal that takes too long, kills it.
async fn stop_portal(mut portal: Child, stop: &mut mpsc::Receiver<()>) -> Result<u8, LaunchError> {
    info!(target: LIFE, "stopping");
    let pid = portal.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    tokio::select! {
        ended = timeout(STOP_PATIENCE, portal.wait()) => if let Ok(ended) = ended {
            ended.map_err(LaunchError::Portal)?;
            return Ok(0);
        },
        _ = stop.recv() => {}
    }
    portal.kill().await.map_err(LaunchError::Portal)?;
    Err(LaunchError::PortalStuck(STOP_PATIENCE.as_secs()))
}

/// Returns what receives a message for each SIGTERM and SIGINT of this process.
///
/// SIGHUP is left as it is: it ends the launcher, at which the portal stops, unless `nohup` says otherwise.
///
/// # Errors
///
/// The signals cannot be caught.
pub fn stop_signals() -> std::io::Result<mpsc::Receiver<()>> {
    let (wish, stop) = mpsc::channel(1);
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let (mut signals, wish) = (signal(kind)?, wish.clone());
        tokio::spawn(async move { while signals.recv().await.is_some() && wish.send(()).await.is_ok() {} });
    }
    Ok(stop)
}

/// Waits until a portal whose launcher was killed has stopped too. Returns at once if there is none.
///
/// # Errors
///
/// It still runs after ten seconds.
pub async fn wait_for_orphan(data_dir: &Path) -> Result<(), LaunchError> {
    let started = Instant::now();
    while let Some(pid) = lock::holder(&data_dir.join(PORTAL_LOCK)) {
        if started.elapsed() > ORPHAN_PATIENCE {
            return Err(LaunchError::Locked { dir: data_dir.to_owned(), pid });
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixListener;

    use super::*;

    /// Answers every request as a portal whose server is ready.
    fn answer_ready(data_dir: &Path) {
        let listener = UnixListener::bind(data_dir.join("control.sock")).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"{\"server\":{\"state\":\"ready\"},\"portal\":{\"pid\":1}}\n").await;
            }
        });
    }

    /// Runs a shell script as the portal. `$1` is 1 for the first, 2 for the second …; returns how often it ran,
    /// how often the world was up, and the end.
    async fn launched(
        script: &'static str,
        data_dir: &Path,
        stop: mpsc::Receiver<()>,
    ) -> (u32, u32, Result<u8, LaunchError>) {
        let (runs, ups) = (Cell::new(0), Cell::new(0));
        let args = |_: Option<&Value>| {
            runs.set(runs.get() + 1);
            ["-c", script, "portal", &runs.get().to_string()].map(OsString::from).to_vec()
        };
        let ready = |_: &Value| ups.set(ups.get() + 1);
        let launch = Launch { program: Path::new("/bin/sh"), args: &args, data_dir, ready: &ready };
        let end = timeout(Duration::from_secs(20), supervise(launch, stop)).await.unwrap();
        (runs.get(), ups.get(), end)
    }

    #[tokio::test]
    async fn a_start_error_of_the_portal_is_passed_on_and_not_retried() {
        let dir = tempfile::tempdir().unwrap();
        let (_wish, stop) = mpsc::channel(1);
        assert!(matches!(launched("exit 3", dir.path(), stop).await, (1, 0, Ok(3))));
        let (_wish, stop) = mpsc::channel(1);
        assert!(matches!(launched("kill -9 $$", dir.path(), stop).await, (1, 0, Err(LaunchError::PortalDied(_)))));
    }

    #[tokio::test]
    async fn a_portal_that_dies_after_the_world_was_up_is_started_again() {
        let dir = tempfile::tempdir().unwrap();
        answer_ready(dir.path());
        let (_wish, stop) = mpsc::channel(1);
        let portal = "if [ $1 = 3 ]; then exit 0; fi; sleep 0.3; kill -9 $$";
        let (runs, ups, end) = launched(portal, dir.path(), stop).await;
        assert_eq!((runs, ups), (3, 1));
        assert!(matches!(end, Ok(0)));
    }

    #[tokio::test]
    async fn a_portal_that_outlives_its_launcher_is_waited_for() {
        use rustix::fs::{FlockOperation, flock};
        let dir = tempfile::tempdir().unwrap();
        let portal = std::fs::File::create(dir.path().join(PORTAL_LOCK)).unwrap();
        flock(&portal, FlockOperation::LockExclusive).unwrap();
        let mut waiting = std::pin::pin!(wait_for_orphan(dir.path()));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("it still runs"),
            () = std::future::ready(()) => {}
        }
        drop(portal);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_wish_to_stop_reaches_the_portal_as_a_signal() {
        let dir = tempfile::tempdir().unwrap();
        let (wish, stop) = mpsc::channel(1);
        let up = dir.path().to_owned();
        tokio::spawn(async move {
            while !up.join("up").exists() {
                tokio::task::yield_now().await;
            }
            wish.send(()).await.unwrap();
            std::future::pending::<()>().await;
        });
        let script = "trap 'touch \"$0.stopped\"; exit 0' TERM; touch up; while :; do sleep 0.05; done";
        let script: &'static str =
            format!("cd '{}'; {}", dir.path().display(), script.replace("$0.stopped", "stopped")).leak();
        let (runs, _, end) = launched(script, dir.path(), stop).await;
        assert_eq!(runs, 1);
        assert!(matches!(end, Ok(0)));
        assert!(dir.path().join("stopped").exists());
    }

    #[tokio::test]
    async fn a_second_wish_to_stop_kills_a_portal_that_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (wish, stop) = mpsc::channel(1);
        let up = dir.path().join("up");
        let script: &'static str =
            format!("trap '' TERM; touch '{}'; while :; do sleep 0.05; done", up.display()).leak();
        tokio::spawn(async move {
            while !up.exists() {
                tokio::task::yield_now().await;
            }
            wish.send(()).await.unwrap();
            wish.send(()).await.unwrap();
            std::future::pending::<()>().await;
        });
        assert!(matches!(launched(script, dir.path(), stop).await, (1, _, Err(LaunchError::PortalStuck(_)))));
    }

    #[tokio::test]
    async fn the_portal_sees_the_end_of_its_launcher_as_the_end_of_its_input() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        let script: &'static str = format!("cat; touch '{}'", gone.display()).leak();
        let args = |_: Option<&Value>| ["-c", script].map(OsString::from).to_vec();
        let launch = Launch { program: Path::new("/bin/sh"), args: &args, data_dir: dir.path(), ready: &|_| {} };
        let (mut portal, pipe) = spawn(&launch, None).unwrap();
        assert!(portal.try_wait().unwrap().is_none());
        drop(pipe);
        portal.wait().await.unwrap();
        assert!(gone.exists());
    }
}
