//! Takes a telnet stream apart. Pure: bytes in, [`Event`]s out, the same however the bytes were split.
//!
//! A line ends with CR LF, CR NUL, a lone CR or a lone LF. Control characters are dropped, a tab becomes a space,
//! backspace and DEL take back a letter. What is not UTF-8 becomes U+FFFD. A line over the limit is cut; a subnegotiation
//! over its limit is discarded whole.

use super::{AYT, DO, DONT, EC, EL, IAC, SB, SE, WILL, WONT};

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A line without its end: UTF-8 without control characters.
    Line {
        /// What was typed.
        line: String,
        /// There was more than the limit allows.
        cut: bool,
    },
    /// It offers or refuses to do something itself.
    Peer {
        /// The option.
        option: u8,
        /// True for WILL.
        will: bool,
    },
    /// It asks us to do something, or not to.
    Us {
        /// The option.
        option: u8,
        /// True for DO.
        please: bool,
    },
    /// What an option says.
    Subnegotiation {
        /// The option.
        option: u8,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// It asks whether anybody is there.
    AreYouThere,
}

/// Bounds of one client's input, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Of a line.
    pub line: usize,
    /// Of a subnegotiation.
    pub subnegotiation: usize,
}

/// A telnet stream that is being read. Holds no memory between lines.
#[derive(Debug, Default)]
pub struct Codec {
    state: State,
    line: Vec<u8>,
    cut: bool,
    after_cr: bool,
    option: u8,
    data: Vec<u8>,
    data_cut: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Command,
    Negotiation(u8),
    SubnegotiationOption,
    Subnegotiation,
    SubnegotiationCommand,
}

impl Codec {
    /// Reads `bytes` and hands each event to `heard`, in order.
    pub fn read(&mut self, bytes: &[u8], bounds: Bounds, mut heard: impl FnMut(Event)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.state == State::Text {
                let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
                if plain > 0 {
                    self.after_cr = false;
                    self.push(&rest[..plain], bounds);
                    rest = &rest[plain..];
                    continue;
                }
            }
            self.byte(rest[0], bounds, &mut heard);
            rest = &rest[1..];
        }
    }

    fn byte(&mut self, byte: u8, bounds: Bounds, heard: &mut impl FnMut(Event)) {
        match self.state {
            State::Text if byte == IAC => self.state = State::Command,
            State::Text => self.text(byte, bounds, heard),
            State::Command => self.command(byte, bounds, heard),
            State::Negotiation(verb) => {
                self.state = State::Text;
                heard(match verb {
                    WILL | WONT => Event::Peer { option: byte, will: verb == WILL },
                    _ => Event::Us { option: byte, please: verb == DO },
                });
            }
            State::SubnegotiationOption if byte == IAC => {
                // It names no option: nobody is to hear of it.
                self.data_cut = true;
                self.state = State::SubnegotiationCommand;
            }
            State::SubnegotiationOption => {
                self.option = byte;
                self.state = State::Subnegotiation;
            }
            State::Subnegotiation if byte == IAC => self.state = State::SubnegotiationCommand,
            State::Subnegotiation => self.data(byte, bounds),
            State::SubnegotiationCommand if byte == IAC => {
                self.state = State::Subnegotiation;
                self.data(IAC, bounds);
            }
            State::SubnegotiationCommand => {
                let data = std::mem::take(&mut self.data);
                let whole = !std::mem::take(&mut self.data_cut);
                if byte == SE {
                    self.state = State::Text;
                    if whole {
                        heard(Event::Subnegotiation { option: self.option, data });
                    }
                } else {
                    // It was never finished; what follows is a command of its own.
                    self.command(byte, bounds, heard);
                }
            }
        }
    }

    fn command(&mut self, byte: u8, bounds: Bounds, heard: &mut impl FnMut(Event)) {
        self.state = match byte {
            DO | DONT | WILL | WONT => State::Negotiation(byte),
            SB => State::SubnegotiationOption,
            _ => State::Text,
        };
        match byte {
            IAC => {
                self.after_cr = false;
                self.push(&[IAC], bounds);
            }
            AYT => heard(Event::AreYouThere),
            EC => self.take_back(),
            EL => self.line.clear(),
            _ => {}
        }
    }

    fn text(&mut self, byte: u8, bounds: Bounds, heard: &mut impl FnMut(Event)) {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\n' | 0 if after_cr => {}
            b'\r' | b'\n' => heard(self.take_line(bounds)),
            b'\t' => self.push(b" ", bounds),
            0x08 | 0x7f => self.take_back(),
            _ => {}
        }
    }

    fn push(&mut self, bytes: &[u8], bounds: Bounds) {
        let room = bounds.line.saturating_sub(self.line.len());
        self.cut |= bytes.len() > room;
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn data(&mut self, byte: u8, bounds: Bounds) {
        if self.data_cut {
            return;
        }
        if self.data.len() < bounds.subnegotiation {
            self.data.push(byte);
        } else {
            self.data_cut = true;
            self.data = Vec::new();
        }
    }

    /// Takes back the last letter, all bytes of it.
    fn take_back(&mut self) {
        while let Some(byte) = self.line.pop() {
            if byte & 0xc0 != 0x80 {
                break;
            }
        }
    }

    fn take_line(&mut self, bounds: Bounds) -> Event {
        let mut bytes = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.cut);
        if cut {
            drop_unfinished_letter(&mut bytes);
        }
        let mut line = match String::from_utf8(bytes) {
            Ok(line) => line,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        if line.chars().any(char::is_control) {
            line.retain(|letter| !letter.is_control());
        }
        let grown = line.len() > bounds.line;
        if grown {
            let end = (0..=bounds.line).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
            line.truncate(end);
        }
        Event::Line { line, cut: cut || grown }
    }
}

/// Returns true for bytes that are taken as they are.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f && byte != IAC
}

/// Drops the beginning of a letter whose end was cut off.
fn drop_unfinished_letter(bytes: &mut Vec<u8>) {
    if let Err(error) = std::str::from_utf8(bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { line: 16, subnegotiation: 8 };

    fn read(pieces: &[&[u8]]) -> Vec<Event> {
        let (mut codec, mut events) = (Codec::default(), Vec::new());
        for piece in pieces {
            codec.read(piece, BOUNDS, |event| events.push(event));
        }
        events
    }

    /// Checks the lines heard, for the bytes in one piece and one by one.
    fn check(bytes: &[u8], expected: &[&str]) {
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        for events in [read(&[bytes]), read(&single)] {
            let lines: Vec<&str> = events
                .iter()
                .filter_map(|event| match event {
                    Event::Line { line, .. } => Some(line.as_str()),
                    _ => None,
                })
                .collect();
            assert_eq!(lines, expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn every_line_end_is_one_line_end() {
        check(b"a\r\nb\r\0c\rd\ne\r\n", &["a", "b", "c", "d", "e"]);
        check(b"\r\n\r\n", &["", ""]);
        check(b"\n\n\r\r", &["", "", "", ""]);
        check(b"not yet ended", &[]);
    }

    #[test]
    fn control_characters_are_dropped_and_tabs_are_spaces() {
        check(b"\x1b[31mre\0d\x07\r\n", &["[31mred"]);
        check("c1 \u{9b}31m\r\n".as_bytes(), &["c1 31m"]);
        check(b"a\tb\n", &["a b"]);
    }

    #[test]
    fn backspace_takes_back_a_letter_of_any_size() {
        check("helö\x08lo\n".as_bytes(), &["hello"]);
        check(b"\x7f\x7fab\x7f\n", &["a"]);
        check(b"ab\xff\xf7c\n", &["ac"]);
        check(b"ab\xff\xf8c\n", &["c"]);
    }

    #[test]
    fn what_is_not_utf8_becomes_a_replacement() {
        check(b"caf\xe9!\n", &["caf\u{fffd}!"]);
        check(b"\xff\xff\n", &["\u{fffd}"]);
    }

    #[test]
    fn commands_leave_no_trace_in_a_line() {
        check(b"lo\xff\xf1o\xff\xfd\x01k\xff\xfa\x1f\0\x50\0\x18\xff\xf0\n", &["look"]);
    }

    #[test]
    fn a_long_line_is_cut_at_a_letter_and_says_so() {
        let cut = |line: &str| vec![Event::Line { line: line.into(), cut: true }];
        assert_eq!(read(&[b"0123456789abcdefg\n"]), cut("0123456789abcdef"));
        assert_eq!(read(&["0123456789abcdeöx\n".as_bytes()]), cut("0123456789abcde"));
        assert_eq!(read(&[&[b'\xe9'; 10], b"\n"]), cut("\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"));
        let whole = Event::Line { line: "0123456789abcdef".into(), cut: false };
        assert_eq!(read(&[b"0123456789abcdef\n"]), [whole]);
    }

    #[test]
    fn negotiations_are_heard() {
        let events = read(&[b"\xff\xfb\x18\xff\xfc\x18\xff\xfd\x01\xff\xfe\x01\xff\xf6"]);
        let expected = [
            Event::Peer { option: 24, will: true },
            Event::Peer { option: 24, will: false },
            Event::Us { option: 1, please: true },
            Event::Us { option: 1, please: false },
            Event::AreYouThere,
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn a_subnegotiation_keeps_its_doubled_bytes() {
        let data = vec![0, 255, 0, 24];
        assert_eq!(read(&[b"\xff\xfa\x1f\0\xff\xff\0\x18\xff\xf0"]), [Event::Subnegotiation { option: 31, data }]);
    }

    #[test]
    fn a_subnegotiation_over_the_limit_is_discarded_and_what_follows_is_heard() {
        let long = [&b"\xff\xfa\x18"[..], &vec![b'x'; 1024 * 1024], b"\xff\xf0look\n"].concat();
        let mut codec = Codec::default();
        let mut events = Vec::new();
        codec.read(&long, BOUNDS, |event| events.push(event));
        assert_eq!(events, [Event::Line { line: "look".into(), cut: false }]);
        assert!(codec.data.capacity() < 64);
    }

    #[test]
    fn an_unfinished_subnegotiation_ends_with_the_next_command() {
        assert_eq!(read(&[b"\xff\xfa\xff\xf0"]), []);
        assert_eq!(read(&[b"\xff\xfa\x18abc\xff\xfd\x01"]), [Event::Us { option: 1, please: true }]);
    }

    #[test]
    fn every_split_of_a_stream_is_heard_alike() {
        let mut random = fastrand::Rng::with_seed(20);
        let alphabet = [IAC, IAC, SB, SE, DO, WILL, WONT, EC, EL, AYT, b'\r', b'\n', 0, 8, b'a', 0xc3, 0xb6, 31, 24];
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..random.usize(1..60)).map(|_| alphabet[random.usize(..alphabet.len())]).collect();
            let whole = read(&[&bytes]);
            let at = random.usize(..bytes.len());
            let (first, second) = bytes.split_at(at);
            assert_eq!(read(&[first, second]), whole, "split at {at}: {bytes:?}");
            assert_eq!(read(&bytes.chunks(1).collect::<Vec<_>>()), whole, "{bytes:?}");
        }
    }
}
