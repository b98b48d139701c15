//! A room looked at, and written anew, from outside: by keepers, over the web.
//!
//! Sequence of an edit: web ─[`Rewrite`]─► room ─Watch─► journal, room ─Commit─► journal … journal ─stored─► room ─reply─► web.

use std::time::Instant;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::RoomActor;
use crate::actors::batch::Batch;
use crate::actors::meter;
use crate::ids::{EntityId, RoomId};
use crate::world::building::Author;
use crate::world::entity::Entity;
use crate::world::record::Kind;
use crate::world::room::Performed;

/// Asks what a room is and holds. The reply is `None` if the room has just gone to sleep: world knows more.
#[derive(Debug, Message)]
#[rtype(result = "Option<RoomSeen>")]
pub struct Examine;

/// Asks for a room's name and who plays in it. The reply is `None` if it has just gone to sleep.
#[derive(Debug, Message)]
#[rtype(result = "Option<RoomBrief>")]
pub struct Survey;

/// Gives a room another name and description. The reply comes when that is stored.
///
/// Sent by the web, which has checked both texts.
#[derive(Debug, Message)]
#[rtype(result = "Rewritten")]
pub struct Rewrite {
    /// The version of the room that the sender has seen.
    pub version: i64,
    /// Plain text.
    pub name: String,
    /// Marked up.
    pub description: String,
    /// Who writes it.
    pub by: Author,
}

/// A room's name, and who plays in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomBrief {
    /// The room.
    pub id: RoomId,
    /// Plain text.
    pub name: String,
    /// Names of the played characters, sorted.
    pub players: Vec<String>,
}

/// A room as keepers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSeen {
    /// The room.
    pub id: RoomId,
    /// Name of its type, as stored.
    pub type_name: String,
    /// Plain text.
    pub name: String,
    /// As written, marked up.
    pub description: String,
    /// Grows with each stored change.
    pub version: i64,
    /// What is directly in it, by kind, in order of arrival.
    pub contents: Vec<ThingSeen>,
}

/// Something in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThingSeen {
    /// Its id.
    pub id: EntityId,
    /// Its kind.
    pub kind: Kind,
    /// Plain text.
    pub name: String,
    /// Where it leads, if it is an exit.
    pub destination: Option<RoomId>,
    /// Somebody plays it; their link may be lost.
    pub is_played: bool,
}

/// What came of a [`Rewrite`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewritten {
    /// It is stored, and everybody in the room sees it.
    Stored,
    /// The room is another than the sender has seen; nothing was done. This is how it is now.
    Stale(Box<RoomSeen>),
    /// The room has just gone to sleep; nothing was done, world knows more.
    Asleep,
    /// Storage is away; nothing was done.
    Unsaved,
    /// It failed, or the server ends before it is known to be stored.
    Failed,
}

impl RoomActor {
    fn entity(&self) -> Option<&Entity> {
        self.room.contents.entity(self.room.id()).filter(|_| !self.is_asleep)
    }

    fn seen(&self) -> Option<RoomSeen> {
        let room = self.entity()?;
        let thing = |id: &EntityId| {
            let entity = self.room.contents.entity(*id).filter(|entity| !entity.transient)?;
            Some(ThingSeen {
                id: *id,
                kind: entity.kind(),
                name: entity.key.clone(),
                destination: entity.destination,
                is_played: self.room.seats.of(*id).is_some(),
            })
        };
        Some(RoomSeen {
            id: room.id,
            type_name: room.behaviour.type_name().to_owned(),
            name: room.key.clone(),
            description: room.description.clone(),
            version: room.version,
            contents: self.room.contents.inside(room.id).iter().filter_map(thing).collect(),
        })
    }

    /// Writes the room anew; the returned receiver is told when that is stored.
    fn rewrite(&mut self, rewrite: Rewrite) -> Result<Option<oneshot::Receiver<()>>, Rewritten> {
        let seen = self.seen().ok_or(Rewritten::Asleep)?;
        if seen.version != rewrite.version {
            return Err(Rewritten::Stale(Box::new(seen)));
        }
        let mut batch = Batch::begin(None, self.services.now_ms());
        batch.meet(self.key());
        let Rewrite { name, description, by, .. } = &rewrite;
        match self.room.rewrite(self.first_moment(&batch), (name, description), by, &self.services.hall.ids) {
            Performed::Done(changes, _, _) if changes.is_empty() => Ok(None),
            Performed::Done(changes, effects, _) => {
                self.perform_effects(&mut batch, changes, effects);
                Ok(Some(self.services.commit_watched(batch)))
            }
            Performed::Unsaved => Err(Rewritten::Unsaved),
            Performed::Refused(_) => Err(Rewritten::Failed),
            Performed::Panicked(failure) => {
                self.report("an edit", &failure);
                Err(Rewritten::Failed)
            }
        }
    }
}

impl Handler<Examine> for RoomActor {
    type Result = Option<RoomSeen>;

    fn handle(&mut self, _: Examine, _: &mut Self::Context) -> Option<RoomSeen> {
        let _metered = meter::start(meter::Kind::Room);
        self.seen()
    }
}

impl Handler<Survey> for RoomActor {
    type Result = Option<RoomBrief>;

    fn handle(&mut self, _: Survey, _: &mut Self::Context) -> Option<RoomBrief> {
        let _metered = meter::start(meter::Kind::Room);
        let room = self.entity()?;
        let played = self.room.seats.iter().filter_map(|(who, _)| self.room.contents.entity(who));
        let mut players: Vec<String> = played.filter(|who| !who.transient).map(|who| who.key.clone()).collect();
        players.sort_unstable();
        Some(RoomBrief { id: room.id, name: room.key.clone(), players })
    }
}

impl Handler<Rewrite> for RoomActor {
    type Result = ResponseFuture<Rewritten>;

    fn handle(&mut self, rewrite: Rewrite, _: &mut Self::Context) -> Self::Result {
        let _metered = meter::start(meter::Kind::Room);
        self.active_at = Instant::now();
        let begun = self.rewrite(rewrite);
        Box::pin(async {
            match begun {
                Ok(None) => Rewritten::Stored,
                Ok(Some(stored)) => stored.await.map_or(Rewritten::Failed, |()| Rewritten::Stored),
                Err(why) => why,
            }
        })
    }
}
