//! The executable of the last server that was ready, kept in the data directory: what a crash is followed by.
//!
//! It is a second name of the very file that runs, where the file system allows one, and else a copy. A build that puts
//! another file in its place takes the first name only; nobody can write into the file itself while it runs. There is
//! one such file, and a second while it is being replaced; both go when the world stops.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, linkat, statvfs};
use rustix::process::Pid;

/// Name of the file within the data directory.
pub const KEPT_FILE: &str = "server.kept";

/// Keeps the executable of a process that runs, in place of the one that was kept before. Blocks: it may have to copy.
pub(super) fn keep(pid: Pid, kept: &Path) -> io::Result<()> {
    let running = PathBuf::from(format!("/proc/{}/exe", pid.as_raw_nonzero()));
    if is_same(&running, kept)? {
        return Ok(());
    }
    let new = new_name(kept);
    remove(&new)?;
    // Fails on another file system, for a file of somebody else's, and for one that has lost its name already.
    if linkat(CWD, &running, CWD, &new, AtFlags::SYMLINK_FOLLOW).is_err() {
        copy(&running, &new)?;
    }
    fs::rename(&new, kept)
}

/// Copies a file, and leaves nothing if it cannot: least of all a disk that is full of it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = statvfs(folder)?;
    // As much again has to stay free: the world is more important.
    if disk.f_bavail.saturating_mul(disk.f_frsize) < fs::metadata(from)?.len().saturating_mul(2) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    fs::copy(from, to).map(drop).inspect_err(|_| drop(remove(to)))
}

/// Removes what was kept: the world has stopped, and starts from its own executable.
pub fn forget(data_dir: &Path) -> io::Result<()> {
    let kept = data_dir.join(KEPT_FILE);
    remove(&new_name(&kept))?;
    remove(&kept)
}

fn new_name(kept: &Path) -> PathBuf {
    kept.with_extension("kept.new")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_same(running: &Path, kept: &Path) -> io::Result<bool> {
    let running = fs::metadata(running)?;
    match fs::metadata(kept) {
        Ok(kept) => Ok((running.dev(), running.ino()) == (kept.dev(), kept.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// Runs a copy of `cat`, which goes on until it is killed.
    fn running(program: &Path) -> Child {
        fs::copy("/bin/cat", program).unwrap();
        let mut cat = Command::new(program);
        let cat = cat.stdin(Stdio::piped()).stdout(Stdio::null());
        loop {
            match cat.spawn() {
                // Another test's child was forked while the copy was being written, and holds it open for a moment.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
                child => return child.unwrap(),
            }
        }
    }

    fn keep_of(child: &Child, kept: &Path) {
        keep(Pid::from_raw(child.id() as i32).unwrap(), kept).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_runs_is_kept_whatever_becomes_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (program, kept) = (folder.path().join("program"), folder.path().join(KEPT_FILE));
        let before = fs::read("/bin/cat").unwrap();
        let mut child = running(&program);
        keep_of(&child, &kept);
        keep_of(&child, &kept);
        fs::remove_file(&program).unwrap();
        fs::write(&program, "broken").unwrap();
        assert_eq!(fs::read(&kept).unwrap(), before);
        assert_eq!(names(folder.path()), ["program", KEPT_FILE]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Command::new(&kept).arg("/dev/null").status().unwrap().success(), "it runs");
        forget(folder.path()).unwrap();
        forget(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["program"]);
    }

    #[test]
    fn a_file_that_has_lost_its_name_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (program, kept) = (folder.path().join("program"), folder.path().join(KEPT_FILE));
        fs::write(&kept, "of the one before").unwrap();
        let mut child = running(&program);
        fs::remove_file(&program).unwrap();
        keep_of(&child, &kept);
        assert_eq!(fs::read(&kept).unwrap(), fs::read("/bin/cat").unwrap());
        assert_eq!(names(folder.path()), [KEPT_FILE]);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
