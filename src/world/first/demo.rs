//! A small world to walk about in: an old hall above a harbour that was given up, and what is left in it.

use super::START_ROOM;
use super::plan::Plan;
use crate::ids::EntityId;

/// The rooms that things are put into.
struct Rooms {
    garden: EntityId,
    kitchen: EntityId,
    pantry: EntityId,
    library: EntityId,
    observatory: EntityId,
    cellar: EntityId,
    vault: EntityId,
    courtyard: EntityId,
    orchard: EntityId,
    shore: EntityId,
}

/// Returns a world of fourteen rooms, with things to take, two balls and two apples to be told apart, and a locked door.
pub fn demo() -> Plan {
    let mut plan = Plan::new(
        "The Everhall",
        "Benches run the length of a hall that was built for three hundred guests. The fire in the middle has burned \
         since before anybody wrote things down, and whoever comes in puts a log on it. A stair of black stone climbs \
         to a gallery. Through a door of glass to the north falls green light; through the great doors to the south \
         comes the smell of the sea.",
    );
    let rooms = rooms(&mut plan);
    furnish(&mut plan, &rooms);
    plan
}

fn rooms(plan: &mut Plan) -> Rooms {
    let hall = START_ROOM;
    let garden = plan.room(
        "The Winter Garden",
        "Under panes that have not been washed since the gardener left, ferns as high as a horse lean over a path of \
         white gravel. It is warm, and it drips. The way back to the hall is a glass door to the south.",
    );
    let gallery = plan.room(
        "The Gallery",
        "Portraits hang here frame to frame, and each of them has been turned to face the wall. Between the banisters \
         you look down on the fire. A ladder leads up through a hatch, from which cold air falls.",
    );
    let observatory = plan.room(
        "The Observatory",
        "A dome of oxidised copper, open by one slat. Someone has drawn the constellations on the inside with chalk, and \
         corrected them, and corrected them again.",
    );
    let kitchen = plan.room(
        "The Kitchen",
        "Pots of every size hang from the beams, polished, in the order of a choir. The table is so scarred by knives \
         that it looks written on. A door to the north smells of flour; steps lead down into the dark.",
    );
    let pantry = plan.room(
        "The Pantry",
        "Shelves up to the ceiling, labelled in a small neat hand: |iquinces|n, |ihoney|n, |ithe other honey|n. Most of the \
         jars are empty. Something has nibbled at the labels.",
    );
    let library = plan.room(
        "The Library",
        "The books here are shelved by the colour of their spines, so that the room runs from red at the door to violet \
         at the window, and nobody has ever found anything on purpose.",
    );
    let cellar = plan.room(
        "The Cellar",
        "Barrels stand in two rows, and the vault above them sweats. At the far end, north, an oak door with iron bands \
         is set into the rock. From a grating in the floor comes the sound of water.",
    );
    let cistern = plan.room(
        "The Cistern",
        "A forest of pillars stands in black water, and a walkway of planks runs between them. Each drop that falls is \
         answered from every side, a little later each time.",
    );
    let vault = plan.room(
        "The Vault",
        "A narrow chamber, dry and very quiet. Tally marks cover the walls from the floor to as high as an arm can reach. \
         The last row is not finished.",
    );
    let courtyard = plan.room(
        "The Courtyard",
        "Grass grows between the flagstones and swallows nest under the eaves. In the middle stands a well with a rim worn \
         smooth by elbows. An arch to the east opens on an orchard; a gate to the south stands open, because it has no \
         hinges left.",
    );
    let orchard = plan.room(
        "The Orchard",
        "Old trees, bent by the wind into one direction like people who listen. Between them the grass is full of \
         windfalls and wasps.",
    );
    let path = plan.room(
        "The Cliff Path",
        "The path clings to the cliff in long bends. Halfway down somebody has set a bench into the rock, from which one \
         sees the whole bay, and no ship in it.",
    );
    let shore = plan.room(
        "The Shore",
        "Shingle, rattling back with each wave. The piles of a jetty walk out into the water and stop. The tide has \
         written a line of weed and driftwood along the beach.",
    );
    plan.connect(hall, "north", "south", garden);
    plan.connect(hall, "south", "north", courtyard);
    plan.connect(hall, "east", "west", kitchen);
    plan.connect(hall, "west", "east", library);
    plan.connect(hall, "up", "down", gallery);
    plan.connect(gallery, "up", "down", observatory);
    plan.connect(kitchen, "north", "south", pantry);
    plan.connect(kitchen, "down", "up", cellar);
    plan.connect(cellar, "down", "up", cistern);
    plan.connect(courtyard, "east", "west", orchard);
    plan.connect(courtyard, "south", "north", path);
    plan.connect(path, "down", "up", shore);

    let door = plan.exit(cellar, "oak door", vault);
    door.description = "Oak as thick as a hand is long, with bands of iron. The lock is of brass.".into();
    door.alias(&["door", "north", "n"]).lock_to("traverse", "holds(key)", "The oak door is locked.");
    // From inside it opens without a key: nobody is shut in.
    let door = plan.exit(vault, "oak door", cellar);
    door.description = "From this side it has a handle.".into();
    door.alias(&["door", "south", "s", "out"]);

    Rooms { garden, kitchen, pantry, library, observatory, cellar, vault, courtyard, orchard, shore }
}

fn furnish(plan: &mut Plan, rooms: &Rooms) {
    plan.thing(START_ROOM, "lamp", "A brass lamp with a horn window, dented by many hands. It smells of oil.");
    let key = plan.thing(START_ROOM, "key", "A heavy key of brass, with an oak leaf for a bow.");
    key.alias(&["brass key"]);
    plan.thing(START_ROOM, "red ball", "A leather ball, red once, and chewed by a dog of some size.");
    plan.thing(START_ROOM, "blue ball", "A leather ball, blue as a plum, which bounces higher than one expects.");
    let fire = "A bed of embers as long as a boat, and flames that bend towards whoever comes in.";
    plan.fixture(START_ROOM, "fire", fire, "You would burn your fingers.");

    let table = "Between the cuts you make out names, dates, and a recipe for eel.";
    plan.fixture(rooms.kitchen, "table", table, "The table was here before the kitchen.");
    plan.thing(
        rooms.kitchen,
        "copper ladle",
        "It holds a little more than a pint. There is a fish engraved on its handle.",
    );

    let bag = plan.thing(rooms.pantry, "canvas bag", "A bag for flour, washed soft. Things can be put into it.");
    bag.tag("container");
    plan.thing(
        rooms.pantry,
        "loaf of bread",
        "A round loaf with a cross cut into its crust, still warm. Nobody is seen baking.",
    );

    let book = "\"An Account of the Tides, With Remarks Upon Those Who Wait for Them\". The last pages are uncut.";
    plan.thing(rooms.library, "blue book", book).alias(&["account", "tides"]);

    let telescope = "It is trained, quite precisely, on the harbour.";
    plan.fixture(rooms.observatory, "telescope", telescope, "The telescope is bolted to the floor.");
    plan.thing(rooms.observatory, "star chart", "A chart of the northern sky, with a star added by hand, and a date.");

    let barrel = "It gives a dull sound when you knock. Somebody has chalked \"not yet\" on it.";
    plan.fixture(rooms.cellar, "barrel", barrel, "It takes six people to move a full barrel.");

    let chest = "A sea chest with rope handles. Its lid stands open.";
    let chest = plan.fixture(rooms.vault, "chest", chest, "The chest is far too heavy.").tag("container").id;
    for face in ["Its face shows a ship under full sail.", "Its face is worn away."] {
        plan.thing(chest, "silver coin", face);
    }

    let fern = "Its fronds unroll while you look, or so it seems.";
    plan.fixture(rooms.garden, "fern", fern, "It has grown through the floor.");
    plan.thing(rooms.garden, "watering can", "A can of tin with a long spout, half full.");

    let well = "Far below, a disc of sky with your head in it.";
    plan.fixture(rooms.courtyard, "well", well, "It is a hole in the ground, with a wall around it.");
    for look in ["A red apple, with a leaf on its stalk.", "A green apple. Something has had a bite of it."] {
        plan.thing(rooms.orchard, "apple", look);
    }
    plan.thing(rooms.shore, "piece of driftwood", "Bleached, smooth, and light as a bird. It might be a bird.");
}
