//! `retype`: give something another type, or its type another state; also where the old one can no longer be read.

use serde_json::json;

use super::named::with_id;
use crate::text;
use crate::world::building::bounded;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::{Kind, Permission};
use crate::world::types::{Behaviour, Refusal};

pub(super) struct Retype;

impl Command for Retype {
    const NAME: &'static str = "retype";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: retype <target> = <type>[: <state>]\n\n\
        Gives something a type, as if it were new; or with a state, which is JSON as `examine` shows it. So a thing whose \
        type is gone, or can no longer read its state, is mended.\n\n\
        For example: retype lamp = lantern: {\"oil\": 3}";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let usage = || Refusal::new("What shall be of which type? For example: retype lamp = lantern");
        let Some((typed, Some(wanted))) = args.equals().filter(|(target, _)| !target.is_empty()) else {
            return Err(usage());
        };
        let (name, state) = wanted.split_once(':').map_or((wanted, ""), |(name, state)| (name.trim(), state.trim()));
        if name.is_empty() {
            return Err(usage());
        }
        bounded(state)?;
        let Some(target) = cx.target(typed)? else { return Ok(()) };
        cx.may_change(target)?;
        let Some(kind) = cx.view().entity(target).map(|entity| entity.kind()) else { return Ok(()) };
        let behaviour = behaviour(kind, name, state, cx)?;
        let Some(edited) = cx.room().edit(target) else { return Ok(()) };
        let before = std::mem::replace(&mut edited.behaviour, behaviour);
        if state.is_empty() {
            cx.room().created(target);
        }
        let after = cx.view().entity(target).map(|entity| kept(&entity.behaviour));
        cx.note(target, "retype", kept(&before), json!(after));
        cx.tell(text!("{} is of type {} now.", with_id(target, cx), name));
        Ok(())
    }
}

fn behaviour(kind: Kind, name: &str, state: &str, cx: &CommandCx) -> Result<Behaviour, Refusal> {
    let types = &cx.hall().types;
    let made = match state {
        "" => types.fresh(kind, name).map(Ok),
        state => types.with_state(kind, name, state),
    };
    match made {
        Some(made) => {
            made.map_err(|error| text!("Type {} cannot read that state: {}.", name, error.to_string()).into())
        }
        None => {
            let known = text::english::list(&types.names(kind).into_iter().map(str::to_owned).collect::<Vec<_>>());
            Err(text!("There is no type of {} called \"{}\"; there are: {}.", kind.name(), name, known).into())
        }
    }
}

/// Returns a type with its state as the history keeps it.
fn kept(behaviour: &Behaviour) -> serde_json::Value {
    json!({ "type": behaviour.type_name(), "state": behaviour.to_json() })
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::prelude::*;
    use crate::world::trial::Trial;

    #[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
    struct Lantern {
        oil: u32,
    }

    impl ObjectType for Lantern {
        const TYPE: &'static str = "lantern";
        fn on_create(&mut self, _: EntityId, _: &mut RoomCx) {
            self.oil = 10;
        }
    }

    #[test]
    fn state_that_cannot_be_read_is_mended_and_the_history_keeps_it() {
        let mut trial = Trial::new(defaults());
        trial.types().object::<Lantern>();
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        let broken = trial.types().behaviour(Kind::Object, "lantern", "{\"oil\":\"much\"}");
        trial.edit(lamp, |lamp| lamp.behaviour = broken);
        let said = trial.run("Ann", "retype lamp = lantern: {\"oil\": 3}");
        assert_eq!(said.to("Ann"), [format!("lamp ({lamp}) is of type lantern now.")]);
        assert!(said.history[0].before.contains("much"), "{}", said.history[0].before);
        assert_eq!(trial.entity(lamp).behaviour.state(), Some(&Lantern { oil: 3 }));
        trial.run("Ann", "retype lamp = lantern");
        assert_eq!(trial.entity(lamp).behaviour.state(), Some(&Lantern { oil: 10 }));
    }

    #[test]
    fn what_no_type_can_read_changes_nothing() {
        let mut trial = Trial::new(defaults());
        trial.types().object::<Lantern>();
        trial.permit("Ann", Permission::Builder);
        trial.thing("lamp");
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert!(said.refused && said.to("Ann")[0].starts_with(expected), "{line}: {:?}", said.to("Ann"));
        };
        check("retype lamp", "What shall be of which type?");
        check("retype lamp =", "What shall be of which type?");
        check("retype lamp = lantrn", "There is no type of object called \"lantrn\"; there are: lantern and object.");
        check("retype lamp = lantern: {\"oil\": -1}", "Type lantern cannot read that state: invalid value");
        check("retype lamp = lantern: oil", "Type lantern cannot read that state: ");
        check("retype here = lantern", "There is no type of room called \"lantern\"");
    }
}
