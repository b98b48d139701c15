//! The demo world: an old hall above a harbour that was given up, and what still goes on in it.
//!
//! It is the example of how a game is made: everything in this folder is written with [`crate::prelude`] alone, a type
//! or a command or two in each file. [`plugin`] is what a game's own `main.rs` gives to its [`App`].

use crate::prelude::*;

mod bell;
mod board;
mod dark;
mod keeper;
mod lantern;
mod light;
mod map;
mod observatory;
mod weather;

/// Everything that the demo world adds to the engine.
pub fn plugin(app: &mut App) {
    app.room::<bell::Earshot>().room::<dark::Dark>().room::<observatory::Observatory>().room::<weather::Outdoors>();
    app.object::<bell::Bell>().object::<board::Board>().object::<lantern::Lantern>();
    app.character::<keeper::Keeper>().script::<weather::Weather>();
    app.command(bell::Ring).command(board::Read).command(board::Write).command(light::Light).command(light::Douse);
    app.first_world(map::plan);
}
