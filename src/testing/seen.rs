//! What one player has been shown, and how far the test has read it.

use std::ops::Range;

/// Everything shown so far, as plain text with `\n`, and the place behind the last match.
#[derive(Debug, Default)]
pub(super) struct Seen {
    text: Vec<u8>,
    /// Where the last match ended.
    read: usize,
    /// Lines that were prompts.
    prompts: Vec<Range<usize>>,
}

impl Seen {
    pub(super) fn push(&mut self, byte: u8) {
        self.text.push(byte);
    }

    pub(super) fn push_line(&mut self, line: &str) {
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
    }

    /// Notes that what stands behind the last line end was a prompt.
    pub(super) fn end_prompt(&mut self) {
        let start = self.text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.prompts.push(start..self.text.len());
        self.text.push(b'\n');
    }

    /// How many prompts have been shown.
    pub(super) fn prompts(&self) -> usize {
        self.prompts.len()
    }

    /// Moves behind the next place where `wanted` stands; false if it has not come yet.
    pub(super) fn find(&mut self, wanted: &str) -> bool {
        let found = position(&self.text[self.read..], wanted.as_bytes());
        if let Some(at) = found {
            self.read += at + wanted.len();
        }
        found.is_some()
    }

    /// Moves behind the next line in which `wanted` stands; false if it has not come yet, whole.
    pub(super) fn find_line(&mut self, wanted: &str) -> bool {
        let end = position(&self.text[self.read..], wanted.as_bytes()).and_then(|at| {
            let behind = self.read + at + wanted.len();
            Some(behind + self.text[behind..].iter().position(|byte| *byte == b'\n')? + 1)
        });
        self.read = end.unwrap_or(self.read);
        end.is_some()
    }

    /// Moves behind all that has come.
    pub(super) fn skip(&mut self) {
        self.read = self.text.len();
    }

    /// Returns what has come since the last match.
    pub(super) fn unread(&self) -> String {
        String::from_utf8_lossy(&self.text[self.read..]).into_owned()
    }

    /// Returns the lines since the last match that are neither empty nor prompts, first the rest of the line that matched.
    pub(super) fn unread_lines(&self) -> Vec<String> {
        let mut at = self.read;
        let mut lines = Vec::new();
        for line in self.text[self.read..].split(|byte| *byte == b'\n') {
            let is_prompt = self.prompts.iter().rev().any(|prompt| prompt.contains(&at));
            if !is_prompt && !line.trim_ascii().is_empty() {
                lines.push(String::from_utf8_lossy(line).into_owned());
            }
            at += line.len() + 1;
        }
        lines
    }

    /// Returns everything since the beginning.
    pub(super) fn all(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    if wanted.is_empty() {
        return Some(0);
    }
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_is_used_up() {
        let mut seen = Seen::default();
        seen.push_line("one two two");
        assert!(seen.find("two"));
        assert!(seen.find("two"));
        assert!(!seen.find("two"));
        assert!(!seen.find("one"));
    }

    #[test]
    fn a_line_is_used_up_whole_and_only_when_it_is_whole() {
        let mut seen = Seen::default();
        b"Bob has a lamp".iter().for_each(|byte| seen.push(*byte));
        assert!(!seen.find_line("lamp"));
        seen.push_line(" and a key.");
        assert!(seen.find_line("lamp"));
        assert_eq!(seen.unread(), "");
    }

    #[test]
    fn prompts_and_empty_lines_are_not_lines() {
        let mut seen = Seen::default();
        seen.push_line("first");
        b"> ".iter().for_each(|byte| seen.push(*byte));
        seen.end_prompt();
        seen.push_line("");
        seen.push_line("second");
        assert_eq!(seen.unread_lines(), ["first", "second"]);
        assert!(seen.find("> "), "a prompt can still be waited for");
        assert_eq!(seen.unread_lines(), ["second"]);
    }
}
