//! An exit that does not let everybody through.

use everhall::prelude::*;
use serde::{Deserialize, Serialize};

/// A gap so narrow that it takes both hands.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap;

impl ExitType for Gap {
    const TYPE: &'static str = "gap";

    fn can_traverse(&self, _exit: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        match room.inside(who.id).next() {
            None => Ok(()),
            Some(thing) => Err(text!("You cannot squeeze through with the {} in your hands.", thing.key).into()),
        }
    }
}
