//! `tag`: a mark on something, to find it by and for locks to ask for.

use serde_json::{Value, json};

use super::named::{in_category, shown_in, with_id};
use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::{Permission, TagRecord};
use crate::world::types::Refusal;

pub(super) struct Tag;

impl Command for Tag {
    const NAME: &'static str = "tag";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: tag <target> = <tag>[:category]\n\n\
        Puts a tag on something, to find it by (`find tag=…`) and for locks to ask for. What is tagged `container` can \
        be filled.\n\nFor example: tag bag = container";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        change(args, true, cx)
    }
}

/// Adds a tag, or takes it off.
pub(super) fn change(args: &Args, present: bool, cx: &mut CommandCx) -> Result<(), Refusal> {
    let typed = args.equals().filter(|(target, tag)| !target.is_empty() && tag.is_some_and(|tag| !tag.is_empty()));
    let Some((target, Some(tag))) = typed else {
        return Err(Refusal::new("Which tag, on what? For example: tag bag = container"));
    };
    let (key, category) = in_category(tag, "a tag")?;
    let Some(target) = cx.target(target)? else { return Ok(()) };
    cx.may_change(target)?;
    let (name, shown) = (with_id(target, cx), shown_in(&key, &category));
    let Some(edited) = cx.room().edit(target) else { return Ok(()) };
    let same = |tag: &&TagRecord| tag.key.eq_ignore_ascii_case(&key) && tag.category.eq_ignore_ascii_case(&category);
    let known = edited.tags.iter().find(same).cloned();
    match (present, known) {
        (true, Some(_)) => return Err(text!("{} is tagged {} already.", name, shown).into()),
        (false, None) => return Err(text!("{} is not tagged {}.", name, shown).into()),
        (true, None) => drop(edited.tags.insert(TagRecord { category, key })),
        (false, Some(known)) => drop(edited.tags.remove(&known)),
    }
    if present {
        cx.note(target, "tag", Value::Null, json!(shown));
        cx.tell(text!("{} is tagged {} now.", name, shown));
    } else {
        cx.note(target, "untag", json!(shown), Value::Null);
        cx.tell(text!("{} is not tagged {} any more.", name, shown));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn a_tag_comes_and_goes_whatever_its_case() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let bag = trial.thing("bag");
        let mut check =
            |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected.to_owned()], "{line}");
        check("tag bag = Cloth:stuff", &format!("bag ({bag}) is tagged Cloth:stuff now."));
        check("tag bag = cloth:STUFF", &format!("bag ({bag}) is tagged cloth:STUFF already."));
        check("tag bag = cloth", &format!("bag ({bag}) is tagged cloth now."));
        check("untag bag = CLOTH:stuff", &format!("bag ({bag}) is not tagged CLOTH:stuff any more."));
        check("untag bag = cloth:stuff", &format!("bag ({bag}) is not tagged cloth:stuff."));
        check("tag bag", "Which tag, on what? For example: tag bag = container");
        check("tag bag =", "Which tag, on what? For example: tag bag = container");
        check("tag bag = :stuff", "That cannot be a tag. A name has 1 to 100 characters.");
        assert!(trial.entity(bag).has_tag("cloth") && trial.entity(bag).tags.len() == 1);
    }
}
