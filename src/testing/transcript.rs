//! Conversations as tests: what players type and what they see, in a text file that anyone can write.
//!
//! ```text
//! # Everything from `#` at a line's beginning, or from ` # ` on, is a comment.
//! ann> say hello            # Ann types; she enters the world when she is first named
//! ann< You say, "hello"     # a line that holds this comes to her, behind the last one that matched
//! bob< Ann says, "hello"
//! bob<                      # nothing came to Bob since the last `>` line, beyond what was matched
//! ann< You dig a Cave ({cave})   # a word in braces stands for an id such as `#12`: the first time for any …
//! ann> teleport {cave}      # … and from then on for that one
//! ann! leaves               # her connection is closed by the server, as after `quit`
//! ann! drops                # her link is lost
//! ann! enters               # she logs in again
//! ! reload                  # the server restarts under everybody's feet; `! kill` kills it
//! ```
//!
//! Players are named in lower case and enter with a capital: `ann` is Ann, `mary_ann` is `Mary Ann`. `admin` is the superuser.
//! `bob!` alone makes Bob enter without typing anything.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::{ADMIN_PASSWORD, PASSWORD, TelnetClient, TestServer};

/// A conversation to be played.
#[derive(Debug, PartialEq)]
pub struct Transcript {
    title: String,
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq)]
struct Step {
    line: usize,
    player: String,
    what: What,
}

#[derive(Debug, PartialEq)]
enum What {
    Types(String),
    Sees(String),
    SeesNothing,
    Enters,
    Leaves,
    Drops,
    Reload,
    Kill,
}

impl Transcript {
    /// Reads a transcript from a file. Panics if it cannot.
    pub fn open(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads a transcript; `title` appears in failures. Panics at a line it does not understand.
    pub fn parse(title: &str, text: &str) -> Self {
        let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, uncommented(line)));
        let steps = numbered
            .filter(|(_, line)| !line.is_empty())
            .map(|(at, line)| {
                step(at, line).unwrap_or_else(|| panic!("{title}:{at}: not a line of a transcript: {line}"))
            })
            .collect();
        Self { title: title.to_owned(), steps }
    }

    /// Plays it in a world; panics at the first line that does not come true.
    pub fn play(&self, server: &TestServer) {
        let mut cast = Cast { server, players: HashMap::new(), ids: HashMap::new() };
        // Everybody enters before the first line, so that nobody's arrival mixes with what is said.
        for step in &self.steps {
            cast.enter(&step.player);
        }
        cast.sync();
        for client in cast.present() {
            client.skip();
        }
        for (at, step) in self.steps.iter().enumerate() {
            let _place = Place(&self.title, step);
            if matches!(step.what, What::Types(_)) {
                cast.read_away(silences(&self.steps[at + 1..]));
            }
            cast.perform(step);
        }
    }
}

/// Tells which line failed, when a step panics.
struct Place<'a>(&'a str, &'a Step);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Step { line, player, what } = self.1;
            // Standard error is where the test's own panic goes; a log would be lost.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("{}:{line}: {player} {what:?}\n", self.0).as_bytes(),
            );
        }
    }
}

/// The players of a transcript; `None` for one who has left.
struct Cast<'a> {
    server: &'a TestServer,
    players: HashMap<String, Option<TelnetClient>>,
    /// What the words in braces stand for.
    ids: HashMap<String, String>,
}

impl Cast<'_> {
    fn perform(&mut self, step: &Step) {
        match &step.what {
            What::Types(line) => {
                let line = self.with_ids(line);
                self.player(&step.player).send(&line);
            }
            What::Sees(text) => self.sees(&step.player, text),
            What::SeesNothing => {
                self.sync();
                let lines = self.player(&step.player).settle();
                assert!(lines.is_empty(), "{} should have seen nothing, but saw\n{}", step.player, lines.join("\n"));
            }
            What::Enters => {
                self.players.entry(step.player.clone()).and_modify(|client| {
                    if client.as_mut().is_some_and(TelnetClient::is_closed) {
                        *client = None;
                    }
                });
                self.enter(&step.player);
            }
            What::Leaves => {
                self.player(&step.player).closed();
                self.players.insert(step.player.clone(), None);
            }
            What::Drops => {
                if let Some(Some(client)) = self.players.insert(step.player.clone(), None) {
                    client.hang_up();
                }
            }
            What::Reload => self.server.reload(),
            What::Kill => self.server.kill_server(),
        }
    }

    /// Waits for a text; words in braces that are new take the ids that stand in their place.
    fn sees(&mut self, player: &str, text: &str) {
        let text = self.with_ids(text);
        if new_word(&text).is_some() {
            let mut ids = Vec::new();
            self.player(player).wait(format_args!("a line with {text:?}"), |client| {
                let found = client.unread().lines().find_map(|line| ids_in(line, &text));
                found.map(|found| ids = found).is_some()
            });
            self.ids.extend(ids);
        }
        let text = self.with_ids(&text);
        self.player(player).expect_line(&text);
    }

    fn with_ids(&self, text: &str) -> String {
        let replaced = |text: String, (word, id): (&String, &String)| text.replace(&format!("{{{word}}}"), id);
        self.ids.iter().fold(text.to_owned(), replaced)
    }

    /// Returns a player, who enters if they have not yet.
    fn player(&mut self, name: &str) -> &mut TelnetClient {
        self.enter(name);
        match self.players.get_mut(name) {
            Some(Some(client)) => client,
            _ => panic!("{name} is not in the world"),
        }
    }

    /// Lets a player enter who is not there: with a new account the first time, by logging in later.
    fn enter(&mut self, name: &str) {
        if name.is_empty() || self.players.get(name).is_some_and(Option::is_some) {
            return;
        }
        let character = character(name);
        let mut client = self.server.telnet(&character);
        match (name, self.players.contains_key(name)) {
            ("admin", _) => client.send(&format!("connect admin {ADMIN_PASSWORD}")),
            (_, false) => client.send(&format!("create \"{character}\" {PASSWORD}")),
            (_, true) => client.send(&format!("connect \"{character}\" {PASSWORD}")),
        }
        self.players.insert(name.to_owned(), Some(client));
    }

    fn present(&mut self) -> impl Iterator<Item = &mut TelnetClient> {
        self.players.values_mut().filter_map(Option::as_mut)
    }

    /// Waits until everything typed so far is answered, and shown to all.
    fn sync(&mut self) {
        // Twice: the first round ends what each has typed, the second brings it to those who were asked before.
        for _ in 0..2 {
            self.present().for_each(TelnetClient::sync);
        }
    }

    /// Counts what has come to these players so far as read.
    fn read_away<'s>(&mut self, players: impl Iterator<Item = &'s str>) {
        let mut players = players.peekable();
        if players.peek().is_some() {
            self.sync();
        }
        for name in players {
            self.player(name).skip();
        }
    }
}

/// Who is asked to have seen nothing before anybody types again.
fn silences(next: &[Step]) -> impl Iterator<Item = &str> {
    next.iter()
        .take_while(|step| !matches!(step.what, What::Types(_)))
        .filter(|step| step.what == What::SeesNothing)
        .map(|step| step.player.as_str())
}

/// Splits a text at a word in braces.
fn new_word(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (word, after) = rest.split_once('}')?;
    word.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some((before, word, after))
}

/// Returns the ids, such as `#12`, that stand in a line where a text has words in braces; `None` if it is another line.
fn ids_in(line: &str, text: &str) -> Option<Vec<(String, String)>> {
    let (before, mut word, mut after) = new_word(text)?;
    let mut rest = &line[line.find(before)? + before.len()..];
    let mut ids = Vec::new();
    loop {
        let digits = rest.strip_prefix('#')?.chars().take_while(char::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        ids.push((word.to_owned(), rest[..1 + digits].to_owned()));
        rest = &rest[1 + digits..];
        let Some((between, next, end)) = new_word(after) else {
            return rest.starts_with(after).then_some(ids);
        };
        rest = rest.strip_prefix(between)?;
        (word, after) = (next, end);
    }
}

fn uncommented(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.split(" # ").next().unwrap_or_default().trim_end()
}

fn step(line: usize, text: &str) -> Option<Step> {
    let at = text.find(['>', '<', '!'])?;
    let (player, rest) = text.split_at(at);
    let argument = rest[1..].trim();
    if !player.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        return None;
    }
    let what = match (&rest[..1], argument, player.is_empty()) {
        (">", typed, false) => What::Types(typed.to_owned()),
        ("<", "", false) => What::SeesNothing,
        ("<", text, false) => What::Sees(text.to_owned()),
        ("!", "" | "enters", false) => What::Enters,
        ("!", "leaves", false) => What::Leaves,
        ("!", "drops", false) => What::Drops,
        ("!", "reload", true) => What::Reload,
        ("!", "kill", true) => What::Kill,
        _ => return None,
    };
    Some(Step { line, player: player.to_owned(), what })
}

/// `mary_ann` is played by `Mary Ann`.
fn character(player: &str) -> String {
    if player == "admin" {
        return player.to_owned();
    }
    let capital =
        |word: &str| word.chars().next().map(|c| c.to_uppercase().chain(word.chars().skip(1)).collect::<String>());
    player.split('_').filter_map(capital).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, player: &str, what: What) {
        let transcript = Transcript::parse("test", line);
        assert_eq!(transcript.steps, [Step { line: 1, player: player.into(), what }]);
    }

    #[test]
    fn lines_are_read() {
        check("ann> say hi", "ann", What::Types("say hi".into()));
        check("ann> :waves > once # and goes", "ann", What::Types(":waves > once".into()));
        check("bob< Ann says, \"a # b\"", "bob", What::Sees("Ann says, \"a".into()));
        check("bob<", "bob", What::SeesNothing);
        check("bob<          # nothing", "bob", What::SeesNothing);
        check("bob!", "bob", What::Enters);
        check("bob! leaves", "bob", What::Leaves);
        check("! reload", "", What::Reload);
    }

    #[test]
    fn comments_and_empty_lines_are_skipped() {
        assert_eq!(Transcript::parse("test", "# one\n\n   # two\n").steps, []);
    }

    #[test]
    #[should_panic(expected = "test:2: not a line of a transcript: Bob: hello")]
    fn anything_else_is_a_mistake() {
        Transcript::parse("test", "ann> hi\nBob: hello");
    }

    #[test]
    fn a_word_in_braces_stands_for_an_id() {
        assert_eq!(new_word("dig ({cave}) now"), Some(("dig (", "cave", ") now")));
        assert_eq!(new_word("set me/a = {\"b\": 1}"), None);
        let check = |line: &str, expected: Option<&[&str]>| {
            let ids = ids_in(line, "dig {cave} and {door} now");
            let ids = ids.map(|ids| ids.into_iter().map(|(word, id)| word + &id).collect::<Vec<_>>());
            assert_eq!(ids, expected.map(|ids| ids.iter().map(ToString::to_string).collect()), "{line}");
        };
        check("You dig #12 and #345 now.", Some(&["cave#12", "door#345"]));
        check("You dig # and #345 now.", None);
        check("You dig #12 and #345 no.", None);
        check("You dig #12", None);
    }

    #[test]
    fn names_are_written_with_capitals() {
        assert_eq!(character("ann"), "Ann");
        assert_eq!(character("mary_ann"), "Mary Ann");
        assert_eq!(character("admin"), "admin");
    }
}
