//! A character that nobody plays.

use everhall::prelude::*;
use serde::{Deserialize, Serialize};

/// A parrot that greets with the last thing it heard. What stands in the struct is stored with each parrot.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parrot {
    /// Plain text; empty at first.
    pub heard: String,
}

impl CharacterType for Parrot {
    const TYPE: &'static str = "parrot";

    fn on_hear(&mut self, _me: EntityId, say: &Say, _cx: &mut RoomCx) {
        self.heard = say.text.clone();
    }

    fn on_meet(&mut self, _me: EntityId, _who: EntityId, cx: &mut RoomCx) {
        if !self.heard.is_empty() {
            cx.tell_room(text!("The parrot croaks, \"{}\"", self.heard));
        }
    }
}
