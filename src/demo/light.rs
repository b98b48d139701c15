//! What makes a lantern burn: the commands `light` and `douse`, which start and stop its ticker.

use std::time::Duration;

use super::lantern::{FULL, Lantern};
use crate::prelude::*;

/// How often a lantern that burns is told so.
pub(super) const TICK: Duration = Duration::from_secs(2);

/// Tells whether something is a lantern that burns.
pub(super) fn is_lit(thing: &Entity) -> bool {
    thing.state::<Lantern>().is_some() && thing.timer(Tick::NAME).is_some()
}

/// Returns what is seen of that.
pub(super) fn seen(lantern: &Entity) -> &'static str {
    if is_lit(lantern) { "It is lit." } else { "It is dark." }
}

/// `light`: let a lantern burn.
pub(super) struct Light;

impl Command for Light {
    const NAME: &'static str = "light";
    const HELP: &'static str = "Usage: light <lantern>\n\nLights a lantern.\n\nFor example: light lantern";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let thing = cx.anything(args.rest().ok_or(Refusal::new("Light what?"))?)?;
        let lantern = thing.state::<Lantern>().ok_or(Refusal::new("That is not made to be lit."))?;
        if is_lit(thing) || lantern.burnt == FULL {
            return Err(Refusal::new("It cannot be lit, or burns already."));
        }
        let id = thing.id;
        cx.room().every(id, TICK, &Tick);
        cx.act(text!("You light the lantern."), text!("{} lights a lantern.", cx.name()));
        Ok(())
    }
}

/// `douse`: put a lantern out.
pub(super) struct Douse;

impl Command for Douse {
    const NAME: &'static str = "douse";
    const HELP: &'static str = "Usage: douse <lantern>\n\nPuts a lantern out, and saves its oil.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let thing = cx.anything(args.rest().ok_or(Refusal::new("Douse what?"))?)?;
        let id = Some(thing.id).filter(|_| is_lit(thing)).ok_or(Refusal::new("That does not burn."))?;
        cx.room().cancel::<Tick>(id);
        cx.act(text!("You put the lantern out."), text!("{} puts a lantern out.", cx.name()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn a_lantern_that_is_put_out_keeps_its_oil() {
        let mut trial = Trial::of(crate::demo::plugin);
        let lantern = trial.thing_of(Lantern::default(), "lantern");
        trial.run("Ann", "light lantern");
        trial.pass(TICK * 3);
        assert_eq!(trial.run("Bob", "douse lantern").to("Ann"), ["Bob puts a lantern out."]);
        trial.pass(TICK * 50);
        assert_eq!(trial.state::<Lantern>(lantern).burnt, 3);
        assert_eq!(trial.run("Bob", "douse lantern").to("Bob"), ["That does not burn."]);
        assert_eq!(trial.run("Bob", "light lantern").to("Ann"), ["Bob lights a lantern."]);
    }

    #[test]
    fn only_a_lantern_with_oil_is_lit() {
        let mut trial = Trial::of(crate::demo::plugin);
        trial.thing_of(Lantern::default(), "lantern");
        trial.thing_of(Lantern { burnt: FULL }, "stump");
        trial.run("Ann", "light lantern");
        for (line, expected) in [
            ("light bob", "That is not made to be lit."),
            ("light", "Light what?"),
            ("douse", "Douse what?"),
            ("douse bob", "That does not burn."),
            ("light lantern", "It cannot be lit, or burns already."),
            ("light stump", "It cannot be lit, or burns already."),
        ] {
            assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        }
    }
}
