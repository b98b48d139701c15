//! What happens when one of the engine's own actors panics: the process ends and another starts from what is stored.
//!
//! actix would go on without it: its mailbox is closed, and whoever waits for it, a player whose line it had, would wait for ever. Game
//! code's panics do not come here; they are caught where it is called.

/// Held by every actor of the server. Dropped while its thread panics, it ends the process.
#[derive(Debug)]
pub struct Vital(pub &'static str);

impl Drop for Vital {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the {} panicked, the server starts again", self.0);
            std::process::exit(crate::actors::server::EXIT_RESTART);
        }
    }
}
