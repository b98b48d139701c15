//! Everhall: an actor-model world simulation engine.
pub mod bench;
pub mod config;
pub mod ids;
pub mod mailbox;
pub mod portal;
pub mod testing;
pub mod wire;
pub mod world;
