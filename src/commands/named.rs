//! What commands that build share: names as builders write them, and exits.

use serde_json::Value;

use crate::ids::{EntityId, RoomId};
use crate::text;
use crate::world::building::{ALIASES_MOST, name, names_json};
use crate::world::command::CommandCx;
use crate::world::direction;
use crate::world::entity::Entity;
use crate::world::record::Kind;
use crate::world::types::Refusal;

/// A name as builders write it: `old lamp;lamp;lantern:lantern`, with other names and, where one is made, its type.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    pub(super) key: String,
    pub(super) aliases: Vec<String>,
    pub(super) type_name: Option<String>,
}

impl Named {
    /// Reads `name[;alias…]`.
    pub(super) fn parse(typed: &str) -> Result<Self, Refusal> {
        let mut names = typed.split(';').filter(|typed| !typed.trim().is_empty()).map(name);
        let key = names.next().unwrap_or_else(|| name(""))?;
        let mut aliases: Vec<String> = Vec::new();
        for alias in names {
            let alias = alias?;
            if alias != key && !aliases.contains(&alias) {
                aliases.push(alias);
            }
        }
        if aliases.len() > ALIASES_MOST {
            return Err(text!("That are too many names: at most {} beside the first.", ALIASES_MOST).into());
        }
        Ok(Self { key, aliases, type_name: None })
    }

    /// Reads `name[;alias…][:type]`.
    pub(super) fn parse_typed(typed: &str) -> Result<Self, Refusal> {
        let Some((names, type_name)) = typed.rsplit_once(':') else { return Self::parse(typed) };
        let type_name = type_name.trim();
        let type_name = (!type_name.is_empty()).then(|| type_name.to_owned());
        Ok(Self { type_name, ..Self::parse(names)? })
    }

    /// Reads an exit's `name[;alias…][:type]`. A direction may be typed short, and is called so as well.
    pub(super) fn parse_exit(typed: &str, cx: &CommandCx) -> Result<Self, Refusal> {
        let mut exit = Self::parse_typed(typed)?;
        if let Some(direction) = direction::parse(&exit.key) {
            exit = Self { type_name: exit.type_name, aliases: exit.aliases, ..Self::direction(direction) };
            exit.aliases.retain(|alias| alias != direction);
            if exit.aliases.is_empty() {
                exit.aliases.extend(direction::short(direction).map(str::to_owned));
            }
        }
        // Exits are found before commands: one that is called `quit` would keep everybody here.
        if let Some(command) = exit.all().find(|name| cx.hall().commands.find(&name.to_lowercase()).is_some()) {
            return Err(text!("An exit cannot be called \"{}\": that is a command.", command).into());
        }
        Ok(exit)
    }

    /// Returns the exit that leads in a direction, by its full name.
    pub(super) fn direction(name: &str) -> Self {
        let aliases = direction::short(name).map(str::to_owned).into_iter().collect();
        Self { key: name.to_owned(), aliases, type_name: None }
    }

    /// Refuses if an exit of this room has one of these names.
    pub(super) fn is_free_here(&self, cx: &CommandCx) -> Result<(), Refusal> {
        self.is_free(None, cx)
    }

    /// Refuses if an exit of this room other than `but` has one of these names.
    pub(super) fn is_free_here_but_for(&self, but: EntityId, cx: &CommandCx) -> Result<(), Refusal> {
        self.is_free(Some(but), cx)
    }

    fn is_free(&self, but: Option<EntityId>, cx: &CommandCx) -> Result<(), Refusal> {
        let has = |name: &str| cx.view().here(Kind::Exit).any(|exit| Some(exit.id) != but && exit.is_called(name));
        match self.all().find(|name| has(name)) {
            Some(name) => Err(text!("There is an exit called \"{}\" here already.", name).into()),
            None => Ok(()),
        }
    }

    /// Makes an entity of that name, of its own type or of `plain`.
    pub(super) fn make(&self, kind: Kind, plain: &str, cx: &CommandCx) -> Result<Entity, Refusal> {
        let type_name = self.type_name.as_deref().unwrap_or(plain);
        let mut entity = cx.new_entity(kind, type_name, &self.key)?;
        entity.aliases.clone_from(&self.aliases);
        Ok(entity)
    }

    /// Makes an exit in `from`.
    pub(super) fn make_exit(&self, from: RoomId, to: RoomId, cx: &CommandCx) -> Result<Entity, Refusal> {
        let mut exit = self.make(Kind::Exit, "exit", cx)?;
        exit.location = Some(from);
        exit.destination = Some(to);
        Ok(exit)
    }

    /// Returns the names as the history keeps them.
    pub(super) fn to_json(&self) -> Value {
        names_json(&self.key, &self.aliases)
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.key).chain(&self.aliases)
    }
}

/// Returns what something is called in an answer to a builder: `lamp (#12)`.
pub(super) fn with_id(id: EntityId, cx: &CommandCx) -> String {
    cx.view().entity(id).map_or_else(|| id.to_string(), |entity| format!("{} ({id})", entity.key))
}

/// Returns a word for builders to put things under: an attribute, a tag, a category, a kind of access.
pub(super) fn word(typed: &str, what: &str) -> Result<String, Refusal> {
    name(typed).map_err(|Refusal(why)| text!("That cannot be {}. {}", what, why).into())
}

/// Returns `name[:category]`; the category is empty without one.
pub(super) fn in_category(typed: &str, what: &str) -> Result<(String, String), Refusal> {
    match typed.split_once(':') {
        None => Ok((word(typed, what)?, String::new())),
        Some((key, category)) if category.trim().is_empty() => Ok((word(key, what)?, String::new())),
        Some((key, category)) => Ok((word(key, what)?, word(category, "a category")?)),
    }
}

/// Returns a name with its category as it is typed: `key` or `key:category`.
pub(super) fn shown_in(key: &str, category: &str) -> String {
    if category.is_empty() { key.to_owned() } else { format!("{key}:{category}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_aliases_and_types_are_told_apart() {
        let check = |typed: &str, key: &str, aliases: &[&str], type_name: Option<&str>| {
            let named = Named::parse_typed(typed).unwrap();
            assert_eq!((named.key.as_str(), named.type_name.as_deref()), (key, type_name), "{typed}");
            assert_eq!(named.aliases, aliases, "{typed}");
        };
        check(" old  lamp ; lamp;lantern ;; lamp : lantern", "old lamp", &["lamp", "lantern"], Some("lantern"));
        check("lamp", "lamp", &[], None);
        check("lamp:", "lamp", &[], None);
        check("a:b:c", "a:b", &[], Some("c"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let check = |typed: &str, expected: &str| {
            let Refusal(why) = Named::parse_typed(typed).unwrap_err();
            assert!(why.as_str().contains(expected), "{typed}: {why}");
        };
        check("", "1 to 100");
        check(" ; ", "1 to 100");
        check(":lantern", "1 to 100");
        check(&"x".repeat(101), "1 to 100");
        check("lamp;\u{200B}", "1 to 100");
        check("#12", "something already");
        check("lamp;Here", "something already");
        let many: Vec<String> = (0..30).map(|n| format!("lamp {n}")).collect();
        check(&many.join(";"), "too many");
    }
}
