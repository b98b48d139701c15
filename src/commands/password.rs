//! `password`: change one's own.

use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::record::Permission;
use crate::world::types::Refusal;

const USAGE: &str = "Usage: password <old> = <new>";

pub(super) struct Password;

impl Command for Password {
    const NAME: &'static str = "password";
    const CATEGORY: &'static str = "Account";
    const PERMISSION: Permission = Permission::Player;
    const HELP: &'static str = "Usage: password <old> = <new>\n\n\
        Changes your password. The first = ends the old one; put passwords in quotes if that is not what you mean, or if \
        they begin or end with a space.\n\nFor example: password autumn leaves = winter snow";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (old, new) = args.rest().and_then(split).ok_or(Refusal::new(USAGE))?;
        cx.ask_accounts(AccountsRequest::Password { old: old.to_owned(), new: new.to_owned() });
        Ok(())
    }
}

/// Returns the old password and the new one, without the quotes around them.
fn split(typed: &str) -> Option<(&str, &str)> {
    let plainly = || typed.split_once('=').map(|(old, new)| (old.trim(), new));
    let (old, new) = quoted(typed).or_else(plainly)?;
    let new = unquoted(new.trim());
    (!old.is_empty() && !new.is_empty()).then_some((old, new))
}

/// Returns both sides of `"old" = new`; the old one may have `=` in it.
fn quoted(typed: &str) -> Option<(&str, &str)> {
    let (old, new) = typed.strip_prefix('"')?.split_once('"')?;
    Some((old, new.trim_start().strip_prefix('=')?))
}

fn unquoted(password: &str) -> &str {
    password.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::effects::Hop;
    use crate::world::trial::Trial;

    #[test]
    fn old_and_new_are_told_apart() {
        let check = |typed, expected| assert_eq!(split(typed), expected, "{typed}");
        check("old=new", Some(("old", "new")));
        check("autumn leaves = winter = snow", Some(("autumn leaves", "winter = snow")));
        check("\"a=b\" = \"c d \"", Some(("a=b", "c d ")));
        check("\" a\"=b", Some((" a", "b")));
        check("a\" = \"b", Some(("a\"", "\"b")));
        check("old", None);
        check("old =", None);
        check("= new", None);
    }

    #[test]
    fn the_accounts_are_asked_and_nothing_is_shown() {
        let mut trial = Trial::new(defaults());
        let said = trial.run("Ann", "password old = new");
        let expected = AccountsRequest::Password { old: "old".into(), new: "new".into() };
        assert_eq!((said.hop, said.items.len()), (Some(Hop::Accounts(expected)), 0));
        assert_eq!(trial.run("Ann", "password old").to("Ann"), [USAGE]);
    }
}
