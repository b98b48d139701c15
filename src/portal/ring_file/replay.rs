//! From the bytes of a ring file back to sessions. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{Head, Record, Saved, Told, VERSION, next_frame, records};
use super::{SessionState, TokenKey};
use crate::ids::SessionId;
use crate::portal::book::Entry;
use crate::portal::door::{Delivery, Event, Output};
use crate::portal::lines::{InFlight, Lines, Progress};
use crate::portal::replay::Replay;
use crate::portal::ring::Ring;
use crate::wire::Facts;

/// What a portal that died has left.
#[derive(Debug, Default)]
pub struct Revived {
    /// Epoch of the last server that it obeyed; 0 if none.
    pub epoch: u64,
    /// The last flush that it applied; 0 if none.
    pub applied: u64,
    /// Its resumable sessions.
    pub sessions: BTreeMap<SessionId, RevivedSession>,
}

/// A session as the portal left it.
#[derive(Debug)]
pub struct RevivedSession {
    /// Names its token.
    pub key: TokenKey,
    /// What is known of its other end.
    pub facts: Facts,
    /// What the server wants back.
    pub note: Vec<u8>,
    /// How far its lines are.
    pub progress: Progress,
    /// What its next socket must be told.
    pub replay: Replay,
    /// Number of the last text or event.
    pub delivered: u64,
}

impl RevivedSession {
    /// Returns all of it, to be saved.
    pub(super) fn state(&self, session: SessionId) -> SessionState<'_> {
        SessionState {
            session,
            key: &self.key,
            facts: &self.facts,
            note: &self.note,
            progress: self.progress,
            replay: &self.replay,
            delivered: self.delivered,
        }
    }

    /// Returns the session as a book has it, and what its seat needs.
    pub fn into_parts(self) -> (Entry, TokenKey, Replay, u64) {
        let Self { key, facts, note, progress, replay, delivered } = self;
        let entry = Entry { lines: Lines::revived(progress), note, facts, hidden: replay.secret };
        (entry, key, replay, delivered)
    }
}

/// Returns a file's head if it is one that this portal may use.
pub(super) fn head<'b>(mut file: &'b [u8], boot: &str) -> Option<Head<'b>> {
    match records(next_frame(&mut file)?).ok()?.into_iter().next()? {
        Record::Head(head) if head.version == VERSION && head.boot == boot => Some(head),
        _ => None,
    }
}

impl Revived {
    /// Goes through a file.
    ///
    /// # Errors
    ///
    /// If a frame cannot be read. Then what follows is not known, and what came before is not to be relied on.
    pub(super) fn read(&mut self, mut file: &[u8]) -> Result<(), minicbor::decode::Error> {
        while let Some(frame) = next_frame(&mut file) {
            records(frame)?.into_iter().for_each(|record| self.add(record));
        }
        Ok(())
    }

    fn add(&mut self, record: Record<'_>) {
        match record {
            Record::Head(_) => {}
            Record::Session(saved) => {
                if let Some(session) = RevivedSession::of(&saved) {
                    self.sessions.insert(saved.session, session);
                }
            }
            Record::Ended { session } => drop(self.sessions.remove(&session)),
            Record::Applied { epoch, flush } => (self.epoch, self.applied) = (epoch, flush),
            Record::Sent { session, client } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.progress.flight = Some(InFlight { client });
                }
            }
            Record::Acked { session, n } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.acknowledge(n);
                }
            }
            Record::Text { to, text } => {
                let output = Arc::new(Output::new(text.to_owned()));
                self.tell(&to, |n| Delivery::Text { n, output: output.clone() });
            }
            Record::Event { to, name, data } => {
                let event = Arc::new(Event { name: name.to_owned(), data: data.to_owned() });
                self.tell(&to, |n| Delivery::Event { n, event: event.clone() });
            }
            Record::Prompt { to, text } => self.remember(to, &Delivery::Prompt(text.into())),
            Record::Secret { to, on } => self.remember(to, &Delivery::Secret(on)),
            Record::Setting { to, name, value } => {
                self.remember(to, &Delivery::Setting { name: name.into(), value: value.into() });
            }
            Record::Note { to, note } => {
                if let Some(session) = self.sessions.get_mut(&to) {
                    session.note = note.to_vec();
                }
            }
        }
    }

    fn tell(&mut self, to: &[SessionId], delivery: impl Fn(u64) -> Delivery) {
        for session in to {
            if let Some(session) = self.sessions.get_mut(session) {
                session.delivered += 1;
                session.replay.remember(&delivery(session.delivered));
            }
        }
    }

    fn remember(&mut self, to: SessionId, delivery: &Delivery) {
        if let Some(session) = self.sessions.get_mut(&to) {
            session.replay.remember(delivery);
        }
    }
}

impl RevivedSession {
    fn of(saved: &Saved<'_>) -> Option<Self> {
        let mut ring = Ring::after_loss(saved.dropped);
        saved.ring.iter().for_each(|told| ring.push(&told.delivery()));
        let settings = saved.settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let flight = saved.in_flight.then_some(InFlight { client: saved.in_flight_by_client });
        Some(Self {
            key: saved.key.try_into().ok()?,
            facts: saved.facts.clone(),
            note: saved.note.to_vec(),
            progress: Progress { acked: saved.acked, acked_by_client: saved.acked_by_client, flight },
            replay: Replay {
                ring,
                prompt: saved.prompt.map(Arc::from),
                secret: saved.hidden,
                settings: settings.collect(),
            },
            delivered: saved.delivered,
        })
    }

    fn acknowledge(&mut self, n: u64) {
        self.progress.acked = n;
        if let Some(client) = self.progress.flight.take().and_then(|flight| flight.client) {
            self.progress.acked_by_client = client;
        }
    }
}

impl Told<'_> {
    fn delivery(&self) -> Delivery {
        let (n, text) = (self.n, self.text.to_owned());
        match self.event {
            Some(name) => Delivery::Event { n, event: Arc::new(Event { name: name.to_owned(), data: text }) },
            None => Delivery::Text { n, output: Arc::new(Output::new(text)) },
        }
    }
}
