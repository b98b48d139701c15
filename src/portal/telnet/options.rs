//! What is agreed on, after the Q method of RFC 1143: no request is answered twice, so no two ends ever loop. Pure.

use super::{DO, DONT, ECHO, EOR, IAC, NAWS, SGA, TTYPE, WILL, WONT};

/// One side of one option.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Side {
    #[default]
    No,
    Yes,
    /// Asked to end; true if it is wanted again meanwhile.
    WantNo(bool),
    /// Asked to begin; true if it is unwanted again meanwhile.
    WantYes(bool),
}

/// All options of one connection.
#[derive(Debug, Default)]
pub struct Options {
    /// What we do: ECHO, SGA, EOR.
    ours: [Side; 3],
    /// What the client does: TTYPE, NAWS.
    theirs: [Side; 2],
    /// Options whose request was refused once, by number: first what we were asked to do, then what was offered.
    refused: [[u64; 4]; 2],
}

/// Which end an option is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Ours,
    Theirs,
}

impl Options {
    /// Asks for what the portal always wants; nothing waits for the answers.
    pub fn offer(&mut self, out: &mut Vec<u8>) {
        self.want(End::Theirs, TTYPE, true, out);
        self.want(End::Theirs, NAWS, true, out);
        self.want(End::Ours, EOR, true, out);
    }

    /// Hides what is typed, or stops hiding it.
    pub fn hide_input(&mut self, hide: bool, out: &mut Vec<u8>) {
        self.want(End::Ours, ECHO, hide, out);
    }

    /// Returns true if the client has agreed that prompts end with EOR.
    pub fn marks_with_eor(&self) -> bool {
        self.ours[2] == Side::Yes
    }

    /// Returns true if the client asked that no go-ahead be sent.
    pub fn suppresses_go_ahead(&self) -> bool {
        self.ours[1] == Side::Yes
    }

    /// Returns true if the client does not show what is typed: our word for it has been accepted.
    pub fn hides_input(&self) -> bool {
        matches!(self.ours[0], Side::Yes)
    }

    /// Hears WILL or WONT; returns true if the client begins to do it now.
    pub fn heard_peer(&mut self, option: u8, will: bool, out: &mut Vec<u8>) -> bool {
        self.hear(End::Theirs, option, will, true, out)
    }

    /// Hears DO or DONT.
    pub fn heard_us(&mut self, option: u8, please: bool, out: &mut Vec<u8>) {
        // Echo is for passwords alone: asked for at any other time, it is refused.
        self.hear(End::Ours, option, please, option != ECHO, out);
    }

    fn hear(&mut self, end: End, option: u8, on: bool, willing: bool, out: &mut Vec<u8>) -> bool {
        let Some(side) = self.side(end, option) else {
            self.refuse(end, option, on, out);
            return false;
        };
        let before = *side;
        *side = match (before, on) {
            (Side::No, true) if !willing => {
                self.refuse(end, option, true, out);
                return false;
            }
            (Side::No, true) => {
                say(end, option, true, out);
                Side::Yes
            }
            (Side::No, false) => Side::No,
            (Side::Yes, true) => Side::Yes,
            (Side::Yes, false) => {
                say(end, option, false, out);
                Side::No
            }
            // Against the protocol, and met: take it for agreement with what is wanted last.
            (Side::WantNo(again), true) => {
                if again {
                    Side::Yes
                } else {
                    Side::No
                }
            }
            (Side::WantNo(false), false) | (Side::WantYes(_), false) => Side::No,
            (Side::WantNo(true), false) => {
                say(end, option, true, out);
                Side::WantYes(false)
            }
            (Side::WantYes(false), true) => Side::Yes,
            (Side::WantYes(true), true) => {
                say(end, option, false, out);
                Side::WantNo(false)
            }
        };
        *side == Side::Yes && before != Side::Yes
    }

    fn want(&mut self, end: End, option: u8, on: bool, out: &mut Vec<u8>) {
        let Some(side) = self.side(end, option) else { return };
        *side = match (*side, on) {
            (Side::No, true) => {
                say(end, option, true, out);
                Side::WantYes(false)
            }
            (Side::Yes, false) => {
                say(end, option, false, out);
                Side::WantNo(false)
            }
            (Side::WantNo(_), on) => Side::WantNo(on),
            (Side::WantYes(_), on) => Side::WantYes(!on),
            (side, _) => side,
        };
    }

    fn side(&mut self, end: End, option: u8) -> Option<&mut Side> {
        match (end, option) {
            (End::Ours, ECHO) => Some(&mut self.ours[0]),
            (End::Ours, SGA) => Some(&mut self.ours[1]),
            (End::Ours, EOR) => Some(&mut self.ours[2]),
            (End::Theirs, TTYPE) => Some(&mut self.theirs[0]),
            (End::Theirs, NAWS) => Some(&mut self.theirs[1]),
            _ => None,
        }
    }

    /// Says no, once; a client that goes on asking is not answered, one that takes it back may ask again.
    fn refuse(&mut self, end: End, option: u8, asked: bool, out: &mut Vec<u8>) {
        let word = &mut self.refused[end as usize][usize::from(option / 64)];
        let bit = 1 << (option % 64);
        if asked && *word & bit == 0 {
            say(end, option, false, out);
        }
        if asked {
            *word |= bit;
        } else {
            *word &= !bit;
        }
    }
}

fn say(end: End, option: u8, on: bool, out: &mut Vec<u8>) {
    let verb = match (end, on) {
        (End::Ours, true) => WILL,
        (End::Ours, false) => WONT,
        (End::Theirs, true) => DO,
        (End::Theirs, false) => DONT,
    };
    out.extend_from_slice(&[IAC, verb, option]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHARSET: u8 = 42;

    /// Plays (verb, option) as said by the client; checks what it is answered.
    fn check(options: &mut Options, verb: u8, option: u8, expected: &[u8]) {
        let mut out = Vec::new();
        match verb {
            WILL | WONT => {
                options.heard_peer(option, verb == WILL, &mut out);
            }
            _ => options.heard_us(option, verb == DO, &mut out),
        }
        assert_eq!(out, expected, "to {verb} {option}");
    }

    fn offered() -> Options {
        let mut options = Options::default();
        let mut out = Vec::new();
        options.offer(&mut out);
        assert_eq!(out, [IAC, DO, TTYPE, IAC, DO, NAWS, IAC, WILL, EOR]);
        options
    }

    fn hidden(options: &mut Options, hide: bool) -> Vec<u8> {
        let mut out = Vec::new();
        options.hide_input(hide, &mut out);
        out
    }

    #[test]
    fn an_accepted_offer_is_not_answered_again() {
        let mut options = offered();
        check(&mut options, WILL, TTYPE, &[]);
        check(&mut options, WILL, TTYPE, &[]);
        check(&mut options, DO, EOR, &[]);
        assert!(options.marks_with_eor());
    }

    #[test]
    fn what_a_client_takes_back_is_confirmed_once() {
        let mut options = offered();
        check(&mut options, DO, EOR, &[]);
        check(&mut options, DONT, EOR, &[IAC, WONT, EOR]);
        check(&mut options, DONT, EOR, &[]);
        assert!(!options.marks_with_eor());
    }

    #[test]
    fn an_unknown_option_is_refused_once_and_never_loops() {
        let mut options = offered();
        check(&mut options, WILL, CHARSET, &[IAC, DONT, CHARSET]);
        check(&mut options, WILL, CHARSET, &[]);
        check(&mut options, WONT, CHARSET, &[]);
        check(&mut options, WILL, CHARSET, &[IAC, DONT, CHARSET]);
        check(&mut options, DO, CHARSET, &[IAC, WONT, CHARSET]);
        check(&mut options, DO, 255, &[IAC, WONT, 255]);
        check(&mut options, DONT, 254, &[]);
    }

    #[test]
    fn go_ahead_is_suppressed_only_when_the_client_asks() {
        let mut options = offered();
        assert!(!options.suppresses_go_ahead());
        check(&mut options, DO, SGA, &[IAC, WILL, SGA]);
        assert!(options.suppresses_go_ahead());
    }

    #[test]
    fn echo_is_ours_for_passwords_alone() {
        let mut options = offered();
        check(&mut options, DO, ECHO, &[IAC, WONT, ECHO]);
        assert_eq!(hidden(&mut options, true), [IAC, WILL, ECHO]);
        assert_eq!(hidden(&mut options, true), [0u8; 0]);
        check(&mut options, DO, ECHO, &[]);
        assert!(options.hides_input());
        assert_eq!(hidden(&mut options, false), [IAC, WONT, ECHO]);
        check(&mut options, DONT, ECHO, &[]);
        assert!(!options.hides_input());
    }

    #[test]
    fn a_mind_changed_before_the_answer_is_told_after_it() {
        let mut options = offered();
        assert_eq!(hidden(&mut options, true), [IAC, WILL, ECHO]);
        assert_eq!(hidden(&mut options, false), [0u8; 0], "the first question is still open");
        check(&mut options, DO, ECHO, &[IAC, WONT, ECHO]);
        assert_eq!(hidden(&mut options, true), [0u8; 0]);
        check(&mut options, DONT, ECHO, &[IAC, WILL, ECHO]);
    }

    #[test]
    fn a_client_that_refuses_to_hide_is_not_asked_twice_for_one_password() {
        let mut options = offered();
        hidden(&mut options, true);
        check(&mut options, DONT, ECHO, &[]);
        assert_eq!(hidden(&mut options, false), [0u8; 0]);
        assert_eq!(hidden(&mut options, true), [IAC, WILL, ECHO]);
    }
}
