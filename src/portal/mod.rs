//! PORTAL PROCESS. Holds sockets, knows no game: it names none of `world`, `actors` and `db`, and outlives the server.
//!
//! - [`door`] is what a protocol must say and what it is told; [`telnet`] is one, the websocket (in `web`) another.
//! - [`switchboard`] owns sessions, their [`lines`] and the wire; [`book`] says which of a server's groups are new.
//! - [`ring_file`] is what it leaves for the portal that follows when it dies.
//! - [`server_process`] starts, watches and stops the server; [`control`] is the keeper's socket.

pub mod backoff;
pub mod book;
pub mod control;
pub mod door;
pub mod lines;
pub mod presentation;
pub mod replay;
pub mod ring;
pub mod ring_file;
mod run;
pub mod server_process;
pub mod start_number;
pub mod switchboard;
pub mod telnet;
#[cfg(test)]
mod testing;
pub mod watchdog;

pub use run::{PortalArgs, PortalError, run};

use tokio::net::UnixStream;

/// Name of the wire's socket within the data directory: where the server connects to.
pub const WIRE_SOCKET: &str = "wire.sock";
/// Name of the keeper's socket within the data directory.
pub const CONTROL_SOCKET: &str = "control.sock";
/// Name of the file within the data directory that a running portal holds locked.
pub const LOCK_FILE: &str = "portal.lock";

/// Returns true if the process at the other end belongs to our own user.
fn is_own_peer(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}
