//! The data directory and its lock: one running world in each.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::LaunchError;

const LOCK_FILE: &str = "everhall.lock";
const PID_FILE: &str = "everhall.pid";

/// How often the lock is tried, and the pause between: somebody may only be looking whether it is held.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Holds a data directory as long as it lives. The kernel lets go of it however the process ends.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
    pid_file: PathBuf,
}

impl DataDirLock {
    /// Makes the directory if need be, readable by nobody else, and locks it.
    ///
    /// # Errors
    ///
    /// [`LaunchError::Locked`] if another world runs there, [`LaunchError::Unwritable`] if it cannot be written.
    pub fn take(data_dir: &Path) -> Result<Self, LaunchError> {
        let unwritable = |error| LaunchError::Unwritable { dir: data_dir.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(unwritable)?;
        let mut file = open(data_dir).map_err(unwritable)?;
        let mut tries = 1;
        while let Err(errno) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if errno != Errno::WOULDBLOCK {
                return Err(unwritable(errno.into()));
            }
            if tries == TRIES {
                return Err(LaunchError::Locked { dir: data_dir.to_owned(), pid: read_pid(&mut file).unwrap_or(0) });
            }
            tries += 1;
            pause();
        }
        let pid_file = data_dir.join(PID_FILE);
        let pid = format!("{}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(unwritable)?;
        std::fs::write(&pid_file, pid).map_err(unwritable)?;
        Ok(Self { _file: file, pid_file })
    }

    /// Returns the process that holds the directory; nothing if none does.
    pub fn holder(data_dir: &Path) -> Option<i32> {
        holder(&data_dir.join(LOCK_FILE))
    }
}

/// Returns the process that holds a lock file, 0 if the file does not name it; nothing if none does.
pub(super) fn holder(lock_file: &Path) -> Option<i32> {
    let mut file = File::open(lock_file).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => Some(read_pid(&mut file).unwrap_or(0)),
        _ => None,
    }
}

impl Drop for DataDirLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.pid_file);
    }
}

fn open(data_dir: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(data_dir.join(LOCK_FILE))
}

fn read_pid(file: &mut File) -> Option<i32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "the launcher has no arbiter, and waits for nothing else here")]
fn pause() {
    std::thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_world_is_told_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("deep/data");
        assert_eq!(DataDirLock::holder(&data), None);
        let lock = DataDirLock::take(&data).unwrap();
        let pid = std::process::id();
        assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(std::fs::read_to_string(data.join(PID_FILE)).unwrap(), format!("{pid}\n"));
        let error = DataDirLock::take(&data).unwrap_err().to_string();
        assert!(error.ends_with(&format!("is locked by another running world (pid {pid})")), "{error}");
        assert_eq!(DataDirLock::holder(&data), i32::try_from(pid).ok());
        drop(lock);
        assert_eq!(DataDirLock::holder(&data), None);
        assert!(!data.join(PID_FILE).exists());
        DataDirLock::take(&data).unwrap();
    }

    #[test]
    fn a_directory_that_is_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::write(&data, "").unwrap();
        assert!(matches!(DataDirLock::take(&data), Err(LaunchError::Unwritable { .. })));
    }
}
