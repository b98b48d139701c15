//! Kinds of things.

mod lamp;

pub use lamp::{Burn, Lamp};
