//! `use`: do with a thing what it is for.

use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Kind;
use crate::world::types::Refusal;

pub(super) struct Use;

impl Command for Use {
    const NAME: &'static str = "use";
    const CATEGORY: &'static str = "Things";
    const HELP: &'static str = "Usage: use <thing>\n\n\
        Does with a thing what it is for: something that you carry, or that is here.\n\nFor example: use lantern";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let who = cx.body()?.id;
        let view = cx.view();
        let things = view.inside(who).chain(view.here(Kind::Object)).filter(|thing| thing.kind() == Kind::Object);
        let thing = cx.choose(args.rest().ok_or(Refusal::new("Use what?"))?, things)?;
        cx.pass(thing, "use", "You cannot use that.")?;
        let thing = thing.id;
        let used = cx.room().with_object(thing, |object, cx| object.on_use(thing, who, cx));
        used.unwrap_or_else(|| Err(Refusal::new("It does not work.")))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::prelude::*;
    use crate::world::entity::EntityLock;
    use crate::world::trial::Trial;
    use crate::world::types::Behaviour;

    #[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
    struct Bell {
        strokes: u32,
    }

    impl ObjectType for Bell {
        const TYPE: &'static str = "bell";
        fn on_use(&mut self, _: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
            self.strokes += 1;
            if self.strokes > 1 {
                return Err(Refusal::new("It has a crack now."));
            }
            cx.tell(who, crate::text!("Bong."));
            Ok(())
        }
    }

    #[test]
    fn its_type_decides_what_happens() {
        let mut trial = Trial::new(defaults());
        let bell = trial.put(Behaviour::of_object::<Bell>(), "bell");
        trial.thing("rock");
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("use bell", "Bong.");
        check("use bell", "It has a crack now.");
        check("use rock", "You cannot think of a use for that.");
        check("use", "Use what?");
        check("use bob", "You see no \"bob\" here.");
        assert_eq!(trial.entity(bell).behaviour.state(), Some(&Bell { strokes: 1 }));
        trial.edit(bell, |bell| bell.locks.push(EntityLock::new("use", "perm(Admin)")));
        assert_eq!(trial.run("Ann", "use bell").to("Ann"), ["You cannot use that."]);
    }
}
