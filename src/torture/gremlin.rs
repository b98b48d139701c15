//! The gremlin: reloads, kills, freezes and hangs the server at random moments, or ends it at one step after the other.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde::Serialize;
use serde_json::{Value, json};

use super::stage::{Promise, Stage};
use crate::failpoint::{By, Deed, Order, Process, Step};
use crate::testing::{START_DEADLINE, TestServer, poll};

/// How long players may wait for an answer when a server is ready.
const ANSWER: Duration = Duration::from_secs(30);

/// Longest pause between two deeds.
const PAUSE_MS: u64 = 900;

/// How long a step is waited for.
const STEP: Duration = Duration::from_secs(15);

/// What is done to a world.
#[derive(Debug, Clone)]
pub enum Deeds {
    /// Anything, for so long.
    For(Duration),
    /// So many reloads and kills, in a random order.
    Exactly {
        /// `everhall reload`.
        reloads: u32,
        /// `kill -9`.
        kills: u32,
    },
    /// The server is ended at each of these steps in turn. They must be ones that it or its portal can reach.
    Steps(Vec<Step>),
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// `everhall reload`.
    pub reloads: u32,
    /// `kill -9` of a server that runs.
    pub kills: u32,
    /// `kill -9` of one that is starting.
    pub kills_at_start: u32,
    /// `kill -9` while a reload is under way.
    pub kills_in_reload: u32,
    /// SIGSTOP, and SIGCONT before the watchdog has had enough.
    pub freezes: u32,
    /// SIGSTOP until the watchdog ended it.
    pub hangs: u32,
    /// Ends at a step.
    pub steps: u32,
    /// The longest time from a server's end to the next one that was ready, in milliseconds.
    pub longest_pause_ms: u64,
}

/// The gremlin at work.
pub(super) struct Gremlin<'a> {
    pub(super) server: &'a TestServer,
    pub(super) stage: &'a Stage,
    pub(super) dice: fastrand::Rng,
    /// Where orders for fail-points are put.
    pub(super) orders: PathBuf,
    pub(super) done: Done,
}

/// The world did not come back; this was noted.
pub(super) struct Gone;

/// What a server is ended by.
#[derive(Debug, Clone, Copy)]
enum Trick {
    Reload,
    Kill,
    KillTwice,
    KillInReload,
    Freeze,
    Hang,
}

impl Gremlin<'_> {
    /// Does it all.
    pub(super) fn work(&mut self, deeds: &Deeds) -> Result<(), Gone> {
        self.wait_for_answers()?;
        match deeds {
            Deeds::For(time) => {
                let end = std::time::Instant::now() + *time;
                while std::time::Instant::now() < end {
                    let tricks = [
                        Trick::Reload,
                        Trick::Reload,
                        Trick::Kill,
                        Trick::Kill,
                        Trick::Kill,
                        Trick::KillTwice,
                        Trick::KillTwice,
                        Trick::KillInReload,
                        Trick::Freeze,
                        Trick::Hang,
                    ];
                    let trick = tricks[self.dice.usize(0..tricks.len())];
                    self.play(trick)?;
                }
            }
            Deeds::Exactly { reloads, kills } => {
                let mut tricks = vec![Trick::Reload; *reloads as usize];
                tricks.extend(vec![Trick::Kill; *kills as usize]);
                self.dice.shuffle(&mut tricks);
                for trick in tricks {
                    self.play(trick)?;
                }
            }
            Deeds::Steps(steps) => {
                for step in steps {
                    self.end_at(step)?;
                }
            }
        }
        Ok(())
    }

    fn play(&mut self, trick: Trick) -> Result<(), Gone> {
        let pause = Duration::from_millis(self.dice.u64(0..PAUSE_MS));
        poll(pause, || None::<()>);
        match trick {
            Trick::Reload => {
                self.stage.did("reload");
                self.done.reloads += 1;
                self.server.reload();
            }
            Trick::Kill => {
                self.stage.did("kill -9");
                self.done.kills += 1;
                let old = self.server.strike_server();
                self.wait_ready(old)?;
            }
            Trick::KillTwice => {
                self.stage.did("kill -9");
                self.done.kills += 1;
                let mut old = self.server.strike_server();
                if let Some(next) = self.strike_at_start(old) {
                    self.stage.did("kill -9 at the start");
                    self.done.kills_at_start += 1;
                    old = next;
                }
                self.wait_ready(old)?;
            }
            Trick::KillInReload => {
                self.stage.did("kill -9 in a reload");
                self.done.kills_in_reload += 1;
                let old = self.server.server_pid();
                self.server.hurry();
                poll(Duration::from_millis(self.dice.u64(0..120)), || None::<()>);
                // The old one, or the new one; or none, in between.
                let pid = self.server.server_pid();
                self.server.signal(pid, Signal::KILL);
                self.wait_ready(if pid == 0 { old } else { pid })?;
            }
            Trick::Freeze => {
                self.stage.did("SIGSTOP for a moment");
                self.done.freezes += 1;
                let frozen = self.server.signal_server(Signal::STOP);
                poll(Duration::from_millis(self.dice.u64(50..600)), || None::<()>);
                self.server.signal(frozen, Signal::CONT);
            }
            Trick::Hang => {
                self.stage.did("SIGSTOP until it is ended");
                self.done.hangs += 1;
                let old = self.server.signal_server(Signal::STOP);
                self.wait_ready(old)?;
            }
        }
        self.wait_for_answers()
    }

    /// Kills the server that is being started after `old`, unless it is ready already: then a line in flight would die twice, and be
    /// given up as it should be.
    fn strike_at_start(&mut self, old: u32) -> Option<u32> {
        let starting = poll(START_DEADLINE, || {
            let status = self.hurry()?;
            let pid = pid(&status);
            (pid != 0 && pid != old).then_some(pid)
        })?;
        poll(Duration::from_millis(self.dice.u64(0..40)), || None::<()>);
        // Stopped before it is looked at, so that it cannot become ready in between.
        self.server.signal(starting, Signal::STOP);
        let is_starting = self.status().is_some_and(|status| status["server"]["state"] == "starting");
        let signal = if is_starting { Signal::KILL } else { Signal::CONT };
        self.server.signal(starting, signal);
        is_starting.then_some(starting)
    }

    /// Has the server ended at a step, and waits until the next one answers.
    fn end_at(&mut self, step: &Step) -> Result<(), Gone> {
        let old = self.server.server_pid();
        // Some steps are rare: then the first time is as good as the third.
        let nth = if step.by == By::Play { self.dice.u32(1..=3) } else { 1 };
        if !self.is_obeyed(step, old, nth)? && !self.is_obeyed(step, old, 1)? {
            let what = format!("the step {} was not reached", step.name);
            self.stage.violated(Promise::Life, "gremlin", what, Vec::new());
            return Ok(());
        }
        self.done.steps += 1;
        self.wait_ready(old)?;
        self.wait_for_answers()
    }

    /// Orders the server's end and waits for it.
    fn is_obeyed(&self, step: &Step, server: u32, nth: u32) -> Result<bool, Gone> {
        let deed = match step.process {
            Process::Server => Deed::Kill,
            Process::Portal => Deed::KillOther(server),
        };
        self.stage.did(format!("to be ended at {} ({nth})", step.name));
        if let Err(error) = self.order(&Order { step: step.name.to_owned(), nth, deed, times: 1 }) {
            self.stage.violated(Promise::Life, "gremlin", format!("an order cannot be given: {error}"), Vec::new());
            return Err(Gone);
        }
        match step.by {
            By::Play | By::Page => {}
            By::Start => drop(self.server.strike_server()),
            By::Reload => self.server.hurry(),
        }
        let obeyed = poll(STEP, || {
            self.hurry();
            (!self.orders.exists()).then_some(())
        });
        // It shall not be reached later; and if it is just now, the file is gone already.
        let _ = std::fs::remove_file(&self.orders);
        Ok(obeyed.is_some())
    }

    /// Puts an order where the processes look for it, whole.
    fn order(&self, order: &Order) -> std::io::Result<()> {
        let new = self.orders.with_extension("new");
        std::fs::write(&new, order.to_string())?;
        std::fs::rename(&new, &self.orders)
    }

    fn status(&self) -> Option<Value> {
        self.server.control(&json!({ "op": "status" }))
    }

    /// Returns the status; has the server started at once if it waits because others died early.
    fn hurry(&self) -> Option<Value> {
        let status = self.status()?;
        if status["server"]["state"] == "down" {
            self.server.hurry();
        }
        Some(status)
    }

    /// Waits until another server than `old` is ready.
    fn wait_ready(&mut self, old: u32) -> Result<(), Gone> {
        let began = std::time::Instant::now();
        let ready = |status: &Value| status["server"]["state"] == "ready" && pid(status) != old;
        if poll(START_DEADLINE, || self.hurry().filter(ready)).is_none() {
            let what = format!("no server was ready within {} s", START_DEADLINE.as_secs());
            self.stage.violated(Promise::Life, "the world", what, Vec::new());
            return Err(Gone);
        }
        self.done.longest_pause_ms = self.done.longest_pause_ms.max(began.elapsed().as_millis() as u64);
        Ok(())
    }

    /// Waits until everybody who waits for an answer has had one: a line that is in flight when two servers die is given up.
    fn wait_for_answers(&self) -> Result<(), Gone> {
        let before = self.stage.answered();
        let answered = poll(ANSWER, || self.stage.unanswered_since(&before).is_empty().then_some(()));
        if answered.is_none() {
            let who = self.stage.unanswered_since(&before).join(", ");
            let what = format!("{who} had no answer for {} s", ANSWER.as_secs());
            self.stage.violated(Promise::Once, "gremlin", what, Vec::new());
            return Err(Gone);
        }
        Ok(())
    }
}

fn pid(status: &Value) -> u32 {
    status["server"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0)
}
