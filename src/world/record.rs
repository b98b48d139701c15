//! The world as rows: plain values that storage keeps and the model is made from. No behaviour, no storage.

use serde_json::Value;

use crate::ids::{AccountId, ChannelId, EntityId, ScriptId, SessionId};

/// The closed set of kinds. What differs inside a kind is the *type*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A place; the actor among the entities.
    Room,
    /// A way from one room to another.
    Exit,
    /// Somebody.
    Character,
    /// Something.
    Object,
}

/// What someone may do, lowest first. Comparison is the hierarchy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// A visitor without an account of their own.
    Guest,
    /// Everybody who plays.
    #[default]
    Player,
    /// May help and moderate.
    Helper,
    /// May build.
    Builder,
    /// May run the world.
    Admin,
    /// May see inside the code.
    Developer,
}

/// An entity's scalar columns.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityRecord {
    /// Its id.
    pub id: EntityId,
    /// Its kind.
    pub kind: Kind,
    /// Name of its registered type.
    pub type_name: String,
    /// Its name, plain text.
    pub key: String,
    /// Marked-up text.
    pub description: String,
    /// What it is in; `None` for rooms and for characters who are out of the world.
    pub location: Option<EntityId>,
    /// Where `home` leads.
    pub home: Option<EntityId>,
    /// Where an exit leads.
    pub destination: Option<EntityId>,
    /// The room a character left the world from, and comes back to.
    pub left_from: Option<EntityId>,
    /// Whose it is.
    pub owner: Option<AccountId>,
    /// What it may do itself; accounts have their own.
    pub permission: Option<Permission>,
    /// State of its type, as JSON.
    pub state: String,
    /// Grows with each stored change; what a form must name to edit it.
    pub version: i64,
}

/// One attribute: a name within a category, and any JSON value.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeRecord {
    /// Empty for the common category.
    pub category: String,
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Value,
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagRecord {
    /// Empty for the common category.
    pub category: String,
    /// Its name.
    pub key: String,
}

/// An entity with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityRows {
    /// Scalar columns.
    pub record: EntityRecord,
    /// Other names, in order.
    pub aliases: Vec<String>,
    /// Its attributes.
    pub attributes: Vec<AttributeRecord>,
    /// Its tags.
    pub tags: Vec<TagRecord>,
    /// Lock expressions by access type (`get`, `traverse` …).
    pub locks: Vec<(String, String)>,
    /// Its timers, by name.
    pub timers: Vec<TimerRecord>,
}

/// A timer of an entity. Its name is that of the signal that it sends: one of each.
///
/// A ticker stores its period and phase, not each firing; a one-shot's row goes in the batch of its effect.
#[derive(Debug, Clone, PartialEq)]
pub struct TimerRecord {
    /// Whose.
    pub entity: EntityId,
    /// Name of the signal's type.
    pub name: String,
    /// The signal, a JSON value.
    pub json: String,
    /// When it is due; of a ticker, its phase. Milliseconds since 1970.
    pub start_at: i64,
    /// Time between ticks in milliseconds; 0 for a one-shot.
    pub period_ms: i64,
    /// The last tick that changed something, milliseconds since 1970; of a new one, when it was set.
    pub fired_at: i64,
}

/// A signal on its way: stored with its sender's batch until the batch that handled it commits.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalRecord {
    /// Names the row; unique.
    pub id: u64,
    /// Where it goes.
    pub target: SignalTarget,
    /// Name of its type.
    pub name: String,
    /// Its value, JSON.
    pub json: String,
    /// Who sent it.
    pub from: Option<EntityId>,
    /// How many signals led to it, each sent by the handler of the one before.
    pub hops: u32,
}

/// Where a signal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalTarget {
    /// To a room.
    Room(EntityId),
    /// To something or somebody, wherever they are.
    Entity(EntityId),
    /// To a channel.
    Channel(ChannelId),
    /// To a script.
    Script(ScriptId),
}

/// One change that a builder or keeper made by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRecord {
    /// Names the row; unique, growing.
    pub id: u64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Who did it.
    pub account: AccountId,
    /// Their name at that time.
    pub by: String,
    /// To what.
    pub entity: EntityId,
    /// With which command: `desc`, `set` …
    pub action: String,
    /// What it was, a JSON value; `null` for something new.
    pub before: String,
    /// What it is, a JSON value; `null` for something destroyed.
    pub after: String,
}

/// A person's account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountRecord {
    /// Its id.
    pub id: AccountId,
    /// As typed at creation, normalised (NFKC).
    pub name: String,
    /// The name without regard to case: unique.
    pub folded: String,
    /// The name with look-alike letters made the same: unique.
    pub skeleton: String,
    /// PHC string of the password (argon2id).
    pub password_hash: String,
    /// What the person may do.
    pub permission: Permission,
    /// Passes every lock.
    pub superuser: bool,
    /// The character it plays.
    pub character: EntityId,
    /// Display options the person chose, a JSON object.
    pub options: Value,
    /// Accounts it does not want to hear.
    pub ignores: Vec<AccountId>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970; 0 for never.
    pub last_login_at: i64,
}

/// A channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelRecord {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// The name without regard to case: unique.
    pub folded: String,
    /// Short names, such as `pub`.
    pub aliases: Vec<String>,
    /// What it is for; plain text.
    pub description: String,
    /// New accounts join it by themselves.
    pub auto_join: bool,
    /// Number of the last message; 0 if there was none.
    pub last_message: u64,
    /// Least permission that may listen and speak.
    pub permission: Permission,
    /// Name of its registered type.
    pub type_name: String,
    /// State of its type, as JSON.
    pub state: String,
}

/// One message of a channel. Numbers have no gap.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelMessage {
    /// The channel.
    pub channel: ChannelId,
    /// 1, 2, 3 … within the channel.
    pub n: u64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Whose it is; `None` for the world's own.
    pub account: Option<AccountId>,
    /// The speaker's name at that time.
    pub speaker: String,
    /// Plain text.
    pub text: String,
}

/// Who listens to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subscription {
    /// The channel.
    pub channel: ChannelId,
    /// The listener.
    pub account: AccountId,
}

/// A session that has logged in.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRecord {
    /// Its id.
    pub session: SessionId,
    /// Who.
    pub account: AccountId,
    /// The character it drives.
    pub puppet: EntityId,
    /// The last line done that changed anything.
    pub cursor: u64,
    /// State of its mode, a JSON value.
    pub mode: Value,
    /// When its link was lost, milliseconds since 1970; `None` while it is live.
    pub lost_at: Option<i64>,
}

/// A global script.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptRecord {
    /// Its id.
    pub id: ScriptId,
    /// Its name.
    pub key: String,
    /// Name of its registered type.
    pub type_name: String,
    /// State of its type, as JSON.
    pub state: String,
    /// Time between ticks in milliseconds; 0 for none.
    pub period_ms: i64,
    /// When its first tick was due, milliseconds since 1970: the phase.
    pub start_at: i64,
}

/// A `tell` that waits for its reader to log in.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTell {
    /// The batch-unique number that names the row.
    pub id: u64,
    /// To whom.
    pub to: AccountId,
    /// From whom.
    pub from: AccountId,
    /// Their name at that time.
    pub speaker: String,
    /// Plain text.
    pub text: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

/// One change to the stored world. A batch holds some; a flush writes those of many batches in one transaction.
///
/// Every change names whole rows (last one wins), so that a flush may write only the last of several to the same row.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Insert or replace the scalar columns.
    Entity(Box<EntityRecord>),
    /// Delete it with its aliases, attributes, tags, locks and timers.
    EntityGone(EntityId),
    /// Replace all aliases.
    Aliases(EntityId, Vec<String>),
    /// Set an attribute, or remove it (`None`).
    Attribute {
        /// Whose.
        entity: EntityId,
        /// Its category.
        category: String,
        /// Its name.
        key: String,
        /// `None` removes it.
        value: Option<Value>,
    },
    /// Add or remove a tag.
    Tag {
        /// Whose.
        entity: EntityId,
        /// Which.
        tag: TagRecord,
        /// False removes it.
        present: bool,
    },
    /// Set a lock, or remove it (`None`).
    Lock {
        /// Whose.
        entity: EntityId,
        /// `get`, `traverse` …
        access: String,
        /// `None` removes it.
        expression: Option<String>,
    },
    /// Insert or replace.
    Account(Box<AccountRecord>),
    /// Insert or replace.
    Channel(Box<ChannelRecord>),
    /// Append; the channel's `last_message` follows it.
    Message(Box<ChannelMessage>),
    /// Join or leave.
    Subscription {
        /// Who and what.
        subscription: Subscription,
        /// False removes it.
        present: bool,
    },
    /// Insert or replace.
    Session(Box<SessionRecord>),
    /// The session's last line done. A session that has no row is passed over.
    Cursor(SessionId, u64),
    /// Delete.
    SessionGone(SessionId),
    /// Insert or replace.
    Script(Box<ScriptRecord>),
    /// Insert.
    Tell(Box<StoredTell>),
    /// Delete.
    TellGone(u64),
    /// Set a timer, or replace the one of that name.
    Timer(Box<TimerRecord>),
    /// Delete the entity's timer of that name.
    TimerGone(EntityId, String),
    /// Insert.
    Signal(Box<SignalRecord>),
    /// Delete. One that was inserted in the same flush is never written.
    SignalGone(u64),
    /// Insert.
    History(Box<HistoryRecord>),
    /// Ids below this may be in use.
    IdsReserved(u64),
}

impl Permission {
    /// All, lowest first.
    pub const ALL: [Permission; 6] =
        [Self::Guest, Self::Player, Self::Helper, Self::Builder, Self::Admin, Self::Developer];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Guest => "Guest",
            Self::Player => "Player",
            Self::Helper => "Helper",
            Self::Builder => "Builder",
            Self::Admin => "Admin",
            Self::Developer => "Developer",
        }
    }

    /// Returns the permission of that name, in any case, singular or plural.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim().trim_end_matches(['s', 'S']);
        Self::ALL.into_iter().find(|permission| permission.name().eq_ignore_ascii_case(name))
    }
}

impl Kind {
    /// Returns its name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Exit => "exit",
            Self::Character => "character",
            Self::Object => "object",
        }
    }

    /// Returns the kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Room, Self::Exit, Self::Character, Self::Object].into_iter().find(|kind| kind.name() == name)
    }
}
