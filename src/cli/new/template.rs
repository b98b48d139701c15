//! The files of a new game: those of `game_template`, with the game's names in them.
//!
//! The folder `template` holds links to them. A crate in a folder of its own, as `game_template` is, is left out when this
//! one is published; what the links lead to is not.

use super::engine::Engine;
use super::name::GameName;

/// Lists files by their paths in a game, and by their links if those are called otherwise.
macro_rules! files {
    ($($path:literal $(from $link:literal)?)*) => {
        &[$(($path, include_str!(concat!("template/", files!(@link $path $($link)?))))),*]
    };
    (@link $path:literal) => { $path };
    (@link $path:literal $link:literal) => { $link };
}

/// What is copied.
const FILES: &[(&str, &str)] = files! {
    ".gitignore" from "gitignore"
    "Cargo.toml" from "manifest.toml"
    "README.md"
    "everhall.toml"
    "rustfmt.toml"
    "src/characters/mod.rs"
    "src/characters/parrot.rs"
    "src/commands/mod.rs"
    "src/commands/toast.rs"
    "src/exits/gap.rs"
    "src/exits/mod.rs"
    "src/first_world.rs"
    "src/lib.rs"
    "src/main.rs"
    "src/objects/bush.rs"
    "src/objects/lamp.rs"
    "src/objects/mod.rs"
    "src/rooms/echo.rs"
    "src/rooms/mod.rs"
    "src/scripts/mod.rs"
    "src/scripts/tides.rs"
    "tests/hooks.rs"
    "tests/session.rs"
};

/// How a game is compiled, which in the template the engine's workspace says.
const PROFILE: &str = include_str!("profile.toml");

/// The versions of everything that the engine was tested with.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Returns the files of a game, by their paths in its folder.
pub(super) fn files(name: &GameName, engine: &Engine) -> Vec<(&'static str, String)> {
    let mut files: Vec<_> = FILES.iter().map(|(path, text)| (*path, named(path, text, name))).collect();
    for (path, text) in &mut files {
        if *path == "Cargo.toml" {
            let dependency = format!("everhall = {}", engine.dependency());
            *text = text.replace("everhall = { path = \"..\" }", &dependency) + "\n" + PROFILE;
        }
    }
    if let Engine::Path(_) = engine {
        // A locked engine from elsewhere would have an address and a checksum; the rest Cargo corrects by itself.
        files.push(("Cargo.lock", LOCK.replace("\"game_template\"", &format!("\"{}\"", name.package()))));
    }
    if let Some(target) = engine.target() {
        let target = toml::Value::String(target.to_string_lossy().into_owned());
        files.push((
            ".cargo/config.toml",
            format!(
                "# Where the engine is compiled already. Without these lines this game compiles it for itself, once.\n\
                 [build]\ntarget-dir = {target}\n"
            ),
        ));
    }
    files
}

/// Puts the game's names where the template has its own. Programs and packages may have a dash, crates may not.
fn named(path: &str, text: &str, name: &GameName) -> String {
    let own = if path.ends_with(".rs") { name.ident() } else { name.package().to_owned() };
    text.replace("CARGO_BIN_EXE_game_template", &format!("CARGO_BIN_EXE_{}", name.package()))
        .replace("game_template", &own)
        .replace("My World", &name.title())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn game(engine: &Engine) -> Vec<(&'static str, String)> {
        files(&GameName::parse("salt-road").unwrap(), engine)
    }

    fn text<'a>(files: &'a [(&str, String)], path: &str) -> &'a str {
        &files.iter().find(|(known, _)| *known == path).unwrap().1
    }

    #[test]
    fn every_file_of_the_template_is_copied() {
        fn collect(folder: &Path, below: &str, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = format!("{below}{}", entry.file_name().to_str().unwrap());
                match entry.file_type().unwrap().is_dir() {
                    // What running it there leaves behind.
                    true if ["target", "data"].contains(&path.as_str()) => {}
                    true => collect(&entry.path(), &format!("{path}/"), found),
                    false => found.push(path),
                }
            }
        }
        let mut found = Vec::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("game_template"), "", &mut found);
        found.sort();
        assert_eq!(FILES.iter().map(|(path, _)| *path).collect::<Vec<_>>(), found);
    }

    #[test]
    fn a_game_has_its_own_name_everywhere() {
        let files = game(&Engine::Version("0.1".into()));
        for (path, text) in &files {
            assert!(!text.contains("game_template") && !text.contains("My World"), "{path}");
        }
        assert!(text(&files, "src/main.rs").contains("App::new(\"Salt Road\").plugin(salt_road::plugin)"));
        assert!(text(&files, "tests/session.rs").contains("env!(\"CARGO_BIN_EXE_salt-road\")"));
    }

    #[test]
    fn a_manifest_is_complete_for_each_kind_of_engine() {
        for (engine, expected) in [
            (Engine::Path("/an \"odd\" place".into()), "{\"path\":\"/an \\\"odd\\\" place\"}"),
            (Engine::Git("https://example.org/e".into()), "{\"git\":\"https://example.org/e\"}"),
            (Engine::Version("0.1".into()), "\"0.1\""),
        ] {
            let manifest: toml::Table = text(&game(&engine), "Cargo.toml").parse().unwrap();
            assert_eq!(manifest["package"]["name"].as_str(), Some("salt-road"));
            assert_eq!(serde_json::to_string(&manifest["dependencies"]["everhall"]).unwrap(), expected);
            assert!(manifest.contains_key("workspace"));
        }
    }

    #[test]
    fn a_game_is_compiled_as_the_engine_is_so_that_nothing_is_compiled_twice() {
        let mut engine: toml::Table = include_str!("../../../Cargo.toml").parse().unwrap();
        // No game checks the model of the commit rule.
        engine["profile"]["dev"]["package"].as_table_mut().unwrap().remove("everhall-model").unwrap();
        let mut game: toml::Table = PROFILE.parse().unwrap();
        let packages = game["profile"]["dev"]["package"].as_table_mut().unwrap();
        // In its own workspace the engine is no dependency.
        packages.remove("everhall").unwrap();
        assert_eq!(game["profile"], engine["profile"]);
    }
}
