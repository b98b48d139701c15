//! The map of the demo world: its rooms, ways and things. An old hall above a harbour, and what is left in it.

use std::time::Duration;

use super::bell::{Bell, Earshot};
use super::board::Board;
use super::dark::Dark;
use super::keeper::Keeper;
use super::lantern::Lantern;
use super::observatory::Observatory;
use super::weather::{Outdoors, Weather};
use crate::prelude::*;

/// How often the weather changes.
const WEATHER_PERIOD: Duration = Duration::from_secs(3 * 60);

/// The rooms that things are put into.
struct Rooms {
    hall: RoomId,
    garden: RoomId,
    gallery: RoomId,
    path: RoomId,
    kitchen: RoomId,
    pantry: RoomId,
    library: RoomId,
    observatory: RoomId,
    cellar: RoomId,
    vault: RoomId,
    courtyard: RoomId,
    orchard: RoomId,
    shore: RoomId,
}

/// Returns a world of fourteen rooms, with things to take, two balls and two apples to be told apart, and a locked door.
pub(super) fn plan() -> Plan {
    let mut plan = Plan::new(
        "The Everhall",
        "Benches run the length of a hall that was built for three hundred guests. The fire in the middle has burned \
         since before anybody wrote things down, and whoever comes in puts a log on it. A stair of black stone climbs \
         to a gallery. Through a door of glass to the north falls green light; through the great doors to the south \
         comes the smell of the sea.",
    );
    let rooms = rooms(&mut plan);
    furnish(&mut plan, &rooms);
    let outdoors = vec![rooms.courtyard, rooms.orchard, rooms.path, rooms.shore];
    plan.script(Weather::over(outdoors), WEATHER_PERIOD);
    plan
}

fn rooms(plan: &mut Plan) -> Rooms {
    let hall = plan.start_of(Earshot);
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
    let observatory = plan.room_of(
        Observatory,
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
    let cistern = plan.room_of(
        Dark,
        "The Cistern",
        "A forest of pillars stands in black water, and a walkway of planks runs between them. Each drop that falls is \
         answered from every side, a little later each time. Your light finds no far wall.",
    );
    let vault = plan.room_of(
        Dark,
        "The Vault",
        "A narrow chamber, dry and very quiet. Tally marks cover the walls from the floor to as high as an arm can reach. \
         The last row is not finished.",
    );
    let courtyard = plan.room_of(
        Outdoors::default(),
        "The Courtyard",
        "Grass grows between the flagstones and swallows nest under the eaves. In the middle stands a well with a rim worn \
         smooth by elbows. An arch to the east opens on an orchard; a gate to the south stands open, because it has no \
         hinges left.",
    );
    let orchard = plan.room_of(
        Outdoors::default(),
        "The Orchard",
        "Old trees, bent by the wind into one direction like people who listen. Between them the grass is full of \
         windfalls and wasps.",
    );
    let path = plan.room_of(
        Outdoors::default(),
        "The Cliff Path",
        "The path clings to the cliff in long bends. Halfway down somebody has set a bench into the rock, from which one \
         sees the whole bay, and no ship in it.",
    );
    let shore = plan.room_of(
        Outdoors::default(),
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

    Rooms {
        hall,
        garden,
        gallery,
        path,
        kitchen,
        pantry,
        library,
        observatory,
        cellar,
        vault,
        courtyard,
        orchard,
        shore,
    }
}

fn furnish(plan: &mut Plan, rooms: &Rooms) {
    let fire = "A bed of embers as long as a boat, and flames that bend towards whoever comes in.";
    plan.fixture(rooms.hall, "fire", fire, "You would burn your fingers.");
    plan.thing(
        rooms.hall,
        "lamp",
        "A brass lamp with a horn window, dented by many hands. Its burner is gone; it makes a good doorstop.",
    );
    let key = plan.thing(rooms.hall, "key", "A heavy brass key with an oak leaf for a bow.");
    key.alias(&["brass key"]);
    for (ball, look) in [
        ("red ball", "A ball of red felt. A dog has had it, and been talked out of it."),
        ("blue ball", "A ball of blue glass, as a fisherman's net floats on."),
    ] {
        plan.thing(rooms.hall, ball, look);
    }

    let board = "A board of cork in a frame of driftwood, with a pot of pins.";
    let board = plan.thing_of(Board::default(), rooms.hall, "board", board);
    board.lock_to("get", "none()", "It is nailed to the wall. But you can read it.");

    let fern = "Its fronds unroll while you look, or so it seems.";
    plan.fixture(rooms.garden, "fern", fern, "It has grown through the floor.");
    plan.thing(rooms.garden, "watering can", "A can of tin with a long spout, half full.");

    let odo = "A man as grey and upright as a heron. He looks at the fire, not at you.";
    plan.character_of(Keeper::default(), rooms.gallery, "Odo", odo).alias(&["keeper"]);
    let portraits = "Gilt frames, and the backs of canvases. Someone has dusted them.";
    plan.fixture(rooms.gallery, "portraits", portraits, "Odo clears his throat.").alias(&["portrait"]);

    let lantern = "A lantern of black iron with four panes of horn.";
    plan.thing_of(Lantern::default(), rooms.kitchen, "lantern", lantern);
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
    plan.thing(rooms.observatory, "star chart", "One star is circled. It is not on the dome.");

    let barrel = "It gives a dull sound when you knock. Somebody has chalked \"not yet\" on it.";
    plan.fixture(rooms.cellar, "barrel", barrel, "It takes six people to move a full barrel.");

    let chest = "A sea chest with rope handles. Its lid stands open.";
    let chest = plan.fixture(rooms.vault, "chest", chest, "The chest is far too heavy.").tag("container").id;
    for face in ["Its face shows a ship under full sail.", "Its face is worn away."] {
        plan.thing(chest, "silver coin", face);
    }

    let bell = "A ship's bell, green with salt, under a little roof of its own.";
    let bell = plan.thing_of(Bell::default(), rooms.courtyard, "bell", bell);
    bell.lock_to("get", "none()", "It weighs more than you do. But you could ring it.");
    let well = "Far below, a disc of sky with your head in it.";
    plan.fixture(rooms.courtyard, "well", well, "It is a hole in the ground, with a wall around it.");
    for look in ["A red apple, with a leaf on its stalk.", "A green apple. Something has had a bite of it."] {
        plan.thing(rooms.orchard, "apple", look);
    }
    let bench = "Initials are cut into the backrest, in pairs, and one alone.";
    plan.fixture(rooms.path, "bench", bench, "The bench is part of the cliff.");
    plan.thing(rooms.shore, "piece of driftwood", "Bleached, smooth, and light as a bird. It might be a bird.");
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::text::render_plain;
    use crate::world::first::{START_ROOM, admin};
    use crate::world::lock::Lock;
    use crate::world::record::{EntityRecord, EntityRows};

    /// Everything a first run writes.
    fn whole(world: Vec<EntityRows>) -> HashMap<EntityId, EntityRows> {
        let rows: Vec<EntityRows> = world.into_iter().chain([admin("hash".into(), 0).1]).collect();
        let count = rows.len();
        let by_id: HashMap<_, _> = rows.into_iter().map(|rows| (rows.record.id, rows)).collect();
        assert_eq!(by_id.len(), count, "an id is used twice");
        by_id
    }

    fn of_kind(world: &HashMap<EntityId, EntityRows>, kind: Kind) -> Vec<&EntityRecord> {
        world.values().map(|rows| &rows.record).filter(|record| record.kind == kind).collect()
    }

    fn is_room(world: &HashMap<EntityId, EntityRows>, id: Option<EntityId>) -> bool {
        id.and_then(|id| world.get(&id)).is_some_and(|rows| rows.record.kind == Kind::Room)
    }

    #[test]
    fn every_exit_leads_to_a_room_and_has_a_way_back() {
        let world = whole(plan().into_rows());
        let exits = of_kind(&world, Kind::Exit);
        for exit in &exits {
            assert!(is_room(&world, exit.location) && is_room(&world, exit.destination), "{}", exit.key);
            let back = exits.iter().any(|b| b.location == exit.destination && b.destination == exit.location);
            assert!(back, "{} leads to a place without a way back", exit.key);
        }
    }

    #[test]
    fn every_room_can_be_walked_to_from_the_start() {
        for world in [whole(plan().into_rows())] {
            let exits = of_kind(&world, Kind::Exit);
            let mut reached = HashSet::from([START_ROOM]);
            let mut next = vec![START_ROOM];
            while let Some(room) = next.pop() {
                let ways = exits.iter().filter(|exit| exit.location == Some(room)).filter_map(|exit| exit.destination);
                next.extend(ways.filter(|room| reached.insert(*room)));
            }
            let rooms: HashSet<_> = of_kind(&world, Kind::Room).iter().map(|room| room.id).collect();
            assert_eq!(reached, rooms);
        }
    }

    #[test]
    fn everything_is_in_one_place_that_exists_and_nothing_is_in_itself() {
        for world in [whole(plan().into_rows())] {
            for record in world.values().map(|rows| &rows.record) {
                let mut at = record.location;
                match record.kind {
                    Kind::Room => assert_eq!(at, None),
                    // A character that is out of the world comes back to where it was.
                    Kind::Character if at.is_none() => at = record.left_from,
                    _ => assert!(at.is_some(), "{} is nowhere", record.key),
                }
                for _ in 0..world.len() {
                    at = at.and_then(|holder| world.get(&holder).map(|rows| rows.record.location).expect("exists"));
                }
                assert_eq!(at, None, "{} is in itself", record.key);
            }
        }
    }

    #[test]
    fn names_in_one_room_are_told_apart_and_locks_and_types_are_known() {
        let world = whole(plan().into_rows());
        let mut app = App::new("Demo");
        app.plugin(crate::demo::plugin);
        let registry = &app.registry.types;
        let mut words = HashSet::new();
        for rows in world.values() {
            let record = &rows.record;
            assert!(!registry.behaviour(record.kind, &record.type_name, &record.state).is_unknown());
            for (access, lock) in &rows.locks {
                assert!(Lock::parse(lock).is_ok(), "{access}: {lock}");
            }
            if record.kind == Kind::Exit {
                for word in rows.aliases.iter().chain([&record.key]) {
                    assert!(words.insert((record.location, word.clone())), "two exits of a room are called {word}");
                }
            }
        }
    }

    #[test]
    fn every_place_and_thing_is_described() {
        for rows in plan().into_rows().iter().filter(|rows| rows.record.kind != Kind::Exit) {
            assert!(render_plain(&rows.record.description).len() > 20, "{}", rows.record.key);
        }
    }

    #[test]
    fn there_are_two_things_of_a_name_and_a_door_that_a_key_opens() {
        let world = plan().into_rows();
        let count = |key: &str| world.iter().filter(|rows| rows.record.key == key).count();
        assert_eq!((count("apple"), count("key"), count("lamp")), (2, 1, 1));
        let door = world.iter().find(|rows| rows.record.key == "oak door" && !rows.locks.is_empty()).unwrap();
        assert_eq!(door.locks, [("traverse".to_owned(), "holds(key)".to_owned())]);
        assert_eq!(door.attributes[0].value, "The oak door is locked.");
    }
}
