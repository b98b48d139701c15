//! `home`: go where one belongs.

use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::Manner;
use crate::world::types::Refusal;

pub(super) struct Home;

impl Command for Home {
    const NAME: &'static str = "home";
    const HELP: &'static str = "Usage: home\n\nTakes you home, from wherever you are.\n\nFor example: home";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let home = cx.body()?.home.ok_or(Refusal::new("You have no home."))?;
        if home == cx.room().room() {
            return Err(Refusal::new("You are at home already."));
        }
        cx.walk(vec![cx.who()], home, Manner::Home);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::world::effects::{Hop, Walk};
    use crate::world::trial::Trial;

    #[test]
    fn it_leads_home_and_nobody_follows() {
        let mut trial = Trial::new(defaults());
        let ann = trial.id("Ann");
        trial.run("Bob", "follow ann");
        assert_eq!(trial.run("Ann", "home").to("Ann"), ["You have no home."]);
        trial.edit(ann, |ann| ann.home = Some(EntityId(99)));
        let expected = Walk { who: vec![ann], to: EntityId(99), manner: Manner::Home };
        assert_eq!(trial.run("Ann", "home").hop, Some(Hop::Walk(expected)));
        trial.edit(ann, |ann| ann.home = Some(EntityId(1)));
        assert_eq!(trial.run("Ann", "home").to("Ann"), ["You are at home already."]);
    }
}
