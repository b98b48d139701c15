//! `pose`: show what one does.

use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::types::Refusal;

pub(super) struct Pose;

impl Command for Pose {
    const NAME: &'static str = "pose";
    const ALIASES: &'static [&'static str] = &[":", "emote"];
    const CATEGORY: &'static str = "Communication";
    const HELP: &'static str = "Usage: pose <text>      Short: :<text>\n\n\
        Shows everybody in the room your name with the text behind it. Before ' and , there is no space.\n\n\
        For example: :waves.      or: :'s hat falls off.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let text = args.rest().ok_or(Refusal::new("Pose what?"))?;
        let shown = match text.starts_with(['\'', ',', '’']) {
            true => text!("{}{}", cx.name(), text),
            false => text!("{} {}", cx.name(), text),
        };
        cx.act(shown.clone(), shown);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn everybody_sees_the_name_and_the_text_as_typed() {
        let mut trial = Trial::new(defaults());
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected]);
            assert_eq!(said.to("Bob"), [expected]);
        };
        check(":waves.", "Ann waves.");
        check("pose waves |rwildly|n", "Ann waves |rwildly|n");
        check("emote   waves", "Ann waves");
        check(":'s hat falls off", "Ann's hat falls off");
        check(": , smiling, nods", "Ann, smiling, nods");
    }

    #[test]
    fn it_takes_a_text_and_does_not_reach_who_ignores_it() {
        let mut trial = Trial::new(defaults());
        assert_eq!(trial.run("Ann", ":").to("Ann"), ["Pose what?"]);
        trial.ignore("Bob", "Ann");
        assert_eq!(trial.run("Ann", ":waves").to("Bob"), [""; 0]);
    }
}
