//! The world that is tortured: a forum where people talk, vaults with coins, a belfry and a lamp room.

use crate::app::Registry;
use crate::config::Config;
use crate::db::{Database, DbError, password, seed};
use crate::ids::{AccountId, EntityId, RoomId};
use crate::world::account::NewAccount;
use crate::world::first::{self, Plan};
use crate::world::names::Name;
use crate::world::record::{EntityRows, Kind, Permission};

/// Password of everybody in it.
pub(super) const PASSWORD: &str = "passw0rdX9";

/// A lantern burns for four minutes; one more than that needs makes up for what is late.
const LANTERN_SECS: u64 = 240;

/// How often the sky is looked at, in milliseconds: often enough that a script ticks in a short run.
const SKY_MS: i64 = 500;

/// How many of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Players who type numbered lines.
    pub typists: usize,
    /// Players who move coins.
    pub bankers: usize,
    /// Players who come and go.
    pub visitors: usize,
    /// Coins.
    pub coins: usize,
    /// Rooms with coins, at least 3: their ways lead round.
    pub vaults: usize,
    /// The types of the demo world are there: a bell is rung, and lanterns are lit.
    pub demo: bool,
}

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Typist,
    Banker,
    Visitor,
    Ringer,
    Lamplighter,
    Knocker,
}

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) part: Part,
    pub(super) character: EntityId,
    pub(super) room: RoomId,
}

/// What is in the world.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    /// Rooms whose names tell where somebody is, with those names.
    pub(super) rooms: Vec<(RoomId, String)>,
    pub(super) coins: Vec<(EntityId, String, RoomId)>,
    pub(super) lanterns: Vec<String>,
    pub(super) cast: Vec<Member>,
}

/// The ways out of a vault: their names, and how many vaults on they lead.
const WAYS: [(&str, isize); 4] = [("east", 1), ("west", -1), ("north", 2), ("south", -2)];

/// Tells whether a program has the types that the belfry and the lamp room are made of.
pub fn has_demo(registry: &Registry) -> bool {
    let has = |kind, name| registry.types.fresh(kind, name).is_some();
    has(Kind::Object, "bell") && has(Kind::Object, "lantern") && has(Kind::Room, "earshot")
}

impl Scene {
    /// Builds the world in an empty database, for a run of that many seconds.
    ///
    /// # Errors
    ///
    /// [`DbError::Away`] if the database cannot be written, [`DbError::Constraint`] if it holds something.
    pub(super) fn build(size: Size, secs: u64, config: &Config, database: &Database) -> Result<Self, DbError> {
        let hash = password::hash(&config.password, PASSWORD)?;
        let mut scene = Self::default();
        let (mut rows, mut scripts) = scene.lay_out(size, secs);
        scripts.iter_mut().for_each(|script| script.period_ms = SKY_MS);
        let first_free = rows.iter().map(|row| row.record.id.0).max().unwrap_or(0) + 1;
        scene.people(size, first_free);
        let mut accounts = Vec::new();
        for (n, member) in (1..).zip(&scene.cast) {
            let shown = member.name.clone();
            let name = Name { folded: shown.clone(), skeleton: shown.clone(), shown };
            let (account, character) = (AccountId(first::ADMIN_ACCOUNT.0 + n), member.character);
            let new =
                NewAccount { account, character, name, password_hash: hash.clone(), permission: Permission::Player };
            let (record, character) = new.make(member.room, 0);
            accounts.push(record);
            rows.push(character.to_rows());
        }
        let (admin, character) = first::admin(hash, 0);
        accounts.push(admin);
        rows.push(character);
        seed::seed(database, rows, accounts, first::channels(), scripts)?;
        Ok(scene)
    }

    fn lay_out(&mut self, size: Size, secs: u64) -> (Vec<EntityRows>, Vec<crate::world::record::ScriptRecord>) {
        let mut plan = Plan::new("The Forum", "People talk here.");
        let forum = plan.start();
        self.rooms.push((forum, "The Forum".to_owned()));
        let vaults: Vec<RoomId> =
            (0..size.vaults).map(|n| plan.room(&format!("Vault {n:02}"), "A bare room.")).collect();
        for (n, vault) in vaults.iter().enumerate() {
            self.rooms.push((*vault, format!("Vault {n:02}")));
            for (way, step) in WAYS {
                let to = (n as isize + step).rem_euclid(size.vaults as isize) as usize;
                plan.exit(*vault, way, vaults[to]);
            }
        }
        let sealed = plan.room("The Sealed Vault", "Nobody comes in here.");
        if let Some(sealed) = plan.entity(sealed) {
            sealed.lock_to("enter", "none()", "");
        }
        let threshold = plan.room("The Threshold", "Before a vault that is sealed.");
        plan.exit(threshold, "up", sealed);
        self.rooms.push((threshold, "The Threshold".to_owned()));
        for n in 0..size.coins {
            let (name, vault) = (format!("coin{n:03}"), vaults[n % size.vaults]);
            self.coins.push((plan.thing(vault, &name, "").id, name, vault));
        }
        let mut typed = Vec::new();
        if size.demo {
            let (belfry, lamps) = (plan.room("The Belfry", "A bell."), plan.room("The Lamp Room", "Lanterns."));
            plan.exit(belfry, "down", forum);
            self.rooms.extend([(belfry, "The Belfry".to_owned()), (lamps, "The Lamp Room".to_owned())]);
            typed.extend([(forum, "earshot", "null"), (plan.thing(belfry, "bell", "").id, "bell", r#"{"strokes":0}"#)]);
            for n in 0..=secs / LANTERN_SECS + 1 {
                self.lanterns.push(format!("lantern{n}"));
                let lantern = plan.thing(lamps, &format!("lantern{n}"), "").id;
                typed.push((lantern, "lantern", r#"{"is_lit":false,"oil":120}"#));
            }
        }
        let scripts = plan.scripts(0);
        let mut rows = plan.into_rows();
        for (id, type_name, state) in typed {
            if let Some(row) = rows.iter_mut().find(|row| row.record.id == id) {
                (row.record.type_name, row.record.state) = (type_name.to_owned(), state.to_owned());
            }
        }
        (rows, scripts)
    }

    fn people(&mut self, size: Size, first_free: u64) {
        let forum = Some(first::START_ROOM);
        let room = |name: &str| self.rooms.iter().find(|(_, known)| known == name).map(|(id, _)| *id);
        let mut cast: Vec<(String, Part, Option<RoomId>)> = Vec::new();
        cast.extend((0..size.typists).map(|n| (format!("typist{n:02}"), Part::Typist, forum)));
        cast.extend((0..size.bankers).map(|n| {
            let vault = room(&format!("Vault {:02}", n % size.vaults));
            (format!("banker{n:02}"), Part::Banker, vault)
        }));
        cast.extend((0..size.visitors).map(|n| (format!("visitor{n:02}"), Part::Visitor, forum)));
        cast.push(("knocker".to_owned(), Part::Knocker, room("The Threshold")));
        if size.demo {
            cast.push(("ringer".to_owned(), Part::Ringer, room("The Belfry")));
            cast.push(("lamplighter".to_owned(), Part::Lamplighter, room("The Lamp Room")));
        }
        self.cast = (first_free..)
            .zip(cast)
            .filter_map(|(id, (name, part, room))| Some(Member { name, part, character: EntityId(id), room: room? }))
            .collect();
    }

    /// Tells whether a line is a room's name.
    pub(super) fn is_room(&self, line: &str) -> bool {
        self.rooms.iter().any(|(_, name)| name == line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vault_has_a_way_to_another_and_everybody_and_every_coin_a_place() {
        let size = Size { typists: 2, bankers: 7, visitors: 1, coins: 9, vaults: 4, demo: true };
        let mut scene = Scene::default();
        let (rows, _) = scene.lay_out(size, 600);
        scene.people(size, 1000);
        assert_eq!(scene.cast.len(), 13, "{:?}", scene.cast);
        assert_eq!((scene.coins.len(), scene.lanterns.len()), (9, 4));
        for row in rows.iter().filter(|row| row.record.kind == Kind::Exit) {
            assert_ne!(row.record.location, row.record.destination, "{}", row.record.key);
        }
    }
}
