//! What the supervisor is told to do, and what it is asked.

use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{Asker, Exit, Reloaded, ServerProcess, Wire};
use crate::portal::switchboard::ServerFact;

/// Starts the first server. Sent by the portal when everything else is up.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StartServer;

/// Lets a new server take over from the one that runs. The reply comes when the new one is ready: how long no line was
/// taken, if there was one before it; or why the one that runs goes on.
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<Duration>, String>")]
pub struct ReloadServer;

/// Stops the server for good; the portal ends when it is down.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct EndServer;

/// Asks how the server process is.
#[derive(Debug, Message)]
#[rtype(result = "ProcessReport")]
pub struct ReportProcess;

/// How the server process is.
#[derive(Debug, Clone, MessageResponse)]
pub struct ProcessReport {
    /// Its process id, if there is one.
    pub pid: Option<i32>,
    /// `starting`, `ready`, `stopping` or `down`.
    pub state: &'static str,
    /// Process id of the one that a reload prepares beside it.
    pub next: Option<i32>,
    /// The world is in safe mode.
    pub safe_mode: bool,
    /// How many were started.
    pub starts: u64,
    /// How many in a row died before they were ready for 3 s.
    pub early_deaths: u32,
    /// How the last one ended.
    pub last_exit: Option<Exit>,
}

impl Handler<StartServer> for ServerProcess {
    type Result = ();

    fn handle(&mut self, _: StartServer, ctx: &mut Context<Self>) {
        let actions = self.succession.start();
        self.perform(actions, ctx);
    }
}

impl Handler<ReloadServer> for ServerProcess {
    type Result = ResponseFuture<Reloaded>;

    fn handle(&mut self, _: ReloadServer, ctx: &mut Context<Self>) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        self.reload(Asker::Keeper(answer), ctx);
        Box::pin(async { answered.await.unwrap_or_else(|_| Err("the portal ended".into())) })
    }
}

impl Handler<EndServer> for ServerProcess {
    type Result = ();

    fn handle(&mut self, _: EndServer, ctx: &mut Context<Self>) {
        let actions = self.succession.end();
        self.perform(actions, ctx);
    }
}

impl Handler<ServerFact> for ServerProcess {
    type Result = ();

    fn handle(&mut self, fact: ServerFact, ctx: &mut Context<Self>) {
        match fact {
            ServerFact::Ready => {
                let actions = self.succession.ready();
                self.perform(actions, ctx);
                self.tell_server();
            }
            ServerFact::Silent => {
                if let Some(run) = self.wires.front() {
                    self.kill(*run, "it is silent");
                }
            }
            ServerFact::ReloadAsked { by } => self.reload(by.map_or(Asker::Page, Asker::Session), ctx),
            ServerFact::ShutdownAsked => ctx.notify(EndServer),
            ServerFact::WireClosed => {
                let Some(run) = self.wires.pop_front() else { return };
                let Some(process) = self.processes.get_mut(&run) else { return };
                process.wire = Wire::Closed;
                if process.exit.is_some() {
                    self.settle(run, ctx);
                } else {
                    self.kill_later(run, ctx);
                }
            }
        }
    }
}

impl Handler<ReportProcess> for ServerProcess {
    type Result = ProcessReport;

    fn handle(&mut self, _: ReportProcess, _: &mut Context<Self>) -> ProcessReport {
        let pid = |run| self.processes.get(&run).map(|process| process.pid.as_raw_nonzero().get());
        let (server, next) = self.succession.runs();
        ProcessReport {
            pid: server.and_then(pid),
            state: self.succession.name(),
            next: next.and_then(pid),
            safe_mode: self.succession.is_safe(),
            starts: self.succession.spawned(),
            early_deaths: self.succession.early_deaths(),
            last_exit: self.last_exit.clone(),
        }
    }
}
