//! `reload`: let a new server take over, with everybody still connected.

use crate::text;
use crate::wire::Item;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Reload;

impl Command for Reload {
    const NAME: &'static str = "reload";
    const CATEGORY: &'static str = "Keepers";
    const PERMISSION: Permission = Permission::Admin;
    const HELP: &'static str = "Usage: reload\n\n\
        Lets a new server take over, with new code if there is any. Everybody stays connected. If the new one does not \
        start, you are told why, and the one that runs goes on.\n\nFor example: reload";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        cx.tell(text!("Reloading…"));
        cx.room().effects().items.push(Item::Reload);
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
        let said = trial.run("Ann", "reload");
        assert_eq!(said.to("Ann"), ["Reloading…"]);
        assert_eq!(said.items.last(), Some(&Item::Reload));
        assert!(trial.run("Bob", "reload").refused);
    }
}
