//! The life of the server behind the wire: it is introduced, is ready, is asked to stop, falls silent, is gone.

use std::sync::Arc;
use std::time::Instant;

use actix::prelude::*;
use tokio::net::UnixStream;
use tracing::{info, warn};

use super::wire_io::{Wire, WireIo};
use super::{Link, Switchboard};
use crate::failpoint::fail_point;
use crate::ids::SessionId;
use crate::portal::door::Output;
use crate::portal::watchdog::{Beat, Watchdog};
use crate::text::Markup;
use crate::wire::{PortalHello, ToServer};

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
    /// A command or a page asked for a reload.
    ReloadAsked {
        /// Whose command; `None` for a page.
        by: Option<SessionId>,
    },
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

/// A server that has prepared itself shall take over. Sent by its supervisor, when the one before is gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct WireOpened {
    /// The wire.
    pub stream: UnixStream,
    /// It shall run in safe mode.
    pub safe: bool,
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

/// Shows a text to one session, or to all. Sent by the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Announce {
    /// To whom; everybody if nobody is named.
    pub to: Option<SessionId>,
    /// What.
    pub text: Markup,
}

/// A reload has failed: the server that runs is told. Sent by the supervisor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ReloadFailed {
    /// A sentence without its full stop.
    pub why: String,
}

impl Switchboard {
    /// Starts to talk with a server: what the portal holds comes first, the lines in flight with it.
    pub(super) fn connect(&mut self, WireOpened { stream, safe }: WireOpened, ctx: &mut Context<Self>) {
        let (read, write) = stream.into_split();
        fail_point!("portal.hello");
        let hello = ToServer::Hello(PortalHello { safe, ..self.book.hello() });
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
    pub(super) fn server_ready(&mut self, epoch: u64) {
        if !self.book.obeys(epoch) || self.link != Link::Away {
            return;
        }
        info!(epoch, "the server is ready");
        fail_point!("portal.ready");
        self.check_revived(epoch);
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
    pub(super) fn wire_closed(&mut self, ctx: &mut Context<Self>) {
        if self.took_over && self.link != Link::Stopping {
            self.book.server_died();
        }
        self.go_away(Link::Away);
        self.wire = None;
        self.asks.clear();
        self.tell_supervisor(ServerFact::WireClosed);
        if let Some(next) = self.next_wire.take() {
            self.connect(next, ctx);
        }
    }

    pub(super) fn go_away(&mut self, link: Link) {
        if self.link == Link::Ready {
            self.away_since = Instant::now();
        }
        self.link = link;
    }

    pub(super) fn beat(&mut self) {
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
            self.next_wire = Some(message);
        } else {
            self.connect(message, ctx);
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

impl Handler<Announce> for Switchboard {
    type Result = ();

    fn handle(&mut self, Announce { to, text }: Announce, _: &mut Context<Self>) {
        let output = Arc::new(Output::new(text.into_string()));
        let sessions: Vec<SessionId> = to.map_or_else(|| self.seats.keys().copied().collect(), |to| vec![to]);
        self.tell(&sessions, &output);
        self.deliver();
    }
}

impl Handler<ReloadFailed> for Switchboard {
    type Result = ();

    fn handle(&mut self, ReloadFailed { why }: ReloadFailed, _: &mut Context<Self>) {
        self.tell_server(&ToServer::ReloadFailed { why });
        self.wake_wire();
    }
}
