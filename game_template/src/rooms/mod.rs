//! Kinds of rooms.

mod echo;

pub use echo::Echo;
