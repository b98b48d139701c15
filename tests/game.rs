//! A game of one's own, as its author meets it: made by `new`, built, walked in, changed while somebody plays.
//!
//! It runs a compiler, so it stands in a program of its own, where no other test waits for the machine meanwhile.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use everhall::testing::TestServer;
use serde_json::Value;

/// Makes a game with the engine under test, next to nothing else.
fn new_game(folder: &Path) -> PathBuf {
    let made =
        Command::new(env!("CARGO_BIN_EXE_everhall")).args(["new", "salt-road"]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let printed = String::from_utf8_lossy(&made.stdout);
    assert!(printed.contains("cd salt-road") && printed.contains("cargo run"), "{printed}");
    folder.join("salt-road")
}

/// Builds a game, without the network, and returns its program.
fn build(game: &Path) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--message-format=json-render-diagnostics"])
        .current_dir(game)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let program = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| Some(message["executable"].as_str()?.into()));
    program.expect("a game is a program")
}

/// Replaces a part of a file.
fn change(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}

/// Where the lines of the README's tavern go: behind these.
const PLACES: [(&str, &str); 3] = [
    ("src/rooms/mod.rs", "pub use echo::Echo;"),
    ("src/lib.rs", "app.room::<rooms::Echo>()"),
    ("src/first_world.rs", "plan.exit(cave, \"out\", crossroads);"),
];

/// Adds the tavern as the README tells it.
fn add_tavern(game: &Path) {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let evening = readme.split("## An evening").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = |kind: &str| evening.split(&format!("```{kind}\n")).nth(1).unwrap().split("```").next().unwrap();
    fs::write(game.join("src/rooms/tavern.rs"), block("rust")).unwrap();
    for (file, place) in PLACES {
        let lines = block("text").lines().filter_map(|line| line.strip_prefix(file)).map(str::trim);
        let behind: Vec<&str> = std::iter::once(place).chain(lines).collect();
        assert!(behind.len() > 1, "the README says nothing of {file}");
        change(&game.join(file), place, &behind.join("\n"));
    }
}

#[test]
fn a_new_game_is_walked_in_and_changed_while_somebody_plays() {
    let folder = tempfile::tempdir().unwrap();
    let game = new_game(folder.path());
    add_tavern(&game);
    let program = build(&game);

    let server = TestServer::with_exe(&program).start();
    let mut ann = server.player("Ann");
    ann.ask("west", "You are guest number 1.");
    let (portal, old) = (server.portal_pid(), server.server_pid());

    let tavern = game.join("src/rooms/tavern.rs");
    change(&tavern, "The innkeeper nods", "The innkeeper beams");
    assert_eq!(build(&game), program, "new code takes the place of the old");
    ann.ask("east", "The Crossroads");
    ann.ask("west", "The innkeeper nods. You are guest number 2.");
    let reloaded = server.run(&["reload"]);
    assert!(reloaded.status.success(), "{reloaded:?}");
    ann.ask("look", "The Tavern");
    ann.ask("east", "The Crossroads");
    ann.ask("west", "The innkeeper beams. You are guest number 3.");
    assert_ne!(server.server_pid(), old);

    // A mistake that only a start shows: one name for two.
    change(&tavern, "\"tavern\"", "\"echo\"");
    build(&game);
    let refused = server.run(&["reload"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("echo::Echo and ") && said.contains("tavern::Tavern are both"),
        "{said}"
    );
    // The server before goes on, and follows a crash too, whatever was built since.
    ann.ask("east", "The Crossroads");
    server.kill_server();
    ann.ask("west", "The innkeeper beams. You are guest number 4.");
    change(&tavern, "\"echo\"", "\"tavern\"");
    change(&tavern, "The innkeeper beams", "The innkeeper sings");
    build(&game);
    assert!(server.run(&["reload"]).status.success());
    ann.ask("east", "The Crossroads");
    ann.ask("west", "The innkeeper sings. You are guest number 5.");
    assert_eq!(server.portal_pid(), portal, "the portal, and Ann's connection, outlived it all");
}
