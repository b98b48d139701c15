//! Kinds of characters.

mod parrot;

pub use parrot::Parrot;
