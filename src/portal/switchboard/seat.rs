//! A session's side towards its connection: where its deliveries go, and what a new socket must be told again.

use std::sync::Arc;
use std::time::Instant;

use actix::Recipient;

use crate::portal::door::{Deliver, Delivery};
use crate::portal::ring::Ring;

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
    pub(super) token: String,
    pub(super) ring: Ring,
    pub(super) prompt: Option<Arc<str>>,
    pub(super) secret: bool,
    pub(super) settings: Vec<(Arc<str>, Arc<str>)>,
    /// When its socket was lost.
    pub(super) lost_at: Option<Instant>,
    /// Sockets that were displaced by a resume and have not said that they are gone.
    pub(super) displaced: u32,
}

impl Seat {
    /// Returns the seat of a new session, resumable if it has a token.
    pub(super) fn new(door: Recipient<Deliver>, token: Option<String>) -> Self {
        let resume = token.map(|token| {
            Box::new(Resumable {
                token,
                ring: Ring::default(),
                prompt: None,
                secret: false,
                settings: Vec::new(),
                lost_at: None,
                displaced: 0,
            })
        });
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
            resume.remember(&delivery);
        }
        if self.door.is_none() && !matches!(delivery, Delivery::Close(_)) {
            return false;
        }
        self.closing = matches!(delivery, Delivery::Close(_));
        self.pending.push(delivery);
        self.pending.len() == 1
    }
}

impl Resumable {
    fn remember(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::Text { .. } | Delivery::Event { .. } => self.ring.push(delivery),
            Delivery::Prompt(text) => self.prompt = Some(text.clone()),
            Delivery::Secret(on) => self.secret = *on,
            Delivery::Setting { name, value } => {
                self.settings.retain(|(known, _)| known != name);
                self.settings.push((name.clone(), value.clone()));
            }
            Delivery::Ack { .. } | Delivery::Close(_) => {}
        }
    }

    /// Returns all that a new socket must be told, `seen` being the last number that the client has; true if nothing is
    /// missing.
    pub(super) fn replay(&self, seen: u64, acked: u64) -> (Vec<Delivery>, bool) {
        let (missed, complete) = self.ring.after(seen);
        let mut deliveries: Vec<Delivery> = self
            .settings
            .iter()
            .map(|(name, value)| Delivery::Setting { name: name.clone(), value: value.clone() })
            .chain(self.prompt.clone().map(Delivery::Prompt))
            .collect();
        deliveries.extend(missed);
        deliveries.push(Delivery::Secret(self.secret));
        if acked > 0 {
            deliveries.push(Delivery::Ack { n: acked });
        }
        (deliveries, complete)
    }
}
