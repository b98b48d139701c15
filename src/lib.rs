//! Everhall: an actor-model world simulation engine. This file is the map.
//!
//! Two processes, one executable. The *portal* (`portal`, `web::play`) holds the sockets and knows no game; the *server*
//! (`actors`) runs the world and may restart without anybody noticing more than a pause. They speak over the `wire`.
//!
//! The world itself is `world` (the model) and `commands` (what players type); `db` stores it. `text` is what everybody
//! reads. `demo` is a game made with the `prelude` alone. `app`, `cli`, `config`, `launcher` and `logging` make a program of it; `testing` and `bench` try it.

pub mod actors;
pub mod app;
pub mod bench;
pub mod cli;
pub mod commands;
pub mod config;
pub mod db;
pub mod demo;
pub mod failpoint;
pub mod first_run;
pub mod flamegraph;
pub mod ids;
pub mod launcher;
pub mod logging;
pub mod mailbox;
pub mod portal;
pub mod testing;
pub mod text;
pub mod torture;
pub mod web;
pub mod wire;
pub mod world;

/// What a game's own files import.
pub mod prelude {
    pub use crate::app::{App, Plugin};
    pub use crate::ids::{AccountId, ChannelId, EntityId, RoomId, SessionId};
    pub use crate::text;
    pub use crate::text::Markup;
    pub use crate::world::caller::Caller;
    pub use crate::world::channel_type::{ChannelCx, ChannelType};
    pub use crate::world::clock::{CalendarTime, GameTime};
    pub use crate::world::command::{Args, Command, CommandCx};
    pub use crate::world::cx::{RoomCx, RoomView, Say};
    pub use crate::world::defaults;
    pub use crate::world::effects::Manner;
    pub use crate::world::entity::Entity;
    pub use crate::world::first::Plan;
    pub use crate::world::record::{ChannelMessage, Kind, Permission};
    pub use crate::world::script::{ScriptCx, ScriptType};
    pub use crate::world::signal::{Signal, SignalType, Target, Tick};
    pub use crate::world::types::{CharacterType, ExitType, ObjectType, Refusal, RoomType};
}

/// Compiles what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
