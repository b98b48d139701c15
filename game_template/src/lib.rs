//! What this game adds to the engine. A type or a command is a file of its own and one line here.

use std::time::Duration;

use everhall::prelude::*;

mod first_world;

pub mod characters;
pub mod commands;
pub mod exits;
pub mod objects;
pub mod rooms;
pub mod scripts;

/// Registers everything.
pub fn plugin(app: &mut App) {
    app.room::<rooms::Echo>()
        .exit::<exits::Gap>()
        .object::<objects::Bush>()
        .object::<objects::Lamp>()
        .character::<characters::Parrot>()
        .global_script::<scripts::Tides>(Duration::from_secs(15 * 60))
        .command(commands::Toast)
        .first_world(first_world::plan);
}
