//! `boot`: disconnect somebody.

use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Boot;

impl Command for Boot {
    const NAME: &'static str = "boot";
    const CATEGORY: &'static str = "Keepers";
    const PERMISSION: Permission = Permission::Helper;
    const HELP: &'static str = "Usage: boot <name> [= <reason>]\n\n\
        Disconnects somebody, and shows them the reason.\n\nFor example: boot bob = Take a walk.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (name, reason) = args.equals().ok_or(Refusal::new("Boot whom?"))?;
        if name.is_empty() {
            return Err(Refusal::new("Boot whom?"));
        }
        let (name, reason) = (name.to_owned(), reason.unwrap_or_default().to_owned());
        cx.ask_accounts(AccountsRequest::Boot { name, reason });
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
    fn a_helper_may_give_a_reason() {
        let mut trial = Trial::new(defaults());
        trial.caller("Ann", |ann| ann.permission = Permission::Helper);
        let mut check = |line: &str, name: &str, reason: &str| {
            let expected = AccountsRequest::Boot { name: name.into(), reason: reason.into() };
            assert_eq!(trial.run("Ann", line).hop, Some(Hop::Accounts(expected)), "{line}");
        };
        check("boot bob", "bob", "");
        check("boot bob hill = a = b", "bob hill", "a = b");
        assert_eq!(trial.run("Ann", "boot").to("Ann"), ["Boot whom?"]);
        assert!(trial.run("Bob", "boot ann").refused);
    }
}
