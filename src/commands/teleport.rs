//! `teleport`: oneself, somebody or something, to another place at once.

use serde_json::json;

use super::named::with_id;
use crate::ids::EntityId;
use crate::text;
use crate::world::building::{DEEPEST, numbered};
use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::Manner;
use crate::world::entity::Entity;
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Teleport;

impl Command for Teleport {
    const NAME: &'static str = "teleport";
    const ALIASES: &'static [&'static str] = &["tel"];
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: teleport [<what> =] <#room> | here | home\n\n\
        Takes you, somebody or something to a room; or something into a container, or somebody's hands, by name or #id. \
        What is elsewhere is named by its #id.\n\nFor example: teleport #7 = here";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let usage = || Refusal::new("Teleport where? For example: teleport #12, teleport lamp = #12");
        let (what, to) = match args.equals().ok_or_else(usage)? {
            (to, None) => ("me", to),
            (what, Some(to)) => (what, to),
        };
        if what.is_empty() || to.is_empty() {
            return Err(usage());
        }
        let to = Place::parse(to, cx)?;
        // Where that is, a name would mean something else.
        let line = format!("teleport {what} = {}", to.typed());
        let Some(what) = cx.target_or_relay(what, Some(line))? else { return Ok(()) };
        if what == cx.who() {
            cx.body()?;
        }
        send(what, to, cx)
    }
}

/// Where something shall go.
#[derive(Clone, Copy)]
enum Place {
    /// Where it belongs.
    Home,
    /// Into that.
    In(EntityId),
}

impl Place {
    fn parse(typed: &str, cx: &CommandCx) -> Result<Self, Refusal> {
        if typed.eq_ignore_ascii_case("home") {
            return Ok(Self::Home);
        }
        match numbered(typed) {
            Some(id) => Ok(Self::In(id)),
            None => Ok(Self::In(cx.anything(typed)?.id)),
        }
    }

    fn typed(self) -> String {
        match self {
            Self::Home => "home".into(),
            Self::In(id) => id.to_string(),
        }
    }
}

fn send(what: EntityId, to: Place, cx: &mut CommandCx) -> Result<(), Refusal> {
    let Some(entity) = cx.view().entity(what) else { return Ok(()) };
    match entity.kind() {
        Kind::Room => return Err(Refusal::new("A room stays where it is.")),
        Kind::Exit => return Err(Refusal::new("An exit belongs to its room. Open another one where you want it.")),
        Kind::Character | Kind::Object => {}
    }
    cx.may_change(what)?;
    let to = match to {
        Place::Home => entity.home.unwrap_or(cx.hall().start_room),
        Place::In(to) => to,
    };
    let from = entity.location;
    let name = with_id(what, cx);
    match cx.view().entity(to) {
        Some(holder) => {
            check_holder(entity, holder, cx)?;
            let told = text!("You teleport {} to {}.", name, with_id(to, cx));
            if let Some(edited) = cx.room().edit(what) {
                edited.location = Some(to);
            }
            cx.tell(told);
        }
        None => {
            if what != cx.who() {
                cx.tell(text!("You teleport {} to {}.", name, to));
            }
            cx.walk(vec![what], to, Manner::Teleport);
        }
    }
    cx.note(what, "teleport", json!(from.map(|id| id.0)), json!(to.0));
    Ok(())
}

/// Refuses what cannot be put into something of this room, or into the room itself.
fn check_holder(what: &Entity, holder: &Entity, cx: &CommandCx) -> Result<(), Refusal> {
    if what.id == holder.id {
        return Err(Refusal::new("Nothing can be teleported into itself."));
    }
    if what.location == Some(holder.id) {
        let is_self = what.id == cx.who();
        return Err(Refusal::new(if is_self { "You are there already." } else { "It is there already." }));
    }
    if holder.kind() == Kind::Exit {
        return Err(Refusal::new("Nothing can be teleported into an exit."));
    }
    if what.kind() == Kind::Character {
        return Err(Refusal::new("Somebody can only be teleported to a room."));
    }
    let (mut depth, mut next) = (0, holder.location);
    while let Some(outer) = next.and_then(|id| cx.view().entity(id)) {
        if outer.id == what.id {
            return Err(text!("{} is in {}: neither could ever be found again.", holder.key, what.key).into());
        }
        (depth, next) = (depth + 1, outer.location);
    }
    if depth + height(what.id, cx) > DEEPEST {
        return Err(Refusal::new("That is too deep: too many things in things."));
    }
    Ok(())
}

/// Returns how many levels something and what is in it take.
fn height(id: EntityId, cx: &CommandCx) -> usize {
    let mut level: Vec<EntityId> = vec![id];
    let mut height = 0;
    while !level.is_empty() {
        height += 1;
        level = level.into_iter().flat_map(|id| cx.view().inside(id).map(|inner| inner.id)).collect();
    }
    height
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::ids::AccountId;
    use crate::world::effects::{Hop, Walk};
    use crate::world::trial::Trial;

    fn trial() -> Trial {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        trial
    }

    fn walk(who: EntityId, to: u64) -> Option<Hop> {
        Some(Hop::Walk(Walk { who: vec![who], to: EntityId(to), manner: Manner::Teleport }))
    }

    #[test]
    fn oneself_somebody_and_something_go_to_another_room() {
        let mut trial = trial();
        let (ann, lamp) = (trial.id("Ann"), trial.thing("lamp"));
        let said = trial.run("Ann", "teleport #77");
        assert_eq!((said.hop.clone(), said.to("Ann")), (walk(ann, 77), Vec::new()));
        assert_eq!((said.history[0].before.as_str(), said.history[0].after.as_str()), ("1", "77"));
        let said = trial.run("Ann", "tel lamp = #77");
        assert_eq!(
            (said.hop.clone(), said.to("Ann")),
            (walk(lamp, 77), vec![format!("You teleport lamp ({lamp}) to #77.")])
        );
        trial.edit(ann, |ann| ann.home = Some(EntityId(55)));
        assert_eq!(trial.run("Ann", "teleport home").hop, walk(ann, 55));
    }

    #[test]
    fn what_is_elsewhere_comes_to_where_it_was_called_from() {
        let mut trial = trial();
        let line = Some("teleport #70 = #1".to_owned());
        assert_eq!(trial.run("Ann", "teleport #70 = here").hop, Some(Hop::Elsewhere { entity: EntityId(70), line }));
        let lamp = trial.thing("lamp");
        assert_eq!(trial.run_from_elsewhere("Ann", &format!("teleport {lamp} = #88")).hop, walk(lamp, 88));
        assert_eq!(
            trial.run_from_elsewhere("Ann", &format!("teleport {lamp} = home")).to("Ann"),
            ["It is there already."]
        );
    }

    #[test]
    fn things_go_into_things_but_never_in_a_circle() {
        let mut trial = trial();
        let chest = trial.thing("chest");
        let bag = trial.thing_in(chest, "bag");
        let coin = trial.thing_in(bag, "coin");
        trial.exit("north", EntityId(99));
        let bob = trial.id("Bob");
        trial.edit(bob, |bob| bob.owner = Some(AccountId(3)));
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected], "{line}");
            assert!(said.refused && said.hop.is_none(), "{line}");
        };
        check("teleport", "Teleport where? For example: teleport #12, teleport lamp = #12");
        check("teleport chest =", "Teleport where? For example: teleport #12, teleport lamp = #12");
        check("teleport chest = chest", "Nothing can be teleported into itself.");
        check(&format!("teleport chest = {coin}"), "coin is in chest: neither could ever be found again.");
        check("teleport chest = here", "It is there already.");
        check("teleport here", "You are there already.");
        check("teleport me = chest", "Somebody can only be teleported to a room.");
        check("teleport chest = north", "Nothing can be teleported into an exit.");
        check("teleport here = #7", "A room stays where it is.");
        check("teleport north = #7", "An exit belongs to its room. Open another one where you want it.");
        check("teleport bob = #7", "Only Admins may do that.");
        check("teleport chest = nowhere", "You see no \"nowhere\" here.");
        assert!(!trial.run("Ann", &format!("teleport {coin} = bob")).refused);
        assert_eq!(trial.things_in(bob), ["coin"]);
    }

    #[test]
    fn things_in_things_have_an_end() {
        let mut trial = trial();
        let mut outer = trial.here();
        for _ in 0..DEEPEST - 1 {
            outer = trial.thing_in(outer, "box");
        }
        let coin = trial.thing("coin");
        let line = format!("teleport {coin} = {outer}");
        assert!(!trial.run("Ann", &line).refused);
        let grain = trial.thing("grain");
        let said = trial.run("Ann", &format!("teleport {grain} = {coin}"));
        assert_eq!(said.to("Ann"), ["That is too deep: too many things in things."]);
    }
}
