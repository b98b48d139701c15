//! What all players share: coming in, hearing, and holding what they hear against what was promised.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::client::Client;
use super::count::{Count, Tally};
use super::reports::reports_change;
use super::scene::{PASSWORD, Scene};
use super::stage::{Phase, Promise, Stage};

/// How long a login or an answer may take, restarts and all.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What nobody may be told: that their line was refused, given up or went wrong.
const NEVER: [&str; 6] = [
    "Something went wrong",
    "Something is wrong",
    "not accepted: too many",
    "cannot be done just now",
    "cannot be read just now",
    "nowhere to be found",
];

/// It ends here: something was wrong, and noted.
pub(super) struct Out;

/// A player in the world.
pub(super) struct Player {
    pub(super) name: String,
    pub(super) client: Client,
    pub(super) stage: Arc<Stage>,
    pub(super) scene: Arc<Scene>,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) dice: fastrand::Rng,
    /// Lines typed that carry a number.
    pub(super) typed: u64,
    own: Count,
    /// Lines of those who are in the same room for the whole run: each must come.
    heard: HashMap<String, Count>,
    /// The last line of others, of whom not all can be heard: none may come twice.
    risen: HashMap<String, u64>,
}

/// What a line was to whoever saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// The answer to their own numbered line.
    Own(u64),
    /// Anything else.
    Other(String),
}

/// Where players get in, and what they share.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) address: SocketAddr,
    pub(super) stage: Arc<Stage>,
    pub(super) scene: Arc<Scene>,
    pub(super) seed: u64,
}

impl Player {
    /// Comes in as a member of the cast. `number` makes the dice differ.
    pub(super) async fn enter(door: &Door, name: &str, number: u64) -> Result<Self, Out> {
        let client = match Client::connect(door.address).await {
            Ok(client) => client,
            Err(error) => {
                door.stage.violated(Promise::Life, name, format!("cannot connect: {error}"), Vec::new());
                return Err(Out);
            }
        };
        let mut player = Self {
            name: name.to_owned(),
            client,
            stage: door.stage.clone(),
            scene: door.scene.clone(),
            phase: door.stage.phase(),
            dice: fastrand::Rng::with_seed(door.seed ^ (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            typed: 0,
            own: Count::default(),
            heard: HashMap::new(),
            risen: HashMap::new(),
        };
        player.send(&[&format!("connect {name} {PASSWORD}")]).await?;
        let welcome = format!("Welcome, {name}.");
        player.until("the welcome", |heard| *heard == Heard::Other(welcome.clone())).await?;
        // The room is shown behind it.
        let scene = door.scene.clone();
        player.until("the room", |heard| matches!(heard, Heard::Other(line) if scene.is_room(line))).await?;
        Ok(player)
    }

    /// Types lines, in one packet.
    pub(super) async fn send(&mut self, lines: &[&str]) -> Result<(), Out> {
        match self.client.send(lines).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.out(Promise::Life, format!("the socket was dropped: {error}"))),
        }
    }

    /// Returns the next numbered line: `NAME:N`. Whoever types it counts on its answer.
    pub(super) fn number(&mut self) -> String {
        self.typed += 1;
        if let Some(pulse) = self.stage.pulse(&self.name) {
            pulse.typed.store(self.typed, Ordering::Relaxed);
        }
        format!("{}:{}", self.name, self.typed)
    }

    /// Returns how many numbered lines are not answered.
    pub(super) fn waiting(&self) -> u64 {
        self.typed.saturating_sub(self.own.last())
    }

    /// Reads the next line and holds it against what was promised. May be given up at any await.
    pub(super) async fn next(&mut self) -> Result<Heard, Out> {
        match self.client.next().await {
            Some(line) => self.hear(line),
            None => Err(self.out(Promise::Life, "the socket was dropped".to_owned())),
        }
    }

    /// Reads until a line is what is wanted, and returns it; the lines before it are dropped.
    pub(super) async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Heard) -> bool) -> Result<Heard, Out> {
        let reading = async {
            loop {
                let heard = self.next().await?;
                if wanted(&heard) {
                    return Ok(heard);
                }
            }
        };
        match timeout(PATIENCE, reading).await {
            Ok(heard) => heard,
            Err(_) => Err(self.out(Promise::Once, format!("{what} did not come within {} s", PATIENCE.as_secs()))),
        }
    }

    fn hear(&mut self, line: String) -> Result<Heard, Out> {
        if NEVER.iter().any(|never| line.contains(never)) {
            self.violated(Promise::Once, format!("was told {line:?}"));
        }
        if reports_change(&line, |line| self.scene.is_room(line)) {
            let client = &self.client;
            self.stage.seen(&self.name, &line, || client.transcript());
        }
        let Some((speaker, n)) = said(&line) else { return Ok(Heard::Other(line)) };
        if speaker != self.name {
            self.hear_another(speaker, n);
            return Ok(Heard::Other(line));
        }
        if let Some(wrong) = self.own.take(n) {
            self.violated(Promise::Once, format!("of the answers, {wrong}"));
        }
        if let Some(pulse) = self.stage.pulse(&self.name) {
            pulse.answered.store(self.own.last(), Ordering::Relaxed);
        }
        Ok(Heard::Own(n))
    }

    fn hear_another(&mut self, speaker: &str, n: u64) {
        let wrong = if is_typist(&self.name) && is_typist(speaker) {
            self.heard.entry(speaker.to_owned()).or_default().take(n)
        } else {
            let last = self.risen.insert(speaker.to_owned(), n).unwrap_or(0);
            (n <= last).then(|| format!("{n} came behind {last}"))
        };
        if let Some(wrong) = wrong {
            self.violated(Promise::Once, format!("of {speaker}'s lines, {wrong}"));
        }
    }

    /// Takes note of a promise that was not kept.
    pub(super) fn violated(&self, promise: Promise, what: String) {
        self.stage.violated(promise, &self.name, what, self.client.transcript());
    }

    /// Takes note of one, and ends.
    pub(super) fn out(&self, promise: Promise, what: String) -> Out {
        self.violated(promise, what);
        Out
    }

    /// Returns what was wrong with the answers to the own lines.
    pub(super) fn own_tally(&self) -> Tally {
        self.own.tally(self.typed)
    }

    /// Returns what was wrong with the lines of another of whom `typed` lines should have been heard.
    pub(super) fn heard_tally(&self, speaker: &str, typed: u64) -> Tally {
        self.heard.get(speaker).map_or(Tally { lost: typed, ..Tally::default() }, |count| count.tally(typed))
    }

    /// Takes part in the end of a run.
    pub(super) async fn finish(&mut self) -> Result<(), Out> {
        self.settle(|_| {}).await?;
        self.end().await
    }

    /// Waits for what is not answered, and until all others have their answers too.
    pub(super) async fn settle(&mut self, mut hear: impl FnMut(&Heard)) -> Result<(), Out> {
        let n = self.typed;
        if self.waiting() > 0 {
            let is_last = |heard: &Heard| {
                hear(heard);
                *heard == Heard::Own(n)
            };
            self.until("the last answer", is_last).await?;
        }
        self.wait_for(Phase::Settle, Phase::Sync, hear).await
    }

    /// Types one last line: its answer is behind all that others said. Waits for the end.
    pub(super) async fn end(&mut self) -> Result<(), Out> {
        if let Some(pulse) = self.stage.pulse(&self.name) {
            pulse.count();
        }
        let last = format!("say {}", self.number());
        let n = self.typed;
        self.send(&[&last]).await?;
        self.until("the last answer", |heard| *heard == Heard::Own(n)).await?;
        self.wait_for(Phase::Sync, Phase::End, |_| {}).await
    }

    /// Says that a phase's work is done, and hears what others do until the next begins.
    async fn wait_for(&mut self, done: Phase, next: Phase, mut hear: impl FnMut(&Heard)) -> Result<(), Out> {
        if let Some(pulse) = self.stage.pulse(&self.name) {
            pulse.did(done);
        }
        let mut phase = self.phase.clone();
        while *phase.borrow_and_update() < next {
            tokio::select! {
                heard = self.next() => hear(&heard?),
                changed = phase.changed() => if changed.is_err() { return Err(Out) },
            }
        }
        Ok(())
    }
}

/// Typists stay in one room.
pub(super) fn is_typist(name: &str) -> bool {
    name.starts_with("typist")
}

/// Takes a numbered line apart, said in a room or on the channel: who says it, and its number.
fn said(line: &str) -> Option<(&str, u64)> {
    let text = match line.strip_prefix("[Public] ") {
        Some(said) => said.split_once(": ")?.1,
        None => line.split_once(", \"")?.1.strip_suffix('"')?,
    };
    let (speaker, n) = text.split_once(':')?;
    Some((speaker, n.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_lines_are_known_wherever_they_are_said() {
        assert_eq!(said("You say, \"typist03:17\""), Some(("typist03", 17)));
        assert_eq!(said("typist03 says, \"typist03:17\""), Some(("typist03", 17)));
        assert_eq!(said("[Public] typist03: typist03:18"), Some(("typist03", 18)));
        assert_eq!(said("banker00 gives you a coin017."), None);
        assert_eq!(said("Characters: typist00, typist01"), None);
    }
}
