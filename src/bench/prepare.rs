//! The world that is measured in: a grid of plain rooms, and bots spread over it. Pure: rows for storage to write.

use std::iter;

use crate::ids::{AccountId, EntityId};
use crate::world::account::NewAccount;
use crate::world::entity::Entity;
use crate::world::record::{AccountRecord, EntityRows, Permission};
use crate::world::types::Behaviour;
use crate::world::{first, names};

/// How large the world shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Size {
    /// Rooms, in a grid that wraps around.
    #[arg(long, default_value_t = 100)]
    pub rooms: u64,
    /// Accounts bot0, bot1 …, spread evenly over the rooms, each with a rock of its own
    #[arg(long, default_value_t = 300)]
    pub accounts: u64,
}

/// Why there is no such world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a world needs at least one room")]
pub struct NoRooms;

/// A grid with its bots.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    size: Size,
    width: u64,
    height: u64,
}

const DIRECTIONS: [(&str, &str, i64, i64); 4] =
    [("north", "n", 0, -1), ("south", "s", 0, 1), ("east", "e", 1, 0), ("west", "w", -1, 0)];

impl Grid {
    /// Returns a grid that is as square as the number of rooms allows.
    ///
    /// # Errors
    ///
    /// No rooms.
    pub fn new(size: Size) -> Result<Self, NoRooms> {
        let width = (1..=size.rooms.isqrt()).rev().find(|width| size.rooms.is_multiple_of(*width)).ok_or(NoRooms)?;
        Ok(Self { size, width, height: size.rooms / width })
    }

    /// Returns all entities, one after the other: a million rooms need not be in memory.
    pub fn entities(self, admin: EntityRows) -> impl Iterator<Item = EntityRows> {
        let rooms = (0..self.size.rooms).map(move |at| self.room(at).to_rows());
        let exits = (0..self.size.rooms * 4).map(move |at| self.exit(at / 4, at % 4).to_rows());
        let bots = (0..self.size.accounts).flat_map(move |bot| {
            let (_, character) = self.account(bot, String::new(), 0);
            [character.to_rows(), self.rock(bot).to_rows()]
        });
        rooms.chain(exits).chain(bots).chain(iter::once(admin))
    }

    /// Returns all accounts; one hash serves them all.
    pub fn accounts(self, hash: &str, now_ms: i64) -> Vec<AccountRecord> {
        (0..self.size.accounts).map(|bot| self.account(bot, hash.to_owned(), now_ms).0).collect()
    }

    /// Returns the keeper's account and character.
    pub fn admin(self, hash: String, now_ms: i64) -> (AccountRecord, EntityRows) {
        let (mut record, mut character) = first::admin(hash, now_ms);
        record.character = EntityId(self.first_bot() + self.size.accounts * 2);
        record.id = AccountId(self.size.accounts + 1);
        character.record.id = record.character;
        character.record.owner = Some(record.id);
        (record, character)
    }

    fn room(self, at: u64) -> Entity {
        let (x, y) = (at % self.width, at / self.width);
        let mut room = Entity::new(EntityId(at + 1), Behaviour::room(), format!("Cell {x}-{y}"));
        room.description = "A bare stone cell with four doors.".into();
        room
    }

    fn exit(self, room: u64, direction: u64) -> Entity {
        let (name, alias, dx, dy) = DIRECTIONS[direction as usize];
        let wrap = |at: u64, step: i64, length: u64| (at as i64 + step).rem_euclid(length as i64) as u64;
        let (x, y) = (wrap(room % self.width, dx, self.width), wrap(room / self.width, dy, self.height));
        let id = self.size.rooms + room * 4 + direction + 1;
        let mut exit = Entity::new(EntityId(id), Behaviour::exit(), name);
        exit.aliases = vec![alias.to_owned()];
        exit.location = Some(EntityId(room + 1));
        exit.destination = Some(EntityId(y * self.width + x + 1));
        exit
    }

    fn account(self, bot: u64, password_hash: String, now_ms: i64) -> (AccountRecord, Entity) {
        let shown = format!("bot{bot}");
        let name = names::parse(&shown).unwrap_or_else(|_| names::Name {
            folded: shown.clone(),
            skeleton: shown.clone(),
            shown,
        });
        let new = NewAccount {
            account: AccountId(bot + 1),
            character: EntityId(self.first_bot() + bot * 2),
            name,
            password_hash,
            permission: Permission::Player,
        };
        new.make(self.room_of(bot), now_ms)
    }

    fn rock(self, bot: u64) -> Entity {
        let mut rock = Entity::new(EntityId(self.first_bot() + bot * 2 + 1), Behaviour::object(), format!("rock{bot}"));
        rock.location = Some(self.room_of(bot));
        rock
    }

    fn room_of(self, bot: u64) -> EntityId {
        EntityId(bot % self.size.rooms + 1)
    }

    fn first_bot(self) -> u64 {
        self.size.rooms * 5 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn every_door_leads_on_and_back_and_every_bot_has_its_rock() {
        let grid = Grid::new(Size { rooms: 12, accounts: 30 }).unwrap();
        let (admin, character) = grid.admin("x".into(), 0);
        let all: HashMap<_, _> = grid.entities(character).map(|rows| (rows.record.id, rows.record)).collect();
        assert_eq!(all.len(), 12 + 48 + 60 + 1);
        assert!(all.contains_key(&admin.character));
        let exits: Vec<_> = all.values().filter(|record| record.destination.is_some()).collect();
        for exit in &exits {
            assert!(exits.iter().any(|back| back.location == exit.destination && back.destination == exit.location));
        }
        for bot in grid.accounts("x", 0) {
            let room = all[&bot.character].left_from;
            let rock = all.values().find(|record| record.key == bot.name.replace("bot", "rock")).unwrap();
            assert_eq!(rock.location, room);
        }
        assert_eq!(Grid::new(Size { rooms: 0, accounts: 1 }).unwrap_err(), NoRooms);
    }
}
