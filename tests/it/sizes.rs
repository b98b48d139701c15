//! How little it takes to extend the world: the lines of the examples, counted.

use std::fs;
use std::path::Path;

/// Counts the lines of code of a file: not empty ones, comments, imports and tests.
fn lines(file: &str) -> usize {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    let is_code =
        |line: &&str| !line.is_empty() && !["//", "use ", "mod ", "pub use "].iter().any(|no| line.starts_with(no));
    code.lines().map(str::trim).filter(is_code).count()
}

#[test]
fn a_new_type_or_command_takes_a_few_lines() {
    for (file, most) in [
        ("game_template/src/rooms/echo.rs", 12),
        ("game_template/src/objects/lamp.rs", 20),
        ("src/demo/lantern.rs", 20),
        ("game_template/src/commands/toast.rs", 12),
        ("game_template/src/scripts/tides.rs", 15),
    ] {
        let count = lines(file);
        assert!((5..=most).contains(&count), "{file} has {count} lines of code; {most} should do");
    }
}
