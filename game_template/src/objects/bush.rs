//! A thing that costs nothing until somebody looks: it is worked out from when something was last done to it.

use everhall::prelude::*;
use serde::{Deserialize, Serialize};

/// How long a berry takes to grow, in milliseconds.
const GROWS_IN: i64 = 10 * 60 * 1000;

/// How many berries it bears at most.
const FULL: i64 = 6;

/// A bush whose berries grow again. Nothing ticks: it knows when it would have been bare.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bush {
    /// Milliseconds since 1970.
    pub bare_at: i64,
}

impl Bush {
    /// Returns how many berries it bears at `now_ms`.
    pub fn berries(&self, now_ms: i64) -> i64 {
        FULL.min((now_ms - self.bare_at) / GROWS_IN)
    }
}

impl ObjectType for Bush {
    const TYPE: &'static str = "bush";

    fn shape_description(&self, _me: &Entity, description: Markup, room: &RoomView) -> Markup {
        text!("{} Berries on it: {}.", description, self.berries(room.now_ms()))
    }

    fn on_use(&mut self, _me: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        if self.berries(cx.now_ms()) == 0 {
            return Err(Refusal::new("There is not one berry left."));
        }
        // One berry later; what has begun to grow goes on.
        self.bare_at = self.bare_at.max(cx.now_ms() - FULL * GROWS_IN) + GROWS_IN;
        cx.act(who, text!("You eat a berry."), |name| text!("{} eats a berry.", name));
        Ok(())
    }
}
