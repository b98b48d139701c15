//! The switchboard: owns the sessions, their lines, and the wire to the server.
//!
//! ```text
//! connection ── Open ─► switchboard ══ Opened ══► server
//! connection ── Typed ─► (waits here) ══ Line n ══► server
//! server ══ Frame ══► switchboard: apply each new group whole, then one Deliver per connection
//!                     ══ Applied ══► server, and Line n+1 of each session that was acknowledged
//! ```
//!
//! It knows neither what a line means nor how a text looks on a screen, and it never looks at what players say. What
//! starts and stops the server process is told through [`ServerFact`]s and knows the rest.

mod doors;
mod frames;
mod seat;
mod wire_io;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix::prelude::*;
use rustc_hash::FxHashMap;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::book::Book;
use super::door::{Deliver, SwitchboardDoor};
use super::lines::Bounds;
use super::watchdog::{Beat, Watchdog};
use crate::config::LimitsConfig;
use crate::ids::SessionId;
use crate::mailbox::repay_to;
use crate::wire::ToServer;
use seat::Seat;
use wire_io::{Wire, WireIo};

/// Messages that wait: one line per connection and then some. Lines are never refused here, they are counted later.
const SWITCHBOARD_MAILBOX: usize = 8192;
/// How often refusals are told, resumes expire and questions are given up.
const SWEEP_PERIOD: Duration = Duration::from_secs(1);
/// How often a waiting player is looked for while the server is away.
const AWAY_PERIOD: Duration = Duration::from_millis(250);
/// How long a server may be away before players who wait are told.
const QUIET_PAUSE: Duration = Duration::from_secs(1);

/// The actor between all connections and the server.
pub struct Switchboard {
    limits: LimitsConfig,
    patience: Duration,
    start: u32,
    opened: u32,
    book: Book,
    seats: FxHashMap<SessionId, Seat>,
    tokens: FxHashMap<String, SessionId>,
    addresses: FxHashMap<IpAddr, usize>,
    /// Sessions with deliveries that are not sent yet; empty between messages.
    touched: Vec<SessionId>,
    /// Sessions whose facts the server has not been told.
    facts_changed: Vec<SessionId>,
    /// Sessions with refused lines.
    refusing: Vec<SessionId>,
    /// Doors of sessions that are closed and may still be writing.
    leaving: Vec<Recipient<Deliver>>,
    wire: Option<Wire>,
    /// A new server's wire, while the last frames of the old one are read.
    next_wire: Option<UnixStream>,
    link: Link,
    away_since: Instant,
    /// The connected server has said that it is ready, so that lines may be what it dies of.
    took_over: bool,
    /// Said farewell: no session opens any more.
    ended: bool,
    watchdog: Watchdog,
    asks: FxHashMap<u64, oneshot::Sender<String>>,
    last_ask: u64,
    supervisor: Option<Recipient<ServerFact>>,
}

/// How far the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// No server, or one that is not ready: lines wait.
    Away,
    /// Lines are sent.
    Ready,
    /// It was asked to stop: it finishes what it has, and its end is not held against any line.
    Stopping,
}

/// What the supervisor of the server process must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum ServerFact {
    /// It takes lines from now on.
    Ready,
    /// Its wire is closed, and all that it wrote has been applied.
    WireClosed,
    /// It did not answer the watchdog in time.
    Silent,
    /// A command asked for a reload.
    ReloadAsked,
    /// A command asked for the end of everything.
    ShutdownAsked,
}

/// Tells the switchboard who supervises the server. Sent once, before the first server starts.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SupervisedBy {
    /// Where the facts go.
    pub by: Recipient<ServerFact>,
}

/// A server has connected. Sent by its supervisor, which has checked whose process it is.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct WireOpened {
    /// The wire.
    pub stream: UnixStream,
}

/// Asks the server to finish and exit; no line is sent to it from here on. Sent by its supervisor.
///
/// The reply is false if there is no wire to ask through.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct StopServer;

/// The server did not stop when asked and is about to be killed, so that its death counts against the lines in flight.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Killing;

/// Asks the server a question; the reply is its JSON, or why there is none. Sent with a timeout by the control socket.
#[derive(Debug, Message)]
#[rtype(result = "Result<String, Unanswered>")]
pub struct AskServer {
    /// `status`, `account_create` …
    pub what: String,
    /// Arguments; a JSON object.
    pub json: String,
}

/// The server is away, or went away before it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is not ready")]
pub struct Unanswered;

/// Tells every player something, closes all sessions and opens no more. Sent when the portal is about to end.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Farewell {
    /// Marked up.
    pub text: String,
}

/// Asks for figures. Sent by the control socket, and by the portal while it waits for the last connections.
#[derive(Debug, Message)]
#[rtype(result = "Figures")]
pub struct Report;

/// What the switchboard knows in numbers.
#[derive(Debug, Clone, MessageResponse)]
pub struct Figures {
    /// Live and resumable sessions.
    pub sessions: usize,
    /// Lines that wait in the portal.
    pub waiting_lines: usize,
    /// Lines sent and not acknowledged.
    pub lines_in_flight: usize,
    /// Epoch of the server that is obeyed.
    pub epoch: u64,
    /// Last flush applied.
    pub applied: u64,
    /// Connections of closed sessions that still write.
    pub leaving: usize,
}

/// Returns the switchboard as protocols see it.
pub fn door(switchboard: &Addr<Switchboard>) -> SwitchboardDoor {
    SwitchboardDoor {
        open: switchboard.clone().recipient(),
        resume: switchboard.clone().recipient(),
        typed: switchboard.clone().recipient(),
        facts: switchboard.clone().recipient(),
        gone: switchboard.clone().recipient(),
    }
}

impl Switchboard {
    /// Returns the switchboard of the portal's `start`th start; `patience` is how long a server may be silent.
    pub fn new(limits: LimitsConfig, patience: Duration, start: u32) -> Self {
        Self {
            limits,
            patience,
            start,
            opened: 0,
            book: Book::default(),
            seats: FxHashMap::default(),
            tokens: FxHashMap::default(),
            addresses: FxHashMap::default(),
            touched: Vec::new(),
            facts_changed: Vec::new(),
            refusing: Vec::new(),
            leaving: Vec::new(),
            wire: None,
            next_wire: None,
            link: Link::Away,
            away_since: Instant::now(),
            took_over: false,
            ended: false,
            watchdog: Watchdog::default(),
            asks: FxHashMap::default(),
            last_ask: 0,
            supervisor: None,
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds { lines: self.limits.waiting_lines, bytes: self.limits.waiting_bytes }
    }

    fn tell_supervisor(&self, fact: ServerFact) {
        if let Some(supervisor) = &self.supervisor {
            repay_to(supervisor, fact);
        }
    }

    /// Puts a frame into the wire's buffer, which leaves at the end of this turn of the event loop.
    fn tell_server(&mut self, frame: &ToServer) {
        if let Some(wire) = &mut self.wire {
            wire.push(frame);
        }
    }

    /// Sends the session's next line if the server takes it now.
    fn send_next_line(&mut self, session: SessionId) {
        if self.link != Link::Ready {
            return;
        }
        if let Some(line) = self.book.entry(session).and_then(|entry| entry.lines.send(session, entry.hidden)) {
            self.tell_server(&ToServer::Line(line));
        }
    }

    /// Starts to talk with a server: what the portal holds comes first, the lines in flight with it.
    fn connect(&mut self, stream: UnixStream, ctx: &mut Context<Self>) {
        let (read, write) = stream.into_split();
        let hello = ToServer::Hello(self.book.hello());
        let wire = self.wire.insert(Wire::default());
        wire.push(&hello);
        self.facts_changed.clear();
        for seat in self.seats.values_mut() {
            seat.facts_changed = false;
        }
        self.watchdog = Watchdog::default();
        self.link = Link::Away;
        self.took_over = false;
        ctx.spawn(WireIo::new(read, write));
    }

    /// The server takes lines from now on: every session sends one.
    fn server_ready(&mut self, epoch: u64) {
        if !self.book.obeys(epoch) || self.link != Link::Away {
            return;
        }
        info!(epoch, "the server is ready");
        self.link = Link::Ready;
        self.took_over = true;
        for seat in self.seats.values_mut() {
            seat.told_of_pause = false;
        }
        let sessions: Vec<SessionId> = self.seats.keys().copied().collect();
        for session in sessions {
            self.send_next_line(session);
        }
        self.tell_supervisor(ServerFact::Ready);
    }

    /// The wire is closed and all that came over it has been applied.
    fn wire_closed(&mut self, ctx: &mut Context<Self>) {
        if self.took_over && self.link != Link::Stopping {
            self.book.server_died();
        }
        self.go_away(Link::Away);
        self.wire = None;
        self.asks.clear();
        self.tell_supervisor(ServerFact::WireClosed);
        if let Some(stream) = self.next_wire.take() {
            self.connect(stream, ctx);
        }
    }

    fn go_away(&mut self, link: Link) {
        if self.link == Link::Ready {
            self.away_since = Instant::now();
        }
        self.link = link;
    }

    fn beat(&mut self) {
        if self.link != Link::Ready {
            return;
        }
        match self.watchdog.tick() {
            Beat::Ping(tick) => self.tell_server(&ToServer::Ping { tick }),
            Beat::Silent => {
                warn!("the server is silent for {:?}", self.patience);
                self.go_away(Link::Away);
                self.tell_supervisor(ServerFact::Silent);
            }
        }
        self.wake_wire();
    }

    /// Has the wire's buffer written although no message follows in this turn.
    fn wake_wire(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.wake();
        }
    }
}

impl Actor for Switchboard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(SWITCHBOARD_MAILBOX);
        ctx.run_interval(Watchdog::period(self.patience), |this, _| this.beat());
        ctx.run_interval(SWEEP_PERIOD, |this, _| this.sweep());
        ctx.run_interval(AWAY_PERIOD, |this, _| this.tell_of_pause());
    }
}

impl Handler<SupervisedBy> for Switchboard {
    type Result = ();

    fn handle(&mut self, message: SupervisedBy, _: &mut Context<Self>) {
        self.supervisor = Some(message.by);
    }
}

impl Handler<WireOpened> for Switchboard {
    type Result = ();

    fn handle(&mut self, message: WireOpened, ctx: &mut Context<Self>) {
        if self.wire.is_some() {
            self.next_wire = Some(message.stream);
        } else {
            self.connect(message.stream, ctx);
        }
    }
}

impl Handler<StopServer> for Switchboard {
    type Result = bool;

    fn handle(&mut self, _: StopServer, _: &mut Context<Self>) -> bool {
        self.go_away(Link::Stopping);
        self.tell_server(&ToServer::Stop);
        self.wire.is_some()
    }
}

impl Handler<Killing> for Switchboard {
    type Result = ();

    fn handle(&mut self, _: Killing, _: &mut Context<Self>) {
        self.go_away(Link::Away);
    }
}

impl Handler<AskServer> for Switchboard {
    type Result = ResponseFuture<Result<String, Unanswered>>;

    fn handle(&mut self, ask: AskServer, _: &mut Context<Self>) -> Self::Result {
        if self.link != Link::Ready {
            return Box::pin(async { Err(Unanswered) });
        }
        self.last_ask += 1;
        let (answer, answered) = oneshot::channel();
        self.asks.insert(self.last_ask, answer);
        self.tell_server(&ToServer::Ask { id: self.last_ask, what: ask.what, json: ask.json });
        Box::pin(async { answered.await.map_err(|_| Unanswered) })
    }
}

impl Handler<Report> for Switchboard {
    type Result = Figures;

    fn handle(&mut self, _: Report, _: &mut Context<Self>) -> Figures {
        self.leaving.retain(Recipient::connected);
        Figures {
            sessions: self.book.len(),
            waiting_lines: self.book.entries().map(|(_, entry)| entry.lines.waiting()).sum(),
            lines_in_flight: self.book.entries().filter(|(_, entry)| entry.lines.in_flight().is_some()).count(),
            epoch: self.book.epoch(),
            applied: self.book.applied(),
            leaving: self.leaving.len(),
        }
    }
}
