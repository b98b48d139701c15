//! Somebody who talks: a type of character that greets, listens, and answers after a moment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// How long he thinks before he speaks.
const THINKS: Duration = Duration::from_millis(1200);

/// What he says to a word.
const ANSWERS: [(&str, &str); 8] = [
    ("key", "The brass one? It lies in the hall, where it always lay. Nobody ever asks what it opens."),
    ("door", "There is an oak door in the cellar. Bring a key, and bring a light."),
    ("vault", "Somebody counted days in there. I never found out how far."),
    ("lantern", "It hangs in the kitchen. Mind the oil: there is no more where that came from."),
    ("light", "There is a lantern in the kitchen. Do not waste it on the stars."),
    ("bell", "When it rings in the courtyard, I hear it up here. I used to run down. There is never anybody."),
    ("portraits", "They turned round by themselves. One by one. I stopped turning them back."),
    ("hello", "Hello. Ask me of the door, or the bell, if you like."),
];

/// The keeper of the hall.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Keeper {
    last_met: Option<EntityId>,
}

/// He has made up his mind what to say.
#[derive(Serialize, Deserialize)]
struct Speak {
    text: String,
}

impl SignalType for Speak {
    const NAME: &'static str = "speak";
}

impl CharacterType for Keeper {
    const TYPE: &'static str = "keeper";

    fn on_meet(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) {
        let known = self.last_met.replace(who) == Some(who);
        let text = if known { "Back already?" } else { "Mind the banisters. And do not touch the portraits." };
        cx.after(me, THINKS, &Speak { text: text.into() });
    }

    fn on_hear(&mut self, me: EntityId, say: &Say, cx: &mut RoomCx) {
        let said = say.text.to_lowercase();
        if let Some((_, answer)) = ANSWERS.iter().find(|(word, _)| said.contains(word)) {
            cx.after(me, THINKS, &Speak { text: (*answer).into() });
        }
    }

    fn on_receive(&mut self, _: EntityId, object: EntityId, from: EntityId, cx: &mut RoomCx) {
        if let Some(object) = cx.edit(object) {
            object.location = Some(from);
        }
        cx.tell_room(text!("Odo looks at it from all sides, and hands it back."));
    }

    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx) {
        if let Some(Speak { text }) = signal.read() {
            defaults::say(&Say { who: me, text }, cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn he_answers_after_a_moment_to_words_that_he_knows() {
        let mut trial = Trial::of(crate::demo::plugin);
        trial.character_of(Keeper::default(), "Odo");
        trial.run("Ann", "say Where is that KEY?");
        assert!(trial.pass(THINKS / 2).to("Ann").is_empty());
        let said = trial.pass(THINKS / 2).to("Bob");
        assert_eq!(said, [format!("Odo says, \"{}\"", ANSWERS[0].1)]);
        trial.run("Ann", "say Nice weather.");
        assert!(trial.pass(THINKS * 2).to("Ann").is_empty());
    }

    #[test]
    fn he_greets_those_who_come() {
        let mut trial = Trial::of(crate::demo::plugin);
        trial.character_of(Keeper::default(), "Odo");
        trial.walk_in("Cem");
        assert_eq!(trial.pass(THINKS).to("Ann"), ["Odo says, \"Mind the banisters. And do not touch the portraits.\""]);
        trial.walk_in("Dee");
        assert!(trial.pass(THINKS).to("Dee")[0].contains("portraits"));
    }

    #[test]
    fn he_hands_back_what_he_is_given() {
        let mut trial = Trial::of(crate::demo::plugin);
        trial.character_of(Keeper::default(), "Odo");
        trial.thing_in(trial.id("Ann"), "key");
        let said = trial.run("Ann", "give key to odo");
        assert!(said.to("Bob").contains(&"Odo looks at it from all sides, and hands it back.".to_owned()));
        assert_eq!(trial.things_in(trial.id("Ann")), ["key"]);
    }
}
