//! Marked-up text as screens of this process show it. The one place where the portal asks `text` for a rendering.

use bytes::Bytes;

use super::door::Style;
use crate::text::{AnsiStyle, render_ansi, render_plain};

/// Returns marked-up text with ANSI sequences, each line ending in CR LF.
pub fn ansi(markup: &str, style: Style) -> Bytes {
    let mut shown = render_ansi(markup, &ansi_style(style));
    if !shown.ends_with("\r\n") {
        shown.push_str("\r\n");
    }
    Bytes::from(shown)
}

/// Returns a prompt: as [`ansi`], without a line end.
pub fn prompt(markup: &str, style: Style) -> String {
    render_ansi(markup, &AnsiStyle { width: 0, ..ansi_style(style) })
}

/// Returns marked-up text without any decoration, each line ending in LF.
pub fn plain(markup: &str) -> String {
    let mut shown = render_plain(markup);
    if !shown.ends_with('\n') {
        shown.push('\n');
    }
    shown
}

fn ansi_style(style: Style) -> AnsiStyle {
    AnsiStyle { colors: style.colors, width: style.width, utf8: style.utf8, screen_reader: style.screen_reader }
}
