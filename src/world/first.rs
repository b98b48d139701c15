//! The first world: what is built into a database that has none yet. Pure: it returns a plan, and storage writes it.
//!
//! The ids of what every first world has are fixed: the start room, the keeper's account and character, the channels, the sky.

use crate::ids::{AccountId, ChannelId, EntityId, RoomId, ScriptId};
use crate::world::account::NewAccount;
use crate::world::names::{self, Name};
use crate::world::record::{AccountRecord, ChannelRecord, EntityRows, Permission};

mod plan;

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
        type_name: "channel".into(),
        state: "null".into(),
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
    use super::*;

    #[test]
    fn the_keeper_is_named_as_anybody_is() {
        let (account, character) = admin("hash".into(), 7);
        let name = names::parse(ADMIN_NAME).unwrap();
        assert_eq!((account.name, account.folded, account.skeleton), (name.shown, name.folded, name.skeleton));
        assert_eq!((character.record.key.as_str(), account.character), (ADMIN_NAME, character.record.id));
    }
}
