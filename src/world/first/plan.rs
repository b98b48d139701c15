//! A plan of a first world: rooms, ways and things, each with the next free id.

use super::FIRST_FREE;
use crate::ids::EntityId;
use crate::world::direction;
use crate::world::entity::{Entity, EntityLock};
use crate::world::record::{EntityRows, TagRecord};
use crate::world::types::Behaviour;

/// Entities so far.
pub(super) struct Plan {
    entities: Vec<Entity>,
    next_id: u64,
}

impl Plan {
    /// Returns a plan whose only room is `start`.
    pub(super) fn new(start: EntityId, key: &str, description: &str) -> Self {
        let mut plan = Self { entities: Vec::new(), next_id: FIRST_FREE };
        plan.add(start, Behaviour::room(), key, description);
        plan
    }

    /// Adds a room.
    pub(super) fn room(&mut self, key: &str, description: &str) -> EntityId {
        let id = self.id();
        self.add(id, Behaviour::room(), key, description);
        id
    }

    /// Connects two rooms: `there` leads from the first to the second, `back` leads back. Directions get their short
    /// names.
    pub(super) fn connect(&mut self, from: EntityId, there: &str, back: &str, to: EntityId) {
        self.exit(from, there, to);
        self.exit(to, back, from);
    }

    /// Adds a way in one direction.
    pub(super) fn exit(&mut self, from: EntityId, key: &str, to: EntityId) -> &mut Entity {
        let id = self.id();
        let exit = self.add(id, Behaviour::exit(), key, "");
        exit.location = Some(from);
        exit.destination = Some(to);
        exit.aliases.extend(direction::short(key).map(str::to_owned));
        exit
    }

    /// Adds a thing that can be taken.
    pub(super) fn thing(&mut self, holder: EntityId, key: &str, description: &str) -> &mut Entity {
        let id = self.id();
        let thing = self.add(id, Behaviour::object(), key, description);
        thing.location = Some(holder);
        thing
    }

    /// Adds a thing that stays where it is, and says so to those who try to take it.
    pub(super) fn fixture(&mut self, holder: EntityId, key: &str, description: &str, why: &str) -> &mut Entity {
        let thing = self.thing(holder, key, description);
        lock(thing, "get", "none()", why);
        thing
    }

    /// Returns the rows of all.
    pub(super) fn into_rows(self) -> Vec<EntityRows> {
        self.entities.iter().map(Entity::to_rows).collect()
    }

    fn add(&mut self, id: EntityId, behaviour: Behaviour, key: &str, description: &str) -> &mut Entity {
        let mut entity = Entity::new(id, behaviour, key);
        entity.description = description.to_owned();
        self.entities.push(entity);
        let last = self.entities.len() - 1;
        &mut self.entities[last]
    }

    fn id(&mut self) -> EntityId {
        let id = EntityId(self.next_id);
        self.next_id += 1;
        id
    }
}

/// Locks a thing; `why` is told to those whom the lock refuses.
pub(super) fn lock(thing: &mut Entity, access: &str, expression: &str, why: &str) {
    thing.locks.push(EntityLock::new(access, expression));
    thing.set_attribute(&format!("err_{access}"), why);
}

/// Adds other names.
pub(super) fn alias(thing: &mut Entity, aliases: &[&str]) {
    thing.aliases.extend(aliases.iter().map(|alias| (*alias).to_owned()));
}

/// Tags a thing.
pub(super) fn tag(thing: &mut Entity, key: &str) {
    thing.tags.insert(TagRecord { category: String::new(), key: key.to_owned() });
}
