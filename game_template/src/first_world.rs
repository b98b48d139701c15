//! The world as it is when it runs for the first time. Later it is changed from inside, by those who build in it.

use everhall::prelude::*;

use crate::{characters, exits, objects, rooms};

/// Returns four rooms around a crossroads.
pub fn plan() -> Plan {
    let mut plan = Plan::new(
        "The Crossroads",
        "Two roads meet on a bare hill, and neither says where it goes. North, the land is torn open; to the east you \
         hear the sea. A gap opens between two boulders.",
    );
    let crossroads = plan.start();
    let canyon = plan.room_of(rooms::Echo, "The Canyon", "Red walls, so close together that a voice has no way out.");
    let beach = plan.room("The Beach", "Grey sand, written upon by gulls.");
    let cave = plan.room("The Cave", "It is dry in here, and somebody has left a bed of ferns.");
    plan.connect(crossroads, "north", "south", canyon);
    plan.connect(crossroads, "east", "west", beach);
    plan.exit_of(exits::Gap, crossroads, "gap", cave);
    plan.exit(cave, "out", crossroads);

    plan.character_of(characters::Parrot::default(), crossroads, "parrot", "Green, with one eye that follows you.");
    plan.thing_of(objects::Lamp { oil: 30 }, crossroads, "lamp", "Brass, with a wick that waits for a hand.");
    plan.thing_of(objects::Bush::default(), beach, "bush", "Thorny, and bent by the wind.").lock_to(
        "get",
        "none()",
        "It is rooted.",
    );
    plan.thing(beach, "shell", "It holds the sound of the sea.");
    plan.fixture(cave, "bed of ferns", "Still green.", "It would fall apart.").alias(&["ferns"]);
    plan
}
