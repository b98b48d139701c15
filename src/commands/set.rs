//! `set`: an attribute of something.

use serde_json::{Value, json};

use super::named::{in_category, shown_in, with_id};
use crate::text;
use crate::world::building::bounded;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Set;

impl Command for Set {
    const NAME: &'static str = "set";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: set <target>/<attribute>[:category] = <value>      set <target>/<attribute> =\n\n\
        Sets an attribute, or removes it. A value that is JSON is taken as such (3, true, [1, 2]), anything else as \
        text.\n\nFor example: set lamp/err_get = The lamp is nailed to the table.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let usage = || Refusal::new("Set which attribute of what? For example: set lamp/weight = 3");
        let Some((left, Some(value))) = args.equals() else { return Err(usage()) };
        let (typed, attribute) = left.split_once('/').ok_or_else(usage)?;
        if typed.trim().is_empty() {
            return Err(usage());
        }
        let (key, category) = in_category(attribute, "the name of an attribute")?;
        bounded(value)?;
        let value = match value {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        let Some(target) = cx.target(typed)? else { return Ok(()) };
        cx.may_change(target)?;
        let name = shown_in(&key, &category);
        let before = cx.view().entity(target).and_then(|it| it.attribute_in(&category, &key)).cloned();
        if before.is_none() && value.is_null() {
            return Err(text!("{} has no attribute {}.", with_id(target, cx), name).into());
        }
        if let Some(edited) = cx.room().edit(target) {
            edited.set_attribute_in(&category, &key, value.clone());
        }
        let said = match &value {
            Value::Null => text!("{} has no attribute {} now.", with_id(target, cx), name),
            value => text!("{}: {} is {} now.", with_id(target, cx), name, value.to_string()),
        };
        cx.note(target, "set", json!({ &name: before }), json!({ &name: value }));
        cx.tell(said);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::commands::defaults;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn json_is_taken_as_such_and_anything_else_as_text() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        let mut check = |typed: &str, expected: Value| {
            trial.run("Ann", &format!("set lamp/it:stats = {typed}"));
            assert_eq!(trial.entity(lamp).attribute_in("stats", "it"), Some(&expected), "{typed}");
        };
        check("3", json!(3));
        check("[1, {\"a\": true}]", json!([1, { "a": true }]));
        check("\"3\"", json!("3"));
        check("{not json", json!("{not json"));
        check("a = b/c:d", json!("a = b/c:d"));
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        check(&deep, json!(deep));
    }

    #[test]
    fn an_attribute_is_removed_and_the_history_knows_what_it_was() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        trial.run("Ann", "set lamp/weight = 3");
        let said = trial.run("Ann", "set lamp/weight =");
        assert_eq!(said.to("Ann"), [format!("lamp ({lamp}) has no attribute weight now.")]);
        assert_eq!(
            (said.history[0].before.as_str(), said.history[0].after.as_str()),
            ("{\"weight\":3}", "{\"weight\":null}")
        );
        assert!(trial.entity(lamp).attributes.is_empty());
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("set lamp/weight =", &format!("lamp ({lamp}) has no attribute weight."));
        check("set lamp/weight", "Set which attribute of what? For example: set lamp/weight = 3");
        check("set lamp = 3", "Set which attribute of what? For example: set lamp/weight = 3");
        check("set /weight = 3", "Set which attribute of what? For example: set lamp/weight = 3");
        check("set lamp/ = 3", "That cannot be the name of an attribute. A name has 1 to 100 characters.");
        check(&format!("set lamp/a = {}", "x".repeat(20_001)), "That is too long: at most 20000 characters.");
    }
}
