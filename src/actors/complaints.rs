//! What has been complained of: code that panics at each tick is told and logged once in a while, not at each tick.
//!
//! A room tells those who are in it. What belongs to no room, a script or a channel, tells whom it reaches by
//! [`tell_all`].

use rustc_hash::FxHashMap;

use crate::actors::accounts::Everybody;
use crate::actors::batch::Batch;
use crate::actors::services::Shared;
use crate::ids::SessionId;
use crate::wire::Item;
use crate::world::failure::{Failure, SOMETHING_WRONG};

/// How long the same trouble is not told again, in milliseconds.
const QUIET_MS: i64 = 60_000;

/// How many different troubles are remembered; with one more, all are told anew.
const KNOWN_MOST: usize = 100;

/// What was told, and when.
#[derive(Debug, Default)]
pub struct Complaints(FxHashMap<String, i64>);

impl Complaints {
    /// Tells whether trouble is to be told at `now_ms`, and takes note of it.
    pub fn is_news(&mut self, trouble: String, now_ms: i64) -> bool {
        if self.0.get(&trouble).is_some_and(|told_at| now_ms - told_at < QUIET_MS) {
            return false;
        }
        if self.0.len() >= KNOWN_MOST {
            self.0.clear();
        }
        self.0.insert(trouble, now_ms);
        true
    }
}

/// Whom a panic concerns that nobody's line has caused, beside the Developers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concerned {
    /// Everybody in the world.
    Everybody,
    /// These, if anybody.
    Sessions(Vec<SessionId>),
}

/// Tells all Developers in the world the trace of a panic, and the others whom it concerns a plain sentence.
pub fn tell_all(services: &Shared, failure: &Failure, concerned: Concerned) {
    let (services, trace) = (services.clone(), failure.trace());
    actix_rt::spawn(async move {
        let Ok(sessions) = services.accounts.send(Everybody).await else { return };
        let mut others = match concerned {
            Concerned::Everybody => sessions.all,
            Concerned::Sessions(sessions) => sessions,
        };
        others.retain(|session| !sessions.developers.contains(session));
        let mut batch = Batch::begin(None, services.now_ms());
        for (to, text) in [(sessions.developers, trace.into_string()), (others, SOMETHING_WRONG.to_owned())] {
            if !to.is_empty() {
                batch.items.push(Item::Text { to, text });
            }
        }
        services.commit(batch);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_told_once_in_a_while_and_another_at_once() {
        let mut complaints = Complaints::default();
        let mut is_news = |trouble: &str, at: i64| complaints.is_news(trouble.to_owned(), at);
        assert!(is_news("no oil", 0) && is_news("no wick", 1));
        assert!(!is_news("no oil", 50) && !is_news("no wick", QUIET_MS));
        assert!(is_news("no oil", QUIET_MS));
    }

    #[test]
    fn trouble_that_is_another_each_time_takes_no_more_memory() {
        let mut complaints = Complaints::default();
        for n in 0..1000 {
            assert!(complaints.is_news(n.to_string(), 0));
        }
        assert!(complaints.0.len() <= KNOWN_MOST);
    }
}
