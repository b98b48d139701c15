//! A room that echoes.

use everhall::prelude::*;
use serde::{Deserialize, Serialize};

/// A room whose walls give back the last word of what is said.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Echo;

impl RoomType for Echo {
    const TYPE: &'static str = "echo";

    fn on_say(&mut self, say: &Say, cx: &mut RoomCx) {
        defaults::say(say, cx);
        let last = say.text.split_whitespace().next_back().unwrap_or_default();
        cx.tell_room(text!("The walls answer, \"… {}\"", last));
    }
}
