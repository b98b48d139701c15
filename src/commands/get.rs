//! `get`: take a thing, or all of them.

use super::holding::{may_take, name, put};
use crate::ids::EntityId;
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::entity::Entity;
use crate::world::record::Kind;
use crate::world::types::Refusal;

pub(super) struct Get;

impl Command for Get {
    const NAME: &'static str = "get";
    const ALIASES: &'static [&'static str] = &["take"];
    const CATEGORY: &'static str = "Things";
    const HELP: &'static str = "Usage: get <thing> | all      get <thing> | all from <container>\n\n\
        Takes something that lies here, or that is in something else.\n\nFor example: get 2.apple";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        cx.body()?;
        let typed = args.rest().ok_or(Refusal::new("Get what?"))?;
        // A thing may be called "letter from Zoe"; so what lies here comes first.
        match args.around("from").filter(|_| cx.thing_here(typed).is_err()) {
            Some((what, from)) => {
                let container = opened(from, cx)?;
                take_from(what, Some(container), cx)
            }
            None => take_from(typed, None, cx),
        }
    }
}

/// Takes what was asked for out of a container, or off the floor.
fn take_from(typed: &str, container: Option<EntityId>, cx: &mut CommandCx) -> Result<(), Refusal> {
    if !typed.eq_ignore_ascii_case("all") {
        let thing = match container {
            None => lying(typed, cx)?,
            Some(container) => inside(typed, container, cx)?,
        };
        may_take(thing, cx)?;
        let thing = thing.id;
        take(thing, cx);
        return Ok(());
    }
    let holder = container.unwrap_or(cx.view().room().map_or(EntityId(0), |room| room.id));
    let things: Vec<EntityId> =
        objects_in(holder, cx).filter(|thing| may_take(thing, cx).is_ok()).map(|t| t.id).collect();
    if things.is_empty() {
        return Err(Refusal::new(if container.is_some() {
            "There is nothing in it."
        } else {
            "There is nothing to take."
        }));
    }
    things.into_iter().for_each(|thing| take(thing, cx));
    Ok(())
}

fn lying<'c>(typed: &str, cx: &'c CommandCx) -> Result<&'c Entity, Refusal> {
    let view = cx.view();
    cx.choose_or(typed, view.here(Kind::Object), || {
        if cx.thing_held(typed).is_ok() {
            return Refusal::new("You have that already.");
        }
        match cx.anything(typed) {
            Ok(_) => Refusal::new("You cannot take that."),
            Err(why) => why,
        }
    })
}

fn inside<'c>(typed: &str, container: EntityId, cx: &'c CommandCx) -> Result<&'c Entity, Refusal> {
    cx.choose_or(typed, objects_in(container, cx), || text!("There is no \"{}\" in it.", typed).into())
}

fn objects_in<'c>(holder: EntityId, cx: &'c CommandCx) -> impl Iterator<Item = &'c Entity> {
    cx.view().inside(holder).filter(|thing| thing.kind() == Kind::Object && !thing.transient)
}

/// Finds a container, here or in one's hands, that lets things out.
fn opened(typed: &str, cx: &CommandCx) -> Result<EntityId, Refusal> {
    let container = cx.anything(typed)?;
    if container.kind() != Kind::Object {
        return Err(Refusal::new("You cannot take anything from there."));
    }
    cx.pass(container, "get_from", "You cannot take anything from that.")?;
    Ok(container.id)
}

/// Takes a thing: into one's hands, a text for everybody, its hook.
fn take(thing: EntityId, cx: &mut CommandCx) {
    let (who, by) = (cx.who(), cx.name());
    let view = cx.view();
    let Some(taken) = view.entity(thing) else { return };
    let from = taken.location.and_then(|from| view.entity(from)).filter(|from| from.kind() == Kind::Object);
    let (to_self, to_others) = match from {
        None => {
            let taken = name(taken);
            (text!("You pick up {}.", taken), text!("{} picks up {}.", by, taken))
        }
        Some(from) => {
            let (taken, from) = (name(taken), name(from));
            (text!("You take {} from {}.", taken, from), text!("{} takes {} from {}.", by, taken, from))
        }
    };
    put(thing, who, cx.room());
    cx.act(to_self, to_others);
    cx.room().with_object(thing, |object, cx| object.on_get(thing, who, cx));
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

    #[test]
    fn a_thing_comes_into_ones_hands_and_everybody_sees_it() {
        let mut trial = Trial::new(defaults());
        let lamp = trial.thing("|rlamp");
        let said = trial.run("Ann", "get the |rlamp");
        assert_eq!(said.to("Ann"), ["You pick up |rlamp."]);
        assert_eq!(said.to("Bob"), ["Ann picks up |rlamp."]);
        assert_eq!(said.changes.len(), 1);
        assert_eq!(trial.entity(lamp).location, Some(trial.id("Ann")));
    }

    #[test]
    fn it_is_refused_with_a_reason_and_nothing_moves() {
        let mut trial = Trial::new(defaults());
        trial.exit("north", EntityId(99));
        trial.thing_in(trial.id("Ann"), "coin");
        for (name, why) in [("rock", None), ("fire", Some("You would burn your |rfingers."))] {
            let thing = trial.thing(name);
            trial.edit(thing, |thing| {
                thing.locks.push(EntityLock::new("get", "none()"));
                why.inspect(|why| thing.set_attribute("err_get", *why));
            });
        }
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected], "{line}");
            assert!(said.refused && said.changes.is_empty() && said.to("Bob").is_empty());
        };
        check("get", "Get what?");
        check("get unicorn", "You see no \"unicorn\" here.");
        check("get bob", "You cannot take that.");
        check("get north", "You cannot take that.");
        check("get here", "You cannot take that.");
        check("get rock", "You cannot take that.");
        check("get fire", "You would burn your |rfingers.");
        check("get coin", "You have that already.");
        check("get all", "There is nothing to take.");
        check("get coin from bob", "You cannot take anything from there.");
        assert_eq!(trial.things_in(trial.id("Ann")), ["coin"]);
    }

    #[test]
    fn one_of_several_or_all_that_may_be_taken() {
        let mut trial = Trial::new(defaults());
        let rock = trial.thing("rock");
        trial.edit(rock, |rock| rock.locks.push(EntityLock::new("get", "perm(Admin)")));
        let apples = [trial.thing("apple"), trial.thing("apple"), trial.thing("apple")];
        let said = trial.run("Ann", "get apple");
        assert_eq!(said.to("Ann"), ["More than one match for \"apple\": apple-1, apple-2, apple-3"]);
        trial.run("Ann", "take 2.apple");
        assert_eq!(trial.entity(apples[1]).location, Some(trial.id("Ann")));
        let said = trial.run("Ann", "get all");
        assert_eq!(said.to("Ann"), ["You pick up an apple.", "You pick up an apple."]);
        assert_eq!(said.to("Bob"), ["Ann picks up an apple.", "Ann picks up an apple."]);
        assert_eq!(trial.things_in(trial.here()), ["rock"]);
    }

    #[test]
    fn things_come_out_of_what_they_are_in_unless_it_is_locked() {
        let mut trial = Trial::new(defaults());
        let chest = trial.thing("chest");
        for coin in ["gold coin", "silver coin", "copper coin"] {
            trial.thing_in(chest, coin);
        }
        trial.thing("letter from Zoe");
        let mut check =
            |line: &str, expected: &[&str]| assert_eq!(trial.run("Ann", line).to("Ann"), expected, "{line}");
        check("get gold from chest", &["You take a gold coin from a chest."]);
        check("get lamp from chest", &["There is no \"lamp\" in it."]);
        check("get letter from zoe", &["You pick up a letter from Zoe."]);
        check("get all from chest", &["You take a silver coin from a chest.", "You take a copper coin from a chest."]);
        check("get all from chest", &["There is nothing in it."]);
        trial.edit(chest, |chest| {
            chest.locks.push(EntityLock::new("get_from", "holds(small key)"));
            chest.set_attribute("err_get_from", "The chest is locked.");
        });
        assert_eq!(trial.run("Ann", "get all from chest").to("Ann"), ["The chest is locked."]);
    }

    #[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
    struct Cursed {
        taken: u32,
    }

    impl ObjectType for Cursed {
        const TYPE: &'static str = "cursed";
        fn can_get(&self, _: &Entity, who: &Entity, _: &RoomView) -> Result<(), Refusal> {
            if who.key == "Bob" { Err(Refusal::new("It hisses at you.")) } else { Ok(()) }
        }
        fn on_get(&mut self, _: EntityId, who: EntityId, cx: &mut RoomCx) {
            self.taken += 1;
            cx.tell(who, crate::text!("It whispers to you."));
        }
        fn can_drop(&self, _: &Entity, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
            Err(Refusal::new("It sticks to your hand."))
        }
    }

    #[test]
    fn its_type_may_refuse_and_is_told() {
        let mut trial = Trial::new(defaults());
        let idol = trial.put(Behaviour::of_object::<Cursed>(), "idol");
        assert_eq!(trial.run("Bob", "get idol").to("Bob"), ["It hisses at you."]);
        assert_eq!(trial.run("Ann", "get idol").to("Ann"), ["You pick up an idol.", "It whispers to you."]);
        assert_eq!(trial.entity(idol).behaviour.state(), Some(&Cursed { taken: 1 }));
        for line in ["drop idol", "give idol to bob"] {
            assert_eq!(trial.run("Ann", line).to("Ann"), ["It sticks to your hand."]);
        }
        assert_eq!(trial.run("Ann", "drop all").to("Ann"), ["You are not carrying anything that you can drop."]);
    }

    #[test]
    fn the_hand_from_outside_the_world_takes_nothing() {
        let mut trial = Trial::new(defaults());
        trial.thing("lamp");
        trial.edit(trial.id("Ann"), |ann| ann.transient = true);
        assert!(trial.run("Ann", "get lamp").refused);
        assert_eq!(trial.things_in(trial.here()), ["lamp"]);
    }
}
