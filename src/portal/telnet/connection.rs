//! One telnet socket: an actor that turns bytes into lines and deliveries into bytes.
//!
//! It reads whatever comes, always (options must flow while lines wait), but no faster than the limit. What it writes
//! is collected in one buffer and leaves in one write when its mailbox is empty; a client that does not read is
//! disconnected when the buffer is over its limit. An idle connection holds no buffer.

mod socket_io;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::net::TcpStream;
use tracing::{debug, info};

use super::codec::{Bounds, Codec, Event};
use super::options::Options;
use super::rate::Rate;
use super::screen::{Mark, Screen};
use super::terminal::Terminal;
use super::{IAC, NAWS, SB, SE, TTYPE};
use crate::config::LimitsConfig;
use crate::ids::SessionId;
use crate::mailbox::repay;
use crate::portal::door::{Deliver, Delivery, FactsChanged, Gone, Open, Output, Typed};
use crate::portal::switchboard::Switchboard;
use socket_io::SocketIo;

/// Deliveries that wait: they are taken off at once, so that a handful is many.
const CONNECTION_MAILBOX: usize = 64;
/// How long a socket may take to read what stands before its end.
const LINGER: Duration = Duration::from_secs(2);
/// What a telnet client never says first.
const HTTP_METHODS: [&str; 8] = ["GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "PRI * HTTP/"];
const HTTP_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 59\r\n\
                           Connection: close\r\n\r\nThis is a telnet port. Please use a telnet or MUD client.\r\n";

/// The actor that holds a telnet socket.
pub struct Connection {
    switchboard: Addr<Switchboard>,
    limits: Arc<LimitsConfig>,
    socket: Option<TcpStream>,
    session: Option<SessionId>,
    codec: Codec,
    options: Options,
    terminal: Terminal,
    screen: Screen,
    rate: Rate,
    out: Vec<u8>,
    secret: bool,
    heard_a_line: bool,
    facts_changed: bool,
    cut_lines: u32,
    /// Nothing is taken in or shown any more; the socket closes when the buffer is written.
    closing: bool,
    gone: String,
}

impl Connection {
    /// Returns the actor of a socket that was just accepted.
    pub fn new(socket: TcpStream, address: IpAddr, switchboard: Addr<Switchboard>, limits: Arc<LimitsConfig>) -> Self {
        let terminal = Terminal::new(address.to_canonical().to_string());
        Self {
            switchboard,
            session: None,
            codec: Codec::default(),
            options: Options::default(),
            screen: Screen::new(terminal.style()),
            terminal,
            rate: Rate::new(limits.input_bytes_per_sec, Instant::now()),
            limits,
            socket: Some(socket),
            out: Vec::new(),
            secret: false,
            heard_a_line: false,
            facts_changed: false,
            cut_lines: 0,
            closing: false,
            gone: "closed by peer".into(),
        }
    }

    fn open(&mut self, ctx: &mut Context<Self>) {
        let open = Open { facts: self.terminal.facts(), door: ctx.address().recipient(), resumable: false };
        ctx.wait(self.switchboard.send(open).into_actor(self).map(|opened, this, ctx| match opened {
            Ok(Ok(opened)) => this.session = Some(opened.session),
            Ok(Err(refused)) => {
                debug!("refused a connection: {}", refused.0);
                this.out.extend_from_slice(format!("{}\r\n", refused.0).as_bytes());
                this.close("refused", ctx);
            }
            Err(_) => this.close("shutting down", ctx),
        }));
    }

    /// Hears what was read; returns how long to wait before reading on.
    fn received(&mut self, bytes: &[u8], ctx: &mut Context<Self>) -> Option<Duration> {
        if self.closing {
            return None;
        }
        let bounds = Bounds { line: self.limits.line_bytes, subnegotiation: self.limits.subnegotiation_bytes };
        let mut codec = std::mem::take(&mut self.codec);
        codec.read(bytes, bounds, |event| self.hear(event, ctx));
        self.codec = codec;
        self.tell_cut_lines();
        self.tell_facts();
        self.rate.read(bytes.len(), Instant::now())
    }

    fn hear(&mut self, event: Event, ctx: &mut Context<Self>) {
        match event {
            Event::Line { line, cut } => self.hear_line(line, cut, ctx),
            Event::Peer { option, will } => {
                if self.options.heard_peer(option, will, &mut self.out) && option == TTYPE {
                    self.ask_terminal_type();
                }
            }
            Event::Us { option, please } => {
                self.options.heard_us(option, please, &mut self.out);
                self.present();
            }
            Event::Subnegotiation { option: TTYPE, data } => {
                if self.terminal.type_reply(&data) {
                    self.ask_terminal_type();
                }
                self.facts_changed = true;
            }
            Event::Subnegotiation { option: NAWS, data } => self.facts_changed |= self.terminal.window(&data),
            Event::Subnegotiation { .. } => {}
            Event::AreYouThere => self.out.extend_from_slice(b"\r\n[Yes]\r\n"),
        }
    }

    fn hear_line(&mut self, line: String, cut: bool, ctx: &mut Context<Self>) {
        if self.closing {
            return;
        }
        if !std::mem::replace(&mut self.heard_a_line, true) && is_http(&line) {
            self.out.extend_from_slice(HTTP_ANSWER.as_bytes());
            return self.close("spoke HTTP", ctx);
        }
        self.screen.line_typed(self.secret && self.options.hides_input(), &mut self.out);
        self.cut_lines += u32::from(cut);
        if let Some(session) = self.session {
            repay(&self.switchboard, Typed { session, line, secret: self.secret, n: None });
        }
    }

    fn ask_terminal_type(&mut self) {
        self.out.extend_from_slice(&[IAC, SB, TTYPE, 1, IAC, SE]);
    }

    fn tell_cut_lines(&mut self) {
        let cut = std::mem::take(&mut self.cut_lines);
        if cut == 0 {
            return;
        }
        let whose = if cut == 1 { "Your line was" } else { "Your lines were" };
        let text = format!("{whose} too long and cut at {} bytes.", self.limits.line_bytes);
        self.screen.text(&Output::new(text), &mut self.out);
    }

    /// Tells the switchboard what the client told, once for all that came together.
    fn tell_facts(&mut self) {
        if !std::mem::take(&mut self.facts_changed) {
            return;
        }
        self.present();
        if let Some(session) = self.session {
            repay(&self.switchboard, FactsChanged { session, facts: self.terminal.facts() });
        }
    }

    fn present(&mut self) {
        let mark = if self.options.marks_with_eor() {
            Mark::Eor
        } else if self.options.suppresses_go_ahead() {
            Mark::Nothing
        } else {
            Mark::Ga
        };
        self.screen.present(self.terminal.style(), mark);
    }

    fn deliver(&mut self, delivery: Delivery, ctx: &mut Context<Self>) {
        match delivery {
            Delivery::Text { output, .. } => self.screen.text(&output, &mut self.out),
            Delivery::Ack { .. } => self.screen.answered(&mut self.out),
            Delivery::Prompt(prompt) => self.screen.prompt(prompt),
            Delivery::Secret(on) => {
                self.secret = on;
                self.options.hide_input(on, &mut self.out);
            }
            Delivery::Setting { name, value } => {
                self.facts_changed |= self.terminal.setting(&name, &value);
                self.present();
            }
            Delivery::Close(reason) => self.close(&reason, ctx),
            // Telnet clients without GMCP take no events.
            Delivery::Event { .. } => {}
        }
    }

    /// Closes the socket when the buffer is written, or after a while if the client does not read.
    fn close(&mut self, reason: &str, ctx: &mut Context<Self>) {
        if !std::mem::replace(&mut self.closing, true) {
            self.gone = reason.to_owned();
            ctx.run_later(LINGER, |_, ctx| ctx.stop());
        }
    }

    fn disconnect_slow_reader(&mut self, ctx: &mut Context<Self>) {
        if let Some(session) = self.session {
            info!(session.id = %session, "session {session} is disconnected: it did not read {} bytes", self.out.len());
        }
        self.gone = "did not read".into();
        self.closing = true;
        ctx.stop();
    }
}

impl Actor for Connection {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(CONNECTION_MAILBOX);
        let Some(socket) = self.socket.take() else { return ctx.stop() };
        self.options.offer(&mut self.out);
        ctx.spawn(SocketIo::new(socket));
        self.open(ctx);
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        if let Some(session) = self.session {
            repay(&self.switchboard, Gone { session, reason: std::mem::take(&mut self.gone) });
        }
    }
}

impl Handler<Deliver> for Connection {
    type Result = ();

    fn handle(&mut self, Deliver(deliveries): Deliver, ctx: &mut Context<Self>) {
        for delivery in deliveries {
            if self.closing {
                break;
            }
            self.deliver(delivery, ctx);
        }
        if !self.closing {
            self.screen.settle(&mut self.out);
        }
        self.tell_facts();
        if self.out.len() > self.limits.output_bytes {
            self.disconnect_slow_reader(ctx);
        }
    }
}

/// Tells whether a first line begins an HTTP request. `CONNECT Ann secret` is how some clients log in.
fn is_http(line: &str) -> bool {
    HTTP_METHODS.iter().any(|method| line.starts_with(method))
        || (line.starts_with("CONNECT ") && line.rsplit(' ').next().is_some_and(|last| last.starts_with("HTTP/")))
}
