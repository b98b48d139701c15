//! The actors that read. Each query is a struct that implements [`Read`]; one handler runs them all, each in one
//! transaction, so that its parts fit together.

use actix::prelude::*;
use diesel::connection::Connection as _;
use diesel::prelude::*;

use super::connection::{DbConnection, on_each};
use super::error::DbError;
use super::records::permission;
use super::rows::{AccountRow, ChannelRow, MessageRow, OutboxRow, ScriptRow, SessionRow, SubscriptionRow, TellRow};
use super::run::{Place, Runner};
use super::schema::{account, channel, channel_message, meta, outbox, script, session, subscription, tell};
use crate::ids::{AccountId, ChannelId, EntityId};
use crate::world::record::{
    AccountRecord, ChannelMessage, ChannelRecord, Permission, ScriptRecord, SessionRecord, StoredTell, Subscription,
};

/// One of several: each has a thread and takes what comes next.
pub(super) struct DbReader {
    runner: Runner,
}

impl DbReader {
    pub(super) fn new(runner: Runner) -> Self {
        Self { runner }
    }
}

impl Actor for DbReader {
    type Context = SyncContext<Self>;
}

/// A question that reads rows and changes none. Asked with [`DbPool::read`](super::DbPool::read).
pub trait Read: Send + 'static {
    /// What it answers.
    type Output: Send + 'static;

    /// Answers it. May be called a second time, on another connection, when the first one was lost.
    ///
    /// # Errors
    ///
    /// [`DbError::Away`] if storage cannot be read now, [`DbError::Broken`] if a row is not what it should be.
    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError>;
}

/// A question on its way to a reader.
pub(super) struct Asked<R> {
    pub(super) question: R,
    pub(super) place: Place,
}

impl<R: Read> Message for Asked<R> {
    type Result = Result<R::Output, DbError>;
}

impl<R: Read> Handler<Asked<R>> for DbReader {
    type Result = Result<R::Output, DbError>;

    fn handle(&mut self, Asked { question, place }: Asked<R>, _: &mut SyncContext<Self>) -> Self::Result {
        // It no longer waits.
        drop(place);
        let name = std::any::type_name::<R>().rsplit("::").next().unwrap_or("a query");
        self.runner.run(name, |connection| connection.transaction(|connection| question.read(connection)))
    }
}

/// Finds the account of that folded name.
#[derive(Debug, Clone)]
pub struct FindAccount {
    /// The name without regard to case.
    pub folded: String,
}

impl Read for FindAccount {
    type Output = Option<AccountRecord>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = account::table.filter(account::folded.eq(&self.folded));
        on_each!(connection, c => query.select(AccountRow::as_select()).first(c).optional())?
            .map(AccountRecord::try_from)
            .transpose()
    }
}

/// Finds an account by its id.
#[derive(Debug, Clone, Copy)]
pub struct AccountById(pub AccountId);

impl Read for AccountById {
    type Output = Option<AccountRecord>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = account::table.find(self.0.to_db());
        on_each!(connection, c => query.select(AccountRow::as_select()).first(c).optional())?
            .map(AccountRecord::try_from)
            .transpose()
    }
}

/// Reads what the accounts actor keeps of every account, by id.
#[derive(Debug, Clone, Copy)]
pub struct LoadNames;

/// What the accounts actor keeps of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountName {
    /// Whose.
    pub account: AccountId,
    /// As shown.
    pub name: String,
    /// Without regard to case.
    pub folded: String,
    /// With look-alike letters made the same.
    pub skeleton: String,
    /// The character it plays.
    pub character: EntityId,
    /// What the person may do.
    pub permission: Permission,
}

impl Read for LoadNames {
    type Output = Vec<AccountName>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        type Columns = (i64, String, String, String, i64, String);
        let query = account::table.order(account::id).select((
            account::id,
            account::name,
            account::folded,
            account::skeleton,
            account::character,
            account::permission,
        ));
        let rows: Vec<Columns> = on_each!(connection, c => query.load(c))?;
        rows.into_iter()
            .map(|(id, name, folded, skeleton, character, name_of_permission)| {
                Ok(AccountName {
                    account: AccountId::from_db(id),
                    name,
                    folded,
                    skeleton,
                    character: EntityId::from_db(character),
                    permission: permission("account", id, &name_of_permission)?,
                })
            })
            .collect()
    }
}

/// Reads all channels and who listens to them, by id.
#[derive(Debug, Clone, Copy)]
pub struct LoadChannels;

impl Read for LoadChannels {
    type Output = (Vec<ChannelRecord>, Vec<Subscription>);

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let channels = channel::table.order(channel::id);
        let channels: Vec<ChannelRow<'_>> =
            on_each!(connection, c => channels.select(ChannelRow::as_select()).load(c))?;
        let listeners = subscription::table.order((subscription::channel, subscription::account));
        let listeners: Vec<SubscriptionRow> =
            on_each!(connection, c => listeners.select(SubscriptionRow::as_select()).load(c))?;
        let channels = channels.into_iter().map(ChannelRecord::try_from).collect::<Result<_, _>>()?;
        Ok((channels, listeners.into_iter().map(Subscription::from).collect()))
    }
}

/// Reads all global scripts, by id.
#[derive(Debug, Clone, Copy)]
pub struct LoadScripts;

impl Read for LoadScripts {
    type Output = Vec<ScriptRecord>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = script::table.order(script::id);
        let rows: Vec<ScriptRow<'_>> = on_each!(connection, c => query.select(ScriptRow::as_select()).load(c))?;
        Ok(rows.into_iter().map(ScriptRecord::from).collect())
    }
}

/// Reads all sessions that have logged in, by id: their cursors say which lines are done.
#[derive(Debug, Clone, Copy)]
pub struct LoadSessions;

impl Read for LoadSessions {
    type Output = Vec<SessionRecord>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = session::table.order(session::id);
        let rows: Vec<SessionRow<'_>> = on_each!(connection, c => query.select(SessionRow::as_select()).load(c))?;
        rows.into_iter().map(SessionRecord::try_from).collect()
    }
}

/// Reads stored output that the portal has not applied, in order.
#[derive(Debug, Clone, Copy)]
pub struct LoadOutbox {
    /// The last flush it applied.
    pub above: u64,
}

impl Read for LoadOutbox {
    /// Flush number and groups.
    type Output = Vec<(u64, Vec<u8>)>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = outbox::table.filter(outbox::flush.gt(self.above as i64)).order(outbox::flush);
        let rows: Vec<OutboxRow<'_>> = on_each!(connection, c => query.select(OutboxRow::as_select()).load(c))?;
        Ok(rows.into_iter().map(|row| (row.flush as u64, row.groups.into_owned())).collect())
    }
}

/// Reads messages of a channel, the oldest first.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// Which channel.
    pub channel: ChannelId,
    /// With a number: the `last` messages that follow it, so that asking again from the last one read misses none. Without: the
    /// latest ones.
    pub since: Option<u64>,
    /// At most this many.
    pub last: u32,
}

impl Read for History {
    type Output = Vec<ChannelMessage>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let messages = channel_message::table
            .filter(channel_message::channel.eq(self.channel.to_db()))
            .limit(i64::from(self.last));
        let rows: Vec<MessageRow<'_>> = match self.since {
            Some(since) => {
                let query = messages.filter(channel_message::n.gt(since as i64)).order(channel_message::n);
                on_each!(connection, c => query.select(MessageRow::as_select()).load(c))?
            }
            None => {
                let query = messages.order(channel_message::n.desc());
                let mut rows: Vec<MessageRow<'_>> =
                    on_each!(connection, c => query.select(MessageRow::as_select()).load(c))?;
                rows.reverse();
                rows
            }
        };
        Ok(rows.into_iter().map(ChannelMessage::from).collect())
    }
}

/// Reads what waits for an account to log in, the oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Tells(pub AccountId);

impl Read for Tells {
    type Output = Vec<StoredTell>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = tell::table.filter(tell::to_account.eq(self.0.to_db())).order((tell::at, tell::id));
        let rows: Vec<TellRow<'_>> = on_each!(connection, c => query.select(TellRow::as_select()).load(c))?;
        Ok(rows.into_iter().map(StoredTell::from).collect())
    }
}

/// Reads the database's own numbers.
#[derive(Debug, Clone, Copy)]
pub struct MetaRead;

/// The database's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Grows with each take-over.
    pub epoch: u64,
    /// The last flush.
    pub flush: u64,
    /// Ids below this may be in use.
    pub next_id: u64,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl Read for MetaRead {
    type Output = Meta;

    fn read(&self, connection: &mut DbConnection) -> Result<Meta, DbError> {
        let query = meta::table.select((meta::epoch, meta::flush, meta::next_id, meta::created_at));
        let (epoch, flush, next_id, created_at): (i64, i64, i64, i64) = on_each!(connection, c => query.first(c))?;
        Ok(Meta { epoch: epoch as u64, flush: flush as u64, next_id: next_id as u64, created_at })
    }
}
