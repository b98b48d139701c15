//! `option`: how one wants to see the world.

use serde_json::Value;

use crate::text;
use crate::text::Markup;
use crate::world::caller::Caller;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::types::Refusal;

/// What can be chosen, with its meaning. The accounts know which values there are.
const OPTIONS: [(&str, &str); 4] = [
    ("color", "colours: auto, none, 16, 256, true"),
    ("screenreader", "sentences instead of columns: on, off"),
    ("utf8", "letters beyond ASCII: on, off"),
    ("width", "of a line, in columns: auto, or a number"),
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
        let (name, value) = separated.ok_or(Refusal::new("Usage: option <name> = <value>"))?;
        let name = match name.trim().to_lowercase().as_str() {
            "colour" => "color".to_owned(),
            name => name.to_owned(),
        };
        cx.ask_accounts(AccountsRequest::Option { name, value: value.trim().to_lowercase() });
        Ok(())
    }
}

fn list(caller: &Caller) -> Markup {
    let mut list = text!("Your options:");
    for (name, meaning) in OPTIONS {
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
    fn a_choice_is_asked_of_the_accounts() {
        let mut trial = Trial::new(defaults());
        let mut check = |line: &str, name: &str, value: &str| {
            let expected = AccountsRequest::Option { name: name.into(), value: value.into() };
            assert_eq!(trial.run("Ann", line).hop, Some(Hop::Accounts(expected)), "{line}");
        };
        check("option screenreader on", "screenreader", "on");
        check("option ScreenReader = ON", "screenreader", "on");
        check("option colour=true", "color", "true");
        assert_eq!(trial.run("Ann", "option width").to("Ann"), ["Usage: option <name> = <value>"]);
    }
}
