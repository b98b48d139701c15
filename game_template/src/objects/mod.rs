//! Kinds of things.

mod bush;
mod lamp;

pub use bush::Bush;
pub use lamp::Lamp;
