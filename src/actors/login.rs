//! The login mode of a session: what is typed before there is an account. Pure.
//!
//! Two ways lead in. The one-line form `connect <name> <password>` and `create <name> <password>` is what clients type
//! by themselves; the guided form asks for the name, then for the password with echo off. The state is small and
//! holds no secret, because the portal keeps it as the session's note.

use serde::{Deserialize, Serialize};

/// What the session waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginState {
    /// A name or a command.
    #[default]
    Name,
    /// The password of an account.
    Password {
        /// Its name.
        name: String,
    },
    /// `yes`, to a new name.
    MakeNew {
        /// The name.
        name: String,
    },
    /// The invite code for a new name.
    Invite {
        /// The name.
        name: String,
    },
    /// A password for a new name.
    NewPassword {
        /// The name.
        name: String,
        /// The invite code that was given.
        invite: String,
    },
    /// The same password again.
    Again {
        /// The name.
        name: String,
        /// The invite code that was given.
        invite: String,
        /// Hash of the first one.
        hash: String,
    },
}

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Show a text; the state stays.
    Say(&'static str),
    /// Show the welcome screen.
    Welcome,
    /// Who is connected?
    Who,
    /// Leave.
    Quit,
    /// Switch screen-reader mode.
    ScreenReader(bool),
    /// A name was typed: is there such an account?
    Greet(String),
    /// Go on with another state.
    Goto(LoginState),
    /// Log in.
    Connect {
        /// As typed.
        name: String,
        /// As typed.
        password: String,
    },
    /// Make an account and log in.
    Create {
        /// As typed.
        name: String,
        /// As typed.
        password: String,
        /// As typed; empty if none was.
        invite: String,
    },
    /// Keep the new password's hash and ask again.
    First {
        /// As typed.
        name: String,
        /// As typed.
        invite: String,
        /// As typed.
        password: String,
    },
    /// Make an account if the password is the one that was hashed.
    Confirm {
        /// As typed.
        name: String,
        /// As typed.
        invite: String,
        /// Of the first password.
        hash: String,
        /// The second one.
        password: String,
    },
}

/// Shown by `help` before login.
pub const HELP: &str = "Type a name to log in or to make a new character. Or in one line:\n\
    |wconnect|n <name> <password>   log in\n\
    |wcreate|n <name> <password>    make a new character\n\
    |wwho|n                         who is here\n\
    |wscreenreader|n                plain output for a screen reader\n\
    |wquit|n                        leave\n\
    A name with spaces stands in quotes: connect \"Ann Hill\" secret-word";

impl LoginState {
    /// Returns what a line asks for.
    pub fn step(&self, line: &str) -> Step {
        match self {
            Self::Name => first(line),
            Self::Password { .. } | Self::NewPassword { .. } | Self::Again { .. } if line.is_empty() => {
                Step::Goto(Self::Name)
            }
            Self::Password { name } => Step::Connect { name: name.clone(), password: line.to_owned() },
            Self::MakeNew { name } => match line.trim().to_lowercase().as_str() {
                "y" | "yes" => Step::Goto(Self::NewPassword { name: name.clone(), invite: String::new() }),
                "n" | "no" | "" => Step::Goto(Self::Name),
                _ => Step::Say("Please answer yes or no."),
            },
            Self::Invite { name } => {
                Step::Goto(Self::NewPassword { name: name.clone(), invite: line.trim().to_owned() })
            }
            Self::NewPassword { name, invite } => {
                Step::First { name: name.clone(), invite: invite.clone(), password: line.to_owned() }
            }
            Self::Again { name, invite, hash } => Step::Confirm {
                name: name.clone(),
                invite: invite.clone(),
                hash: hash.clone(),
                password: line.to_owned(),
            },
        }
    }

    /// Returns the prompt that goes with it.
    pub fn prompt(&self) -> &'static str {
        match self {
            Self::Name => "Name: ",
            Self::Password { .. } => "Password: ",
            Self::MakeNew { .. } => "(yes/no) ",
            Self::Invite { .. } => "Invite code: ",
            Self::NewPassword { .. } => "New password: ",
            Self::Again { .. } => "The same password again: ",
        }
    }

    /// Tells whether what is typed next shall not be seen.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Password { .. } | Self::NewPassword { .. } | Self::Again { .. })
    }
}

fn first(line: &str) -> Step {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let is_alone = rest.trim().is_empty();
    match word.to_lowercase().as_str() {
        "" => Step::Welcome,
        "connect" => match name_and_password(rest) {
            Some((name, password, _)) => Step::Connect { name, password },
            None => Step::Say("Usage: connect <name> <password>"),
        },
        "create" => match name_and_password(rest) {
            Some((name, password, invite)) => Step::Create { name, password, invite },
            None => Step::Say("Usage: create <name> <password>"),
        },
        "help" | "?" if is_alone => Step::Say(HELP),
        "look" | "l" if is_alone => Step::Welcome,
        "who" if is_alone => Step::Who,
        "quit" if is_alone => Step::Quit,
        "screenreader" => Step::ScreenReader(!rest.trim().eq_ignore_ascii_case("off")),
        _ => Step::Greet(line.trim_matches('"').to_owned()),
    }
}

/// Splits `name password [invite]`; a name with spaces stands in quotes. A password has no spaces unless it is quoted.
fn name_and_password(rest: &str) -> Option<(String, String, String)> {
    let mut words = Vec::new();
    let mut rest = rest.trim_start();
    while !rest.is_empty() && words.len() < 3 {
        let (word, after) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some((word, after)) => (word, after),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    let mut words = words.into_iter();
    let (name, password) = (words.next()?, words.next()?);
    (!name.is_empty() && !password.is_empty()).then(|| (name, password, words.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(name: &str, password: &str) -> Step {
        Step::Connect { name: name.into(), password: password.into() }
    }

    #[test]
    fn the_one_line_forms_are_what_clients_type() {
        let check = |line: &str, expected: Step| assert_eq!(LoginState::Name.step(line), expected, "{line}");
        check("connect Ann secret-word", connect("Ann", "secret-word"));
        check("CONNECT  Ann   secret-word ", connect("Ann", "secret-word"));
        check(r#"connect "Ann Hill" secret-word"#, connect("Ann Hill", "secret-word"));
        check(r#"connect Ann "two words""#, connect("Ann", "two words"));
        check("connect Ann", Step::Say("Usage: connect <name> <password>"));
        let create = |invite: &str| Step::Create { name: "Bob".into(), password: "pw".into(), invite: invite.into() };
        check("create Bob pw", create(""));
        check("create Bob pw code", create("code"));
    }

    #[test]
    fn the_guided_form_asks_for_one_thing_after_the_other() {
        assert_eq!(LoginState::Name.step("Ann Hill"), Step::Greet("Ann Hill".into()));
        let password = LoginState::Password { name: "Ann".into() };
        assert!(password.is_secret());
        assert_eq!(password.step(" my word"), connect("Ann", " my word"));
        assert_eq!(password.step(""), Step::Goto(LoginState::Name));
        let new = LoginState::MakeNew { name: "Bob".into() };
        assert!(matches!(new.step("Y"), Step::Goto(LoginState::NewPassword { .. })));
        assert_eq!(new.step("no"), Step::Goto(LoginState::Name));
        assert_eq!(new.step("perhaps"), Step::Say("Please answer yes or no."));
    }

    #[test]
    fn the_state_fits_into_a_note() {
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        let longest = LoginState::Again { name: "x".repeat(120), invite: "y".repeat(120), hash: hash.into() };
        let note = serde_json::to_vec(&longest).unwrap();
        assert!(note.len() <= 1024);
        assert_eq!(serde_json::from_slice::<LoginState>(&note).unwrap(), longest);
    }
}
