//! Everything that is in one room, and a draft of what a command makes of it.
//!
//! A command never touches the room: it edits a [`Draft`], which reads through its own edits. Done well, the draft is
//! applied and yields the rows to store; refused or panicked, it is dropped and nothing has happened.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::ids::EntityId;
use crate::world::entity::Entity;
use crate::world::record::Change;

mod late;
mod timers;

pub use timers::Due;

/// A room and all that is in it at any depth: the room itself, its exits, who is here and what they carry.
#[derive(Debug)]
pub struct Contents {
    room: EntityId,
    entities: FxHashMap<EntityId, Entity>,
    /// What is directly in each, in order of arrival.
    inside: FxHashMap<EntityId, Vec<EntityId>>,
    /// When timers of which entity are due.
    due: BTreeSet<(i64, EntityId)>,
    /// What has changed and is to be stored later.
    late: BTreeSet<EntityId>,
    /// Nothing is stored later any more.
    is_exact: bool,
}

impl Contents {
    /// Makes the contents of a room from its entities, of which the first is the room.
    pub fn new(room: Entity, rest: impl IntoIterator<Item = Entity>) -> Self {
        let mut contents = Self {
            room: room.id,
            entities: FxHashMap::default(),
            inside: FxHashMap::default(),
            due: BTreeSet::new(),
            late: BTreeSet::new(),
            is_exact: false,
        };
        contents.insert(room);
        for entity in rest {
            contents.insert(entity);
        }
        contents
    }

    /// Returns the room's id.
    pub fn room(&self) -> EntityId {
        self.room
    }

    /// Returns an entity that is here.
    pub fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(&id)
    }

    /// Returns what is directly in `holder`, in order of arrival.
    pub fn inside(&self, holder: EntityId) -> &[EntityId] {
        self.inside.get(&holder).map_or(&[], Vec::as_slice)
    }

    /// Puts an entity in, or replaces it.
    pub fn insert(&mut self, entity: Entity) {
        drop(self.replace(entity));
    }

    /// Puts an entity in. Returns what was in its place.
    fn replace(&mut self, entity: Entity) -> Option<Entity> {
        let before = self.entities.get(&entity.id).and_then(|old| old.location);
        if before != entity.location || !self.entities.contains_key(&entity.id) {
            self.unlist(entity.id, before);
            if let Some(holder) = entity.location {
                self.inside.entry(holder).or_default().push(entity.id);
            }
        }
        self.undue(entity.id);
        self.list_due(&entity);
        self.entities.insert(entity.id, entity)
    }

    /// Takes an entity out, without what is in it.
    pub fn remove(&mut self, id: EntityId) -> Option<Entity> {
        self.undue(id);
        self.late.remove(&id);
        let entity = self.entities.remove(&id)?;
        self.unlist(id, entity.location);
        Some(entity)
    }

    /// Takes an entity out with all that is in it at any depth; the entity itself comes first.
    pub fn take(&mut self, id: EntityId) -> Vec<Entity> {
        let mut taken: Vec<Entity> = self.remove(id).into_iter().collect();
        let mut next = 0;
        while next < taken.len() {
            for inner in self.inside.remove(&taken[next].id).unwrap_or_default() {
                self.undue(inner);
                self.late.remove(&inner);
                taken.extend(self.entities.remove(&inner));
            }
            next += 1;
        }
        taken
    }

    /// Returns the rows that store edits. What has changed gets its next version.
    pub fn rows(&self, edits: &mut Edits) -> Vec<Change> {
        let mut changes = Vec::new();
        for (id, edited) in &mut edits.0 {
            let before = self.entities.get(id);
            match edited {
                Some(entity) => {
                    let first = changes.len();
                    entity.changes_since(before, &mut changes);
                    if changes.len() > first {
                        // A form that was opened before must see that something changed, whatever it was.
                        entity.version += 1;
                        match changes.get_mut(first) {
                            Some(Change::Entity(record)) => record.version = entity.version,
                            _ => changes.insert(first, Change::Entity(Box::new(entity.to_record()))),
                        }
                    }
                }
                None if before.is_some_and(|gone| !gone.transient) => changes.push(Change::EntityGone(*id)),
                None => {}
            }
        }
        changes
    }

    /// Takes edits in whose [`Contents::rows`] have been made, and returns how to take them back.
    pub fn take_in(&mut self, edits: Edits) -> Undo {
        let mut undo = Undo::default();
        for (id, edited) in edits.0 {
            match edited {
                Some(entity) => {
                    let version = entity.version;
                    let before = self.replace(entity);
                    if before.as_ref().is_none_or(|before| before.version != version) {
                        undo.edits.push((id, Some(version), before));
                    }
                }
                None => undo.edits.extend(self.remove(id).map(|gone| (id, None, Some(gone)))),
            }
        }
        undo
    }

    /// Takes back what [`Contents::take_in`] did, but for entities that have changed since or have left.
    pub fn undo(&mut self, undo: Undo) {
        for (id, version, before) in undo.edits.into_iter().rev() {
            if self.entity(id).map(|entity| entity.version) == version {
                match before {
                    Some(before) => self.insert(before),
                    None => drop(self.remove(id)),
                }
            }
        }
        self.late.extend(undo.saved.into_iter().filter(|id| self.entities.contains_key(id)));
    }

    fn unlist(&mut self, id: EntityId, holder: Option<EntityId>) {
        let Some(holder) = holder else { return };
        if let Some(list) = self.inside.get_mut(&holder) {
            list.retain(|inner| *inner != id);
            if list.is_empty() {
                self.inside.remove(&holder);
            }
        }
    }
}

/// How to take edits back, in order: of each entity its version since (`None`: it is gone) and what it was (`None`: it was not).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Undo {
    edits: Vec<(EntityId, Option<i64>, Option<Entity>)>,
    /// What was late, and was to be stored with them.
    saved: Vec<EntityId>,
}

impl Undo {
    /// Adds what was done later.
    pub fn append(&mut self, later: Undo) {
        self.edits.extend(later.edits);
        self.saved.extend(later.saved);
    }
}

/// What a draft changed; `None` means gone.
#[derive(Debug, Default)]
pub struct Edits(SmallVec<[(EntityId, Option<Entity>); 2]>);

/// A room's contents with a command's edits on top.
#[derive(Debug)]
pub struct Draft<'a> {
    base: &'a Contents,
    edits: Edits,
}

impl<'a> Draft<'a> {
    /// Returns a draft without edits.
    pub fn new(base: &'a Contents) -> Self {
        Self { base, edits: Edits::default() }
    }

    /// Returns the room's id.
    pub fn room(&self) -> EntityId {
        self.base.room
    }

    /// Returns an entity as the edits left it.
    pub fn entity(&self, id: EntityId) -> Option<&Entity> {
        match self.edits.0.iter().find(|(edited, _)| *edited == id) {
            Some((_, entity)) => entity.as_ref(),
            None => self.base.entity(id),
        }
    }

    /// Returns an entity to change. What is left equal is not stored.
    pub fn edit(&mut self, id: EntityId) -> Option<&mut Entity> {
        let at = match self.edits.0.iter().position(|(edited, _)| *edited == id) {
            Some(at) => at,
            None => {
                self.edits.0.push((id, Some(self.base.entity(id)?.clone())));
                self.edits.0.len() - 1
            }
        };
        self.edits.0[at].1.as_mut()
    }

    /// Puts in a new entity.
    pub fn create(&mut self, entity: Entity) {
        self.edits.0.retain(|(edited, _)| *edited != entity.id);
        self.edits.0.push((entity.id, Some(entity)));
    }

    /// Deletes an entity; what is in it must have been moved or deleted.
    pub fn destroy(&mut self, id: EntityId) {
        self.edits.0.retain(|(edited, _)| *edited != id);
        self.edits.0.push((id, None));
    }

    /// Returns what is directly in `holder`, in order of arrival.
    pub fn inside(&self, holder: EntityId) -> impl Iterator<Item = &Entity> {
        let is_edited = |id: EntityId| self.edits.0.iter().any(|(edited, _)| *edited == id);
        let unedited = self
            .base
            .inside(holder)
            .iter()
            .filter_map(move |id| if is_edited(*id) { self.stayed(*id, holder) } else { self.base.entity(*id) });
        let came = self.edits.0.iter().filter_map(move |(id, entity)| {
            let entity = entity.as_ref()?;
            let was_here = self.base.entity(*id).is_some_and(|before| before.location == Some(holder));
            (entity.location == Some(holder) && !was_here).then_some(entity)
        });
        unedited.chain(came)
    }

    /// Returns the edits, for [`Contents::rows`] and [`Contents::take_in`].
    pub fn into_edits(self) -> Edits {
        self.edits
    }

    fn stayed(&self, id: EntityId, holder: EntityId) -> Option<&Entity> {
        self.entity(id).filter(|entity| entity.location == Some(holder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::types::Behaviour;

    fn thing(id: u64, location: u64) -> Entity {
        let mut entity = Entity::new(EntityId(id), Behaviour::object(), format!("thing {id}"));
        entity.location = Some(EntityId(location));
        entity
    }

    fn room() -> Contents {
        Contents::new(
            Entity::new(EntityId(1), Behaviour::room(), "Hall"),
            [thing(2, 1), thing(3, 2), thing(4, 3), thing(5, 1)],
        )
    }

    fn apply(room: &mut Contents, mut edits: Edits) -> (Vec<Change>, Undo) {
        let changes = room.rows(&mut edits);
        (changes, room.take_in(edits))
    }

    fn ids<'a>(entities: impl Iterator<Item = &'a Entity>) -> Vec<u64> {
        entities.map(|entity| entity.id.0).collect()
    }

    #[test]
    fn taking_something_takes_what_is_in_it() {
        let mut room = room();
        let taken = room.take(EntityId(2));
        assert_eq!(ids(taken.iter()), [2, 3, 4]);
        assert_eq!(room.inside(EntityId(1)), [EntityId(5)]);
        assert!(room.inside(EntityId(2)).is_empty() && room.inside(EntityId(3)).is_empty());
        assert!(room.entity(EntityId(4)).is_none());
    }

    #[test]
    fn a_draft_reads_through_its_own_edits_and_the_room_does_not_see_them() {
        let room = room();
        let mut draft = Draft::new(&room);
        draft.edit(EntityId(5)).unwrap().location = Some(EntityId(2));
        draft.create(thing(9, 1));
        draft.destroy(EntityId(4));
        assert_eq!(ids(draft.inside(EntityId(1))), [2, 9]);
        assert_eq!(ids(draft.inside(EntityId(2))), [3, 5]);
        assert_eq!(ids(draft.inside(EntityId(3))), [0u64; 0]);
        assert_eq!(room.inside(EntityId(1)), [EntityId(2), EntityId(5)]);
    }

    #[test]
    fn what_was_edited_and_left_equal_is_not_stored() {
        let mut room = room();
        let mut draft = Draft::new(&room);
        draft.edit(EntityId(5)).unwrap().location = Some(EntityId(2));
        draft.edit(EntityId(5)).unwrap().location = Some(EntityId(1));
        let edits = draft.into_edits();
        assert_eq!(apply(&mut room, edits).0, []);
    }

    #[test]
    fn a_move_is_one_row_with_a_new_version() {
        let mut room = room();
        let mut draft = Draft::new(&room);
        draft.edit(EntityId(5)).unwrap().location = Some(EntityId(2));
        let edits = draft.into_edits();
        let (changes, _) = apply(&mut room, edits);
        let [Change::Entity(record)] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!((record.location, record.version), (Some(EntityId(2)), 1));
        assert_eq!(room.entity(EntityId(5)).unwrap().version, 1);
        assert_eq!(room.inside(EntityId(2)), [EntityId(3), EntityId(5)]);
    }

    #[test]
    fn edits_are_taken_back_unless_somebody_changed_the_same_since() {
        let mut room = room();
        let edit = |room: &mut Contents, weight: i64| {
            let mut draft = Draft::new(room);
            draft.edit(EntityId(5)).unwrap().set_attribute("weight", weight);
            let edits = draft.into_edits();
            apply(room, edits).1
        };
        let first = edit(&mut room, 1);
        room.undo(first.clone());
        assert_eq!(room.entity(EntityId(5)).unwrap().attribute("weight"), None);
        let first = edit(&mut room, 1);
        edit(&mut room, 2);
        room.undo(first);
        assert_eq!(room.entity(EntityId(5)).unwrap().attribute("weight"), Some(&2.into()));
    }

    #[test]
    fn tags_attributes_locks_and_aliases_are_stored_one_by_one() {
        let mut room = room();
        let mut draft = Draft::new(&room);
        let thing = draft.edit(EntityId(5)).unwrap();
        thing.set_attribute("weight", 3);
        thing.aliases.push("it".into());
        let edits = draft.into_edits();
        let (changes, _) = apply(&mut room, edits);
        assert!(matches!(
            changes.as_slice(),
            [Change::Entity(_), Change::Aliases(..), Change::Attribute { value: Some(_), .. }]
        ));
        let mut draft = Draft::new(&room);
        draft.edit(EntityId(5)).unwrap().set_attribute("weight", serde_json::Value::Null);
        let edits = draft.into_edits();
        assert!(matches!(
            apply(&mut room, edits).0.as_slice(),
            [Change::Entity(_), Change::Attribute { value: None, .. }]
        ));
    }
}
