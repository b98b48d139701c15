//! The server processes: started, watched, handed over, stopped and started again.
//!
//! What follows what is in `succession`; here it is done. There is one server that takes lines, and during a reload another
//! beside it, which prepares itself and loads nothing until the first is gone: reaped, with all that it wrote applied. The wire's
//! socket exists anew for each server and takes one connection, of our own user.
//!
//! ```text
//! new server ── connects, Prepared ─► here (the wire waits) ── WireOpened ─► switchboard ── Hello ─► new server
//! ```

mod child;
mod kept;
mod orders;
mod succession;
mod wire_socket;

pub use child::Exit;
pub use kept::{KEPT_FILE, forget};
pub use orders::{EndServer, ProcessReport, ReloadServer, ReportProcess, StartServer};

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use actix::prelude::*;
use rustc_hash::FxHashMap;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::PortalError;
use super::backoff::STEADY;
use super::switchboard::{Announce, Killing, ReloadFailed, StopServer, Switchboard, WireOpened};
use crate::ids::SessionId;
use crate::logging::LIFE;
use crate::mailbox::{Waiting, repay};
use crate::text;
use crate::text::{Markup, english};
use succession::{Action, Notice, Run, Source, Succession};

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
    /// Where the last executable that was ready is kept.
    pub kept: PathBuf,
    /// How long it may take to prepare itself, and again to take over.
    pub start_patience: Duration,
    /// How many early deaths in a row lead to safe mode; 0 for none.
    pub safe_after: u32,
}

/// The actor that supervises the server processes.
pub struct ServerProcess {
    settings: ServerSettings,
    switchboard: Addr<Switchboard>,
    succession: Succession,
    /// Those that are not reaped yet, or whose wire is still read.
    processes: FxHashMap<Run, Process>,
    /// Whose wires the switchboard was given and has not closed; it reads the first.
    wires: VecDeque<Run>,
    /// Who waits to hear what becomes of a reload.
    askers: Vec<Asker>,
    /// Why a reload failed, when there was no server to be told.
    untold: Option<String>,
    /// When the server that a reload replaces was asked to stop.
    paused: Option<Instant>,
    last_exit: Option<Exit>,
    ended: Option<oneshot::Sender<Result<(), PortalError>>>,
}

struct Process {
    pid: Pid,
    accepting: SpawnHandle,
    wire: Wire,
    exit: Option<Exit>,
}

enum Wire {
    /// It has not connected, or has not prepared itself.
    None,
    /// It waits for its turn.
    Prepared(UnixStream),
    /// The switchboard has it.
    Introduced,
    /// It has been closed, and all that came over it applied.
    Closed,
}

/// What became of a reload: for how long no line was taken, if a server was there to take any; or why there was none.
type Reloaded = Result<Option<Duration>, String>;

/// Who asked for a reload.
enum Asker {
    /// The command line.
    Keeper(oneshot::Sender<Reloaded>),
    /// Somebody in the world.
    Session(SessionId),
    /// A page, which asks the server.
    Page,
}

impl ServerProcess {
    /// Returns the supervisor; `ended` hears once why the portal is to end.
    pub fn new(
        settings: ServerSettings,
        switchboard: Addr<Switchboard>,
        ended: oneshot::Sender<Result<(), PortalError>>,
    ) -> Self {
        Self {
            succession: Succession::new(settings.safe_after),
            settings,
            switchboard,
            processes: FxHashMap::default(),
            wires: VecDeque::new(),
            askers: Vec::new(),
            untold: None,
            paused: None,
            last_exit: None,
            ended: Some(ended),
        }
    }

    fn perform(&mut self, actions: Vec<Action>, ctx: &mut Context<Self>) {
        for action in actions {
            match action {
                Action::Spawn { run, from } => self.spawn(run, from, ctx),
                Action::Introduce { run, safe } => self.introduce(run, safe, ctx),
                Action::Stop(run) => self.stop(run, ctx),
                Action::Kill(run, why) => self.kill(run, why),
                Action::Keep(run) => self.keep(run, ctx),
                Action::Watch(run) => {
                    ctx.run_later(STEADY, move |this, ctx| {
                        let actions = this.succession.steady(run);
                        this.perform(actions, ctx);
                    });
                }
                Action::Retry { after, spawned } => {
                    warn!("starting the server again in {after:?}");
                    ctx.run_later(after, move |this, ctx| {
                        let actions = this.succession.retry(spawned);
                        this.perform(actions, ctx);
                    });
                }
                Action::Answer(answer) => self.answer(&answer),
                Action::Tell(notice) => self.announce(notice),
                Action::End(result) => self.end(result.map_err(PortalError::of_first_server)),
            }
        }
    }

    fn spawn(&mut self, run: Run, from: Source, ctx: &mut Context<Self>) {
        let listener = match wire_socket::listen(&self.settings.wire_socket) {
            Ok(listener) => listener,
            Err(error) => return self.failed_to_spawn(run, error, ctx),
        };
        let child = match self.spawn_child(from) {
            Ok(child) => child,
            Err(error) => return self.failed_to_spawn(run, error, ctx),
        };
        info!(pid = child.pid.as_raw_nonzero().get(), "started a server");
        let accepting = ctx.spawn(wire_socket::accept(listener).into_actor(self).map(move |stream, this, ctx| {
            if let Some(process) = this.processes.get_mut(&run) {
                process.wire = Wire::Prepared(stream);
                let actions = this.succession.prepared(run);
                this.perform(actions, ctx);
            }
        }));
        self.processes.insert(run, Process { pid: child.pid, accepting, wire: Wire::None, exit: None });
        self.watch_start(run, |process| !matches!(process.wire, Wire::None), ctx);
        ctx.spawn(child.wait().into_actor(self).map(move |exit, this, ctx| this.exited(run, exit, ctx)));
    }

    fn spawn_child(&self, from: Source) -> io::Result<child::Started> {
        if from == Source::Kept {
            match child::spawn(&self.settings.kept, &self.settings) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => warn!("cannot start the server that was kept: {error}"),
                started => return started,
            }
        }
        child::spawn(&self.settings.executable, &self.settings)
    }

    fn failed_to_spawn(&mut self, run: Run, error: io::Error, ctx: &mut Context<Self>) {
        if !self.succession.was_ready() {
            return self.end(Err(PortalError::Spawn(error)));
        }
        error!("cannot start the server: {error}");
        self.is_gone(run, Exit::unborn(&error), ctx);
    }

    /// Kills a server that does not come as far as `has_come` in time.
    fn watch_start(&self, run: Run, has_come: fn(&Process) -> bool, ctx: &mut Context<Self>) {
        ctx.run_later(self.settings.start_patience, move |this, ctx| {
            if this.processes.get(&run).is_some_and(|process| !has_come(process)) {
                let actions = this.succession.overdue(run);
                this.perform(actions, ctx);
            }
        });
    }

    /// Gives a server's wire to the switchboard, which tells it what the portal holds.
    fn introduce(&mut self, run: Run, safe: bool, ctx: &mut Context<Self>) {
        let Some(process) = self.processes.get_mut(&run) else { return };
        if let Wire::Prepared(stream) = std::mem::replace(&mut process.wire, Wire::Introduced) {
            self.wires.push_back(run);
            repay(&self.switchboard, WireOpened { stream, safe });
            // The succession knows by itself whether it has become ready.
            self.watch_start(run, |_| false, ctx);
        }
    }

    fn keep(&self, run: Run, ctx: &mut Context<Self>) {
        let Some(pid) = self.processes.get(&run).map(|process| process.pid) else { return };
        let kept = self.settings.kept.clone();
        let keeping = tokio::task::spawn_blocking(move || kept::keep(pid, &kept));
        ctx.spawn(keeping.into_actor(self).map(|kept, _, _| {
            if let Ok(Err(error)) = kept {
                warn!("the server's executable cannot be kept, a crash is followed by what lies there then: {error}");
            }
        }));
    }

    fn exited(&mut self, run: Run, exit: Exit, ctx: &mut Context<Self>) {
        let Some(process) = self.processes.get_mut(&run) else { return };
        ctx.cancel_future(process.accepting);
        process.exit = Some(exit);
        if matches!(process.wire, Wire::Introduced) {
            ctx.run_later(WIRE_PATIENCE, move |this, ctx| this.settle(run, ctx));
        } else {
            self.settle(run, ctx);
        }
    }

    /// A process is reaped and what it wrote is applied, if both are true.
    fn settle(&mut self, run: Run, ctx: &mut Context<Self>) {
        if let Some(exit) = self.processes.get_mut(&run).and_then(|process| process.exit.take()) {
            self.processes.remove(&run);
            self.is_gone(run, exit, ctx);
        }
    }

    fn is_gone(&mut self, run: Run, exit: Exit, ctx: &mut Context<Self>) {
        let was_asked = matches!(self.succession.name(), "stopping") && exit.code == Some(0);
        if was_asked {
            info!("the server stopped ({})", exit.status);
        } else {
            error!("a server ended ({}): {}", exit.status, exit.last_line);
        }
        self.last_exit = Some(exit.clone());
        let actions = self.succession.gone(run, &exit);
        self.perform(actions, ctx);
    }

    fn reload(&mut self, asker: Asker, ctx: &mut Context<Self>) {
        match self.succession.reload() {
            Ok(actions) => {
                self.askers.push(asker);
                self.perform(actions, ctx);
            }
            Err(why) => {
                if matches!(asker, Asker::Page) {
                    repay(&self.switchboard, ReloadFailed { why: why.to_owned() });
                }
                self.tell(asker, &Err(why.to_owned()));
            }
        }
    }

    /// Tells everybody who waits what became of the reload.
    fn answer(&mut self, answer: &Result<(), String>) {
        let pause = self.paused.take().map(|since| since.elapsed());
        let answer = answer.clone().map(|()| pause);
        match &answer {
            Ok(_) => {
                info!(target: LIFE, "the server is new; the pause was {} ms", pause.unwrap_or_default().as_millis())
            }
            Err(why) => {
                warn!(target: LIFE, "the reload failed: {why}");
                self.untold = Some(why.clone());
            }
        }
        for asker in std::mem::take(&mut self.askers) {
            self.tell(asker, &answer);
        }
        self.tell_server();
    }

    /// Tells the server why a reload failed, if there is one to be told: its pages show it.
    fn tell_server(&mut self) {
        if self.succession.name() == "ready"
            && let Some(why) = self.untold.take()
        {
            repay(&self.switchboard, ReloadFailed { why });
        }
    }

    fn tell(&self, asker: Asker, answer: &Reloaded) {
        match asker {
            Asker::Keeper(asker) => {
                // Who asked may have gone.
                let _ = asker.send(answer.clone());
            }
            Asker::Session(session) => {
                let text = match answer {
                    Ok(Some(pause)) => text!("The server is new. The pause was {} ms.", pause.as_millis() as u64),
                    Ok(None) => text!("The server is new."),
                    Err(why) => text!("{}.", english::capitalised(why)),
                };
                repay(&self.switchboard, Announce { to: Some(session), text });
            }
            Asker::Page => {}
        }
    }

    fn announce(&self, notice: Notice) {
        let text = match notice {
            Notice::Safe => {
                error!(target: LIFE, "servers died too often: the world is in safe mode, which a reload that stays up ends");
                "Something is wrong with the world, and it is in safe mode until a keeper has mended it: nothing \
                 happens by itself, and only Admins can act. You stay connected."
            }
            Notice::Over => {
                info!(target: LIFE, "safe mode is over");
                "Safe mode is over: the world goes on."
            }
        };
        repay(&self.switchboard, Announce { to: None, text: Markup::from_markup(text) });
    }

    /// Asks a process to finish, over the wire, and kills it if it takes too long.
    fn stop(&mut self, run: Run, ctx: &mut Context<Self>) {
        self.paused = Some(Instant::now());
        if self.wires.front() == Some(&run) {
            repay(&self.switchboard, StopServer);
        } else {
            // Its wire is closed, or not read yet.
            self.signal(run, Signal::TERM);
        }
        self.kill_later(run, ctx);
    }

    fn kill_later(&self, run: Run, ctx: &mut Context<Self>) {
        ctx.run_later(STOP_PATIENCE, move |this, _| this.kill(run, "it did not stop"));
    }

    fn kill(&self, run: Run, why: &str) {
        let Some(process) = self.processes.get(&run).filter(|process| process.exit.is_none()) else { return };
        warn!(pid = process.pid.as_raw_nonzero().get(), "killing a server: {why}");
        if self.wires.front() == Some(&run) {
            repay(&self.switchboard, Killing);
        }
        self.signal(run, Signal::KILL);
    }

    /// Signals a process, which is not reaped yet, so that its id is still its own.
    fn signal(&self, run: Run, signal: Signal) {
        if let Some(process) = self.processes.get(&run).filter(|process| process.exit.is_none())
            && let Err(error) = kill_process(process.pid, signal)
        {
            warn!("could not signal the server: {error}");
        }
    }

    fn end(&mut self, result: Result<(), PortalError>) {
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
