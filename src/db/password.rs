//! Passwords: hashed with argon2id, and never shown, not even by `Debug`.

use std::fmt;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

use super::error::DbError;
use crate::config::PasswordConfig;

/// A password as typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps it.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// Returns its length in characters.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Self(password)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Hashes a password with a new salt, as a PHC string. Takes tens of milliseconds: never on an arbiter.
///
/// # Errors
///
/// [`DbError::Password`] if the settings are not ones that argon2id has.
pub fn hash(config: &PasswordConfig, password: &str) -> Result<String, DbError> {
    argon2(config)?.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(of_argon2)
}

/// Returns whether a password is the one that was hashed, at the cost it was hashed with.
///
/// # Errors
///
/// [`DbError::Password`] if the hash is not a PHC string of argon2.
pub fn verify(password: &str, hash: &str) -> Result<bool, DbError> {
    match Argon2::default().verify_password(password.as_bytes(), hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(of_argon2(error)),
    }
}

fn argon2(config: &PasswordConfig) -> Result<Argon2<'static>, DbError> {
    let params = Params::new(config.memory_kib, config.passes, config.lanes, None).map_err(of_argon2)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn of_argon2(error: impl fmt::Display) -> DbError {
    DbError::Password(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordConfig =
        PasswordConfig { memory_kib: 64, passes: 1, lanes: 1, hashers: 1, min_chars: 8, waiting: 4 };

    #[test]
    fn a_hash_is_argon2id_and_fits_its_password_alone() {
        let stored = hash(&CHEAP, "correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert!(verify("correct horse", &stored).unwrap());
        assert!(!verify("correct house", &stored).unwrap());
        assert_ne!(stored, hash(&CHEAP, "correct horse").unwrap(), "each has its own salt");
    }

    #[test]
    fn a_password_hashed_at_another_cost_still_fits() {
        let stored = hash(&PasswordConfig { memory_kib: 128, passes: 2, ..CHEAP }, "correct horse").unwrap();
        assert!(verify("correct horse", &stored).unwrap());
    }

    #[test]
    fn a_broken_hash_is_an_error_and_not_a_wrong_password() {
        assert!(matches!(verify("x", "plain text"), Err(DbError::Password(_))));
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(format!("{:?}", Password::new("secret")), "Password(…)");
    }
}
