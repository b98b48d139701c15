//! The bare engine.

use std::process::ExitCode;

use everhall::app::App;

fn main() -> ExitCode {
    App::new("Everhall").run()
}
