//! How another server is played: the words it wants and the words it answers with, from a small file.
//!
//! ```toml
//! name = "Evennia"
//! greets = "connect <"                  # what it shows first and a bot waits for; may be left out
//! enter = "connect bot{n} passw0rdX9"   # what a bot types first; {n} is its number
//! entered = "Exits"                     # what it then sees
//! prompts = false                       # true if each answer ends with a prompt and IAC GA or IAC EOR
//! restore = ["drop rock{n}"]            # what brings a bot back to where it began, refused or not
//!
//! [scenarios]                           # what is typed, and words of the answer that nobody else causes
//! look = [["look", "Exits"]]
//! ```
//!
//! Without a file the generator plays Everhall.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::scenario::{ROOM, Scenario, Typed};
use super::{BenchError, PASSWORD};

/// A server to play.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Peer {
    pub(super) name: String,
    #[serde(default)]
    greets: String,
    enter: String,
    entered: String,
    pub(super) prompts: bool,
    #[serde(default)]
    restore: Vec<String>,
    scenarios: BTreeMap<String, Vec<(String, String)>>,
}

impl Peer {
    /// Returns Everhall.
    pub(super) fn everhall() -> Self {
        Self {
            name: "Everhall".to_owned(),
            greets: String::new(),
            enter: format!("connect bot{{n}} {PASSWORD}"),
            entered: String::from_utf8_lossy(ROOM).into_owned(),
            prompts: true,
            restore: vec!["home".to_owned(), "drop rock{n}".to_owned()],
            scenarios: BTreeMap::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or holds something else.
    pub(super) fn read(path: &Path) -> Result<Self, BenchError> {
        let text = std::fs::read_to_string(path).map_err(|error| wrong(path, error))?;
        toml::from_str(&text).map_err(|error| wrong(path, error))
    }

    /// Returns the words that a bot waits for before it types anything; empty if it need not.
    pub(super) fn greeting(&self) -> &[u8] {
        self.greets.as_bytes()
    }

    /// Returns what a bot types to come in.
    pub(super) fn entrance(&self, bot: u32) -> Typed {
        Typed::new(&numbered(&self.enter, bot), &self.entered)
    }

    /// Returns what brings a bot back to where it began. Some of it may be refused.
    pub(super) fn restoring(&self, bot: u32) -> Vec<Typed> {
        self.restore.iter().map(|line| Typed::new(&numbered(line, bot), "")).collect()
    }

    /// Returns what a bot types over and over.
    ///
    /// # Errors
    ///
    /// The file says nothing of this scenario.
    pub(super) fn lines(&self, scenario: Scenario, bot: u32) -> Result<Vec<Typed>, BenchError> {
        match self.scenarios.get(scenario.name()) {
            Some(lines) => {
                Ok(lines.iter().map(|(line, words)| Typed::new(&numbered(line, bot), &numbered(words, bot))).collect())
            }
            None if self.scenarios.is_empty() => Ok(scenario.lines(bot)),
            None => Err(BenchError::NoScenario { peer: self.name.clone(), scenario: scenario.name() }),
        }
    }
}

fn numbered(text: &str, bot: u32) -> String {
    text.replace("{n}", &bot.to_string())
}

fn wrong(path: &Path, why: impl std::fmt::Display) -> BenchError {
    BenchError::Peer { path: PathBuf::from(path), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_in_bench_peers_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let peers: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
        assert!(!peers.is_empty());
        for path in peers {
            let peer = Peer::read(&path).unwrap();
            let lines = peer.lines(Scenario::Getdrop, 7).unwrap();
            assert_eq!(lines[0].line, b"get rock7\r\n", "{}", peer.name);
        }
    }
}
