//! What can go wrong with storage, sorted by what the caller can do about it.

use std::io;
use std::path::PathBuf;

use diesel::result::{ConnectionError, DatabaseErrorKind, Error};

/// Why storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// The database's directory or file cannot be written.
    #[error("cannot write the database {path}: {reason}; check the owner and the permissions of its directory", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file holds something else.
    #[error("{path} is not an Everhall database; move it away, or name another one with `database_url`", path = path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// There is no world where one should be.
    #[error("there is no world in {database}")]
    NoWorld {
        /// File, or host and name.
        database: String,
    },
    /// A newer program has changed the database so that this one cannot read it.
    #[error(
        "{database} is from a newer version (schema {needs}, this program knows {knows}); run the newer program, or restore a backup"
    )]
    Newer {
        /// File, or host and name; never a password.
        database: String,
        /// Oldest schema version that can read it.
        needs: i64,
        /// This program's.
        knows: i64,
    },
    /// Another world runs on this database.
    #[error("{database} already serves a running world; stop that one first, or name another database")]
    InUse {
        /// File, or host and name.
        database: String,
    },
    /// Nobody answers where the database should be.
    #[error("cannot reach the database {database}: {reason}")]
    Unreachable {
        /// Host and name.
        database: String,
        /// What the client library said.
        reason: String,
    },
    /// `database_url` is neither form that is understood.
    #[error("database_url must begin with `postgres://` or `sqlite:`")]
    BadUrl,
    /// The tables could not be brought up to date.
    #[error("cannot migrate {database}: {reason}")]
    Migration {
        /// File, or host and name.
        database: String,
        /// What the database said.
        reason: String,
    },

    /// A migration would take away what the server that runs still reads.
    #[error(
        "the migration {migration} takes away what the running version reads; stop the world and start it again with the new one"
    )]
    Contracts {
        /// Its name.
        migration: String,
    },
    /// Storage cannot be used now: disk full, I/O error, locked, connection lost. Nothing was written. The same
    /// request may be sent again, a flush too.
    #[error("storage is away: {told} ({reason})", told = trouble.told())]
    Away {
        /// What is wrong, as far as it can be told.
        trouble: Trouble,
        /// What the database said.
        reason: String,
    },
    /// The connection was lost, or the disk failed, while committing. The same [`Flush`](super::Flush) sent
    /// again finds out: it is written once, whatever happened.
    #[error("a commit is in doubt: {reason}")]
    InDoubt {
        /// What is wrong, as far as it can be told.
        trouble: Trouble,
        /// What the database said.
        reason: String,
    },
    /// Another server has taken over: nothing was written, and nothing may be shown any more.
    #[error("another server has taken over (epoch {epoch}, flush {flush})")]
    Superseded {
        /// The epoch that the database names.
        epoch: u64,
        /// Its last flush.
        flush: u64,
    },
    /// The rows contradict a constraint or are not what the columns hold: a bug of whoever owns them. Nothing was written.
    #[error("the database refuses a row ({constraint}): {message}")]
    Constraint {
        /// Name of the constraint or the column, as far as the database tells it.
        constraint: String,
        /// What the database said.
        message: String,
    },
    /// A stored row is not what it should be, or a query is wrong.
    #[error("{0}")]
    Broken(String),
    /// The account's name, or one that looks like it, is taken.
    #[error("the name {0} is taken, or looks like one that is")]
    NameTaken(String),
    /// Too much waits already. Try again later.
    #[error("storage is busy: {0} requests wait already")]
    Busy(usize),
    /// The handler panicked: a bug. Nothing was written; the pool lives on.
    #[error("a panic while handling {0}")]
    Panicked(&'static str),
    /// The pool is stopping with its process.
    #[error("storage is stopping")]
    Stopping,
    /// A password could not be hashed, or a stored hash cannot be read.
    #[error("password hash: {0}")]
    Password(String),
}

impl DbError {
    /// Returns whether storage as a whole is at fault, so that the same request may succeed later.
    ///
    /// For a flush: true means wait and send the same one again; false (and not [`DbError::Superseded`]) means
    /// that one of its batches is at fault.
    pub fn is_away(&self) -> bool {
        self.trouble().is_some()
    }

    /// Returns what is wrong with storage as a whole; `None` if nothing is.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Away { trouble, .. } | Self::InDoubt { trouble, .. } => Some(*trouble),
            Self::Unreachable { .. } => Some(Trouble::Lost),
            Self::Unwritable { .. } => Some(Trouble::ReadOnly),
            _ => None,
        }
    }

    /// Returns what the database said of its trouble, without our own words around it.
    pub fn reason(&self) -> String {
        match self {
            Self::Away { reason, .. } | Self::InDoubt { reason, .. } => reason.clone(),
            other => other.to_string(),
        }
    }

    /// Returns whether the same question may be answered in a moment: storage is away, or only busy.
    pub fn is_passing(&self) -> bool {
        self.is_away() || matches!(self, Self::Busy(_))
    }

    /// Logs that something could not be read: where it matters nothing else went wrong than that storage is away, which is
    /// logged once, by whoever noticed it.
    pub fn report(&self, what: impl std::fmt::Display) {
        match self.is_away() {
            true => tracing::debug!("{what}: {self}"),
            false => tracing::warn!("{what}: {self}"),
        }
    }

    /// Storage is away, for what the database said.
    pub(super) fn away(said: &str) -> Self {
        Self::Away { trouble: Trouble::of(said), reason: one_line(said) }
    }

    /// Storage has not answered for so long.
    pub fn late(patience: std::time::Duration) -> Self {
        Self::Away { trouble: Trouble::Slow, reason: format!("no answer for {} ms", patience.as_millis()) }
    }

    /// The error for a file that cannot be written.
    pub(super) fn unwritable(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Unwritable { path: path.to_owned(), reason: error.to_string() }
    }
}

impl From<Error> for DbError {
    fn from(error: Error) -> Self {
        use DatabaseErrorKind as Kind;
        match error {
            Error::DatabaseError(
                Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::NotNullViolation
                | Kind::CheckViolation
                | Kind::RestrictViolation
                | Kind::ExclusionViolation,
                information,
            ) => Self::Constraint {
                constraint: information.constraint_name().unwrap_or("constraint").to_owned(),
                message: one_line(information.message()),
            },
            Error::DatabaseError(Kind::Unknown, information) if blames_the_row(information.message()) => {
                Self::Constraint {
                    constraint: information.column_name().unwrap_or("value").to_owned(),
                    message: one_line(information.message()),
                }
            }
            Error::DatabaseError(Kind::Unknown, information) if blames_the_query(information.message()) => {
                Self::Broken(one_line(information.message()))
            }
            Error::DatabaseError(kind, information) => {
                let (said, trouble) = (information.message(), Trouble::of_kind(&kind));
                Self::Away { trouble: trouble.unwrap_or_else(|| Trouble::of(said)), reason: one_line(said) }
            }
            Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => Self::away(&error.to_string()),
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl From<ConnectionError> for DbError {
    fn from(error: ConnectionError) -> Self {
        Self::Away { trouble: Trouble::Lost, reason: one_line(&error.to_string()) }
    }
}

/// What is wrong with storage as a whole, as far as it can be told from what the database says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// There is no room left.
    Full,
    /// It can be read and not written.
    ReadOnly,
    /// Another process holds a lock.
    Locked,
    /// There is no connection to the database server, or it is just starting or stopping.
    Lost,
    /// It does not answer in time.
    Slow,
    /// Anything else: the disk cannot be read, the file is damaged.
    Failing,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Full, Self::ReadOnly, Self::Locked, Self::Lost, Self::Slow, Self::Failing];

    /// Returns it as part of a sentence.
    pub fn told(self) -> &'static str {
        match self {
            Self::Full => "the disk is full",
            Self::ReadOnly => "the database cannot be written to",
            Self::Locked => "another process has locked the database",
            Self::Lost => "the database cannot be reached",
            Self::Slow => "the database does not answer in time",
            Self::Failing => "the disk or the database fails",
        }
    }

    fn of_kind(kind: &DatabaseErrorKind) -> Option<Self> {
        match kind {
            DatabaseErrorKind::ReadOnlyTransaction => Some(Self::ReadOnly),
            DatabaseErrorKind::SerializationFailure => Some(Self::Locked),
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Some(Self::Lost),
            _ => None,
        }
    }

    /// Neither client library passes on a code; the words are stable ones, of SQLite, libpq and an English PostgreSQL.
    pub(super) fn of(said: &str) -> Self {
        const WORDS: [(Trouble, &[&str]); 4] = [
            (Trouble::Full, &["is full", "No space left", "disk full", "quota exceeded"]),
            (Trouble::ReadOnly, &["readonly database", "read-only", "Read-only", "recovery is in progress"]),
            (Trouble::Locked, &["is locked", "locking protocol", "lock timeout", "deadlock"]),
            (
                Trouble::Lost,
                &["connection", "could not connect", "cannot reach", "database system is", "too many clients", "SSL"],
            ),
        ];
        let fits = |words: &[&str]| words.iter().any(|words| said.contains(words));
        WORDS.iter().find(|(_, words)| fits(words)).map_or(Self::Failing, |(trouble, _)| *trouble)
    }
}

/// Neither client library passes on a code for these; the words are stable ones.
fn blames_the_row(message: &str) -> bool {
    ["invalid byte sequence", "out of range", "invalid input syntax", "too long", "too big", "datatype mismatch"]
        .iter()
        .any(|words| message.contains(words))
}

fn blames_the_query(message: &str) -> bool {
    ["no such ", "has no column", "does not exist", "syntax error"].iter().any(|words| message.contains(words))
}

/// Client libraries answer in several lines; an error message is one.
pub(super) fn one_line(message: &str) -> String {
    message.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: DatabaseErrorKind, message: &str, trouble: impl Into<Option<Trouble>>) {
        let error = DbError::from(Error::DatabaseError(kind, Box::new(message.to_owned())));
        assert_eq!(error.trouble(), trouble.into(), "{message}: {error:?}");
    }

    #[test]
    fn what_is_wrong_with_the_storage_is_told_from_what_is_wrong_with_a_row() {
        use DatabaseErrorKind as Kind;
        check(Kind::Unknown, "database or disk is full", Trouble::Full);
        check(Kind::Unknown, "could not extend file \"base/1/2\": No space left on device", Trouble::Full);
        check(Kind::Unknown, "disk I/O error", Trouble::Failing);
        check(Kind::Unknown, "database disk image is malformed", Trouble::Failing);
        check(Kind::Unknown, "database is locked", Trouble::Locked);
        check(Kind::Unknown, "canceling statement due to lock timeout", Trouble::Locked);
        check(Kind::SerializationFailure, "deadlock detected", Trouble::Locked);
        check(Kind::Unknown, "attempt to write a readonly database", Trouble::ReadOnly);
        check(Kind::ReadOnlyTransaction, "cannot execute UPDATE in a read-only transaction", Trouble::ReadOnly);
        check(Kind::Unknown, "terminating connection due to administrator command", Trouble::Lost);
        check(Kind::Unknown, "the database system is starting up", Trouble::Lost);
        check(Kind::ClosedConnection, "server closed the connection unexpectedly", Trouble::Lost);
        check(Kind::UnableToSendCommand, "no connection to the server", Trouble::Lost);
        check(Kind::UniqueViolation, "UNIQUE constraint failed: account.folded", None);
        check(Kind::Unknown, "invalid byte sequence for encoding \"UTF8\": 0x00", None);
        check(Kind::Unknown, "no such table: entity", None);
    }
}
