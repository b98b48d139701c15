//! `run --flamegraph`: samples this process while it runs, and draws where its time went when it stops.
//!
//! The picture shows CPU time, function in function, so that an operator sees what is a bottleneck and what is not. It
//! is written into the data directory as `flamegraph-portal.svg` or `flamegraph-server.svg`; a server that follows
//! another by a reload draws its own in its place.

use std::path::Path;

use clap::ValueEnum;

/// The process to sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sampled {
    /// The one that holds the sockets.
    Portal,
    /// The one that runs the world.
    Server,
}

impl Sampled {
    /// Returns its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Server => "server",
        }
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[error("cannot sample the {process}: {why}")]
pub struct FlamegraphError {
    process: &'static str,
    why: String,
}

/// Starts to sample this process, until [`finish`]; the picture will lie in `data_dir`.
///
/// # Errors
///
/// The system has no such timer, or the program was built without the feature `flamegraph`.
pub fn start(process: Sampled, data_dir: &Path) -> Result<(), FlamegraphError> {
    sampling::start(process, data_dir).map_err(|why| FlamegraphError { process: process.name(), why })
}

/// Draws what was sampled, if anything was. To be called wherever the process ends.
pub fn finish() {
    sampling::finish();
}

#[cfg(feature = "flamegraph")]
mod sampling {
    use std::fs::File;
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, PoisonError};

    use pprof::{ProfilerGuard, ProfilerGuardBuilder};

    use super::Sampled;

    /// Samples a second of CPU time: often enough for a minute, and no multiple of any timer.
    const HERTZ: i32 = 499;

    struct Sampling {
        guard: ProfilerGuard<'static>,
        path: PathBuf,
    }

    static SAMPLING: Mutex<Option<Sampling>> = Mutex::new(None);

    pub(super) fn start(process: Sampled, data_dir: &Path) -> Result<(), String> {
        // A sample inside these would wait for a lock that the sampled thread may hold.
        let kept_out = ["libc", "libgcc", "pthread", "vdso"];
        let guard = ProfilerGuardBuilder::default().frequency(HERTZ).blocklist(&kept_out).build();
        let guard = guard.map_err(|error| error.to_string())?;
        let path = data_dir.join(format!("flamegraph-{}.svg", process.name()));
        *SAMPLING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Sampling { guard, path });
        Ok(())
    }

    pub(super) fn finish() {
        let Some(sampling) = SAMPLING.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let path = sampling.path.display();
        match draw(&sampling) {
            Ok(()) => tracing::info!("the flame graph is in {path}"),
            Err(error) => tracing::error!("no flame graph in {path}: {error}"),
        }
    }

    fn draw(sampling: &Sampling) -> Result<(), Box<dyn std::error::Error>> {
        let report = sampling.guard.report().build()?;
        report.flamegraph(File::create(&sampling.path)?)?;
        Ok(())
    }
}

#[cfg(not(feature = "flamegraph"))]
mod sampling {
    use std::path::Path;

    use super::Sampled;

    pub(super) fn start(_: Sampled, _: &Path) -> Result<(), String> {
        Err("this program was built without the feature `flamegraph`".to_owned())
    }

    pub(super) fn finish() {}
}

#[cfg(all(test, feature = "flamegraph"))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_picture_of_what_ran_is_drawn() {
        let dir = tempfile::tempdir().unwrap();
        start(Sampled::Server, dir.path()).unwrap();
        let began = Instant::now();
        let mut sum = 0u64;
        while began.elapsed() < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        finish();
        let picture = std::fs::read_to_string(dir.path().join("flamegraph-server.svg")).unwrap();
        assert!(picture.contains("<svg") && picture.contains("samples"));
        finish();
    }
}
