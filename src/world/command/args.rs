//! What follows a command's word, taken apart in the ways that commands need.

/// What followed the command's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    rest: String,
}

impl Args {
    /// Returns the arguments in `rest`.
    pub fn new(rest: &str) -> Self {
        Self { rest: rest.trim().to_owned() }
    }

    /// Returns all that followed; `None` if nothing did.
    pub fn rest(&self) -> Option<&str> {
        (!self.rest.is_empty()).then_some(self.rest.as_str())
    }

    /// Returns the words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.rest.split_whitespace()
    }

    /// Returns the first word and what follows it.
    pub fn first(&self) -> Option<(&str, &str)> {
        let rest = self.rest()?;
        Some(rest.split_once(char::is_whitespace).map_or((rest, ""), |(first, rest)| (first, rest.trim())))
    }

    /// Returns both sides of the first `=`, trimmed; the right side is `None` without one.
    pub fn equals(&self) -> Option<(&str, Option<&str>)> {
        let rest = self.rest()?;
        Some(rest.split_once('=').map_or((rest, None), |(left, right)| (left.trim(), Some(right.trim()))))
    }

    /// Returns both sides of a word that stands alone, for instance ` to `.
    pub fn around(&self, word: &str) -> Option<(&str, &str)> {
        let lower = self.rest.to_ascii_lowercase();
        let at = lower.find(&format!(" {word} "))?;
        Some((self.rest[..at].trim(), self.rest[at + word.len() + 2..].trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_as_commands_need_them() {
        let args = Args::new("  lamp to  Bob Hill ");
        assert_eq!(args.around("to"), Some(("lamp", "Bob Hill")));
        assert_eq!(args.first(), Some(("lamp", "to  Bob Hill")));
        assert_eq!(Args::new("ann = hello = you").equals(), Some(("ann", Some("hello = you"))));
        assert_eq!(Args::new("ann").equals(), Some(("ann", None)));
        assert_eq!(Args::new("   ").rest(), None);
    }
}
