//! `give`: hand a thing to somebody.

use super::holding::{may_part, name, put};
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::types::Refusal;

pub(super) struct Give;

impl Command for Give {
    const NAME: &'static str = "give";
    const CATEGORY: &'static str = "Things";
    const HELP: &'static str = "Usage: give <thing> to <character>\n\nHands something that you carry to somebody here.\n\n\
        For example: give lamp to bob";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (what, whom) = args.around("to").ok_or(Refusal::new("Usage: give <thing> to <character>"))?;
        let thing = cx.thing_held(what)?;
        let receiver = cx.character(whom)?;
        if receiver.id == cx.who() {
            return Err(Refusal::new("You have that already."));
        }
        if cx.is_ignored(cx.who(), receiver.id) {
            return Err(text!("{} does not want anything from you.", receiver.key).into());
        }
        may_part(thing, cx)?;
        let (thing, given, receiver, to) = (thing.id, name(thing), receiver.id, receiver.key.clone());
        let (who, by) = (cx.who(), cx.name());
        put(thing, receiver, cx.room());
        cx.tell(text!("You give {} to {}.", given, to));
        cx.room().tell_one_from(who, receiver, text!("{} gives you {}.", by, given));
        cx.room().tell_bystanders(who, receiver, text!("{} gives {} to {}.", by, given, to));
        if cx.seat_of(receiver).is_none() {
            cx.room().with_character(receiver, |character, cx| character.on_receive(receiver, thing, who, cx));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::commands::defaults;
    use crate::prelude::*;
    use crate::world::trial::Trial;
    use crate::world::types::Behaviour;

    #[test]
    fn a_thing_goes_from_hand_to_hand() {
        let mut trial = Trial::new(defaults());
        trial.person("Cem");
        trial.thing_in(trial.id("Ann"), "lamp");
        let said = trial.run("Ann", "give the lamp to bob");
        assert_eq!(said.to("Ann"), ["You give a lamp to Bob."]);
        assert_eq!(said.to("Bob"), ["Ann gives you a lamp."]);
        assert_eq!(said.to("Cem"), ["Ann gives a lamp to Bob."]);
        assert_eq!(trial.things_in(trial.id("Bob")), ["lamp"]);
    }

    #[test]
    fn it_is_refused_with_a_reason() {
        let mut trial = Trial::new(defaults());
        trial.person("Cem");
        trial.ignore("Cem", "Ann");
        trial.thing_in(trial.id("Ann"), "lamp");
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected], "{line}");
            assert_eq!((said.to("Bob").len(), said.to("Cem").len()), (0, 0));
        };
        check("give", "Usage: give <thing> to <character>");
        check("give lamp", "Usage: give <thing> to <character>");
        check("give key to bob", "You are not carrying \"key\".");
        check("give lamp to zoe", "You see no \"zoe\" here.");
        check("give lamp to me", "You have that already.");
        check("give lamp to cem", "Cem does not want anything from you.");
        assert_eq!(trial.things_in(trial.id("Ann")), ["lamp"]);
    }

    #[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
    struct Beggar;

    impl CharacterType for Beggar {
        const TYPE: &'static str = "beggar";
        fn on_receive(&mut self, me: EntityId, _: EntityId, from: EntityId, cx: &mut RoomCx) {
            cx.tell(from, crate::text!("The beggar thanks you."));
            cx.tell_others(from, crate::text!("The beggar bows."));
            let _ = me;
        }
    }

    #[test]
    fn a_character_that_nobody_plays_answers_by_its_type() {
        let mut trial = Trial::new(defaults());
        trial.put(Behaviour::of_character::<Beggar>(), "beggar");
        trial.thing_in(trial.id("Ann"), "coin");
        let said = trial.run("Ann", "give coin to beggar");
        assert_eq!(said.to("Ann"), ["You give a coin to beggar.", "The beggar thanks you."]);
        assert_eq!(said.to("Bob"), ["Ann gives a coin to beggar.", "The beggar bows."]);
    }
}
