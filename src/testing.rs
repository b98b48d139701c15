//! Two ways to test a world, for games too: [`Trial`], one room without a server, for types and commands; and
//! [`TestServer`], the real executable on free ports, spoken to over real sockets.
//!
//! ```no_run
//! use everhall::testing::TestServer;
//!
//! // In a game's integration test: `env!("CARGO_BIN_EXE_mygame")`.
//! let server = TestServer::with_exe("target/debug/everhall").start();
//! let mut ann = server.player("Ann");
//! ann.send("say hello");
//! ann.expect("You say, \"hello\"");
//! ```
//!
//! Nothing here sleeps for a fixed time: every wait is for something, with [`DEADLINE`], and a wait that fails shows all that was
//! seen. It knows the doors (telnet, websocket, control socket) as a stranger's program would, and nothing that is inside.
#![expect(clippy::expect_used, reason = "a harness ends a test by panicking")]

mod folder;
mod processes;
mod seen;
mod server;
pub(crate) mod stream;
mod telnet;
mod transcript;
mod trial;
mod websocket;

use std::time::{Duration, Instant};

pub use server::{Builder, TestServer};
pub use telnet::TelnetClient;
pub use transcript::Transcript;
pub use trial::tick;
pub use websocket::WsClient;

pub use crate::world::trial::{Said, Trial};

/// How long a test waits for what should come at once. Generous, because tests share the machine.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How long a test waits for a world to start.
pub const START_DEADLINE: Duration = Duration::from_secs(30);

/// Password of the players that [`TestServer::player`] and transcripts create.
pub const PASSWORD: &str = "passw0rdX9";

/// Password of `admin` in a [`TestServer`].
pub const ADMIN_PASSWORD: &str = "adminpw-4-tests";

/// Asks `probe` again and again until it answers, up to `patience`; then `None`.
pub fn poll<T>(patience: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        pause();
    }
}

/// The one pause of the harness: between two looks at something that cannot be waited for.
#[expect(clippy::disallowed_methods, reason = "a test's own thread, where no room lives")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}
