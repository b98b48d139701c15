//! `look`: at the room, or at something in it.

use crate::text::Markup;
use crate::world::appearance;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Kind;
use crate::world::types::Refusal;

pub(super) struct Look;

impl Command for Look {
    const NAME: &'static str = "look";
    const ALIASES: &'static [&'static str] = &["l", "ls"];
    const HELP: &'static str = "Usage: look [thing | character | exit | me | here]\n\n\
        Shows the place where you are, or something in it. If there are several of a name, choose one by its number: \
        2.apple, or apple-2.\n\nFor example: look lamp";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let seen = match args.rest() {
            None => appearance::room(cx.view(), cx.who()),
            Some(typed) => something(typed, cx)?,
        };
        cx.tell(seen);
        Ok(())
    }
}

fn something(typed: &str, cx: &CommandCx) -> Result<Markup, Refusal> {
    let found = match cx.anything(typed) {
        Ok(found) => found,
        // A thing may well be called "at dawn"; but most often `look at` is about what follows.
        Err(refusal) => match without_preposition(typed) {
            Some(bare) => cx.anything(bare)?,
            None => return Err(refusal),
        },
    };
    Ok(match found.kind() {
        Kind::Room => appearance::room(cx.view(), cx.who()),
        _ => appearance::entity(found, cx.view()),
    })
}

fn without_preposition(typed: &str) -> Option<&str> {
    let (first, rest) = typed.split_once(char::is_whitespace)?;
    ["at", "in", "into", "through"].iter().any(|word| first.eq_ignore_ascii_case(word)).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;
    use crate::world::types::Behaviour;

    #[test]
    fn a_room_shows_name_description_exits_characters_and_things() {
        let mut trial = Trial::new(defaults());
        trial.exit("north", EntityId(99));
        trial.thing("lamp");
        trial.thing("apple");
        let expected = "Hall\nA hall.\nExits: north\nCharacters: Bob\nThings: a lamp, an apple";
        for line in ["look", "l", "LS", "look here", "look at here"] {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected], "{line}");
            assert_eq!(said.to("Bob"), [""; 0]);
        }
    }

    #[test]
    fn something_shows_its_description_and_what_is_in_it() {
        let mut trial = Trial::new(defaults());
        let chest = trial.thing("chest");
        trial.thing_in(chest, "coin");
        trial.edit(chest, |chest| chest.description = "Old |yoak|n.".into());
        trial.exit("north", EntityId(99));
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("look chest", "chest\nOld oak.\nInside: a coin");
        check("look in the chest", "chest\nOld oak.\nInside: a coin");
        check("look bob", "Bob\nYou see nothing special.");
        check("look me", "Ann\nYou see nothing special.");
        check("look north", "north\nYou see nothing special.");
        check("look |runicorn", "You see no \"|runicorn\" here.");
        check("look #4", "You see no \"#4\" here.");
    }

    #[test]
    fn several_of_a_name_are_told_apart_by_number() {
        let mut trial = Trial::new(defaults());
        for description in ["Red.", "Green."] {
            let apple = trial.thing("apple");
            trial.edit(apple, |apple| apple.description = description.into());
        }
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("look apple", "More than one match for \"apple\": apple-1, apple-2");
        check("look 2.apple", "apple\nGreen.");
        check("look at apple-1", "apple\nRed.");
        check("look 3.apple", "You see no \"3.apple\" here.");
    }

    #[test]
    fn what_nobody_can_see_is_not_seen_and_builders_look_by_id() {
        let mut trial = Trial::new(defaults());
        let hand = trial.put(Behaviour::character(), "hand");
        trial.edit(hand, |hand| hand.transient = true);
        assert_eq!(trial.run("Ann", "look hand").to("Ann"), ["You see no \"hand\" here."]);
        trial.caller("Ann", |caller| caller.permission = Permission::Builder);
        let bob = trial.id("bob");
        assert_eq!(trial.run("Ann", &format!("look {bob}")).to("Ann"), ["Bob\nYou see nothing special."]);
    }
}
