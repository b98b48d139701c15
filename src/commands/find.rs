//! `find`: search the whole world, loaded or not.

use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::{FindRequest, Hop};
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Find;

impl Command for Find {
    const NAME: &'static str = "find";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: find <words> [tag=<tag>] [type=<type>] [kind=<kind>] [attribute=<name>]\n\n\
        Searches the whole world by a part of the name, and by tag, type, kind (room, exit, character, object) or \
        attribute. All that is given must fit.\n\nFor example: find lamp kind=object";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let request = parse(args)?;
        cx.room().effects().hop = Some(Hop::Find(request));
        Ok(())
    }
}

fn parse(args: &Args) -> Result<FindRequest, Refusal> {
    let mut request = FindRequest::default();
    let mut words: Vec<&str> = Vec::new();
    for word in args.words() {
        match word.split_once('=') {
            None => words.push(word),
            Some((what, "")) => return Err(text!("Find which {}? There is no space around the =.", what).into()),
            Some(("tag", tag)) => request.tag = Some(tag.to_owned()),
            Some(("type", name)) => request.type_name = Some(name.to_owned()),
            Some(("attribute", name)) => request.attribute = Some(name.to_owned()),
            Some(("kind", name)) => {
                let kind = Kind::parse(name);
                request.kind = Some(kind.ok_or_else(|| {
                    text!("There is no kind \"{}\"; there are room, exit, character and object.", name)
                })?);
            }
            Some((what, _)) => {
                return Err(text!("Nothing is found by \"{}\"; but by tag, type, kind and attribute.", what).into());
            }
        }
    }
    request.key = (!words.is_empty()).then(|| words.join(" "));
    if request == FindRequest::default() {
        return Err(Refusal::new("Find what? For example: find lamp, find tag=container"));
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn words_and_conditions_are_asked_together() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let mut check = |line: &str, expected: FindRequest| {
            assert_eq!(trial.run("Ann", line).hop, Some(Hop::Find(expected)), "{line}");
        };
        let request = FindRequest::default;
        check("find  old   lamp", FindRequest { key: Some("old lamp".into()), ..request() });
        check("find tag=container", FindRequest { tag: Some("container".into()), ..request() });
        let kind = Some(Kind::Object);
        check("find kind=object lamp", FindRequest { key: Some("lamp".into()), kind, ..request() });
        let (type_name, attribute) = (Some("lantern".into()), Some("fuel".into()));
        check("find type=lantern attribute=fuel", FindRequest { type_name, attribute, ..request() });
    }

    #[test]
    fn what_cannot_be_searched_is_said() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("find", "Find what? For example: find lamp, find tag=container");
        check("find kind=thing", "There is no kind \"thing\"; there are room, exit, character and object.");
        check("find colour=red", "Nothing is found by \"colour\"; but by tag, type, kind and attribute.");
        check("find tag= x", "Find which tag? There is no space around the =.");
    }
}
