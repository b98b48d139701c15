//! What a flush writes: of several changes to one row the last, in the order in which rows were first touched. Pure until
//! [`Rows::write`].
//!
//! Of an entity the newest version counts, which need not come last: two people who change places wait for each other, are stored together, and
//! each has changed one room before and the other room after the other did. An entity's parts follow its record.

use std::hash::Hash;

use diesel::prelude::*;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde_json::Value;

use super::connection::{DbConnection, on_each};
use super::parts::{Parts, delete_entities};
use super::rows::{
    AccountRow, ChannelRow, EntityRow, HistoryRow, MessageRow, ScriptRow, SessionRow, SignalRow, SubscriptionRow,
    TellRow,
};
use super::schema::{meta, session, subscription, tell};
use super::statement::{CURSOR, LAST_MESSAGE, delete_signals, set_numbers, write_rows};
use crate::ids::{AccountId, ChannelId, EntityId, ScriptId, SessionId};
use crate::world::record::{
    AccountRecord, Change, ChannelMessage, ChannelRecord, EntityRecord, HistoryRecord, ScriptRecord, SessionRecord,
    SignalRecord, StoredTell, Subscription, TagRecord, TimerRecord,
};

type Map<K, V> = IndexMap<K, V, FxBuildHasher>;

/// Changes reduced to rows, borrowed from the changes.
#[derive(Default)]
pub(super) struct Rows<'a> {
    entities: Map<EntityId, EntityRows<'a>>,
    /// The entity whose parts follow, if a newer version of it has come before.
    outdated: Option<EntityId>,
    accounts: Map<AccountId, &'a AccountRecord>,
    channels: Map<ChannelId, &'a ChannelRecord>,
    last_messages: Map<ChannelId, u64>,
    messages: Vec<&'a ChannelMessage>,
    subscriptions: Map<Subscription, bool>,
    sessions: Map<SessionId, SessionRows<'a>>,
    scripts: Map<ScriptId, &'a ScriptRecord>,
    tells: Map<u64, Option<&'a StoredTell>>,
    /// `None` is one of an earlier flush, to delete.
    signals: Map<u64, Option<&'a SignalRecord>>,
    history: Vec<&'a HistoryRecord>,
    next_id: Option<u64>,
}

/// Everything of one entity. `None` within is a row to delete.
#[derive(Default)]
struct EntityRows<'a> {
    /// What was stored before goes first, with all that belongs to it.
    gone: bool,
    record: Option<&'a EntityRecord>,
    aliases: Option<&'a [String]>,
    attributes: Map<(&'a str, &'a str), Option<&'a Value>>,
    tags: Map<&'a TagRecord, bool>,
    locks: Map<&'a str, Option<&'a str>>,
    timers: Map<&'a str, Option<&'a TimerRecord>>,
}

#[derive(Default)]
struct SessionRows<'a> {
    gone: bool,
    record: Option<&'a SessionRecord>,
    cursor: Option<u64>,
}

/// Returns the entity that a change is a part of.
fn part_of(change: &Change) -> Option<EntityId> {
    match change {
        Change::Aliases(entity, _)
        | Change::Attribute { entity, .. }
        | Change::Tag { entity, .. }
        | Change::Lock { entity, .. }
        | Change::TimerGone(entity, _) => Some(*entity),
        Change::Timer(timer) => Some(timer.entity),
        _ => None,
    }
}

/// Sets a part of an entity; one of an outdated version only if no newer one has set it.
fn set<K: Hash + Eq, V>(parts: &mut Map<K, V>, key: K, value: V, outdated: bool) {
    if outdated {
        parts.entry(key).or_insert(value);
    } else {
        parts.insert(key, value);
    }
}

impl<'a> Rows<'a> {
    /// Reduces changes, the oldest first.
    pub(super) fn of(changes: &'a [Change]) -> Self {
        let mut rows = Self::default();
        for change in changes {
            rows.add(change);
        }
        rows
    }

    fn add(&mut self, change: &'a Change) {
        self.outdated = self.outdated.filter(|entity| part_of(change) == Some(*entity));
        let outdated = self.outdated.is_some();
        match change {
            Change::Entity(record) => self.entity_record(record),
            Change::EntityGone(id) => *self.entity(*id) = EntityRows { gone: true, ..EntityRows::default() },
            Change::Aliases(id, names) => {
                let aliases = &mut self.entity(*id).aliases;
                *aliases = aliases.filter(|_| outdated).or(Some(names));
            }
            Change::Attribute { entity, category, key, value } => {
                set(&mut self.entity(*entity).attributes, (category, key), value.as_ref(), outdated);
            }
            Change::Tag { entity, tag, present } => {
                set(&mut self.entity(*entity).tags, tag, *present, outdated);
            }
            Change::Lock { entity, access, expression } => {
                set(&mut self.entity(*entity).locks, access, expression.as_deref(), outdated);
            }
            Change::Account(record) => {
                self.accounts.insert(record.id, record);
            }
            Change::Channel(record) => {
                self.channels.insert(record.id, record);
                grow(&mut self.last_messages, record.id, record.last_message);
            }
            Change::Message(message) => {
                grow(&mut self.last_messages, message.channel, message.n);
                self.messages.push(message);
            }
            Change::Subscription { subscription, present } => {
                self.subscriptions.insert(*subscription, *present);
            }
            Change::Session(record) => self.session(record.session).set(record),
            Change::Cursor(id, line) => self.session(*id).advance(*line),
            Change::SessionGone(id) => *self.session(*id) = SessionRows { gone: true, ..SessionRows::default() },
            Change::Script(record) => {
                self.scripts.insert(record.id, record);
            }
            Change::Tell(tell) => {
                self.tells.insert(tell.id, Some(tell));
            }
            Change::TellGone(id) => {
                self.tells.insert(*id, None);
            }
            Change::Timer(timer) => {
                set(&mut self.entity(timer.entity).timers, &timer.name, Some(timer), outdated);
            }
            Change::TimerGone(entity, name) => {
                set(&mut self.entity(*entity).timers, name, None, outdated);
            }
            Change::Signal(signal) => {
                self.signals.insert(signal.id, Some(signal));
            }
            Change::SignalGone(id) => self.forget_signal(*id),
            Change::History(record) => self.history.push(record),
            Change::IdsReserved(next) => self.next_id = self.next_id.max(Some(*next)),
        }
    }

    fn entity_record(&mut self, record: &'a EntityRecord) {
        let known = &mut self.entity(record.id).record;
        if known.is_some_and(|known| known.version > record.version) {
            self.outdated = Some(record.id);
        } else {
            *known = Some(record);
        }
    }

    fn entity(&mut self, id: EntityId) -> &mut EntityRows<'a> {
        self.entities.entry(id).or_default()
    }

    fn session(&mut self, id: SessionId) -> &mut SessionRows<'a> {
        self.sessions.entry(id).or_default()
    }

    /// A signal that was sent in this flush has no row yet, and now needs none.
    fn forget_signal(&mut self, id: u64) {
        match self.signals.get(&id) {
            Some(Some(_)) => drop(self.signals.swap_remove(&id)),
            _ => drop(self.signals.insert(id, None)),
        }
    }

    /// Writes them. What is gone goes first, so that what came after it stays.
    pub(super) fn write(&self, connection: &mut DbConnection) -> QueryResult<()> {
        self.write_entities(connection)?;
        self.write_sessions(connection)?;
        self.write_channels(connection)?;
        self.write_tells(connection)?;
        self.write_signals(connection)?;
        write_rows(connection, &collect::<_, AccountRow<'_>>(self.accounts.values().copied()))?;
        write_rows(connection, &collect::<_, ScriptRow<'_>>(self.scripts.values().copied()))?;
        write_rows(connection, &collect::<_, HistoryRow<'_>>(self.history.iter().copied()))?;
        if let Some(next) = self.next_id {
            let next = next as i64;
            on_each!(connection, c =>
                diesel::update(meta::table.filter(meta::next_id.lt(next))).set(meta::next_id.eq(next)).execute(c))?;
        }
        Ok(())
    }

    fn write_entities(&self, connection: &mut DbConnection) -> QueryResult<()> {
        let gone: Vec<i64> = self.entities.iter().filter(|(_, e)| e.gone).map(|(id, _)| id.to_db()).collect();
        delete_entities(connection, &gone)?;
        let records = self.entities.values().filter_map(|entity| entity.record);
        write_rows(connection, &collect::<_, EntityRow<'_>>(records))?;

        let mut parts = Parts::default();
        for (id, entity) in &self.entities {
            entity.add_parts(*id, &mut parts);
        }
        parts.write(connection)
    }

    fn write_sessions(&self, connection: &mut DbConnection) -> QueryResult<()> {
        let gone: Vec<i64> = self.sessions.iter().filter(|(_, s)| s.gone).map(|(id, _)| id.to_db()).collect();
        if !gone.is_empty() {
            on_each!(connection, c => diesel::delete(session::table.filter(session::id.eq_any(&gone))).execute(c))?;
        }
        let (mut records, mut ids, mut cursors) = (Vec::new(), Vec::new(), Vec::new());
        for (id, session) in &self.sessions {
            match (session.record, session.cursor) {
                (Some(record), cursor) => {
                    let cursor = cursor.unwrap_or(record.cursor) as i64;
                    records.push(SessionRow { cursor, ..record.into() });
                }
                (None, Some(cursor)) if !session.gone => {
                    ids.push(id.to_db());
                    cursors.push(cursor as i64);
                }
                (None, _) => {}
            }
        }
        write_rows(connection, &records)?;
        set_numbers(connection, &CURSOR, &ids, &cursors)
    }

    fn write_channels(&self, connection: &mut DbConnection) -> QueryResult<()> {
        let (mut records, mut ids, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
        for (id, last) in &self.last_messages {
            match self.channels.get(id) {
                Some(record) => records.push(ChannelRow { last_message: *last as i64, ..(*record).into() }),
                None => {
                    ids.push(id.to_db());
                    lasts.push(*last as i64);
                }
            }
        }
        write_rows(connection, &records)?;
        set_numbers(connection, &LAST_MESSAGE, &ids, &lasts)?;
        write_rows(connection, &collect::<_, MessageRow<'_>>(self.messages.iter().copied()))?;

        let joined: Vec<SubscriptionRow> =
            self.subscriptions.iter().filter(|(_, present)| **present).map(|(s, _)| (*s).into()).collect();
        write_rows(connection, &joined)?;
        for (left, _) in self.subscriptions.iter().filter(|(_, present)| !**present) {
            let row = subscription::table.find((left.channel.to_db(), left.account.to_db()));
            on_each!(connection, c => diesel::delete(row).execute(c))?;
        }
        Ok(())
    }

    fn write_tells(&self, connection: &mut DbConnection) -> QueryResult<()> {
        write_rows(connection, &collect::<_, TellRow<'_>>(self.tells.values().flatten().copied()))?;
        let gone: Vec<i64> = self.tells.iter().filter(|(_, t)| t.is_none()).map(|(id, _)| *id as i64).collect();
        if !gone.is_empty() {
            on_each!(connection, c => diesel::delete(tell::table.filter(tell::id.eq_any(&gone))).execute(c))?;
        }
        Ok(())
    }

    fn write_signals(&self, connection: &mut DbConnection) -> QueryResult<()> {
        write_rows(connection, &collect::<_, SignalRow<'_>>(self.signals.values().flatten().copied()))?;
        let gone: Vec<i64> = self.signals.iter().filter(|(_, s)| s.is_none()).map(|(id, _)| *id as i64).collect();
        delete_signals(connection, &gone)
    }
}

impl<'a> EntityRows<'a> {
    fn add_parts(&self, id: EntityId, parts: &mut Parts<'a>) {
        if let Some(names) = self.aliases {
            parts.aliases(id, names);
        }
        for (&(category, key), &value) in &self.attributes {
            parts.attribute(id, category, key, value);
        }
        for (&tag, &present) in &self.tags {
            parts.tag(id, tag, present);
        }
        for (&access, &expression) in &self.locks {
            parts.lock(id, access, expression);
        }
        for (&name, &timer) in &self.timers {
            parts.timer(id, name, timer);
        }
    }
}

impl<'a> SessionRows<'a> {
    /// Cursors only grow: a record made before a line was done does not undo it.
    fn set(&mut self, record: &'a SessionRecord) {
        self.record = Some(record);
        self.advance(record.cursor);
    }

    fn advance(&mut self, line: u64) {
        self.cursor = self.cursor.max(Some(line));
    }
}

fn grow<K: Hash + Eq>(map: &mut Map<K, u64>, key: K, value: u64) {
    let known = map.entry(key).or_default();
    *known = (*known).max(value);
}

fn collect<'a, T, R>(records: impl Iterator<Item = &'a T>) -> Vec<R>
where
    T: 'a,
    R: From<&'a T>,
{
    records.map(R::from).collect()
}
