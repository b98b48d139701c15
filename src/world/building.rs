//! What the building commands share: targets near and far, new entities, the change history.

use serde_json::Value;

use crate::ids::EntityId;
use crate::text;
use crate::world::command::CommandCx;
use crate::world::effects::Hop;
use crate::world::entity::{Entity, EntityLock};
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
        self.require(Permission::Builder)?;
        if let Some(id) = typed.trim().strip_prefix('#').and_then(|number| number.parse().ok()).map(EntityId) {
            if self.view().entity(id).is_some() {
                return Ok(Some(id));
            }
            self.room().effects().hop = Some(Hop::Elsewhere(id));
            return Ok(None);
        }
        self.anything(typed.trim()).map(|entity| Some(entity.id))
    }

    /// Refuses unless the person may change an entity: people's characters are for Admins, the rest for Builders.
    ///
    /// # Errors
    ///
    /// A refusal that names what is needed.
    pub fn may_change(&self, id: EntityId) -> Result<(), Refusal> {
        let view = self.view();
        let is_person =
            view.entity(id).is_some_and(|entity| entity.kind() == Kind::Character && entity.owner.is_some());
        self.require(if is_person { Permission::Admin } else { Permission::Builder })
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
        let key = text::clean(key.trim()).into_owned();
        if key.is_empty() || key.chars().count() > NAME_MOST {
            return Err(text!("A name has 1 to {} characters.", NAME_MOST).into());
        }
        let id =
            self.hall().ids.take().ok_or_else(|| Refusal::new("That cannot be made just now. Please try again."))?;
        let mut entity = Entity::new(id, behaviour, key);
        entity.owner = None;
        Ok(entity)
    }

    /// Puts a new entity in this room, with its type's hook, and into the history.
    pub fn make(&mut self, entity: Entity, action: &str) {
        let (id, key) = (entity.id, entity.key.clone());
        self.room().create(entity);
        self.room().created(id);
        self.note(id, action, Value::Null, Value::String(key));
    }

    /// Takes a change into the history.
    pub fn note(&mut self, entity: EntityId, action: &str, before: Value, after: Value) {
        let Some(id) = self.hall().ids.take() else { return };
        let record = HistoryRecord {
            id: id.0,
            at: self.view().now_ms(),
            account: self.caller().account,
            by: self.caller().name.to_string(),
            entity,
            action: action.to_owned(),
            before: before.to_string(),
            after: after.to_string(),
        };
        self.room().effects().rows.push(Change::History(Box::new(record)));
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

/// Longest name of an entity, in characters.
pub const NAME_MOST: usize = 100;

impl crate::world::cx::RoomCx<'_> {
    /// Tells an entity that has just been put in the room, by [`crate::world::cx::RoomCx::create`], that it is there.
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
