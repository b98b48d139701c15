//! What commands that move things share: may it be taken, may it be put down, and how it is moved.

use crate::ids::EntityId;
use crate::text::english;
use crate::world::command::CommandCx;
use crate::world::cx::RoomCx;
use crate::world::entity::Entity;
use crate::world::types::{Inner, Refusal};

/// Attribute-free mark of a thing that others can be put into.
pub(super) const CONTAINER: &str = "container";

/// Returns a thing's name as it stands in a sentence: `a lamp`.
pub(super) fn name(thing: &Entity) -> String {
    english::with_article(&thing.key)
}

/// Refuses unless a thing may be taken: its `get` lock, then its type.
pub(super) fn may_take(thing: &Entity, cx: &CommandCx) -> Result<(), Refusal> {
    cx.pass(thing, "get", "You cannot take that.")?;
    match (&thing.behaviour.0, cx.puppet()) {
        (Inner::Object(object), Some(puppet)) => object.can_get(thing, puppet, &cx.view()),
        _ => Ok(()),
    }
}

/// Refuses unless a thing may leave the hands that hold it.
pub(super) fn may_part(thing: &Entity, cx: &CommandCx) -> Result<(), Refusal> {
    match (&thing.behaviour.0, cx.puppet()) {
        (Inner::Object(object), Some(puppet)) => object.can_drop(thing, puppet, &cx.view()),
        _ => Ok(()),
    }
}

/// Moves a thing.
pub(super) fn put(thing: EntityId, to: EntityId, cx: &mut RoomCx) {
    if let Some(thing) = cx.edit(thing) {
        thing.location = Some(to);
    }
}
