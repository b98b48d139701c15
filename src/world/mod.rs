//! THE GAME MODEL. No sockets, no storage, no runtime.
pub mod lock;
pub mod names;
pub mod record;
pub mod search;
