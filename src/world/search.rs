//! Finding things by what players type, and guessing what they meant.

use smallvec::SmallVec;

/// Something that may be meant.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a, T> {
    /// What to return if it is.
    pub id: T,
    /// Its name, plain text.
    pub key: &'a str,
    /// Its other names.
    pub aliases: &'a [String],
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing of that name.
    None,
    /// The one that is meant.
    One(T),
    /// Several that may be meant, in the order of the candidates. See [`ambiguity`].
    Many(Vec<T>),
}

/// Returns which candidates a player means.
///
/// A whole key or alias beats the beginning of a key, of one of its words or of an alias. Case does not matter, nor does
/// an article typed before the name. `2.ball` and `ball-2` choose by position among those that `ball` matches.
pub fn find<'a, T: Copy>(typed: &str, candidates: impl Iterator<Item = Candidate<'a, T>>) -> Found<T> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Found::None;
    }
    let whole = Wanted::new(typed);
    let numbered = numbered(typed).map(|(position, name)| (position, Wanted::new(name)));
    let mut matches = Matches::default();
    let mut numbered_matches = Matches::default();
    for candidate in candidates {
        matches.add(whole.grade(&candidate), candidate.id);
        if let Some((_, wanted)) = &numbered {
            numbered_matches.add(wanted.grade(&candidate), candidate.id);
        }
    }
    // A thing that is really called "room 2.1" or "key-2" comes before a position.
    if let (Some((position, _)), true) = (numbered, matches.exact.is_empty())
        && let Some(&id) = numbered_matches.best().get(position - 1)
    {
        return Found::One(id);
    }
    match matches.best() {
        [] => Found::None,
        [one] => Found::One(*one),
        many => Found::Many(many.to_vec()),
    }
}

/// Returns the plain text that tells a player what they may have meant, as names to type: `More than one match for
/// "ball": ball-1, ball-2`. Give the names in the order in which [`find`] found them.
pub fn ambiguity(typed: &str, names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = format!("More than one match for \"{}\": ", typed.trim());
    for (n, name) in names.iter().take(SHOWN).enumerate() {
        if n > 0 {
            text.push_str(", ");
        }
        text.push_str(name);
        let same = |other: &&String| other.eq_ignore_ascii_case(name);
        if names.iter().filter(same).nth(1).is_some() {
            let position = names[..=n].iter().filter(same).count();
            text.push('-');
            text.push_str(&position.to_string());
        }
    }
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// Returns up to `max` words that may be what was typed: those that begin with it, then those a few slips away.
pub fn suggest<'a>(typed: &str, words: impl Iterator<Item = &'a str>, max: usize) -> Vec<&'a str> {
    /// Longer lines are no word.
    const LONGEST: usize = 64;
    let typed = typed.trim().to_lowercase();
    let length = typed.chars().count();
    if length == 0 || typed.len() > LONGEST {
        return Vec::new();
    }
    let slips = 1 + length / 4;
    let mut near: Vec<(usize, &str)> = words
        .filter_map(|word| {
            let folded = word.to_lowercase();
            if folded.starts_with(&typed) {
                return Some((0, word));
            }
            let distance = strsim::osa_distance(&typed, &folded);
            // One letter for another is no likeness in a word of two.
            (distance <= slips && distance < length).then_some((distance, word))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.truncate(max);
    near.into_iter().map(|(_, word)| word).collect()
}

/// How well a candidate matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    No,
    Partly,
    Exactly,
}

/// What matched, in order. Usually one or two.
struct Matches<T> {
    exact: SmallVec<[T; 4]>,
    partial: SmallVec<[T; 4]>,
}

impl<T> Default for Matches<T> {
    fn default() -> Self {
        Self { exact: SmallVec::new(), partial: SmallVec::new() }
    }
}

impl<T: Copy> Matches<T> {
    fn add(&mut self, grade: Grade, id: T) {
        match grade {
            Grade::Exactly => self.exact.push(id),
            // Of no interest once something matched exactly.
            Grade::Partly if self.exact.is_empty() => self.partial.push(id),
            Grade::Partly | Grade::No => {}
        }
    }

    fn best(&self) -> &[T] {
        if self.exact.is_empty() { &self.partial } else { &self.exact }
    }
}

/// A name as typed, with and without its article.
struct Wanted<'t> {
    full: &'t str,
    bare: &'t str,
}

impl<'t> Wanted<'t> {
    fn new(full: &'t str) -> Self {
        Self { full, bare: without_article(full) }
    }

    fn grade<T>(&self, candidate: &Candidate<'_, T>) -> Grade {
        let key = self.grade_key(candidate.key);
        if key == Grade::Exactly {
            return key;
        }
        candidate.aliases.iter().map(|alias| self.grade_alias(alias)).fold(key, Grade::max)
    }

    fn grade_key(&self, key: &str) -> Grade {
        match self.grade_alias(key) {
            Grade::No if words(key).any(|rest| begins(rest, self.bare).is_some()) => Grade::Partly,
            grade => grade,
        }
    }

    fn grade_alias(&self, alias: &str) -> Grade {
        let grade = |typed: &str| match begins(alias, typed) {
            Some("") => Grade::Exactly,
            Some(_) => Grade::Partly,
            None => Grade::No,
        };
        let bare = grade(self.bare);
        if self.full.len() == self.bare.len() { bare } else { bare.max(grade(self.full)) }
    }
}

/// Returns the rest of the text at the beginning of each word but the first.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices([' ', '-']).map(|(at, separator)| &text[at + separator.len()..])
}

/// Returns what follows `start` in the text, if it begins with that in any case.
fn begins<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    if let (Some(head), true) = (text.get(..start.len()), start.is_ascii()) {
        return head.eq_ignore_ascii_case(start).then(|| &text[start.len()..]);
    }
    if text.is_ascii() {
        return None;
    }
    // Case may change how many letters there are, so the text is consumed letter by letter.
    let mut wanted = start.chars().flat_map(char::to_lowercase).peekable();
    let mut rest = text.chars();
    while wanted.peek().is_some() {
        if !rest.next()?.to_lowercase().all(|letter| wanted.next() == Some(letter)) {
            return None;
        }
    }
    Some(rest.as_str())
}

fn without_article(typed: &str) -> &str {
    match typed.split_once(' ') {
        Some((first, rest))
            if ["a", "an", "the", "some"].iter().any(|article| first.eq_ignore_ascii_case(article))
                && !rest.trim_start().is_empty() =>
        {
            rest.trim_start()
        }
        _ => typed,
    }
}

/// Returns the position and the name of `2.ball`, `the 2.ball`, `ball-2`.
fn numbered(typed: &str) -> Option<(usize, &str)> {
    let position = |digits: &str| {
        let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|&position: &usize| all_digits && position > 0)
    };
    let bare = without_article(typed);
    let before = bare.split_once('.').and_then(|(digits, name)| Some((position(digits)?, name.trim())));
    let after = || typed.rsplit_once('-').and_then(|(name, digits)| Some((position(digits)?, name.trim())));
    before.or_else(after).filter(|(_, name)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds among things written as `key` or `key;alias;alias`, and expects their positions.
    fn check(typed: &str, things: &[&str], expected: &[usize]) {
        let things: Vec<Vec<String>> =
            things.iter().map(|thing| thing.split(';').map(String::from).collect()).collect();
        let candidates =
            things.iter().enumerate().map(|(id, names)| Candidate { id, key: &names[0], aliases: &names[1..] });
        let found = match find(typed, candidates) {
            Found::None => vec![],
            Found::One(id) => vec![id],
            Found::Many(ids) => ids,
        };
        assert_eq!(found, expected, "{typed:?} in {things:?}");
    }

    #[test]
    fn a_key_or_alias_is_found_in_any_case() {
        check("lamp", &["key", "Lamp"], &[1]);
        check("LAMP", &["key", "lamp"], &[1]);
        check("torch", &["key", "lamp;torch"], &[1]);
        check("ÄRMEL", &["Ärmel"], &[0]);
        check("sword", &["key", "lamp"], &[]);
        check("", &["key"], &[]);
    }

    #[test]
    fn a_beginning_of_a_word_is_enough_but_a_whole_name_beats_it() {
        check("la", &["key", "brass lamp"], &[1]);
        check("brass la", &["brass key", "brass lamp"], &[1]);
        check("tor", &["lamp;torch"], &[0]);
        check("amp", &["lamp"], &[]);
        check("lamp", &["lamp post", "lamp", "old lamp"], &[1]);
        check("n", &["northern gate", "north;n"], &[1]);
        check("ball", &["red ball", "blue ball"], &[0, 1]);
        check("é", &["éclair", "tea"], &[0]);
    }

    #[test]
    fn an_article_does_not_matter() {
        check("the lamp", &["lamp"], &[0]);
        check("a brass lamp", &["brass lamp"], &[0]);
        check("the sea", &["sea shell", "the sea"], &[1]);
        check("the", &["the sea", "lamp"], &[0]);
    }

    #[test]
    fn a_position_chooses_among_matches() {
        let balls = ["ball", "box", "ball", "ball pen"];
        check("ball", &balls, &[0, 2]);
        check("2.ball", &balls, &[2]);
        check("ball-2", &balls, &[2]);
        check("the 1.ball", &balls, &[0]);
        check("ball-3", &balls, &[]);
        check("0.ball", &balls, &[]);
        check("99999999999999999999.ball", &balls, &[]);
        check("2.ball", &["red ball", "blue ball"], &[1]);
        check("ball-2", &["ball", "ball", "ball-2"], &[2]);
        check("-2", &["ball"], &[]);
    }

    #[test]
    fn an_ambiguity_names_what_to_type() {
        let check = |names: &[&str], expected: &str| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(ambiguity("ball", &names), expected);
        };
        check(&["ball", "ball"], "More than one match for \"ball\": ball-1, ball-2");
        check(&["red ball", "blue ball"], "More than one match for \"ball\": red ball, blue ball");
        check(&["red ball", "ball", "red ball"], "More than one match for \"ball\": red ball-1, ball, red ball-2");
        let many = ambiguity("coin", &vec!["coin".to_owned(); 500]);
        assert!(many.ends_with("coin-12 and 488 more"));
    }

    #[test]
    fn what_was_shown_as_ambiguous_can_be_typed() {
        let things = ["red ball", "blue ball", "red ball"];
        check("red ball-2", &things, &[2]);
        check("blue ball", &things, &[1]);
    }

    #[test]
    fn suggestions_are_near() {
        let words = ["look", "lock", "inventory", "drop", "give", "get", "say", "pose"];
        let check = |typed, expected: &[&str]| assert_eq!(suggest(typed, words.into_iter(), 3), expected, "{typed}");
        check("lokc", &["lock", "look"]);
        check("inv", &["inventory"]);
        check("invnetory", &["inventory"]);
        check("dorp", &["drop"]);
        check("xyzzy", &[]);
        check("", &[]);
    }

    #[test]
    fn nothing_typed_can_break_it() {
        crate::text::noise::for_each(|typed| {
            let aliases = [typed.chars().rev().collect::<String>()];
            let candidate = |key| Candidate { id: 0, key, aliases: &aliases };
            find(typed, [candidate("straße"), candidate("İstanbul key-2"), candidate(typed)].into_iter());
            suggest(typed, ["look", "日本"].into_iter(), 3);
        });
    }
}
