//! An entity in memory: a room, an exit, a character or an object, with its type's state ready to run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::ids::{AccountId, EntityId};
use crate::world::lock::{Lock, LockFunctions, LockSubject};
use crate::world::record::{AttributeRecord, Change, EntityRecord, EntityRows, Kind, Permission, TagRecord};
use crate::world::signal::Timer;
use crate::world::types::{Behaviour, Registry};

/// Attributes by category and name.
pub type Attributes = BTreeMap<(String, String), Value>;

/// One entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its id.
    pub id: EntityId,
    /// Its name, plain text.
    pub key: String,
    /// Other names, in order.
    pub aliases: Vec<String>,
    /// Marked-up text; empty for none.
    pub description: String,
    /// What it is in; `None` for rooms.
    pub location: Option<EntityId>,
    /// Where `home` leads.
    pub home: Option<EntityId>,
    /// Where an exit leads.
    pub destination: Option<EntityId>,
    /// The room a character left the world from.
    pub left_from: Option<EntityId>,
    /// Whose it is.
    pub owner: Option<AccountId>,
    /// What it may do by itself. A person's permission is their account's.
    pub permission: Option<Permission>,
    /// Attributes.
    pub attributes: Attributes,
    /// Tags.
    pub tags: BTreeSet<TagRecord>,
    /// Locks by access type.
    pub locks: Vec<EntityLock>,
    /// Its timers, one of each name.
    pub timers: Vec<Timer>,
    /// Its type with its state.
    pub behaviour: Behaviour,
    /// Grows with each stored change.
    pub version: i64,
    /// Never stored, seen by nobody: the hand that runs a keeper's command from outside the world.
    pub transient: bool,
}

/// A lock as written and as checked. What does not parse refuses everybody but superusers, and says so to builders.
#[derive(Debug, Clone)]
pub struct EntityLock {
    /// `get`, `traverse`, `enter` …
    pub access: String,
    /// As written.
    pub source: String,
    /// Parsed once; `None` if it did not parse.
    pub lock: Option<Lock>,
}

impl PartialEq for EntityLock {
    fn eq(&self, other: &Self) -> bool {
        self.access == other.access && self.source == other.source
    }
}

impl EntityLock {
    /// Parses a lock of the engine's own functions.
    pub fn new(access: impl Into<String>, source: impl Into<String>) -> Self {
        let source = source.into();
        let lock = Lock::parse(&source).ok();
        Self { access: access.into(), source, lock }
    }

    /// Parses a lock that may use functions of the game.
    pub fn with(access: impl Into<String>, source: impl Into<String>, functions: &LockFunctions) -> Self {
        let source = source.into();
        let lock = Lock::parse_with(&source, functions).ok();
        Self { access: access.into(), source, lock }
    }
}

impl Entity {
    /// Returns a new entity of a registered type, with that type's default state.
    pub fn new(id: EntityId, behaviour: Behaviour, key: impl Into<String>) -> Self {
        Self {
            id,
            key: key.into(),
            aliases: Vec::new(),
            description: String::new(),
            location: None,
            home: None,
            destination: None,
            left_from: None,
            owner: None,
            permission: None,
            attributes: Attributes::new(),
            tags: BTreeSet::new(),
            locks: Vec::new(),
            timers: Vec::new(),
            behaviour,
            version: 0,
            transient: false,
        }
    }

    /// Makes an entity from its rows. A type that is not registered, or state it cannot read, is kept untouched.
    pub fn from_rows(rows: EntityRows, registry: &Registry) -> Self {
        let record = rows.record;
        Self {
            id: record.id,
            key: record.key,
            aliases: rows.aliases,
            description: record.description,
            location: record.location,
            home: record.home,
            destination: record.destination,
            left_from: record.left_from,
            owner: record.owner,
            permission: record.permission,
            attributes: rows.attributes.into_iter().map(|a| ((a.category, a.key), a.value)).collect(),
            tags: rows.tags.into_iter().collect(),
            locks: rows.locks.into_iter().map(|(access, source)| registry.lock(access, source)).collect(),
            timers: rows.timers.into_iter().map(Timer::from_record).collect(),
            behaviour: registry.behaviour(record.kind, &record.type_name, &record.state),
            version: record.version,
            transient: false,
        }
    }

    /// Returns its scalar columns.
    pub fn to_record(&self) -> EntityRecord {
        EntityRecord {
            id: self.id,
            kind: self.kind(),
            type_name: self.behaviour.type_name().to_owned(),
            key: self.key.clone(),
            description: self.description.clone(),
            location: self.location,
            home: self.home,
            destination: self.destination,
            left_from: self.left_from,
            owner: self.owner,
            permission: self.permission,
            state: self.behaviour.to_json(),
            version: self.version,
        }
    }

    /// Returns it with everything that belongs to it, as a first world is written.
    pub fn to_rows(&self) -> EntityRows {
        EntityRows {
            record: self.to_record(),
            aliases: self.aliases.clone(),
            attributes: self
                .attributes
                .iter()
                .map(|((category, key), value)| AttributeRecord {
                    category: category.clone(),
                    key: key.clone(),
                    value: value.clone(),
                })
                .collect(),
            tags: self.tags.iter().cloned().collect(),
            locks: self.locks.iter().map(|lock| (lock.access.clone(), lock.source.clone())).collect(),
            timers: self.timers.iter().map(|timer| timer.to_record(self.id)).collect(),
        }
    }

    /// Returns its timer of that name.
    pub fn timer(&self, name: &str) -> Option<&Timer> {
        self.timers.iter().find(|timer| timer.name == name)
    }

    /// Sets a timer, in place of the one of that name.
    pub fn set_timer(&mut self, timer: Timer) {
        self.timers.retain(|known| known.name != timer.name);
        self.timers.push(timer);
    }

    /// Returns the state of its type, if that is `T`.
    pub fn state<T: 'static>(&self) -> Option<&T> {
        self.behaviour.state()
    }

    /// Returns its kind.
    pub fn kind(&self) -> Kind {
        self.behaviour.kind()
    }

    /// Returns the lock on an access type, if there is one.
    pub fn lock(&self, access: &str) -> Option<&EntityLock> {
        self.locks.iter().find(|lock| lock.access == access)
    }

    /// Tells whether `who` passes the lock on an access type; without a lock everybody does.
    pub fn admits(&self, access: &str, who: &dyn LockSubject) -> bool {
        match self.lock(access) {
            None => true,
            Some(EntityLock { lock: Some(lock), .. }) => lock.check(who),
            Some(EntityLock { lock: None, .. }) => who.is_superuser(),
        }
    }

    /// Returns the attribute of that name in the common category.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attribute_in("", key)
    }

    /// Returns the attribute of that name in a category.
    pub fn attribute_in(&self, category: &str, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|((c, k), _)| c == category && k == key).map(|(_, value)| value)
    }

    /// Sets an attribute in the common category, or removes it with `Value::Null`.
    pub fn set_attribute(&mut self, key: &str, value: impl Into<Value>) {
        self.set_attribute_in("", key, value);
    }

    /// Sets an attribute in a category, or removes it with `Value::Null`.
    pub fn set_attribute_in(&mut self, category: &str, key: &str, value: impl Into<Value>) {
        let name = (category.to_owned(), key.to_owned());
        match value.into() {
            Value::Null => drop(self.attributes.remove(&name)),
            value => drop(self.attributes.insert(name, value)),
        }
    }

    /// Gives it other names.
    pub fn alias(&mut self, aliases: &[&str]) -> &mut Self {
        self.aliases.extend(aliases.iter().map(|alias| (*alias).to_owned()));
        self
    }

    /// Tags it, in the common category.
    pub fn tag(&mut self, key: &str) -> &mut Self {
        self.tags.insert(TagRecord { category: String::new(), key: key.to_owned() });
        self
    }

    /// Locks an access type (`get`, `traverse` …) to those who satisfy `expression`; the others are told `why`.
    pub fn lock_to(&mut self, access: &str, expression: &str, why: &str) -> &mut Self {
        self.locks.retain(|lock| lock.access != access);
        self.locks.push(EntityLock::new(access, expression));
        self.set_attribute(&format!("err_{access}"), why);
        self
    }

    /// Tells whether it carries a tag, in any category; without regard to case.
    pub fn has_tag(&self, key: &str) -> bool {
        self.tags.iter().any(|tag| tag.key.eq_ignore_ascii_case(key))
    }

    /// Tells whether it is called so, exactly but without regard to case.
    pub fn is_called(&self, name: &str) -> bool {
        let same = |known: &str| known.len() == name.len() && known.to_lowercase() == name.to_lowercase();
        same(&self.key) || self.aliases.iter().any(|alias| same(alias))
    }

    /// Tells whether it differs from `other` at most in its type's state, and in its version.
    pub fn is_same_but_for_state(&self, other: &Entity) -> bool {
        let Self {
            id,
            key,
            aliases,
            description,
            location,
            home,
            destination,
            left_from,
            owner,
            permission,
            attributes,
            tags,
            locks,
            timers,
            behaviour,
            version: _,
            transient,
        } = self;
        *id == other.id
            && *location == other.location
            && *timers == other.timers
            && *key == other.key
            && *aliases == other.aliases
            && *description == other.description
            && (*home, *destination, *left_from) == (other.home, other.destination, other.left_from)
            && (*owner, *permission) == (other.owner, other.permission)
            && *attributes == other.attributes
            && *tags == other.tags
            && *locks == other.locks
            && *transient == other.transient
            && behaviour.type_name() == other.behaviour.type_name()
    }

    /// Appends the rows that lead from `before` to this. `None` means that it is new.
    pub fn changes_since(&self, before: Option<&Entity>, changes: &mut Vec<Change>) {
        if self.transient {
            return;
        }
        let Some(before) = before else {
            changes.push(Change::Entity(Box::new(self.to_record())));
            return self.parts_since(&Entity::new(self.id, self.behaviour.clone(), ""), changes);
        };
        let scalar = self.key != before.key
            || self.description != before.description
            || self.location != before.location
            || self.home != before.home
            || self.destination != before.destination
            || self.left_from != before.left_from
            || self.owner != before.owner
            || self.permission != before.permission
            || self.version != before.version
            || self.behaviour != before.behaviour;
        if scalar {
            changes.push(Change::Entity(Box::new(self.to_record())));
        }
        self.parts_since(before, changes);
    }

    fn parts_since(&self, before: &Entity, changes: &mut Vec<Change>) {
        if self.aliases != before.aliases {
            changes.push(Change::Aliases(self.id, self.aliases.clone()));
        }
        if self.attributes != before.attributes {
            self.attributes_since(before, changes);
        }
        if self.tags != before.tags {
            let tag = |tag: &TagRecord, present| Change::Tag { entity: self.id, tag: tag.clone(), present };
            changes.extend(before.tags.difference(&self.tags).map(|gone| tag(gone, false)));
            changes.extend(self.tags.difference(&before.tags).map(|new| tag(new, true)));
        }
        if self.locks != before.locks {
            self.locks_since(before, changes);
        }
        if self.timers != before.timers {
            self.timers_since(before, changes);
        }
    }

    fn timers_since(&self, before: &Entity, changes: &mut Vec<Change>) {
        let gone = before.timers.iter().filter(|old| self.timer(&old.name).is_none());
        changes.extend(gone.map(|old| Change::TimerGone(self.id, old.name.clone())));
        let set = self.timers.iter().filter(|new| before.timer(&new.name) != Some(new));
        changes.extend(set.map(|new| Change::Timer(Box::new(new.to_record(self.id)))));
    }

    fn attributes_since(&self, before: &Entity, changes: &mut Vec<Change>) {
        let attribute = |(category, key): &(String, String), value: Option<&Value>| Change::Attribute {
            entity: self.id,
            category: category.clone(),
            key: key.clone(),
            value: value.cloned(),
        };
        let gone = before.attributes.keys().filter(|name| !self.attributes.contains_key(*name));
        changes.extend(gone.map(|name| attribute(name, None)));
        let set = self.attributes.iter().filter(|(name, value)| before.attributes.get(*name) != Some(value));
        changes.extend(set.map(|(name, value)| attribute(name, Some(value))));
    }

    fn locks_since(&self, before: &Entity, changes: &mut Vec<Change>) {
        let lock = |access: &str, expression: Option<&str>| Change::Lock {
            entity: self.id,
            access: access.to_owned(),
            expression: expression.map(str::to_owned),
        };
        let gone = before.locks.iter().filter(|old| self.lock(&old.access).is_none());
        changes.extend(gone.map(|old| lock(&old.access, None)));
        let set = self.locks.iter().filter(|new| before.lock(&new.access) != Some(new));
        changes.extend(set.map(|new| lock(&new.access, Some(&new.source))));
    }
}
