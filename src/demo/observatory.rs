//! A room that is different at each hour: nothing is stored and nothing ticks, it is worked out when somebody looks.

use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// A room with a view of the sky.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Observatory;

impl RoomType for Observatory {
    const TYPE: &'static str = "observatory";

    fn shape_description(&self, mut description: Markup, room: &RoomView) -> Markup {
        description.push_plain(match room.game_time().hour {
            5..=7 => " Through the slat the first light falls in a bar across the floor.",
            8..=17 => " A blade of sunlight stands in the dust, and creeps along the wall.",
            18..=20 => " The slat glows red, then violet, while you look.",
            _ => " The stars stand in the slat, so many that the chalk ones seem to answer.",
        });
        description
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::Trial;

    #[test]
    fn what_is_seen_follows_the_hour_of_the_game() {
        let mut trial = Trial::of(crate::demo::plugin);
        trial.room_of(Observatory);
        // Four hours of the game pass in one of ours.
        for expected in ["The stars stand", "The stars stand", "A blade of sunlight", "A blade", "A blade", "glows red"]
        {
            let seen = trial.run("Ann", "look").to("Ann").concat();
            assert!(seen.contains(expected), "{expected}: {seen}");
            trial.pass(Duration::from_secs(60 * 60));
        }
    }
}
