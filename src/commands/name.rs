//! `name`: what something is called.

use super::named::{Named, with_id};
use crate::text;
use crate::world::building::{is_person, names_json};
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Name;

impl Command for Name {
    const NAME: &'static str = "name";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: name <target> = <name>[;alias…]\n\n\
        Gives something a name, and other names in place of those it had.\n\n\
        For example: name lamp = brass lamp;lamp";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let Some((typed, Some(names))) = args.equals().filter(|(target, _)| !target.is_empty()) else {
            return Err(Refusal::new("Name what, and how? For example: name lamp = brass lamp;lamp"));
        };
        let plain = Named::parse(names)?;
        let Some(target) = cx.target(typed)? else { return Ok(()) };
        cx.may_change(target)?;
        let Some(entity) = cx.view().entity(target) else { return Ok(()) };
        if is_person(entity) {
            return Err(Refusal::new("A person's character is called as its account is."));
        }
        let named = if entity.kind() == Kind::Exit { Named::parse_exit(names, cx)? } else { plain };
        if entity.kind() == Kind::Exit {
            named.is_free_here_but_for(target, cx)?;
        }
        let (was, before) = (with_id(target, cx), names_json(&entity.key, &entity.aliases));
        let after = named.to_json();
        let told = text!("{} is called {} now.", was, named.key);
        if let Some(edited) = cx.room().edit(target) {
            edited.key = named.key;
            edited.aliases = named.aliases;
        }
        cx.note(target, "name", before, after);
        cx.tell(told);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::ids::{AccountId, EntityId};
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn a_thing_is_found_by_its_new_names_only() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        let said = trial.run("Ann", "name lamp = torch;light");
        assert_eq!(said.to("Ann"), [format!("lamp ({lamp}) is called torch now.")]);
        assert_eq!(
            (said.history[0].before.as_str(), said.history[0].after.as_str()),
            ("[\"lamp\"]", "[\"torch\",\"light\"]")
        );
        assert_eq!(trial.run("Bob", "get light").to("Bob"), ["You pick up a torch."]);
        assert_eq!(trial.run("Bob", "look lamp").to("Bob"), ["You see no \"lamp\" here."]);
    }

    #[test]
    fn people_keep_their_names_and_exits_stay_told_apart() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Admin);
        let bob = trial.id("Bob");
        trial.edit(bob, |bob| bob.owner = Some(AccountId(3)));
        trial.exit("north", EntityId(98));
        trial.exit("south", EntityId(99));
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("name bob = Ann", "A person's character is called as its account is.");
        check("name north = s;south", "There is an exit called \"south\" here already.");
        check("name north = quit", "An exit cannot be called \"quit\": that is a command.");
        check("name north", "Name what, and how? For example: name lamp = brass lamp;lamp");
        check("name north =", "A name has 1 to 100 characters.");
        assert!(!trial.run("Ann", "name north = n;gate").refused);
        assert!(!trial.run("Ann", "name here = Great Hall").refused);
        assert_eq!(trial.entity(EntityId(1)).key, "Great Hall");
    }
}
