//! `whisper`: say something to one character in the room.

use super::addressed;
use super::say::voice;
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::types::Refusal;

pub(super) struct Whisper;

impl Command for Whisper {
    const NAME: &'static str = "whisper";
    const CATEGORY: &'static str = "Communication";
    const HELP: &'static str = "Usage: whisper <character> = <text>\n\n\
        Says something to one character in the room. Nobody else hears it. Without the = a name is one word, or stands \
        in quotes.\n\nFor example: whisper bob = Look behind the clock.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let typed = args.rest().ok_or(Refusal::new("Whisper what to whom?"))?;
        let (name, text) = addressed::split(typed).ok_or(Refusal::new("Usage: whisper <character> = <text>"))?;
        let listener = cx.character(name)?;
        let (who, name) = (listener.id, listener.key.clone());
        if who == cx.who() {
            return Err(Refusal::new("You mutter to yourself."));
        }
        let text = voice(text, cx)?;
        let speaker = cx.who();
        let whispered = text!("{} whispers, \"{}\"", cx.name(), text);
        if !cx.room().tell_one_from(speaker, who, whispered) {
            return Err(text!("{} does not want to hear from you.", name).into());
        }
        cx.tell(text!("You whisper to {}, \"{}\"", name, text));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn one_hears_it_and_nobody_else() {
        let mut trial = Trial::new(defaults());
        trial.person("Cem");
        for line in ["whisper bob = the |rkey", "whisper bob the |rkey", "whisper \"bob\" = the |rkey"] {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), ["You whisper to Bob, \"the |rkey\""]);
            assert_eq!(said.to("Bob"), ["Ann whispers, \"the |rkey\""]);
            assert_eq!(said.to("Cem"), [""; 0]);
        }
    }

    #[test]
    fn it_is_refused_with_a_reason() {
        let mut trial = Trial::new(defaults());
        trial.ignore("Bob", "Ann");
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected]);
            assert_eq!(said.to("Bob"), [""; 0]);
        };
        check("whisper bob = psst", "Bob does not want to hear from you.");
        check("whisper zoe = psst", "You see no \"zoe\" here.");
        check("whisper me = psst", "You mutter to yourself.");
        check("whisper bob", "Usage: whisper <character> = <text>");
        check("whisper", "Whisper what to whom?");
    }
}
