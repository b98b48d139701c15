//! A lantern that burns down, and the commands `light` and `douse`: an object with a ticker.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// How often a lantern burns a measure of its oil.
const TICK: Duration = Duration::from_secs(2);

/// How much oil a new lantern holds, in measures: four minutes.
const FULL: u64 = 120;

/// It gives light until its oil is gone, wherever it is carried; nobody can fill it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lantern {
    pub(super) is_lit: bool,
    oil: u64,
}

/// A measure of oil has burnt.
#[derive(Serialize, Deserialize)]
struct Burn;

impl SignalType for Burn {
    const NAME: &'static str = "burn";
}

impl Default for Lantern {
    fn default() -> Self {
        Self { is_lit: false, oil: FULL }
    }
}

impl Lantern {
    fn light(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        if self.is_lit || self.oil == 0 {
            return Err(Refusal::new("It cannot be lit, or burns already."));
        }
        self.is_lit = true;
        cx.every(me, TICK, &Burn);
        cx.act(who, text!("You light the lantern."), |name| text!("{} lights a lantern.", name));
        Ok(())
    }

    fn douse(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        if !std::mem::take(&mut self.is_lit) {
            return Err(Refusal::new("That does not burn."));
        }
        cx.cancel::<Burn>(me);
        cx.act(who, text!("You put the lantern out."), |name| text!("{} puts a lantern out.", name));
        Ok(())
    }
}

impl ObjectType for Lantern {
    const TYPE: &'static str = "lantern";

    fn shape_description(&self, _: &Entity, mut description: Markup, _: &RoomView) -> Markup {
        let burns = if self.is_lit { "It is lit." } else { "It is dark." };
        description.push(&text!(" {} There are {} measures of oil in it.", burns, self.oil));
        description
    }

    fn on_use(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        if self.is_lit { self.douse(me, who, cx) } else { self.light(me, who, cx) }
    }

    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx) {
        let before = self.oil;
        // After a while away several ticks come as one.
        self.oil = before.saturating_sub(signal.ticks);
        if self.oil == 0 {
            self.is_lit = false;
            cx.cancel::<Burn>(me);
            cx.tell_room(text!("The lantern flares up once more, and goes out."));
        } else if before > FULL / 4 && self.oil <= FULL / 4 {
            cx.tell_room(text!("The lantern burns low."));
        }
    }
}

/// `light`: let a lantern burn.
pub(super) struct Light;

impl Command for Light {
    const NAME: &'static str = "light";
    const HELP: &'static str = "Usage: light <lantern>\n\nLights a lantern.\n\nFor example: light lantern";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (id, who) = (cx.anything(args.rest().ok_or(Refusal::new("Light what?"))?)?.id, cx.who());
        let lit = cx.room().with_state(id, |lantern: &mut Lantern, cx| lantern.light(id, who, cx));
        lit.unwrap_or(Err(Refusal::new("That is not made to be lit.")))
    }
}

/// `douse`: put a lantern out.
pub(super) struct Douse;

impl Command for Douse {
    const NAME: &'static str = "douse";
    const HELP: &'static str = "Usage: douse <lantern>\n\nPuts a lantern out, and saves its oil.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (id, who) = (cx.anything(args.rest().ok_or(Refusal::new("Douse what?"))?)?.id, cx.who());
        let out = cx.room().with_state(id, |lantern: &mut Lantern, cx| lantern.douse(id, who, cx));
        out.unwrap_or(Err(Refusal::new("That does not burn.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Trial;

    fn lit() -> (Trial, EntityId) {
        let mut trial = Trial::of(crate::demo::plugin);
        let lantern = trial.thing_of(Lantern::default(), "lantern");
        assert_eq!(trial.run("Ann", "light lantern").to("Bob"), ["Ann lights a lantern."]);
        (trial, lantern)
    }

    #[test]
    fn it_burns_down_in_stages_and_goes_out() {
        let (mut trial, lantern) = lit();
        assert!(trial.pass(TICK * 89).to("Ann").is_empty());
        assert_eq!(trial.pass(TICK).to("Ann"), ["The lantern burns low."]);
        assert_eq!(trial.pass(TICK * 100).to("Bob"), ["The lantern flares up once more, and goes out."]);
        assert_eq!(*trial.state::<Lantern>(lantern), Lantern { is_lit: false, oil: 0 });
        let refused = trial.run("Ann", "light lantern");
        assert_eq!(refused.to("Ann"), ["It cannot be lit, or burns already."]);
    }

    #[test]
    fn it_burns_while_the_world_is_away() {
        let (mut trial, lantern) = lit();
        trial.pass(TICK);
        trial.be_away(TICK * 10);
        trial.pass(Duration::from_millis(1));
        assert_eq!(trial.state::<Lantern>(lantern).oil, FULL - 11);
    }

    #[test]
    fn a_lantern_that_is_put_out_keeps_its_oil() {
        let (mut trial, lantern) = lit();
        trial.pass(TICK * 3);
        assert_eq!(trial.run("Bob", "douse lantern").to("Ann"), ["Bob puts a lantern out."]);
        trial.pass(TICK * 50);
        assert_eq!(trial.state::<Lantern>(lantern).oil, FULL - 3);
        assert_eq!(trial.run("Bob", "douse lantern").to("Bob"), ["That does not burn."]);
        trial.run("Bob", "light lantern");
        let seen = trial.run("Bob", "look lantern").to("Bob").concat();
        assert!(seen.ends_with("It is lit. There are 117 measures of oil in it."), "{seen}");
    }

    #[test]
    fn only_a_lantern_is_lit() {
        let (mut trial, _) = lit();
        for (line, expected) in [
            ("light bob", "That is not made to be lit."),
            ("light", "Light what?"),
            ("douse", "Douse what?"),
            ("douse bob", "That does not burn."),
            ("light lantern", "It cannot be lit, or burns already."),
        ] {
            assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        }
    }
}
