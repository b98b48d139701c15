//! `shutdown`: stop the world.

use crate::text;
use crate::wire::Item;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Shutdown;

impl Command for Shutdown {
    const NAME: &'static str = "shutdown";
    const CATEGORY: &'static str = "Keepers";
    const PERMISSION: Permission = Permission::Admin;
    const HELP: &'static str = "Usage: shutdown\n\n\
        Stores everything, disconnects everybody and stops.\n\nFor example: shutdown";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        cx.tell(text!("Shutting down…"));
        cx.room().effects().items.push(Item::Shutdown);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn an_admin_may_and_is_told_first() {
        let mut trial = Trial::new(defaults());
        trial.caller("Ann", |ann| ann.permission = Permission::Admin);
        let said = trial.run("Ann", "shutdown");
        assert_eq!(said.to("Ann"), ["Shutting down…"]);
        assert_eq!(said.items.last(), Some(&Item::Shutdown));
        assert!(trial.run("Bob", "shutdown").refused);
    }
}
