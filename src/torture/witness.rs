//! The witness: reads the trail of all that is committed while the world runs, and at the end what is stored.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::banker::Holding;
use super::model::{Found, Model};
use super::players::Outcome;
use super::scene::Scene;
use super::stage::{Promise, Stage};
use crate::db::{DbError, Trail};
use crate::ids::EntityId;
use crate::testing::poll;

/// Prints read at once.
const AT_ONCE: u32 = 2_000;

/// How often the trail is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Outputs that may be left. What the portal has applied goes with the next flush that begins after it has said so; on a busy
/// machine some flushes begin before. A run makes hundreds: what is never taken away would be far above.
const OUTBOX: u64 = 32;

/// Prints after which those that were read are wiped out: the database shall not grow by being watched.
const WIPED_AFTER: i64 = 20_000;

/// The witness at work, on a thread of its own.
pub(super) struct Witness {
    thread: JoinHandle<Result<Seen, DbError>>,
    is_over: Arc<AtomicBool>,
}

/// What the witness knows in the end, and what is stored then.
pub(super) struct Seen {
    model: Model,
    places: BTreeMap<EntityId, Option<EntityId>>,
    messages: Vec<(u64, String, String)>,
    /// Outputs and signals that wait.
    waiting: (u64, u64),
}

/// Figures of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Committed {
    /// Groups of output that were stored.
    pub groups: u64,
    /// Coins and people that are in another place after a flush than before.
    pub moves: u64,
    /// Messages on the channel.
    pub messages: u64,
    /// Strokes of the bell that were heard next door.
    pub strokes: u64,
}

impl Witness {
    pub(super) fn start(trail: Trail, scene: Arc<Scene>, stage: Arc<Stage>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let thread = std::thread::spawn(move || watch(trail, Model::new(scene), &stage, &over));
        Self { thread, is_over }
    }

    /// Reads the rest and returns what is known. Nothing that counts is committed any more; the players are still there.
    pub(super) fn finish(self, stage: &Stage) -> Option<Seen> {
        self.is_over.store(true, Ordering::Release);
        match self.thread.join() {
            Ok(Ok(seen)) => Some(seen),
            Ok(Err(error)) => {
                stage.violated(Promise::Life, "witness", format!("the trail cannot be read: {error}"), Vec::new());
                None
            }
            Err(_) => {
                stage.violated(Promise::Life, "witness", "the witness panicked", Vec::new());
                None
            }
        }
    }
}

fn watch(mut trail: Trail, mut model: Model, stage: &Stage, is_over: &AtomicBool) -> Result<Seen, DbError> {
    let (mut n, mut wiped) = (0, 0);
    loop {
        // Asked first: what was committed before that is read below.
        let last = is_over.load(Ordering::Acquire);
        let prints = trail.behind(n, AT_ONCE)?;
        for print in &prints {
            let mut found = Found::default();
            model.read(print, &mut found);
            for (who, line) in &found.reports {
                stage.committed(who, line);
            }
            for (promise, what) in found.wrong {
                stage.violated(promise, "witness", what, Vec::new());
            }
            n = print.n;
        }
        if n - wiped >= WIPED_AFTER {
            trail.wipe(n)?;
            wiped = n;
        }
        if last && prints.is_empty() {
            let ids: Vec<EntityId> = model.places().keys().copied().collect();
            let (places, messages) = (trail.places(&ids)?.into_iter().collect(), trail.messages()?);
            return Ok(Seen { model, places, messages, waiting: trail.waiting()? });
        }
        if prints.is_empty() {
            // Nothing to wait for but the end.
            poll(GLANCE, || is_over.load(Ordering::Acquire).then_some(()));
        }
    }
}

impl Seen {
    /// Holds what is stored in the end against what was told and what the players saw.
    pub(super) fn check(&self, scene: &Scene, outcome: &Outcome, stage: &Stage) -> Committed {
        let wrong = |promise, what: String| stage.violated(promise, "witness", what, Vec::new());
        for (id, place) in self.model.places() {
            match self.places.get(id) {
                None => wrong(Promise::Whole, format!("{id} is gone")),
                Some(stored) if stored != place => {
                    wrong(Promise::Truth, format!("{id} is stored in {stored:?}, and was told to be in {place:?}"));
                }
                Some(_) => {}
            }
        }
        for (id, name, _) in &scene.coins {
            let place = self.places.get(id).copied().flatten();
            let is_somewhere = place.is_some_and(|place| {
                scene.rooms.iter().any(|(room, _)| *room == place) || scene.cast.iter().any(|m| m.character == place)
            });
            if !is_somewhere {
                wrong(Promise::Whole, format!("{name} is in {place:?}"));
            }
        }
        for Holding { who, coins } in &outcome.holdings {
            let told = self.model.held_by(who);
            if told != *coins {
                wrong(Promise::Truth, format!("{who} saw {coins:?} in hand at last, and {told:?} is stored"));
            }
        }
        let Model { groups, moves, strokes, .. } = &self.model;
        let (groups, moves, strokes) = (*groups, *moves, *strokes);
        if strokes != outcome.strokes {
            wrong(Promise::Once, format!("of {} strokes of the bell {strokes} were heard", outcome.strokes));
        }
        self.channel(&outcome.published, stage);
        let (outbox, signals) = self.waiting;
        if outbox > OUTBOX || signals > 0 {
            wrong(Promise::Bound, format!("{outbox} outputs and {signals} signals are left in the database"));
        }
        Committed { groups, moves, messages: self.messages.len() as u64, strokes }
    }

    /// The channel's history has each message once, numbered without a gap, each speaker's in order.
    fn channel(&self, typed: &HashMap<String, Vec<u64>>, stage: &Stage) {
        let wrong = |what: String| stage.violated(Promise::Channel, "witness", what, Vec::new());
        let mut said: HashMap<&str, Vec<u64>> = HashMap::new();
        for (expected, (n, speaker, text)) in (1..).zip(&self.messages) {
            if *n != expected {
                wrong(format!("message {n} is in the place of {expected}"));
            }
            if let Some(number) = text.rsplit(':').next().and_then(|number| number.parse().ok()) {
                said.entry(speaker).or_default().push(number);
            }
        }
        for (speaker, numbers) in typed {
            let found = said.remove(speaker.as_str()).unwrap_or_default();
            if found != *numbers {
                wrong(format!("{speaker} said {numbers:?} on the channel, and its history has {found:?}"));
            }
        }
    }
}
