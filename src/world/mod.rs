//! THE GAME MODEL. No sockets, no storage, no runtime.
pub mod record;
