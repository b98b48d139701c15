//! The keeper's hand: what `everhall admin run` puts into the start room. Unseen, never stored, passes every lock.

use std::sync::Arc;

use crate::actors::batch::Batch;
use crate::actors::room::Arrival;
use crate::ids::{AccountId, EntityId, RoomId, SessionId};
use crate::world::caller::{Caller, Seat};
use crate::world::contents::Undo;
use crate::world::effects::Manner;
use crate::world::entity::Entity;
use crate::world::record::Permission;
use crate::world::room::Occupant;
use crate::world::seats::Occupancy;
use crate::world::types::Behaviour;

/// What others see of it in what it says.
const NAME: &str = "The keeper";

/// Returns the person behind it.
pub fn caller(character: EntityId) -> Caller {
    Caller {
        account: AccountId(0),
        name: NAME.into(),
        character,
        permission: Permission::Developer,
        superuser: true,
        ignores: Vec::new(),
        channels: Vec::new(),
        options: serde_json::Value::Null,
        width: 0,
        screen_reader: false,
        events: false,
        address: "".into(),
    }
}

/// Returns its arrival in the room `to`.
pub fn arrival(id: EntityId, session: SessionId, caller: Arc<Caller>, batch: Batch, to: RoomId) -> Arrival {
    let mut hand = Entity::new(id, Behaviour::character(), NAME);
    hand.location = Some(to);
    hand.transient = true;
    let mut occupancy = Occupancy::default();
    occupancy.seats.push(Seat { session, caller });
    let party = vec![Occupant { entities: vec![hand], occupancy: Some(occupancy) }];
    Arrival { batch, party, from: None, manner: Manner::Login, undo: Undo::default() }
}
