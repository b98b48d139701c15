//! `wall`: say something to everybody in the world.

use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Wall;

impl Command for Wall {
    const NAME: &'static str = "wall";
    const CATEGORY: &'static str = "Keepers";
    const PERMISSION: Permission = Permission::Admin;
    const HELP: &'static str = "Usage: wall <text>\n\nSays something to everybody, wherever they are.\n\n\
        For example: wall The harbour festival begins in ten minutes.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let text = args.rest().ok_or(Refusal::new("Say what to everybody?"))?.to_owned();
        cx.ask_accounts(AccountsRequest::Wall { text });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::effects::Hop;
    use crate::world::trial::Trial;

    #[test]
    fn an_admin_may() {
        let mut trial = Trial::new(defaults());
        trial.caller("Ann", |ann| ann.permission = Permission::Admin);
        let expected = AccountsRequest::Wall { text: "Hello |rall".into() };
        assert_eq!(trial.run("Ann", "wall Hello |rall").hop, Some(Hop::Accounts(expected)));
        assert_eq!(trial.run("Ann", "wall").to("Ann"), ["Say what to everybody?"]);
        assert!(trial.run("Bob", "wall hello").refused);
    }
}
