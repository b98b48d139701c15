//! What never reaches a screen: control characters and letters that nobody can see.
//!
//! Every renderer leaves these out, so that not even a keeper's markup can move a cursor; text from players
//! loses them when it becomes [`Markup`](super::Markup), together with the markup's own `|`.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::char::is_combining_mark;

/// Most combining marks kept in a row. Living scripts need up to four; towers of them run into other lines.
const MARKS_IN_A_ROW: usize = 4;

/// What a byte means to whoever copies runs of harmless text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Byte {
    /// Part of harmless text.
    Plain,
    /// `|`.
    Bar,
    /// A control character, newline and tab included.
    Control,
    /// May be the first byte of a hidden character.
    Suspect,
}

/// The class of each byte.
pub(super) static BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Plain; 256];
    let mut i = 0;
    while i < 0x20 {
        bytes[i] = Byte::Control;
        i += 1;
    }
    bytes[0x7F] = Byte::Control;
    bytes[b'|' as usize] = Byte::Bar;
    // The first bytes, in UTF-8, of everything that `is_hidden` names.
    let mut k = 0;
    let leads = [0xC2, 0xD8, 0xE1, 0xE2, 0xE3, 0xEF, 0xF3];
    while k < leads.len() {
        bytes[leads[k]] = Byte::Suspect;
        k += 1;
    }
    bytes
};

/// Returns true for characters that are never shown: C0 and C1 controls, bidirectional overrides and isolates,
/// line and paragraph separators, tags, blank letters, and marks without any width or use in a game.
///
/// Newline and tab are controls as well; renderers treat them before they ask. The joiners U+200C and U+200D are
/// kept, because Persian, Indic scripts and emoji are written with them.
pub(super) fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\x1F' | '\x7F'..='\u{9F}'
        | '\u{AD}' | '\u{61C}'
        | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
        | '\u{200B}' | '\u{200E}' | '\u{200F}'
        | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// Returns the text without characters that are never shown; newlines and tabs stay, a carriage return goes.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte == b'|' || (byte < 0x80 && BYTES[byte as usize] == Byte::Plain)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    // Writing to a string cannot fail.
    let _ = each_piece(text, |piece| {
        out.push_str(piece);
        Ok(())
    });
    Cow::Owned(out)
}

/// Writes plain text as markup that shows just that text.
pub(super) fn escape(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    if text.bytes().all(|byte| byte < 0x80 && BYTES[byte as usize] == Byte::Plain) {
        return out.write_str(text);
    }
    each_piece(text, |piece| {
        let mut parts = piece.split('|');
        out.write_str(parts.next().unwrap_or_default())?;
        for part in parts {
            out.write_str("||")?;
            out.write_str(part)?;
        }
        Ok(())
    })
}

/// Calls `emit` with each longest piece between characters that are left out.
fn each_piece(text: &str, mut emit: impl FnMut(&str) -> fmt::Result) -> fmt::Result {
    let (mut from, mut marks) = (0, 0);
    for (at, c) in text.char_indices() {
        marks = if !c.is_ascii() && is_combining_mark(c) { marks + 1 } else { 0 };
        if marks <= MARKS_IN_A_ROW && (c == '\n' || c == '\t' || !is_hidden(c)) {
            continue;
        }
        emit(&text[from..at])?;
        from = at + c.len_utf8();
    }
    emit(&text[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hidden_character_begins_with_a_byte_that_stops_a_scan() {
        for c in (0..=0x10FFFF).filter_map(char::from_u32).filter(|&c| is_hidden(c)) {
            let lead = c.encode_utf8(&mut [0; 4]).as_bytes()[0];
            assert_ne!(BYTES[lead as usize], Byte::Plain, "{:x}", c as u32);
        }
    }

    #[test]
    fn what_nobody_can_see_is_left_out() {
        let check = |input: &str, expected: &str| assert_eq!(clean(input), expected, "{input:?}");
        check("plain |r text", "plain |r text");
        check("a\x1b[31mb\x07\u{9b}2J\r\n\tc\x7f", "a[31mb2J\n\tc");
        check("\u{202E}txt.exe\u{2066}!\u{2069}", "txt.exe!");
        check("pay\u{200B}pal\u{FEFF} \u{E0041}x\u{2028}y", "paypal xy");
        check("مى\u{200C}خواهم 👩\u{200D}🌾", "مى\u{200C}خواهم 👩\u{200D}🌾");
        check("Z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}!", "Z\u{301}\u{302}\u{303}\u{304}!");
    }
}
