//! `follow`: go where somebody goes.

use super::unfollow::stop;
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::room::FOLLOWS;
use crate::world::types::Refusal;

pub(super) struct Follow;

impl Command for Follow {
    const NAME: &'static str = "follow";
    const HELP: &'static str = "Usage: follow <character>      follow\n\n\
        Goes along when that character walks through an exit. Without a name, or with unfollow, you stop.\n\n\
        For example: follow bob";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let body = cx.body()?;
        let now = body.attribute(FOLLOWS).and_then(|value| value.as_u64());
        let Some(typed) = args.rest() else { return stop(cx) };
        let leader = cx.character(typed)?;
        if leader.id == cx.who() {
            return Err(Refusal::new("You cannot follow yourself."));
        }
        if now == Some(leader.id.0) {
            return Err(text!("You follow {} already.", leader.key).into());
        }
        if cx.is_ignored(cx.who(), leader.id) {
            return Err(text!("{} does not want you to follow.", leader.key).into());
        }
        let (leader, name) = (leader.id, leader.key.clone());
        if now.is_some() {
            stop(cx)?;
        }
        let (who, by) = (cx.who(), cx.name());
        if let Some(follower) = cx.room().edit(who) {
            follower.set_attribute(FOLLOWS, leader.0);
        }
        cx.tell(text!("You follow {} from now on.", name));
        cx.room().tell_one_from(who, leader, text!("{} follows you from now on.", by));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::ids::EntityId;
    use crate::world::effects::Hop;
    use crate::world::trial::Trial;

    fn party(trial: &mut Trial) -> Vec<EntityId> {
        let Some(Hop::Walk(walk)) = trial.run("Bob", "north").hop else { panic!("Bob does not walk") };
        walk.who
    }

    #[test]
    fn who_follows_goes_along_until_they_stop() {
        let mut trial = Trial::new(defaults());
        trial.exit("north", EntityId(99));
        let (ann, bob) = (trial.id("Ann"), trial.id("Bob"));
        let said = trial.run("Ann", "follow bob");
        assert_eq!(said.to("Ann"), ["You follow Bob from now on."]);
        assert_eq!(said.to("Bob"), ["Ann follows you from now on."]);
        assert_eq!(party(&mut trial), [bob, ann]);
        assert_eq!(trial.run("Ann", "follow bob").to("Ann"), ["You follow Bob already."]);
        for (line, again) in [("unfollow", "follow bob"), ("follow", "follow bob")] {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), ["You no longer follow Bob."]);
            assert_eq!(said.to("Bob"), ["Ann no longer follows you."]);
            assert_eq!(party(&mut trial), [bob]);
            trial.run("Ann", again);
        }
    }

    #[test]
    fn following_another_stops_following_the_first() {
        let mut trial = Trial::new(defaults());
        let cem = trial.person("Cem");
        trial.run("Ann", "follow bob");
        let said = trial.run("Ann", "follow cem");
        assert_eq!(said.to("Bob"), ["Ann no longer follows you."]);
        assert_eq!(said.to("Cem"), ["Ann follows you from now on."]);
        assert_eq!(trial.entity(trial.id("Ann")).attribute(FOLLOWS), Some(&cem.0.into()));
    }

    #[test]
    fn nobody_is_followed_by_whom_they_ignore() {
        let mut trial = Trial::new(defaults());
        trial.exit("north", EntityId(99));
        trial.run("Ann", "follow bob");
        trial.ignore("Bob", "Ann");
        assert_eq!(party(&mut trial), [trial.id("Bob")]);
        trial.run("Ann", "unfollow");
        assert_eq!(trial.run("Ann", "follow bob").to("Ann"), ["Bob does not want you to follow."]);
    }

    #[test]
    fn it_is_refused_with_a_reason() {
        let mut trial = Trial::new(defaults());
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("follow me", "You cannot follow yourself.");
        check("follow zoe", "You see no \"zoe\" here.");
        check("unfollow", "You do not follow anybody.");
    }
}
