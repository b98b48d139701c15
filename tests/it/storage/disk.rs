//! Disks of a test's own: small ones that fill up, and ones that fail.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::unavailable;

/// Set for a test that runs again in a name space in which it may mount.
const AGAIN: &str = "EVERHALL_IT_MAY_MOUNT";

/// Runs a test that mounts something: at once as root, else once more in a name space of its own. `name` is the test's, as
/// `--exact` takes it.
pub(super) fn with_mounts(name: &str, test: impl FnOnce()) {
    if rustix::process::geteuid().is_root() {
        return test();
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]).env(AGAIN, "1");
        command
    };
    if std::env::var_os(AGAIN).is_some() || !succeeds(unshare().arg("true")) {
        return unavailable("the right to mount (root, or `unshare --user --mount`)");
    }
    let exe = std::env::current_exe().unwrap();
    let again = unshare().arg(exe).args([name, "--exact", "--nocapture"]).status().unwrap();
    assert!(again.success(), "{name} failed in its own name space");
}

/// Runs a command and tells whether it succeeded. What it says is not shown.
fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
}

/// A file system of a test's own. It goes with its owner, which must outlive whatever uses it.
pub(super) struct Disk {
    folder: tempfile::TempDir,
    device: Option<String>,
}

impl Disk {
    /// Mounts one in memory, of so many KiB.
    pub(super) fn small(kib: u32) -> Option<Self> {
        let disk = Self { folder: tempfile::tempdir().unwrap(), device: None };
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "everhall-it"]).arg(disk.path());
        disk.mounted(&mut mount)
    }

    /// Mounts an ext4 in a file, which does as real disks do: it can be frozen, and an error makes it read-only.
    pub(super) fn real() -> Option<Self> {
        let mut disk = Self { folder: tempfile::tempdir().unwrap(), device: None };
        let image = disk.image();
        File::create(&image).and_then(|file| file.set_len(32 << 20)).unwrap();
        if !succeeds(Command::new("mkfs.ext4").arg("-q").arg(&image)) {
            unavailable("mkfs.ext4");
            return None;
        }
        fs::create_dir(disk.path()).unwrap();
        let mounted = disk.mount_image();
        if !mounted {
            unavailable("a loop device to mount a file");
            return None;
        }
        disk.device = Some(disk.loop_device());
        Some(disk)
    }

    fn mounted(self, mount: &mut Command) -> Option<Self> {
        fs::create_dir(self.path()).unwrap();
        if succeeds(mount) {
            return Some(self);
        }
        unavailable("a file system in memory (mount -t tmpfs)");
        None
    }

    /// Where it is mounted.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount_image(&self) -> bool {
        succeeds(Command::new("mount").args(["-o", "loop,errors=remount-ro"]).arg(self.image()).arg(self.path()))
    }

    fn loop_device(&self) -> String {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let path = self.path();
        let line = mounts.lines().find(|line| line.split(' ').nth(1).map(Path::new) == Some(&path));
        line.and_then(|line| line.split(' ').next()).unwrap().trim_start_matches("/dev/").to_owned()
    }

    /// Writes to it until it is full.
    pub(super) fn fill(&self) {
        let mut file = File::create(self.path().join("filled")).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Fills it but for so many KiB.
    pub(super) fn fill_but(&self, kib: u64) {
        self.fill();
        let file = File::options().write(true).open(self.path().join("filled")).unwrap();
        file.set_len(file.metadata().unwrap().len() - kib * 1024).unwrap();
    }

    /// Takes away what [`Disk::fill`] wrote.
    pub(super) fn free(&self) {
        fs::remove_file(self.path().join("filled")).unwrap();
    }

    /// Lets the file system find an error in itself, at which it becomes read-only. False if this one cannot be made to.
    pub(super) fn break_down(&self) -> bool {
        let device = self.device.as_deref().unwrap_or_default();
        fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "by a test").is_ok()
    }

    /// Repairs what [`Disk::break_down`] did, as a keeper would: nothing may use it meanwhile.
    pub(super) fn repair(&self) {
        assert!(succeeds(Command::new("umount").arg(self.path())), "the disk is still in use");
        // Its exit code tells that it has repaired something.
        let _ = Command::new("e2fsck").arg("-fy").arg(self.image()).output().unwrap();
        assert!(self.mount_image());
    }

    /// Lets every write wait until [`Frozen`] is dropped. `None` if this one cannot be frozen.
    pub(super) fn freeze(&self) -> Option<Frozen> {
        succeeds(Command::new("fsfreeze").arg("--freeze").arg(self.path())).then(|| Frozen(self.path()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what a failed test left behind may still use it.
        let _ = succeeds(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}

/// A disk that holds every write.
pub(super) struct Frozen(PathBuf);

impl Drop for Frozen {
    fn drop(&mut self) {
        assert!(succeeds(Command::new("fsfreeze").arg("--unfreeze").arg(&self.0)), "{} stays frozen", self.0.display());
    }
}

/// Files that may not be written, whoever has them open, until this is dropped.
pub(super) struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// Makes them so. `None` if this file system or this user cannot.
    pub(super) fn make(files: &[PathBuf]) -> Option<Self> {
        let made = Self(files.to_vec());
        succeeds(Command::new("chattr").arg("+i").args(files)).then_some(made)
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        let _ = succeeds(Command::new("chattr").arg("-i").args(&self.0));
    }
}
