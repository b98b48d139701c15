//! `lock`: who may do what with something.

use serde_json::json;

use super::named::{with_id, word};
use crate::text;
use crate::text::Markup;
use crate::world::building::bounded;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::entity::{Entity, EntityLock};
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Lock;

impl Command for Lock {
    const NAME: &'static str = "lock";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: lock <target> = <access>: <expression>      lock <target> = <access>:      \
        lock <target>\n\n\
        Sets a lock, removes it, or shows all. Kinds of access: get, traverse, enter, get_from, put_in, use, and those \
        of your game. Expressions: perm(Builder), id(#12), attr(name, value), tag(name), holds(key), all(), none(), self(), \
        with AND, OR, NOT and parentheses. What a lock says when it is closed stands in the attribute err_ and the \
        access, such as err_get.\n\n\
        For example: lock oak door = traverse: holds(brass key) OR perm(Admin)";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let what = || Refusal::new("Lock what? For example: lock door = traverse: holds(key)");
        let (typed, lock) = args.equals().filter(|(target, _)| !target.is_empty()).ok_or_else(what)?;
        let Some(lock) = lock else { return show(typed, cx) };
        let (access, source) = lock.split_once(':').ok_or_else(what)?;
        let access = word(&access.trim().to_lowercase(), "a kind of access")?;
        let source = source.trim();
        bounded(source)?;
        let lock = if source.is_empty() { None } else { Some(cx.parse_lock(&access, source)?) };
        let Some(target) = cx.target(typed)? else { return Ok(()) };
        cx.may_change(target)?;
        change(target, &access, lock, cx)
    }
}

fn change(
    target: crate::ids::EntityId,
    access: &str,
    lock: Option<EntityLock>,
    cx: &mut CommandCx,
) -> Result<(), Refusal> {
    let name = with_id(target, cx);
    let Some(edited) = cx.room().edit(target) else { return Ok(()) };
    let before = edited.lock(access).map(|lock| lock.source.clone());
    let after = lock.as_ref().map(|lock| lock.source.clone());
    if before.is_none() && after.is_none() {
        return Err(text!("{} has no lock on {}.", name, access).into());
    }
    edited.locks.retain(|lock| lock.access != access);
    edited.locks.extend(lock);
    let said = match &after {
        Some(source) => text!("{}: {} is locked by {}.", name, access, source),
        None => text!("{}: {} is open to everybody.", name, access),
    };
    cx.note(target, "lock", json!({ access: before }), json!({ access: after }));
    cx.tell(said);
    Ok(())
}

fn show(typed: &str, cx: &mut CommandCx) -> Result<(), Refusal> {
    let Some(target) = cx.target(typed)? else { return Ok(()) };
    let name = with_id(target, cx);
    let Some(entity) = cx.view().entity(target) else { return Ok(()) };
    if entity.locks.is_empty() {
        return Err(text!("{} has no locks.", name).into());
    }
    let mut shown = text!("Locks of {}:", name);
    lines(&mut shown, entity, cx);
    cx.tell(shown);
    Ok(())
}

/// Lists an entity's locks, a line each; one that does not parse says why.
pub(super) fn lines(shown: &mut Markup, entity: &Entity, cx: &CommandCx) {
    for lock in &entity.locks {
        shown.push(&text!("\n  {}: {}", lock.access, lock.source));
        if lock.lock.is_none()
            && let Err(Refusal(why)) = cx.parse_lock(&lock.access, &lock.source)
        {
            shown.push(&text!("\n    |r{} Until then only superusers pass.|n", why));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::entity::EntityLock;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn a_lock_is_set_shown_and_removed() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        let said = trial.run("Ann", "lock lamp = Get: perm(Admin) OR attr(a, =)");
        assert_eq!(said.to("Ann"), [format!("lamp ({lamp}): get is locked by perm(Admin) OR attr(a, =).")]);
        assert_eq!(trial.run("Bob", "get lamp").to("Bob"), ["You cannot take that."]);
        let shown = trial.run("Ann", "lock lamp").to("Ann");
        assert_eq!(shown, [format!("Locks of lamp ({lamp}):\n  get: perm(Admin) OR attr(a, =)")]);
        let said = trial.run("Ann", "lock lamp = get:");
        assert_eq!(said.to("Ann"), [format!("lamp ({lamp}): get is open to everybody.")]);
        assert_eq!(said.history[0].after, "{\"get\":null}");
        assert!(!trial.run("Bob", "get lamp").refused);
    }

    #[test]
    fn what_does_not_parse_is_shown_where_it_goes_wrong() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let lamp = trial.thing("lamp");
        let mut check = |line: &str, expected: &str| {
            let said = trial.run("Ann", line);
            assert!(said.refused && said.to("Ann")[0].contains(expected), "{line}: {:?}", said.to("Ann"));
        };
        check("lock lamp = get: prem(Admin)", "That lock does not parse: at column 1: ");
        check("lock lamp = get: prem(Admin)", "\"perm\"");
        check("lock lamp = get: perm(Admin", "at column 11: ");
        check("lock lamp = get", "Lock what?");
        check("lock", "Lock what?");
        check("lock lamp = : all()", "That cannot be a kind of access.");
        check("lock lamp = get:", "has no lock on get.");
        check("lock lamp", "has no locks.");
        trial.edit(lamp, |lamp| lamp.locks.push(EntityLock::new("get", "moon(full)")));
        let [shown] = trial.run("Ann", "lock lamp").to("Ann").try_into().unwrap();
        assert!(shown.contains("get: moon(full)\n    That lock does not parse: at column 1"), "{shown}");
    }
}
