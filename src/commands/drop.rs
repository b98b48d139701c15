//! `drop`: put down a thing that one carries, or all of them.

use super::holding::{may_part, name, put};
use crate::ids::EntityId;
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::types::Refusal;

pub(super) struct Drop;

impl Command for Drop {
    const NAME: &'static str = "drop";
    const CATEGORY: &'static str = "Things";
    const HELP: &'static str = "Usage: drop <thing> | all\n\nPuts down something that you carry.\n\n\
        For example: drop lamp";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let typed = args.rest().ok_or(Refusal::new("Drop what?"))?;
        if !typed.eq_ignore_ascii_case("all") {
            let thing = cx.thing_held(typed)?;
            may_part(thing, cx)?;
            let thing = thing.id;
            lay_down(thing, cx);
            return Ok(());
        }
        let held = cx.view().inside(cx.who()).filter(|thing| may_part(thing, cx).is_ok());
        let held: Vec<EntityId> = held.map(|thing| thing.id).collect();
        if held.is_empty() {
            let any = cx.view().inside(cx.who()).next().is_some();
            let what =
                if any { "You are not carrying anything that you can drop." } else { "You are not carrying anything." };
            return Err(Refusal::new(what));
        }
        held.into_iter().for_each(|thing| lay_down(thing, cx));
        Ok(())
    }
}

fn lay_down(thing: EntityId, cx: &mut CommandCx) {
    let (who, by, here) = (cx.who(), cx.name(), cx.room().room());
    let Some(dropped) = cx.view().entity(thing).map(name) else { return };
    put(thing, here, cx.room());
    cx.act(text!("You drop {}.", dropped), text!("{} drops {}.", by, dropped));
    cx.room().with_object(thing, |object, cx| object.on_drop(thing, who, cx));
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn a_thing_or_all_things_lie_in_the_room_then() {
        let mut trial = Trial::new(defaults());
        for thing in ["lamp", "apple", "apple"] {
            trial.thing_in(trial.id("Ann"), thing);
        }
        let said = trial.run("Ann", "drop lamp");
        assert_eq!(said.to("Ann"), ["You drop a lamp."]);
        assert_eq!(said.to("Bob"), ["Ann drops a lamp."]);
        assert_eq!(trial.things_in(trial.here()), ["lamp"]);
        let said = trial.run("Ann", "drop apple");
        assert_eq!(said.to("Ann"), ["More than one match for \"apple\": apple-1, apple-2"]);
        assert_eq!(trial.run("Ann", "drop all").to("Bob"), ["Ann drops an apple.", "Ann drops an apple."]);
        assert_eq!(trial.things_in(trial.id("Ann")), [""; 0]);
    }

    #[test]
    fn only_what_one_carries_can_be_dropped() {
        let mut trial = Trial::new(defaults());
        trial.thing("lamp");
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("drop", "Drop what?");
        check("drop lamp", "You are not carrying \"lamp\".");
        check("drop all", "You are not carrying anything.");
    }
}
