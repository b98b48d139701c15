//! What a game may be called, and what is called after it.

/// Names that Cargo or Rust has a use for, or that the game's own dependencies have.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "everhall",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Longest name, in bytes.
const NAME_MOST: usize = 64;

/// A name for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GameName(String);

impl GameName {
    /// Takes a name; `Err` says in one line why it will not do.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if !begins || !name.chars().all(fits) || name.len() > NAME_MOST {
            return Err(format!(
                "\"{name}\" cannot be a game's name: small letters, digits, - and _, a letter first, {NAME_MOST} at most"
            ));
        }
        if TAKEN.contains(&name.replace('-', "_").as_str()) {
            return Err(format!("\"{name}\" cannot be a game's name: it means something else to Rust or Cargo"));
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns what the package and its program are called.
    pub(super) fn package(&self) -> &str {
        &self.0
    }

    /// Returns what the crate is called in code.
    pub(super) fn ident(&self) -> String {
        self.0.replace('-', "_")
    }

    /// Returns what the world is called: `salt-road` is the Salt Road.
    pub(super) fn title(&self) -> String {
        let words = self.0.split(['-', '_']).filter(|word| !word.is_empty());
        let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
        words.map(capital).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_for_a_package_a_crate_and_a_world() {
        let check = |name: &str, ident: &str, title: &str| {
            let name = GameName::parse(name).unwrap();
            assert_eq!((name.ident().as_str(), name.title().as_str()), (ident, title));
        };
        check("salt-road", "salt_road", "Salt Road");
        check("my_world2", "my_world2", "My World2");
        check("a--b_", "a__b_", "A B");
    }

    #[test]
    fn what_cargo_would_refuse_is_refused() {
        for name in ["", "Salt", "2nd", "-x", "_x", "a b", "é", "a/b", "a.b", "\n", "fn", "test", "serde", "everhall"]
        {
            assert!(GameName::parse(name).is_err(), "{name:?}");
        }
        assert!(GameName::parse("proc-macro").is_err());
        assert!(GameName::parse(&"x".repeat(65)).is_err());
    }
}
