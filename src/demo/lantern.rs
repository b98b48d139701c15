//! A lantern that burns down: an object with a ticker. What lights it is in `light.rs`.

use serde::{Deserialize, Serialize};

use super::light;
use crate::prelude::*;

/// How much oil a new lantern holds, in measures. One burns in each tick: it is four minutes.
pub(super) const FULL: u64 = 120;

/// It gives light until its oil is gone, wherever it is carried; nobody can fill it again. How much has burnt may be stored
/// late: when somebody looks, when it is moved, and once a minute.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Lantern {
    pub(super) burnt: u64,
}

impl ObjectType for Lantern {
    const TYPE: &'static str = "lantern";
    const LAZY: bool = true;

    fn shape_description(&self, me: &Entity, description: Markup, _: &RoomView) -> Markup {
        text!("{} {} There are {} measures of oil in it.", description, light::seen(me), FULL - self.burnt)
    }

    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx) {
        self.burnt = FULL.min(self.burnt + signal.ticks);
        if self.burnt == FULL {
            cx.cancel::<Tick>(me);
            cx.tell_room(text!("The lantern flares up once more, and goes out."));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::Trial;

    fn lit() -> (Trial, EntityId) {
        let mut trial = Trial::of(crate::demo::plugin);
        let lantern = trial.thing_of(Lantern::default(), "lantern");
        assert_eq!(trial.run("Ann", "light lantern").to("Bob"), ["Ann lights a lantern."]);
        (trial, lantern)
    }

    #[test]
    fn it_burns_down_and_goes_out() {
        let (mut trial, lantern) = lit();
        assert!(trial.pass(light::TICK * 119).to("Ann").is_empty());
        let seen = trial.run("Ann", "look lantern").to("Ann").concat();
        assert!(seen.ends_with("It is lit. There are 1 measures of oil in it."), "{seen}");
        assert_eq!(trial.pass(light::TICK * 9).to("Bob"), ["The lantern flares up once more, and goes out."]);
        let seen = trial.run("Ann", "look lantern").to("Ann").concat();
        assert!(seen.ends_with("It is dark. There are 0 measures of oil in it."), "{seen}");
        assert_eq!(*trial.state::<Lantern>(lantern), Lantern { burnt: FULL });
    }

    #[test]
    fn it_burns_while_the_world_is_away_but_no_more_than_it_holds() {
        let (mut trial, lantern) = lit();
        trial.pass(light::TICK);
        trial.be_away(light::TICK * 10);
        trial.pass(Duration::from_millis(1));
        assert_eq!(trial.state::<Lantern>(lantern).burnt, 11);
        trial.be_away(light::TICK * 1000);
        trial.pass(Duration::from_millis(1));
        assert_eq!(trial.state::<Lantern>(lantern).burnt, FULL);
    }
}
