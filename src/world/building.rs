//! What the building commands share: targets near and far, new entities, the change history.

use serde_json::{Value, json};

use crate::ids::{AccountId, EntityId};
use crate::text;
use crate::text::Markup;
use crate::world::clock::CalendarTime;
use crate::world::command::CommandCx;
use crate::world::cx::RoomCx;
use crate::world::effects::Hop;
use crate::world::entity::{Entity, EntityLock};
use crate::world::id_block::IdBlock;
use crate::world::record::{Change, HistoryRecord, Kind, Permission};
use crate::world::types::{Inner, Refusal};

impl CommandCx<'_, '_> {
    /// Finds what a builder means: as [`CommandCx::anything`] does, and `#id` wherever it is.
    ///
    /// `None` means that it is in another room: the same line runs there, and this run shall end without doing
    /// anything. Only `#id` leads elsewhere.
    ///
    /// # Errors
    ///
    /// A refusal if there is no such thing, or the person is no builder.
    pub fn target(&mut self, typed: &str) -> Result<Option<EntityId>, Refusal> {
        self.target_or_relay(typed, None)
    }

    /// Finds what a builder means, as [`CommandCx::target`] does. If that is in another room, `line` runs there: what
    /// was typed may name something that only this room knows.
    ///
    /// # Errors
    ///
    /// A refusal if there is no such thing, or the person is no builder.
    pub fn target_or_relay(&mut self, typed: &str, line: Option<String>) -> Result<Option<EntityId>, Refusal> {
        self.require(Permission::Builder)?;
        if let Some(entity) = numbered(typed) {
            if self.view().entity(entity).is_some() {
                return Ok(Some(entity));
            }
            self.room().effects().hop = Some(Hop::Elsewhere { entity, line });
            return Ok(None);
        }
        self.anything(typed.trim()).map(|entity| Some(entity.id))
    }

    /// Finds a room to lead to: `#id`, or `here`.
    ///
    /// `None` means that it is not known yet whether that is a room: the same line runs again when it is, and this run shall
    /// end without doing anything. If it is none, whoever typed the line is told so instead.
    ///
    /// # Errors
    ///
    /// A refusal if that cannot be a room.
    pub fn room_to(&mut self, typed: &str) -> Result<Option<EntityId>, Refusal> {
        let here = self.view().room().map(|room| room.id);
        let room = if typed.eq_ignore_ascii_case("here") { here } else { numbered(typed) };
        let room = room.ok_or_else(|| text!("Name a room by its number, such as #12; \"{}\" is none.", typed))?;
        match self.view().entity(room) {
            Some(entity) if entity.kind() != Kind::Room => Err(no_room(entity).into()),
            Some(_) => Ok(Some(room)),
            None if self.knows(room) => Ok(Some(room)),
            None => {
                self.room().effects().hop = Some(Hop::Vouch(room));
                Ok(None)
            }
        }
    }

    /// Refuses unless the person may change an entity: other people's characters are for Admins, the rest for Builders.
    ///
    /// # Errors
    ///
    /// A refusal that names what is needed.
    pub fn may_change(&self, id: EntityId) -> Result<(), Refusal> {
        let is_somebody_else = id != self.caller().character && self.view().entity(id).is_some_and(is_person);
        self.require(if is_somebody_else { Permission::Admin } else { Permission::Builder })
    }

    /// Returns a new entity of a registered type, with an id of its own. It is nowhere yet.
    ///
    /// # Errors
    ///
    /// A refusal if there is no such type, with those there are; or if no id is left for the moment.
    pub fn new_entity(&self, kind: Kind, type_name: &str, key: &str) -> Result<Entity, Refusal> {
        let types = &self.hall().types;
        let Some(behaviour) = types.fresh(kind, type_name) else {
            let known: Vec<String> = types.names(kind).into_iter().map(str::to_owned).collect();
            let known = text::english::list(&known);
            return Err(
                text!("There is no type of {} called \"{}\"; there are: {}.", kind.name(), type_name, known).into()
            );
        };
        let key = name(key)?;
        let id =
            self.hall().ids.take().ok_or_else(|| Refusal::new("That cannot be made just now. Please try again."))?;
        let mut entity = Entity::new(id, behaviour, key);
        entity.owner = None;
        Ok(entity)
    }

    /// Puts a new entity in this room, or where its location says, with its type's hook, and into the history.
    pub fn make(&mut self, mut entity: Entity, action: &str) {
        entity.location = entity.location.or(Some(self.room().room()));
        let (id, key) = (entity.id, entity.key.clone());
        self.room().create(entity);
        self.room().created(id);
        self.note(id, action, Value::Null, Value::String(key));
    }

    /// Takes a change into the history.
    pub fn note(&mut self, entity: EntityId, action: &str, before: Value, after: Value) {
        let by = Author { account: self.caller().account, name: self.caller().name.to_string() };
        let ids = &self.hall().ids;
        self.room().note(&by, ids, entity, action, (before, after));
    }

    /// Parses a lock with the functions that the game has registered.
    ///
    /// # Errors
    ///
    /// A refusal that says where it does not parse, and what could be meant.
    pub fn parse_lock(&self, access: &str, source: &str) -> Result<EntityLock, Refusal> {
        let functions = self.hall().types.lock_functions();
        if let Err(error) = crate::world::lock::Lock::parse_with(source, functions) {
            return Err(text!("That lock does not parse: {}", error.to_string()).into());
        }
        Ok(EntityLock::with(access, source, functions))
    }
}

/// Longest name of an entity, in characters; also of an attribute, a tag, a kind of access.
pub const NAME_MOST: usize = 100;

/// Most aliases of an entity.
pub const ALIASES_MOST: usize = 20;

/// Longest description, attribute or lock, in characters.
pub const TEXT_MOST: usize = 20_000;

/// How many levels of things in things a room may hold.
pub const DEEPEST: usize = 30;

/// Names that mean something else wherever they are typed.
const TAKEN: [&str; 4] = ["me", "self", "here", "all"];

/// Returns the name that a builder typed, tidy.
///
/// # Errors
///
/// A refusal if that cannot be a name.
pub fn name(typed: &str) -> Result<String, Refusal> {
    let clean = text::clean(typed);
    let name = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || name.chars().count() > NAME_MOST {
        return Err(text!("A name has 1 to {} characters.", NAME_MOST).into());
    }
    if name.starts_with('#') || TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
        return Err(text!("\"{}\" cannot be a name: it means something already.", name).into());
    }
    Ok(name)
}

/// Refuses a text that is too long to store.
///
/// # Errors
///
/// A refusal that names the limit.
pub fn bounded(text: &str) -> Result<(), Refusal> {
    if text.chars().count() > TEXT_MOST {
        return Err(text!("That is too long: at most {} characters.", TEXT_MOST).into());
    }
    Ok(())
}

/// Returns the entity that `#12` names.
pub fn numbered(typed: &str) -> Option<EntityId> {
    typed.trim().strip_prefix('#').and_then(|number| number.parse().ok()).map(EntityId)
}

/// Tells whether an entity is the character of a person.
pub fn is_person(entity: &Entity) -> bool {
    entity.kind() == Kind::Character && entity.owner.is_some()
}

/// Returns an entity as the history keeps one that is destroyed: enough to make it anew by hand.
pub fn portrait(entity: &Entity) -> Value {
    let rows = entity.to_rows();
    let record = rows.record;
    let attributes: Vec<Value> = rows.attributes.into_iter().map(|a| json!([a.category, a.key, a.value])).collect();
    let tags: Vec<Value> = rows.tags.into_iter().map(|tag| json!([tag.category, tag.key])).collect();
    json!({
        "kind": record.kind.name(), "type": record.type_name, "state": record.state, "key": record.key,
        "aliases": rows.aliases, "description": record.description,
        "location": record.location.map(|id| id.0), "home": record.home.map(|id| id.0),
        "destination": record.destination.map(|id| id.0),
        "attributes": attributes, "tags": tags, "locks": rows.locks,
    })
}

/// Returns an entity's names as the history keeps them.
pub fn names_json(key: &str, aliases: &[String]) -> Value {
    json!([key].into_iter().chain(aliases.iter().map(String::as_str)).collect::<Vec<_>>())
}

/// Returns what a builder reads of the changes to an entity, the oldest first.
pub fn history(entity: EntityId, changes: &[HistoryRecord]) -> Markup {
    /// Longest value shown, in characters.
    const SHOWN: usize = 300;
    let shown = |json: &str| match json.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json.to_owned(),
    };
    let mut list = text!("Changes to {}:", entity);
    for HistoryRecord { at, by, action, before, after, .. } in changes {
        let when = CalendarTime::at(*at).to_string();
        list.push(&text!("\n{}  {}  {}: {} -> {}", when, by, action, shown(before), shown(after)));
    }
    list
}

/// Returns what is said of something that is taken for a room.
pub fn no_room(entity: &Entity) -> Markup {
    text!("{} ({}) is no room.", entity.key, entity.id)
}

/// Who changes something by hand, with a command or from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
}

impl RoomCx<'_> {
    /// Takes a change into the history: what was, and what is.
    pub fn note(
        &mut self,
        by: &Author,
        ids: &IdBlock,
        entity: EntityId,
        action: &str,
        (before, after): (Value, Value),
    ) {
        let Some(id) = ids.take() else { return };
        let record = HistoryRecord {
            id: id.0,
            at: self.now_ms(),
            account: by.account,
            by: by.name.clone(),
            entity,
            action: action.to_owned(),
            before: before.to_string(),
            after: after.to_string(),
        };
        self.effects().rows.push(Change::History(Box::new(record)));
    }

    /// Tells an entity that has just been put in the room, by [`RoomCx::create`], that it is there.
    pub fn created(&mut self, id: EntityId) {
        let kind = self.entity(id).map(|entity| match &entity.behaviour.0 {
            Inner::Unknown { .. } => None,
            _ => Some(entity.kind()),
        });
        match kind.flatten() {
            Some(Kind::Object) => drop(self.with_object(id, |object, cx| object.on_create(id, cx))),
            Some(Kind::Character) => drop(self.with_character(id, |character, cx| character.on_create(id, cx))),
            Some(Kind::Exit) => drop(self.with_exit(id, |exit, cx| exit.on_create(id, cx))),
            Some(Kind::Room) | None => {}
        }
    }
}
