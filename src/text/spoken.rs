//! Text as a screen reader should get it.

use std::borrow::Cow;

/// Returns true for characters that lines and frames are drawn with.
fn is_drawn(c: char) -> bool {
    matches!(c, '-' | '=' | '_' | '~' | '*' | '#' | '+' | '^' | '\u{2500}'..='\u{259F}')
}

/// How many of the same character in a row are a drawing and not text.
const DRAWING: usize = 3;

/// Returns true if there is such a row in the text.
pub(super) fn has_drawing(text: &str) -> bool {
    let mut run = (0, '\0');
    text.chars().any(|c| {
        run = if c == run.1 { (run.0 + 1, c) } else { (1, c) };
        run.0 >= DRAWING && is_drawn(c)
    })
}

/// Returns plain text without drawn lines: what a voice would spell out sign by sign.
pub(super) fn without_drawings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut first = true;
    for line in text.split('\n') {
        let drawn = has_drawing(line);
        let line = if drawn { Cow::Owned(undrawn(line)) } else { Cow::Borrowed(line) };
        if drawn && line.is_empty() {
            continue;
        }
        if !first {
            out.push('\n');
        }
        out.push_str(&line);
        first = false;
    }
    out
}

/// Returns a line's text between its drawings, with one space for each.
fn undrawn(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches(c).len();
        let (same, after) = rest.split_at(run);
        if is_drawn(c) && run >= DRAWING * c.len_utf8() {
            out.truncate(out.trim_end().len());
            if !out.is_empty() {
                out.push(' ');
            }
            rest = after.trim_start_matches([' ', '|', '+']);
        } else {
            out.push_str(same);
            rest = after;
        }
    }
    out.trim_matches([' ', '|', '+']).to_owned()
}
