//! The nearest ASCII, for screens that do not understand UTF-8.

use std::iter::once;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Calls `emit` with ASCII text that stands for a character: none for a lone mark, `?` for what has no likeness.
pub(super) fn each_ascii(c: char, mut emit: impl FnMut(&str)) {
    if let Some(likeness) = likeness(c) {
        return emit(likeness);
    }
    for part in once(c).nfkd() {
        if part.is_ascii() {
            emit(part.encode_utf8(&mut [0; 4]));
        } else if let Some(likeness) = likeness(part) {
            emit(likeness);
        } else if !is_combining_mark(part) {
            emit("?");
        }
    }
}

/// Returns what stands for a character that does not decompose into ASCII.
fn likeness(c: char) -> Option<&'static str> {
    Some(match c {
        '‘' | '’' | '‚' | '‛' | '′' | '‹' | '›' | '´' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '─' | '━' | '═' | '╌' | '┄' => "-",
        '│' | '┃' | '║' | '¦' => "|",
        '┌'..='╋' | '╒'..='╬' | '╭'..='╰' => "+",
        '░'..='▓' | '█' | '■' | '▪' | '▇' => "#",
        '•' | '·' | '●' | '◦' | '∙' | '★' | '☆' | '✦' => "*",
        '←' => "<-",
        '→' => "->",
        '↑' => "^",
        '↓' => "v",
        '×' => "x",
        '÷' => "/",
        '€' => "EUR",
        '£' => "GBP",
        '©' => "(c)",
        '®' => "(R)",
        '°' => " deg",
        'ß' => "ss",
        'æ' => "ae",
        'Æ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'ø' => "o",
        'Ø' => "O",
        'đ' | 'ð' => "d",
        'Đ' | 'Ð' => "D",
        'ł' => "l",
        'Ł' => "L",
        'ħ' => "h",
        'ı' => "i",
        'þ' => "th",
        'Þ' => "Th",
        '¡' => "!",
        '¿' => "?",
        '⁄' => "/",
        // Joiners and selectors have no look of their own.
        '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lose_their_marks_and_signs_find_their_likeness() {
        let check = |input: &str, expected: &str| {
            let mut out = String::new();
            input.chars().for_each(|c| each_ascii(c, |text| out.push_str(text)));
            assert_eq!(out, expected, "{input:?}");
        };
        check("Zoë’s café", "Zoe's cafe");
        check("“Yes” — no…", "\"Yes\" - no...");
        check("Straße, Łódź, ½", "Strasse, Lodz, 1/2");
        check("┌──┐", "+--+");
        check("日本 👩\u{200D}🌾", "?? ??");
        check("e\u{301}", "e");
    }
}
