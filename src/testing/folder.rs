//! A folder that goes away with its owner, except when a test failed: then it is left for a look.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process, thread};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of a test's own, below the system's folder for temporary files.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one that nobody else has.
    ///
    /// The name is short: a Unix socket inside it has about 100 bytes for its whole path.
    pub(super) fn create() -> Self {
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("everhall-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Self(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{} cannot be made: {error}", path.display()),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: a leftover in the temporary folder is no reason to fail a test.
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
