//! `create`: make a thing, or somebody.

use super::named::{Named, with_id};
use crate::text;
use crate::text::english;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Create;

impl Command for Create {
    const NAME: &'static str = "create";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: create <name>[;alias…][:type]\n\n\
        Makes a thing, which lies here then; or, with a type of character, somebody. `types` lists the types.\n\n\
        For example: create old lamp;lamp:lantern";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let named = Named::parse_typed(args.rest().ok_or(Refusal::new("Create what?"))?)?;
        let kind = match &named.type_name {
            Some(type_name) => kind_of(type_name, cx)?,
            None => Kind::Object,
        };
        let made = named.make(kind, "object", cx)?;
        let id = made.id;
        cx.make(made, "create");
        let name = if kind == Kind::Object { english::with_article(&named.key) } else { named.key };
        let made = with_id(id, cx);
        cx.act(text!("You create {}.", made), text!("{} creates {}.", cx.name(), name));
        Ok(())
    }
}

/// Returns what is of that type: things first.
fn kind_of(type_name: &str, cx: &CommandCx) -> Result<Kind, Refusal> {
    let types = &cx.hall().types;
    let kinds = [Kind::Object, Kind::Character];
    if let Some(kind) = kinds.into_iter().find(|kind| types.fresh(*kind, type_name).is_some()) {
        return Ok(kind);
    }
    let known: Vec<String> = kinds.into_iter().flat_map(|kind| types.names(kind)).map(str::to_owned).collect();
    let known = english::list(&known);
    Err(text!("There is no type of thing or character called \"{}\"; there are: {}.", type_name, known).into())
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
        fn on_create(&mut self, _: EntityId, cx: &mut RoomCx) {
            self.oil = 10;
            cx.tell_room(crate::text!("It smells of oil."));
        }
    }

    #[test]
    fn a_thing_of_a_type_lies_here_and_its_type_is_told() {
        let mut trial = Trial::new(defaults());
        trial.types().object::<Lantern>();
        trial.permit("Ann", Permission::Builder);
        let said = trial.run("Ann", "create old lamp;lamp:lantern");
        let lamp = trial.entity(trial.id("lamp"));
        assert_eq!(said.to("Ann"), ["It smells of oil.".to_owned(), format!("You create old lamp ({}).", lamp.id)]);
        assert_eq!(said.to("Bob"), ["It smells of oil.", "Ann creates an old lamp."]);
        assert_eq!((lamp.location, lamp.behaviour.state()), (Some(EntityId(1)), Some(&Lantern { oil: 10 })));
        assert_eq!(said.history[0].after, "\"old lamp\"");
        trial.run("Ann", "create Old Joe:character");
        assert_eq!(trial.entity(trial.id("Old Joe")).kind(), Kind::Character);
    }

    #[test]
    fn unknown_types_and_bad_names_are_refused() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("create", "Create what?");
        check(
            "create lamp:lantrn",
            "There is no type of thing or character called \"lantrn\"; there are: object and character.",
        );
        check(&format!("create {}", "é".repeat(101)), "A name has 1 to 100 characters.");
        check("create me", "\"me\" cannot be a name: it means something already.");
    }
}
