//! Kinds of exits.

mod gap;

pub use gap::Gap;
