//! Which lines report that something changed, and was therefore stored before anybody saw it. Pure.

/// Tells whether a line reports a change. `is_room` knows the names of rooms, which head what is shown to who comes in.
///
/// Both what is committed and what is seen goes through this, so that it need not be complete. It must name no line that is shown without
/// having been stored.
pub(super) fn reports_change(line: &str, is_room: impl Fn(&str) -> bool) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "[Public] ",
        "You pick up a coin",
        "You drop a coin",
        "You give a coin",
        "You no longer follow",
        "You light the lantern.",
    ];
    const MIDDLES: [&str; 6] = [
        " picks up a coin",
        " drops a coin",
        " gives you a coin",
        " gives a coin",
        " no longer follows you.",
        " arrives from the ",
    ];
    const ENDS: [&str; 8] = [
        " from now on.",
        " has entered the world.",
        " has left the world.",
        " leaves east.",
        " leaves west.",
        " leaves north.",
        " leaves south.",
        " arrives.",
    ];
    const WHOLE: [&str; 4] = [
        "You ring the bell.",
        "A bell rings somewhere near.",
        "The lantern burns low.",
        "The lantern flares up once more, and goes out.",
    ];
    let is_speech = line.contains(" says, \"") || line.starts_with("You say, \"");
    !is_speech
        && (BEGINNINGS.iter().any(|words| line.starts_with(words))
            || MIDDLES.iter().any(|words| line.contains(words))
            || ENDS.iter().any(|words| line.ends_with(words))
            || WHOLE.contains(&line)
            || is_room(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_from_talk_and_refusals() {
        let check = |line: &str, expected| assert_eq!(reports_change(line, |l| l == "Vault 03"), expected, "{line}");
        check("You pick up a coin017.", true);
        check("banker03 gives you a coin017.", true);
        check("banker03 leaves north.", true);
        check("Vault 03", true);
        check("[Public] typist00: typist00:7", true);
        check("You follow banker01 from now on.", true);
        check("You see no \"coin017\" here.", false);
        check("You are carrying: a coin017.", false);
        check("typist00 says, \"You pick up a coin\"", false);
        check("You say, \"banker01:3\"", false);
    }
}
