//! A game's entrance: its name and what it adds, then [`App::run`].

use std::process::ExitCode;

use crate::cli;

/// What a game adds to the engine.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Registry {}

/// A game: the engine with a name and a registry.
///
/// A game's own binary has all of the engine's subcommands:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     everhall::app::App::new("The Salt Road").run()
/// }
/// ```
#[derive(Debug)]
pub struct App {
    /// The world's name unless a keeper sets another one (`world.name`).
    pub name: String,
    /// What the game adds.
    pub registry: Registry,
}

impl App {
    /// Returns the bare engine under a game's name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), registry: Registry::default() }
    }

    /// Does what the command line says. The exit codes are in `--help`.
    pub fn run(self) -> ExitCode {
        cli::run(self)
    }
}
