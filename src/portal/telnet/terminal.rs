//! What is known of a telnet client: what it told (TTYPE, MTTS, NAWS) and what its player chose over that. Pure.

use crate::portal::door::{Form, Style};
use crate::wire::{Colors, Facts};

/// Bits of the `MTTS` reply.
const MTTS_ANSI: u32 = 1;
const MTTS_UTF8: u32 = 4;
const MTTS_256_COLORS: u32 = 8;
const MTTS_SCREEN_READER: u32 = 64;
const MTTS_TRUE_COLOR: u32 = 256;

/// Replies asked for at most; the third is the last that means something.
const TTYPE_REPLIES: usize = 4;
/// Longest name kept, in bytes.
const NAME_BYTES: usize = 64;
/// Columns assumed until the client tells.
const WIDTH: u16 = 80;
/// Narrowest and widest window taken at its word.
const WIDTHS: std::ops::RangeInclusive<u16> = 10..=1000;

/// The other end's screen.
#[derive(Debug)]
pub struct Terminal {
    address: String,
    client: String,
    replies: Vec<String>,
    told_colors: Colors,
    told_width: u16,
    told_height: u16,
    told_utf8: bool,
    told_screen_reader: bool,
    chosen: Chosen,
}

/// What the player chose; `None` leaves it to what the client told.
#[derive(Debug, Default)]
struct Chosen {
    colors: Option<Colors>,
    width: Option<u16>,
    utf8: Option<bool>,
    screen_reader: Option<bool>,
}

impl Terminal {
    /// Returns what is assumed of a client at `address` that has told nothing.
    pub fn new(address: String) -> Self {
        let assumed = Facts::default();
        Self {
            address,
            client: String::new(),
            replies: Vec::new(),
            told_colors: assumed.colors,
            told_width: WIDTH,
            told_height: assumed.height,
            told_utf8: assumed.utf8,
            told_screen_reader: assumed.screen_reader,
            chosen: Chosen::default(),
        }
    }

    /// Returns all that the server is told.
    pub fn facts(&self) -> Facts {
        let style = self.style();
        Facts {
            protocol: "telnet".into(),
            address: self.address.clone(),
            client: self.client.clone(),
            width: style.width,
            height: self.told_height,
            colors: style.colors,
            utf8: style.utf8,
            screen_reader: style.screen_reader,
            events: false,
            trusted: false,
        }
    }

    /// Returns how its text is rendered.
    pub fn style(&self) -> Style {
        let screen_reader = self.chosen.screen_reader.unwrap_or(self.told_screen_reader);
        // Colour is noise to a screen reader, unless the player asked for both.
        let colors = if screen_reader { Colors::None } else { self.told_colors };
        Style {
            form: Form::Ansi,
            colors: self.chosen.colors.unwrap_or(colors),
            width: self.chosen.width.unwrap_or(self.told_width),
            utf8: self.chosen.utf8.unwrap_or(self.told_utf8),
            screen_reader,
        }
    }

    /// Takes a NAWS report; returns true if it was one. 0 columns mean that the client does not know.
    pub fn window(&mut self, data: &[u8]) -> bool {
        let [w1, w0, h1, h0] = *data else { return false };
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        self.told_width = if width == 0 { WIDTH } else { width.clamp(*WIDTHS.start(), *WIDTHS.end()) };
        self.told_height = height;
        true
    }

    /// Takes a TTYPE reply; returns true if another one is to be asked for.
    ///
    /// The first names the client, the second its terminal, the third is `MTTS` and a sum of bits. A reply that repeats
    /// is the last.
    pub fn type_reply(&mut self, data: &[u8]) -> bool {
        let Some((0, name)) = data.split_first() else { return false };
        let name: String = String::from_utf8_lossy(name).chars().filter(|letter| !letter.is_control()).collect();
        let name: String = name.chars().take(NAME_BYTES).collect();
        if self.replies.len() >= TTYPE_REPLIES || self.replies.contains(&name) {
            return false;
        }
        if self.replies.is_empty() {
            self.client.clone_from(&name);
        }
        let bits = name.strip_prefix("MTTS ").and_then(|bits| bits.trim().parse().ok());
        match bits {
            Some(bits) => self.mtts(bits),
            None => self.named(&name),
        }
        self.replies.push(name);
        bits.is_none() && self.replies.len() < TTYPE_REPLIES
    }

    fn mtts(&mut self, bits: u32) {
        self.told_colors = if bits & MTTS_TRUE_COLOR != 0 {
            Colors::True
        } else if bits & MTTS_256_COLORS != 0 {
            Colors::Xterm256
        } else if bits & MTTS_ANSI != 0 {
            Colors::Ansi16
        } else {
            Colors::None
        };
        self.told_utf8 = bits & MTTS_UTF8 != 0;
        self.told_screen_reader = bits & MTTS_SCREEN_READER != 0;
    }

    /// Guesses from a terminal's name, for clients without MTTS.
    fn named(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        if name.contains("truecolor") || name.ends_with("-direct") {
            self.told_colors = Colors::True;
        } else if name.contains("256color") {
            self.told_colors = Colors::Xterm256;
        } else if name == "dumb" || name == "unknown" {
            self.told_colors = Colors::None;
        }
    }

    /// Takes a setting that the player chose; returns false if it is not one of these, or not with this value.
    pub fn setting(&mut self, name: &str, value: &str) -> bool {
        match name {
            "screenreader" => switch(value).map(|on| self.chosen.screen_reader = on),
            "utf8" => switch(value).map(|on| self.chosen.utf8 = on),
            "color" => colors(value).map(|colors| self.chosen.colors = colors),
            "width" => width(value).map(|width| self.chosen.width = width),
            _ => None,
        }
        .is_some()
    }
}

/// Reads `on`, `off` or `auto`; the inner `None` is `auto`.
fn switch(value: &str) -> Option<Option<bool>> {
    match value {
        "on" => Some(Some(true)),
        "off" => Some(Some(false)),
        "auto" => Some(None),
        _ => None,
    }
}

fn colors(value: &str) -> Option<Option<Colors>> {
    match value {
        "none" => Some(Some(Colors::None)),
        "16" => Some(Some(Colors::Ansi16)),
        "256" => Some(Some(Colors::Xterm256)),
        "true" => Some(Some(Colors::True)),
        "auto" => Some(None),
        _ => None,
    }
}

/// Reads columns; 0 switches wrapping off.
fn width(value: &str) -> Option<Option<u16>> {
    match value {
        "auto" => Some(None),
        "0" => Some(Some(0)),
        number => number.parse().ok().filter(|width| WIDTHS.contains(width)).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(replies: &[&str]) -> (Terminal, Vec<bool>) {
        let mut terminal = Terminal::new("192.0.2.1".into());
        let asks = replies.iter().map(|reply| terminal.type_reply(&[b"\0", reply.as_bytes()].concat())).collect();
        (terminal, asks)
    }

    fn check(replies: &[&str], client: &str, colors: Colors, utf8: bool, screen_reader: bool) {
        let facts = told(replies).0.facts();
        assert_eq!(
            (&facts.client[..], facts.colors, facts.utf8, facts.screen_reader),
            (client, colors, utf8, screen_reader)
        );
    }

    #[test]
    fn mtts_tells_colours_utf8_and_screen_reader() {
        check(&[], "", Colors::Ansi16, true, false);
        check(&["MUDLET", "ANSI-TRUECOLOR", "MTTS 2349"], "MUDLET", Colors::True, true, false);
        check(&["TINTIN++", "XTERM", "MTTS 13"], "TINTIN++", Colors::Xterm256, true, false);
        check(&["VIPMUD", "XTERM", "MTTS 69"], "VIPMUD", Colors::None, true, true);
        check(&["OLD", "ANSI", "MTTS 1"], "OLD", Colors::Ansi16, false, false);
        check(&["DUMB", "DUMB"], "DUMB", Colors::None, true, false);
        check(&["xterm-256color"], "xterm-256color", Colors::Xterm256, true, false);
    }

    #[test]
    fn replies_are_asked_for_until_one_repeats_or_says_mtts() {
        assert_eq!(told(&["XTERM", "XTERM"]).1, [true, false]);
        assert_eq!(told(&["TINTIN++", "XTERM", "MTTS 13"]).1, [true, true, false]);
        assert_eq!(told(&["a", "b", "c", "d", "e"]).1, [true, true, true, false, false]);
    }

    #[test]
    fn a_window_is_taken_at_its_word_within_reason() {
        fn check(data: &[u8], expected: u16) {
            let mut terminal = Terminal::new(String::new());
            terminal.window(data);
            assert_eq!(terminal.style().width, expected, "{data:?}");
        }
        check(&[0, 120, 0, 40], 120);
        check(&[0, 0, 0, 0], 80);
        check(&[0, 1, 0, 1], 10);
        check(&[255, 255, 0, 1], 1000);
        check(&[1, 2], 80);
    }

    #[test]
    fn what_the_player_chose_beats_what_the_client_told() {
        let (mut terminal, _) = told(&["MUDLET", "ANSI", "MTTS 2349"]);
        for (name, value) in [("color", "16"), ("width", "40"), ("utf8", "off")] {
            assert!(terminal.setting(name, value));
        }
        terminal.window(&[0, 100, 0, 40]);
        let style = terminal.style();
        assert_eq!((style.colors, style.width, style.utf8), (Colors::Ansi16, 40, false));
        for name in ["color", "width", "utf8"] {
            assert!(terminal.setting(name, "auto"));
        }
        let style = terminal.style();
        assert_eq!((style.colors, style.width, style.utf8), (Colors::True, 100, true));
        assert!(!terminal.setting("width", "wide") && !terminal.setting("taste", "on"));
    }

    #[test]
    fn a_screen_reader_gets_no_colour() {
        let mut terminal = Terminal::new(String::new());
        terminal.setting("screenreader", "on");
        assert_eq!((terminal.style().screen_reader, terminal.style().colors), (true, Colors::None));
    }
}
