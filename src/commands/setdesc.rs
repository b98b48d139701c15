//! `setdesc`: what others see who look at one.

use crate::text;
use crate::text::Markup;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct SetDesc;

impl Command for SetDesc {
    const NAME: &'static str = "setdesc";
    const PERMISSION: Permission = Permission::Player;
    const HELP: &'static str = "Usage: setdesc <text>\n\nDescribes you to those who look at you.\n\n\
        For example: setdesc A tall woman with ink on her fingers.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        cx.body()?;
        // Stored as markup that shows just what was typed.
        let description = Markup::plain(args.rest().ok_or(Refusal::new("Describe yourself how?"))?);
        let who = cx.who();
        if let Some(puppet) = cx.room().edit(who) {
            puppet.description = description.into_string();
        }
        cx.tell(text!("You have a new description."));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn others_see_it_as_it_was_typed() {
        let mut trial = Trial::new(defaults());
        let said = trial.run("Ann", "setdesc Tall, with a |rred|n hat.|/|lcquit|ltClick|le");
        assert_eq!(said.to("Ann"), ["You have a new description."]);
        let seen = trial.run("Bob", "look ann").to("Bob");
        assert_eq!(seen, ["Ann\nTall, with a |rred|n hat.|/|lcquit|ltClick|le"]);
        assert_eq!(trial.run("Ann", "setdesc").to("Ann"), ["Describe yourself how?"]);
    }
}
