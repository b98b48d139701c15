//! One browser's websocket: frames to lines, deliveries to frames. The only file that names `actix_web_actors`.
//!
//! ```text
//! first frame, or 250 ms of silence ─► Open ─► session frame      (or Resume ─► session frame, then what was missed)
//! line                              ─► Typed                      (the switchboard keeps order and numbers)
//! Deliver                           ─► text, event, ack, prompt … (one write for all of it)
//! socket gone                       ─► Gone
//! ```
//!
//! It knows neither the wire nor the server. What waits for a slow reader is bounded in `outflow`, what a fast writer
//! sends in `inflow`.

use std::time::Duration;

use actix::prelude::*;
use actix_http::ws::{Codec, Item};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{self, CloseCode, CloseReason, Message, ProtocolError, WebsocketContext};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use super::frames::{self, ClientFrame, FrameError, MAX_FRAME_BYTES};
use super::gate::Pass;
use super::inflow::Inflow;
use super::lines;
use super::outflow::{Gauge, Outflow};
use crate::config::LimitsConfig;
use crate::ids::SessionId;
use crate::mailbox::repay_to;
use crate::portal::door::{
    Deliver, Delivery, FactsChanged, Form, Gone, Open, Opened, Refused, Resume, Resumed, Style, SwitchboardDoor, Typed,
};
use crate::wire::{Colors, Facts};

/// Mailbox of one socket: the switchboard sends one message for all of a frame.
pub(super) const SOCKET_MAILBOX: usize = 256;

/// How long a client may say nothing before it gets a session: time for a `resume`, short for one that only listens.
const FIRST_FRAME: Duration = Duration::from_millis(250);
/// How long the switchboard may take to open a session.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two pings.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Silence after which the peer is taken for dead. The sockets' TCP timeout is the same.
pub(super) const DEAD_AFTER: Duration = Duration::from_secs(60);
/// Frames that may fail to be understood before the socket is closed.
const BAD_FRAMES: u32 = 20;

/// All pages share one rendering: width, colours and the like are the page's affair.
const STYLE: Style = Style { form: Form::Json, colors: Colors::True, width: 0, utf8: true, screen_reader: false };

/// Answers a websocket handshake and starts its actor.
///
/// # Errors
///
/// The handshake's, as a 400 with its reason.
pub(super) fn upgrade(
    request: &HttpRequest,
    payload: web::Payload,
    door: SwitchboardDoor,
    limits: &LimitsConfig,
    facts: Facts,
    pass: Pass,
) -> Result<HttpResponse, Error> {
    let mut response = ws::handshake(request)?;
    let gauge = Gauge::new();
    let socket = Socket::new(door, limits.clone(), facts, gauge.clone());
    let inflow = Inflow::new(payload, limits.input_bytes_per_sec, MAX_FRAME_BYTES);
    let said = WebsocketContext::with_codec(socket, inflow, Codec::new().max_size(MAX_FRAME_BYTES));
    Ok(response.streaming(Outflow::new(said, gauge, limits.output_bytes, pass)))
}

/// The actor of one websocket.
struct Socket {
    door: SwitchboardDoor,
    limits: LimitsConfig,
    facts: Facts,
    /// What the window says, for the day the player no longer wants a width of their own.
    window_cols: u16,
    gauge: Gauge,
    session: Option<SessionId>,
    /// Opens the session when the first frame stays away.
    patience: Option<SpawnHandle>,
    /// What is typed is hidden at the moment.
    secret: bool,
    /// A fragmented message so far; `None` within it once it is too long or binary.
    fragments: Option<Vec<u8>>,
    bad_frames: u32,
    heard: Instant,
    /// Why it stops, if it decided so itself.
    reason: Option<String>,
    /// The switchboard said `Close`: nothing is shown after it.
    ended: bool,
}

type Cx = WebsocketContext<Socket>;

impl Socket {
    fn new(door: SwitchboardDoor, limits: LimitsConfig, facts: Facts, gauge: Gauge) -> Self {
        Self {
            door,
            limits,
            window_cols: facts.width,
            facts,
            gauge,
            session: None,
            patience: None,
            secret: false,
            fragments: None,
            bad_frames: 0,
            heard: Instant::now(),
            reason: None,
            ended: false,
        }
    }

    fn read(&mut self, text: &str, cx: &mut Cx) {
        match frames::parse(text) {
            Ok(frame) => self.obey(frame, cx),
            Err(error) => self.refuse(&error, cx),
        }
    }

    fn obey(&mut self, frame: ClientFrame, cx: &mut Cx) {
        match (frame, self.session) {
            (ClientFrame::Resume { token, seen }, None) => self.resume(token, seen, cx),
            (ClientFrame::Resume { .. }, Some(_)) => self.refuse(&FrameError::Late, cx),
            (ClientFrame::Size { cols, rows }, _) => {
                // A width the player chose stays theirs, whatever the window does.
                if self.facts.width == self.window_cols {
                    self.facts.width = cols;
                }
                self.window_cols = cols;
                self.facts.height = rows;
                self.tell_facts(cx);
            }
            (ClientFrame::ScreenReader(on), _) => {
                self.facts.screen_reader = on;
                self.tell_facts(cx);
            }
            (ClientFrame::Line { n, line }, Some(session)) => self.typed(session, n, &line, cx),
            (ClientFrame::Since { channel, n }, Some(session)) => {
                let line = lines::clean(&format!("channel history {channel} since {n}"), self.limits.line_bytes);
                let line = line.lines.into_iter().next().unwrap_or_default();
                repay_to(&self.door.typed, Typed { session, line, secret: false, n: None });
            }
            (frame @ (ClientFrame::Line { .. } | ClientFrame::Since { .. }), None) => self.open(Some(frame), cx),
        }
    }

    fn typed(&mut self, session: SessionId, n: u64, typed: &str, cx: &mut Cx) {
        let cleaned = lines::clean(typed, self.limits.line_bytes);
        if cleaned.cut {
            cx.text(frames::notice(&format!("A line may be {} bytes long; yours was cut.", self.limits.line_bytes)));
        }
        let count = cleaned.lines.len();
        for (place, line) in cleaned.lines.into_iter().enumerate() {
            let n = frames::line_number(n, place, place + 1 == count);
            repay_to(&self.door.typed, Typed { session, line, secret: self.secret, n: Some(n) });
        }
    }

    /// Tells the switchboard what changed; before there is a session, opens one that knows it.
    fn tell_facts(&mut self, cx: &mut Cx) {
        match self.session {
            Some(session) => repay_to(&self.door.facts, FactsChanged { session, facts: self.facts.clone() }),
            None => self.open(None, cx),
        }
    }

    /// Opens a session, then does what `frame` asks for. Until the answer is there this actor reads nothing more.
    fn open(&mut self, frame: Option<ClientFrame>, cx: &mut Cx) {
        self.stop_waiting(cx);
        let open = Open { facts: self.facts.clone(), door: cx.address().recipient(), resumable: true };
        let answer = self.door.open.send(open);
        let answer = kept_or_given_back(answer, self.door.gone.clone(), |opened: &Opened| opened.session);
        cx.wait(answer.into_actor(self).map(|answer, socket, cx| match answer {
            Ok(Opened { session, token }) => {
                socket.session = Some(session);
                cx.text(frames::session(&token, false, 0, true));
                info!(session.id = %session, "session {session} opened by websocket from {}", socket.facts.address);
                if let Some(frame) = frame {
                    socket.obey(frame, cx);
                }
            }
            Err(Refused(reason)) => socket.close(&reason, CloseCode::Again, cx),
        }));
    }

    /// Takes up an earlier session; if that is gone, opens a new one.
    fn resume(&mut self, token: String, seen: u64, cx: &mut Cx) {
        self.stop_waiting(cx);
        let resume = Resume { token: token.clone(), seen, facts: self.facts.clone(), door: cx.address().recipient() };
        let answer = self.door.resume.send(resume);
        let answer = kept_or_given_back(answer, self.door.gone.clone(), |resumed: &Resumed| resumed.session);
        cx.wait(answer.into_actor(self).map(move |answer, socket, cx| match answer {
            Ok(Resumed { session, received, complete }) => {
                socket.session = Some(session);
                cx.text(frames::session(&token, true, frames::received(received), complete));
                info!(session.id = %session, "session {session} resumed from {}", socket.facts.address);
            }
            Err(Refused(reason)) => {
                debug!("a session was not resumed: {reason}");
                socket.open(None, cx);
            }
        }));
    }

    fn stop_waiting(&mut self, cx: &mut Cx) {
        if let Some(patience) = self.patience.take() {
            cx.cancel_future(patience);
        }
    }

    fn show(&mut self, delivery: Delivery, cx: &mut Cx) {
        match delivery {
            Delivery::Text { n, output } => cx.text(frames::text(n, &output.render(STYLE, frames::rendering))),
            Delivery::Event { n, event } => cx.text(frames::event(&event.name, n, &event.data)),
            Delivery::Ack { n } => {
                if let Some(n) = frames::done(n) {
                    cx.text(frames::ack(n));
                }
            }
            Delivery::Prompt(markup) => cx.text(frames::prompt(&markup)),
            Delivery::Secret(on) => {
                self.secret = on;
                cx.text(frames::secret(on));
            }
            Delivery::Setting { name, value } => self.set(&name, &value, cx),
            Delivery::Close(reason) => {
                self.ended = true;
                self.close(&reason, CloseCode::Normal, cx);
            }
        }
    }

    /// Follows a setting as far as the server must know it too; how things look is left to the page.
    fn set(&mut self, name: &str, value: &str, cx: &mut Cx) {
        let before = self.facts.clone();
        match name {
            "screenreader" => self.facts.screen_reader = value == "on",
            "width" => self.facts.width = value.parse().unwrap_or(self.window_cols),
            _ => {}
        }
        if self.facts != before {
            self.tell_facts(cx);
        }
        cx.text(frames::setting(name, value));
    }

    fn refuse(&mut self, error: &FrameError, cx: &mut Cx) {
        cx.text(frames::error(&error.to_string()));
        self.bad_frames += 1;
        if self.bad_frames >= BAD_FRAMES {
            self.close("too many frames were not understood", CloseCode::Policy, cx);
        }
    }

    fn close(&mut self, reason: &str, code: CloseCode, cx: &mut Cx) {
        cx.text(frames::close(reason));
        cx.close(Some(CloseReason { code, description: None }));
        self.reason = Some(reason.to_owned());
        cx.stop();
    }

    fn fragment(&mut self, item: Item, cx: &mut Cx) {
        let (bytes, last) = match item {
            Item::FirstText(bytes) => {
                self.fragments = Some(Vec::new());
                (bytes, false)
            }
            Item::FirstBinary(_) => {
                self.fragments = None;
                return self.refuse(&FrameError::Binary, cx);
            }
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        let Some(fragments) = &mut self.fragments else { return };
        fragments.extend_from_slice(&bytes);
        if fragments.len() > MAX_FRAME_BYTES {
            self.fragments = None;
            self.refuse(&FrameError::TooLong, cx);
        } else if last {
            let message = self.fragments.take().unwrap_or_default();
            match String::from_utf8(message) {
                Ok(text) => self.read(&text, cx),
                Err(error) => self.refuse(&FrameError::Malformed(error.to_string()), cx),
            }
        }
    }
}

/// Waits for the switchboard's answer in a task of its own: if the socket is gone when a session comes, the session is
/// told so, instead of waiting for somebody who never heard of it. Each session given to a socket is `Gone` exactly once.
async fn kept_or_given_back<M, T>(
    answer: RecipientRequest<M>,
    gone: Recipient<Gone>,
    session: impl Fn(&T) -> SessionId + 'static,
) -> Result<T, Refused>
where
    M: actix::Message<Result = Result<T, Refused>> + Send + 'static,
    T: Send + 'static,
{
    let (tell, told) = oneshot::channel();
    actix_rt::spawn(async move {
        let answer = answer.await.unwrap_or_else(|_| Err(Refused("The portal is stopping.".into())));
        if let Err(Ok(unwanted)) = tell.send(answer) {
            repay_to(&gone, Gone { session: session(&unwanted), reason: "closed by peer".into() });
        }
    });
    match timeout(OPEN_TIMEOUT, told).await {
        Ok(Ok(answer)) => answer,
        _ => {
            warn!("the switchboard did not answer within {} s", OPEN_TIMEOUT.as_secs());
            Err(Refused("The world does not answer. Please try again.".into()))
        }
    }
}

impl Actor for Socket {
    type Context = Cx;

    fn started(&mut self, cx: &mut Cx) {
        cx.set_mailbox_capacity(SOCKET_MAILBOX);
        self.patience = Some(cx.run_later(FIRST_FRAME, |socket, cx| {
            socket.patience = None;
            socket.open(None, cx);
        }));
        cx.run_interval(PING_EVERY, |socket, cx| {
            if socket.heard.elapsed() >= DEAD_AFTER {
                socket.close("nothing was heard for 60 s", CloseCode::Away, cx);
            } else {
                cx.ping(b"");
            }
        });
    }

    fn stopped(&mut self, _: &mut Cx) {
        let Some(session) = self.session else { return };
        let reason = if self.gauge.has_overflowed() {
            let waiting = self.limits.output_bytes;
            warn!(session.id = %session, "session {session} did not read: more than {waiting} bytes waited, socket closed");
            "did not read".to_owned()
        } else {
            let reason = self.reason.take().unwrap_or_else(|| "closed by peer".into());
            info!(session.id = %session, "session {session} lost its socket: {reason}");
            reason
        };
        repay_to(&self.door.gone, Gone { session, reason });
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Socket {
    fn handle(&mut self, message: Result<Message, ProtocolError>, cx: &mut Cx) {
        self.heard = Instant::now();
        match message {
            Ok(Message::Text(text)) => self.read(&text, cx),
            Ok(Message::Binary(_)) => self.refuse(&FrameError::Binary, cx),
            Ok(Message::Continuation(item)) => self.fragment(item, cx),
            Ok(Message::Ping(bytes)) => cx.pong(&bytes),
            Ok(Message::Pong(_) | Message::Nop) => {}
            Ok(Message::Close(reason)) => {
                // The peer said goodbye; the answer is the same code, and the socket closes behind it.
                cx.close(reason);
                cx.stop();
            }
            Err(ProtocolError::Io(error)) if is_too_long(&error) => self.refuse(&FrameError::TooLong, cx),
            // Invalid UTF-8, or the socket broke; then the stream's end follows.
            Err(ProtocolError::Io(error)) => self.refuse(&FrameError::Malformed(error.to_string()), cx),
            Err(error) => self.close(&format!("not a websocket: {error}"), CloseCode::Protocol, cx),
        }
    }
}

/// Returns whether `inflow` dropped a frame here. The websocket context hands on only the text of a payload's error.
fn is_too_long(error: &std::io::Error) -> bool {
    error.to_string() == actix_web::error::PayloadError::Overflow.to_string()
}

impl Handler<Deliver> for Socket {
    type Result = ();

    fn handle(&mut self, Deliver(deliveries): Deliver, cx: &mut Cx) {
        for delivery in deliveries {
            self.show(delivery, cx);
            if self.ended {
                break;
            }
        }
    }
}
