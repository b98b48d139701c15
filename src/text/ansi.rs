//! Marked-up text for a terminal: colours as escape sequences, lines wrapped at words.
//!
//! One pass: text goes straight to the output, and when a line turns out too long, its last word is moved down. Escape
//! sequences are written just before the text that needs them.

use std::ops::Range;

use super::ascii::each_ascii;
use super::clean::{BYTES, Byte};
use super::color::Look;
use super::plain::{TAB_STOP, columns_of_char, render_plain};
use super::sgr::write_look;
use super::spoken::{has_drawing, without_drawings};
use super::token::{Token, tokens};
use crate::wire::Colors;

/// What a screen can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AnsiStyle {
    /// Colours; richer ones become their nearest.
    pub colors: Colors,
    /// Columns; longer lines are wrapped at words. 0: never.
    pub width: u16,
    /// False: everything beyond ASCII becomes what comes nearest.
    pub utf8: bool,
    /// True: no escape sequences, and no lines or frames drawn with punctuation.
    pub screen_reader: bool,
}

/// Returns marked-up text for a terminal. Lines end in CR LF; nothing is added after the last one.
///
/// A wrapped line goes on below its first word, and below the text of a list item (`- `, `* `, `1. `). If any look
/// was switched on, it is switched off at the end.
pub fn render_ansi(markup: &str, style: &AnsiStyle) -> String {
    let width = if style.width == 0 { usize::MAX } else { usize::from(style.width) };
    if let Some(rendered) = render_simple(markup, style, width) {
        return rendered;
    }
    let colors = if style.screen_reader { Colors::None } else { style.colors };
    let mut page = Page::new(markup.len(), width, colors, style.utf8);
    if style.screen_reader {
        page.plain(&without_drawings(&render_plain(markup)));
    } else {
        for token in tokens(markup) {
            page.token(token);
        }
    }
    page.finish()
}

/// Renders printable ASCII without codes whose lines all fit, which most lines are; `None` if it is not that.
fn render_simple(markup: &str, style: &AnsiStyle, width: usize) -> Option<String> {
    let (mut line_start, mut newlines) = (0, 0);
    for (at, &byte) in markup.as_bytes().iter().enumerate() {
        if byte == b'\n' {
            if at - line_start > width {
                return None;
            }
            (line_start, newlines) = (at + 1, newlines + 1);
        } else if byte >= 0x80 || BYTES[byte as usize] != Byte::Plain {
            return None;
        }
    }
    if markup.len() - line_start > width || (style.screen_reader && has_drawing(markup)) {
        return None;
    }
    if newlines == 0 {
        return Some(markup.to_owned());
    }
    let mut out = String::with_capacity(markup.len() + newlines);
    for (n, line) in markup.split('\n').enumerate() {
        if n > 0 {
            out.push_str("\r\n");
        }
        out.push_str(line);
    }
    Some(out)
}

/// A new line and the deepest indentation: what a wrapped line begins with is a part of it.
const NEW_LINE: &str = "\r\n                                        ";

/// Deepest indentation of a wrapped line, in columns.
const DEEPEST_INDENT: usize = NEW_LINE.len() - 2;

/// The output so far and what must be known of its last line.
struct Page {
    out: String,
    width: usize,
    colors: Colors,
    utf8: bool,
    /// Columns of the last line.
    column: usize,
    /// Where a wrapped line goes on.
    indent: usize,
    /// How text shall look, on a screen of these colours.
    wanted: Look,
    /// The same as the markup has it.
    marked: Look,
    /// How text at the end of `out` looks.
    shown: Look,
    /// The last spaces of the line between words.
    gap: Option<Gap>,
    place: Place,
}

/// Spaces where the line may be broken.
struct Gap {
    bytes: Range<usize>,
    /// Column behind them.
    column: usize,
    /// Look at that place.
    shown: Look,
}

/// What the line's last text was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing, or spaces only.
    Start,
    /// A first word that marks an item of a list.
    Marker,
    /// Spaces after such a word.
    AfterMarker,
    /// Any word.
    Word,
    /// Spaces between words.
    Space,
}

impl Page {
    fn new(bytes: usize, width: usize, colors: Colors, utf8: bool) -> Self {
        Self {
            out: String::with_capacity(bytes + bytes / 4 + 16),
            width,
            colors,
            utf8,
            column: 0,
            indent: 0,
            wanted: Look::default(),
            marked: Look::default(),
            shown: Look::default(),
            gap: None,
            place: Place::Start,
        }
    }

    fn token(&mut self, token: Token<'_>) {
        match token {
            Token::Text(text) => self.text(text),
            Token::Newline => self.newline(),
            Token::Tab => self.tab(),
            Token::Change(change) => {
                self.marked.apply(change);
                self.wanted = if self.colors == Colors::None { Look::default() } else { self.marked.on(self.colors) };
            }
            Token::Command(_) | Token::Url(_) | Token::LinkEnd => {}
        }
    }

    /// Takes text without codes or controls, but with newlines and tabs.
    fn plain(&mut self, text: &str) {
        for (n, line) in text.split('\n').enumerate() {
            if n > 0 {
                self.newline();
            }
            for (n, part) in line.split('\t').enumerate() {
                if n > 0 {
                    self.tab();
                }
                self.text(part);
            }
        }
    }

    fn finish(mut self) -> String {
        if self.shown != Look::default() {
            self.out.push_str("\x1b[0m");
        }
        self.out
    }

    fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte == b' ' {
                self.space();
                at += 1;
            } else if byte.is_ascii() {
                let rest = &bytes[at..];
                let length = rest.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(rest.len()).max(1);
                self.word(&text[at..at + length]);
                at += length;
            } else if let Some(c) = text[at..].chars().next() {
                if self.utf8 {
                    self.glyph(c);
                } else {
                    each_ascii(c, |likeness| self.text(likeness));
                }
                at += c.len_utf8();
            }
        }
    }

    /// Appends ASCII letters, one column each.
    fn word(&mut self, letters: &str) {
        self.begin_word(letters);
        let mut rest = letters;
        if self.column + rest.len() > self.width {
            self.break_at_gap();
        }
        while self.column + rest.len() > self.width {
            // Too long for any line: cut where the line ends.
            let (head, tail) = rest.split_at(self.width.saturating_sub(self.column));
            self.out.push_str(head);
            rest = tail;
            self.wrap();
            self.show_look();
        }
        self.out.push_str(rest);
        self.column += rest.len();
    }

    /// Appends a character beyond ASCII.
    fn glyph(&mut self, c: char) {
        self.begin_word(if c == '•' { "*" } else { "" });
        let columns = columns_of_char(c);
        if self.column + columns > self.width {
            self.break_at_gap();
        }
        if self.column + columns > self.width && self.column > self.indent {
            self.wrap();
            self.show_look();
        }
        self.out.push(c);
        self.column += columns;
    }

    /// Notes what the next letters are, for the indentation of lines to come.
    fn begin_word(&mut self, letters: &str) {
        if self.place == Place::Start {
            // Rather less indentation than a word cut in two.
            while self.column + letters.len() > self.width && self.out.ends_with(' ') {
                self.out.pop();
                self.column -= 1;
            }
        }
        self.show_look();
        match self.place {
            Place::Start => {
                self.indent_here();
                self.place = if marks_an_item(letters) { Place::Marker } else { Place::Word };
            }
            Place::AfterMarker => {
                self.indent_here();
                self.place = Place::Word;
            }
            Place::Marker | Place::Word | Place::Space => self.place = Place::Word,
        }
    }

    fn indent_here(&mut self) {
        let room = self.width >= 4 && self.column <= self.width / 2;
        self.indent = if room { self.column.min(DEEPEST_INDENT) } else { 0 };
    }

    fn space(&mut self) {
        let look_changed = self.show_look();
        if self.place != Place::Start {
            if look_changed || !matches!(self.place, Place::Space | Place::AfterMarker) {
                let end = self.out.len();
                self.gap = Some(Gap { bytes: end..end, column: self.column, shown: self.shown });
            }
            self.place = if matches!(self.place, Place::Marker | Place::AfterMarker) {
                Place::AfterMarker
            } else {
                Place::Space
            };
        }
        // What does not fit at the end of a line is not seen there, and not wanted on the next.
        if self.column < self.width {
            self.out.push(' ');
            self.column += 1;
        }
        if let Some(gap) = &mut self.gap {
            gap.bytes.end = self.out.len();
            gap.column = self.column;
        }
    }

    fn tab(&mut self) {
        for _ in 0..TAB_STOP - self.column % TAB_STOP {
            self.space();
        }
    }

    fn newline(&mut self) {
        self.end_line("\r\n");
        self.column = 0;
        self.indent = 0;
        self.place = Place::Start;
    }

    /// Goes on with a new line within a word.
    fn wrap(&mut self) {
        self.end_line(&NEW_LINE[..2 + self.indent]);
        self.column = self.indent;
    }

    fn end_line(&mut self, new_line: &str) {
        if self.shown.shows_on_blank() {
            self.out.push_str("\x1b[0m");
            self.shown = Look::default();
        }
        self.out.push_str(new_line);
        self.gap = None;
    }

    /// Moves what follows the last gap to a new line.
    fn break_at_gap(&mut self) {
        let Some(gap) = self.gap.take() else { return };
        let new_line = &NEW_LINE[..2 + self.indent];
        if gap.shown.shows_on_blank() {
            let mut between = ["\x1b[0m", new_line].concat();
            write_look(&mut between, Look::default(), gap.shown);
            self.out.replace_range(gap.bytes, &between);
        } else {
            self.out.replace_range(gap.bytes, new_line);
        }
        self.column = self.indent + (self.column - gap.column);
    }

    /// Writes the sequence that the next text needs. Returns true if there was one.
    fn show_look(&mut self) -> bool {
        if self.shown == self.wanted {
            return false;
        }
        write_look(&mut self.out, self.shown, self.wanted);
        self.shown = self.wanted;
        true
    }
}

/// Returns true if a first word stands before an item of a list: `-`, `*`, `+`, `1.`, `12)`.
fn marks_an_item(word: &str) -> bool {
    match word.as_bytes() {
        [b'-' | b'*' | b'+'] => true,
        [number @ .., b'.' | b')'] => !number.is_empty() && number.len() < 4 && number.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::noise;

    const PLAIN: AnsiStyle = AnsiStyle { colors: Colors::None, width: 0, utf8: true, screen_reader: false };

    fn in_colors(colors: Colors, markup: &str) -> String {
        render_ansi(markup, &AnsiStyle { colors, ..PLAIN })
    }

    #[test]
    fn colours_become_what_the_screen_knows() {
        let check = |markup, colors, expected: &str| assert_eq!(in_colors(colors, markup), expected, "{markup:?}");
        check("a |rred|n b", Colors::None, "a red b");
        check("a |rred|n b", Colors::Ansi16, "a \x1b[1;31mred\x1b[0m b");
        check("a |rred|n b", Colors::Xterm256, "a \x1b[91mred\x1b[0m b");
        check("|Rred|[wx", Colors::Ansi16, "\x1b[31mred\x1b[47mx\x1b[0m");
        check("|xdim", Colors::Ansi16, "\x1b[1;30;90mdim\x1b[0m");
        check("|510x", Colors::Xterm256, "\x1b[38;5;202mx\x1b[0m");
        check("|510x", Colors::Ansi16, "\x1b[1;31mx\x1b[0m");
        check("|#f80x|[#102030y", Colors::True, "\x1b[38;2;255;136;0mx\x1b[48;2;16;32;48my\x1b[0m");
        check("|#f80x", Colors::Xterm256, "\x1b[38;5;208mx\x1b[0m");
        check("|uone|U two|i|s|*|^x", Colors::Ansi16, "\x1b[4mone\x1b[0m two\x1b[3;5;7;9mx\x1b[0m");
        check("|hbold|H|Gx|hy|Hz", Colors::Ansi16, "\x1b[1mbold\x1b[0;32mx\x1b[1my\x1b[0;32mz\x1b[0m");
    }

    #[test]
    fn a_look_that_no_text_has_is_not_written() {
        for colors in [Colors::Ansi16, Colors::True] {
            assert_eq!(in_colors(colors, "|ra|r|nb|g|b|n"), in_colors(colors, "|ra|nb"));
            assert_eq!(in_colors(colors, "|g|n"), "");
        }
    }

    #[test]
    fn lines_end_in_cr_lf_and_no_background_runs_past_them() {
        assert_eq!(in_colors(Colors::Ansi16, "a\nb|/c\n"), "a\r\nb\r\nc\r\n");
        assert_eq!(in_colors(Colors::Ansi16, "|[Ba\nb"), "\x1b[44ma\x1b[0m\r\n\x1b[44mb\x1b[0m");
        assert_eq!(in_colors(Colors::Ansi16, "|Ba\nb"), "\x1b[34ma\r\nb\x1b[0m");
    }

    #[test]
    fn links_show_their_text() {
        assert_eq!(in_colors(Colors::True, "go |lc north|lt north|le!"), "go north!");
    }

    fn wrapped(markup: &str, width: u16, expected: &str) {
        let style = AnsiStyle { colors: Colors::Ansi16, width, ..PLAIN };
        assert_eq!(render_ansi(markup, &style), expected, "{markup:?}");
    }

    #[test]
    fn long_lines_break_between_words() {
        wrapped("one two three", 7, "one two\r\nthree");
        wrapped("one two  three", 7, "one two\r\nthree");
        wrapped("one two", 7, "one two");
        wrapped("one\n\ntwo three", 7, "one\r\n\r\ntwo\r\nthree");
        wrapped("abcdefghij xy", 4, "abcd\r\nefgh\r\nij\r\nxy");
        wrapped("ab cdefghij", 4, "ab\r\ncdef\r\nghij");
        wrapped("日本語 x", 4, "日本\r\n語 x");
        wrapped("café olé", 5, "café\r\nolé");
        wrapped("ab|-c d", 10, "ab      c\r\nd");
    }

    #[test]
    fn colours_do_not_count_and_survive_a_break() {
        wrapped("one |rtwo three|n x", 7, "one \x1b[1;31mtwo\r\nthree\x1b[0m x");
        wrapped("one tw|ro|ny", 6, "one\r\ntw\x1b[1;31mo\x1b[0my");
        wrapped("|[Bone two", 5, "\x1b[44mone\x1b[0m\r\n\x1b[44mtwo\x1b[0m");
    }

    #[test]
    fn a_wrapped_item_goes_on_below_its_text() {
        wrapped("  one two", 6, "  one\r\n  two");
        wrapped("- one two", 6, "- one\r\n  two");
        wrapped("12. one two", 9, "12. one\r\n    two");
        wrapped("      deep", 6, "  deep");
        wrapped("     deep end", 8, "    deep\r\n    end");
    }

    #[test]
    fn no_line_is_ever_wider_than_the_screen() {
        noise::for_each(|text| {
            for (width, utf8) in [(2, true), (7, false), (20, true)] {
                let style = AnsiStyle { colors: Colors::Ansi16, width, utf8, screen_reader: false };
                let rendered = render_ansi(text, &style);
                assert!(utf8 || rendered.is_ascii(), "{text:?}");
                let plain = without_sequences(&rendered);
                for line in plain.split("\r\n") {
                    assert!(!line.contains(char::is_control), "{text:?}: {rendered:?}");
                    let columns: usize = line.chars().map(columns_of_char).sum();
                    assert!(columns <= usize::from(width), "{text:?}: {rendered:?}");
                }
                if utf8 {
                    let letters = |text: &str| text.split_whitespace().collect::<String>();
                    assert_eq!(letters(&plain), letters(&render_plain(text)), "{text:?}");
                }
            }
        });
    }

    /// Takes out the colours that `render_ansi` put in: those alone begin with an escape.
    fn without_sequences(rendered: &str) -> String {
        let mut parts = rendered.split('\x1b');
        let mut out = parts.next().unwrap().to_owned();
        for part in parts {
            let (sequence, text) = part.split_once('m').unwrap();
            assert!(sequence[1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b';'), "{rendered:?}");
            out.push_str(text);
        }
        out
    }

    #[test]
    fn a_screen_reader_hears_neither_colours_nor_drawings() {
        let check = |markup, expected: &str| {
            let style = AnsiStyle { colors: Colors::True, screen_reader: true, ..PLAIN };
            assert_eq!(render_ansi(markup, &style), expected, "{markup:?}");
        };
        check("|rred|n and so on...", "red and so on...");
        check("-----\nThe Hall\n=====\n\nA hall.", "The Hall\r\n\r\nA hall.");
        check("==== |wThe Hall|n ====", "The Hall");
        check("+-----+-----+\n| Ann | Bob |", "| Ann | Bob |");
        check("wait---what?", "wait what?");
        check("well-known -- a dash", "well-known -- a dash");
        check("┌────┐\nx", "┌ ┐\r\nx");
    }

    #[test]
    fn without_utf8_all_is_ascii() {
        let style = AnsiStyle { colors: Colors::None, utf8: false, ..PLAIN };
        assert_eq!(render_ansi("“Zoë” — 日|/x", &style), "\"Zoe\" - ?\r\nx");
    }
}
