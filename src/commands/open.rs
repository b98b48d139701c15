//! `open`: make an exit to a room that is there already.

use super::named::{Named, with_id};
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Open;

impl Command for Open {
    const NAME: &'static str = "open";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: open <exit>[;alias…][:type] = <#room>\n\n\
        Makes an exit that leads to a room. For a way back, go there and open one from that side.\n\n\
        For example: open trap door;door;down = #12";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let usage = || Refusal::new("Open which exit, to which room? For example: open down = #12");
        let (exit, to) = args.equals().filter(|(exit, _)| !exit.is_empty()).ok_or_else(usage)?;
        let to = to.filter(|to| !to.is_empty()).ok_or_else(usage)?;
        if to.contains(',') {
            return Err(Refusal::new("One exit at a time: go there, and open the way back from that side."));
        }
        let exit = Named::parse_exit(exit, cx)?;
        exit.is_free_here(cx)?;
        let Some(to) = cx.room_to(to)? else { return Ok(()) };
        let here = cx.room().room();
        let (made, way) = (exit.make_exit(here, to, cx)?, exit.key);
        let id = made.id;
        cx.make(made, "open");
        let (made, to) = (with_id(id, cx), with_id(to, cx));
        cx.act(text!("You open {} to {}.", made, to), text!("{} opens a way: {}.", cx.name(), way));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn an_exit_leads_to_the_room_it_was_opened_to() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let said = trial.run("Ann", "open trap door;door = #99");
        assert_eq!(said.to("Bob"), ["Ann opens a way: trap door."]);
        let door = trial.entity(trial.id("door"));
        assert_eq!(door.destination, Some(EntityId(99)));
        assert_eq!(said.to("Ann"), [format!("You open trap door ({}) to #99.", door.id)]);
        assert_eq!(said.history.len(), 1);
    }

    #[test]
    fn what_cannot_be_opened_is_refused() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        let usage = "Open which exit, to which room? For example: open down = #12";
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("open", usage);
        check("open door", usage);
        check("open door =", usage);
        check("open = #12", usage);
        check("open door = kitchen", "Name a room by its number, such as #12; \"kitchen\" is none.");
        check(&format!("open door = {lamp}"), &format!("lamp ({lamp}) is no room."));
        check("open door = #5, back", "One exit at a time: go there, and open the way back from that side.");
    }
}
