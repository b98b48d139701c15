//! Who gives a command: what the room knows of the person behind a character.

use std::sync::Arc;

use serde_json::Value;

use crate::ids::{AccountId, ChannelId, EntityId, SessionId};
use crate::world::record::{AccountRecord, Permission};

/// A person's account as commands see it. Sent with each line, so that a change holds from the next line on.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: Arc<str>,
    /// The character it plays.
    pub character: EntityId,
    /// What the person may do.
    pub permission: Permission,
    /// Passes every lock.
    pub superuser: bool,
    /// Accounts it does not want to hear.
    pub ignores: Vec<AccountId>,
    /// Channels it listens to.
    pub channels: Vec<ChannelId>,
    /// Display options the person chose, a JSON object.
    pub options: Value,
    /// Columns of its screen; 0 if unknown.
    pub width: u16,
    /// A screen reader is in use.
    pub screen_reader: bool,
    /// It wants events beside text.
    pub events: bool,
    /// Where it comes from, for keepers.
    pub address: Arc<str>,
}

impl Caller {
    /// Returns an account as commands see it, before anything is known of its screen.
    pub fn of(record: &AccountRecord, channels: Vec<ChannelId>) -> Self {
        Self {
            account: record.id,
            name: record.name.as_str().into(),
            character: record.character,
            permission: record.permission,
            superuser: record.superuser,
            ignores: record.ignores.clone(),
            channels,
            options: record.options.clone(),
            width: 0,
            screen_reader: false,
            events: false,
            address: "".into(),
        }
    }

    /// Tells whether the person may do what `needed` asks for.
    pub fn may(&self, needed: Permission) -> bool {
        self.superuser || self.permission >= needed
    }
}

/// A session that drives a character.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// The session.
    pub session: SessionId,
    /// The person.
    pub caller: Arc<Caller>,
}
