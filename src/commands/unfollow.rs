//! `unfollow`: stop following.

use crate::ids::EntityId;
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::room::FOLLOWS;
use crate::world::types::Refusal;

pub(super) struct Unfollow;

impl Command for Unfollow {
    const NAME: &'static str = "unfollow";
    const HELP: &'static str = "Usage: unfollow\n\nStops following whom you follow.\n\nFor example: unfollow";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        cx.body()?;
        stop(cx)
    }
}

/// Stops following; the leader is told if still in sight.
pub(super) fn stop(cx: &mut CommandCx) -> Result<(), Refusal> {
    let (who, by) = (cx.who(), cx.name());
    let follows = cx.puppet().and_then(|puppet| puppet.attribute(FOLLOWS)).and_then(|value| value.as_u64());
    let leader = EntityId(follows.ok_or(Refusal::new("You do not follow anybody."))?);
    if let Some(follower) = cx.room().edit(who) {
        follower.set_attribute(FOLLOWS, serde_json::Value::Null);
    }
    match cx.view().entity(leader).map(|leader| leader.key.clone()) {
        None => cx.tell(text!("You no longer follow anybody.")),
        Some(name) => {
            cx.tell(text!("You no longer follow {}.", name));
            cx.room().tell_one_from(who, leader, text!("{} no longer follows you.", by));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn a_leader_out_of_sight_is_not_named() {
        let mut trial = Trial::new(defaults());
        trial.edit(trial.id("Ann"), |ann| ann.set_attribute(FOLLOWS, 4711));
        assert_eq!(trial.run("Ann", "unfollow").to("Ann"), ["You no longer follow anybody."]);
        assert_eq!(trial.entity(trial.id("Ann")).attribute(FOLLOWS), None);
    }
}
