//! `link`: let an exit lead somewhere else, or nowhere.

use serde_json::json;

use super::named::with_id;
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Link;

impl Command for Link {
    const NAME: &'static str = "link";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: link <exit> = <#room> | here      link <exit> =\n\n\
        Lets an exit lead to a room; or nowhere, which it says to those who try.\n\nFor example: link north = #12";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let Some((typed, Some(to))) = args.equals().filter(|(exit, _)| !exit.is_empty()) else {
            return Err(Refusal::new("Link which exit to which room? For example: link north = #12"));
        };
        let to = match to {
            "" => None,
            to => {
                let Some(to) = cx.room_to(to)? else { return Ok(()) };
                Some(to)
            }
        };
        // Where the exit is, `here` would be another room.
        let line = to.map(|to| format!("link {typed} = {to}"));
        let Some(exit) = cx.target_or_relay(typed, line)? else { return Ok(()) };
        let kind = cx.view().entity(exit).map(|exit| exit.kind());
        if kind != Some(Kind::Exit) {
            return Err(text!("{} is no exit.", with_id(exit, cx)).into());
        }
        let Some(edited) = cx.room().edit(exit) else { return Ok(()) };
        let before = std::mem::replace(&mut edited.destination, to);
        cx.note(exit, "link", json!(before.map(|id| id.0)), json!(to.map(|id| id.0)));
        let exit = with_id(exit, cx);
        cx.tell(match to {
            Some(to) => text!("{} leads to {} now.", exit, with_id(to, cx)),
            None => text!("{} leads nowhere now.", exit),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::world::effects::Hop;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn an_exit_leads_elsewhere_or_nowhere() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let north = trial.exit("north", EntityId(99));
        let said = trial.run("Ann", "link north = #77");
        assert_eq!(said.to("Ann"), [format!("north ({north}) leads to #77 now.")]);
        assert_eq!((said.history[0].before.as_str(), said.history[0].after.as_str()), ("99", "77"));
        assert_eq!(trial.run("Ann", "link north =").to("Ann"), [format!("north ({north}) leads nowhere now.")]);
        assert_eq!(trial.run("Bob", "north").to("Bob"), ["That way leads nowhere."]);
    }

    #[test]
    fn here_is_where_it_was_typed_also_for_an_exit_elsewhere() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let hop = trial.run("Ann", "link #70 = here").hop;
        assert_eq!(hop, Some(Hop::Elsewhere { entity: EntityId(70), line: Some("link #70 = #1".into()) }));
        let north = trial.exit("north", EntityId(99));
        trial.run_from_elsewhere("Ann", &format!("link {north} = #55"));
        assert_eq!(trial.entity(north).destination, Some(EntityId(55)));
    }

    #[test]
    fn only_exits_are_linked_and_only_to_rooms() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("link", "Link which exit to which room? For example: link north = #12");
        check("link north", "Link which exit to which room? For example: link north = #12");
        check("link lamp = here", &format!("lamp ({lamp}) is no exit."));
        check("link widdershins = here", "You see no \"widdershins\" here.");
        check("link lamp = #2", "Ann (#2) is no room.");
    }
}
