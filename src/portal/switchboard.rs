//! The switchboard: owns the sessions, their lines, and the wire to the server.
//!
//! ```text
//! connection ── Open ─► switchboard ══ Opened ══► server
//! connection ── Typed ─► (waits here) ══ Line n ══► server
//! server ══ Frame ══► switchboard: apply each new group whole, then one Deliver per connection
//!                     ══ Applied ══► server, and Line n+1 of each session that was acknowledged
//! ```
//!
//! Whatever of this concerns a session that outlives its socket is recorded in the ring file before it leaves the process.
//!
//! It knows neither what a line means nor how a text looks on a screen, and it never looks at what players say. What
//! starts and stops the server process is told through [`ServerFact`]s and knows the rest.

mod doors;
mod frames;
mod questions;
mod recording;
mod seat;
mod supervision;
mod wire_io;

#[cfg(test)]
mod tests;

pub use doors::Farewell;
pub use questions::{AskServer, Figures, Report, Unanswered};
pub use supervision::{Announce, Killing, ReloadFailed, ServerFact, StopServer, SupervisedBy, WireOpened};

use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix::prelude::*;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::book::Book;
use super::door::{Deliver, SwitchboardDoor};
use super::lines::Bounds;
use super::ring_file::{RingFile, TokenKey};
use super::watchdog::Watchdog;
use crate::config::LimitsConfig;
use crate::failpoint::fail_point;
use crate::ids::SessionId;
use crate::mailbox::{Waiting, repay_to};
use crate::wire::ToServer;
use seat::Seat;
use wire_io::Wire;

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
    /// Resumable sessions by what their tokens are known by.
    tokens: FxHashMap<TokenKey, SessionId>,
    ring_file: RingFile,
    /// Epoch of the last server of the portal before; 0 once a server is ready.
    revived_epoch: u64,
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
    next_wire: Option<WireOpened>,
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
            ring_file: RingFile::nowhere(),
            revived_epoch: 0,
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
            self.note_sent(session);
            self.tell_server(&ToServer::Line(line));
            fail_point!("portal.line");
        }
    }

    /// Has the wire's buffer written although no message follows in this turn.
    fn wake_wire(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.wake();
        }
    }
}

/// Mail from all connections, the control socket and the server's process.
static WAITING: Waiting = Waiting::new();

crate::counted!(Switchboard, &WAITING);

impl Actor for Switchboard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(SWITCHBOARD_MAILBOX);
        ctx.run_interval(Watchdog::period(self.patience), |this, _| this.beat());
        ctx.run_interval(SWEEP_PERIOD, |this, _| this.sweep());
        ctx.run_interval(AWAY_PERIOD, |this, _| this.tell_of_pause());
    }
}
