//! The program: the engine, with what this game adds. `cargo run -- help` shows all it can do.

use std::process::ExitCode;

use everhall::prelude::*;

fn main() -> ExitCode {
    App::new("My World").plugin(game_template::plugin).run()
}
