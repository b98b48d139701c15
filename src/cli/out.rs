//! What commands print. A reader that has gone away, as in `everhall logs | head`, is no error.

use std::fmt::Display;
use std::io::{Write, stdout};

/// Prints a line.
pub(crate) fn line(text: impl Display) {
    write(format_args!("{text}\n"));
}

/// Prints without a line end, at once.
pub(crate) fn write(text: impl Display) {
    let mut out = stdout().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}
