//! From what was typed to lines that the switchboard takes. Pure.

/// What one frame's text becomes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lines {
    /// In order; at least one. No control characters, no line ends.
    pub(super) lines: Vec<String>,
    /// Whether one of them was longer than allowed and lost its end.
    pub(super) cut: bool,
}

/// Returns the lines of `typed`, each at most `line_bytes` long; a paste has several.
///
/// A tab becomes a space, so that it still separates words; other control characters are dropped. A line is cut between two characters.
pub(super) fn clean(typed: &str, line_bytes: usize) -> Lines {
    let typed = typed.replace("\r\n", "\n");
    // A paste's last line end ends its last line; it does not begin another, empty one.
    let typed = typed.strip_suffix(['\n', '\r']).unwrap_or(&typed);
    let mut cut = false;
    let lines = typed
        .split(['\n', '\r'])
        .map(|line| {
            let mut line: String =
                line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect();
            if line.len() > line_bytes {
                let end = (0..=line_bytes).rfind(|&end| line.is_char_boundary(end)).unwrap_or(0);
                line.truncate(end);
                cut = true;
            }
            line
        })
        .collect();
    Lines { lines, cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: &[&str]) {
        assert_eq!(clean(typed, 100), Lines { lines: expected.iter().map(|&line| line.into()).collect(), cut: false });
    }

    #[test]
    fn a_paste_becomes_several_lines_in_order() {
        check("look", &["look"]);
        check("", &[""]);
        check("drop rock\r\ntime\nget rock\rwho\n", &["drop rock", "time", "get rock", "who"]);
        check("say a\n\nsay b", &["say a", "", "say b"]);
    }

    #[test]
    fn control_characters_never_get_through() {
        check("say \u{1b}[31mred\u{0}\u{7f}\u{9b}", &["say [31mred"]);
        check("say\tgrüße", &["say grüße"]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(clean("ääää", 5), Lines { lines: vec!["ää".into()], cut: true });
    }
}
