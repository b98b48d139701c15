//! The first world.
use crate::ids::{AccountId, ChannelId, EntityId, RoomId, ScriptId};
use crate::world::account::NewAccount;
use crate::world::entity::Entity;
use crate::world::names;
use crate::world::record::{AccountRecord, ChannelRecord, EntityRows, Permission};
use crate::world::types::Behaviour;

/// Where new characters begin.
pub const START_ROOM: RoomId = EntityId(1);
/// The sky's script.
pub const SKY: ScriptId = ScriptId(1);

/// Demo.
pub fn demo() -> Vec<EntityRows> {
    let a = Entity::new(EntityId(1), Behaviour::room(), "Hall");
    let b = Entity::new(EntityId(2), Behaviour::room(), "Garden");
    let mut n = Entity::new(EntityId(3), Behaviour::exit(), "north");
    n.location = Some(a.id);
    n.destination = Some(b.id);
    n.aliases = vec!["n".into()];
    let mut s = Entity::new(EntityId(4), Behaviour::exit(), "south");
    s.location = Some(b.id);
    s.destination = Some(a.id);
    s.aliases = vec!["s".into()];
    let mut rows = vec![a.to_rows(), b.to_rows(), n.to_rows(), s.to_rows()];
    for (i, key) in ["lamp", "key", "red ball", "blue ball"].iter().enumerate() {
        let mut thing = Entity::new(EntityId(10 + i as u64), Behaviour::object(), *key);
        thing.location = Some(EntityId(1));
        rows.push(thing.to_rows());
    }
    rows
}
/// Empty.
pub fn empty() -> Vec<EntityRows> {
    demo()
}
/// Channels.
pub fn channels() -> Vec<ChannelRecord> {
    vec![ChannelRecord {
        id: ChannelId(1),
        name: "Public".into(),
        folded: "public".into(),
        aliases: vec!["pub".into()],
        description: "For everybody.".into(),
        auto_join: true,
        last_message: 0,
        permission: Permission::Guest,
    }]
}
/// Admin.
pub fn admin(hash: String, now_ms: i64) -> (AccountRecord, EntityRows) {
    let name = names::parse("admin").unwrap();
    let new = NewAccount {
        account: AccountId(1),
        character: EntityId(100),
        name,
        password_hash: hash,
        permission: Permission::Developer,
    };
    let (mut record, character) = new.make(START_ROOM, now_ms);
    record.superuser = true;
    (record, character.to_rows())
}
