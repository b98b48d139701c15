//! Reading a room or a character with everything inside, in a few queries whatever is in it.

use diesel::prelude::*;
use rustc_hash::FxHashMap;

use super::connection::{DbConnection, on_each};
use super::error::DbError;
use super::reader::Read;
use super::rows::{AliasRow, AttributeRow, EntityRow, LockRow, TagRow, TimerRow};
use super::schema::{alias, attribute, entity, lock, tag, timer};
use crate::ids::{EntityId, RoomId};
use crate::world::record::{AttributeRecord, EntityRecord, EntityRows, Kind, TagRecord, TimerRecord};

/// How deep things may be in things. Deeper ones are not found; the model refuses to put them there.
pub(super) const DEPTH: usize = 32;

/// Ids in one list; SQLite takes 32,766.
pub(super) const IDS_AT_ONCE: usize = 10_000;

/// Reads a room, first, and everything in it at any depth, each thing after what it is in. `None` if there is no such room.
#[derive(Debug, Clone, Copy)]
pub struct LoadRoom(pub RoomId);

impl Read for LoadRoom {
    type Output = Option<Vec<EntityRows>>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let loaded = load_with_contents(connection, self.0)?;
        Ok(loaded.filter(|rows| rows.first().is_some_and(|room| room.record.kind == Kind::Room)))
    }
}

/// Reads a character (or a thing), first, and everything it carries. `None` if there is no such entity.
#[derive(Debug, Clone, Copy)]
pub struct LoadCarried(pub EntityId);

impl Read for LoadCarried {
    type Output = Option<Vec<EntityRows>>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        load_with_contents(connection, self.0)
    }
}

/// Reads one entity with what belongs to it, but not what is in it. `None` if there is none of that id.
///
/// True for entities of rooms that are not loaded, as with [`LocationOf`].
#[derive(Debug, Clone, Copy)]
pub struct EntityById(pub EntityId);

impl Read for EntityById {
    type Output = Option<EntityRows>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = entity::table.find(self.0.to_db());
        let Some(row) = on_each!(connection, c => query.select(EntityRow::as_select()).first(c).optional())? else {
            return Ok(None);
        };
        let mut found = Found::default();
        found.add(row)?;
        found.load_parts(connection)?;
        Ok(found.rows.pop())
    }
}

/// Finds the room that an entity is in, at any depth; a room is in itself. `None` if it is nowhere or does not exist.
///
/// True for entities of rooms that are not loaded; what a loaded room holds may have moved since it was stored.
#[derive(Debug, Clone, Copy)]
pub struct LocationOf(pub EntityId);

impl Read for LocationOf {
    type Output = Option<RoomId>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let mut next = Some(self.0.to_db());
        for _ in 0..=DEPTH {
            let Some(id) = next else { return Ok(None) };
            let query = entity::table.find(id).select((entity::kind, entity::location));
            let row: Option<(String, Option<i64>)> = on_each!(connection, c => query.first(c).optional())?;
            match row {
                Some((kind, _)) if kind == Kind::Room.name() => return Ok(Some(EntityId::from_db(id))),
                Some((_, location)) => next = location,
                None => return Ok(None),
            }
        }
        Err(DbError::Broken(format!("{} is in something that is in itself", self.0)))
    }
}

fn load_with_contents(connection: &mut DbConnection, root: EntityId) -> Result<Option<Vec<EntityRows>>, DbError> {
    let query = entity::table.find(root.to_db());
    let Some(row) = on_each!(connection, c => query.select(EntityRow::as_select()).first(c).optional())? else {
        return Ok(None);
    };
    let mut found = Found::default();
    found.add(row)?;
    let mut level = 0;
    for _ in 0..DEPTH {
        let above = level..found.ids.len();
        level = above.end;
        for row in load_inside(connection, &found.ids[above])? {
            found.add(row)?;
        }
        if found.ids.len() == level {
            break;
        }
    }
    found.load_parts(connection)?;
    Ok(Some(found.rows))
}

fn load_inside(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<EntityRow<'static>>> {
    // One id, which is a room's first level, has a statement that both backends keep prepared.
    if let [id] = ids {
        let query = entity::table.filter(entity::location.eq(id)).order(entity::id);
        return on_each!(connection, c => query.select(EntityRow::as_select()).load(c));
    }
    let mut rows = Vec::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let query = entity::table.filter(entity::location.eq_any(ids)).order(entity::id);
        rows.extend(on_each!(connection, c => query.select(EntityRow::as_select()).load::<EntityRow<'static>>(c))?);
    }
    Ok(rows)
}

/// Entities found so far, and where in the list each is.
#[derive(Default)]
struct Found {
    rows: Vec<EntityRows>,
    ids: Vec<i64>,
    places: FxHashMap<i64, usize>,
}

impl Found {
    /// Takes each entity once, so that a loop in the data ends.
    fn add(&mut self, row: EntityRow<'_>) -> Result<(), DbError> {
        let id = row.id;
        if self.places.insert(id, self.rows.len()).is_some() {
            return Err(DbError::Broken(format!("#{id} is in something that is in itself")));
        }
        self.ids.push(id);
        self.rows.push(EntityRows {
            record: EntityRecord::try_from(row)?,
            aliases: Vec::new(),
            attributes: Vec::new(),
            tags: Vec::new(),
            locks: Vec::new(),
            timers: Vec::new(),
        });
        Ok(())
    }

    fn of(&mut self, id: i64) -> Option<&mut EntityRows> {
        self.places.get(&id).and_then(|place| self.rows.get_mut(*place))
    }

    fn load_parts(&mut self, connection: &mut DbConnection) -> Result<(), DbError> {
        let ids = std::mem::take(&mut self.ids);
        for ids in ids.chunks(IDS_AT_ONCE) {
            let query = alias::table.filter(alias::entity.eq_any(ids)).order((alias::entity, alias::n));
            for row in on_each!(connection, c => query.select(AliasRow::as_select()).load(c))? {
                if let Some(entity) = self.of(row.entity) {
                    entity.aliases.push(row.name.into_owned());
                }
            }
            let query = attribute::table.filter(attribute::entity.eq_any(ids));
            let query = query.order((attribute::entity, attribute::category, attribute::key));
            for row in on_each!(connection, c => query.select(AttributeRow::as_select()).load(c))? {
                if let Some(entity) = self.of(row.entity) {
                    entity.attributes.push(AttributeRecord::try_from(row)?);
                }
            }
            let query = tag::table.filter(tag::entity.eq_any(ids)).order((tag::entity, tag::category, tag::key));
            for row in on_each!(connection, c => query.select(TagRow::as_select()).load(c))? {
                if let Some(entity) = self.of(row.entity) {
                    entity.tags.push(TagRecord { category: row.category.into_owned(), key: row.key.into_owned() });
                }
            }
            let query = lock::table.filter(lock::entity.eq_any(ids)).order((lock::entity, lock::access));
            for row in on_each!(connection, c => query.select(LockRow::as_select()).load(c))? {
                if let Some(entity) = self.of(row.entity) {
                    entity.locks.push((row.access.into_owned(), row.expression.into_owned()));
                }
            }
            let query = timer::table.filter(timer::entity.eq_any(ids)).order((timer::entity, timer::name));
            for row in on_each!(connection, c => query.select(TimerRow::as_select()).load(c))? {
                if let Some(entity) = self.of(row.entity) {
                    entity.timers.push(TimerRecord::from(row));
                }
            }
        }
        Ok(())
    }
}
