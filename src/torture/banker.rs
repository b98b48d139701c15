//! A banker: gets, drops and gives coins, walks and follows. Behind each line stands a numbered one, so that it is known where its
//! answer ends.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::sleep;

use super::player::{Heard, Out, Player};
use super::scene::Part;
use super::stage::{Phase, Promise};

/// Longest time to think.
const THINKS_MS: u64 = 600;

/// What a banker does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Deed {
    Get(String),
    Drop(String),
    Give(String, String),
    Walk(&'static str),
    Follow(String),
    Unfollow,
    Inventory,
}

/// What a banker knows from what was shown.
#[derive(Debug, Default)]
struct Knowledge {
    /// The coins in hand.
    held: BTreeSet<String>,
    /// Coins that lay in the room when it was shown.
    lying: Vec<String>,
    /// Others who were in the room then.
    here: Vec<String>,
}

/// What a banker held at the end, as it was shown.
pub(super) struct Holding {
    pub(super) who: String,
    pub(super) coins: BTreeSet<String>,
}

/// Plays until the run ends.
pub(super) async fn play(mut player: Player) -> Result<Holding, Out> {
    let mut phase = player.phase.clone();
    let mut knows = Knowledge::default();
    while *phase.borrow_and_update() < Phase::Play {
        tokio::select! {
            heard = player.next() => knows.hear(&player.name, &heard?),
            changed = phase.changed() => if changed.is_err() { return Err(Out) },
        }
    }
    while *phase.borrow_and_update() < Phase::Settle {
        let deed = choose(&mut player, &knows);
        perform(&mut player, &mut knows, &deed).await?;
        let think = sleep(Duration::from_millis(player.dice.u64(0..THINKS_MS)));
        tokio::pin!(think);
        loop {
            tokio::select! {
                heard = player.next() => knows.hear(&player.name, &heard?),
                () = &mut think => break,
            }
        }
    }
    // Others may still hand something over: what is held is asked for when nobody types any more.
    let name = player.name.clone();
    player.settle(|heard| knows.hear(&name, heard)).await?;
    perform(&mut player, &mut knows, &Deed::Inventory).await?;
    player.end().await?;
    Ok(Holding { who: player.name, coins: knows.held })
}

fn choose(player: &mut Player, knows: &Knowledge) -> Deed {
    let dice = &mut player.dice;
    let some = |dice: &mut fastrand::Rng, of: &[String]| dice.choice(of).cloned();
    let held: Vec<String> = knows.held.iter().cloned().collect();
    let any_coin = |dice: &mut fastrand::Rng| dice.choice(&player.scene.coins).map(|(_, name, _)| name.clone());
    let anybody = |dice: &mut fastrand::Rng| {
        let bankers: Vec<&str> =
            player.scene.cast.iter().filter(|m| m.part == Part::Banker).map(|m| m.name.as_str()).collect();
        dice.choice(bankers).map(str::to_owned)
    };
    let deed = match dice.u8(0..100) {
        0..30 => some(dice, &knows.lying).or_else(|| any_coin(dice)).map(Deed::Get),
        30..42 => some(dice, &held).or_else(|| any_coin(dice)).map(Deed::Drop),
        42..60 => some(dice, &held)
            .and_then(|coin| Some(Deed::Give(coin, some(dice, &knows.here).or_else(|| anybody(dice))?))),
        60..82 => dice.choice(["east", "west", "north", "south"]).map(Deed::Walk),
        82..86 => some(dice, &knows.here).map(Deed::Follow),
        86..90 => Some(Deed::Unfollow),
        _ => None,
    };
    deed.unwrap_or(Deed::Inventory)
}

/// Types what is to be done and waits for the answer.
async fn perform(player: &mut Player, knows: &mut Knowledge, deed: &Deed) -> Result<(), Out> {
    let line = match deed {
        Deed::Get(coin) => format!("get {coin}"),
        Deed::Drop(coin) => format!("drop {coin}"),
        Deed::Give(coin, to) => format!("give {coin} to {to}"),
        Deed::Walk(way) => (*way).to_owned(),
        Deed::Follow(whom) => format!("follow {whom}"),
        Deed::Unfollow => "unfollow".to_owned(),
        Deed::Inventory => "inventory".to_owned(),
    };
    let marker = format!("say {}", player.number());
    let n = player.typed;
    player.send(&[&line, &marker]).await?;
    let mut answers: Vec<String> = Vec::new();
    let mut inventory = String::new();
    let mut held = BTreeSet::new();
    loop {
        let heard = player.until("the answer", |_| true).await?;
        if heard == Heard::Own(n) {
            break;
        }
        knows.hear(&player.name, &heard);
        let Heard::Other(line) = heard else { continue };
        if !inventory.is_empty() && !inventory.ends_with('.') {
            // It is longer than a line.
            inventory = format!("{inventory} {line}");
        } else if line.starts_with("You are carrying: ") || line == "You are not carrying anything." {
            // What comes behind it, somebody's gift for instance, is not in it.
            (inventory, held) = (line, knows.held.clone());
            answers.push("inventory".to_owned());
        } else if answers_to(deed, &line, player) {
            answers.push(line);
        }
    }
    let may_be_led = matches!(deed, Deed::Walk(_));
    if answers.is_empty() || answers.len() > 1 && !may_be_led {
        player.violated(Promise::Once, format!("{line:?} was answered {} times: {answers:?}", answers.len()));
    }
    if *deed == Deed::Inventory {
        check(player, &held, &inventory);
    }
    Ok(())
}

/// Tells whether a line is an answer to what was typed: that it was done, or that it was refused.
fn answers_to(deed: &Deed, line: &str, player: &Player) -> bool {
    let is_missing = |name: &str| {
        line.starts_with(&format!("You see no \"{name}\" here.")) || line == format!("You are not carrying \"{name}\".")
    };
    match deed {
        Deed::Get(coin) => {
            line == format!("You pick up a {coin}.") || is_missing(coin) || line == "You have that already."
        }
        Deed::Drop(coin) => line == format!("You drop a {coin}.") || is_missing(coin),
        Deed::Give(coin, to) => {
            line == format!("You give a {coin} to {to}.")
                || is_missing(coin)
                || is_missing(to)
                || line == "You have that already."
        }
        Deed::Walk(_) => player.scene.is_room(line),
        Deed::Follow(whom) => {
            line == format!("You follow {whom} from now on.")
                || line == format!("You follow {whom} already.")
                || line == "You cannot follow yourself."
                || is_missing(whom)
        }
        Deed::Unfollow => line.starts_with("You no longer follow ") || line == "You do not follow anybody.",
        Deed::Inventory => false,
    }
}

impl Knowledge {
    fn hear(&mut self, name: &str, heard: &Heard) {
        let Heard::Other(line) = heard else { return };
        let coin = |line: &str| line.strip_suffix('.').map(str::to_owned);
        if let Some(rest) = line.strip_prefix("You pick up a coin") {
            self.held.extend(coin(rest).map(|n| format!("coin{n}")));
        } else if let Some(rest) = line.strip_prefix("You drop a coin") {
            coin(rest).map(|n| self.held.remove(&format!("coin{n}")));
        } else if let Some((n, _)) = line.strip_prefix("You give a coin").and_then(|rest| rest.split_once(" to ")) {
            self.held.remove(&format!("coin{n}"));
        } else if let Some((_, rest)) = line.split_once(" gives you a coin") {
            self.held.extend(coin(rest).map(|n| format!("coin{n}")));
        } else if let Some(list) = line.strip_prefix("Things: ") {
            self.lying = list.split(", ").filter_map(|thing| Some(thing.strip_prefix("a ")?.to_owned())).collect();
        } else if let Some(list) = line.strip_prefix("Characters: ") {
            self.here = list.split(", ").filter(|other| *other != name).map(str::to_owned).collect();
        } else if line.starts_with("Exits: ") {
            (self.lying, self.here) = (Vec::new(), Vec::new());
        }
    }
}

/// Holds an inventory against all that was shown before it.
fn check(player: &Player, held: &BTreeSet<String>, inventory: &str) {
    let list = inventory.strip_prefix("You are carrying: ").and_then(|list| list.strip_suffix('.')).unwrap_or("");
    let shown: BTreeSet<String> = list.split(", ").filter_map(|c| Some(c.strip_prefix("a ")?.to_owned())).collect();
    if shown != *held {
        let (missing, more): (Vec<_>, Vec<_>) = (held.difference(&shown).collect(), shown.difference(held).collect());
        let what = format!("of what was shown to be in hand {missing:?} is missing, and {more:?} is there unshown");
        player.violated(Promise::Truth, what);
    }
}
