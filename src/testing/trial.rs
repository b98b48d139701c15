//! A game's own types and commands on trial, without a server.

use std::any::type_name;

use crate::app::{App, Plugin};
use crate::ids::{EntityId, RoomId};
use crate::text::render_plain;
use crate::world::clock::GameTime;
use crate::world::script::{ScriptCx, ScriptType};
use crate::world::trial::{NOW_MS, Trial};
use crate::world::types::{Behaviour, CharacterType, ExitType, ObjectType, RoomType};

/// How a game's tests begin, and what they put on trial.
///
/// ```
/// use everhall::prelude::*;
/// use everhall::testing::Trial;
///
/// #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Nest { eggs: u32 }
///
/// impl ObjectType for Nest {
///     const TYPE: &'static str = "nest";
///     fn on_get(&mut self, _: EntityId, who: EntityId, cx: &mut RoomCx) {
///         self.eggs = 0;
///         cx.tell(who, text!("All eggs fall out."));
///     }
/// }
///
/// let mut trial = Trial::of(|app| { app.object::<Nest>(); });
/// let nest = trial.thing_of(Nest { eggs: 3 }, "nest");
/// assert_eq!(trial.run("Ann", "get nest").to("Ann"), ["You pick up a nest.", "All eggs fall out."]);
/// assert_eq!(trial.state::<Nest>(nest).eggs, 0);
/// ```
impl Trial {
    /// Puts a plain room on trial, with the commands of a game.
    ///
    /// # Panics
    ///
    /// If the game gives a name twice.
    pub fn of(plugin: Plugin) -> Self {
        let mut app = App::new("Trial");
        app.plugin(plugin);
        let clashes = app.registry.clashes();
        assert!(clashes.is_empty(), "the game would not start: {}", clashes.join("; "));
        Self::new(app.registry.commands)
    }

    /// Makes the room one of a type.
    pub fn room_of<T: RoomType>(&mut self, state: T) -> RoomId {
        let here = self.here();
        self.edit(here, |room| room.behaviour = Behaviour::with_room(state));
        here
    }

    /// Puts a thing of a type in the room.
    pub fn thing_of<T: ObjectType>(&mut self, state: T, key: &str) -> EntityId {
        self.put(Behaviour::with_object(state), key)
    }

    /// Puts somebody of a type in the room, whom nobody plays.
    pub fn character_of<T: CharacterType>(&mut self, state: T, key: &str) -> EntityId {
        self.put(Behaviour::with_character(state), key)
    }

    /// Makes an exit of a type, to room `to`.
    pub fn exit_of<T: ExitType>(&mut self, state: T, key: &str, to: RoomId) -> EntityId {
        let exit = self.exit(key, to);
        self.edit(exit, |exit| exit.behaviour = Behaviour::with_exit(state));
        exit
    }

    /// Returns the state of something in the trial.
    ///
    /// # Panics
    ///
    /// If it is not of type `T`.
    pub fn state<T: 'static>(&self, id: EntityId) -> &T {
        let entity = self.entity(id);
        let Some(state) = entity.behaviour.state() else { panic!("{} is not a {}", entity.key, type_name::<T>()) };
        state
    }
}

/// Lets a script tick once at an hour of the game's day, and returns what it announces, without colours.
pub fn tick<T: ScriptType>(script: &mut T, hour: i64) -> Vec<String> {
    let game_time = GameTime { year: 1, month: 1, day: 1, hour, minute: 0 };
    let mut cx = ScriptCx::new(NOW_MS, game_time, 1);
    script.on_tick(&mut cx);
    cx.into_announced().iter().map(|text| render_plain(text.as_str())).collect()
}
