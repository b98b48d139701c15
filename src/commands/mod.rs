//! The default commands, one file each.

use crate::world::command::CommandSet;

/// Adds the default commands.
pub fn add_to(commands: &mut CommandSet) {
    let _ = commands;
}
