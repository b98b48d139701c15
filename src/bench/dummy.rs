//! The field's dummy players: they act at random, and take their time.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::scenario::{ROOM, Typed};

/// What somebody is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Walks and looks around; 1 to 4 s a line.
    Wanderer,
    /// Says, poses, chats; 2 to 10 s a line.
    Talker,
    /// Takes and drops things, describes itself, looks; 1 to 6 s a line.
    Builder,
    /// Looks now and then; 20 to 60 s a line.
    Idler,
}

impl Profile {
    /// Returns the next line.
    pub(super) fn next(self, bot: u32, dice: &mut fastrand::Rng) -> Typed {
        let room = |line: &str| Typed { line: format!("{line}\r\n").into(), words: ROOM.to_vec() };
        let dice = dice.u32(0..10);
        match self {
            Self::Wanderer if dice < 6 => room(["north", "south", "east", "west"][dice as usize % 4]),
            Self::Talker if dice < 6 => Typed::new(&format!("say hello, I am {bot}"), "You say, \""),
            Self::Talker if dice < 8 => Typed::new("pose nods.", &format!("bot{bot} nods.")),
            Self::Talker => Typed::new("pub hello everybody", &format!("bot{bot}: hello")),
            // The second is refused if it holds nothing, the first if it holds it already: people do that too.
            Self::Builder if dice < 3 => Typed::new(&format!("get rock{bot}"), ""),
            Self::Builder if dice < 6 => Typed::new(&format!("drop rock{bot}"), ""),
            Self::Builder if dice < 8 => Typed::new("setdesc Somebody who tries things out.", ""),
            Self::Wanderer | Self::Builder | Self::Idler => room("look"),
        }
    }

    /// Returns how long it thinks before the next line.
    pub(super) fn thinks(self, dice: &mut fastrand::Rng) -> Duration {
        let millis = match self {
            Self::Wanderer => 1_000..4_000,
            Self::Talker => 2_000..10_000,
            Self::Builder => 1_000..6_000,
            Self::Idler => 20_000..60_000,
        };
        Duration::from_millis(dice.u64(millis))
    }
}
