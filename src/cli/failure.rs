//! Why a command failed: one line, and an exit code.

use crate::actors::server::ServerError;
use crate::config::ConfigError;
use crate::db::{BackupError, CheckError, DbError};
use crate::launcher::LaunchError;
use crate::launcher::control::ControlError;
use crate::portal::PortalError;
use crate::wire::EXIT_STORAGE_AWAY;

/// Exit codes, as `--help` documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Anything not named below, or the world is not running.
    Failed = 1,
    /// Wrong usage or settings.
    Usage = 2,
    /// Cannot listen.
    PortInUse = 3,
    /// Data directory or database in use by another running world.
    DataInUse = 4,
    /// Data directory cannot be written.
    Unwritable = 5,
    /// The database is from a newer version, or is not one.
    DatabaseUnfit = 6,
    /// The database cannot be used now.
    StorageAway = EXIT_STORAGE_AWAY,
}

impl Exit {
    /// Returns what a child's exit code says; [`Exit::Failed`] for one that is not ours.
    pub fn from_code(code: i32) -> Self {
        let all =
            [Self::Usage, Self::PortInUse, Self::DataInUse, Self::Unwritable, Self::DatabaseUnfit, Self::StorageAway];
        all.into_iter().find(|exit| *exit as i32 == code).unwrap_or(Self::Failed)
    }
}

/// Why a command failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One line: lower case, no full stop. Empty if it has been said already.
    pub message: String,
}

impl Failure {
    /// Returns a failure of no special kind.
    pub fn new(message: impl ToString) -> Self {
        Self { exit: Exit::Failed, message: message.to_string() }
    }

    /// Returns a failure of whoever typed the command line.
    pub fn usage(message: impl ToString) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// Returns the failure of a child that has said itself what is wrong.
    pub fn of_child(code: i32) -> Self {
        Self { exit: Exit::from_code(code), message: String::new() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { exit: Exit::Usage, message: error.to_string() }
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self::new(error)
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        let exit = match error {
            LaunchError::Locked { .. } => Exit::DataInUse,
            LaunchError::Unwritable { .. } => Exit::Unwritable,
            LaunchError::Listen { .. } => Exit::PortInUse,
            LaunchError::Database(error) => return error.into(),
            _ => Exit::Failed,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<PortalError> for Failure {
    fn from(error: PortalError) -> Self {
        let exit = match &error {
            PortalError::Listen { .. } => Exit::PortInUse,
            PortalError::Locked(_) => Exit::DataInUse,
            PortalError::DataDir { .. } => Exit::Unwritable,
            // The server has said it already.
            PortalError::ServerFailed { code, .. } => return Self::of_child(*code),
            _ => Exit::Failed,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        let exit = match &error {
            DbError::InUse { .. } => Exit::DataInUse,
            DbError::Unwritable { .. } => Exit::Unwritable,
            DbError::NotADatabase { .. } | DbError::Newer { .. } => Exit::DatabaseUnfit,
            error if error.is_away() => Exit::StorageAway,
            _ => Exit::Failed,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let exit = match error {
            BackupError::Db(error) => return error.into(),
            BackupError::Full { .. } => Exit::StorageAway,
            BackupError::NotABackup { .. } | BackupError::Newer { .. } | BackupError::OtherKind { .. } => {
                Exit::DatabaseUnfit
            }
            _ => Exit::Failed,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Db(error) => error.into(),
            other => Self::new(other),
        }
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Db(error) => error.into(),
            other => Self::new(other),
        }
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        // Everything before the usage, which `--help` shows: the error itself, a list that belongs to it, a tip.
        let text = error.render().to_string();
        let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
        let mut message = String::new();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with("For more information")) {
            let joint = if message.is_empty() {
                ""
            } else if line.starts_with("tip:") {
                "; "
            } else {
                " "
            };
            message += joint;
            message += line.trim_start_matches("tip: ").trim_start_matches("error: ");
        }
        Self { exit: Exit::Usage, message: format!("{message} (see --help)") }
    }
}
