//! Marked-up text, piece by piece: the one place that knows the `|` codes.

use super::clean::{BYTES, Byte, is_hidden};
use super::color::{BLINK, Change, Color, HILITE, INVERSE, ITALIC, STRIKE, UNDERLINE};

/// Longest target of a link, in bytes. A longer one is no link.
const TARGET_BYTES: usize = 1024;

/// A piece of marked-up text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text without any control or hidden character.
    Text(&'a str),
    /// The end of a line.
    Newline,
    /// A tab.
    Tab,
    /// From here on, text looks different.
    Change(Change),
    /// A link to a command begins. The target's `||` still stand for `|`.
    Command(&'a str),
    /// A link to a page begins. The target's `||` still stand for `|`.
    Url(&'a str),
    /// The link ends.
    LinkEnd,
}

/// Returns the pieces of marked-up text, in order.
pub(super) fn tokens(markup: &str) -> Tokens<'_> {
    Tokens { rest: markup }
}

/// See [`tokens`].
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let plain = plain_prefix(self.rest);
            if plain > 0 {
                return Some(Token::Text(self.take(plain)));
            }
            let first = self.rest.chars().next()?;
            self.take(first.len_utf8());
            match first {
                '\n' => return Some(Token::Newline),
                '\t' => return Some(Token::Tab),
                '|' => {
                    let (token, length) = code(self.rest).unwrap_or((Token::Text("|"), 0));
                    self.take(length);
                    return Some(token);
                }
                _ => {}
            }
        }
    }
}

impl<'a> Tokens<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

/// Returns how many bytes of harmless text come first.
fn plain_prefix(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match BYTES[bytes[at] as usize] {
            Byte::Plain => at += 1,
            Byte::Bar | Byte::Control => break,
            Byte::Suspect => match text[at..].chars().next() {
                Some(c) if !is_hidden(c) => at += c.len_utf8(),
                _ => break,
            },
        }
    }
    at
}

/// Reads the code that follows a `|`, and says how long it is. `None` if it is unknown.
fn code(text: &str) -> Option<(Token<'_>, usize)> {
    let bytes = text.as_bytes();
    let change = |change| Some((Token::Change(change), 1));
    match *bytes.first()? {
        b'|' => Some((Token::Text("|"), 1)),
        b'/' => Some((Token::Newline, 1)),
        b'-' => Some((Token::Tab, 1)),
        b'_' => Some((Token::Text(" "), 1)),
        b'>' => Some((Token::Text("    "), 1)),
        b'n' => change(Change::Reset),
        b'h' => change(Change::On(HILITE)),
        b'H' => change(Change::Off(HILITE)),
        b'u' => change(Change::On(UNDERLINE)),
        b'U' => change(Change::Off(UNDERLINE)),
        b'i' => change(Change::On(ITALIC)),
        b'I' => change(Change::Off(ITALIC)),
        b's' => change(Change::On(STRIKE)),
        b'S' => change(Change::Off(STRIKE)),
        b'*' => change(Change::On(INVERSE)),
        b'^' => change(Change::On(BLINK)),
        b'!' => match basic(*bytes.get(1)?)? {
            dark @ 0..8 => Some((Token::Change(Change::Hue(dark)), 2)),
            _ => None,
        },
        b'[' => {
            let (color, length) = color(&bytes[1..])?;
            Some((Token::Change(Change::Bg(color)), length + 1))
        }
        b'l' => link(text),
        _ => match color(bytes)? {
            (Color::Basic(dark @ 0..8), length) => Some((Token::Change(Change::Dark(dark)), length)),
            (color, length) => Some((Token::Change(Change::Fg(color)), length)),
        },
    }
}

/// Reads a colour and says how long it is: `r`, `R`, `520`, `=k`, `#rgb` or `#rrggbb`.
fn color(bytes: &[u8]) -> Option<(Color, usize)> {
    let hex = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16)).map(|digit| digit as u8);
    let sixth = |at: usize| bytes.get(at).filter(|byte| (b'0'..=b'5').contains(byte)).map(|byte| byte - b'0');
    match *bytes.first()? {
        b'0'..=b'5' => Some((Color::Indexed(16 + 36 * sixth(0)? + 6 * sixth(1)? + sixth(2)?), 3)),
        b'=' => match *bytes.get(1)? {
            b'a' => Some((Color::Indexed(16), 2)),
            b'z' => Some((Color::Indexed(231), 2)),
            letter @ b'b'..=b'y' => Some((Color::Indexed(232 + (letter - b'b')), 2)),
            _ => None,
        },
        b'#' => {
            let (r, g, b) = (hex(1)?, hex(2)?, hex(3)?);
            match (hex(4), hex(5), hex(6)) {
                (Some(x), Some(y), Some(z)) => Some((Color::Rgb(r << 4 | g, b << 4 | x, y << 4 | z), 7)),
                _ => Some((Color::Rgb(r * 17, g * 17, b * 17), 4)),
            }
        }
        letter => Some((Color::Basic(basic(letter)?), 1)),
    }
}

/// Returns the ANSI colour of a letter: small for bright, capital for dark.
fn basic(letter: u8) -> Option<u8> {
    let hue = b"xrgybmcw".iter().position(|&hue| hue == letter.to_ascii_lowercase())? as u8;
    Some(if letter.is_ascii_lowercase() { hue + 8 } else { hue })
}

/// Reads the head of a link (`lc target|lt`, `lu target|lt`) or its end (`le`).
fn link(text: &str) -> Option<(Token<'_>, usize)> {
    let kind = *text.as_bytes().get(1)?;
    if kind == b'e' {
        return Some((Token::LinkEnd, 2));
    }
    if kind != b'c' && kind != b'u' {
        return None;
    }
    let body = &text[2..];
    let mut bytes = body.bytes().enumerate().take(TARGET_BYTES);
    let end = loop {
        let (at, byte) = bytes.next()?;
        match byte {
            b'|' => match bytes.next()?.1 {
                b'l' if body.as_bytes().get(at + 2) == Some(&b't') => break at,
                b'\n' => return None,
                // `||`, or a code that means nothing in a target.
                _ => {}
            },
            b'\n' => return None,
            _ => {}
        }
    };
    let target = body[..end].trim();
    if target.is_empty() {
        return None;
    }
    // One space after `|lt` belongs to the notation.
    let space = usize::from(body.as_bytes().get(end + 3) == Some(&b' '));
    let token = if kind == b'c' { Token::Command(target) } else { Token::Url(target) };
    Some((token, 2 + end + 3 + space))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(markup: &str, expected: &[Token<'_>]) {
        assert_eq!(tokens(markup).collect::<Vec<_>>(), expected, "{markup:?}");
    }

    #[test]
    fn each_code_is_known() {
        let fg = |color| Token::Change(Change::Fg(color));
        let bg = |color| Token::Change(Change::Bg(color));
        check("a|rb", &[Token::Text("a"), fg(Color::Basic(9)), Token::Text("b")]);
        check("|R|X", &[Token::Change(Change::Dark(1)), Token::Change(Change::Dark(0))]);
        check("|!G", &[Token::Change(Change::Hue(2))]);
        check("|[r|[X", &[bg(Color::Basic(9)), bg(Color::Basic(0))]);
        check("|000|555|[123", &[fg(Color::Indexed(16)), fg(Color::Indexed(231)), bg(Color::Indexed(67))]);
        check(
            "|=a|=b|=y|[=z",
            &[fg(Color::Indexed(16)), fg(Color::Indexed(232)), fg(Color::Indexed(255)), bg(Color::Indexed(231))],
        );
        check(
            "|#ff8800|#f80|[#012x",
            &[fg(Color::Rgb(255, 136, 0)), fg(Color::Rgb(255, 136, 0)), bg(Color::Rgb(0, 17, 34)), Token::Text("x")],
        );
        check(
            "|/|-|_|>|||n",
            &[
                Token::Newline,
                Token::Tab,
                Token::Text(" "),
                Token::Text("    "),
                Token::Text("|"),
                Token::Change(Change::Reset),
            ],
        );
        check(
            "|u|U|h|H|*|^",
            &[
                Token::Change(Change::On(UNDERLINE)),
                Token::Change(Change::Off(UNDERLINE)),
                Token::Change(Change::On(HILITE)),
                Token::Change(Change::Off(HILITE)),
                Token::Change(Change::On(INVERSE)),
                Token::Change(Change::On(BLINK)),
            ],
        );
    }

    #[test]
    fn an_unknown_code_is_text() {
        for markup in ["|", "|q", "|?", "|56", "|569", "|=A", "|#12", "|[", "|[?", "|!r", "|l", "|lt", "|é", "|lc|lt"]
        {
            let text: String =
                tokens(markup).map(|token| if let Token::Text(text) = token { text } else { "#" }).collect();
            assert_eq!(text, markup);
        }
    }

    #[test]
    fn a_link_has_a_target_and_a_text() {
        check("|lclook|ltthere|le", &[Token::Command("look"), Token::Text("there"), Token::LinkEnd]);
        check("|lc look at a||b |lt there|le", &[Token::Command("look at a||b"), Token::Text("there"), Token::LinkEnd]);
        check("|lca||lt|ltb", &[Token::Command("a||lt"), Token::Text("b")]);
        check(
            "|lc a\nb|lt",
            &[
                Token::Text("|"),
                Token::Text("lc a"),
                Token::Newline,
                Token::Text("b"),
                Token::Text("|"),
                Token::Text("lt"),
            ],
        );
    }
}
