//! SERVER-PROCESS ACTORS. Thin: receive, call `world`, perform effects.
//!
//! Each file holds one actor, with the messages it receives above their handlers. `batch` and `book` are what the
//! actors pass on and how the journal keeps order; `services` is what each of them holds.

pub mod accounts;
pub mod ask;
pub mod batch;
pub mod book;
pub mod channel;
pub mod complaints;
pub mod directory;
mod hangup;
pub mod journal;
pub mod link;
pub mod login;
pub mod meter;
pub mod room;
mod safe_mode;
pub mod script;
pub mod server;
pub mod services;
pub mod session;
pub mod storage;
pub mod upkeep;
pub mod vital;
pub mod wheel;
pub mod world;
