//! Between the switchboard and the connections: what a protocol must say and what it is told.
//!
//! A protocol (telnet, websocket, …) is one actor per socket. It turns bytes into [`Typed`] lines and
//! [`Delivery`]s into bytes, and knows neither the wire nor the server. The switchboard keeps the lines in order.

use std::sync::{Arc, Mutex};

use actix::prelude::*;
use bytes::Bytes;

use crate::ids::SessionId;
use crate::wire::{Colors, Facts};

/// Opens a session for a socket that has passed the door's limits.
///
/// Sent by a connection actor once, when it starts. The reply is the new session, or why there is none; then the connection shows the reason and closes.
#[derive(Message)]
#[rtype(result = "Result<Opened, Refused>")]
pub struct Open {
    /// What is known so far.
    pub facts: Facts,
    /// Where its deliveries go.
    pub door: Recipient<Deliver>,
    /// Keep the session for a while when its socket is lost, so that [`Resume`] can take it up.
    pub resumable: bool,
}

/// A session is open.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its id.
    pub session: SessionId,
    /// What resumes it; 256 random bits in hex. Empty unless resumable.
    pub token: String,
}

/// Why a socket gets no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

/// Takes up a resumable session from a new socket; what was delivered after `seen` comes again.
#[derive(Message)]
#[rtype(result = "Result<Resumed, Refused>")]
pub struct Resume {
    /// As in [`Opened`].
    pub token: String,
    /// Number of the last delivery the client has.
    pub seen: u64,
    /// What is known of the new socket.
    pub facts: Facts,
    /// Where its deliveries go from now on.
    pub door: Recipient<Deliver>,
}

/// A session was taken up.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// Its id.
    pub session: SessionId,
    /// Highest input number received from the client before: it sends again what is above.
    pub received: u64,
    /// False if what the client missed is no longer all there; it is told so.
    pub complete: bool,
}

/// A line was typed. Never refused to the connection: the switchboard bounds what waits and tells the player.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Typed {
    /// Whose.
    pub session: SessionId,
    /// Cleaned: UTF-8, no control characters, no line end, at most `limits.line_bytes`.
    pub line: String,
    /// Typed while what is typed was hidden.
    pub secret: bool,
    /// The client's own number for it, if it numbers its input (websocket): one that was received before is not run again.
    pub n: Option<u64>,
}

/// What is known of a session changed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FactsChanged {
    /// Whose.
    pub session: SessionId,
    /// All of them.
    pub facts: Facts,
}

/// A socket is gone. A resumable session waits for its resume, any other ends.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Gone {
    /// Whose.
    pub session: SessionId,
    /// For the log: `closed by peer`, `did not read` …
    pub reason: String,
}

/// The switchboard as a protocol sees it: whom to tell what. Protocol code can be tested against any actor that
/// handles these.
#[derive(Clone)]
pub struct SwitchboardDoor {
    /// Opens a session.
    pub open: Recipient<Open>,
    /// Takes up a resumable session.
    pub resume: Recipient<Resume>,
    /// Takes each line.
    pub typed: Recipient<Typed>,
    /// Takes changed facts.
    pub facts: Recipient<FactsChanged>,
    /// Is told when a socket is gone.
    pub gone: Recipient<Gone>,
}

/// Deliveries for one connection, in order. One message for all of a frame, so that they go out in one write.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Deliver(pub Vec<Delivery>);

/// One thing to show or do.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// Text on lines of its own.
    Text {
        /// The session's own number for it: 1, 2, 3 …, counted over texts and events.
        n: u64,
        /// Shared by all who get it.
        output: Arc<Output>,
    },
    /// An event for programs.
    Event {
        /// Counted together with texts.
        n: u64,
        /// Shared by all who get it.
        event: Arc<Event>,
    },
    /// A line was acknowledged: its answer is complete, the prompt follows.
    Ack {
        /// The client's own number if it numbers its input, else the session's.
        n: u64,
    },
    /// The prompt from here on, marked up.
    Prompt(Arc<str>),
    /// Hide what is typed, or stop hiding it.
    Secret(bool),
    /// A display setting the player chose; names and values as in [`crate::wire::Item::Setting`].
    Setting {
        /// Which.
        name: Arc<str>,
        /// Its value.
        value: Arc<str>,
    },
    /// Close the socket after what came before has been sent.
    Close(Arc<str>),
}

/// An event, as it came.
#[derive(Debug)]
pub struct Event {
    /// For instance `Room.Info`.
    pub name: String,
    /// A JSON value.
    pub data: String,
}

/// How one kind of screen wants its text. Sessions with equal styles share one rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Style {
    /// ANSI for terminals, HTML and plain text for pages.
    pub form: Form,
    /// Colours for ANSI.
    pub colors: Colors,
    /// Columns to wrap at; 0 for none.
    pub width: u16,
    /// UTF-8, else ASCII with the nearest letters.
    pub utf8: bool,
    /// No decoration, no colour.
    pub screen_reader: bool,
}

/// What is made of marked-up text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Lines ending in CR LF with SGR sequences.
    Ansi,
    /// A JSON fragment: `"html":"…","text":"…"`.
    Json,
}

/// Marked-up text with its renderings, each made once however many read it.
#[derive(Debug)]
pub struct Output {
    /// The text as the server sent it.
    pub text: String,
    rendered: Mutex<Vec<(Style, Bytes)>>,
}

impl Output {
    /// Returns the text with nothing rendered yet.
    pub fn new(text: String) -> Self {
        Self { text, rendered: Mutex::new(Vec::new()) }
    }

    /// Returns the text rendered for `style` by `render`, which runs only for the first reader of that style.
    pub fn render(&self, style: Style, render: impl FnOnce(&str) -> Bytes) -> Bytes {
        let mut rendered = self.rendered.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, bytes)) = rendered.iter().find(|(known, _)| *known == style) {
            return bytes.clone();
        }
        let bytes = render(&self.text);
        rendered.push((style, bytes.clone()));
        bytes
    }
}
