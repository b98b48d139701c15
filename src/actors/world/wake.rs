//! Having a room loaded without sending it mail: what keepers look at need not have anybody in it.

use std::collections::hash_map::Entry;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::WorldActor;
use crate::actors::meter::{self, Kind};
use crate::ids::RoomId;

/// Asks to have a room loaded. The reply, false if it cannot be had, comes when it is in the directory.
///
/// Sent by the web, which awaits the reply. An empty room goes back to sleep by itself.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct Wake(pub RoomId);

impl WorldActor {
    /// Tells those who waited for a room whether it is there.
    pub(super) fn woken(&mut self, room: RoomId) {
        let is_there = self.services.as_ref().is_some_and(|services| services.directory.room(room).is_some());
        for waiting in self.waking.remove(&room).unwrap_or_default() {
            // Whoever waited may have given up.
            let _ = waiting.send(is_there);
        }
    }
}

impl Handler<Wake> for WorldActor {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, Wake(room): Wake, ctx: &mut Self::Context) -> Self::Result {
        let _metered = meter::start(Kind::World);
        let (tell, told) = oneshot::channel();
        match self.services.clone() {
            Some(services) if services.directory.room(room).is_none() => {
                self.waking.entry(room).or_default().push(tell);
                if let Entry::Vacant(place) = self.loading.entry(room) {
                    place.insert(Vec::new());
                    self.load(&services, room, ctx);
                }
            }
            // Nobody waits for an answer: the other end is gone already if this one fails.
            services => drop(tell.send(services.is_some())),
        }
        Box::pin(async { told.await.unwrap_or(false) })
    }
}
