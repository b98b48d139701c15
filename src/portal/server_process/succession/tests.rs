//! The supervisor's states, played through event by event.

use super::*;

/// Renders actions in short: `spawn 1 latest, kill 2`.
fn shown(actions: &[Action]) -> String {
    let each = actions.iter().map(|action| match action {
        Action::Spawn { run, from: Source::Latest } => format!("spawn {} latest", run.0),
        Action::Spawn { run, from: Source::Kept } => format!("spawn {} kept", run.0),
        Action::Introduce { run, safe: false } => format!("introduce {}", run.0),
        Action::Introduce { run, safe: true } => format!("introduce {} to safe mode", run.0),
        Action::Stop(run) => format!("stop {}", run.0),
        Action::Kill(run, _) => format!("kill {}", run.0),
        Action::Keep(run) => format!("keep {}", run.0),
        Action::Watch(run) => format!("watch {}", run.0),
        Action::Retry { after, .. } => format!("retry in {} ms", after.as_millis()),
        Action::Answer(Ok(())) => "answer".into(),
        Action::Answer(Err(why)) => format!("refuse: {why}"),
        Action::Tell(Notice::Safe) => "tell of safe mode".into(),
        Action::Tell(Notice::Over) => "tell of its end".into(),
        Action::End(Ok(())) => "end".into(),
        Action::End(Err(exit)) => format!("end with {:?}", exit.code),
    });
    each.collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(actions: Vec<Action>, expected: &str) {
    assert_eq!(shown(&actions), expected);
}

fn exit(code: Option<i32>, last_line: &str) -> Exit {
    Exit { status: "signal: 9 (SIGKILL)".into(), code, last_line: last_line.into() }
}

fn killed() -> Exit {
    exit(None, "")
}

/// Its first server is ready, and steady.
fn running() -> Succession {
    let mut succession = Succession::new(5);
    check(succession.start(), "spawn 1 kept");
    assert_eq!(succession.name(), "starting");
    check(succession.prepared(Run(1)), "introduce 1");
    check(succession.ready(), "keep 1, watch 1");
    check(succession.steady(Run(1)), "");
    assert_eq!(succession.name(), "ready");
    succession
}

/// Lets the server that is starting take over, and die at once.
fn dies_early(succession: &mut Succession) -> String {
    let (Some(run), None) = succession.runs() else { panic!("{succession:?}") };
    succession.prepared(run);
    succession.ready();
    shown(&succession.gone(run, &killed()))
}

/// A world whose servers died early, five in a row; the sixth is being prepared.
fn hopeless() -> Succession {
    let mut succession = running();
    check(succession.gone(Run(1), &killed()), "spawn 2 kept");
    for (run, ms) in [(2, 100), (3, 200), (4, 400), (5, 800), (6, 1600)] {
        assert_eq!(dies_early(&mut succession), format!("retry in {ms} ms"));
        assert_eq!(succession.name(), "down");
        check(succession.retry(run), &format!("spawn {} kept", run + 1));
    }
    succession
}

#[test]
fn a_reload_is_a_hand_over() {
    let mut succession = running();
    check(succession.reload().unwrap(), "spawn 2 latest");
    assert_eq!((succession.name(), succession.runs()), ("ready", (Some(Run(1)), Some(Run(2)))));
    check(succession.prepared(Run(2)), "stop 1");
    check(succession.gone(Run(1), &exit(Some(0), "")), "introduce 2");
    check(succession.ready(), "keep 2, watch 2, answer");
    assert_eq!(succession.runs(), (Some(Run(2)), None));
}

#[test]
fn a_new_server_that_fails_leaves_the_old_one_running() {
    let mut succession = running();
    for run in [2, 3] {
        check(succession.reload().unwrap(), &format!("spawn {run} latest"));
        check(
            succession.gone(Run(run), &exit(Some(1), "no such planet")),
            "refuse: the new server did not start: no such planet; the running one goes on",
        );
        assert_eq!((succession.name(), succession.runs()), ("ready", (Some(Run(1)), None)));
    }
    check(succession.gone(Run(1), &killed()), "spawn 4 kept");
}

#[test]
fn a_new_server_that_takes_too_long_is_killed_and_the_old_one_goes_on() {
    let mut succession = running();
    succession.reload().unwrap();
    check(succession.overdue(Run(1)), "");
    check(succession.overdue(Run(2)), "kill 2");
    check(
        succession.gone(Run(2), &exit(None, "counting stars")),
        "refuse: the new server did not start: it was not ready in time; its last words were: counting stars; the running one goes on",
    );
    assert_eq!(succession.runs(), (Some(Run(1)), None));
}

#[test]
fn a_new_server_that_dies_while_the_old_one_finishes_is_followed_by_the_one_before() {
    let mut succession = running();
    succession.reload().unwrap();
    succession.prepared(Run(2));
    check(
        succession.gone(Run(2), &exit(Some(101), "oh")),
        "refuse: the new server ended before it took over: oh; the one before is started again",
    );
    check(succession.gone(Run(1), &exit(Some(0), "")), "spawn 3 kept");
}

#[test]
fn a_new_server_that_dies_while_it_takes_over_is_followed_by_the_one_before_at_once() {
    let mut succession = running();
    succession.reload().unwrap();
    succession.prepared(Run(2));
    succession.gone(Run(1), &exit(Some(0), ""));
    check(
        succession.gone(Run(2), &exit(Some(101), "oh")),
        "refuse: the new server ended before it was ready: oh; the one before is started again, spawn 3 kept",
    );
    check(succession.prepared(Run(3)), "introduce 3");
    check(succession.ready(), "keep 3, watch 3");
}

#[test]
fn only_one_reload_is_under_way() {
    let mut succession = running();
    let under_way = Err("a reload is under way already");
    succession.reload().unwrap();
    assert_eq!(succession.reload(), under_way);
    succession.prepared(Run(2));
    assert_eq!(succession.reload(), under_way);
    succession.gone(Run(2), &killed());
    assert_eq!(succession.reload(), under_way, "the old one is finishing");
    succession.gone(Run(1), &exit(Some(0), ""));
    check(succession.reload().unwrap(), "");
    assert_eq!(succession.reload(), under_way);
}

#[test]
fn a_reload_that_is_asked_for_while_a_server_starts_follows_it() {
    let mut succession = running();
    succession.gone(Run(1), &killed());
    check(succession.reload().unwrap(), "");
    check(succession.prepared(Run(2)), "introduce 2");
    check(succession.ready(), "keep 2, watch 2, spawn 3 latest");

    let mut succession = running();
    succession.gone(Run(1), &killed());
    check(succession.reload().unwrap(), "");
    succession.prepared(Run(2));
    check(succession.gone(Run(2), &killed()), "spawn 3 latest");
    succession.prepared(Run(3));
    check(succession.ready(), "keep 3, watch 3, answer");
}

#[test]
fn a_reload_ends_the_wait_after_a_death() {
    let mut succession = running();
    succession.gone(Run(1), &killed());
    assert_eq!(dies_early(&mut succession), "retry in 100 ms");
    check(succession.reload().unwrap(), "spawn 3 latest");
    check(succession.retry(2), "");
    check(
        succession.gone(Run(3), &exit(Some(1), "oh")),
        "refuse: the new server ended before it was ready: oh; the one before is started again, spawn 4 kept",
    );
    check(succession.gone(Run(4), &exit(Some(1), "oh")), "retry in 200 ms");
}

#[test]
fn a_crash_during_a_reload_is_a_crash() {
    let mut succession = running();
    succession.reload().unwrap();
    check(
        succession.gone(Run(1), &killed()),
        "kill 2, refuse: the running server died while the new one was being prepared; it is started again, spawn 3 kept",
    );
    check(succession.gone(Run(2), &killed()), "");
    check(succession.prepared(Run(2)), "");
    check(succession.prepared(Run(3)), "introduce 3");
}

#[test]
fn five_early_deaths_in_a_row_lead_to_safe_mode() {
    let mut succession = hopeless();
    assert!(succession.is_safe());
    check(succession.prepared(Run(7)), "introduce 7 to safe mode");
    check(succession.ready(), "keep 7, watch 7, tell of safe mode");
    check(succession.steady(Run(7)), "");
    assert!(succession.is_safe(), "that it stays up now does not say that it would without");
    check(succession.gone(Run(7), &killed()), "spawn 8 kept");
    check(succession.prepared(Run(8)), "introduce 8 to safe mode");
    check(succession.ready(), "keep 8, watch 8");
}

#[test]
fn a_reload_that_stays_up_leaves_safe_mode() {
    let mut succession = hopeless();
    succession.prepared(Run(7));
    succession.ready();
    succession.steady(Run(7));
    check(succession.reload().unwrap(), "spawn 8 latest");
    check(succession.prepared(Run(8)), "stop 7");
    check(succession.gone(Run(7), &exit(Some(0), "")), "introduce 8");
    check(succession.ready(), "keep 8, watch 8, answer");
    assert!(succession.is_safe());
    check(succession.steady(Run(8)), "tell of its end");
    assert!(!succession.is_safe());
    check(succession.gone(Run(8), &killed()), "spawn 9 kept");
    check(succession.prepared(Run(9)), "introduce 9");
}

#[test]
fn a_reload_that_does_not_stay_up_leads_back_to_safe_mode() {
    let mut succession = hopeless();
    succession.prepared(Run(7));
    succession.ready();
    succession.steady(Run(7));
    succession.reload().unwrap();
    succession.prepared(Run(8));
    succession.gone(Run(7), &exit(Some(0), ""));
    succession.ready();
    check(succession.gone(Run(8), &killed()), "retry in 100 ms");
    check(succession.retry(8), "spawn 9 kept");
    check(succession.prepared(Run(9)), "introduce 9 to safe mode");
}

#[test]
fn servers_that_never_took_over_do_not_lead_to_safe_mode() {
    let mut succession = running();
    succession.gone(Run(1), &killed());
    for run in 2..20 {
        let waits = succession.gone(Run(run), &exit(Some(1), "no database"));
        assert!(matches!(waits[..], [Action::Retry { .. }]), "{waits:?}");
        succession.retry(run);
    }
    check(succession.prepared(Run(20)), "introduce 20");

    // Nor do those that could not, for want of storage.
    for run in 20..30 {
        succession.prepared(Run(run));
        succession.gone(Run(run), &exit(Some(EXIT_STORAGE_AWAY.into()), "storage is away"));
        succession.retry(run);
    }
    check(succession.prepared(Run(30)), "introduce 30");
}

#[test]
fn a_first_server_that_fails_ends_it_all() {
    let mut succession = Succession::new(5);
    succession.start();
    check(succession.gone(Run(1), &exit(Some(3), "no database")), "end with Some(3)");
    check(succession.end(), "");

    let mut succession = Succession::new(5);
    succession.start();
    check(succession.gone(Run(1), &killed()), "retry in 100 ms");
}

#[test]
fn the_end_waits_for_every_process() {
    let mut succession = running();
    check(succession.end(), "stop 1");
    check(succession.end(), "");
    assert_eq!(succession.reload(), Err("the world is shutting down"));
    check(succession.gone(Run(1), &exit(Some(0), "")), "end");

    let mut succession = running();
    succession.reload().unwrap();
    check(succession.end(), "stop 1, kill 2, refuse: the world is shutting down");
    check(succession.gone(Run(1), &exit(Some(0), "")), "");
    check(succession.gone(Run(2), &killed()), "end");

    let mut succession = running();
    succession.reload().unwrap();
    succession.prepared(Run(2));
    check(succession.end(), "kill 2, refuse: the world is shutting down");
    check(succession.gone(Run(2), &killed()), "");
    check(succession.gone(Run(1), &exit(Some(0), "")), "end");

    let mut succession = Succession::new(5);
    succession.start();
    check(succession.end(), "kill 1");
    check(succession.gone(Run(1), &killed()), "end");

    let mut succession = running();
    succession.gone(Run(1), &killed());
    dies_early(&mut succession);
    check(succession.end(), "end");
}
