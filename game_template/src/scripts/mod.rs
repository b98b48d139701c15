//! What happens by itself, wherever anybody is.

mod tides;

pub use tides::Tides;
