//! `dig`: make a room, and exits there and back.

use serde_json::json;

use super::named::{Named, with_id};
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Dig;

impl Command for Dig {
    const NAME: &'static str = "dig";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: dig <name>[:type] [= <exit>[;alias…] [, <exit back>[;alias…]]]\n\n\
        Makes a room, with an exit that leads there and one that leads back. Without any, teleport to its number.\n\n\
        For example: dig Herb Garden = garden door;door, out";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (room, exits) = args.equals().filter(|(room, _)| !room.is_empty()).ok_or(Refusal::new("Dig what?"))?;
        let room = Named::parse_typed(room)?;
        let (there, back) = match exits.filter(|exits| !exits.is_empty()) {
            None => (None, None),
            Some(exits) => {
                let (there, back) = exits.split_once(',').map_or((exits, None), |(there, back)| (there, Some(back)));
                let back = back.filter(|back| !back.trim().is_empty());
                let back = back.map(|back| Named::parse_exit(back, cx)).transpose()?;
                (Some(Named::parse_exit(there, cx)?), back)
            }
        };
        dig(&room, there.as_ref(), back.as_ref(), cx)
    }
}

/// Makes a room and its exits. It can be walked into at once.
pub(super) fn dig(
    room: &Named,
    there: Option<&Named>,
    back: Option<&Named>,
    cx: &mut CommandCx,
) -> Result<(), Refusal> {
    if let Some(there) = there {
        there.is_free_here(cx)?;
    }
    let here = cx.room().room();
    let new = room.make(Kind::Room, "room", cx)?;
    let id = new.id;
    let mut made = text!("You dig {} ({})", new.key, id);
    let mut entities = vec![new];
    cx.note(id, "dig", json!(null), room.to_json());
    if let Some(back) = back {
        let exit = back.make_exit(id, here, cx)?;
        cx.note(exit.id, "dig", json!(null), back.to_json());
        entities.push(exit);
    }
    cx.room().effects().new_rooms.push(entities);
    if let Some(there) = there {
        let exit = there.make_exit(here, id, cx)?;
        let exit_id = exit.id;
        cx.make(exit, "dig");
        made.push(&text!(", with an exit {} there", with_id(exit_id, cx)));
        let opened = text!("{} opens a way: {}.", cx.name(), there.key);
        let who = cx.who();
        cx.room().tell_from(who, opened);
    }
    if let Some(back) = back {
        made.push(&text!(", and {} back", back.key));
    }
    made.push(&text!("."));
    cx.tell(made);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::world::record::{Kind, Permission};
    use crate::world::trial::Trial;

    fn trial() -> Trial {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        trial
    }

    #[test]
    fn a_room_is_made_with_exits_there_and_back() {
        let mut trial = trial();
        let said = trial.run("Ann", "dig Herb Garden = garden door;door, n");
        let [made] = said.to("Ann").try_into().unwrap();
        assert!(made.starts_with("You dig Herb Garden (#10000), with an exit garden door ("), "{made}");
        assert!(made.ends_with(") there, and north back."), "{made}");
        assert_eq!(said.to("Bob"), ["Ann opens a way: garden door."]);
        let [room] = said.new_rooms.as_slice() else { panic!("one room was dug") };
        let [garden, back] = room.as_slice() else { panic!("there is a room and an exit in it") };
        assert_eq!((garden.kind(), garden.key.as_str()), (Kind::Room, "Herb Garden"));
        assert_eq!((back.location, back.destination), (Some(garden.id), Some(EntityId(1))));
        assert_eq!((back.key.as_str(), back.aliases.as_slice()), ("north", ["n".to_owned()].as_slice()));
        let door = trial.entity(trial.id("door"));
        assert_eq!((door.kind(), door.destination), (Kind::Exit, Some(garden.id)));
        assert_eq!(said.history.len(), 3);
        assert!(said.history.iter().all(|made| made.by == "Ann" && made.action == "dig" && made.before == "null"));
    }

    #[test]
    fn a_room_may_stand_alone() {
        let said = trial().run("Ann", "dig Cave");
        assert_eq!(said.to("Ann"), ["You dig Cave (#10000)."]);
        assert_eq!((said.new_rooms.len(), said.changes.len()), (1, 1));
    }

    #[test]
    fn what_cannot_be_dug_is_refused_and_nothing_is_made() {
        let mut trial = trial();
        trial.exit("north", EntityId(99));
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected], "{line}");
            assert!(said.refused && said.new_rooms.is_empty() && said.changes.is_empty(), "{line}");
        };
        check("dig", "Dig what?");
        check("dig = north", "Dig what?");
        check("dig Cave:cavern", "There is no type of room called \"cavern\"; there are: room.");
        check("dig Cave = in:gate", "There is no type of exit called \"gate\"; there are: exit.");
        check("dig Cave = n", "There is an exit called \"north\" here already.");
        check("dig Cave = hole, look", "An exit cannot be called \"look\": that is a command.");
        check("dig Cave = hole;QUIT", "An exit cannot be called \"QUIT\": that is a command.");
        check(&format!("dig {}", "x".repeat(101)), "A name has 1 to 100 characters.");
        check("dig #7", "\"#7\" cannot be a name: it means something already.");
    }
}
