//! Tells when an answer is complete. Pure.

const IAC: u8 = 255;
const GO_AHEAD: u8 = 249;
const END_OF_RECORD: u8 = 239;

/// What has come since the last line was sent.
///
/// An answer ends with the first prompt mark (GA or EOR) behind the words it must hold. A mark without those words may
/// be the prompt that was put back below what somebody else said: the answer may still come.
#[derive(Debug, Default)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    /// Where to look on for what is not found yet.
    looked: usize,
    has_words: bool,
    has_prompt: bool,
    /// The words end the answer: this server marks no prompts.
    unmarked: bool,
}

/// How far an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More must come.
    Open,
    /// A prompt came, but not the words: a refusal, or somebody else's text.
    Doubtful,
    /// It is complete.
    Done,
}

impl Answer {
    /// Returns the answers of a server that marks its prompts, or of one that does not.
    pub(super) fn new(has_prompts: bool) -> Self {
        Self { unmarked: !has_prompts, ..Self::default() }
    }

    /// Forgets what came before the next line.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.looked, self.has_words, self.has_prompt) = (0, false, false);
    }

    /// Takes what came; `words` are those that the answer must hold.
    pub(super) fn take(&mut self, bytes: &[u8], words: &[u8]) -> Progress {
        self.bytes.extend_from_slice(bytes);
        if !self.has_words {
            match find(&self.bytes[self.looked..], words) {
                Some(at) => {
                    self.has_words = true;
                    self.looked += at + words.len();
                }
                None => {
                    self.has_prompt |= prompt(&self.bytes[self.looked..]).is_some();
                    // What is searched for may stand across two reads.
                    self.looked = self.bytes.len().saturating_sub(words.len().max(2) - 1).max(self.looked);
                    return if self.has_prompt { Progress::Doubtful } else { Progress::Open };
                }
            }
        }
        if self.unmarked {
            return Progress::Done;
        }
        match prompt(&self.bytes[self.looked..]) {
            Some(_) => Progress::Done,
            None => {
                self.looked = self.bytes.len().saturating_sub(1).max(self.looked);
                Progress::Open
            }
        }
    }

    /// Returns the end of what came, readable, for a message.
    pub(super) fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes[self.bytes.len().saturating_sub(200)..]);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn find(bytes: &[u8], words: &[u8]) -> Option<usize> {
    let Some(first) = words.first().copied() else { return Some(0) };
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|byte| *byte == first) {
        at += next;
        if bytes[at..].starts_with(words) {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn prompt(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|byte| *byte == IAC) {
        at += next;
        match bytes.get(at + 1)? {
            &GO_AHEAD | &END_OF_RECORD => return Some(at),
            _ => at += 2,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds pieces; each must lead to the progress beside it.
    fn check(pieces: &[(&[u8], Progress)]) {
        let mut answer = Answer::default();
        for (piece, expected) in pieces {
            assert_eq!(answer.take(piece, b"You say"), *expected, "{:?}", String::from_utf8_lossy(piece));
        }
    }

    #[test]
    fn an_answer_without_prompts_ends_with_its_words() {
        let mut answer = Answer::new(false);
        assert_eq!(answer.take(b"Bob nods.\r\nYou s", b"You say"), Progress::Open);
        assert_eq!(answer.take(b"ay", b"You say"), Progress::Done);
    }

    #[test]
    fn an_answer_ends_with_the_prompt_behind_its_words() {
        use Progress::{Done, Doubtful, Open};
        check(&[(b"You say, \"hi\"\r\n> \xff\xf9", Done)]);
        check(&[(b"You say, \"hi\"\r\n> \xff\xef", Done)]);
        check(&[(b"You s", Open), (b"ay, \"hi\"\r\n", Open), (b"\xff", Open), (b"\xf9", Done)]);
        check(&[(b"Bob nods.\r\n> \xff\xf9", Doubtful), (b"You say, \"hi\"", Open), (b"\r\n\xff\xf9", Done)]);
        check(&[(b"\xff\xfb\x01You say\xff\xff\xf9", Open), (b"\xff\xf9", Done)]);
        check(&[(b"You are gagged.\r\n\xff\xf9", Doubtful)]);
    }
}
