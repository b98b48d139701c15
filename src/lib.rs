//! Everhall: an actor-model world simulation engine.
pub mod actors;
pub mod app;
pub mod cli;
pub mod commands;
pub mod config;
pub mod db;
pub mod ids;
pub mod launcher;
pub mod logging;
pub mod mailbox;
pub mod portal;
pub mod text;
pub mod web;
pub mod wire;
pub mod world;

/// What a game's own files import.
pub mod prelude {
    pub use crate::ids::{AccountId, ChannelId, EntityId, RoomId, SessionId};
    pub use crate::text;
    pub use crate::text::Markup;
    pub use crate::world::command::{Args, Command, CommandCx};
    pub use crate::world::cx::{RoomCx, RoomView, Say};
    pub use crate::world::defaults;
    pub use crate::world::entity::Entity;
    pub use crate::world::record::{Kind, Permission};
    pub use crate::world::script::{ScriptCx, ScriptType};
    pub use crate::world::types::{CharacterType, ExitType, ObjectType, Refusal, RoomType};
}
