//! Text without any look: for logs, for JSON, and for counting columns.

use unicode_width::UnicodeWidthChar;

use super::clean::{BYTES, Byte};
use super::token::{Token, tokens};

/// Columns from one tab stop to the next.
pub(super) const TAB_STOP: usize = 8;

/// Returns marked-up text as plain text. Newlines and tabs stay; a link shows its text.
pub fn render_plain(markup: &str) -> String {
    if markup.bytes().all(|byte| byte < 0x80 && BYTES[byte as usize] == Byte::Plain) {
        return markup.to_owned();
    }
    let mut out = String::with_capacity(markup.len());
    for token in tokens(markup) {
        match token {
            Token::Text(text) => out.push_str(text),
            Token::Newline => out.push('\n'),
            Token::Tab => out.push('\t'),
            Token::Change(_) | Token::Command(_) | Token::Url(_) | Token::LinkEnd => {}
        }
    }
    out
}

/// Returns how many columns marked-up text takes on a screen; of several lines, the widest counts.
pub fn width(markup: &str) -> usize {
    let (mut widest, mut columns) = (0, 0);
    for token in tokens(markup) {
        match token {
            Token::Text(text) => columns += columns_of(text),
            Token::Newline => columns = 0,
            Token::Tab => columns += TAB_STOP - columns % TAB_STOP,
            Token::Change(_) | Token::Command(_) | Token::Url(_) | Token::LinkEnd => {}
        }
        widest = widest.max(columns);
    }
    widest
}

/// Returns how many columns text without controls takes.
fn columns_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(columns_of_char).sum() }
}

/// Returns how many columns a character takes: none for a combining mark, two for the wide ones of East Asia.
pub(super) fn columns_of_char(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_gone_and_text_is_left() {
        let check = |markup, expected: &str| assert_eq!(render_plain(markup), expected, "{markup:?}");
        check("plain", "plain");
        check("a |rred|n b||c|/d|-e", "a red b|c\nd\te");
        check("go |lc north|lt north|le.", "go north.");
        check("\x1b[31m|q", "[31m|q");
    }

    #[test]
    fn columns_are_counted_as_seen() {
        let check = |markup, expected| assert_eq!(width(markup), expected, "{markup:?}");
        check("", 0);
        check("a lamp", 6);
        check("|rred|n||", 4);
        check("日本|nx", 5);
        check("e\u{301}a", 2);
        check("a|-b", 9);
        check("long|/s\nmiddling", 8);
    }
}
