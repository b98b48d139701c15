//! `recall`: read what was said while one's link was lost.

use crate::text;
use crate::text::Markup;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::types::Refusal;

pub(super) struct Recall;

impl Command for Recall {
    const NAME: &'static str = "recall";
    const HELP: &'static str = "Usage: recall\n\nShows what happened around you while your connection was lost.\n\n\
        For example: recall";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let who = cx.who();
        let missed = cx.room().seats().of(who).map(|occupancy| occupancy.missed.clone()).unwrap_or_default();
        if missed.is_empty() {
            return Err(Refusal::new("You have missed nothing."));
        }
        cx.tell(text!("While you were away:"));
        for text in missed {
            // It was markup when it was kept.
            cx.tell(Markup::from_markup(text));
        }
        cx.room().effects().recalled.push(who);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn what_was_missed_is_read_once() {
        let mut trial = Trial::new(defaults());
        trial.lose_link("Bob");
        trial.run("Ann", "say a |r");
        trial.run("Ann", "whisper bob = b");
        trial.find_link("Bob");
        let expected = ["While you were away:", "Ann says, \"a |r\"", "Ann whispers, \"b\""];
        assert_eq!(trial.run("Bob", "recall").to("Bob"), expected);
        assert_eq!(trial.run("Bob", "recall").to("Bob"), ["You have missed nothing."]);
    }
}
