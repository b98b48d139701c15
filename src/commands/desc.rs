//! `desc`: what those see who look at a room, a thing, somebody or an exit.

use serde_json::json;

use super::named::with_id;
use crate::text;
use crate::world::building::bounded;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Desc;

impl Command for Desc {
    const NAME: &'static str = "desc";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: desc <target> = <text>      desc <target> =\n\n\
        Describes something: `here`, `me`, a name, or #id wherever it is. Colours and links are meant; |/ begins a \
        line. Without a text, the description is taken away.\n\n\
        For example: desc here = Moss grows on the |gnorth|n side of everything.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let Some((typed, Some(text))) = args.equals().filter(|(target, _)| !target.is_empty()) else {
            return Err(Refusal::new("Describe what, and how? For example: desc here = A low cave."));
        };
        bounded(text)?;
        let Some(target) = cx.target(typed)? else { return Ok(()) };
        cx.may_change(target)?;
        let Some(edited) = cx.room().edit(target) else { return Ok(()) };
        let before = std::mem::replace(&mut edited.description, text.to_owned());
        cx.note(target, "desc", json!(before), json!(text));
        let target = with_id(target, cx);
        cx.tell(match text {
            "" => text!("{} has no description now.", target),
            _ => text!("{} has a new description.", target),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::ids::{AccountId, EntityId};
    use crate::world::effects::Hop;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn everybody_sees_the_new_description_with_its_markup() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let said = trial.run("Ann", "desc here = |gMoss|n = everywhere.");
        assert_eq!(said.to("Ann"), ["Hall (#1) has a new description."]);
        assert_eq!(said.history[0].before, "\"A hall.\"");
        assert_eq!(trial.entity(EntityId(1)).description, "|gMoss|n = everywhere.");
        assert!(trial.run("Bob", "look").to("Bob")[0].starts_with("Hall\nMoss = everywhere.\n"));
        trial.run("Ann", "desc me = Tall.");
        assert_eq!(trial.run("Bob", "look ann").to("Bob"), ["Ann\nTall."]);
        assert_eq!(trial.run("Ann", "desc me =").to("Ann"), ["Ann (#2) has no description now."]);
    }

    #[test]
    fn what_is_elsewhere_is_described_there() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        let hop = trial.run("Ann", "desc #70 = Old.").hop;
        assert_eq!(hop, Some(Hop::Elsewhere { entity: EntityId(70), line: None }));
        let said = trial.run_from_elsewhere("Ann", &format!("desc {lamp} = Old."));
        assert_eq!(said.to("Ann"), [format!("lamp ({lamp}) has a new description.")]);
        assert_eq!(trial.entity(lamp).description, "Old.");
    }

    #[test]
    fn it_is_refused_with_a_reason() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let bob = trial.id("Bob");
        trial.edit(bob, |bob| bob.owner = Some(AccountId(3)));
        trial.thing("red ball");
        trial.thing("blue ball");
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert_eq!(said.to("Ann"), [expected], "{line}");
            assert!(said.refused && said.history.is_empty(), "{line}");
        };
        check("desc", "Describe what, and how? For example: desc here = A low cave.");
        check("desc here", "Describe what, and how? For example: desc here = A low cave.");
        check("desc = text", "Describe what, and how? For example: desc here = A low cave.");
        check("desc unicorn = White.", "You see no \"unicorn\" here.");
        check("desc ball = Round.", "More than one match for \"ball\": red ball, blue ball");
        check("desc bob = Small.", "Only Admins may do that.");
        check(&format!("desc here = {}", "é".repeat(20_001)), "That is too long: at most 20000 characters.");
        trial.permit("Ann", Permission::Admin);
        assert!(!trial.run("Ann", "desc bob = Small.").refused);
    }
}
