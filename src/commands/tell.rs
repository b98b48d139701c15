//! `tell`: say something to somebody, wherever they are.

use super::addressed;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Tell;

impl Command for Tell {
    const NAME: &'static str = "tell";
    const ALIASES: &'static [&'static str] = &["page"];
    const CATEGORY: &'static str = "Communication";
    const PERMISSION: Permission = Permission::Player;
    const HELP: &'static str = "Usage: tell <name> = <text>\n\n\
        Says something to somebody, wherever they are. Those who are away read it when they come back. Without the = a \
        name is one word, or stands in quotes.\n\nFor example: tell bob = Where are you?";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let typed = args.rest().ok_or(Refusal::new("Tell whom what?"))?;
        let (to, text) = addressed::split(typed).ok_or(Refusal::new("Usage: tell <name> = <text>"))?;
        cx.ask_accounts(AccountsRequest::Tell { to: to.to_owned(), text: text.to_owned() });
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
    fn the_accounts_are_asked_to_deliver_it() {
        let mut trial = Trial::new(defaults());
        let mut check = |line: &str, to: &str, text: &str| {
            let expected = AccountsRequest::Tell { to: to.into(), text: text.into() };
            assert_eq!(trial.run("Ann", line).hop, Some(Hop::Accounts(expected)), "{line}");
        };
        check("tell bob = hello", "bob", "hello");
        check("page bob hello = |rhello", "bob hello", "|rhello");
        check("tell bob hello", "bob", "hello");
        check("tell \"Bob Hill\" hello", "Bob Hill", "hello");
        assert_eq!(trial.run("Ann", "tell").to("Ann"), ["Tell whom what?"]);
        assert_eq!(trial.run("Ann", "tell bob").to("Ann"), ["Usage: tell <name> = <text>"]);
    }
}
