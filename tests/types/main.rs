//! A game's types at their worst, in a real world: they panic wherever they can, come into a world that has been running
//! for long, answer each other for ever.
//!
//! One program is both the game and its tests: a world needs an executable that knows the types. So it has its own `main`
//! in place of the usual one, and takes the usual names to choose tests by.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends by panicking, and tells how it went")]

mod faults;
mod game;
mod homes;
mod lazy;
mod scripts;
mod signals;

use std::env;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use everhall::testing::{Builder, TestServer};

/// How the processes of a world are called: with these this program is the game.
const ROLES: [&str; 8] = ["run", "start", "portal", "server", "reload", "stop", "status", "admin"];

/// Worlds that run at the same time.
const AT_ONCE: usize = 3;

macro_rules! tests {
    ($($module:ident: $($name:ident)+;)+) => {
        const TESTS: &[(&str, fn())] =
            &[$($((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),+),+];
    };
}

tests! {
    faults:
        rooms_that_panic_lose_the_line_and_nothing_else
        a_room_that_panics_at_whoever_goes_keeps_nobody_in_the_world
        where_everybody_begins_nobody_is_kept_out_by_a_type_that_panics
        exits_that_panic_lose_the_line_and_nothing_else
        characters_that_panic_lose_the_line_and_nothing_else
        objects_that_panic_lose_the_line_and_nothing_else
        what_panics_when_it_is_made_is_not_made
        channels_that_panic_lose_the_line_and_nothing_else
        scripts_that_panic_are_told_of_and_go_on
        commands_and_locks_that_panic_lose_the_line_and_nothing_else
        state_that_cannot_be_stored_loses_the_line_that_led_to_it
        a_panic_at_each_tick_is_told_once_in_a_while
        a_walk_that_is_refused_leaves_nothing_of_what_led_to_it;
    homes:
        who_has_lost_their_home_is_at_home_where_everybody_begins
        who_left_the_world_in_a_room_that_is_gone_comes_back_where_everybody_begins;
    scripts:
        a_script_that_comes_into_a_running_world_is_there_once_and_for_good;
    lazy:
        state_that_is_lazy_is_stored_once_in_a_while_and_is_no_older_after_a_crash
        what_was_shown_of_it_is_stored
        a_reload_loses_nothing_of_it
        a_room_that_goes_to_sleep_stores_it
        a_one_shot_that_sets_itself_anew_goes_on_after_a_crash;
    signals:
        a_signal_finds_what_left_in_a_crowd
        a_signal_for_nobody_is_given_up_and_forgotten
        two_that_answer_each_other_are_stopped_also_over_walls
        a_signal_whose_walk_is_refused_is_spent_and_undone
        rooms_scripts_and_channels_reach_each_other_by_name;
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|first| ROLES.contains(&first.as_str())) {
        return game::run();
    }
    if args.iter().any(|arg| arg == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    run(TESTS.iter().filter(|(name, _)| chosen(name)).collect())
}

/// Runs tests, some at once, and says how each went.
fn run(tests: Vec<&'static (&'static str, fn())>) -> ExitCode {
    println!("\nrunning {} tests", tests.len());
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((name, test)) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // In a thread of its own, whose name is in what a panic prints.
                    let ended = thread::Builder::new().name((*name).to_owned()).spawn(test).unwrap().join();
                    println!("test {name} ... {}", if ended.is_ok() { "ok" } else { "FAILED" });
                    if ended.is_err() {
                        failed.lock().unwrap().push(*name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let how = if failed.is_empty() { "ok" } else { "FAILED" };
    println!("\ntest result: {how}. {} passed; {} failed {failed:?}\n", tests.len() - failed.len(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The plan of a world of this game.
fn plan() -> Builder {
    TestServer::with_exe(env::current_exe().unwrap())
}
