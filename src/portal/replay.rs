//! What a resumable session's next socket must be told: what the lost one did not get, and how things stand. Pure.

use std::sync::Arc;

use super::door::Delivery;
use super::ring::Ring;

/// A session's ring, and the last of each delivery that has no number.
#[derive(Debug, Default)]
pub struct Replay {
    /// Texts and events.
    pub ring: Ring,
    /// The prompt.
    pub prompt: Option<Arc<str>>,
    /// What is typed is hidden.
    pub secret: bool,
    /// Display settings that the player chose, the last one last.
    pub settings: Vec<(Arc<str>, Arc<str>)>,
}

impl Replay {
    /// Remembers a delivery.
    pub fn remember(&mut self, delivery: &Delivery) {
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

    /// Returns all that a new socket must be told, `seen` being the last number that the client has and `acked` its last line
    /// that was acknowledged; true if nothing is missing.
    pub fn after(&self, seen: u64, acked: u64) -> (Vec<Delivery>, bool) {
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
