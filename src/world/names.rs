//! Names of accounts and characters: what may be one, and when two are too much alike.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::{GeneralSecurityProfile, skeleton};

/// Fewest characters of a name.
pub const SHORTEST: usize = 2;

/// Most characters of a name.
pub const LONGEST: usize = 30;

/// Words that commands and sentences need for themselves, without spaces and signs.
pub const RESERVED: [&str; 56] = [
    "a",
    "all",
    "an",
    "another",
    "any",
    "anybody",
    "anyone",
    "anything",
    "down",
    "each",
    "east",
    "every",
    "everybody",
    "everyone",
    "everything",
    "he",
    "her",
    "here",
    "him",
    "his",
    "in",
    "it",
    "me",
    "mine",
    "my",
    "myself",
    "nobody",
    "none",
    "noone",
    "north",
    "northeast",
    "northwest",
    "nothing",
    "null",
    "others",
    "out",
    "player",
    "quit",
    "room",
    "self",
    "she",
    "some",
    "somebody",
    "someone",
    "something",
    "south",
    "southeast",
    "southwest",
    "the",
    "them",
    "they",
    "up",
    "west",
    "who",
    "you",
    "your",
];

/// Words that speak for the world: not even look-alikes of these are names, nor what begins with `guest`.
pub const SPEAKING_FOR_THE_WORLD: [&str; 6] = ["console", "everhall", "moderator", "portal", "server", "system"];

/// A name that may be used, if nobody has it.
///
/// It is taken if another has the same `folded` or the same `skeleton`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// As it is shown: Unicode normal form NFKC, single spaces.
    pub shown: String,
    /// Without regard to case.
    pub folded: String,
    /// What is left when look-alikes are made the same (UTS #39, and `0` `o`, `1` `l` `i`) and marks, spaces, `'` and `-`
    /// are gone. For comparison only.
    pub skeleton: String,
}

/// Why something is no name. Each is a sentence for the player.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Fewer than [`SHORTEST`] characters.
    #[error("A name has at least {SHORTEST} letters.")]
    TooShort,
    /// More than [`LONGEST`] characters.
    #[error("A name has at most {LONGEST} letters.")]
    TooLong,
    /// Neither letter, digit, space, `'` nor `-`; or a letter that no living language writes.
    #[error("A name has letters, digits, spaces, ' and - in it, but not \"{0}\".")]
    NotAllowed(char),
    /// The same for characters that nobody sees.
    #[error("A name has letters, digits, spaces, ' and - in it, but nothing invisible.")]
    Invisible,
    /// A mark that does not belong to the letter before it, or too many of them.
    #[error("There is an accent in that name that belongs to no letter.")]
    LooseMark,
    /// A digit or a sign comes first.
    #[error("A name begins with a letter.")]
    NoLetterFirst,
    /// Letters of alphabets that are not written together.
    #[error("The letters of a name come from one alphabet, but \"{0}\" is from another than the letters before it.")]
    MixedAlphabets(char),
    /// One of [`RESERVED`], or like one of [`SPEAKING_FOR_THE_WORLD`].
    #[error("\"{0}\" cannot be a name here.")]
    Reserved(String),
}

/// Returns the name that a player typed.
///
/// Digits are `0`–`9`. Typographic apostrophes and hyphens become `'` and `-`; combining marks stay if normalisation
/// joined them to their letter, or if the script is written with them (Hindi, Thai, Arabic …).
///
/// # Errors
///
/// A sentence that tells the player what to change.
pub fn parse(input: &str) -> Result<Name, NameError> {
    // Before any work: normalisation makes at most eighteen characters of one, and lines are no names.
    if input.len() > LONGEST * 16 {
        return Err(NameError::TooLong);
    }
    let shown = normalised(input);
    match shown.chars().count() {
        0..SHORTEST => return Err(NameError::TooShort),
        SHORTEST..=LONGEST => {}
        _ => return Err(NameError::TooLong),
    }
    check_characters(&shown)?;
    check_alphabet(&shown)?;
    let (folded, skeleton) = (folded(&shown), look(&shown));
    if is_reserved(&folded, &skeleton) {
        return Err(NameError::Reserved(shown));
    }
    Ok(Name { shown, folded, skeleton })
}

/// Returns the text as names are stored: NFKC, plain apostrophes and hyphens, single spaces, none at the ends.
fn normalised(input: &str) -> String {
    let composed: String = input
        .nfkc()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' | '\u{2BC}' => '\'',
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            c => c,
        })
        .collect();
    let mut shown = String::with_capacity(composed.len());
    for word in composed.split(' ').filter(|word| !word.is_empty()) {
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(word);
    }
    shown
}

fn check_characters(shown: &str) -> Result<(), NameError> {
    let mut marks = 0;
    let mut after_letter = false;
    for (n, c) in shown.chars().enumerate() {
        if c.is_ascii() {
            if !c.is_ascii_alphanumeric() && !matches!(c, ' ' | '\'' | '-') {
                return Err(if c.is_control() { NameError::Invisible } else { NameError::NotAllowed(c) });
            }
            after_letter = c.is_ascii_alphabetic();
        } else if is_combining_mark(c) {
            marks += 1;
            // A mark of no script in particular would have been composed if it belonged there.
            let loose = is_accent(c) || AugmentedScriptSet::for_char(c).is_all();
            if !after_letter || loose || marks > 3 || !c.identifier_allowed() {
                return Err(NameError::LooseMark);
            }
            continue;
        } else if c.is_alphabetic() && c.identifier_allowed() {
            after_letter = true;
        } else {
            let seen = !c.is_control() && unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) > 0;
            return Err(if seen && !c.is_whitespace() { NameError::NotAllowed(c) } else { NameError::Invisible });
        }
        if n == 0 && !after_letter {
            return Err(NameError::NoLetterFirst);
        }
        marks = 0;
    }
    Ok(())
}

/// Checks that all letters are of scripts that are written together, as Japanese mixes three.
fn check_alphabet(shown: &str) -> Result<(), NameError> {
    if shown.is_ascii() {
        return Ok(());
    }
    let mut scripts = AugmentedScriptSet::default();
    for c in shown.chars() {
        scripts.intersect_with(c.into());
        if scripts.is_empty() {
            return Err(NameError::MixedAlphabets(c));
        }
    }
    Ok(())
}

/// Returns text without regard to case, so that two names that differ in case only become equal.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Up and down again: ß and ss, ς and σ have the same capitals.
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

/// Returns the `skeleton` of a name that is known to be one.
pub fn skeleton_of(shown: &str) -> String {
    look(shown)
}

/// Returns what a name looks like. Case counts where it changes which letter of ours it is like: Greek `Ν` and `ν`.
fn look(shown: &str) -> String {
    let mut out = String::with_capacity(shown.len() + 4);
    for c in shown.chars() {
        if c.is_ascii() {
            push_look(c, &mut out);
            continue;
        }
        let mut buffer = [0; 4];
        let capital =
            c.is_uppercase() && skeleton(c.encode_utf8(&mut buffer)).filter(|&c| !is_accent(c)).all(|c| c.is_ascii());
        if capital {
            skeleton(c.encode_utf8(&mut buffer)).for_each(|c| push_look(c, &mut out));
        } else {
            for small in c.to_lowercase() {
                skeleton(small.encode_utf8(&mut buffer)).for_each(|c| push_look(c, &mut out));
            }
        }
    }
    out
}

/// Appends a letter of a skeleton, or none if it is nothing but a separator or an accent.
fn push_look(c: char, out: &mut String) {
    match c.to_ascii_lowercase() {
        ' ' | '\'' | '-' => {}
        '0' => out.push('o'),
        '1' | 'i' | '|' => out.push('l'),
        'm' => out.push_str("rn"),
        'w' => out.push_str("vv"),
        c if c.is_ascii() => out.push(c),
        // Small capitals, which is what UTS #39 makes of small Cyrillic and Greek letters.
        'ʙ' => out.push('b'),
        'ʜ' => out.push('h'),
        'ĸ' => out.push('k'),
        'ᴍ' => out.push_str("rn"),
        'ᴛ' => out.push('t'),
        c if is_accent(c) => {}
        c => out.extend(c.to_lowercase()),
    }
}

/// Returns true for the accents of Latin, Greek and Cyrillic. A screen without UTF-8 does not show them.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

fn is_reserved(folded: &str, skeleton: &str) -> bool {
    let word: String = folded.chars().filter(|c| !matches!(c, ' ' | '\'' | '-')).collect();
    RESERVED.contains(&word.as_str())
        || skeleton.starts_with("guest")
        || SPEAKING_FOR_THE_WORLD.iter().any(|word| look(word) == skeleton)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_typed_but_tidy() {
        let check = |input, shown: &str, folded: &str| {
            let name = parse(input).unwrap();
            assert_eq!((name.shown.as_str(), name.folded.as_str()), (shown, folded), "{input:?}");
        };
        check("Ann", "Ann", "ann");
        check("  Ann   of the  Hall ", "Ann of the Hall", "ann of the hall");
        check("O’Neill", "O'Neill", "o'neill");
        check("Jean‑Luc 2", "Jean-Luc 2", "jean-luc 2");
        check("Zoe\u{308}", "Zoë", "zoë");
        check("Ａｎｎ", "Ann", "ann");
        check("Straße", "Straße", "strasse");
        check("ΣΟΦΟΣ", "ΣΟΦΟΣ", "σοφοσ");
        check("σοφος", "σοφος", "σοφοσ");
        check("Андрей", "Андрей", "андрей");
        check("太郎さん", "太郎さん", "太郎さん");
        check("हिन्दी", "हिन्दी", "हिन्दी");
        check("admin", "admin", "admin");
    }

    #[test]
    fn what_is_no_name_is_refused_with_a_reason() {
        let check = |input: &str, expected: NameError| assert_eq!(parse(input), Err(expected), "{input:?}");
        check("", NameError::TooShort);
        check(" A ", NameError::TooShort);
        check(&"a".repeat(31), NameError::TooLong);
        check(&"a".repeat(100_000), NameError::TooLong);
        check("7 Dwarves", NameError::NoLetterFirst);
        check("-Ann", NameError::NoLetterFirst);
        check("Ann|r", NameError::NotAllowed('|'));
        check("Ann\x1b[31m", NameError::Invisible);
        check("An\u{200B}n", NameError::Invisible);
        check("An\u{202E}n", NameError::Invisible);
        check("Ann\nBob", NameError::Invisible);
        check("Ann☃", NameError::NotAllowed('☃'));
        check("A\u{301}\u{302}\u{303}nn", NameError::LooseMark);
        check("x\u{336}y\u{336}", NameError::LooseMark);
        check("Аnn", NameError::MixedAlphabets('n'));
        check("Bоb", NameError::MixedAlphabets('о'));
        check("me", NameError::Reserved("me".into()));
        check("No One", NameError::Reserved("No One".into()));
        check("Guest12", NameError::Reserved("Guest12".into()));
        check("Sуstem", NameError::MixedAlphabets('у'));
        check("SYSTERN", NameError::Reserved("SYSTERN".into()));
    }

    #[test]
    fn look_alikes_have_the_same_skeleton_and_others_do_not() {
        let skeleton = |name: &str| parse(name).unwrap().skeleton;
        let alike = [
            ("Ann", "ANN"),
            ("Ann", "A n'n"),
            ("Ian", "lan"),
            ("Bob", "B0b"),
            ("Al1son", "Alison"),
            ("Mike", "rnike"),
            ("Jose", "José"),
            ("Hata", "НАТА"),
            ("Nika", "Νικα"),
            ("Scope", "ѕсоре"),
            ("admin", "Adrn1n"),
            ("Will", "VViII"),
        ];
        for (a, b) in alike {
            assert_eq!(skeleton(a), skeleton(b), "{a} {b}");
        }
        let bots: std::collections::HashSet<_> = (0..1200).map(|n| skeleton(&format!("bot{n}"))).collect();
        assert_eq!(bots.len(), 1200);
        assert_ne!(skeleton("Ann"), skeleton("Anna"));
        assert_ne!(skeleton("太郎"), skeleton("次郎"));
    }

    #[test]
    fn a_name_that_was_accepted_is_accepted_as_stored() {
        crate::text::noise::for_each(|input| {
            if let Ok(name) = parse(input) {
                assert_eq!(parse(&name.shown), Ok(name.clone()));
                assert_eq!(folded(&name.folded), name.folded);
            }
        });
    }
}
