//! A bell that is heard in the next rooms: a signal that a thing sends and rooms understand. And the command `ring`.

use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// A bell has been rung.
#[derive(Serialize, Deserialize)]
pub(super) struct Toll {
    /// How often it has been rung in its life, this time included.
    pub(super) strokes: u64,
}

impl SignalType for Toll {
    const NAME: &'static str = "toll";
}

/// It counts how often it was rung.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Bell {
    strokes: u64,
}

impl ObjectType for Bell {
    const TYPE: &'static str = "bell";

    fn on_use(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        self.strokes += 1;
        cx.signal_from(me, Target::Neighbours, &Toll { strokes: self.strokes });
        cx.act(who, text!("You ring the bell."), |name| text!("{} rings the bell.", name));
        Ok(())
    }

    fn shape_description(&self, _: &Entity, mut description: Markup, _: &RoomView) -> Markup {
        description.push(&text!(" Strokes so far: {}.", self.strokes));
        description
    }
}

/// `ring`: let a bell be heard.
pub(super) struct Ring;

impl Command for Ring {
    const NAME: &'static str = "ring";
    const HELP: &'static str = "Usage: ring <bell>\n\nRings a bell. It is heard in the next rooms as well.";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (id, who) = (cx.anything(args.rest().ok_or(Refusal::new("Ring what?"))?)?.id, cx.who());
        let rung = cx.room().with_state(id, |bell: &mut Bell, cx| bell.on_use(id, who, cx));
        rung.unwrap_or(Err(Refusal::new("That does not ring.")))
    }
}

/// Lets a room hear a bell. For `on_signal` of every type of room from which one can be heard.
pub(super) fn hear(signal: &Signal, cx: &mut RoomCx) {
    if signal.is::<Toll>() {
        cx.tell_room(text!("A bell rings somewhere near."));
    }
}

/// A plain room from which bells are heard.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Earshot;

impl RoomType for Earshot {
    const TYPE: &'static str = "earshot";

    fn on_signal(&mut self, signal: &Signal, cx: &mut RoomCx) {
        hear(signal, cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn a_bell_sends_one_signal_to_each_next_room() {
        let mut trial = Trial::of(crate::demo::plugin);
        trial.thing_of(Bell::default(), "bell");
        // Two ways into one room, and one that leads back to where it begins.
        for (name, to) in [("north", 50), ("hatch", 50), ("south", 51), ("round", 1)] {
            trial.exit(name, EntityId(to));
        }
        let said = trial.run("Ann", "ring bell");
        assert_eq!(said.to("Bob"), ["Ann rings the bell."]);
        assert_eq!(said.signals.len(), 2);
        assert!(trial.run("Ann", "look bell").to("Ann").concat().ends_with("Strokes so far: 1."));
        assert_eq!(trial.run("Ann", "ring bob").to("Ann"), ["That does not ring."]);
    }

    #[test]
    fn it_is_heard_where_the_room_lets_it_in() {
        let mut trial = Trial::of(crate::demo::plugin);
        let room = trial.room_of(Earshot);
        assert_eq!(trial.signal(room, &Toll { strokes: 3 }).to("Bob"), ["A bell rings somewhere near."]);
    }
}
