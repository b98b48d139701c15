//! The portal's start number: what keeps session ids from ever being used again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

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
    let path = data_dir.join(STATE_FILE);
    let state: State = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
        Err(error) => return Err(error),
    };
    let start = state.start.checked_add(1).filter(|start| *start <= LAST_START);
    let next = State { start: start.ok_or_else(|| io::Error::other("all start numbers are used up"))? };
    let new = path.with_extension("state.new");
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec(&next)?)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    File::open(data_dir)?.sync_all()?;
    Ok(next.start)
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
    fn a_broken_state_file_is_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(STATE_FILE), "{").unwrap();
        assert!(take(folder.path()).is_err());
    }
}
