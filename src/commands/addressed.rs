//! Text with a name before it, as `tell` and `whisper` take it.

use crate::world::names;

/// Returns name and text of `name = text`, of `"name" text` and, for a name of one word, of `name text`.
///
/// What stands before a `=` counts as a name only if it may be one, so that `ann 2+2 = 4` is for Ann.
pub(super) fn split(typed: &str) -> Option<(&str, &str)> {
    let (name, text) = quoted(typed).or_else(|| by_equals(typed)).or_else(|| typed.split_once(char::is_whitespace))?;
    let (name, text) = (name.trim(), text.trim());
    (!name.is_empty() && !text.is_empty()).then_some((name, text))
}

fn quoted(typed: &str) -> Option<(&str, &str)> {
    let (name, text) = typed.strip_prefix('"')?.split_once('"')?;
    let text = text.trim_start();
    Some((name, text.strip_prefix('=').unwrap_or(text)))
}

fn by_equals(typed: &str) -> Option<(&str, &str)> {
    let (name, text) = typed.split_once('=')?;
    // Names with a position (`2.guard`) and ids are one word.
    let may_be = !name.trim().contains(char::is_whitespace) || names::parse(name).is_ok();
    may_be.then_some((name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_text_are_told_apart() {
        let check = |typed, expected| assert_eq!(split(typed), expected, "{typed}");
        check("ann = hello", Some(("ann", "hello")));
        check("ann=hello = you", Some(("ann", "hello = you")));
        check("bob hill = hello", Some(("bob hill", "hello")));
        check("ann hello there", Some(("ann", "hello there")));
        check("ann 2+2 = 4", Some(("ann", "2+2 = 4")));
        check("\"bob hill\" hello", Some(("bob hill", "hello")));
        check("\"bob hill\" = hello", Some(("bob hill", "hello")));
        check("2.guard = hello", Some(("2.guard", "hello")));
        check("ann", None);
        check("ann =", None);
        check("= hello", None);
        check("\"ann\"", None);
    }
}
