//! The first run: a world to walk in, and an account for its keeper.
//!
//! The keeper's password is generated, shown once on the terminal and stored as a hash only;
//! `EVERHALL_ADMIN_PASSWORD` sets it instead.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::Config;
use crate::db::{Database, DbError, password, seed};
use crate::launcher::{FIRST_PASSWORD, Progress};
use crate::world::first::{self, Plan};

/// Letters of a generated password: none that are taken for another. 16 of them are 80 bits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Builds the first world in an empty database, in one transaction, and tells the keeper's password.
///
/// # Errors
///
/// [`DbError::Away`] if the database cannot be written, [`DbError::Password`] if the password cannot be hashed.
pub fn build(
    config: &Config,
    database: &Database,
    first: fn() -> Plan,
    progress: &mut Progress,
) -> Result<(), DbError> {
    let given = std::env::var(FIRST_PASSWORD).ok().filter(|password| !password.is_empty());
    let is_given = given.is_some();
    let password = match given {
        Some(password) => password,
        None => generated()?,
    };
    let hash = password::hash(&config.password, &password)?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    progress.step("Building the first world", || {
        let plan = first();
        let scripts = plan.scripts(now_ms);
        let (account, character) = first::admin(hash, now_ms);
        let entities = plan.into_rows().into_iter().chain([character]);
        seed::seed(database, entities, vec![account], first::channels(), scripts)
    })?;
    if is_given {
        progress.line("The keeper's account is admin, with the password you have set.");
    } else if !progress.is_detached() {
        progress.line("The keeper's account is admin. This is shown once, keep it:");
        progress.line(format_args!("  password: {password}"));
    }
    Ok(())
}

/// Returns a password of 16 letters, from the system's source of random numbers.
fn generated() -> Result<String, DbError> {
    let mut bytes = [0u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| DbError::Password(error.to_string()))?;
    // 32 letters: each byte's lower five bits choose evenly.
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect())
}
