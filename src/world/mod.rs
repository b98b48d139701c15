//! THE GAME MODEL. No sockets, no storage, no runtime: what a world is, and how it answers to what happens in it.
//!
//! `record` is the world as rows, `entity` and `contents` the world in memory, `room` what happens in it. `types` are
//! how games extend it, `command` and `cx` what commands and hooks are given. Nothing here reads a clock or a random
//! source but through its context, so that a world can be replayed from a seed.

pub mod account;
pub mod appearance;
pub mod building;
pub mod caller;
pub mod channel;
pub mod channel_type;
pub(crate) mod claims;
pub mod clock;
pub mod command;
pub mod contents;
pub mod cx;
pub mod defaults;
pub mod direction;
pub mod effects;
pub mod entity;
pub mod failure;
pub mod firing;
pub mod first;
pub mod id_block;
pub mod lock;
pub mod names;
pub mod record;
pub mod room;
pub mod script;
pub mod search;
pub mod seats;
pub mod signal;
pub mod trial;
pub mod types;
