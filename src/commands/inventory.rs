//! `inventory`: what one carries.

use super::holding::name;
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::types::Refusal;

pub(super) struct Inventory;

impl Command for Inventory {
    const NAME: &'static str = "inventory";
    const ALIASES: &'static [&'static str] = &["i", "inv"];
    const CATEGORY: &'static str = "Things";
    const HELP: &'static str = "Usage: inventory      Short: i\n\nLists what you carry.\n\nFor example: i";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let held: Vec<String> = cx.view().inside(cx.who()).map(name).collect();
        cx.tell(match held.as_slice() {
            [] => text!("You are not carrying anything."),
            held => text!("You are carrying: {}.", held.join(", ")),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn it_lists_what_one_carries_and_nobody_else_sees_that() {
        let mut trial = Trial::new(defaults());
        assert_eq!(trial.run("Ann", "i").to("Ann"), ["You are not carrying anything."]);
        let lamp = trial.thing_in(trial.id("Ann"), "lamp");
        trial.thing_in(trial.id("Ann"), "key");
        trial.thing_in(lamp, "wick");
        for line in ["inventory", "inv", "i"] {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), ["You are carrying: a lamp, a key."]);
            assert_eq!(said.to("Bob"), [""; 0]);
        }
    }
}
