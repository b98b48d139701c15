//! EVERYTHING HTTP. `play` runs in the portal: the web client's page and its websocket.
//!
//! The portal's part knows no game: it names none of `world`, `actors`, `db`, and outlives the server it serves.

pub mod play;
