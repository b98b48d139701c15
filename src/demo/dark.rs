//! Rooms where nobody sees anything without a lantern.

use serde::{Deserialize, Serialize};

use super::light;
use crate::prelude::*;

/// A room without a window: its description is for those who have a light.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Dark;

impl RoomType for Dark {
    const TYPE: &'static str = "dark";

    fn shape_description(&self, description: Markup, room: &RoomView) -> Markup {
        let held = room.here(Kind::Character).flat_map(|who| room.inside(who.id));
        if held.chain(room.here(Kind::Object)).any(light::is_lit) {
            return description;
        }
        text!("It is pitch dark. If only you had a light.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::lantern::Lantern;
    use crate::testing::Trial;

    #[test]
    fn somebody_with_a_lit_lantern_lets_everybody_see() {
        let mut trial = Trial::of(crate::demo::plugin);
        trial.room_of(Dark);
        trial.thing_of(Lantern::default(), "lantern");
        let seen = |trial: &mut Trial| trial.run("Bob", "look").to("Bob").concat();
        assert!(seen(&mut trial).contains("It is pitch dark."));
        trial.run("Ann", "get lantern");
        trial.run("Ann", "light lantern");
        assert!(seen(&mut trial).contains("A hall."));
    }
}
