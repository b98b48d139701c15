//! What a room is sent: plain values, so that they could cross a machine.

use std::sync::Arc;

use actix::prelude::*;

use crate::actors::batch::{Batch, Key};
use crate::ids::{AccountId, EntityId, RoomId, SessionId};
use crate::text::Markup;
use crate::world::caller::{Caller, Seat};
use crate::world::contents::Undo;
use crate::world::effects::Manner;
use crate::world::record::SignalRecord;
use crate::world::room::Occupant;

/// Mail for a room: plain values, so that it could cross a machine. Kept by world while the room is being loaded.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Mail {
    /// Runs a line for a character. Sent by its session.
    Input {
        /// The line's batch.
        batch: Batch,
        /// Who typed it.
        session: SessionId,
        /// For whom.
        who: EntityId,
        /// The line.
        line: String,
        /// The person.
        caller: Arc<Caller>,
    },
    /// Characters come in. Sent by the room they left, or by accounts.
    Arrive(Arrival),
    /// Characters come back who were not let in. Sent by the room that refused them.
    Returned {
        /// Their batch.
        batch: Batch,
        /// Who.
        party: Vec<Occupant>,
        /// What this room had changed for it.
        undo: Undo,
        /// Why.
        why: Markup,
    },
    /// A session drives a character, or knows more of its person. Sent by the session.
    Sit {
        /// The character.
        who: EntityId,
        /// The session.
        seat: Seat,
    },
    /// A session takes another's place. Sent by the one that gives way, in the login's batch.
    Reseat {
        /// The login's batch.
        batch: Batch,
        /// The character.
        who: EntityId,
        /// The new session.
        seat: Seat,
        /// The old one.
        instead: SessionId,
    },
    /// A session's link is lost. Sent by the session.
    Unseat {
        /// A batch of its own.
        batch: Batch,
        /// The character.
        who: EntityId,
        /// The session.
        session: SessionId,
    },
    /// A signal for the room or something in it. Sent when the batch that sent it is complete.
    Signal {
        /// As it is stored.
        signal: SignalRecord,
        /// An actor that the sender's batch has changed.
        sender: Option<Key>,
        /// How often it has been looked for.
        attempts: u32,
    },
    /// Timers may be due. Sent by the wheel.
    Tick,
    /// Runs a builder's line on something that is here, while its builder is elsewhere. Sent by world.
    Relay {
        /// The line's batch.
        batch: Batch,
        /// Who typed it.
        session: SessionId,
        /// For whom; not here.
        who: EntityId,
        /// The line.
        line: String,
        /// The person.
        caller: Arc<Caller>,
        /// What it is on.
        entity: EntityId,
        /// A room that the line has been to.
        knows: Option<RoomId>,
    },
    /// Asks whether this is a room, for a builder's line that goes on in another one. Sent by world.
    Vouch {
        /// The line's batch.
        batch: Batch,
        /// Who typed it.
        session: SessionId,
        /// For whom.
        who: EntityId,
        /// The line.
        line: String,
        /// The person.
        caller: Arc<Caller>,
        /// What is taken for a room.
        entity: EntityId,
        /// Where the line goes on.
        back: RoomId,
    },
    /// A character leaves the world. Sent by its session.
    Leave {
        /// The batch.
        batch: Batch,
        /// The character.
        who: EntityId,
        /// Its account.
        account: AccountId,
        /// Its session.
        session: SessionId,
    },
}

impl Mail {
    /// Tells whether somebody waits for an answer, and can be given one if the room cannot be had.
    pub fn is_waited_for(&self) -> bool {
        match self {
            Self::Input { .. } | Self::Relay { .. } | Self::Vouch { .. } => true,
            // Who comes from nowhere has nowhere to go back to.
            Self::Arrive(arrival) => arrival.from.is_some(),
            _ => false,
        }
    }
}

/// Characters on their way into a room.
#[derive(Debug)]
pub struct Arrival {
    /// Their batch.
    pub batch: Batch,
    /// Who: the one that goes, then those who follow.
    pub party: Vec<Occupant>,
    /// The room they come from.
    pub from: Option<RoomId>,
    /// How they come.
    pub manner: Manner,
    /// What the room they come from has changed for it.
    pub undo: Undo,
}
