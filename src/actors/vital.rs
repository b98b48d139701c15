//! Actors without which nothing works: if one of them panics, the process ends and another starts from what is stored.
//!
//! actix goes on without a panicked actor: its mailbox is closed, and whoever waits for it would wait for ever.

/// Held by such an actor. Dropped while its thread panics, it ends the process.
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
