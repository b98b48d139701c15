//! The server process: started, watched, stopped and started again.
//!
//! ```text
//! down ── start ─► starting ── Ready ─► ready ── reload, stop ─► stopping ── exit ─► starting, or the end
//!                     ▲                   │ exit, silence
//!                     └──── back-off ─────┘
//! ```
//!
//! There is never more than one: the next is started when the last has been reaped and all that it wrote has been
//! applied. The wire's socket exists anew for each server and takes one connection, of our own user.

mod child;
mod orders;
mod wire_socket;

pub use child::Exit;
pub use orders::{EndServer, ProcessReport, ReloadServer, ReportProcess, StartServer};

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use actix::prelude::*;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::PortalError;
use super::backoff::Backoff;
use super::switchboard::{Killing, StopServer, Switchboard, WireOpened};
use crate::mailbox::{Waiting, repay};

/// How long a server that was asked to stop, or whose wire closed, may take before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How long the last frames of a server that has exited are waited for.
const WIRE_PATIENCE: Duration = Duration::from_secs(1);

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The program.
    pub executable: PathBuf,
    /// All of its arguments, `server` among them.
    pub args: Vec<OsString>,
    /// Where it connects to.
    pub wire_socket: PathBuf,
}

/// The actor that supervises the server process.
pub struct ServerProcess {
    settings: ServerSettings,
    switchboard: Addr<Switchboard>,
    state: State,
    running: Option<Running>,
    /// Counts starts, so that what was meant for one process never hits the next.
    started: u64,
    was_ready: bool,
    backoff: Backoff,
    last_exit: Option<Exit>,
    reload: Reload,
    ended: Option<oneshot::Sender<Result<(), PortalError>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Ready(Instant),
    Stopping(Next),
    Down,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Start,
    End,
}

/// A process that is not reaped yet, or whose wire is still read.
struct Running {
    pid: Pid,
    accepting: SpawnHandle,
    wire_open: bool,
    exit: Option<Exit>,
}

#[derive(Default)]
struct Reload {
    since: Option<Instant>,
    waiting: VecDeque<oneshot::Sender<Result<Duration, String>>>,
}

impl ServerProcess {
    /// Returns the supervisor; `ended` hears once why the portal is to end.
    pub fn new(
        settings: ServerSettings,
        switchboard: Addr<Switchboard>,
        ended: oneshot::Sender<Result<(), PortalError>>,
    ) -> Self {
        Self {
            settings,
            switchboard,
            state: State::Down,
            running: None,
            started: 0,
            was_ready: false,
            backoff: Backoff::default(),
            last_exit: None,
            reload: Reload::default(),
            ended: Some(ended),
        }
    }

    fn start(&mut self, ctx: &mut Context<Self>) {
        if self.running.is_some() || self.state == State::Ended {
            return;
        }
        self.state = State::Starting;
        self.started += 1;
        let started = self.started;
        let spawned = wire_socket::listen(&self.settings.wire_socket)
            .and_then(|listener| Ok((listener, child::spawn(&self.settings)?)))
            .map_err(PortalError::Spawn);
        let (listener, child) = match spawned {
            Ok(spawned) => spawned,
            Err(error) => return self.failed_to_spawn(error, ctx),
        };
        let accepting = ctx.spawn(wire_socket::accept(listener).into_actor(self).map(move |stream, this, _| {
            if let Some(running) = this.running.as_mut().filter(|_| this.started == started) {
                running.wire_open = true;
                repay(&this.switchboard, WireOpened { stream });
            }
        }));
        info!(pid = child.pid.as_raw_nonzero().get(), "started the server");
        self.running = Some(Running { pid: child.pid, accepting, wire_open: false, exit: None });
        ctx.spawn(child.wait().into_actor(self).map(|exit, this, ctx| this.exited(exit, ctx)));
    }

    fn failed_to_spawn(&mut self, error: PortalError, ctx: &mut Context<Self>) {
        if !self.was_ready {
            return self.end(Err(error));
        }
        error!("{error}");
        self.last_exit = Some(Exit { status: error.to_string(), code: None, last_line: String::new() });
        self.start_later(None, ctx);
    }

    fn exited(&mut self, exit: Exit, ctx: &mut Context<Self>) {
        let Some(running) = &mut self.running else { return };
        ctx.cancel_future(running.accepting);
        running.exit = Some(exit);
        if running.wire_open {
            let started = self.started;
            ctx.run_later(WIRE_PATIENCE, move |this, ctx| {
                if this.started == started {
                    this.settle(ctx);
                }
            });
        } else {
            self.settle(ctx);
        }
    }

    /// The process is reaped and what it wrote is applied: decides what comes next.
    fn settle(&mut self, ctx: &mut Context<Self>) {
        let Some(exit) = self.running.take().and_then(|running| running.exit) else { return };
        let (state, first) = (self.state, !self.was_ready);
        self.state = State::Down;
        self.last_exit = Some(exit.clone());
        match state {
            State::Stopping(Next::End) => self.end(Ok(())),
            State::Stopping(Next::Start) => {
                info!("the server stopped ({})", exit.status);
                self.start(ctx);
            }
            State::Starting if first && exit.code.is_some_and(|code| code != 0) => {
                self.end(Err(PortalError::ServerFailed {
                    code: exit.code.unwrap_or(1),
                    line: if exit.last_line.is_empty() { exit.status } else { exit.last_line },
                }));
            }
            State::Ready(since) => {
                error!("the server died ({}): {}", exit.status, exit.last_line);
                self.start_later(Some(since.elapsed()), ctx);
            }
            _ => {
                error!("the server did not start ({}): {}", exit.status, exit.last_line);
                let why = format!("the new server did not start: {}", exit.last_line);
                self.answer_reloads(|| Err(why.clone()));
                self.start_later(None, ctx);
            }
        }
    }

    fn start_later(&mut self, ready_for: Option<Duration>, ctx: &mut Context<Self>) {
        self.state = State::Down;
        let wait = self.backoff.died(ready_for);
        if wait.is_zero() {
            return self.start(ctx);
        }
        warn!("starting the server again in {wait:?}");
        let started = self.started;
        ctx.run_later(wait, move |this, ctx| {
            if this.started == started && this.state == State::Down {
                this.start(ctx);
            }
        });
    }

    fn ready(&mut self) {
        if self.state != State::Starting {
            return;
        }
        self.state = State::Ready(Instant::now());
        self.was_ready = true;
        let pause = self.reload.since.take().map(|since| since.elapsed()).unwrap_or_default();
        self.answer_reloads(|| Ok(pause));
    }

    fn answer_reloads(&mut self, answer: impl Fn() -> Result<Duration, String>) {
        self.reload.since = None;
        for asker in self.reload.waiting.drain(..) {
            // Who asked may have gone.
            let _ = asker.send(answer());
        }
    }

    fn reload(&mut self, ctx: &mut Context<Self>) {
        match self.state {
            State::Ready(_) => {
                self.reload.since = Some(Instant::now());
                self.stop(Next::Start, ctx);
            }
            State::Down => {
                self.reload.since = Some(Instant::now());
                self.backoff.reset();
                self.start(ctx);
            }
            State::Starting | State::Stopping(_) | State::Ended => {}
        }
    }

    /// Asks the process to finish, over the wire if there is one, and kills it if it takes too long.
    fn stop(&mut self, next: Next, ctx: &mut Context<Self>) {
        let Some(running) = &self.running else {
            if next == Next::End {
                self.end(Ok(()));
            }
            return;
        };
        self.state = State::Stopping(next);
        if running.wire_open {
            ctx.spawn(self.switchboard.send(StopServer).into_actor(self).map(|_, _, _| ()));
        } else {
            self.signal(Signal::TERM);
        }
        self.kill_later(ctx);
    }

    fn kill_later(&self, ctx: &mut Context<Self>) {
        let started = self.started;
        ctx.run_later(STOP_PATIENCE, move |this, _| {
            if this.started == started {
                this.kill("it did not stop");
            }
        });
    }

    fn kill(&self, why: &str) {
        if self.running.as_ref().is_some_and(|running| running.exit.is_none()) {
            warn!("killing the server: {why}");
            repay(&self.switchboard, Killing);
            self.signal(Signal::KILL);
        }
    }

    /// Signals the process, which is not reaped yet, so that its id is still its own.
    fn signal(&self, signal: Signal) {
        if let Some(running) = self.running.as_ref().filter(|running| running.exit.is_none())
            && let Err(error) = kill_process(running.pid, signal)
        {
            warn!("could not signal the server: {error}");
        }
    }

    fn end(&mut self, result: Result<(), PortalError>) {
        self.state = State::Ended;
        self.answer_reloads(|| Err("the world is shutting down".into()));
        if let Some(ended) = self.ended.take() {
            // Nobody hears it only if the portal is already gone.
            let _ = ended.send(result);
        }
    }
}

/// Few orders ever wait here, and no figure shows them.
static WAITING: Waiting = Waiting::new();

crate::counted!(ServerProcess, &WAITING);

impl Actor for ServerProcess {
    type Context = Context<Self>;
}
