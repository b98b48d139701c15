//! The portal's start number: what keeps session ids from ever being used again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ids::SessionId;

/// Name of the state file within the data directory.
const STATE_FILE: &str = "portal.state";

/// Session ids stay below 2^63, because databases keep them signed.
const LAST_START: u32 = i32::MAX as u32;

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    start: u32,
}

/// Takes the next start number, and has it on the disk before anybody can see a session of it.
///
/// # Errors
///
/// If the file cannot be read or written, or holds something else: a guess might name an old session again.
pub fn take(data_dir: &Path) -> io::Result<u32> {
    let start = read(data_dir)?.start.checked_add(1).filter(|start| *start <= LAST_START);
    let next = State { start: start.ok_or_else(|| io::Error::other("all start numbers are used up"))? };
    write(data_dir, &next)?;
    Ok(next.start)
}

/// Start numbers that are passed over where the last one is not known: portals that left no session behind have taken some.
const UNKNOWN: u32 = 1000;

/// Makes the next start number higher than that of a session that is stored: the database may have come from elsewhere, or this
/// file may have been lost. Called while no portal runs.
///
/// # Errors
///
/// As [`take`].
pub fn rise_above(data_dir: &Path, stored: SessionId) -> io::Result<()> {
    let used = stored.start();
    if read(data_dir)?.start < used {
        let start = used.saturating_add(UNKNOWN).min(LAST_START);
        tracing::warn!("{STATE_FILE} is older than the database: sessions are counted on from start {start}");
        write(data_dir, &State { start })?;
    }
    Ok(())
}

fn read(data_dir: &Path) -> io::Result<State> {
    match fs::read(data_dir.join(STATE_FILE)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
        Err(error) => Err(error),
    }
}

fn write(data_dir: &Path, state: &State) -> io::Result<()> {
    let path = data_dir.join(STATE_FILE);
    let new = path.with_extension("state.new");
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec(state)?)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    File::open(data_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_start_number_is_taken_twice() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!((1..4).map(|_| take(folder.path()).unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn the_sessions_of_a_database_from_elsewhere_are_not_named_again() {
        let folder = tempfile::tempdir().unwrap();
        rise_above(folder.path(), SessionId::new(7, 3)).unwrap();
        assert_eq!(take(folder.path()).unwrap(), 1008);
        rise_above(folder.path(), SessionId::new(2, 9)).unwrap();
        assert_eq!(take(folder.path()).unwrap(), 1009);
    }

    #[test]
    fn a_broken_state_file_is_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(STATE_FILE), "{").unwrap();
        assert!(take(folder.path()).is_err());
    }
}
