//! Those with one thing to do: the ringer, whose bell is heard in the next room, the lamplighter, whose lanterns burn down, and the
//! knocker, who is let in nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::player::{Heard, Out, Player};
use super::stage::{Phase, Promise};

/// The time between two strokes of the bell.
const STROKE: Duration = Duration::from_millis(250);

/// The time between two looks at a lantern.
const LOOK: Duration = Duration::from_millis(350);

/// How often a lantern burns a measure, and how many it has.
const TICK: Duration = Duration::from_secs(2);
const FULL: u64 = 120;

/// How long after a disturbance all that was due while the server was away has been done.
const QUIET: Duration = Duration::from_secs(3);

/// Strokes of the bell so far.
pub(super) type Strokes = Arc<AtomicU64>;

/// Rings the bell until the run ends; looks at it now and then.
pub(super) async fn ring(mut player: Player, strokes: Strokes) -> Result<(), Out> {
    let mut phase = player.phase.clone();
    wait(&mut player, &mut phase).await?;
    while *phase.borrow_and_update() < Phase::Settle {
        let answers = ask(&mut player, "ring bell").await?;
        let rung = strokes.fetch_add(1, Ordering::Relaxed) + 1;
        let count = answers.iter().filter(|line| *line == "You ring the bell.").count();
        if count != 1 {
            player.violated(Promise::Once, format!("one stroke was answered {count} times"));
        }
        if rung.is_multiple_of(4) {
            let answers = ask(&mut player, "look bell").await?;
            let expected = format!("Strokes so far: {rung}.");
            if !answers.iter().any(|line| line.contains(&expected)) {
                player.violated(Promise::Truth, format!("{rung} strokes were shown; the bell says {answers:?}"));
            }
        }
        sleep(STROKE).await;
    }
    player.finish().await
}

/// Lights one lantern after the other until the run ends, and watches them burn.
pub(super) async fn light(mut player: Player) -> Result<(), Out> {
    let mut phase = player.phase.clone();
    wait(&mut player, &mut phase).await?;
    let lanterns = player.scene.lanterns.clone();
    for lantern in lanterns {
        if *phase.borrow_and_update() >= Phase::Settle {
            break;
        }
        let before = Instant::now();
        let answers = ask(&mut player, &format!("light {lantern}")).await?;
        if !answers.iter().any(|line| line == "You light the lantern.") {
            player.violated(Promise::Once, format!("{lantern} was not lit: {answers:?}"));
        }
        let mut burning = Burning { lit: (before, Instant::now()), left: FULL };
        while burning.left > 0 && *phase.borrow_and_update() < Phase::Settle {
            sleep(LOOK).await;
            let before = Instant::now();
            let answers = ask(&mut player, &format!("look {lantern}")).await?;
            let left = answers.iter().find_map(|line| measures(line));
            let is_quiet = player.stage.is_quiet_for(QUIET);
            if let Err(what) = burning.look(left, (before, Instant::now()), is_quiet) {
                player.violated(Promise::Time, format!("{lantern}: {what}"));
            }
        }
    }
    player.finish().await
}

/// Walks against a door until the run ends: into a room that turns everybody away.
pub(super) async fn knock(mut player: Player) -> Result<(), Out> {
    let mut phase = player.phase.clone();
    wait(&mut player, &mut phase).await?;
    while *phase.borrow_and_update() < Phase::Settle {
        let answers = ask(&mut player, "up").await?;
        if answers.iter().filter(|line| *line == "You may not go in there.").count() != 1 {
            player.violated(Promise::Once, format!("a walk that is refused was answered {answers:?}"));
        }
        sleep(STROKE).await;
    }
    player.finish().await
}

/// A lantern, and when it was lit: not before the first of these, not after the second.
struct Burning {
    lit: (Instant, Instant),
    left: u64,
}

impl Burning {
    /// Holds what is left against the time. What was due while the server was away may come a moment after it is back, so only in quiet
    /// times can too much be left.
    fn look(&mut self, left: Option<u64>, looked: (Instant, Instant), is_quiet: bool) -> Result<(), String> {
        let Some(left) = left else { return Err("its oil was not shown".to_owned()) };
        let ticks = |from: Instant, to: Instant| (to.duration_since(from).as_millis() / TICK.as_millis()) as u64;
        let least = FULL.saturating_sub(ticks(self.lit.0, looked.1) + 1);
        let most = FULL.saturating_sub(ticks(self.lit.1, looked.0).saturating_sub(1));
        let before = std::mem::replace(&mut self.left, left);
        if left > before {
            return Err(format!("oil came back: {left} measures after {before}"));
        }
        if left < least {
            return Err(format!("{left} measures are left where there must be {least}: ticks were doubled"));
        }
        if left > most && is_quiet {
            return Err(format!("{left} measures are left where there can be {most}: ticks were lost"));
        }
        Ok(())
    }
}

/// Reads how much oil is left.
fn measures(line: &str) -> Option<u64> {
    line.split_once("There are ")?.1.split_once(" measures")?.0.parse().ok()
}

/// Hears what others do until play begins.
async fn wait(player: &mut Player, phase: &mut tokio::sync::watch::Receiver<Phase>) -> Result<(), Out> {
    while *phase.borrow_and_update() < Phase::Play {
        tokio::select! {
            heard = player.next() => drop(heard?),
            changed = phase.changed() => if changed.is_err() { return Err(Out) },
        }
    }
    Ok(())
}

/// Types a line and returns all that is shown up to the answer to a numbered one behind it.
async fn ask(player: &mut Player, line: &str) -> Result<Vec<String>, Out> {
    let marker = format!("say {}", player.number());
    let n = player.typed;
    player.send(&[line, &marker]).await?;
    let mut answers = Vec::new();
    let collect = |heard: &Heard| {
        if let Heard::Other(line) = heard {
            answers.push(line.clone());
        }
        *heard == Heard::Own(n)
    };
    player.until("the answer", collect).await?;
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secs: u64, left: Option<u64>, is_quiet: bool, expected: Result<(), &str>) {
        let lit = Instant::now();
        let mut burning = Burning { lit: (lit, lit), left: 118 };
        let now = lit + Duration::from_secs(secs);
        assert_eq!(burning.look(left, (now, now), is_quiet).map_err(|_| ()), expected.map_err(|_| ()), "{secs} s");
    }

    #[test]
    fn a_lantern_burns_as_long_as_it_is_lit() {
        check(11, Some(115), true, Ok(()));
        check(11, Some(114), true, Ok(()));
        check(11, Some(113), true, Err("a tick too many"));
        check(11, Some(117), true, Err("ticks are missing"));
        check(11, Some(117), false, Ok(()));
        check(2, Some(119), true, Err("oil came back"));
        check(11, None, true, Err("nothing was shown"));
    }

    #[test]
    fn oil_is_read() {
        assert_eq!(measures("It is lit. There are 117 measures of oil in it."), Some(117));
        assert_eq!(measures("It is dark."), None);
    }
}
