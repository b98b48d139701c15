//! `ignore`: stop hearing somebody, or start again.

use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::types::Refusal;

pub(super) struct Ignore;

impl Command for Ignore {
    const NAME: &'static str = "ignore";
    const CATEGORY: &'static str = "Communication";
    const HELP: &'static str = "Usage: ignore <name>      ignore\n\n\
        Stops you from hearing somebody, or, if you ignore them already, lets you hear them again. Who you ignore cannot \
        give you anything nor follow you. Without a name, lists whom you ignore.\n\nFor example: ignore bob";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let name = args.rest().map(str::to_owned);
        cx.ask_accounts(AccountsRequest::Ignore { name });
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
    fn the_accounts_are_asked() {
        let mut trial = Trial::new(defaults());
        let mut check = |line: &str, name: Option<&str>| {
            let expected = AccountsRequest::Ignore { name: name.map(str::to_owned) };
            assert_eq!(trial.run("Ann", line).hop, Some(Hop::Accounts(expected)));
        };
        check("ignore", None);
        check("ignore Bob Hill", Some("Bob Hill"));
    }
}
