//! The bare engine.

use std::process::ExitCode;

use everhall::app::App;
use everhall::demo;

/// Faster than the system's for many small texts that go from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    App::new("Everhall").plugin(demo::plugin).run()
}
