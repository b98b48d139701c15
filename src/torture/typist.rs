//! A typist: types numbered lines, ten a second, whether they are answered or not.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::count::Tally;
use super::player::{Heard, Out, Player, is_typist};
use super::scene::Part;
use super::stage::{Phase, Promise};

/// The time between two lines; each is up to half of it early or late.
const PACE: Duration = Duration::from_millis(100);

/// Lines that may wait for their answers: fewer than the portal takes, with those of a packet.
const WAITING_MOST: u64 = 200;

/// What is asked between two numbered lines, and the words of its answers.
const ASIDES: [(&str, &str); 2] = [("who", " in the world."), ("time", "Outside this world it is ")];

/// What a typist came to.
pub(super) struct Typed {
    pub(super) who: String,
    pub(super) tally: Tally,
    /// Numbers of the lines that were said on the channel.
    pub(super) published: Vec<u64>,
}

/// Types until the run ends.
pub(super) async fn play(mut player: Player) -> Result<Typed, Out> {
    let mut phase = player.phase.clone();
    let mut aside = Aside::default();
    let mut published = Vec::new();
    let mut next = Instant::now();
    loop {
        let now = *phase.borrow_and_update();
        if now >= Phase::Settle {
            break;
        }
        tokio::select! {
            heard = player.next() => aside.hear(&heard?, &player),
            () = sleep_until(next), if now == Phase::Play => {
                if player.waiting() < WAITING_MOST {
                    type_some(&mut player, &mut aside, &mut published).await?;
                }
                next = Instant::now() + PACE / 2 + PACE.mul_f32(player.dice.f32());
            }
            changed = phase.changed() => if changed.is_err() { return Err(Out) },
        }
    }
    let mut heard = Vec::new();
    player.settle(|line| heard.push(line.clone())).await?;
    heard.iter().for_each(|line| aside.hear(line, &player));
    player.end().await?;
    Ok(Typed { tally: tally(&player), who: player.name, published })
}

/// Types a line, or several in one packet.
async fn type_some(player: &mut Player, aside: &mut Aside, published: &mut Vec<u64>) -> Result<(), Out> {
    match player.dice.u8(..) {
        0..10 => {
            let (first, second) = (format!("say {}", player.number()), format!("say {}", player.number()));
            if aside.is_open() {
                return player.send(&[&first, &second]).await;
            }
            aside.ask(player.typed - 1);
            player.send(&[&first, ASIDES[0].0, ASIDES[1].0, &second]).await
        }
        10..20 => {
            let lines: Vec<String> = (0..4).map(|_| format!("say {}", player.number())).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            player.send(&lines).await
        }
        20..45 => {
            let line = format!("pub {}", player.number());
            published.push(player.typed);
            player.send(&[&line]).await
        }
        _ => {
            let line = format!("say {}", player.number());
            player.send(&[&line]).await
        }
    }
}

/// What was asked in the middle of a packet: its answers stand in the middle too.
#[derive(Default)]
struct Aside {
    /// The numbered line behind which it was asked.
    behind: Option<u64>,
    /// How many of its answers have come.
    answers: usize,
}

impl Aside {
    fn is_open(&self) -> bool {
        self.behind.is_some()
    }

    fn ask(&mut self, behind: u64) {
        *self = Self { behind: Some(behind), answers: 0 };
    }

    fn hear(&mut self, heard: &Heard, player: &Player) {
        match heard {
            Heard::Own(n) if self.behind.is_some_and(|behind| *n == behind + 1) => {
                if self.answers != ASIDES.len() {
                    let what = format!("{} of {} answers came before the next one's", self.answers, ASIDES.len());
                    player.violated(Promise::Once, what);
                }
                self.behind = None;
            }
            Heard::Own(_) => {}
            Heard::Other(line) => {
                let Some(at) = ASIDES.iter().position(|(_, words)| line.contains(words)) else { return };
                if line.ends_with("has entered the world.") || line.ends_with("has left the world.") {
                    return;
                }
                if self.behind.is_none() || at != self.answers {
                    player.violated(Promise::Once, format!("the answer to {:?} came at another place", ASIDES[at].0));
                }
                self.answers += 1;
            }
        }
    }
}

/// Counts what was wrong with all that this typist saw.
fn tally(player: &Player) -> Tally {
    let mut tally = player.own_tally();
    let others = player.scene.cast.iter().filter(|member| member.part == Part::Typist && member.name != player.name);
    for other in others.filter(|other| is_typist(&other.name)) {
        // The last line of all is typed when everybody is answered; whether others have heard it yet is left open.
        let typed = player.stage.pulse(&other.name).map_or(0, |pulse| pulse.counted());
        tally.add(player.heard_tally(&other.name, typed));
    }
    tally
}
