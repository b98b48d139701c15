//! A session's side towards its connection: where its deliveries go, and what a new socket must be told again.

use std::time::Instant;

use actix::Recipient;

use crate::portal::door::{Deliver, Delivery};
use crate::portal::replay::Replay;
use crate::portal::ring_file::TokenKey;

/// One session as its connection sees it.
pub(super) struct Seat {
    /// Where deliveries go; `None` while a resumable session has no socket.
    pub(super) door: Option<Recipient<Deliver>>,
    /// Deliveries of this turn, not sent yet.
    pub(super) pending: Vec<Delivery>,
    /// The server has closed it: what follows is dropped, and the session with the turn's end.
    pub(super) closing: bool,
    /// The server has not been told its latest facts.
    pub(super) facts_changed: bool,
    /// The player knows that the world is being restarted.
    pub(super) told_of_pause: bool,
    /// Present if the session outlives its socket.
    pub(super) resume: Option<Box<Resumable>>,
    delivered: u64,
}

/// What a session keeps for its next socket.
pub(super) struct Resumable {
    /// Names its token.
    pub(super) key: TokenKey,
    pub(super) replay: Replay,
    /// When its socket was lost.
    pub(super) lost_at: Option<Instant>,
    /// Sockets that were displaced by a resume and have not said that they are gone.
    pub(super) displaced: u32,
}

impl Seat {
    /// Returns the seat of a new session, resumable if it has a token.
    pub(super) fn new(door: Recipient<Deliver>, key: Option<TokenKey>) -> Self {
        let resume = key.map(|key| Box::new(Resumable { key, replay: Replay::default(), lost_at: None, displaced: 0 }));
        Self {
            door: Some(door),
            pending: Vec::new(),
            closing: false,
            facts_changed: false,
            told_of_pause: false,
            resume,
            delivered: 0,
        }
    }

    /// Returns the seat of a session whose portal has died: it waits for its page.
    pub(super) fn revived(key: TokenKey, replay: Replay, delivered: u64) -> Self {
        let resume = Resumable { key, replay, lost_at: Some(Instant::now()), displaced: 0 };
        Self {
            door: None,
            pending: Vec::new(),
            closing: false,
            facts_changed: false,
            told_of_pause: false,
            resume: Some(Box::new(resume)),
            delivered,
        }
    }

    /// Returns the number of the last text or event.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Returns the number of the next text or event.
    pub(super) fn next_number(&mut self) -> u64 {
        self.delivered += 1;
        self.delivered
    }

    /// Adds a delivery; returns true if it is the turn's first.
    pub(super) fn push(&mut self, delivery: Delivery) -> bool {
        if self.closing {
            return false;
        }
        if let Some(resume) = &mut self.resume {
            resume.replay.remember(&delivery);
        }
        if self.door.is_none() && !matches!(delivery, Delivery::Close(_)) {
            return false;
        }
        self.closing = matches!(delivery, Delivery::Close(_));
        self.pending.push(delivery);
        self.pending.len() == 1
    }
}
