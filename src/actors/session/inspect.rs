//! What keepers see of a session.

use std::time::Duration;

use actix::prelude::*;

use super::{Mode, SessionActor};
use crate::actors::meter::{self, Kind};
use crate::ids::{RoomId, SessionId};

/// Asks who a session is. Sent by the web, which awaits the reply.
#[derive(Debug, Message)]
#[rtype(result = "SessionSeen")]
pub struct Inspect;

/// A session as keepers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSeen {
    /// The session.
    pub id: SessionId,
    /// The account's name; `None` before login.
    pub name: Option<String>,
    /// `telnet`, `websocket`, `control`.
    pub protocol: String,
    /// The peer's address.
    pub address: String,
    /// Where its character is; `None` before login.
    pub room: Option<RoomId>,
    /// Its link is lost; its character waits for it.
    pub is_lost: bool,
    /// When it was opened, in milliseconds since 1970; `None` if that was before this server started.
    pub opened_ms: Option<i64>,
    /// How long nothing has been typed; `None` if nothing was since this server started.
    pub idle: Option<Duration>,
}

impl Handler<Inspect> for SessionActor {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        let _metered = meter::start(Kind::Session);
        let (name, room, is_lost) = match &self.mode {
            Mode::Play { caller, room, is_lost, .. } => (Some(caller.name.to_string()), Some(*room), *is_lost),
            Mode::Login(_) | Mode::Entering | Mode::Over => (None, None, false),
        };
        MessageResult(SessionSeen {
            id: self.id,
            name,
            protocol: self.facts.protocol.clone(),
            address: self.facts.address.clone(),
            room,
            is_lost,
            opened_ms: self.opened_ms,
            idle: self.typed_at.map(|at| at.elapsed()),
        })
    }
}
