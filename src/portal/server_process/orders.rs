//! What the supervisor is told to do, and what it is asked.

use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{Exit, Next, ServerProcess, State};
use crate::portal::switchboard::ServerFact;

/// Starts the first server. Sent by the portal when everything else is up.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StartServer;

/// Stops the server and starts it again. The reply comes when the new one is ready: how long no line was taken, or what
/// went wrong; the server is then tried again and again.
#[derive(Debug, Message)]
#[rtype(result = "Result<Duration, String>")]
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
        self.start(ctx);
    }
}

impl Handler<ReloadServer> for ServerProcess {
    type Result = ResponseFuture<Result<Duration, String>>;

    fn handle(&mut self, _: ReloadServer, ctx: &mut Context<Self>) -> Self::Result {
        if matches!(self.state, State::Ended | State::Stopping(Next::End)) {
            return Box::pin(async { Err("the world is shutting down".into()) });
        }
        let (answer, answered) = oneshot::channel();
        self.reload.waiting.push_back(answer);
        self.reload(ctx);
        Box::pin(async { answered.await.unwrap_or_else(|_| Err("the portal ended".into())) })
    }
}

impl Handler<EndServer> for ServerProcess {
    type Result = ();

    fn handle(&mut self, _: EndServer, ctx: &mut Context<Self>) {
        match self.state {
            State::Stopping(_) => self.state = State::Stopping(Next::End),
            State::Ended => {}
            _ => self.stop(Next::End, ctx),
        }
    }
}

impl Handler<ServerFact> for ServerProcess {
    type Result = ();

    fn handle(&mut self, fact: ServerFact, ctx: &mut Context<Self>) {
        match fact {
            ServerFact::Ready => self.ready(),
            ServerFact::Silent => self.kill("it is silent"),
            ServerFact::ReloadAsked => self.reload(ctx),
            ServerFact::ShutdownAsked => ctx.notify(EndServer),
            ServerFact::WireClosed => {
                let Some(running) = &mut self.running else { return };
                running.wire_open = false;
                if running.exit.is_some() {
                    self.settle(ctx);
                } else {
                    self.kill_later(ctx);
                }
            }
        }
    }
}

impl Handler<ReportProcess> for ServerProcess {
    type Result = ProcessReport;

    fn handle(&mut self, _: ReportProcess, _: &mut Context<Self>) -> ProcessReport {
        ProcessReport {
            pid: self.running.as_ref().map(|running| running.pid.as_raw_nonzero().get()),
            state: match self.state {
                State::Starting => "starting",
                State::Ready(_) => "ready",
                State::Stopping(_) => "stopping",
                State::Down | State::Ended => "down",
            },
            starts: self.started,
            early_deaths: self.backoff.early_deaths(),
            last_exit: self.last_exit.clone(),
        }
    }
}
