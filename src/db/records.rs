//! Records of [`crate::world::record`] to rows, and back.

use std::borrow::Cow;

use serde_json::Value;

use super::error::DbError;
use super::rows::{
    AccountRow, AliasRow, AttributeRow, ChannelRow, EntityRow, HistoryRow, LockRow, MessageRow, ScriptRow, SessionRow,
    SignalRow, SubscriptionRow, TagRow, TellRow, TimerRow,
};
use crate::ids::{AccountId, ChannelId, EntityId, ScriptId, SessionId};
use crate::world::record::{
    AccountRecord, AttributeRecord, ChannelMessage, ChannelRecord, EntityRecord, HistoryRecord, Kind, Permission,
    ScriptRecord, SessionRecord, SignalRecord, SignalTarget, StoredTell, Subscription, TagRecord, TimerRecord,
};

impl<'a> From<&'a EntityRecord> for EntityRow<'a> {
    fn from(record: &'a EntityRecord) -> Self {
        Self {
            id: record.id.to_db(),
            kind: record.kind.name().into(),
            type_name: (&*record.type_name).into(),
            key: (&*record.key).into(),
            description: (&*record.description).into(),
            location: record.location.map(EntityId::to_db),
            home: record.home.map(EntityId::to_db),
            destination: record.destination.map(EntityId::to_db),
            left_from: record.left_from.map(EntityId::to_db),
            owner: record.owner.map(AccountId::to_db),
            permission: record.permission.map(|permission| permission.name().into()),
            state: (&*record.state).into(),
            version: record.version,
        }
    }
}

impl TryFrom<EntityRow<'_>> for EntityRecord {
    type Error = DbError;

    fn try_from(row: EntityRow<'_>) -> Result<Self, DbError> {
        let kind = kind(row.id, &row.kind)?;
        let permission = row.permission.map(|name| permission("entity", row.id, &name)).transpose()?;
        Ok(Self {
            id: EntityId::from_db(row.id),
            kind,
            type_name: row.type_name.into_owned(),
            key: row.key.into_owned(),
            description: row.description.into_owned(),
            location: row.location.map(EntityId::from_db),
            home: row.home.map(EntityId::from_db),
            destination: row.destination.map(EntityId::from_db),
            left_from: row.left_from.map(EntityId::from_db),
            owner: row.owner.map(AccountId::from_db),
            permission,
            state: row.state.into_owned(),
            version: row.version,
        })
    }
}

impl<'a> AttributeRow<'a> {
    pub(super) fn new(entity: EntityId, category: &'a str, key: &'a str, value: &Value) -> Self {
        Self { entity: entity.to_db(), category: category.into(), key: key.into(), value: value.to_string().into() }
    }
}

impl TryFrom<AttributeRow<'_>> for AttributeRecord {
    type Error = DbError;

    fn try_from(row: AttributeRow<'_>) -> Result<Self, DbError> {
        let value = json("attribute", row.entity, &row.key, &row.value)?;
        Ok(Self { category: row.category.into_owned(), key: row.key.into_owned(), value })
    }
}

impl<'a> TagRow<'a> {
    pub(super) fn new(entity: EntityId, tag: &'a TagRecord) -> Self {
        Self { entity: entity.to_db(), category: (&*tag.category).into(), key: (&*tag.key).into() }
    }
}

impl<'a> LockRow<'a> {
    pub(super) fn new(entity: EntityId, access: &'a str, expression: &'a str) -> Self {
        Self { entity: entity.to_db(), access: access.into(), expression: expression.into() }
    }
}

impl<'a> From<&'a TimerRecord> for TimerRow<'a> {
    fn from(timer: &'a TimerRecord) -> Self {
        Self {
            entity: timer.entity.to_db(),
            name: (&*timer.name).into(),
            json: (&*timer.json).into(),
            start_at: timer.start_at,
            period_ms: timer.period_ms,
            fired_at: timer.fired_at,
        }
    }
}

impl From<TimerRow<'_>> for TimerRecord {
    fn from(row: TimerRow<'_>) -> Self {
        Self {
            entity: EntityId::from_db(row.entity),
            name: row.name.into_owned(),
            json: row.json.into_owned(),
            start_at: row.start_at,
            period_ms: row.period_ms,
            fired_at: row.fired_at,
        }
    }
}

impl<'a> From<&'a SignalRecord> for SignalRow<'a> {
    fn from(signal: &'a SignalRecord) -> Self {
        let (target_kind, target) = match signal.target {
            SignalTarget::Room(id) => ("room", id.to_db()),
            SignalTarget::Entity(id) => ("entity", id.to_db()),
            SignalTarget::Channel(id) => ("channel", id.to_db()),
            SignalTarget::Script(id) => ("script", id.to_db()),
        };
        Self {
            id: signal.id as i64,
            target_kind: target_kind.into(),
            target,
            name: (&*signal.name).into(),
            json: (&*signal.json).into(),
            sender: signal.from.map(EntityId::to_db),
            hops: signal.hops.into(),
        }
    }
}

impl TryFrom<SignalRow<'_>> for SignalRecord {
    type Error = DbError;

    fn try_from(row: SignalRow<'_>) -> Result<Self, DbError> {
        let target = match &*row.target_kind {
            "room" => SignalTarget::Room(EntityId::from_db(row.target)),
            "entity" => SignalTarget::Entity(EntityId::from_db(row.target)),
            "channel" => SignalTarget::Channel(ChannelId::from_db(row.target)),
            "script" => SignalTarget::Script(ScriptId::from_db(row.target)),
            kind => return Err(broken("signal", row.id, "target_kind", kind)),
        };
        Ok(Self {
            id: row.id as u64,
            target,
            name: row.name.into_owned(),
            json: row.json.into_owned(),
            from: row.sender.map(EntityId::from_db),
            // A number that is out of range is certainly one too many.
            hops: u32::try_from(row.hops).unwrap_or(u32::MAX),
        })
    }
}

impl<'a> From<&'a HistoryRecord> for HistoryRow<'a> {
    fn from(record: &'a HistoryRecord) -> Self {
        Self {
            id: record.id as i64,
            at: record.at,
            account: record.account.to_db(),
            by_name: (&*record.by).into(),
            entity: record.entity.to_db(),
            action: (&*record.action).into(),
            before_json: (&*record.before).into(),
            after_json: (&*record.after).into(),
        }
    }
}

impl From<HistoryRow<'_>> for HistoryRecord {
    fn from(row: HistoryRow<'_>) -> Self {
        Self {
            id: row.id as u64,
            at: row.at,
            account: AccountId::from_db(row.account),
            by: row.by_name.into_owned(),
            entity: EntityId::from_db(row.entity),
            action: row.action.into_owned(),
            before: row.before_json.into_owned(),
            after: row.after_json.into_owned(),
        }
    }
}

impl<'a> From<&'a AccountRecord> for AccountRow<'a> {
    fn from(record: &'a AccountRecord) -> Self {
        Self {
            id: record.id.to_db(),
            name: (&*record.name).into(),
            folded: (&*record.folded).into(),
            skeleton: (&*record.skeleton).into(),
            password_hash: (&*record.password_hash).into(),
            permission: record.permission.name().into(),
            superuser: record.superuser,
            character: record.character.to_db(),
            options: record.options.to_string().into(),
            ignores: list(&record.ignores),
            created_at: record.created_at,
            last_login_at: record.last_login_at,
        }
    }
}

impl TryFrom<AccountRow<'_>> for AccountRecord {
    type Error = DbError;

    fn try_from(row: AccountRow<'_>) -> Result<Self, DbError> {
        Ok(Self {
            id: AccountId::from_db(row.id),
            name: row.name.into_owned(),
            folded: row.folded.into_owned(),
            skeleton: row.skeleton.into_owned(),
            password_hash: row.password_hash.into_owned(),
            permission: permission("account", row.id, &row.permission)?,
            superuser: row.superuser,
            character: EntityId::from_db(row.character),
            options: json("account", row.id, "options", &row.options)?,
            ignores: json("account", row.id, "ignores", &row.ignores)?,
            created_at: row.created_at,
            last_login_at: row.last_login_at,
        })
    }
}

impl<'a> From<&'a ChannelRecord> for ChannelRow<'a> {
    fn from(record: &'a ChannelRecord) -> Self {
        Self {
            id: record.id.to_db(),
            name: (&*record.name).into(),
            folded: (&*record.folded).into(),
            aliases: list(&record.aliases),
            description: (&*record.description).into(),
            auto_join: record.auto_join,
            last_message: record.last_message as i64,
            permission: record.permission.name().into(),
            type_name: (&*record.type_name).into(),
            state: (&*record.state).into(),
        }
    }
}

impl TryFrom<ChannelRow<'_>> for ChannelRecord {
    type Error = DbError;

    fn try_from(row: ChannelRow<'_>) -> Result<Self, DbError> {
        Ok(Self {
            id: ChannelId::from_db(row.id),
            name: row.name.into_owned(),
            folded: row.folded.into_owned(),
            aliases: json("channel", row.id, "aliases", &row.aliases)?,
            description: row.description.into_owned(),
            auto_join: row.auto_join,
            last_message: row.last_message as u64,
            permission: permission("channel", row.id, &row.permission)?,
            type_name: row.type_name.into_owned(),
            state: row.state.into_owned(),
        })
    }
}

impl<'a> From<&'a ChannelMessage> for MessageRow<'a> {
    fn from(message: &'a ChannelMessage) -> Self {
        Self {
            channel: message.channel.to_db(),
            n: message.n as i64,
            at: message.at,
            account: message.account.map(AccountId::to_db),
            speaker: (&*message.speaker).into(),
            text: (&*message.text).into(),
        }
    }
}

impl From<MessageRow<'_>> for ChannelMessage {
    fn from(row: MessageRow<'_>) -> Self {
        Self {
            channel: ChannelId::from_db(row.channel),
            n: row.n as u64,
            at: row.at,
            account: row.account.map(AccountId::from_db),
            speaker: row.speaker.into_owned(),
            text: row.text.into_owned(),
        }
    }
}

impl From<Subscription> for SubscriptionRow {
    fn from(subscription: Subscription) -> Self {
        Self { channel: subscription.channel.to_db(), account: subscription.account.to_db() }
    }
}

impl From<SubscriptionRow> for Subscription {
    fn from(row: SubscriptionRow) -> Self {
        Self { channel: ChannelId::from_db(row.channel), account: AccountId::from_db(row.account) }
    }
}

impl<'a> From<&'a SessionRecord> for SessionRow<'a> {
    fn from(record: &'a SessionRecord) -> Self {
        Self {
            id: record.session.to_db(),
            account: record.account.to_db(),
            puppet: record.puppet.to_db(),
            cursor: record.cursor as i64,
            mode: record.mode.to_string().into(),
            lost_at: record.lost_at,
        }
    }
}

impl TryFrom<SessionRow<'_>> for SessionRecord {
    type Error = DbError;

    fn try_from(row: SessionRow<'_>) -> Result<Self, DbError> {
        Ok(Self {
            session: SessionId::from_db(row.id),
            account: AccountId::from_db(row.account),
            puppet: EntityId::from_db(row.puppet),
            cursor: row.cursor as u64,
            mode: json("session", row.id, "mode", &row.mode)?,
            lost_at: row.lost_at,
        })
    }
}

impl<'a> From<&'a ScriptRecord> for ScriptRow<'a> {
    fn from(record: &'a ScriptRecord) -> Self {
        Self {
            id: record.id.to_db(),
            key: (&*record.key).into(),
            type_name: (&*record.type_name).into(),
            state: (&*record.state).into(),
            period_ms: record.period_ms,
            start_at: record.start_at,
        }
    }
}

impl From<ScriptRow<'_>> for ScriptRecord {
    fn from(row: ScriptRow<'_>) -> Self {
        Self {
            id: ScriptId::from_db(row.id),
            key: row.key.into_owned(),
            type_name: row.type_name.into_owned(),
            state: row.state.into_owned(),
            period_ms: row.period_ms,
            start_at: row.start_at,
        }
    }
}

impl<'a> From<&'a StoredTell> for TellRow<'a> {
    fn from(tell: &'a StoredTell) -> Self {
        Self {
            id: tell.id as i64,
            to_account: tell.to.to_db(),
            from_account: tell.from.to_db(),
            speaker: (&*tell.speaker).into(),
            text: (&*tell.text).into(),
            at: tell.at,
        }
    }
}

impl From<TellRow<'_>> for StoredTell {
    fn from(row: TellRow<'_>) -> Self {
        Self {
            id: row.id as u64,
            to: AccountId::from_db(row.to_account),
            from: AccountId::from_db(row.from_account),
            speaker: row.speaker.into_owned(),
            text: row.text.into_owned(),
            at: row.at,
        }
    }
}

/// Returns the rows of an entity's other names, numbered in order.
pub(super) fn alias_rows<'a>(id: EntityId, names: &'a [String]) -> impl Iterator<Item = AliasRow<'a>> {
    names.iter().zip(0..).map(move |(name, n)| AliasRow { entity: id.to_db(), n, name: (&**name).into() })
}

/// A list is kept as JSON. Ids and names are always representable, so the empty list never stands for a failure.
fn list<T: serde::Serialize>(items: &[T]) -> Cow<'static, str> {
    serde_json::to_string(items).unwrap_or_else(|_| "[]".to_owned()).into()
}

fn json<T: serde::de::DeserializeOwned>(table: &str, id: i64, column: &str, text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Broken(format!("{table} #{id}: {column} is not JSON: {error}")))
}

pub(super) fn kind(id: i64, name: &str) -> Result<Kind, DbError> {
    Kind::parse(name).ok_or_else(|| broken("entity", id, "kind", name))
}

pub(super) fn permission(table: &str, id: i64, name: &str) -> Result<Permission, DbError> {
    Permission::parse(name).ok_or_else(|| broken(table, id, "permission", name))
}

fn broken(table: &str, id: i64, column: &str, value: &str) -> DbError {
    DbError::Broken(format!("{table} #{id} has the unknown {column} `{value}`"))
}
