//! `examine`: all there is to know of something.

use super::lock;
use super::named::{shown_in, with_id};
use crate::ids::EntityId;
use crate::text;
use crate::text::Markup;
use crate::world::clock::CalendarTime;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::entity::Entity;
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Examine;

/// Longest value shown, in characters.
const SHOWN: usize = 4000;

impl Command for Examine {
    const NAME: &'static str = "examine";
    const ALIASES: &'static [&'static str] = &["ex"];
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: examine [<target>]\n\n\
        Shows all there is to know of something: `here`, `me`, a name, or #id wherever it is.\n\n\
        For example: examine #12";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let Some(target) = cx.target(args.rest().unwrap_or("here"))? else { return Ok(()) };
        let Some(entity) = cx.view().entity(target) else { return Ok(()) };
        let mut seen = head(entity, cx);
        places(&mut seen, entity, cx);
        values(&mut seen, entity, cx);
        timers(&mut seen, entity, cx.view().now_ms());
        contents(&mut seen, entity.id, cx);
        cx.tell(seen);
        Ok(())
    }
}

fn head(entity: &Entity, cx: &CommandCx) -> Markup {
    let (kind, type_name) = (entity.kind(), entity.behaviour.type_name());
    let mut seen = text!("|w{}|n ({}), {} of type {}", entity.key, entity.id, kind.name(), type_name);
    seen.push(&text!(", version {}", entity.version));
    if entity.behaviour.is_unknown() {
        let is_registered = cx.hall().types.fresh(kind, type_name).is_some();
        seen.push(&match is_registered {
            true => text!("\n|rIts type cannot read its state. It is kept as it is, and does nothing.|n"),
            false => text!("\n|rThere is no such type in this world. It is kept as it is, and does nothing.|n"),
        });
    }
    line(&mut seen, "State", &entity.behaviour.to_json());
    if !entity.aliases.is_empty() {
        line(&mut seen, "Aliases", &entity.aliases.join(", "));
    }
    if !entity.description.is_empty() {
        line(&mut seen, "Description", &entity.description);
    }
    seen
}

fn places(seen: &mut Markup, entity: &Entity, cx: &CommandCx) {
    let mut place = |label: &str, id: Option<EntityId>| {
        if let Some(id) = id {
            line(seen, label, &with_id(id, cx));
        }
    };
    place("In", entity.location);
    place("Home", entity.home);
    place("Leads to", entity.destination);
    place("Left the world from", entity.left_from);
    if entity.kind() == Kind::Exit && entity.destination.is_none() {
        line(seen, "Leads to", "nowhere");
    }
    if let Some(owner) = entity.owner {
        line(seen, "Account", &owner.to_string());
    }
    if let Some(permission) = entity.permission {
        line(seen, "Permission", permission.name());
    }
}

fn values(seen: &mut Markup, entity: &Entity, cx: &CommandCx) {
    if !entity.attributes.is_empty() {
        seen.push(&text!("\n|wAttributes:|n"));
    }
    for ((category, key), value) in &entity.attributes {
        seen.push(&text!("\n  {} = {}", shown_in(key, category), cut(&value.to_string())));
    }
    if !entity.tags.is_empty() {
        let tags: Vec<String> = entity.tags.iter().map(|tag| shown_in(&tag.key, &tag.category)).collect();
        line(seen, "Tags", &tags.join(", "));
    }
    if !entity.locks.is_empty() {
        seen.push(&text!("\n|wLocks:|n"));
        lock::lines(seen, entity, cx);
    }
}

fn timers(seen: &mut Markup, entity: &Entity, now_ms: i64) {
    if !entity.timers.is_empty() {
        seen.push(&text!("\n|wTimers:|n"));
    }
    for timer in &entity.timers {
        let due = timer.due_at();
        seen.push(&text!("\n  {} {}", timer.name, cut(&timer.json)));
        if timer.period_ms > 0 {
            seen.push(&text!(", every {}", duration(timer.period_ms)));
        }
        seen.push(&match due - now_ms {
            late if late <= 0 => text!(", due now"),
            ms => text!(", due in {} ({})", duration(ms), CalendarTime::at(due).to_string()),
        });
    }
}

fn contents(seen: &mut Markup, holder: EntityId, cx: &CommandCx) {
    let view = cx.view();
    for (kind, label) in [(Kind::Exit, "Exits"), (Kind::Character, "Characters"), (Kind::Object, "Things")] {
        let inside = view.inside(holder).filter(|inner| inner.kind() == kind && !inner.transient);
        let inside: Vec<String> = inside
            .map(|inner| match (kind, inner.destination) {
                (Kind::Exit, Some(to)) => format!("{} ({}) to {to}", inner.key, inner.id),
                (Kind::Exit, None) => format!("{} ({}) to nowhere", inner.key, inner.id),
                _ => format!("{} ({})", inner.key, inner.id),
            })
            .collect();
        if !inside.is_empty() {
            line(seen, label, &inside.join(", "));
        }
    }
}

/// Appends a line; the text is shown as it is written, codes and all.
fn line(seen: &mut Markup, label: &str, text: &str) {
    seen.push(&text!("\n|w{}:|n {}", label, cut(text)));
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
        None => text.to_owned(),
    }
}

/// Returns a time as it is spoken of: `300 ms`, `12 s`, `3 min`, `2 h`.
fn duration(ms: i64) -> String {
    match ms / 1000 {
        ..10 => format!("{ms} ms"),
        secs @ 10..600 => format!("{secs} s"),
        secs @ 600..36_000 => format!("{} min", secs / 60),
        secs => format!("{} h", secs / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::effects::Hop;
    use crate::world::entity::EntityLock;
    use crate::world::record::TagRecord;
    use crate::world::signal::Timer;
    use crate::world::trial::{NOW_MS, Trial};

    fn trial() -> Trial {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        trial
    }

    #[test]
    fn everything_is_shown_as_it_is_written() {
        let mut trial = trial();
        let lamp = trial.thing("lamp");
        let coin = trial.thing_in(lamp, "coin");
        trial.edit(lamp, |lamp| {
            lamp.aliases.push("light".into());
            lamp.description = "|rRed|n.".into();
            lamp.home = Some(EntityId(77));
            lamp.set_attribute("weight", 3);
            lamp.set_attribute_in("stats", "glow", "|y");
            lamp.tags.insert(TagRecord { category: "fire".into(), key: "hot".into() });
            lamp.locks.push(EntityLock::new("get", "all()"));
            lamp.locks.push(EntityLock::new("use", "moon()"));
            lamp.set_timer(Timer {
                name: "burn".into(),
                json: "null".into(),
                start_at: NOW_MS + 300,
                period_ms: 60_000,
                fired_at: NOW_MS,
            });
        });
        let [seen] = trial.run("Ann", "examine lamp").to("Ann").try_into().unwrap();
        for expected in [
            &format!("lamp ({lamp}), object of type object, version 0\nState: null\nAliases: light\n"),
            "\nDescription: |rRed|n.\nIn: Hall (#1)\nHome: #77\n",
            "\nAttributes:\n  weight = 3\n  glow:stats = \"|y\"\nTags: hot:fire\n",
            "\nLocks:\n  get: all()\n  use: moon()\n    That lock does not parse: at column 1: ",
            "\nTimers:\n  burn null, every 60 s, due in 300 ms (2024-05-01 12:34 UTC)\n",
            &format!("\nThings: coin ({coin})"),
        ] {
            assert!(seen.contains(expected), "{expected:?} is not in\n{seen}");
        }
        trial.exit("north", EntityId(99));
        let [seen] = trial.run("Ann", "examine").to("Ann").try_into().unwrap();
        assert!(
            seen.contains("Hall (#1), room of type room") && seen.contains(") to #99\nCharacters: Ann (#2), Bob (#3)")
        );
        assert_eq!(trial.run("Ann", "ex #70").hop, Some(Hop::Elsewhere { entity: EntityId(70), line: None }));
    }

    #[test]
    fn a_type_that_is_gone_and_state_that_cannot_be_read_are_shown() {
        let mut trial = trial();
        let lamp = trial.thing("lamp");
        for (type_name, json, expected) in [
            ("lantern", "{\"fuel\":3}", "There is no such type in this world."),
            ("object", "{\"fuel\":3}", "Its type cannot read its state."),
        ] {
            let behaviour = trial.types().behaviour(Kind::Object, type_name, json);
            trial.edit(lamp, |lamp| lamp.behaviour = behaviour);
            let [seen] = trial.run("Ann", "examine lamp").to("Ann").try_into().unwrap();
            assert!(seen.contains(expected) && seen.contains("State: {\"fuel\":3}"), "{seen}");
        }
    }
}
