//! `history`: who has changed something by hand, and how.

use crate::ids::EntityId;
use crate::world::building::numbered;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::Hop;
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct History;

impl Command for History {
    const NAME: &'static str = "history";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: history <target>\n\n\
        Shows who changed something by hand, when, and what it was before: the last changes. By its #id also what has been \
        destroyed.\n\nFor example: history here";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let typed = args.rest().ok_or(Refusal::new("The history of what?"))?;
        let of: EntityId = match numbered(typed) {
            Some(id) => id,
            None => cx.anything(typed)?.id,
        };
        cx.room().effects().hop = Some(Hop::History(of));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn it_is_asked_by_name_and_for_what_is_gone_by_number() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        assert_eq!(trial.run("Ann", "history lamp").hop, Some(Hop::History(lamp)));
        assert_eq!(trial.run("Ann", "history #777").hop, Some(Hop::History(EntityId(777))));
        assert_eq!(trial.run("Ann", "history unicorn").to("Ann"), ["You see no \"unicorn\" here."]);
        assert_eq!(trial.run("Ann", "history").to("Ann"), ["The history of what?"]);
    }
}
