//! The escape sequences that switch a look on and off (ECMA-48 SGR).

use std::fmt::Write;

use super::color::{BLINK, Color, HILITE, INVERSE, ITALIC, Look, STRIKE, UNDERLINE};

/// Writes the sequence that leads from one look to another.
pub(super) fn write_look(out: &mut String, from: Look, to: Look) {
    let ended = |was: Color, is: Color| was != Color::Default && is == Color::Default;
    let reset = from.flags & !to.flags != 0 || ended(from.fg, to.fg) || ended(from.bg, to.bg);
    let from = if reset { Look::default() } else { from };
    out.push_str(if reset { "\x1b[0;" } else { "\x1b[" });
    for (flag, code) in
        [(HILITE, "1;"), (ITALIC, "3;"), (UNDERLINE, "4;"), (BLINK, "5;"), (INVERSE, "7;"), (STRIKE, "9;")]
    {
        if to.flags & !from.flags & flag != 0 {
            out.push_str(code);
        }
    }
    let bold_black = to.fg == Color::Basic(0) && to.flags & HILITE != 0;
    if to.fg != from.fg || (bold_black && from.flags & HILITE == 0) {
        write_color(out, to.fg, 30);
        if bold_black {
            // Where bold is not bright, it would be black on black.
            out.push_str("90;");
        }
    }
    if to.bg != from.bg {
        write_color(out, to.bg, 40);
    }
    // The last separator becomes the end.
    out.pop();
    out.push('m');
}

/// Writes a colour's numbers, each followed by a separator; `base` is 30 for letters, 40 behind them.
fn write_color(out: &mut String, color: Color, base: u8) {
    // Writing to a string cannot fail.
    let _ = match color {
        Color::Default => Ok(()),
        Color::Basic(dark @ 0..8) => write!(out, "{};", base + dark),
        Color::Basic(bright) => write!(out, "{};", base + 52 + bright),
        Color::Indexed(index) => write!(out, "{};5;{index};", base + 8),
        Color::Rgb(r, g, b) => write!(out, "{};2;{r};{g};{b};", base + 8),
    };
}
