//! `say`: speak to everyone in the room.

use crate::world::command::{Args, Command, CommandCx};
use crate::world::cx;
use crate::world::defaults;
use crate::world::types::{Inner, Refusal};

pub(super) struct Say;

impl Command for Say {
    const NAME: &'static str = "say";
    const ALIASES: &'static [&'static str] = &["\"", "'"];
    const CATEGORY: &'static str = "Communication";
    const HELP: &'static str = "Usage: say <text>      Short: \"<text> or '<text>\n\n\
        Says something to everybody in the room.\n\nFor example: \"Good morning!";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let text = args.rest().ok_or(Refusal::new("Say what?"))?;
        let say = cx::Say { who: cx.who(), text: voice(text, cx)? };
        // A room whose type is not registered carries sound like any other.
        if cx.room().with_room(|room, cx| room.on_say(&say, cx)).is_none() {
            defaults::say(&say, cx.room());
        }
        Ok(())
    }
}

/// Returns what is heard when the puppet speaks: its type may refuse, or alter it.
pub(super) fn voice(text: &str, cx: &CommandCx) -> Result<String, Refusal> {
    let Some(puppet) = cx.puppet() else { return Ok(text.to_owned()) };
    let Inner::Character(character) = &puppet.behaviour.0 else { return Ok(text.to_owned()) };
    character.can_say(puppet, text, &cx.view())?;
    Ok(character.shape_say(text.to_owned(), &cx.view()))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::prelude::*;
    use crate::text;
    use crate::world::trial::Trial;
    use crate::world::types::Behaviour;

    #[test]
    fn everybody_hears_it_as_it_was_typed() {
        let mut trial = Trial::new(defaults());
        for line in ["say I am |rred, ||really", "\"I am |rred, ||really", "' I am |rred, ||really"] {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), ["You say, \"I am |rred, ||really\""]);
            assert_eq!(said.to("Bob"), ["Ann says, \"I am |rred, ||really\""]);
            assert!(said.changes.is_empty());
        }
        assert_eq!(trial.run("Ann", "say \x1b[2J\u{202e}a").to("Bob"), ["Ann says, \"[2Ja\""]);
        assert_eq!(trial.run("Ann", "say").to("Ann"), ["Say what?"]);
    }

    #[test]
    fn who_ignores_the_speaker_hears_nothing() {
        let mut trial = Trial::new(defaults());
        trial.person("Cem");
        trial.ignore("Bob", "Ann");
        let said = trial.run("Ann", "say hello");
        assert_eq!((said.to("Bob").len(), said.to("Cem").len()), (0, 1));
    }

    #[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
    struct Drunk;

    impl CharacterType for Drunk {
        const TYPE: &'static str = "drunk";
        fn can_say(&self, _: &Entity, text: &str, _: &RoomView) -> Result<(), Refusal> {
            if text.len() > 20 { Err(Refusal::new("You lose the thread.")) } else { Ok(()) }
        }
        fn shape_say(&self, text: String, _: &RoomView) -> String {
            text.replace('s', "sh")
        }
    }

    #[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
    struct Parrot {
        heard: u32,
    }

    impl CharacterType for Parrot {
        const TYPE: &'static str = "parrot";
        fn on_hear(&mut self, me: EntityId, say: &Say, cx: &mut RoomCx) {
            self.heard += 1;
            cx.tell_others(me, text!("The parrot croaks, \"{}\"", say.text));
        }
    }

    #[test]
    fn types_refuse_alter_and_hear_what_is_said() {
        let mut trial = Trial::new(defaults());
        trial.edit(trial.id("Ann"), |ann| ann.behaviour = Behaviour::of_character::<Drunk>());
        let parrot = trial.put(Behaviour::of_character::<Parrot>(), "parrot");
        let said = trial.run("Ann", "say yes");
        assert_eq!(said.to("Bob"), ["Ann says, \"yesh\"", "The parrot croaks, \"yesh\""]);
        assert_eq!(trial.entity(parrot).behaviour.state(), Some(&Parrot { heard: 1 }));
        let said = trial.run("Ann", "say this is a long long story");
        assert_eq!(said.to("Ann"), ["You lose the thread."]);
        assert_eq!(said.to("Bob"), [""; 0]);
    }

    #[test]
    fn a_room_of_a_type_that_is_gone_still_carries_sound() {
        let mut trial = Trial::new(defaults());
        let unknown = crate::world::types::Registry::new().behaviour(Kind::Room, "tavern", "{}");
        trial.edit(trial.here(), |room| room.behaviour = unknown);
        assert_eq!(trial.run("Ann", "say hello").to("Bob"), ["Ann says, \"hello\""]);
    }
}
