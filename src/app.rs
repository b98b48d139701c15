//! A game's entrance: its name and what it adds, then [`App::run`].

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use crate::launcher::FirstWorld;
use crate::world::channel_type::{ChannelType, ChannelTypes, PlainChannel};
use crate::world::claims::Claims;
use crate::world::command::{Command, CommandSet};
use crate::world::first::{self, Plan};
use crate::world::lock::LockFunction;
use crate::world::script::{AnyScript, GlobalScript, ScriptType, Sky};
use crate::world::types::{self, CharacterType, ExitType, ObjectType, RoomType};
use crate::{cli, commands};

type MakeScript = fn(&str) -> Result<Box<dyn AnyScript>, serde_json::Error>;

/// What a world is made of besides its rows: types, commands, scripts.
pub struct Registry {
    /// Types of rooms, exits, characters and objects.
    pub types: types::Registry,
    /// Commands.
    pub commands: CommandSet,
    scripts: HashMap<&'static str, MakeScript>,
    /// Types of channels.
    pub channels: ChannelTypes,
    globals: Vec<GlobalScript>,
    claims: Claims,
}

impl Default for Registry {
    /// Returns the engine's own: the plain types, the default commands.
    fn default() -> Self {
        let mut commands = CommandSet::default();
        commands::add_to(&mut commands);
        let mut registry = Self {
            types: types::Registry::new(),
            commands,
            scripts: HashMap::new(),
            channels: ChannelTypes::default(),
            globals: Vec::new(),
            claims: Claims::default(),
        };
        registry.script::<Sky>();
        registry.channel::<PlainChannel>();
        registry
    }
}

impl Registry {
    /// Registers a type of script.
    pub fn script<T: ScriptType>(&mut self) -> &mut Self {
        let make: MakeScript = |json| Ok(Box::new(serde_json::from_str::<T>(json)?));
        self.claims.claim::<T>("script", T::TYPE);
        self.scripts.insert(T::TYPE, make);
        self
    }

    /// Registers a type of script of which every world has one.
    pub fn global_script<T: ScriptType>(&mut self, period: Duration) -> &mut Self {
        self.globals.push(GlobalScript::of::<T>(period));
        self.script::<T>()
    }

    /// Returns the scripts of which every world has one.
    pub fn global_scripts(&self) -> &[GlobalScript] {
        &self.globals
    }

    /// Registers a type of channel.
    pub fn channel<T: ChannelType>(&mut self) -> &mut Self {
        self.claims.claim::<T>("channel", T::TYPE);
        self.channels.add::<T>();
        self
    }

    /// Returns a stored script with its state; `None` if its type is not registered or cannot read it.
    pub fn make_script(&self, type_name: &str, json: &str) -> Option<Box<dyn AnyScript>> {
        let make = self.scripts.get(type_name)?;
        types::read(|| make(json)).inspect_err(|why| tracing::warn!("state of script type {type_name}: {why}")).ok()
    }

    /// Returns the names that were given twice, a sentence each; a world does not start with any.
    pub fn clashes(&self) -> Vec<String> {
        [self.types.clashes().as_slice(), self.commands.clashes(), self.claims.clashes()].concat()
    }
}

/// Registers what a part of a game adds: `pub fn plugin(app: &mut App)`.
pub type Plugin = fn(&mut App);

/// A game: the engine with a name and what the game adds. Every call but [`App::run`] can be followed by another.
///
/// A game's own binary has all of the engine's subcommands:
///
/// ```no_run
/// use everhall::prelude::*;
///
/// #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Desert;
///
/// impl RoomType for Desert {
///     const TYPE: &'static str = "desert";
/// }
///
/// fn plugin(app: &mut App) {
///     app.room::<Desert>().first_world(|| Plan::new("The Salt Road", "White, flat, and without an end."));
/// }
///
/// fn main() -> std::process::ExitCode {
///     App::new("The Salt Road").plugin(plugin).run()
/// }
/// ```
///
/// A name that is given twice is told at start, with both that claim it; the world does not start.
pub struct App {
    /// The world's name unless a keeper sets another one (`world.name`).
    pub name: String,
    /// What the game adds.
    pub registry: Registry,
    first_world: fn() -> Plan,
}

impl App {
    /// Returns the bare engine under a game's name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), registry: Registry::default(), first_world: first::empty }
    }

    /// Lets a [`Plugin`] register what it adds. A plugin may add others.
    pub fn plugin(&mut self, plugin: impl FnOnce(&mut Self)) -> &mut Self {
        plugin(self);
        self
    }

    /// Sets what is built where there is no world yet, in place of one bare room, which `--world empty` still
    /// builds.
    pub fn first_world(&mut self, plan: fn() -> Plan) -> &mut Self {
        self.first_world = plan;
        self
    }

    /// Registers a type of room.
    pub fn room<T: RoomType>(&mut self) -> &mut Self {
        self.registry.types.room::<T>();
        self
    }

    /// Registers a type of exit.
    pub fn exit<T: ExitType>(&mut self) -> &mut Self {
        self.registry.types.exit::<T>();
        self
    }

    /// Registers a type of character.
    pub fn character<T: CharacterType>(&mut self) -> &mut Self {
        self.registry.types.character::<T>();
        self
    }

    /// Registers a type of object.
    pub fn object<T: ObjectType>(&mut self) -> &mut Self {
        self.registry.types.object::<T>();
        self
    }

    /// Registers a type of script, of which the first world may place one, in a state of its own
    /// ([`Plan::script`](crate::world::first::Plan::script)).
    pub fn script<T: ScriptType>(&mut self) -> &mut Self {
        self.registry.script::<T>();
        self
    }

    /// Registers a type of script of which every world has one, that ticks each `period`: one that has none yet, however
    /// old it is, gets it in its default state when its server starts. With another period, it is kept with that one.
    pub fn global_script<T: ScriptType>(&mut self, period: Duration) -> &mut Self {
        self.registry.global_script::<T>(period);
        self
    }

    /// Registers a type of channel. Builders make one with `channel create <name>:<type>`.
    pub fn channel<T: ChannelType>(&mut self) -> &mut Self {
        self.registry.channel::<T>();
        self
    }

    /// Registers a function for locks: `name(arguments)` in a lock asks it.
    pub fn lock_function(&mut self, name: &str, function: LockFunction) -> &mut Self {
        self.registry.types.lock_function(name, function);
        self
    }

    /// Adds a command.
    pub fn command<C: Command>(&mut self, command: C) -> &mut Self {
        self.registry.commands.add(command);
        self
    }

    /// Does what the command line says. The exit codes are in `--help`. Nothing stays registered afterwards.
    pub fn run(&mut self) -> ExitCode {
        cli::run(std::mem::replace(self, Self::new("")))
    }

    /// Returns what builds the world that was chosen.
    pub(crate) fn chosen(&self, world: FirstWorld) -> fn() -> Plan {
        match world {
            FirstWorld::Demo => self.first_world,
            FirstWorld::Empty => first::empty,
        }
    }
}
