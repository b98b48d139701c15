//! A file that is not there until it is whole: written under another name beside its own, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock, statvfs};

use super::BackupError;
use super::names::PART;

/// Space that is left free beside a backup: a disk that is full to the last block stops the world.
const SLACK_BYTES: u64 = 1024 * 1024;

/// How often what is written is brought to the disk.
const WRITE_OUT: Duration = Duration::from_millis(50);

/// A file that is being written. Dropping it without [`PartFile::finish`] leaves nothing behind.
#[derive(Debug)]
pub(super) struct PartFile {
    path: PathBuf,
    part: PathBuf,
    file: File,
    replaces: bool,
    is_done: bool,
}

impl PartFile {
    /// Makes an empty file, readable by nobody else, that will be `path`. With `replaces` there may be one of that name, which stays
    /// as it is until then.
    ///
    /// # Errors
    ///
    /// [`BackupError::Exists`]; [`BackupError::Write`] if there is no such directory, or another backup is just being written there.
    pub(super) fn create(path: &Path, replaces: bool) -> Result<Self, BackupError> {
        let path = std::path::absolute(path).map_err(|error| BackupError::write(path, &error))?;
        let unwritable = |error: io::Error| BackupError::write(&path, &error);
        if path.exists() && !replaces {
            return Err(BackupError::Exists { file: path });
        }
        if path.is_dir() || path.file_name().is_none() {
            return Err(BackupError::Write { file: path, reason: "that is a directory".to_owned() });
        }
        let part = with_ending(&path, PART);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&part);
        let file = file.map_err(unwritable)?;
        // Left behind by a process that was killed, it may be taken; by one that still writes, or that has just given it its name,
        // not.
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        if locked.is_err() || !is_the_same(&file, &part) {
            return Err(BackupError::Write {
                file: path,
                reason: "another backup is just being written there".to_owned(),
            });
        }
        file.set_len(0).map_err(unwritable)?;
        remove_logs(&part);
        Ok(Self { path, part, file, replaces, is_done: false })
    }

    /// Returns where to write.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// Returns what it will be called.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses if less than so much is free where it is written.
    pub(super) fn expect_space(&self, bytes: u64) -> Result<(), BackupError> {
        let Some(folder) = self.part.parent() else { return Ok(()) };
        // A file system that cannot say may still have it.
        let Ok(space) = statvfs(folder) else { return Ok(()) };
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let needs = bytes.saturating_add(SLACK_BYTES);
        if free < needs {
            return Err(BackupError::Full { file: self.path.clone(), needs, free });
        }
        Ok(())
    }

    /// Does the writing, and meanwhile has what is written brought to the disk bit by bit: all of it at once, at the end, would hold up
    /// whoever else waits for that disk, which is the world.
    pub(super) fn write_out<T>(&self, write: impl FnOnce() -> T) -> T {
        let (done, is_done) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while is_done.recv_timeout(WRITE_OUT) == Err(RecvTimeoutError::Timeout) {
                    // What is wrong with the disk, the end will tell.
                    let _ = self.file.sync_data();
                }
            });
            let written = write();
            drop(done);
            written
        })
    }

    /// Has all of it on the disk, then gives it its name. Returns its size in bytes.
    pub(super) fn finish(mut self) -> Result<u64, BackupError> {
        let path = self.path.clone();
        let unwritable = |error: io::Error| BackupError::write(&path, &error);
        self.file.sync_all().map_err(unwritable)?;
        let bytes = self.file.metadata().map_err(unwritable)?.len();
        if !self.replaces && path.exists() {
            return Err(BackupError::Exists { file: path });
        }
        fs::rename(&self.part, &path).map_err(unwritable)?;
        self.is_done = true;
        sync_folder_of(&path).map_err(unwritable)?;
        Ok(bytes)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = fs::remove_file(&self.part);
            remove_logs(&self.part);
        }
    }
}

/// Returns a path with something behind its name.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Deletes a part that nobody writes any more.
pub(super) fn remove_abandoned(part: &Path) -> io::Result<()> {
    if flock(File::open(part)?, FlockOperation::NonBlockingLockExclusive).is_ok() {
        fs::remove_file(part)?;
        remove_logs(part);
    }
    Ok(())
}

/// Deletes what SQLite may have put beside a file, which must not meet another one of that name.
fn remove_logs(part: &Path) {
    for ending in ["-journal", "-wal", "-shm"] {
        let _ = fs::remove_file(with_ending(part, ending));
    }
}

/// Tells whether an open file still goes by that name.
fn is_the_same(file: &File, path: &Path) -> bool {
    let number = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()));
    number(file.metadata()).is_some_and(|open| number(fs::metadata(path)) == Some(open))
}

/// Has the names in a file's directory on the disk.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world.backup");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let part = PartFile::create(&path, false).unwrap();
        fs::write(with_ending(part.part(), "-journal"), "what SQLite had begun").unwrap();
        drop(part);
        assert_eq!(names(), 0);
        fs::write(folder.path().join("world.backup.part-wal"), "what was left by a process that was killed").unwrap();
        let part = PartFile::create(&path, false).unwrap();
        fs::write(part.part(), "all of it").unwrap();
        assert!(!path.exists());
        assert!(matches!(PartFile::create(&path, false), Err(BackupError::Write { .. })), "one at a time");
        assert_eq!(part.finish().unwrap(), 9);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names()), ("all of it", 1));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_if_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world.backup");
        fs::write(&path, "old").unwrap();
        assert!(matches!(PartFile::create(&path, false), Err(BackupError::Exists { .. })));
        let part = PartFile::create(&path, true).unwrap();
        fs::write(part.part(), "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        part.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_disk_that_is_too_small_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world.backup");
        let part = PartFile::create(&path, false).unwrap();
        part.expect_space(1).unwrap();
        let error = part.expect_space(1 << 62).unwrap_err().to_string();
        assert!(error.starts_with("the disk is too full for a backup: "), "{error}");
        assert!(error.contains("world.backup needs 4194304.0 TiB, and "), "{error}");
        assert!(error.ends_with(" are free"), "{error}");
        drop(part);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let error = PartFile::create(&path.join("deeper"), false).unwrap_err().to_string();
        assert!(error.starts_with("cannot write ") && error.contains("No such file"), "{error}");
    }
}
