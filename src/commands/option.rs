//! `option`: how one wants to see the world.

use serde_json::Value;

use crate::text;
use crate::text::Markup;
use crate::world::caller::Caller;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::search;
use crate::world::types::Refusal;

/// What can be chosen: name, values, meaning.
const OPTIONS: [(&str, &str, &str); 4] = [
    ("color", "auto, none, 16, 256, true", "how many colours your screen has"),
    ("screenreader", "on, off", "plain sentences instead of columns and ornaments"),
    ("utf8", "on, off", "letters beyond ASCII"),
    ("width", "auto, or a number of columns", "where long lines are wrapped"),
];

pub(super) struct Options;

impl Command for Options {
    const NAME: &'static str = "option";
    const ALIASES: &'static [&'static str] = &["options"];
    const CATEGORY: &'static str = "Account";
    const HELP: &'static str = "Usage: option [<name> = <value>]\n\n\
        Lists how things are shown to you, or changes it. It is kept for the next time you log in.\n\n\
        For example: option screenreader = on";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let Some(typed) = args.rest() else {
            let list = list(cx.caller());
            cx.tell(list);
            return Ok(());
        };
        let separated = typed.split_once('=').or_else(|| typed.split_once(char::is_whitespace));
        let (name, value) = separated.map_or((typed, ""), |(name, value)| (name.trim(), value.trim()));
        let (name, values, _) = known(name)?;
        if value.is_empty() {
            return Err(text!("The values of {} are: {}.", name, values).into());
        }
        cx.ask_accounts(AccountsRequest::Option { name: name.to_owned(), value: value.to_lowercase() });
        Ok(())
    }
}

fn known(typed: &str) -> Result<(&'static str, &'static str, &'static str), Refusal> {
    let name = typed.to_lowercase();
    let name = if name == "colour" { "color" } else { name.as_str() };
    let names = OPTIONS.iter().map(|(name, ..)| *name);
    OPTIONS.iter().find(|(known, ..)| *known == name).copied().ok_or_else(|| {
        let near = search::suggest(name, names.clone(), 1);
        let near = near.first().copied().map_or_else(|| names.collect::<Vec<_>>().join(", "), str::to_owned);
        text!("There is no option \"{}\". Did you mean {}?", typed, near).into()
    })
}

fn list(caller: &Caller) -> Markup {
    let mut list = text!("Your options:");
    for (name, _, meaning) in OPTIONS {
        let value = chosen(name, caller);
        list.push(&match caller.screen_reader {
            true => text!("\n{}: {} ({}).", name, value, meaning),
            false => text!("\n  |w{:<14}|n {:<6} {}", name, value, meaning),
        });
    }
    list
}

/// Returns an option's value: what the person chose, else what the session came with.
fn chosen(name: &str, caller: &Caller) -> String {
    match (caller.options.get(name), name) {
        (Some(Value::String(value)), _) => value.clone(),
        (Some(Value::Bool(on)), _) => on_off(*on),
        (Some(value), _) => value.to_string(),
        (None, "screenreader") => on_off(caller.screen_reader),
        (None, "width") if caller.width > 0 => caller.width.to_string(),
        (None, _) => "auto".into(),
    }
}

fn on_off(on: bool) -> String {
    if on { "on".into() } else { "off".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::effects::Hop;
    use crate::world::trial::Trial;

    #[test]
    fn options_are_listed_as_chosen_or_as_they_are() {
        let mut trial = Trial::new(defaults());
        trial.caller("Ann", |ann| ann.options = serde_json::json!({ "color": "256", "utf8": true }));
        let list = trial.run("Ann", "option").to("Ann").remove(0);
        let values: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(values, ["256", "off", "on", "80"]);
    }

    #[test]
    fn a_choice_is_asked_of_the_accounts_and_what_is_not_one_is_refused() {
        let mut trial = Trial::new(defaults());
        let mut check = |line: &str, name: &str, value: &str| {
            let expected = AccountsRequest::Option { name: name.into(), value: value.into() };
            assert_eq!(trial.run("Ann", line).hop, Some(Hop::Accounts(expected)), "{line}");
        };
        check("option screenreader on", "screenreader", "on");
        check("option ScreenReader = ON", "screenreader", "on");
        check("option colour=true", "color", "true");
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("option screenreader", "The values of screenreader are: on, off.");
        check("option widht 80", "There is no option \"widht\". Did you mean width?");
        check("option |rx 1", "There is no option \"|rx\". Did you mean color, screenreader, utf8, width?");
    }
}
