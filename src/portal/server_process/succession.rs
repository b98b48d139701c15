//! Which server follows which: the supervisor's states. Pure: told what happened, it says what is to be done.
//!
//! ```text
//!            ┌──────────── back-off: down ◄─── died ──────────────┐
//!            ▼                                                    │
//!        starting ── prepared: introduced ── ready ──────────► ready ◄───────┐ the new one fails
//!            ▲                                                    │ reload   │
//!            │ the old one is gone: the new one is introduced     ▼          │
//!            └──────────── handing over ◄── prepared ── preparing beside it ─┘
//! ```
//!
//! A server is *introduced* when it is told what the portal holds; then it takes over. No other is alive at that moment
//! but one that is being prepared, which has loaded nothing. After some early deaths in a row, five by default, a server is introduced to
//! safe mode; a reload's server never is, and safe mode ends when one of those stays up.

use std::time::Duration;

use super::Exit;
use crate::portal::backoff::{Backoff, Death};
use crate::wire::EXIT_STORAGE_AWAY;

/// A server process, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Run(pub(super) u64);

/// Which file is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Whatever lies at the path of the portal's own executable: new code, if there is any.
    Latest,
    /// The last one that was ready; [`Source::Latest`] if none was.
    Kept,
}

/// What everybody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// Safe mode has begun.
    Safe,
    /// Safe mode is over.
    Over,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Start a process, which prepares itself.
    Spawn { run: Run, from: Source },
    /// Tell it what the portal holds, so that it takes over.
    Introduce { run: Run, safe: bool },
    /// Ask it to finish and to exit.
    Stop(Run),
    /// End it.
    Kill(Run, &'static str),
    /// Keep its executable: it is one that works.
    Keep(Run),
    /// Look whether it is still ready in [`STEADY`](crate::portal::backoff::STEADY).
    Watch(Run),
    /// Call [`Succession::retry`] with this after a while.
    Retry { after: Duration, spawned: u64 },
    /// Tell those who asked for the reload what became of it.
    Answer(Result<(), String>),
    /// Tell everybody.
    Tell(Notice),
    /// It is over; with the exit of a first server that failed.
    End(Result<(), Exit>),
}

/// A server that takes lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    run: Run,
    /// It runs in safe mode.
    safe: bool,
    /// It has been ready for long enough.
    steady: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    /// There is none; the next starts when it has been waited long enough.
    Down,
    /// One is being prepared or takes over, and there is no other. `introduced` says whether it is in safe mode.
    Starting { run: Run, introduced: Option<bool> },
    /// One takes lines.
    Ready(Current),
    /// One takes lines while another is being prepared.
    Preparing { old: Current, new: Run },
    /// The old one finishes; the new one, if it still is, waits for its end.
    HandingOver { old: Run, new: Option<Run> },
    /// These are to end, and none follows.
    Stopping(Vec<Run>),
    /// None is left, none follows.
    Ended,
}

/// A reload on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reload {
    /// Nobody waits for one.
    None,
    /// It begins when the server that is starting is ready, or has failed.
    Wanted,
    /// Its server has been started.
    Begun,
}

/// The states, and what is remembered over them.
#[derive(Debug)]
pub(super) struct Succession {
    state: State,
    spawned: u64,
    was_ready: bool,
    backoff: Backoff,
    /// Servers that are not a reload's are introduced to safe mode.
    safe: bool,
    /// Everybody knows of it.
    told_safe: bool,
    reload: Reload,
    /// Killed because it took too long to be ready.
    overdue: Option<Run>,
}

impl Succession {
    /// Returns the state before the first start; safe mode follows `safe_after` early deaths in a row.
    pub(super) fn new(safe_after: u32) -> Self {
        Self {
            state: State::Down,
            spawned: 0,
            was_ready: false,
            backoff: Backoff::new(safe_after),
            safe: false,
            told_safe: false,
            reload: Reload::None,
            overdue: None,
        }
    }

    /// The portal is up: starts the first server.
    pub(super) fn start(&mut self) -> Vec<Action> {
        if self.state == State::Down && self.spawned == 0 { vec![self.spawn(Source::Kept)] } else { Vec::new() }
    }

    /// Somebody asks for a reload. Those who are not refused at once get an [`Action::Answer`].
    ///
    /// # Errors
    ///
    /// Why there is none just now.
    pub(super) fn reload(&mut self) -> Result<Vec<Action>, &'static str> {
        if self.reload != Reload::None {
            return Err("a reload is under way already");
        }
        match self.state {
            State::Ready(old) => Ok(vec![self.begin_reload(Some(old))]),
            State::Down if self.spawned > 0 => Ok(vec![self.begin_reload(None)]),
            State::Starting { .. } => {
                self.reload = Reload::Wanted;
                Ok(Vec::new())
            }
            State::Down => Err("the world is only starting"),
            // Its new server has failed, and those who asked have been told.
            State::HandingOver { .. } | State::Preparing { .. } => Err("a reload is under way already"),
            State::Stopping(_) | State::Ended => Err("the world is shutting down"),
        }
    }

    /// Somebody wants all of it to end.
    pub(super) fn end(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let runs = match &self.state {
            State::Stopping(_) | State::Ended => return actions,
            State::Down => Vec::new(),
            State::Starting { run, introduced } => {
                actions.push(match introduced {
                    None => Action::Kill(*run, "it is not needed any more"),
                    Some(_) => Action::Stop(*run),
                });
                vec![*run]
            }
            State::Ready(current) => {
                actions.push(Action::Stop(current.run));
                vec![current.run]
            }
            State::Preparing { old, new } => {
                actions.extend([Action::Stop(old.run), Action::Kill(*new, "it is not needed any more")]);
                vec![old.run, *new]
            }
            State::HandingOver { old, new } => {
                actions.extend(new.map(|new| Action::Kill(new, "it is not needed any more")));
                std::iter::once(*old).chain(*new).collect()
            }
        };
        self.answer(Err("the world is shutting down".into()), &mut actions);
        self.stop(runs, &mut actions);
        actions
    }

    /// A server has prepared itself.
    pub(super) fn prepared(&mut self, run: Run) -> Vec<Action> {
        match self.state {
            State::Starting { run: starting, introduced: None } if starting == run => {
                // A reload's server is given a try, whatever those before it died of.
                let safe = self.safe && self.reload != Reload::Begun;
                self.state = State::Starting { run, introduced: Some(safe) };
                vec![Action::Introduce { run, safe }]
            }
            State::Preparing { old, new } if new == run => {
                self.state = State::HandingOver { old: old.run, new: Some(new) };
                vec![Action::Stop(old.run)]
            }
            _ => Vec::new(),
        }
    }

    /// The server that was introduced takes lines.
    pub(super) fn ready(&mut self) -> Vec<Action> {
        let State::Starting { run, introduced: Some(safe) } = self.state else { return Vec::new() };
        let current = Current { run, safe, steady: false };
        self.state = State::Ready(current);
        self.was_ready = true;
        let mut actions = vec![Action::Keep(run), Action::Watch(run)];
        if safe && !std::mem::replace(&mut self.told_safe, true) {
            actions.push(Action::Tell(Notice::Safe));
        }
        match self.reload {
            Reload::Wanted => actions.push(self.begin_reload(Some(current))),
            Reload::Begun => self.answer(Ok(()), &mut actions),
            Reload::None => {}
        }
        actions
    }

    /// A server has been ready for as long as [`Action::Watch`] says, if it still is.
    pub(super) fn steady(&mut self, run: Run) -> Vec<Action> {
        let (State::Ready(current) | State::Preparing { old: current, .. }) = &mut self.state else {
            return Vec::new();
        };
        if current.run != run {
            return Vec::new();
        }
        current.steady = true;
        self.backoff.reset();
        if current.safe {
            return Vec::new();
        }
        self.safe = false;
        if std::mem::take(&mut self.told_safe) { vec![Action::Tell(Notice::Over)] } else { Vec::new() }
    }

    /// A server took too long to prepare itself, or to be ready after it was introduced.
    pub(super) fn overdue(&mut self, run: Run) -> Vec<Action> {
        match self.state {
            State::Starting { run: starting, .. } if starting == run => {}
            State::Preparing { new, .. } if new == run => {}
            _ => return Vec::new(),
        }
        self.overdue = Some(run);
        vec![Action::Kill(run, "it was not ready in time")]
    }

    /// It has been waited long enough since the last death.
    pub(super) fn retry(&mut self, spawned: u64) -> Vec<Action> {
        if self.state == State::Down && self.spawned == spawned { vec![self.spawn(Source::Kept)] } else { Vec::new() }
    }

    /// A server is no more: reaped, and all that it wrote is applied. Or it could not be started at all.
    pub(super) fn gone(&mut self, run: Run, exit: &Exit) -> Vec<Action> {
        let mut actions = Vec::new();
        let words = self.words(run, exit);
        match self.state.clone() {
            State::Starting { run: starting, introduced } if starting == run => {
                self.did_not_start(introduced, exit, &words, &mut actions);
            }
            State::Ready(current) if current.run == run => self.died(death(current), &mut actions),
            State::Preparing { old, new } if new == run => {
                self.state = State::Ready(old);
                let why = format!("the new server did not start: {words}; the running one goes on");
                self.answer(Err(why), &mut actions);
            }
            State::Preparing { old, new } if old.run == run => {
                actions.push(Action::Kill(new, "the one that it was to follow has died"));
                let why = "the running server died while the new one was being prepared; it is started again";
                self.answer(Err(why.into()), &mut actions);
                self.died(death(old), &mut actions);
            }
            State::HandingOver { old, new: Some(new) } if new == run => {
                self.state = State::HandingOver { old, new: None };
                let why = format!("the new server ended before it took over: {words}; the one before is started again");
                self.answer(Err(why), &mut actions);
            }
            State::HandingOver { old, new } if old == run => match new {
                Some(run) => {
                    self.state = State::Starting { run, introduced: Some(false) };
                    actions.push(Action::Introduce { run, safe: false });
                }
                None => actions.push(self.spawn(Source::Kept)),
            },
            State::Stopping(mut runs) => {
                runs.retain(|stopping| *stopping != run);
                self.stop(runs, &mut actions);
            }
            _ => {}
        }
        actions
    }

    /// Returns `starting`, `ready`, `stopping` or `down`.
    pub(super) fn name(&self) -> &'static str {
        match self.state {
            State::Starting { .. } => "starting",
            State::Ready(_) | State::Preparing { .. } => "ready",
            State::HandingOver { .. } | State::Stopping(_) => "stopping",
            State::Down | State::Ended => "down",
        }
    }

    /// Returns the server that there is, and the one that is being prepared beside it.
    pub(super) fn runs(&self) -> (Option<Run>, Option<Run>) {
        match &self.state {
            State::Starting { run, .. } | State::Ready(Current { run, .. }) => (Some(*run), None),
            State::Preparing { old, new } => (Some(old.run), Some(*new)),
            State::HandingOver { old, new } => (Some(*old), *new),
            State::Stopping(runs) => (runs.first().copied(), None),
            State::Down | State::Ended => (None, None),
        }
    }

    /// Returns how many were started.
    pub(super) fn spawned(&self) -> u64 {
        self.spawned
    }

    /// Returns how many in a row died early.
    pub(super) fn early_deaths(&self) -> u32 {
        self.backoff.early_deaths()
    }

    /// Tells whether the world is in safe mode.
    pub(super) fn is_safe(&self) -> bool {
        self.safe
    }

    /// Tells whether any server has been ready yet.
    pub(super) fn was_ready(&self) -> bool {
        self.was_ready
    }

    fn spawn(&mut self, from: Source) -> Action {
        self.spawned += 1;
        let run = Run(self.spawned);
        self.state = State::Starting { run, introduced: None };
        Action::Spawn { run, from }
    }

    /// Starts a reload's server: beside the old one, if there is one.
    fn begin_reload(&mut self, old: Option<Current>) -> Action {
        self.reload = Reload::Begun;
        let action = self.spawn(Source::Latest);
        if let Some(old) = old {
            self.state = State::Preparing { old, new: Run(self.spawned) };
        }
        action
    }

    /// The server that was starting is gone, and there is no other.
    fn did_not_start(&mut self, introduced: Option<bool>, exit: &Exit, words: &str, actions: &mut Vec<Action>) {
        if !self.was_ready && exit.code.is_some_and(|code| code != 0) {
            self.state = State::Ended;
            self.answer(Err(format!("the server did not start: {words}")), actions);
            actions.push(Action::End(Err(exit.clone())));
        } else if self.reload == Reload::Begun {
            // It was the new one's fault alone: the one before has not failed yet, so that nobody waits for it.
            let why = format!("the new server ended before it was ready: {words}; the one before is started again");
            self.answer(Err(why), actions);
            actions.push(self.spawn(Source::Kept));
        } else {
            let is_blameless = introduced.is_none() || exit.code == Some(i32::from(EXIT_STORAGE_AWAY));
            self.died(if is_blameless { Death::Unborn } else { Death::Early }, actions);
        }
    }

    /// There is no server any more: starts the next one, now or later.
    fn died(&mut self, death: Death, actions: &mut Vec<Action>) {
        let after = self.backoff.died(death);
        self.safe |= self.backoff.is_hopeless();
        self.state = State::Down;
        if self.reload == Reload::Wanted {
            actions.push(self.begin_reload(None));
        } else if after.is_zero() {
            actions.push(self.spawn(Source::Kept));
        } else {
            actions.push(Action::Retry { after, spawned: self.spawned });
        }
    }

    fn stop(&mut self, runs: Vec<Run>, actions: &mut Vec<Action>) {
        if runs.is_empty() {
            self.state = State::Ended;
            actions.push(Action::End(Ok(())));
        } else {
            self.state = State::Stopping(runs);
        }
    }

    fn answer(&mut self, answer: Result<(), String>, actions: &mut Vec<Action>) {
        if std::mem::replace(&mut self.reload, Reload::None) != Reload::None {
            actions.push(Action::Answer(answer));
        }
    }

    /// Returns why a server ended, in its own words if it left any.
    fn words(&mut self, run: Run, exit: &Exit) -> String {
        if self.overdue.take_if(|overdue| *overdue == run).is_none() {
            return exit.words().to_owned();
        }
        match exit.last_line.as_str() {
            "" => "it was not ready in time".into(),
            line => format!("it was not ready in time; its last words were: {line}"),
        }
    }
}

fn death(current: Current) -> Death {
    if current.steady { Death::Late } else { Death::Early }
}

#[cfg(test)]
mod tests;
