//! `put`: a thing into another.

use super::holding::{CONTAINER, may_part, name, put};
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Kind;
use crate::world::types::Refusal;

pub(super) struct Put;

impl Command for Put {
    const NAME: &'static str = "put";
    const CATEGORY: &'static str = "Things";
    const HELP: &'static str = "Usage: put <thing> in <container>\n\nPuts something that you carry into something else.\n\n\
        For example: put coin in bag";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let split = args.around("in").or_else(|| args.around("into"));
        let (what, into) = split.ok_or(Refusal::new("Usage: put <thing> in <container>"))?;
        let thing = cx.thing_held(what)?;
        let container = cx.anything(into)?;
        if container.kind() != Kind::Object || !container.has_tag(CONTAINER) {
            return Err(Refusal::new("You cannot put anything in there."));
        }
        if container.id == thing.id {
            return Err(Refusal::new("You cannot put a thing into itself."));
        }
        cx.pass(container, "put_in", "You cannot put anything in there.")?;
        may_part(thing, cx)?;
        let (thing, laid, container, into, by) = (thing.id, name(thing), container.id, name(container), cx.name());
        put(thing, container, cx.room());
        cx.act(text!("You put {} in {}.", laid, into), text!("{} puts {} in {}.", by, laid, into));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::record::TagRecord;
    use crate::world::trial::Trial;

    #[test]
    fn a_thing_goes_into_a_container_and_nowhere_else() {
        let mut trial = Trial::new(defaults());
        let ann = trial.id("Ann");
        let bag = trial.thing_in(ann, "bag");
        trial.edit(bag, |bag| {
            bag.tags.insert(TagRecord { category: String::new(), key: CONTAINER.into() });
        });
        trial.thing_in(ann, "coin");
        trial.thing("rock");
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("put coin", "Usage: put <thing> in <container>");
        check("put coin in rock", "You cannot put anything in there.");
        check("put coin in bob", "You cannot put anything in there.");
        check("put bag in bag", "You cannot put a thing into itself.");
        check("put rock in bag", "You are not carrying \"rock\".");
        let said = trial.run("Ann", "put coin into bag");
        assert_eq!(said.to("Ann"), ["You put a coin in a bag."]);
        assert_eq!(said.to("Bob"), ["Ann puts a coin in a bag."]);
        assert_eq!(trial.things_in(bag), ["coin"]);
    }
}
