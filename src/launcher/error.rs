//! What can keep a world from starting. Each error is one line.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What kept the world from starting, or the launcher from going on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// Another launcher holds the data directory.
    #[error("data directory {} is locked by another running world (pid {pid})", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The launcher's process.
        pid: i32,
    },
    /// The data directory cannot be made or written.
    #[error("data directory {} cannot be used: {error}", dir.display())]
    Unwritable {
        /// The directory.
        dir: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A port cannot be had.
    #[error("cannot listen on {address}: {error}; choose another address with {flag} ADDR")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The flag that sets it.
        flag: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// What the database says.
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
    /// The portal could not be started or watched.
    #[error("cannot run the portal: {0}")]
    Portal(std::io::Error),
    /// The portal was killed before the world was up.
    #[error("the portal ended before the world was up ({0})")]
    PortalDied(std::process::ExitStatus),
    /// The portal did not stop when asked.
    #[error("the portal did not stop within {0} s and was killed")]
    PortalStuck(u64),
}
