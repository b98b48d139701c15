//! A thing that changes with time.

use std::time::Duration;

use everhall::prelude::*;
use serde::{Deserialize, Serialize};

/// A lamp that lights when it is taken up, and burns down.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lamp {
    /// How many minutes it still burns.
    pub oil: u32,
}

impl ObjectType for Lamp {
    const TYPE: &'static str = "lamp";

    fn on_get(&mut self, me: EntityId, _who: EntityId, cx: &mut RoomCx) {
        cx.every(me, Duration::from_secs(60), &Tick);
    }

    fn on_signal(&mut self, me: EntityId, _signal: &Signal, cx: &mut RoomCx) {
        let Some(left) = self.oil.checked_sub(1) else { return cx.cancel::<Tick>(me) };
        self.oil = left;
        cx.tell_room(text!("The lamp {}.", if left > 0 { "flickers" } else { "goes out" }));
    }
}
