//! `perm`: what an account may do.

use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Perm;

impl Command for Perm {
    const NAME: &'static str = "perm";
    const CATEGORY: &'static str = "Keepers";
    const PERMISSION: Permission = Permission::Admin;
    const HELP: &'static str = "Usage: perm <name> [= <permission>]\n\n\
        Tells what an account may do, or changes it: Guest, Player, Helper, Builder, Admin, Developer. Nobody gives more \
        than they have.\n\nFor example: perm bob = Builder";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (name, permission) = args.equals().ok_or(Refusal::new("Whose permission?"))?;
        if name.is_empty() {
            return Err(Refusal::new("Whose permission?"));
        }
        let permission = permission.map(parse).transpose()?;
        if let Some(permission) = permission {
            cx.require(permission)?;
        }
        let name = name.to_owned();
        cx.ask_accounts(AccountsRequest::Permission { name, permission });
        Ok(())
    }
}

fn parse(typed: &str) -> Result<Permission, Refusal> {
    Permission::parse(typed).ok_or_else(|| {
        let names: Vec<&str> = Permission::ALL.iter().map(|permission| permission.name()).collect();
        text!("There is no permission \"{}\". There are {}.", typed, names.join(", ")).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::effects::Hop;
    use crate::world::trial::Trial;

    #[test]
    fn an_admin_may_up_to_their_own() {
        let mut trial = Trial::new(defaults());
        trial.caller("Ann", |ann| ann.permission = Permission::Admin);
        let mut check = |line: &str, permission: Option<Permission>| {
            let expected = AccountsRequest::Permission { name: "bob".into(), permission };
            assert_eq!(trial.run("Ann", line).hop, Some(Hop::Accounts(expected)), "{line}");
        };
        check("perm bob", None);
        check("perm bob = builders", Some(Permission::Builder));
        check("perm bob=Admin", Some(Permission::Admin));
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("perm bob = Developer", "Only Developers may do that.");
        check(
            "perm bob = |rKing",
            "There is no permission \"|rKing\". There are Guest, Player, Helper, Builder, Admin, Developer.",
        );
        check("perm", "Whose permission?");
        assert!(trial.run("Bob", "perm bob = Admin").refused);
    }
}
