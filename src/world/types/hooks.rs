//! The hooks of rooms, exits, characters and objects: what a game overrides.

use super::{Refusal, State};
use crate::ids::EntityId;
use crate::text::Markup;
use crate::world::cx::{RoomCx, RoomView, Say};
use crate::world::defaults;
use crate::world::entity::Entity;
use crate::world::signal::Signal;

/// A kind of room. Every hook has a default; override what differs.
///
/// ```
/// use everhall::prelude::*;
///
/// #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Canyon;
///
/// impl RoomType for Canyon {
///     const TYPE: &'static str = "canyon";
///     fn on_say(&mut self, say: &Say, cx: &mut RoomCx) {
///         defaults::say(say, cx);
///         cx.tell_room(text!("The walls answer: \"…{}\"", say.text));
///     }
/// }
/// ```
pub trait RoomType: State {
    /// Stored with each room of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Whether what its tickers do to its state is stored late; see [`ObjectType::LAZY`]. Default: at once.
    const LAZY: bool = false;

    /// Asked before somebody comes in, on foot or by other means.
    ///
    /// # Errors
    ///
    /// A refusal sends them back.
    fn can_enter(&self, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (who, room);
        Ok(())
    }

    /// Asked before somebody leaves on foot.
    ///
    /// # Errors
    ///
    /// A refusal keeps them here.
    fn can_leave(&self, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (who, room);
        Ok(())
    }

    /// Alters what is read when somebody looks at the room.
    fn shape_description(&self, description: Markup, room: &RoomView) -> Markup {
        let _ = room;
        description
    }

    /// Told after somebody came in, before they see the room.
    fn on_enter(&mut self, who: EntityId, cx: &mut RoomCx) {
        let _ = (who, cx);
    }

    /// Told after somebody left.
    fn on_leave(&mut self, who: EntityId, cx: &mut RoomCx) {
        let _ = (who, cx);
    }

    /// Told that somebody speaks; decides who hears it. The default tells everybody.
    fn on_say(&mut self, say: &Say, cx: &mut RoomCx) {
        defaults::say(say, cx);
    }

    /// Told that a signal has come, or a timer of the room is due.
    fn on_signal(&mut self, signal: &Signal, cx: &mut RoomCx) {
        let _ = (signal, cx);
    }
}

/// A kind of exit.
pub trait ExitType: State {
    /// Stored with each exit of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Whether what its tickers do to its state is stored late; see [`ObjectType::LAZY`]. Default: at once.
    const LAZY: bool = false;

    /// Asked before somebody goes through, after the `traverse` lock.
    ///
    /// # Errors
    ///
    /// A refusal keeps them here.
    fn can_traverse(&self, exit: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (exit, who, room);
        Ok(())
    }

    /// Told when somebody is about to go through; they are still in this room.
    fn on_traverse(&mut self, exit: EntityId, who: EntityId, cx: &mut RoomCx) {
        let _ = (exit, who, cx);
    }

    /// Told that a signal has come, or a timer of its own is due.
    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx) {
        let _ = (me, signal, cx);
    }

    /// Told when it has just been made, by hand or by code.
    fn on_create(&mut self, me: EntityId, cx: &mut RoomCx) {
        let _ = (me, cx);
    }
}

/// A kind of character: people and all who act by themselves.
pub trait CharacterType: State {
    /// Stored with each character of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Whether what its tickers do to its state is stored late; see [`ObjectType::LAZY`]. Default: at once.
    const LAZY: bool = false;

    /// Asked before the character says something.
    ///
    /// # Errors
    ///
    /// A refusal keeps it silent: gagged, under water.
    fn can_say(&self, who: &Entity, text: &str, room: &RoomView) -> Result<(), Refusal> {
        let _ = (who, text, room);
        Ok(())
    }

    /// Alters what the character says.
    fn shape_say(&self, text: String, room: &RoomView) -> String {
        let _ = room;
        text
    }

    /// Told when somebody else in the room has said something.
    fn on_hear(&mut self, me: EntityId, say: &Say, cx: &mut RoomCx) {
        let _ = (me, say, cx);
    }

    /// Told when somebody came into the room.
    fn on_meet(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) {
        let _ = (me, who, cx);
    }

    /// Told when something was given to the character.
    fn on_receive(&mut self, me: EntityId, object: EntityId, from: EntityId, cx: &mut RoomCx) {
        let _ = (me, object, from, cx);
    }

    /// Told that a signal has come, or a timer of its own is due.
    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx) {
        let _ = (me, signal, cx);
    }

    /// Told when it has just been made, by hand or by code.
    fn on_create(&mut self, me: EntityId, cx: &mut RoomCx) {
        let _ = (me, cx);
    }
}

/// A kind of object.
pub trait ObjectType: State {
    /// Stored with each object of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Whether what its tickers do to its state is stored late: the fuel of a lamp, the wandering of a mob. Default: at once.
    ///
    /// A late change is stored with whatever of its room is next shown, sent or stored, when it is moved, before its room
    /// goes to sleep or the server stops, and in any case after `world.lazy_secs`, a minute at most. So nobody sees anything
    /// that a crash could take back; but **after a crash the state may be up to a minute old**, while everything else
    /// is exactly as it was. The ticks since then come again, as one with their [count](Signal::ticks). Changes that
    /// commands and signals make are stored at once all the same.
    const LAZY: bool = false;

    /// Asked before somebody takes it, after the `get` lock.
    ///
    /// # Errors
    ///
    /// A refusal leaves it where it is.
    fn can_get(&self, me: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (me, who, room);
        Ok(())
    }

    /// Asked before its holder drops it or gives it away.
    ///
    /// # Errors
    ///
    /// A refusal leaves it in their hands.
    fn can_drop(&self, me: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (me, who, room);
        Ok(())
    }

    /// Alters what is read when somebody looks at it.
    fn shape_description(&self, me: &Entity, description: Markup, room: &RoomView) -> Markup {
        let _ = (me, room);
        description
    }

    /// Told after somebody took it.
    fn on_get(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) {
        let _ = (me, who, cx);
    }

    /// Told after somebody dropped it.
    fn on_drop(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) {
        let _ = (me, who, cx);
    }

    /// Asked and told when somebody uses it, with `use`; it is in their hands or lies in the room.
    ///
    /// # Errors
    ///
    /// A refusal, as by default: nothing happens.
    fn on_use(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        let _ = (me, who, cx);
        Err(Refusal::new("You cannot think of a use for that."))
    }

    /// Told that a signal has come, or a timer of its own is due.
    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx) {
        let _ = (me, signal, cx);
    }

    /// Told when it has just been made, by hand or by code.
    fn on_create(&mut self, me: EntityId, cx: &mut RoomCx) {
        let _ = (me, cx);
    }
}
