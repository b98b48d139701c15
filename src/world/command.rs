//! Commands: what a line means, and the context a command runs in.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::{EntityId, SessionId};
use crate::text;
use crate::text::Markup;
use crate::wire::Item;
use crate::world::caller::{Caller, Seat};
use crate::world::channel::ChannelIndex;
use crate::world::channel_type::ChannelTypes;
use crate::world::clock::GameClock;
use crate::world::cx::{RoomCx, RoomView, Subject};
use crate::world::effects::{AccountsRequest, ChannelRequest, Hop, Manner, Walk};
use crate::world::entity::Entity;
use crate::world::id_block::IdBlock;
use crate::world::record::{Kind, Permission};
use crate::world::search::{self, Candidate, Found};
use crate::world::seats::Occupancy;
use crate::world::types::{Refusal, Registry};

mod args;

pub use args::Args;

/// Something a player can type.
///
/// ```
/// use everhall::prelude::*;
///
/// struct Toast;
///
/// impl Command for Toast {
///     const NAME: &'static str = "toast";
///     const HELP: &'static str = "Usage: toast <name>\n\nRaise your glass to somebody.";
///     fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
///         let whom = cx.character(args.rest().ok_or(Refusal::new("Toast whom?"))?)?;
///         cx.act(text!("You raise your glass to {}.", whom.key), text!("{} raises a glass to {}.", cx.name(), whom.key));
///         Ok(())
///     }
/// }
/// ```
pub trait Command: Send + Sync + 'static {
    /// What is typed.
    const NAME: &'static str;
    /// Other words for it. One that is no letter needs no space after it: `"hello`.
    const ALIASES: &'static [&'static str] = &[];
    /// Where `help` lists it.
    const CATEGORY: &'static str = "General";
    /// Who may use it, and sees it in `help`.
    const PERMISSION: Permission = Permission::Guest;
    /// What `help` shows: usage first.
    const HELP: &'static str;

    /// Runs it. Everything it does is recorded in `cx` and performed afterwards, all or nothing.
    ///
    /// # Errors
    ///
    /// A refusal is shown to the player, and nothing else happens.
    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal>;
}

/// A registered command.
pub trait AnyCommand: Send + Sync {
    /// See [`Command::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Command::ALIASES`].
    fn aliases(&self) -> &'static [&'static str];
    /// See [`Command::CATEGORY`].
    fn category(&self) -> &'static str;
    /// See [`Command::PERMISSION`].
    fn permission(&self) -> Permission;
    /// See [`Command::HELP`].
    fn help(&self) -> &'static str;
    /// See [`Command::run`].
    ///
    /// # Errors
    ///
    /// A refusal, as the command says.
    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal>;
}

impl<C: Command> AnyCommand for C {
    fn name(&self) -> &'static str {
        C::NAME
    }
    fn aliases(&self) -> &'static [&'static str] {
        C::ALIASES
    }
    fn category(&self) -> &'static str {
        C::CATEGORY
    }
    fn permission(&self) -> Permission {
        C::PERMISSION
    }
    fn help(&self) -> &'static str {
        C::HELP
    }
    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        Command::run(self, args, cx)
    }
}

/// The registered commands by name and alias.
#[derive(Default)]
pub struct CommandSet {
    by_word: HashMap<&'static str, Arc<dyn AnyCommand>>,
    in_order: Vec<Arc<dyn AnyCommand>>,
    clashes: Vec<String>,
}

/// What a line means.
pub enum Meaning<'a> {
    /// Nothing was typed.
    Nothing,
    /// Go through an exit.
    Exit(EntityId),
    /// Run a command.
    Command(Arc<dyn AnyCommand>, &'a str),
    /// Say something on a channel.
    Channel(crate::ids::ChannelId, &'a str),
    /// A command for those who have this permission.
    Forbidden(Permission),
    /// Not known; the word that was taken for a command.
    Unknown(&'a str),
}

impl CommandSet {
    /// Adds a command.
    pub fn add<C: Command>(&mut self, command: C) -> &mut Self {
        let command: Arc<dyn AnyCommand> = Arc::new(command);
        for word in std::iter::once(C::NAME).chain(C::ALIASES.iter().copied()) {
            if let Some(other) = self.by_word.insert(word, command.clone()) {
                self.clashes.push(format!("commands {} and {} both answer to {word}", other.name(), C::NAME));
            }
        }
        self.in_order.push(command);
        self
    }

    /// Returns the words given twice, a sentence each; a world does not start with any.
    pub fn clashes(&self) -> &[String] {
        &self.clashes
    }

    /// Returns the command of that name or alias.
    pub fn find(&self, word: &str) -> Option<&Arc<dyn AnyCommand>> {
        self.by_word.get(word)
    }

    /// Returns the commands a person may use, in the order they were added.
    pub fn for_caller<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a Arc<dyn AnyCommand>> {
        self.in_order.iter().filter(move |command| caller.may(command.permission()))
    }

    /// Finds out what a line means: an exit by its whole name, a command, a channel.
    pub fn meaning<'a>(&self, line: &'a str, view: RoomView, caller: &Caller, channels: &ChannelIndex) -> Meaning<'a> {
        let line = line.trim();
        let Some(first) = line.chars().next() else { return Meaning::Nothing };
        if let Some(exit) = view.here(Kind::Exit).find(|exit| exit.is_called(line)) {
            return Meaning::Exit(exit.id);
        }
        let (word, rest) = if first.is_alphanumeric() {
            line.split_once(char::is_whitespace).unwrap_or((line, ""))
        } else {
            line.split_at(first.len_utf8())
        };
        let lower = word.to_lowercase();
        match self.by_word.get(lower.as_str()) {
            Some(command) if caller.may(command.permission()) => {
                return Meaning::Command(command.clone(), rest.trim());
            }
            Some(command) => return Meaning::Forbidden(command.permission()),
            None => {}
        }
        match channels.find(&lower) {
            Some(channel) if caller.may(channel.permission) => Meaning::Channel(channel.id, rest.trim()),
            // A sign that is no command belongs to what follows it.
            _ => Meaning::Unknown(line.split_whitespace().next().unwrap_or(line)),
        }
    }
}

/// What commands can know of the world beyond their room.
pub struct Hall {
    /// The world's name.
    pub name: String,
    /// Where new characters begin, and those whose home is gone.
    pub start_room: EntityId,
    /// The commands.
    pub commands: CommandSet,
    /// The game's calendar.
    pub clock: GameClock,
    /// The types.
    pub types: Registry,
    /// The types of channels.
    pub channels: ChannelTypes,
    /// Ids for what is new.
    pub ids: IdBlock,
}

/// The context of a command: its room, and who gave it.
pub struct CommandCx<'a, 'r> {
    room: &'a mut RoomCx<'r>,
    who: EntityId,
    session: SessionId,
    caller: Arc<Caller>,
    hall: &'a Hall,
    channels: &'a ChannelIndex,
    knows: Option<EntityId>,
}

impl<'a, 'r> CommandCx<'a, 'r> {
    /// Returns the context of a command that `session` gives for `who`.
    pub fn new(
        room: &'a mut RoomCx<'r>,
        who: EntityId,
        session: SessionId,
        caller: Arc<Caller>,
        hall: &'a Hall,
        channels: &'a ChannelIndex,
    ) -> Self {
        Self { room, who, session, caller, hall, channels, knows: None }
    }

    /// Takes note that the line has been to a room, somewhere else.
    pub fn knowing(self, room: Option<EntityId>) -> Self {
        Self { knows: room, ..self }
    }

    /// Tells whether the line has been to that room.
    pub fn knows(&self, room: EntityId) -> bool {
        self.knows == Some(room)
    }

    /// Returns the id of the character that does it.
    pub fn who(&self) -> EntityId {
        self.who
    }

    /// Returns the session that gave the line.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Returns the character's name.
    pub fn name(&self) -> String {
        self.puppet().map_or_else(|| self.caller.name.to_string(), |puppet| puppet.key.clone())
    }

    /// Returns the character that does it.
    pub fn puppet(&self) -> Option<&Entity> {
        self.room.entity(self.who)
    }

    /// Returns the person behind the character.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns the world beyond the room.
    pub fn hall(&self) -> &'a Hall {
        self.hall
    }

    /// Returns the channels there are.
    pub fn channels(&self) -> &'a ChannelIndex {
        self.channels
    }

    /// Returns the room's context.
    pub fn room(&mut self) -> &mut RoomCx<'r> {
        self.room
    }

    /// Returns the room as it is with all effects so far.
    pub fn view(&self) -> RoomView<'_> {
        self.room.view()
    }

    /// Returns the seat of whoever plays a character of this room.
    pub fn seat_of(&self, who: EntityId) -> Option<&Seat> {
        self.room.seats().seat(who)
    }

    /// Returns who plays a character of this room; `None` if nobody does.
    pub fn occupancy(&self, who: EntityId) -> Option<&Occupancy> {
        self.room.seats().of(who)
    }

    /// Shows a text to the session that gave the command.
    pub fn tell(&mut self, text: Markup) {
        let item = Item::Text { to: vec![self.session], text: text.into_string() };
        self.room.effects().items.push(item);
    }

    /// Shows one text to whoever does it, and another to everybody else who wants to hear of them.
    pub fn act(&mut self, to_self: Markup, to_others: Markup) {
        let who = self.who;
        self.tell(to_self);
        self.room.tell_from(who, to_others);
    }

    /// Tells programs that belong to this session something.
    pub fn event(&mut self, name: &str, data: &serde_json::Value) {
        if self.caller.events {
            let item = Item::Event { to: vec![self.session], name: name.to_owned(), data: data.to_string() };
            self.room.effects().items.push(item);
        }
    }

    /// Returns the subject of a lock on `target`: whoever gave the command.
    pub fn subject<'s>(&'s self, puppet: &'s Entity, target: EntityId) -> Subject<'s> {
        Subject { view: self.room.view(), who: puppet, caller: Some(&self.caller), target }
    }

    /// Refuses unless the person has `permission`.
    ///
    /// # Errors
    ///
    /// A refusal that names what is needed.
    pub fn require(&self, permission: Permission) -> Result<(), Refusal> {
        if self.caller.may(permission) {
            return Ok(());
        }
        Err(only(permission))
    }

    /// Refuses unless the lock on an access type lets the character pass. The words are in the target's attribute
    /// `err_` and the access type, else they are `otherwise`.
    ///
    /// # Errors
    ///
    /// A refusal if the lock is closed.
    pub fn pass(&self, target: &Entity, access: &str, otherwise: &str) -> Result<(), Refusal> {
        if self.puppet().is_some_and(|puppet| target.admits(access, &self.subject(puppet, target.id))) {
            return Ok(());
        }
        let why = target.attribute(&format!("err_{access}")).and_then(|value| value.as_str());
        Err(Refusal::new(why.unwrap_or(otherwise)))
    }

    /// Returns the character, if it is in the world: not the hand that runs a keeper's command from outside.
    ///
    /// # Errors
    ///
    /// A refusal for that hand, which can carry nothing and go nowhere.
    pub fn body(&self) -> Result<&Entity, Refusal> {
        let body = self.puppet().filter(|puppet| !puppet.transient);
        body.ok_or_else(|| Refusal::new("Only somebody who is in the world can do that."))
    }

    /// Tells whether the person who plays `listener` ignores the one who plays `speaker`.
    pub fn is_ignored(&self, speaker: EntityId, listener: EntityId) -> bool {
        self.room.is_ignored(speaker, listener)
    }

    /// Finds something in the room or in one's hands: an exit, a character, a thing; `me` and `here`; `#id` for builders.
    ///
    /// # Errors
    ///
    /// A refusal if nothing, or more than one thing, is called so.
    pub fn anything(&self, typed: &str) -> Result<&Entity, Refusal> {
        let view = self.room.view();
        let room = self.room.room();
        match typed.to_lowercase().as_str() {
            "me" | "self" => return self.puppet().ok_or_else(|| not_here(typed)),
            "here" => return self.room.entity(room).ok_or_else(|| not_here(typed)),
            _ => {}
        }
        if let Some(number) = typed.strip_prefix('#')
            && self.caller.may(Permission::Builder)
        {
            let id = number.parse().ok().map(EntityId);
            return id.and_then(|id| self.room.entity(id)).ok_or_else(|| not_here(typed));
        }
        self.choose(typed, view.inside(self.who).chain(view.inside(room)).filter(|entity| !entity.transient))
    }

    /// Finds somebody in the room; `me` is oneself.
    ///
    /// # Errors
    ///
    /// A refusal if nobody, or more than one, is called so.
    pub fn character(&self, typed: &str) -> Result<&Entity, Refusal> {
        if matches!(typed.to_lowercase().as_str(), "me" | "self") {
            return self.puppet().ok_or_else(|| not_here(typed));
        }
        self.choose(typed, self.room.view().here(Kind::Character))
    }

    /// Finds something that lies in the room.
    ///
    /// # Errors
    ///
    /// A refusal if nothing, or more than one thing, is called so.
    pub fn thing_here(&self, typed: &str) -> Result<&Entity, Refusal> {
        self.choose(typed, self.room.view().here(Kind::Object))
    }

    /// Finds something in one's hands.
    ///
    /// # Errors
    ///
    /// A refusal if nothing, or more than one thing, is called so.
    pub fn thing_held(&self, typed: &str) -> Result<&Entity, Refusal> {
        let none = || text!("You are not carrying \"{}\".", typed).into();
        self.choose_or(typed, self.room.view().inside(self.who), none)
    }

    /// Goes on to another room, once the command is done.
    pub fn walk(&mut self, who: Vec<EntityId>, to: EntityId, manner: Manner) {
        self.room.effects().hop = Some(Hop::Walk(Walk { who, to, manner }));
    }

    /// Asks the accounts, once the command is done; they answer the session.
    pub fn ask_accounts(&mut self, request: AccountsRequest) {
        self.room.effects().hop = Some(Hop::Accounts(request));
    }

    /// Asks a channel, once the command is done; it answers the session.
    pub fn ask_channel(&mut self, channel: crate::ids::ChannelId, request: ChannelRequest) {
        self.room.effects().hop = Some(Hop::Channel(channel, request));
    }

    /// Leaves the world, once the command is done.
    pub fn leave(&mut self, reason: &str) {
        let (who, session) = (self.who, self.session);
        let effects = self.room.effects();
        effects.items.push(Item::Close { to: session, reason: reason.to_owned() });
        effects.hop = Some(Hop::Leave { who });
    }

    /// Chooses by what was typed.
    ///
    /// # Errors
    ///
    /// A refusal if nothing, or more than one thing, is called so.
    pub fn choose<'e>(&self, typed: &str, among: impl Iterator<Item = &'e Entity>) -> Result<&'e Entity, Refusal> {
        self.choose_or(typed, among, || not_here(typed))
    }

    /// Chooses by what was typed, with words of one's own if nothing is called so.
    ///
    /// # Errors
    ///
    /// What `none` returns, or a refusal that names the things if more than one is called so.
    pub fn choose_or<'e>(
        &self,
        typed: &str,
        among: impl Iterator<Item = &'e Entity>,
        none: impl FnOnce() -> Refusal,
    ) -> Result<&'e Entity, Refusal> {
        let found = search::find(
            typed,
            among.map(|entity| Candidate { id: entity, key: &entity.key, aliases: &entity.aliases }),
        );
        match found {
            Found::One(entity) => Ok(entity),
            Found::None => Err(none()),
            Found::Many(many) => {
                let names: Vec<String> = many.iter().map(|entity| entity.key.clone()).collect();
                Err(Refusal::new(&search::ambiguity(typed, &names)))
            }
        }
    }
}

/// Returns the refusal of what needs `permission`.
pub(crate) fn only(permission: Permission) -> Refusal {
    text!("Only {}s may do that.", permission.name()).into()
}

fn not_here(typed: &str) -> Refusal {
    text!("You see no \"{}\" here.", typed).into()
}
