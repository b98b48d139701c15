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

#[test]
fn a_new_game_is_walked_in_and_changed_while_somebody_plays() {
    let folder = tempfile::tempdir().unwrap();
    let game = new_game(folder.path());
    let program = build(&game);

    let server = TestServer::with_exe(&program).start();
    let mut ann = server.player("Ann");
    ann.ask("north", "The Canyon");
    ann.ask("say hello", "The walls answer, \"… hello\"");
    let (portal, old) = (server.portal_pid(), server.server_pid());

    change(&game.join("src/rooms/echo.rs"), "The walls answer", "The rocks reply");
    assert_eq!(build(&game), program, "new code takes the place of the old");
    ann.ask("say still here", "The walls answer, \"… here\"");
    let reloaded = server.run(&["reload"]);
    assert!(reloaded.status.success(), "{reloaded:?}");
    ann.ask("say anew", "The rocks reply, \"… anew\"");
    ann.ask("look", "The Canyon");
    assert_eq!(server.portal_pid(), portal, "the portal, and Ann's connection, outlived the change");
    assert_ne!(server.server_pid(), old);
}
