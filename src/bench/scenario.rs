//! What bots type, and the words by which each answer is known.

use clap::ValueEnum;
use serde::Serialize;

/// Words that only a room shown in full has.
pub(super) const ROOM: &[u8] = b"Exits";

/// What a bot types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// `look`: changes nothing, reads the room.
    Look,
    /// `say`: changes nothing, is heard by everybody in the room.
    Say,
    /// `pub`: a row, and every bot hears it.
    Chat,
    /// `north`: a row, through two rooms.
    Move,
    /// `get` and `drop`: a row each.
    Getdrop,
    /// A bit of everything; half of it changes the database.
    Mix,
}

/// A line to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    /// With its line end.
    pub(super) line: Vec<u8>,
    /// What stands in the answer, and in no text that somebody else causes.
    pub(super) words: Vec<u8>,
}

impl Typed {
    /// Returns a line with the words its answer must hold; with none, any answer will do.
    pub(super) fn new(line: &str, words: &str) -> Self {
        Self { line: format!("{line}\r\n").into(), words: words.into() }
    }
}

impl Scenario {
    /// Returns what the bot of that number types, over and over. It ends where it began.
    pub(super) fn lines(self, bot: u32) -> Vec<Typed> {
        let typed = Typed::new;
        let room = |line| Typed { line: format!("{line}\r\n").into(), words: ROOM.to_vec() };
        let get = typed(&format!("get rock{bot}"), "You pick up");
        let drop = typed(&format!("drop rock{bot}"), "You drop");
        let say = typed(&format!("say hello from {bot}"), "You say, \"");
        match self {
            Self::Look => vec![room("look")],
            Self::Say => vec![say],
            Self::Chat => vec![typed("pub hello everybody", &format!("bot{bot}: hello"))],
            Self::Move => vec![room("north")],
            Self::Getdrop => vec![get, drop],
            Self::Mix => {
                let inventory = typed("inventory", "You are ");
                vec![room("look"), say, room("north"), room("look"), room("south"), get, drop, inventory]
            }
        }
    }

    /// Returns its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Say => "say",
            Self::Chat => "chat",
            Self::Move => "move",
            Self::Getdrop => "getdrop",
            Self::Mix => "mix",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_takes_only_its_own_rock_and_comes_back() {
        let lines: Vec<String> =
            Scenario::Mix.lines(7).into_iter().map(|typed| String::from_utf8(typed.line).unwrap()).collect();
        let expected = ["look", "say hello from 7", "north", "look", "south", "get rock7", "drop rock7", "inventory"];
        assert_eq!(lines, expected.map(|line| format!("{line}\r\n")));
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for scenario in Scenario::value_variants() {
            assert_eq!(scenario.to_possible_value().unwrap().get_name(), scenario.name());
        }
    }
}
