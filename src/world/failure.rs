//! Code of a game that panics: caught where it is called, so that only what it was doing is lost, and what is said of it.
//!
//! Developers read a [`Failure::trace`] in the game. Everybody else is told a plain sentence by whoever has called the code:
//! what it means for them is known there.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::text::Markup;
use crate::{logging, text};

/// What is said of a line that came to nothing.
pub const NOTHING_DONE: &str = "Something went wrong; nothing was done. It has been noted.";

/// What is said where something happened that nobody typed.
pub const SOMETHING_WRONG: &str = "Something here does not work as it should. It has been noted.";

/// Longest trace, in characters.
const TRACE_MOST: usize = 300;

/// A panic that was caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it said.
    message: String,
    /// Where, as `file:line:column`; empty where nobody takes note of that, as in a game's tests.
    place: String,
}

impl Failure {
    /// Returns a failure that was no panic, but is told as one.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: String::new() }
    }

    /// Returns what a Developer reads of it: one line, of at most `TRACE_MOST` characters.
    pub fn trace(&self) -> Markup {
        let line = self.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(TRACE_MOST) {
            Some((end, _)) => text!("|x{}…|n", &line[..end]),
            None => text!("|x{}|n", line),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.message),
            place => write!(f, "{} at {place}", self.message),
        }
    }
}

/// Runs code of a game. What it was given to change must be thrown away if it fails: it may be half changed.
///
/// # Errors
///
/// What is known of its panic.
pub fn contain<R>(run: impl FnOnce() -> R) -> Result<R, Failure> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let message = message.unwrap_or_else(|| "a panic without a message".into());
        Failure { message, place: logging::take_panic_place() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_said_is_known() {
        let check = |run: fn(), expected: &str| assert_eq!(contain(run).unwrap_err().message, expected);
        check(|| panic!("no oil"), "no oil");
        check(|| panic!("no oil in {}", 7), "no oil in 7");
        check(|| std::panic::panic_any(7), "a panic without a message");
        assert_eq!(contain(|| 7), Ok(7));
    }

    #[test]
    fn a_trace_is_one_short_line_that_shows_codes_as_they_are_written() {
        let trace = |message: &str| text::render_plain(Failure::new(message).trace().as_str());
        assert_eq!(trace("|rred|n"), "|rred|n");
        assert_eq!(trace("left\n  right"), "left right");
        assert_eq!(trace(&"é".repeat(400)).chars().count(), TRACE_MOST + 1);
    }
}
