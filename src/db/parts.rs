//! What belongs to entities: aliases, attributes, tags, locks and timers.

use diesel::prelude::*;
use serde_json::Value;

use super::connection::{DbConnection, on_each};
use super::records::alias_rows;
use super::rows::{AliasRow, AttributeRow, EntityRow, LockRow, TagRow, TimerRow};
use super::schema::{alias, attribute, entity, lock, tag, timer};
use super::statement::{delete_timers, write_rows};
use crate::ids::EntityId;
use crate::world::record::{AttributeRecord, EntityRows, TagRecord, TimerRecord};

/// Rows of several entities, by table, so that each table is written at once.
#[derive(Default)]
pub(super) struct Parts<'a> {
    old_aliases: Vec<i64>,
    aliases: Vec<AliasRow<'a>>,
    attributes: Vec<AttributeRow<'a>>,
    tags: Vec<TagRow<'a>>,
    locks: Vec<LockRow<'a>>,
    timers: Vec<TimerRow<'a>>,
    attributes_gone: Vec<(i64, &'a str, &'a str)>,
    tags_gone: Vec<(i64, &'a TagRecord)>,
    locks_gone: Vec<(i64, &'a str)>,
    timers_gone: Vec<(i64, &'a str)>,
}

impl<'a> Parts<'a> {
    /// Replaces all other names.
    pub(super) fn aliases(&mut self, id: EntityId, names: &'a [String]) {
        self.old_aliases.push(id.to_db());
        self.aliases.extend(alias_rows(id, names));
    }

    /// Sets an attribute, or removes it.
    pub(super) fn attribute(&mut self, id: EntityId, category: &'a str, key: &'a str, value: Option<&Value>) {
        match value {
            Some(value) => self.attributes.push(AttributeRow::new(id, category, key, value)),
            None => self.attributes_gone.push((id.to_db(), category, key)),
        }
    }

    /// Adds a tag, or removes it.
    pub(super) fn tag(&mut self, id: EntityId, tag: &'a TagRecord, present: bool) {
        match present {
            true => self.tags.push(TagRow::new(id, tag)),
            false => self.tags_gone.push((id.to_db(), tag)),
        }
    }

    /// Sets a lock, or removes it.
    pub(super) fn lock(&mut self, id: EntityId, access: &'a str, expression: Option<&'a str>) {
        match expression {
            Some(expression) => self.locks.push(LockRow::new(id, access, expression)),
            None => self.locks_gone.push((id.to_db(), access)),
        }
    }

    /// Sets a timer, or removes it.
    pub(super) fn timer(&mut self, id: EntityId, name: &'a str, timer: Option<&'a TimerRecord>) {
        match timer {
            Some(timer) => self.timers.push(timer.into()),
            None => self.timers_gone.push((id.to_db(), name)),
        }
    }

    /// Adds all that belongs to an entity that has no rows yet.
    pub(super) fn all_of(&mut self, entity: &'a EntityRows) {
        let id = entity.record.id;
        self.aliases.extend(alias_rows(id, &entity.aliases));
        for AttributeRecord { category, key, value } in &entity.attributes {
            self.attribute(id, category, key, Some(value));
        }
        for tag in &entity.tags {
            self.tag(id, tag, true);
        }
        for (access, expression) in &entity.locks {
            self.lock(id, access, Some(expression));
        }
        self.timers.extend(entity.timers.iter().map(TimerRow::from));
    }

    /// Writes them.
    pub(super) fn write(&self, connection: &mut DbConnection) -> QueryResult<()> {
        if !self.old_aliases.is_empty() {
            let ids = &self.old_aliases;
            on_each!(connection, c => diesel::delete(alias::table.filter(alias::entity.eq_any(ids))).execute(c))?;
        }
        write_rows(connection, &self.aliases)?;
        write_rows(connection, &self.attributes)?;
        write_rows(connection, &self.tags)?;
        write_rows(connection, &self.locks)?;
        write_rows(connection, &self.timers)?;
        for key in &self.attributes_gone {
            on_each!(connection, c => diesel::delete(attribute::table.find(*key)).execute(c))?;
        }
        for (id, tag) in &self.tags_gone {
            let row = tag::table.find((*id, &*tag.category, &*tag.key));
            on_each!(connection, c => diesel::delete(row).execute(c))?;
        }
        for key in &self.locks_gone {
            on_each!(connection, c => diesel::delete(lock::table.find(*key)).execute(c))?;
        }
        delete_timers(connection, &self.timers_gone)
    }
}

/// Deletes entities with all that belongs to them.
pub(super) fn delete_entities(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    on_each!(connection, c => {
        diesel::delete(entity::table.filter(entity::id.eq_any(ids))).execute(c)?;
        diesel::delete(alias::table.filter(alias::entity.eq_any(ids))).execute(c)?;
        diesel::delete(attribute::table.filter(attribute::entity.eq_any(ids))).execute(c)?;
        diesel::delete(tag::table.filter(tag::entity.eq_any(ids))).execute(c)?;
        diesel::delete(lock::table.filter(lock::entity.eq_any(ids))).execute(c)?;
        diesel::delete(timer::table.filter(timer::entity.eq_any(ids))).execute(c)?;
    });
    Ok(())
}

/// Writes whole entities that have no rows yet.
pub(super) fn write_entities(connection: &mut DbConnection, entities: &[EntityRows]) -> QueryResult<()> {
    let records: Vec<EntityRow<'_>> = entities.iter().map(|entity| (&entity.record).into()).collect();
    write_rows(connection, &records)?;
    let mut parts = Parts::default();
    for entity in entities {
        parts.all_of(entity);
    }
    parts.write(connection)
}
