//! The link: the server's end of the wire. Turns frames into messages, and groups into frames.
//!
//! Sequence: portal ══ Line ══► link ─► session … journal ─[`Send`]─► link ══ Frame ══► portal.
//! What is sent within one turn of the event loop goes out in one write. When the wire closes, the portal is gone or
//! wants this server gone: the journal finishes its flush and the process ends.
//!
//! A line that is not acknowledged for too long is a bug that its player would wait for for ever: the process ends, as one does
//! that is killed for silence, and the portal counts that against the lines in flight.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::prelude::*;
use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Notify, oneshot};
use tokio_util::codec::{Decoder, FramedRead};

use crate::actors::journal::{Confirmed, IsIdle};
use crate::actors::meter::{self, Kind};
use crate::actors::room::sleep::Settle;
use crate::actors::services::Shared;
use crate::actors::session::{FactsChanged, LinkClosed, Run, SessionActor};
use crate::actors::vital::Vital;
use crate::failpoint::fail_point;
use crate::ids::SessionId;
use crate::mailbox;
use crate::wire::{self, Facts, Frame, Group, Origin, ToPortal, ToServer, WireError};
use under_way::UnderWay;

mod under_way;

/// One answer per session and timer, with slack.
const LINK_MAILBOX: usize = 16 * 1024;

/// How long a server that is asked to stop, or whose wire is closed, finishes what is under way: it shall be gone in 2 s.
const STOP_PATIENCE: Duration = Duration::from_millis(1800);

/// Logins that wait to have a password hashed, and questions to storage, beyond which it is no bug that lines take long.
const MANY_HASHES: usize = 8;
const MANY_READS: usize = 64;

/// Groups for the portal, in one frame. Sent by the journal, in the order in which they may be seen.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Send {
    /// The flush that stored them.
    pub flush: Option<u64>,
    /// In order.
    pub groups: Vec<Group>,
}

/// The services are there, and the portal has been told: frames are read from here on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Begin {
    /// The services.
    pub services: Shared,
    /// The wire.
    pub wire: UnixStream,
    /// What was read behind the portal's hello.
    pub rest: BytesMut,
    /// Lines in flight that are run now.
    pub lines: Vec<Origin>,
}

/// Asks why the last reload failed, and when; `None` if none has since this server started, or since it was forgotten.
#[derive(Debug, Message)]
#[rtype(result = "Option<FailedReload>")]
pub struct LastReload {
    /// Forget it: somebody tries again.
    pub forget: bool,
}

/// A reload that came to nothing.
#[derive(Debug, Clone)]
pub struct FailedReload {
    /// When it was told.
    pub at: Instant,
    /// A sentence without its full stop.
    pub why: String,
}

/// The link.
pub struct LinkActor {
    _vital: Vital,
    epoch: u64,
    out: Out,
    services: Option<Shared>,
    under_way: UnderWay,
    failed_reload: Option<FailedReload>,
    is_stopping: bool,
}

/// Bytes that wait for the writing task.
#[derive(Clone, Default)]
struct Out {
    bytes: Rc<RefCell<BytesMut>>,
    is_writing: Rc<Cell<bool>>,
    notify: Rc<Notify>,
}

impl Out {
    fn push(&self, frame: &ToPortal) {
        wire::encode(frame, &mut self.bytes.borrow_mut());
        self.notify.notify_one();
    }

    /// Tells whether all has been written.
    fn is_drained(&self) -> bool {
        self.bytes.borrow().is_empty() && !self.is_writing.get()
    }

    /// Writes what there is, for ever; ends when the wire does.
    async fn write_to(self, mut wire: OwnedWriteHalf) {
        loop {
            let bytes = self.bytes.borrow_mut().split();
            self.is_writing.set(!bytes.is_empty());
            if bytes.is_empty() {
                self.notify.notified().await;
                continue;
            }
            fail_point!("link.partly_written", wire.write_all(&bytes[..bytes.len() / 2]).await);
            if wire.write_all(&bytes).await.is_err() {
                return;
            }
            fail_point!("link.written");
        }
    }
}

impl LinkActor {
    /// Returns the link of the server of `epoch`, without a wire. What it is sent meanwhile is written when it has one.
    pub fn new(epoch: u64) -> Self {
        Self {
            _vital: Vital("link"),
            epoch,
            out: Out::default(),
            services: None,
            under_way: UnderWay::default(),
            failed_reload: None,
            is_stopping: false,
        }
    }

    /// Looks for lines that are not acknowledged for too long.
    fn look_for_stuck_lines(&mut self) {
        let Some(services) = &self.services else { return };
        let is_excused = services.storage.is_slow()
            || services.pool.is_failing_to_read()
            || services.pool.hashes_waiting() >= MANY_HASHES
            || services.pool.reads_waiting() >= MANY_READS;
        if is_excused || self.is_stopping {
            return;
        }
        if let Some(Origin { session, n }) = self.under_way.tick() {
            let patience = services.config.server.command_ms;
            tracing::error!(session = %session, "line {n} of session {session} has no answer after {patience} ms: the server starts again");
            crate::flamegraph::finish();
            std::process::exit(crate::actors::server::EXIT_RESTART);
        }
    }

    fn open(&self, services: &Shared, session: SessionId, facts: Facts) {
        fail_point!("link.opened");
        let actor = SessionActor::new(session, facts, services.clone());
        let addr = SessionActor::start_in_arbiter(services.arbiter(session.0), |_| actor);
        services.directory.set_session(session, Some(addr));
    }

    /// Finishes what is under way, then ends the process.
    fn stop(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_stopping, true) {
            return;
        }
        let Some(services) = self.services.clone() else { exit() };
        // What happens by itself would go on for ever; the next server makes up for it.
        services.ticking.store(false, Ordering::Relaxed);
        let out = self.out.clone();
        let finish = async move {
            let idle = async {
                let rooms = services.directory.first_rooms(usize::MAX);
                // One that has just ended has nothing left to store.
                futures_util::future::join_all(rooms.into_iter().map(|(_, room)| room.send(Settle))).await;
                // Nothing new comes: the portal has stopped sending. A few turns settle what is under way.
                while !services.journal.send(IsIdle).await.unwrap_or(true) {
                    actix_rt::time::sleep(Duration::from_millis(2)).await;
                }
                actix_rt::time::sleep(Duration::from_millis(2)).await;
                while !out.is_drained() {
                    actix_rt::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let finished = actix_rt::time::timeout(STOP_PATIENCE, idle).await.is_ok();
            fail_point!("link.stopped");
            tracing::info!(finished, "the server stops");
            exit();
        };
        ctx.spawn(finish.into_actor(self));
    }
}

crate::counted!(LinkActor, meter::waiting(meter::Kind::Link));

impl Actor for LinkActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(LINK_MAILBOX);
    }
}

impl Handler<Begin> for LinkActor {
    type Result = ();

    fn handle(&mut self, Begin { services, wire, rest, lines }: Begin, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Link);
        let (read, write) = wire.into_split();
        actix_rt::spawn(self.out.clone().write_to(write));
        let mut framed = FramedRead::with_capacity(read, ToServerCodec, 64 * 1024);
        framed.read_buffer_mut().extend_from_slice(&rest);
        ctx.add_stream(framed);
        lines.into_iter().for_each(|line| self.under_way.began(line));
        let tick = Duration::from_millis(services.config.server.command_ms) / u32::from(under_way::TICKS);
        ctx.run_interval(tick, |link, _| link.look_for_stuck_lines());
        self.services = Some(services);
    }
}

impl Handler<Send> for LinkActor {
    type Result = ();

    fn handle(&mut self, Send { flush, groups }: Send, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Link);
        fail_point!("link.frame");
        groups.iter().filter_map(|group| group.origin).for_each(|line| self.under_way.ended(line));
        self.out.push(&ToPortal::Frame(Frame { epoch: self.epoch, flush, groups }));
    }
}

impl Handler<LastReload> for LinkActor {
    type Result = MessageResult<LastReload>;

    fn handle(&mut self, LastReload { forget }: LastReload, _: &mut Self::Context) -> Self::Result {
        let _metered = meter::start(Kind::Link);
        if forget {
            self.failed_reload = None;
        }
        MessageResult(self.failed_reload.clone())
    }
}

impl StreamHandler<io::Result<ToServer>> for LinkActor {
    fn handle(&mut self, frame: io::Result<ToServer>, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Link);
        let Some(services) = self.services.clone() else { return };
        match frame {
            Ok(ToServer::Line(line)) => {
                fail_point!("link.line");
                match services.directory.session(line.session) {
                    Some(session) => {
                        self.under_way.began(Origin { session: line.session, n: line.n });
                        mailbox::repay(&session, Run(line));
                    }
                    None => tracing::warn!(session = %line.session, "a line for session {} that is not", line.session),
                }
            }
            Ok(ToServer::Applied { flush }) => {
                fail_point!("link.applied");
                mailbox::repay(&services.journal, Confirmed(flush));
            }
            Ok(ToServer::Opened { session, facts }) => self.open(&services, session, facts),
            Ok(ToServer::Facts { session, facts }) => services.to_session(session, FactsChanged(facts)),
            Ok(ToServer::Closed { session }) => {
                fail_point!("link.closed");
                self.under_way.closed(session);
                services.to_session(session, LinkClosed);
            }
            Ok(ToServer::Ping { tick }) => {
                let (out, beat) = (self.out.clone(), heartbeat(&services));
                ctx.spawn(
                    async move {
                        if beat.await {
                            let storage_away = services.storage.is_slow();
                            out.push(&ToPortal::Pong { tick, storage_away });
                        }
                    }
                    .into_actor(self),
                );
            }
            Ok(ToServer::Ask { id, what, json }) => {
                let out = self.out.clone();
                let answer = super::ask::answer(services, what, json);
                ctx.spawn(async move { out.push(&ToPortal::Answer { id, json: answer.await }) }.into_actor(self));
            }
            Ok(ToServer::ReloadFailed { why }) => {
                self.failed_reload = Some(FailedReload { at: Instant::now(), why });
            }
            Ok(ToServer::Stop) => {
                fail_point!("link.stop");
                self.stop(ctx);
            }
            Ok(ToServer::Hello(_)) => tracing::warn!("a second hello"),
            Err(error) => tracing::error!("wire: {error}"),
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        tracing::info!("the wire is closed");
        self.stop(ctx);
    }
}

/// Resolves when every arbiter has had its turn: true unless one of them is gone.
fn heartbeat(services: &Shared) -> impl Future<Output = bool> + use<> {
    let beats: Vec<_> = services
        .arbiters
        .iter()
        .map(|arbiter| {
            let (beat, felt) = oneshot::channel();
            arbiter.spawn_fn(move || {
                let _ = beat.send(());
            });
            felt
        })
        .collect();
    async move {
        for felt in beats {
            if felt.await.is_err() {
                return false;
            }
        }
        true
    }
}

/// Ends the process in good order.
fn exit() -> ! {
    crate::flamegraph::finish();
    std::process::exit(0)
}

/// Cuts the wire into frames; one that cannot be read is an item, not the end.
struct ToServerCodec;

impl Decoder for ToServerCodec {
    type Item = ToServer;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<ToServer>> {
        match wire::decode(buffer) {
            Err(WireError::Malformed(why)) => {
                tracing::debug!("a frame of an unknown kind is skipped: {why}");
                self.decode(buffer)
            }
            other => other.map_err(io::Error::other),
        }
    }
}
