//! The weather: a script that makes it, and the rooms under the open sky, which remember and show it.

use serde::{Deserialize, Serialize};

use super::bell;
use crate::prelude::*;

/// What the sky can be like: in a room's description, and when it becomes so.
const SKIES: [(&str, &str); 5] = [
    ("The sky is clear.", "The clouds open, and the sky clears."),
    ("Clouds drift in from the sea.", "Clouds drift in from the sea."),
    ("It is raining.", "The first drops fall. Then it rains in earnest."),
    ("Fog lies over everything.", "Fog comes up from the water and takes the distance away."),
    ("A gale blows.", "The wind rises to a gale."),
];

/// The sky has changed.
#[derive(Serialize, Deserialize)]
struct Change {
    sky: usize,
}

impl SignalType for Change {
    const NAME: &'static str = "weather";
}

/// Changes the sky of some rooms, again and again.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Weather {
    pub(super) rooms: Vec<RoomId>,
    sky: usize,
}

impl Weather {
    /// Returns the weather of these rooms; the sky is clear at first.
    pub(super) fn over(rooms: Vec<RoomId>) -> Self {
        Self { rooms, sky: 0 }
    }
}

impl ScriptType for Weather {
    const TYPE: &'static str = "weather";

    fn on_tick(&mut self, cx: &mut ScriptCx) {
        // Any other than the present one.
        self.sky = (self.sky + cx.rng().usize(1..SKIES.len())) % SKIES.len();
        for room in &self.rooms {
            cx.signal(Target::Room(*room), &Change { sky: self.sky });
        }
    }
}

/// A room under the open sky.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outdoors {
    sky: usize,
}

impl RoomType for Outdoors {
    const TYPE: &'static str = "outdoors";

    fn shape_description(&self, mut description: Markup, _: &RoomView) -> Markup {
        description.push(&text!("\n{}", SKIES[self.sky % SKIES.len()].0));
        description
    }

    fn on_signal(&mut self, signal: &Signal, cx: &mut RoomCx) {
        bell::hear(signal, cx);
        if let Some(Change { sky }) = signal.read() {
            self.sky = sky;
            cx.tell_room(text!("{}", SKIES[sky % SKIES.len()].1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn a_room_shows_and_remembers_the_sky() {
        let mut trial = Trial::of(crate::demo::plugin);
        let room = trial.room_of(Outdoors::default());
        assert!(trial.run("Ann", "look").to("Ann").concat().contains("A hall.\nThe sky is clear."));
        assert_eq!(trial.signal(room, &Change { sky: 2 }).to("Bob"), [SKIES[2].1]);
        assert!(trial.run("Ann", "look").to("Ann").concat().contains("A hall.\nIt is raining."));
        assert_eq!(trial.signal(room, &bell::Toll { strokes: 1 }).to("Bob"), ["A bell rings somewhere near."]);
    }

    #[test]
    fn the_sky_is_another_one_at_each_tick() {
        let mut weather = Weather::over(vec![EntityId(1)]);
        for _ in 0..50 {
            let before = weather.sky;
            crate::testing::tick(&mut weather, 12);
            assert!(weather.sky != before && weather.sky < SKIES.len());
        }
    }
}
