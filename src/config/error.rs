//! Where a setting came from, and what can be wrong with one. Each error is one line.

use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The engine's own choice.
    Default,
    /// A settings file.
    File {
        /// As it was named.
        path: PathBuf,
        /// 1, 2, 3 …
        line: usize,
    },
    /// An environment variable.
    Env(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// What is wrong with the settings. The text is one line and names the place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file was named that is not there.
    #[error("settings file {} does not exist", path.display())]
    Missing {
        /// Its path.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("settings file {} cannot be read: {error}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Source,
        /// What the parser says.
        message: String,
    },
    /// There is no such key.
    #[error("{place}: unknown {what} `{name}`{}", suggestion(nearest))]
    Unknown {
        /// Where.
        place: Source,
        /// `key` or `section`.
        what: &'static str,
        /// What it says.
        name: String,
        /// What may be meant.
        nearest: Option<String>,
    },
    /// The value is of the wrong type or out of range.
    #[error("{place}: `{key}` is {found}, expected {expects}")]
    Invalid {
        /// Where.
        place: Source,
        /// Which key.
        key: String,
        /// What it says.
        found: String,
        /// What it should be.
        expects: String,
    },
    /// Two settings exclude each other.
    #[error("`{first}` and `{second}` are both {value}")]
    Same {
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// What both say.
        value: String,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
