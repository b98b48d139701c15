//! What makes a cookie or a form our own: a key that only this world has, and tags made with it (keyed BLAKE2s, RFC 7693).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use blake2::Blake2sMac256;
use blake2::digest::{KeyInit, Mac};

/// Length of the key, in bytes.
const KEY_BYTES: usize = 32;

/// The key. It stays the same over restarts, so that nobody has to log in again after a `reload`.
#[derive(Clone)]
pub struct Seal([u8; KEY_BYTES]);

impl Seal {
    /// Reads the key from a file; makes both if there is none, or none that is whole.
    ///
    /// # Errors
    ///
    /// If the file can be neither read nor written.
    pub fn load(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => {
                if let Ok(key) = bytes.try_into() {
                    return Ok(Self(key));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let key = random()?;
        let new = path.with_extension("key.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::rename(new, path)?;
        Ok(Self(key))
    }

    /// Returns the tag of a text that is used for one purpose, in hexadecimal.
    pub(super) fn tag(&self, purpose: &str, text: &str) -> String {
        hex(&self.mac(purpose, text).finalize().into_bytes())
    }

    /// Tells whether a tag belongs to a text; takes as long for each wrong one.
    pub(super) fn fits(&self, purpose: &str, text: &str, tag: &str) -> bool {
        unhex(tag).is_some_and(|tag| self.mac(purpose, text).verify_slice(&tag).is_ok())
    }

    fn mac(&self, purpose: &str, text: &str) -> Blake2sMac256 {
        // The length keeps the end of the purpose apart from the beginning of the text.
        Blake2sMac256::new(&self.0.into())
            .chain_update((purpose.len() as u64).to_le_bytes())
            .chain_update(purpose)
            .chain_update(text)
    }
}

/// Returns 256 bits that nobody can guess, in hexadecimal.
pub(super) fn token() -> io::Result<String> {
    Ok(hex(&random()?))
}

fn random() -> io::Result<[u8; KEY_BYTES]> {
    let mut bytes = [0; KEY_BYTES];
    // The system fills up to 256 bytes whole.
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_fits_its_own_text_purpose_and_key_alone() {
        let seal = Seal([7; KEY_BYTES]);
        let tag = seal.tag("visit", "ann");
        assert!(seal.fits("visit", "ann", &tag));
        assert!(!seal.fits("visit", "bob", &tag));
        assert!(!seal.fits("form", "ann", &tag));
        assert!(!seal.fits("visita", "nn", &tag));
        assert!(!Seal([8; KEY_BYTES]).fits("visit", "ann", &tag));
        for broken in ["", "é", "0", &tag[2..], &format!("{tag}00")] {
            assert!(!seal.fits("visit", "ann", broken), "{broken}");
        }
    }

    #[test]
    fn the_key_is_made_once_and_is_ours_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.key");
        let first = Seal::load(&path).unwrap();
        assert_eq!(Seal::load(&path).unwrap().0, first.0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "half a key").unwrap();
        let second = Seal::load(&path).unwrap();
        assert_ne!(second.0, first.0);
        assert_eq!(Seal::load(&path).unwrap().0, second.0);
    }
}
