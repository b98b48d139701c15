//! The plain types, and what hooks do by default; call these from a hook that adds to the default.

use serde::{Deserialize, Serialize};

use crate::text;
use crate::world::cx::{RoomCx, Say};
use crate::world::types::{CharacterType, ExitType, ObjectType, RoomType};

/// A room without a will of its own.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlainRoom;

impl RoomType for PlainRoom {
    const TYPE: &'static str = "room";
}

/// An exit that leads to another room.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlainExit;

impl ExitType for PlainExit {
    const TYPE: &'static str = "exit";
}

/// A character that does what its player says.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlainCharacter;

impl CharacterType for PlainCharacter {
    const TYPE: &'static str = "character";
}

/// A thing.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlainObject;

impl ObjectType for PlainObject {
    const TYPE: &'static str = "object";
}

/// Lets everybody in the room hear what is said: `You say, "…"` and `Ann says, "…"`.
pub fn say(say: &Say, cx: &mut RoomCx) {
    let Some(name) = cx.entity(say.who).map(|who| who.key.clone()) else { return };
    cx.tell(say.who, text!("You say, \"{}\"", say.text));
    cx.tell_from(say.who, text!("{} says, \"{}\"", name, say.text));
    cx.each_character(say.who, |me, character, cx| character.on_hear(me, say, cx));
}
