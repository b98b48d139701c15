//! How an account begins: its row, and the character that it plays.

use serde_json::Value;

use crate::ids::{AccountId, EntityId, RoomId};
use crate::world::entity::Entity;
use crate::world::names::Name;
use crate::world::record::{AccountRecord, Permission};
use crate::world::types::Behaviour;

/// What a new account is made of.
#[derive(Debug)]
pub struct NewAccount {
    /// Its id.
    pub account: AccountId,
    /// Its character's id.
    pub character: EntityId,
    /// The name of both.
    pub name: Name,
    /// PHC string.
    pub password_hash: String,
    /// What the person may do.
    pub permission: Permission,
}

impl NewAccount {
    /// Makes the account's row, and its character: out of the world, at home in `start_room`.
    pub fn make(self, start_room: RoomId, now_ms: i64) -> (AccountRecord, Entity) {
        let mut character = Entity::new(self.character, Behaviour::character(), self.name.shown.clone());
        character.home = Some(start_room);
        character.left_from = Some(start_room);
        character.owner = Some(self.account);
        let record = AccountRecord {
            id: self.account,
            name: self.name.shown,
            folded: self.name.folded,
            skeleton: self.name.skeleton,
            password_hash: self.password_hash,
            permission: self.permission,
            superuser: false,
            character: self.character,
            options: Value::Object(serde_json::Map::new()),
            ignores: Vec::new(),
            created_at: now_ms,
            last_login_at: 0,
        };
        (record, character)
    }
}
