//! All players of a run, on one thread.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use super::banker::{self, Holding};
use super::count::Tally;
use super::keepers;
use super::player::{Door, Out, Player};
use super::scene::{Member, Part};
use super::stage::{Phase, Promise};
use super::{typist, visitor};

/// Logins under way at a time.
const LOGINS: usize = 8;

/// What the players came to.
#[derive(Default)]
pub(super) struct Outcome {
    /// What the typists saw.
    pub(super) tally: Tally,
    pub(super) holdings: Vec<Holding>,
    /// What each typist said on the channel.
    pub(super) published: HashMap<String, Vec<u64>>,
    /// Strokes of the bell.
    pub(super) strokes: u64,
}

/// What one player came to.
enum End {
    Typist(typist::Typed),
    Banker(Holding),
    Other,
}

/// Lets everybody of the cast play until the run ends. Blocks.
pub(super) fn play(door: &Door) -> std::io::Result<Outcome> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(LocalSet::new().block_on(&runtime, play_all(door)))
}

async fn play_all(door: &Door) -> Outcome {
    let logins = Arc::new(Semaphore::new(LOGINS));
    let strokes = Arc::new(AtomicU64::new(0));
    let mut playing = JoinSet::new();
    for (number, member) in (0..).zip(door.scene.cast.clone()) {
        let (door, logins, strokes) = (door.clone(), logins.clone(), strokes.clone());
        playing.spawn_local(async move {
            let end = play_one(&door, &member, number, &logins, strokes).await;
            if let (Err(Out), Some(pulse)) = (&end, door.stage.pulse(&member.name)) {
                pulse.leave();
            }
            end
        });
    }
    let mut outcome = Outcome::default();
    while let Some(end) = playing.join_next().await {
        match end {
            Ok(Ok(End::Typist(typed))) => {
                outcome.tally.add(typed.tally);
                outcome.published.insert(typed.who, typed.published);
            }
            Ok(Ok(End::Banker(holding))) => outcome.holdings.push(holding),
            Ok(Ok(End::Other) | Err(Out)) => {}
            Err(error) => door.stage.violated(Promise::Life, "a player", error.to_string(), Vec::new()),
        }
    }
    outcome.strokes = strokes.load(Ordering::Relaxed);
    outcome
}

async fn play_one(
    door: &Door,
    member: &Member,
    number: u64,
    logins: &Semaphore,
    strokes: keepers::Strokes,
) -> Result<End, Out> {
    let entered = || door.stage.pulse(&member.name).map(|pulse| pulse.did(Phase::Enter));
    if member.part == Part::Visitor {
        entered();
        return visitor::play(door.clone(), member.name.clone(), number).await.map(|()| End::Other);
    }
    let player = {
        // Closed it never is.
        let _turn = logins.acquire().await.map_err(|_| Out)?;
        Player::enter(door, &member.name, number).await?
    };
    entered();
    match member.part {
        Part::Typist => typist::play(player).await.map(End::Typist),
        Part::Banker => banker::play(player).await.map(End::Banker),
        Part::Ringer => keepers::ring(player, strokes).await.map(|()| End::Other),
        Part::Knocker => keepers::knock(player).await.map(|()| End::Other),
        Part::Lamplighter => keepers::light(player).await.map(|()| End::Other),
        Part::Visitor => Ok(End::Other),
    }
}
