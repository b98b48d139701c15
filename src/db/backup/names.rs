//! What backups are called: which of a folder's files a world has made by itself, and which of them go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::part;

/// Beginning of the names of backups that a running world takes by itself.
const SCHEDULED: &str = "world-";

/// End of the name of a file that is not whole yet.
pub(super) const PART: &str = ".part";

/// Returns a moment as it stands in names: `20261120-101500`, UTC.
pub(super) fn stamp(at: SystemTime) -> String {
    let secs = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, secs) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}{month:02}{day:02}-{:02}{:02}{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// Returns the date so many days after 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// Returns where in `folder` a backup goes that a running world takes by itself at that time.
pub(super) fn scheduled(folder: &Path, at: SystemTime, ending: &str) -> PathBuf {
    folder.join(format!("{SCHEDULED}{}.{ending}", stamp(at)))
}

/// Tells whether a name is one of [`scheduled`]: nothing else in the folder is ever deleted.
fn is_scheduled(name: &str) -> bool {
    let Some((stamp, ending)) = name.strip_prefix(SCHEDULED).and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let is_stamp = stamp.len() == 15
        && stamp.bytes().enumerate().all(|(at, byte)| if at == 8 { byte == b'-' } else { byte.is_ascii_digit() });
    is_stamp && super::ENDINGS.contains(&ending)
}

/// Returns the backups in `folder` that running worlds have taken by themselves, the oldest first. None if there is no such folder.
pub(super) fn all_scheduled(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = files(folder, is_scheduled)?;
    // By name, which holds the time.
    all.sort();
    Ok(all)
}

/// Deletes the oldest of a world's own backups until no more than `keep` are left. Returns those that went.
pub(super) fn rotate(folder: &Path, keep: usize) -> io::Result<Vec<PathBuf>> {
    let mut all = all_scheduled(folder)?;
    all.truncate(all.len().saturating_sub(keep));
    for file in &all {
        fs::remove_file(file)?;
    }
    Ok(all)
}

/// Deletes what a world's own backups left behind that were cut off; not one that is just being written, by a server that is about
/// to hand over to this one.
pub(super) fn sweep_parts(folder: &Path) -> io::Result<()> {
    let is_part = |name: &str| name.strip_suffix(PART).is_some_and(is_scheduled);
    files(folder, is_part)?.iter().try_for_each(|part| part::remove_abandoned(part))
}

fn files(folder: &Path, is_one: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&is_one) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_named_by_its_date_and_time() {
        let check = |secs: u64, expected: &str| assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(secs)), expected);
        check(0, "19700101-000000");
        check(951_782_400, "20000229-000000");
        check(951_868_800, "20000301-000000");
        check(1_709_251_199, "20240229-235959");
        check(1_767_225_599, "20251231-235959");
        check(4_107_542_400, "21000301-000000");
    }

    #[test]
    fn only_a_worlds_own_backups_are_taken_for_such() {
        for name in ["world-20261120-101500.sqlite3", "world-20261120-101500.pgdump"] {
            assert!(is_scheduled(name), "{name}");
        }
        for name in [
            "world.sqlite3",
            "world-20261120-101500.sqlite3.part",
            "world-20261120-101500.txt",
            "world-20261120-101500",
            "world-20261120x101500.sqlite3",
            "world-before-the-war.sqlite3",
            "before-repair-20261120-101500.sqlite3",
            "my-world-20261120-101500.sqlite3",
        ] {
            assert!(!is_scheduled(name), "{name}");
        }
    }

    #[test]
    fn the_oldest_go_and_nothing_that_is_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let parts = ["world-20200101-000000.sqlite3.part", "world-20200101-000000.sqlite3.part-journal"];
        let others = ["notes.txt", "world-keep.sqlite3", "world-keep.sqlite3.part", parts[0], parts[1]];
        let ours = [1, 2, 3, 4].map(|day| format!("world-2026110{day}-000000.sqlite3"));
        for name in others.iter().copied().chain(ours.iter().map(String::as_str)) {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let gone = rotate(folder.path(), 2).unwrap();
        assert_eq!(gone, ours[..2].iter().map(|name| folder.path().join(name)).collect::<Vec<_>>());
        assert_eq!(all_scheduled(folder.path()).unwrap().len(), 2);
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
        assert!(rotate(folder.path(), 2).unwrap().is_empty());
        let written = fs::File::open(folder.path().join(parts[0])).unwrap();
        rustix::fs::flock(&written, rustix::fs::FlockOperation::LockExclusive).unwrap();
        sweep_parts(folder.path()).unwrap();
        assert!(parts.iter().all(|name| folder.path().join(name).exists()), "somebody writes it");
        drop(written);
        sweep_parts(folder.path()).unwrap();
        assert!(parts.iter().all(|name| !folder.path().join(name).exists()));
        assert!(others[..3].iter().all(|name| folder.path().join(name).exists()));
        assert!(all_scheduled(&folder.path().join("nowhere")).unwrap().is_empty());
    }
}
