//! Everhall: an actor-model world simulation engine.
pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod ids;
pub mod launcher;
pub mod logging;
pub mod mailbox;
pub mod portal;
pub mod text;
pub mod wire;
pub mod world;
