//! What a keeper is told while the world is prepared.

use std::fmt::Display;

use crate::cli::out;

/// Says what is under way, one line a step. Says nothing in a world without a terminal.
#[derive(Debug)]
pub struct Progress {
    detached: bool,
}

impl Progress {
    /// Returns one that speaks to the terminal.
    pub fn to_terminal() -> Self {
        Self { detached: false }
    }

    /// Returns one that is silent: what it would print would end in a log.
    pub fn detached() -> Self {
        Self { detached: true }
    }

    /// Runs a step that takes a while: `Creating the world's database … done`.
    ///
    /// # Errors
    ///
    /// What the step says; the line then ends in `failed`.
    pub fn step<T, E>(&mut self, what: impl Display, run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.say(format_args!("{what} … "));
        let result = run();
        self.say(if result.is_ok() { "done\n" } else { "failed\n" });
        result
    }

    /// Says a line.
    pub fn line(&mut self, line: impl Display) {
        self.say(format_args!("{line}\n"));
    }

    /// Returns true if nobody reads along, so that nothing may be told which is told only once.
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    fn say(&self, text: impl Display) {
        if !self.detached {
            out::write(text);
        }
    }
}
