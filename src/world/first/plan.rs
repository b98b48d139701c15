//! A plan of a first world: rooms, ways, things, people and scripts, each with the next free id.

use std::time::Duration;

use super::{FIRST_FREE, SKY, START_ROOM};
use crate::ids::{EntityId, RoomId, ScriptId};
use crate::world::entity::Entity;
use crate::world::record::{EntityRows, ScriptRecord};
use crate::world::script::{ScriptType, Sky};
use crate::world::types::{Behaviour, CharacterType, ExitType, ObjectType, RoomType};

/// How often the sky is looked at.
const SKY_PERIOD: Duration = Duration::from_secs(10);

/// What a world is when it runs for the first time. Pure: it is written down here, and storage writes it.
///
/// A game's own is made by the function it gives to [`App::first_world`](crate::app::App::first_world). Rooms are
/// known by the id that is returned; what else is added can be changed where it is added.
///
/// ```
/// use everhall::prelude::*;
///
/// fn first_world() -> Plan {
///     let mut plan = Plan::new("The Jetty", "Planks over grey water. A path leads north to the lighthouse.");
///     let jetty = plan.start();
///     let lighthouse = plan.room("The Lighthouse", "A round room, whitewashed once.");
///     plan.connect(jetty, "north", "south", lighthouse);
///     plan.thing(jetty, "rope", "Tarred, and as thick as a wrist.").alias(&["line"]);
///     plan.exit(lighthouse, "hatch", jetty).lock_to("traverse", "holds(rope)", "It is too deep to jump.");
///     plan
/// }
/// # assert_eq!(first_world().into_rows().len(), 6);
/// ```
#[derive(Debug)]
pub struct Plan {
    entities: Vec<Entity>,
    scripts: Vec<ScriptRecord>,
    next_id: u64,
}

impl Plan {
    /// Returns a plan of one room, where new characters begin, under the engine's sky.
    pub fn new(key: &str, description: &str) -> Self {
        let mut plan = Self { entities: Vec::new(), scripts: Vec::new(), next_id: FIRST_FREE };
        plan.add(START_ROOM, Behaviour::room(), key, description);
        plan.script(Sky::default(), SKY_PERIOD);
        plan
    }

    /// Returns the room where new characters begin.
    pub fn start(&self) -> RoomId {
        START_ROOM
    }

    /// Adds a room. `description` is marked up.
    pub fn room(&mut self, key: &str, description: &str) -> RoomId {
        self.add_new(Behaviour::room(), key, description).id
    }

    /// Adds a room of a type.
    pub fn room_of<T: RoomType>(&mut self, state: T, key: &str, description: &str) -> RoomId {
        self.add_new(Behaviour::with_room(state), key, description).id
    }

    /// Connects two rooms: `there` leads from the first to the second, `back` leads back. Directions get their short
    /// names.
    pub fn connect(&mut self, from: RoomId, there: &str, back: &str, to: RoomId) {
        self.exit(from, there, to);
        self.exit(to, back, from);
    }

    /// Adds a way in one direction. A direction gets its short name.
    pub fn exit(&mut self, from: RoomId, key: &str, to: RoomId) -> &mut Entity {
        self.way(Behaviour::exit(), from, key, to)
    }

    /// Adds a way of a type.
    pub fn exit_of<T: ExitType>(&mut self, state: T, from: RoomId, key: &str, to: RoomId) -> &mut Entity {
        self.way(Behaviour::with_exit(state), from, key, to)
    }

    /// Adds a thing that can be taken: to a room, to somebody's hands, to another thing.
    pub fn thing(&mut self, holder: EntityId, key: &str, description: &str) -> &mut Entity {
        self.held(Behaviour::object(), holder, key, description)
    }

    /// Adds a thing of a type.
    pub fn thing_of<T: ObjectType>(&mut self, state: T, holder: EntityId, key: &str, description: &str) -> &mut Entity {
        self.held(Behaviour::with_object(state), holder, key, description)
    }

    /// Adds a thing that stays where it is, and says so to those who try to take it.
    pub fn fixture(&mut self, holder: EntityId, key: &str, description: &str, why: &str) -> &mut Entity {
        self.thing(holder, key, description).lock_to("get", "none()", why)
    }

    /// Adds somebody whom nobody plays.
    pub fn character_of<T: CharacterType>(
        &mut self,
        state: T,
        room: RoomId,
        key: &str,
        description: &str,
    ) -> &mut Entity {
        self.held(Behaviour::with_character(state), room, key, description)
    }

    /// Adds a script that ticks for the first time when `period` has passed. One of each type.
    pub fn script<T: ScriptType>(&mut self, state: T, period: Duration) {
        self.scripts.push(ScriptRecord {
            id: ScriptId(SKY.0 + self.scripts.len() as u64),
            key: T::TYPE.to_owned(),
            type_name: T::TYPE.to_owned(),
            state: serde_json::to_string(&state).unwrap_or_else(|_| "null".into()),
            period_ms: i64::try_from(period.as_millis()).unwrap_or(i64::MAX),
            start_at: 0,
        });
    }

    /// Returns something that was added, to change it.
    pub fn entity(&mut self, id: EntityId) -> Option<&mut Entity> {
        self.entities.iter_mut().find(|entity| entity.id == id)
    }

    /// Returns the rows of all but the scripts.
    pub fn into_rows(self) -> Vec<EntityRows> {
        self.entities.iter().map(Entity::to_rows).collect()
    }

    /// Returns the scripts of a world that begins at `now_ms`, in milliseconds since 1970.
    pub fn scripts(&self, now_ms: i64) -> Vec<ScriptRecord> {
        let begun = |script: &ScriptRecord| ScriptRecord { start_at: now_ms, ..script.clone() };
        self.scripts.iter().map(begun).collect()
    }

    fn way(&mut self, behaviour: Behaviour, from: RoomId, key: &str, to: RoomId) -> &mut Entity {
        let exit = self.held(behaviour, from, key, "");
        exit.destination = Some(to);
        exit.aliases.extend(short(key).map(str::to_owned));
        exit
    }

    fn held(&mut self, behaviour: Behaviour, holder: EntityId, key: &str, description: &str) -> &mut Entity {
        let entity = self.add_new(behaviour, key, description);
        entity.location = Some(holder);
        entity
    }

    fn add_new(&mut self, behaviour: Behaviour, key: &str, description: &str) -> &mut Entity {
        let id = EntityId(self.next_id);
        self.next_id += 1;
        self.add(id, behaviour, key, description)
    }

    fn add(&mut self, id: EntityId, behaviour: Behaviour, key: &str, description: &str) -> &mut Entity {
        let mut entity = Entity::new(id, behaviour, key);
        entity.description = description.to_owned();
        self.entities.push(entity);
        let last = self.entities.len() - 1;
        &mut self.entities[last]
    }
}

/// Returns the short name of a direction.
fn short(direction: &str) -> Option<&'static str> {
    const SHORT: [(&str, &str); 10] = [
        ("north", "n"),
        ("south", "s"),
        ("east", "e"),
        ("west", "w"),
        ("up", "u"),
        ("down", "d"),
        ("northeast", "ne"),
        ("northwest", "nw"),
        ("southeast", "se"),
        ("southwest", "sw"),
    ];
    SHORT.iter().find(|(long, _)| *long == direction).map(|(_, short)| *short)
}
