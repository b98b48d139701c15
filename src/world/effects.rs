//! What a command or hook wants done, recorded and performed afterwards by the room's shell.

use crate::ids::{ChannelId, EntityId, RoomId};
use crate::text::Markup;
use crate::wire::Item;
use crate::world::entity::Entity;
use crate::world::record::{Change, Kind, Permission, SignalTarget};
use crate::world::signal::Signal;

/// Everything one run recorded.
#[derive(Debug, Default)]
pub struct Effects {
    /// Output and process effects, in order.
    pub items: Vec<Item>,
    /// Texts for characters whose link is lost.
    pub missed: Vec<(EntityId, String)>,
    /// Characters that have read what they missed.
    pub recalled: Vec<EntityId>,
    /// Signals to send, in order.
    pub signals: Vec<(SignalTarget, Signal)>,
    /// Rows beside those of edited entities: the change history.
    pub rows: Vec<Change>,
    /// Rooms that are new, each with what is in it; the room itself comes first.
    pub new_rooms: Vec<Vec<Entity>>,
    /// The room itself is destroyed with all that is in it.
    pub destroys_room: bool,
    /// Where the batch goes on; it ends here if `None`.
    pub hop: Option<Hop>,
}

/// The next actor of a batch. Channels and accounts come last.
#[derive(Debug, Clone, PartialEq)]
pub enum Hop {
    /// Characters leave this room for another.
    Walk(Walk),
    /// A character leaves the world.
    Leave {
        /// Who.
        who: EntityId,
    },
    /// The accounts are asked.
    Accounts(AccountsRequest),
    /// A channel is asked.
    Channel(ChannelId, ChannelRequest),
    /// The line is run again where that entity is.
    Elsewhere(EntityId),
    /// Storage is searched.
    Find(FindRequest),
}

/// What `find` looks for; all that is given must fit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FindRequest {
    /// Part of the name, without regard to case.
    pub key: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// A kind.
    pub kind: Option<Kind>,
    /// A type.
    pub type_name: Option<String>,
    /// An attribute's name.
    pub attribute: Option<String>,
}

/// Characters on their way.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// Who: the one that goes, then those who follow.
    pub who: Vec<EntityId>,
    /// Where to.
    pub to: RoomId,
    /// How.
    pub manner: Manner,
}

/// How somebody goes from room to room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// On foot through an exit, whose name is this.
    Exit(String),
    /// By `home`.
    Home,
    /// Into the world, from nowhere.
    Login,
    /// From one place to another at once.
    Teleport,
}

/// What commands ask of the accounts.
#[derive(Debug, Clone, PartialEq)]
pub enum AccountsRequest {
    /// Who is connected?
    Who,
    /// Say something to an account, wherever it is, now or at its next login.
    Tell {
        /// Its name, as typed.
        to: String,
        /// Plain text.
        text: String,
    },
    /// Change one's password.
    Password {
        /// The present one.
        old: String,
        /// The new one.
        new: String,
    },
    /// Choose a display option.
    Option {
        /// Which.
        name: String,
        /// Its value.
        value: String,
    },
    /// Stop or start hearing an account; without a name, tell who is ignored.
    Ignore {
        /// Its name, as typed.
        name: Option<String>,
    },
    /// Set an account's permission; without one, tell it.
    Permission {
        /// Its name, as typed.
        name: String,
        /// The new one.
        permission: Option<Permission>,
    },
    /// Disconnect an account.
    Boot {
        /// Its name, as typed.
        name: String,
        /// Plain text; may be empty.
        reason: String,
    },
    /// Say something to everybody.
    Wall {
        /// Plain text.
        text: String,
    },
    /// Make a channel.
    CreateChannel {
        /// Its name, as typed.
        name: String,
        /// What it is for; plain text.
        description: String,
    },
}

/// What commands ask of a channel.
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelRequest {
    /// Say something on it.
    Say {
        /// Plain text.
        text: String,
    },
    /// Listen to it.
    Join,
    /// Stop listening.
    Leave,
    /// Read what was said: the messages after `since`, else the last `last`.
    History {
        /// Number of the last message the reader has.
        since: Option<u64>,
        /// How many.
        last: u32,
    },
}

impl Effects {
    /// Drops what a refused run recorded and answers with the refusal.
    pub fn refused(session: crate::ids::SessionId, why: &Markup) -> Self {
        let text = Item::Text { to: vec![session], text: why.as_str().to_owned() };
        Self { items: vec![text], ..Self::default() }
    }
}
