//! `destroy`: unmake a thing, an exit, somebody whom nobody plays, or a room.

use serde_json::Value;

use super::named::with_id;
use crate::ids::EntityId;
use crate::text;
use crate::text::english;
use crate::world::building::{is_person, portrait};
use crate::world::command::{Args, Command, CommandCx};
use crate::world::entity::Entity;
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Destroy;

impl Command for Destroy {
    const NAME: &'static str = "destroy";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: destroy <target>\n\n\
        Unmakes something. What is in a thing falls to where it was. A room is destroyed by its #id, from elsewhere, with \
        its exits and all things in it, and only while nobody plays there; exits that lead to it lead nowhere then, and who is at home there has a new home \
        where everybody begins.\n\n\
        For example: destroy lamp";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let typed = args.rest().ok_or(Refusal::new("Destroy what?"))?;
        let Some(target) = cx.target(typed)? else { return Ok(()) };
        let Some(entity) = cx.view().entity(target) else { return Ok(()) };
        if is_person(entity) || target == cx.who() {
            return Err(Refusal::new("People are not destroyed."));
        }
        let (kind, name, before) = (entity.kind(), with_id(target, cx), portrait(entity));
        if kind == Kind::Room {
            room(target, cx)?;
        } else {
            unmake(entity.key.clone(), kind, target, cx);
        }
        cx.note(target, "destroy", before, Value::Null);
        cx.tell(text!("You destroy {}.", name));
        Ok(())
    }
}

fn unmake(key: String, kind: Kind, target: EntityId, cx: &mut CommandCx) {
    let (who, by) = (cx.who(), cx.name());
    let name = if kind == Kind::Object { english::with_article(&key) } else { key };
    cx.room().destroy(target);
    cx.room().tell_from(who, text!("{} destroys {}.", by, name));
}

/// Destroys the room that this runs in, unless somebody is there or it is needed.
fn room(room: EntityId, cx: &mut CommandCx) -> Result<(), Refusal> {
    if room == cx.hall().start_room {
        return Err(Refusal::new("That is where everybody begins; it cannot be destroyed."));
    }
    if cx.puppet().is_some() {
        return Err(Refusal::new("You are standing in it. Go somewhere else, and destroy it from there by its #id."));
    }
    let people = people_in(room, cx);
    if !people.is_empty() {
        return Err(text!("Somebody is in there: {}.", english::list(&people)).into());
    }
    // What goes with it can be read in the history, each by its own id.
    let doomed: Vec<(EntityId, Value)> = all_in(room, cx).map(|entity| (entity.id, portrait(entity))).collect();
    let gone = doomed.len();
    for (id, before) in doomed {
        cx.note(id, "destroy", before, Value::Null);
    }
    cx.room().destroy_room();
    match gone {
        0 => {}
        1 => cx.tell(text!("One thing that was in it is gone as well.")),
        more => cx.tell(text!("{} things that were in it are gone as well.", more)),
    }
    Ok(())
}

fn people_in(room: EntityId, cx: &CommandCx) -> Vec<String> {
    let people = all_in(room, cx).filter(|entity| is_person(entity) || cx.seat_of(entity.id).is_some());
    let mut names: Vec<String> = people.map(|entity| entity.key.clone()).collect();
    names.sort_unstable();
    names
}

fn all_in<'c>(holder: EntityId, cx: &'c CommandCx) -> impl Iterator<Item = &'c Entity> {
    let view = cx.view();
    let mut waiting: Vec<&'c Entity> = view.inside(holder).collect();
    std::iter::from_fn(move || {
        let next = waiting.pop()?;
        waiting.extend(view.inside(next.id));
        Some(next)
    })
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::ids::{AccountId, EntityId};
    use crate::world::effects::Hop;
    use crate::world::record::{Change, Permission};
    use crate::world::trial::Trial;

    fn trial() -> Trial {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        trial
    }

    #[test]
    fn a_thing_drops_what_is_in_it_and_the_history_keeps_what_it_was() {
        let mut trial = trial();
        let chest = trial.thing("chest");
        let coin = trial.thing_in(chest, "coin");
        let said = trial.run("Ann", "destroy chest");
        assert_eq!(said.to("Ann"), [format!("You destroy chest ({chest}).")]);
        assert_eq!(said.to("Bob"), ["Ann destroys a chest."]);
        assert_eq!(trial.entity(coin).location, Some(trial.here()));
        assert!(said.changes.contains(&Change::EntityGone(chest)));
        assert!(said.history[0].before.contains("\"key\":\"chest\"") && said.history[0].after == "null");
        trial.exit("north", EntityId(99));
        assert_eq!(trial.run("Ann", "destroy north").to("Bob"), ["Ann destroys north."]);
    }

    #[test]
    fn people_the_start_room_and_the_ground_under_ones_feet_stay() {
        let mut trial = trial();
        let bob = trial.id("Bob");
        trial.edit(bob, |bob| bob.owner = Some(AccountId(3)));
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected], "{line}");
            assert!(said.refused && !said.destroys_room, "{line}");
        };
        check("destroy", "Destroy what?");
        check("destroy unicorn", "You see no \"unicorn\" here.");
        check("destroy bob", "People are not destroyed.");
        check("destroy me", "People are not destroyed.");
        check("destroy here", "That is where everybody begins; it cannot be destroyed.");
        trial.start_in(EntityId(99));
        let said = trial.run("Ann", "destroy here");
        assert_eq!(
            said.to("Ann"),
            ["You are standing in it. Go somewhere else, and destroy it from there by its #id."]
        );
        let said = trial.run_from_elsewhere("Ann", "destroy #1");
        assert_eq!(said.to("Ann"), ["Somebody is in there: Ann and Bob."]);
        assert!(said.refused && !said.destroys_room);
    }

    #[test]
    fn an_empty_room_goes_with_all_that_is_in_it() {
        let mut trial = trial();
        assert_eq!(trial.run("Ann", "destroy #70").hop, Some(Hop::Elsewhere { entity: EntityId(70), line: None }));
        trial.start_in(EntityId(99));
        let chest = trial.thing("chest");
        let coin = trial.thing_in(chest, "coin");
        let north = trial.exit("north", EntityId(98));
        trial.depart("Ann");
        trial.depart("Bob");
        let said = trial.run_from_elsewhere("Ann", "destroy #1");
        assert_eq!(said.to("Ann"), ["3 things that were in it are gone as well.", "You destroy Hall (#1)."]);
        assert!(said.destroys_room);
        for id in [EntityId(1), chest, coin, north] {
            assert!(said.changes.contains(&Change::EntityGone(id)), "{id}");
        }
        assert_eq!(said.history.len(), 4);
    }
}
