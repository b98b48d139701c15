//! What `everhall torture` does for minutes, for some seconds: typists, bank, and one step of the program after the other.

use std::fs;
use std::path::Path;

use everhall::failpoint::{self, By, Process, Step};
use everhall::torture::{Deeds, Report, Size, Torture};

use super::postgres::Database;

const NOBODY: Size = Size { typists: 0, bankers: 0, visitors: 0, coins: 0, vaults: 3, demo: true };

fn torture(seed: u64, size: Size, deeds: Deeds, database: Option<&Database>) -> Report {
    let torture = Torture {
        exe: env!("CARGO_BIN_EXE_everhall").into(),
        data_dir: None,
        database_url: database.map(Database::url),
        seed,
        size,
        deeds,
    };
    let report = torture.run().unwrap();
    assert!(report.is_clean(), "\n{report}");
    assert_eq!(report.typed, report.answered, "\n{report}");
    report
}

/// Twenty typists, ten lines a second each, through ten reloads and ten `kill -9` at random moments.
fn typists(seed: u64, database: Option<&Database>) {
    let size = Size { typists: 20, ..NOBODY };
    let report = torture(seed, size, Deeds::Exactly { reloads: 10, kills: 10 }, database);
    let (done, tally) = (report.done, report.tally);
    assert_eq!((done.reloads, done.kills), (10, 10));
    assert_eq!((tally.lost, tally.doubled, tally.out_of_order, report.sockets_dropped()), (0, 0, 0, 0));
    assert!(report.typed > 1000, "they typed: {report}");
    assert!(report.committed.messages > 100, "and on the channel too: {report}");
}

#[test]
fn twenty_typists_lose_nothing_in_ten_reloads_and_ten_crashes() {
    typists(11, None);
}

#[test]
fn twenty_typists_lose_nothing_in_ten_reloads_and_ten_crashes_on_postgres() {
    let Some(database) = Database::fresh() else { return };
    typists(12, Some(&database));
}

/// Fifty bankers with two hundred coins in twenty rooms; those who come and go bring logins and take-overs.
fn bank(seed: u64, database: Option<&Database>) {
    let size = Size { typists: 2, bankers: 50, visitors: 2, coins: 200, vaults: 20, demo: true };
    let report = torture(seed, size, Deeds::Exactly { reloads: 2, kills: 8 }, database);
    assert!(report.committed.moves > 300, "coins and people moved: {report}");
    assert!(report.reports > 1000, "and it was seen: {report}");
}

#[test]
fn fifty_players_neither_lose_nor_double_any_of_two_hundred_coins() {
    bank(21, None);
}

#[test]
fn fifty_players_neither_lose_nor_double_any_of_two_hundred_coins_on_postgres() {
    let Some(database) = Database::fresh() else { return };
    bank(22, Some(&database));
}

/// Ends the server at every step that this chooses, one after the other, all of them so many times, while few play.
fn steps(seed: u64, chosen: impl Fn(&Step) -> bool, times: usize, database: Option<&Database>) {
    // More vaults than bankers: so that some fall asleep.
    let size = Size { typists: 3, bankers: 6, visitors: 3, coins: 12, vaults: 12, demo: true };
    let steps: Vec<Step> = failpoint::ALL.iter().filter(|step| is_for_server(step) && chosen(step)).copied().collect();
    let steps = steps.repeat(times);
    let count = steps.len() as u32;
    assert!(count > 0);
    let report = torture(seed, size, Deeds::Steps(steps), database);
    assert_eq!(report.done.steps, count, "\n{report}");
}

/// The server is ended at its own steps, and at the portal's while it runs. Before it is ready there is nothing to lose yet.
fn is_for_server(step: &Step) -> bool {
    step.process == Process::Server || step.by == By::Play
}

#[test]
fn a_crash_at_any_step_of_a_line_loses_nothing() {
    steps(31, |step| !is_storing(step), 1, None);
}

#[test]
fn a_crash_at_any_step_of_storing_loses_nothing() {
    steps(32, is_storing, 4, None);
}

#[test]
fn a_crash_at_any_step_of_storing_loses_nothing_on_postgres() {
    let Some(database) = Database::fresh() else { return };
    steps(33, is_storing, 4, Some(&database));
}

/// From the journal to the portal and back, and the start of the next server.
fn is_storing(step: &Step) -> bool {
    let parts =
        ["journal.", "writer.", "server.", "portal.", "link.frame", "link.partly", "link.written", "link.applied"];
    parts.iter().any(|part| step.name.starts_with(part))
}

#[test]
fn every_step_in_the_source_is_in_the_list_once_and_the_other_way_round() {
    let mut found = Vec::new();
    marks(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    let mut listed: Vec<&str> = failpoint::ALL.iter().map(|step| step.name).collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

/// Finds the names in all `fail_point!("…"`.
fn marks(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            marks(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let names = source.split("fail_point!(\"").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(names.map(str::to_owned));
        }
    }
}
