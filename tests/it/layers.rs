//! Who may import whom, as `ARCHITECTURE.md` says it: checked by reading `src`.
//!
//! Comments and tests are not read. Paths are followed through `use` groups and `super`.

mod paths;

use std::fs;
use std::path::Path;

use paths::{Source, resolve};

/// Names that no file in a place may use.
struct Rule {
    /// Where: beginnings of files' paths below `src`, without `.rs`. Empty for everywhere.
    within: &'static [&'static str],
    /// Where not.
    except: &'static [&'static str],
    /// Beginnings of paths; a crate's name also stands for all that go on with `_`: `actix` for `actix_web`.
    forbidden: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: &["world", "commands"],
        except: &[],
        forbidden: &["actix", "diesel", "tokio", "crate::actors", "crate::db", "crate::portal", "crate::web"],
        why: "the game model knows no runtime and no storage",
    },
    Rule {
        within: &["world", "commands"],
        except: &[],
        forbidden: &["std::time::SystemTime", "std::time::Instant", "rand", "getrandom"],
        why: "game logic reads no clock and no random source but the context's",
    },
    Rule {
        within: &["portal", "web/play"],
        except: &[],
        forbidden: &["crate::world", "crate::commands", "crate::actors", "crate::db"],
        why: "the portal outlives the server it serves",
    },
    Rule {
        within: &["web/admin", "web/server"],
        except: &[],
        forbidden: &["crate::db", "std::sync"],
        why: "the server's pages write no query and hold no state: they ask the actors",
    },
    Rule {
        within: &["demo"],
        except: &[],
        forbidden: &[
            "crate::world",
            "crate::commands",
            "crate::actors",
            "crate::db",
            "crate::portal",
            "crate::text",
            "crate::ids",
            "crate::app",
        ],
        why: "the demo world is a game: it is made with the prelude alone",
    },
    Rule { within: &["db"], except: &[], forbidden: &["crate::actors"], why: "storage answers; it never calls" },
    Rule { within: &[], except: &["db"], forbidden: &["diesel"], why: "only db speaks to the database" },
    Rule {
        within: &["text", "wire"],
        except: &[],
        forbidden: &["actix", "tokio", "std::net", "crate::world", "crate::actors", "crate::portal", "crate::web"],
        why: "text and wire are pure",
    },
];

/// Names no file may have: they say nothing.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

/// Returns what is wrong with one file. `file` is its path below `src`, without `.rs`.
fn violations(file: &str, source: &str) -> Vec<String> {
    let source = Source::read(source);
    let mut found = Vec::new();
    for (line, path) in source.paths() {
        let path = resolve(file, &path);
        for rule in RULES.iter().filter(|rule| applies(rule, file)) {
            if rule.forbidden.iter().any(|forbidden| begins(&path, forbidden)) {
                found.push(format!("src/{file}.rs:{line}: names {path}, but {}", rule.why));
            }
        }
    }
    if !is_in(file, "text") && !is_in(file, "testing") {
        for (line, text) in source.strings() {
            if ["\\x1b[", "\\x1B[", "\\u{1b}[", "\\u{1B}[", "\u{1b}"].iter().any(|escape| text.contains(escape)) {
                found.push(format!("src/{file}.rs:{line}: spells out ANSI, but only text knows it"));
            }
        }
    }
    if file.split('/').any(|part| EMPTY_NAMES.contains(&part)) {
        found.push(format!("src/{file}.rs: its name says nothing"));
    }
    found
}

fn applies(rule: &Rule, file: &str) -> bool {
    let within = rule.within.is_empty() || rule.within.iter().any(|place| is_in(file, place));
    within && !rule.except.iter().any(|place| is_in(file, place))
}

/// Tells whether a file is `place` or below it.
fn is_in(file: &str, place: &str) -> bool {
    file.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn begins(path: &str, forbidden: &str) -> bool {
    let is_crate = !forbidden.contains("::");
    path.strip_prefix(forbidden)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || is_crate && rest.starts_with('_'))
}

/// Calls `check` with each file of `src`: its path without `.rs`, a `mod.rs` as its folder, and its text.
fn each_file(folder: &Path, below: &str, check: &mut impl FnMut(&str, &str)) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_str().unwrap();
        let module = name.strip_suffix(".rs");
        let joined = |name: &str| if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        match module {
            _ if path.is_dir() => each_file(&path, &joined(name), check),
            Some("mod") => check(below, &fs::read_to_string(&path).unwrap()),
            Some(module) => check(&joined(module), &fs::read_to_string(&path).unwrap()),
            None => {}
        }
    }
}

fn each_source(mut check: impl FnMut(&str, &str)) {
    each_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut check);
}

#[test]
fn nobody_imports_what_they_must_not_know() {
    let mut found = Vec::new();
    each_source(|file, source| found.extend(violations(file, source)));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn one_file_names_actix_web_actors() {
    let mut files = Vec::new();
    each_source(|file, source| {
        let names = Source::read(source).paths().iter().any(|(_, path)| begins(path, "actix_web_actors"));
        files.extend(names.then(|| file.to_owned()));
    });
    assert!(files.len() <= 1, "actix_web_actors is named in {files:?}");
}

#[test]
fn a_violation_is_found_however_it_is_written() {
    #[track_caller]
    fn check(file: &str, source: &str, count: usize) {
        let found = violations(file, source);
        assert_eq!(found.len(), count, "{file}: {source}: {found:?}");
    }
    check("world/room", "use tokio::time::sleep;", 1);
    check("commands/look", "fn f() { actix_web::rt::spawn(g()) }", 1);
    check("world/room", "use crate::{ids::EntityId, actors::{room::RoomActor, session}};", 2);
    check("world/room", "fn f(a: super::super::actors::RoomActor) {}", 1);
    check("world", "use super::actors::RoomActor as Innocent;", 1);
    check("portal/telnet/options", "use crate::world;", 1);
    check("web/play/socket", "use crate::db::Pool;", 1);
    check("web/admin", "use crate::world::record::Kind;", 0);
    check("web/admin/room", "use crate::db::LoadRoom;", 1);
    check("db/writer", "let a: Addr<crate::actors::Journal>;", 1);
    check("actors/journal", "use diesel::prelude::*;", 1);
    check("db/writer", "use diesel::prelude::*;", 0);
    check("demo/bell", "use crate::world::signal::Signal;", 1);
    check("demo/bell", "use crate::prelude::*;", 0);
    check("world/clock", "fn now() { let t = std::time::Instant::now(); }", 1);
    check("portal/telnet", r#"const RED: &str = "\x1b[31m";"#, 1);
    check("text/ansi", r#"const RED: &str = "\x1b[31m";"#, 0);
    check("portal/utils", "", 1);
}

#[test]
fn comments_strings_and_tests_are_no_imports() {
    #[track_caller]
    fn check(source: &str) {
        assert_eq!(violations("world/room", source), [""; 0], "{source}");
    }
    check("//! Not crate::actors.\n/* nor /* tokio::spawn */ diesel::x */ fn f() {}");
    check(
        r##"const A: &str = "tokio::time"; const B: &str = r#"use "tokio::x"; "#; const C: char = '"'; fn f<'a>() {}"##,
    );
    check("#[cfg(test)]\nmod tests {\n    use tokio::time;\n    fn f() { \"}\"; '}'; }\n}");
    check("use crate::text::tokio_like;");
}
