//! Plays each conversation in `transcripts/` in a fresh world.

use std::path::Path;

use everhall::testing::Transcript;

use super::postgres::Database;
use super::{plan, world};

fn play(name: &str) {
    transcript(name).play(&world());
}

fn transcript(name: &str) -> Transcript {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/transcripts");
    Transcript::open(folder.join(name).with_extension("txt"))
}

macro_rules! transcripts {
    ($($name:ident)+) => {
        const NAMED: &[&str] = &[$(stringify!($name)),+];
        $(#[test] fn $name() { play(stringify!($name)); })+
    };
}

transcripts! {
    building
    channels
    containers
    create
    demo
    desc
    destroy
    dig
    disambiguation
    door
    examine
    find
    follow
    help
    ignore
    keeper
    link
    link_lost
    lock
    markup
    naming
    offline_tell
    open
    refused
    reload
    set
    tag
    talk
    teleport
    things
    tunnel
    unknown_command
    walk
}

#[test]
fn a_world_on_postgres_is_the_same() {
    // In one world after another: each transcript speaks of a fresh one.
    for name in ["things", "channels", "offline_tell", "reload", "keeper"] {
        let Some(database) = Database::fresh() else { return };
        transcript(name).play(&plan().database_url(&database.url()).start());
    }
}

#[test]
fn every_transcript_is_played() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/transcripts");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    found.sort();
    assert_eq!(found, NAMED, "each file in transcripts/ stands in the list above, and the other way round");
}
