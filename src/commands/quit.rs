//! `quit`: leave the world.

use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::room::FOLLOWS;
use crate::world::types::Refusal;

pub(super) struct Quit;

impl Command for Quit {
    const NAME: &'static str = "quit";
    const HELP: &'static str = "Usage: quit\n\nLeaves the world. You come back to where you were.\n\nFor example: quit";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let who = cx.who();
        // Whoever comes back does not walk off after somebody they followed once.
        if cx.puppet().is_some_and(|puppet| puppet.attribute(FOLLOWS).is_some())
            && let Some(puppet) = cx.room().edit(who)
        {
            puppet.set_attribute(FOLLOWS, serde_json::Value::Null);
        }
        cx.tell(text!("Goodbye."));
        cx.leave("quit");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::FOLLOWS;
    use crate::commands::defaults;
    use crate::wire::Item;
    use crate::world::effects::Hop;
    use crate::world::trial::Trial;

    #[test]
    fn a_last_word_and_then_the_session_is_closed() {
        let mut trial = Trial::new(defaults());
        trial.run("Ann", "follow bob");
        let said = trial.run("Ann", "quit");
        assert_eq!(said.to("Ann"), ["Goodbye."]);
        assert!(matches!(said.items.last(), Some(Item::Close { reason, .. }) if reason == "quit"));
        assert_eq!(said.hop, Some(Hop::Leave { who: trial.id("Ann") }));
        assert_eq!(trial.entity(trial.id("Ann")).attribute(FOLLOWS), None);
    }
}
