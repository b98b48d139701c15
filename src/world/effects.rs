//! What a command or hook wants done, recorded and performed afterwards by the room's shell.

use crate::ids::{ChannelId, EntityId, RoomId};
use crate::text::Markup;
use crate::wire::Item;
use crate::world::entity::Entity;
use crate::world::record::{Change, Kind, Permission};
use crate::world::signal::{Signal, Target};

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
    pub signals: Vec<(Target, Signal)>,
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
    Elsewhere {
        /// On what.
        entity: EntityId,
        /// The line as it reads from there, if it names something of this room.
        line: Option<String>,
    },
    /// The line is run again here when it is known that this is a room.
    Vouch(EntityId),
    /// Storage is searched.
    Find(FindRequest),
    /// The change history of an entity is read.
    History(EntityId),
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
        /// Its type, which is registered; a plain one without.
        type_name: Option<String>,
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
    /// Tells whether it does anything that lasts, beside what it changed in the room.
    pub fn is_lasting(&self) -> bool {
        !self.signals.is_empty() || !self.rows.is_empty() || !self.new_rooms.is_empty() || self.hop.is_some()
    }

    /// Tells whether nothing is shown or sent, and nothing goes on from here.
    pub fn is_silent(&self) -> bool {
        let Self { items, missed, recalled, signals, rows, new_rooms, destroys_room, hop } = self;
        let shows = !items.is_empty() || !missed.is_empty() || !recalled.is_empty();
        let does = !signals.is_empty() || !rows.is_empty() || !new_rooms.is_empty() || *destroys_room || hop.is_some();
        !shows && !does
    }

    /// Tells whether any of it must be stored, beside what it changed in the room: where somebody is, what is sent.
    pub fn must_be_saved(&self) -> bool {
        let moves = matches!(self.hop, Some(Hop::Walk(_) | Hop::Leave { .. }));
        let is_stored = !self.signals.is_empty() || !self.rows.is_empty() || !self.new_rooms.is_empty();
        moves || is_stored || self.destroys_room
    }

    /// Drops what a refused run recorded and answers with the refusal.
    pub fn refused(session: crate::ids::SessionId, why: &Markup) -> Self {
        let text = Item::Text { to: vec![session], text: why.as_str().to_owned() };
        Self { items: vec![text], ..Self::default() }
    }
}
