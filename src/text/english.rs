//! Small matters of English. What is passed in and comes out is plain text.

/// Returns a thing's name with its indefinite article: `a lamp`, `an apple`, `an hour`.
///
/// A name stays as it is if it has an article or the like already (`the sea`, `some water`, `your hat`), begins with
/// a number (`12 coins`), or with a capital: that is a proper name (`Ann`, `Excalibur`).
pub fn with_article(name: &str) -> String {
    let name = name.trim_start();
    let first = name.split([' ', '-', '\'']).next().unwrap_or_default();
    let has_its_own = HAVE_THEIR_OWN.contains(&first.to_ascii_lowercase().as_str());
    if !name.starts_with(char::is_lowercase) || has_its_own {
        return name.to_owned();
    }
    let article = if sounds_like_a_vowel(first) { "an " } else { "a " };
    [article, name].concat()
}

/// Words that need no article before them.
const HAVE_THEIR_OWN: [&str; 15] =
    ["a", "an", "the", "some", "any", "many", "several", "this", "that", "my", "your", "his", "her", "its", "their"];

/// Returns true if a word is spoken with a vowel first. English has exceptions; those that a world meets are here.
fn sounds_like_a_vowel(word: &str) -> bool {
    const SILENT_H: [&str; 5] = ["hour", "honest", "honor", "honour", "heir"];
    const LIKE_YOU: [&str; 15] =
        ["unic", "unif", "unio", "uniq", "unis", "unit", "univ", "use", "usu", "usa", "uti", "ura", "uri", "eu", "ewe"];
    let begins = |list: &[&str]| list.iter().any(|start| word.starts_with(start));
    match word {
        "u" | "one" | "once" => false,
        "f" | "h" | "l" | "m" | "n" | "r" | "s" | "x" => true,
        _ => begins(&SILENT_H) || (word.starts_with(['a', 'e', 'i', 'o', 'u', 'é']) && !begins(&LIKE_YOU)),
    }
}

/// Returns names as a list in a sentence: `a`, `a and b`, `a, b and c`.
pub fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => [&first.join(", "), " and ", last].concat(),
    }
}

/// Returns text with its first letter as a capital.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_the_article_it_is_spoken_with() {
        for expected in [
            "a lamp",
            "an apple",
            "an hour",
            "a house",
            "an heirloom",
            "a unicorn",
            "a used sword",
            "a one-way door",
            "an urn",
            "an unimpressive hat",
            "an umbrella",
            "an x-ray",
            "a u-turn",
            "a euro",
            "an old key",
        ] {
            let (_, name) = expected.split_once(' ').unwrap();
            assert_eq!(with_article(name), expected);
        }
        for name in ["some water", "the sea", "a lamp", "Ann", "12 coins", "your hat", "", "Élan"] {
            assert_eq!(with_article(name), name);
        }
    }

    #[test]
    fn lists_read_as_sentences_do() {
        let check = |names: &[&str], expected| {
            assert_eq!(list(&names.iter().map(ToString::to_string).collect::<Vec<_>>()), expected);
        };
        check(&[], "");
        check(&["a"], "a");
        check(&["a", "b"], "a and b");
        check(&["a", "b", "c"], "a, b and c");
    }

    #[test]
    fn a_sentence_begins_with_a_capital() {
        assert_eq!(capitalised("a lamp"), "A lamp");
        assert_eq!(capitalised("éclair"), "Éclair");
        assert_eq!(capitalised(""), "");
    }
}
