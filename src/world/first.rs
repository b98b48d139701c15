//! The first world: what is built into a database that has none yet. Pure: it returns a plan, and storage writes it.
//!
//! The ids of what every first world has are fixed: the start room, the keeper's account and character, the channels, the sky.

use crate::ids::{AccountId, ChannelId, EntityId, RoomId, ScriptId};
use crate::world::account::NewAccount;
use crate::world::names::{self, Name};
use crate::world::record::{AccountRecord, ChannelRecord, EntityRows, Permission};

mod demo;
mod plan;

pub use demo::demo;
pub use plan::Plan;

/// Where new characters begin.
pub const START_ROOM: RoomId = EntityId(1);

/// The script of the sky.
pub const SKY: ScriptId = ScriptId(1);

/// The keeper's character.
pub const ADMIN_CHARACTER: EntityId = EntityId(2);

/// The keeper's account.
pub const ADMIN_ACCOUNT: AccountId = AccountId(1);

/// The keeper's name, account and character alike.
pub const ADMIN_NAME: &str = "admin";

/// The first id that a first world uses freely.
const FIRST_FREE: u64 = 3;

/// Returns a world of one room, to build upon.
pub fn empty() -> Plan {
    Plan::new("A Bare Room", "Four walls, a floor, and everything still to be built.")
}

/// Returns the channels of a first world: Public, which everybody joins, and one for those who keep the world.
pub fn channels() -> Vec<ChannelRecord> {
    let channel = |id, name: &str, aliases: &[&str], description: &str, permission| ChannelRecord {
        id: ChannelId(id),
        name: name.into(),
        folded: names::folded(name),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        description: description.into(),
        auto_join: permission == Permission::Guest,
        last_message: 0,
        permission,
    };
    vec![
        channel(1, "Public", &["pub"], "For everybody.", Permission::Guest),
        channel(2, "Staff", &[], "For those who keep the world.", Permission::Helper),
    ]
}

/// Returns the keeper's account and character. `password_hash` is a PHC string; `now_ms` milliseconds since 1970.
pub fn admin(password_hash: String, now_ms: i64) -> (AccountRecord, EntityRows) {
    // A name like any other; a test holds it against what `names::parse` makes of it.
    let name =
        Name { shown: ADMIN_NAME.into(), folded: names::folded(ADMIN_NAME), skeleton: names::skeleton_of(ADMIN_NAME) };
    let permission = Permission::Developer;
    let new = NewAccount { account: ADMIN_ACCOUNT, character: ADMIN_CHARACTER, name, password_hash, permission };
    let (mut account, character) = new.make(START_ROOM, now_ms);
    account.superuser = true;
    (account, character.to_rows())
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::text::render_plain;
    use crate::world::lock::Lock;
    use crate::world::record::{EntityRecord, Kind};
    use crate::world::types::Registry;

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
        let world = whole(demo().into_rows());
        let exits = of_kind(&world, Kind::Exit);
        for exit in &exits {
            assert!(is_room(&world, exit.location) && is_room(&world, exit.destination), "{}", exit.key);
            let back = exits.iter().any(|b| b.location == exit.destination && b.destination == exit.location);
            assert!(back, "{} leads to a place without a way back", exit.key);
        }
    }

    #[test]
    fn every_room_can_be_walked_to_from_the_start() {
        for world in [whole(demo().into_rows()), whole(empty().into_rows())] {
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
        for world in [whole(demo().into_rows()), whole(empty().into_rows())] {
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
        let world = whole(demo().into_rows());
        let registry = Registry::new();
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
        for rows in demo().into_rows().iter().filter(|rows| rows.record.kind != Kind::Exit) {
            assert!(render_plain(&rows.record.description).len() > 20, "{}", rows.record.key);
        }
    }

    #[test]
    fn there_are_two_things_of_a_name_and_a_door_that_a_key_opens() {
        let world = demo().into_rows();
        let count = |key: &str| world.iter().filter(|rows| rows.record.key == key).count();
        assert_eq!((count("apple"), count("key"), count("lamp")), (2, 1, 1));
        let door = world.iter().find(|rows| rows.record.key == "oak door" && !rows.locks.is_empty()).unwrap();
        assert_eq!(door.locks, [("traverse".to_owned(), "holds(key)".to_owned())]);
        assert_eq!(door.attributes[0].value, "The oak door is locked.");
    }

    #[test]
    fn the_keeper_is_named_as_anybody_is() {
        let (account, character) = admin("hash".into(), 7);
        let name = names::parse(ADMIN_NAME).unwrap();
        assert_eq!((account.name, account.folded, account.skeleton), (name.shown, name.folded, name.skeleton));
        assert_eq!((character.record.key.as_str(), account.character), (ADMIN_NAME, character.record.id));
    }
}
