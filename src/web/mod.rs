//! EVERYTHING HTTP. `play` runs in the portal: the web client's page and its websocket. `server` opens the rest in the
//! server, on a socket that only the portal knows: `admin`, for keepers.
//!
//! The portal's part knows no game: it names none of `world`, `actors`, `db`, and outlives the server it serves. The server's part
//! keeps nothing and asks the actors for everything.

pub mod admin;
pub mod play;
pub mod server;

/// Name of the socket within the data directory on which the server answers what the portal passes on.
pub const WEB_SOCKET: &str = "web.sock";
