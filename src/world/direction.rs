//! The directions in which exits lead: their short names and their opposites.

/// Name, short name (empty for none), opposite.
const DIRECTIONS: [(&str, &str, &str); 12] = [
    ("north", "n", "south"),
    ("south", "s", "north"),
    ("east", "e", "west"),
    ("west", "w", "east"),
    ("up", "u", "down"),
    ("down", "d", "up"),
    ("in", "", "out"),
    ("out", "", "in"),
    ("northeast", "ne", "southwest"),
    ("northwest", "nw", "southeast"),
    ("southeast", "se", "northwest"),
    ("southwest", "sw", "northeast"),
];

/// Tells whether that is the full name of a direction.
pub fn is_one(name: &str) -> bool {
    DIRECTIONS.iter().any(|(long, ..)| *long == name)
}

/// Returns the full name of a direction that was typed in full or short, in any case.
pub fn parse(typed: &str) -> Option<&'static str> {
    let typed = typed.to_lowercase();
    let found = DIRECTIONS.iter().find(|(long, short, _)| *long == typed || (*short == typed && !short.is_empty()));
    found.map(|(long, ..)| *long)
}

/// Returns a direction's short name.
pub fn short(name: &str) -> Option<&'static str> {
    DIRECTIONS.iter().find(|(long, ..)| *long == name).map(|(_, short, _)| *short).filter(|short| !short.is_empty())
}

/// Returns the direction that leads back.
pub fn opposite(name: &str) -> Option<&'static str> {
    DIRECTIONS.iter().find(|(long, ..)| *long == name).map(|(.., opposite)| *opposite)
}

/// Returns the full names, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    DIRECTIONS.iter().map(|(long, ..)| *long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_direction_leads_back_by_its_opposite() {
        for name in names() {
            assert_eq!(opposite(name).and_then(opposite), Some(name));
            assert_eq!(parse(short(name).unwrap_or(name)), Some(name));
        }
        assert_eq!(parse("NE"), Some("northeast"));
        assert_eq!(parse(""), None);
        assert_eq!(parse("widdershins"), None);
    }
}
