//! What portal and server say to each other, as bytes. Pure: no socket, no runtime.
//!
//! A frame is a little-endian `u32` length and that many bytes of CBOR (RFC 8949). Every field has a number;
//! a new field gets a new number and is `Option` or has a `#[cbor(default)]`, so that an old portal keeps working with a newer server and
//! the other way round: players' sockets live in the old portal while a developer reloads new code.
//! Numbers are never reused. A frame of an unknown kind is skipped. Golden bytes in the tests pin all this.

use bytes::{Buf, BufMut, BytesMut};
use minicbor::{Decode, Encode};

use crate::ids::SessionId;

/// What this build speaks. Grows only for a change that an older peer cannot skip.
pub const WIRE_VERSION: u32 = 1;

/// Longest frame either side accepts, in bytes. A longer one is a broken peer: the wire is closed.
pub const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

/// Exit code of a server that cannot start because storage cannot be used now: another one would fare no better, so that its
/// end says nothing of the world.
pub const EXIT_STORAGE_AWAY: u8 = 7;

/// From portal to server.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum ToServer {
    /// First frame of a connection: what the portal holds. Sent when the server shall take over, not before.
    #[n(0)]
    Hello(#[n(0)] PortalHello),
    /// Somebody connected.
    #[n(1)]
    Opened {
        /// The new session.
        #[n(0)]
        session: SessionId,
        /// What is known of it so far.
        #[n(1)]
        facts: Facts,
    },
    /// What is known of a session changed: window size, terminal, screen reader. The last one wins.
    #[n(2)]
    Facts {
        /// The session.
        #[n(0)]
        session: SessionId,
        /// All facts, not only the changed ones.
        #[n(1)]
        facts: Facts,
    },
    /// A session's socket is gone and will not be resumed.
    #[n(3)]
    Closed {
        /// The session.
        #[n(0)]
        session: SessionId,
    },
    /// A numbered line. The next one of this session follows when this one is acknowledged.
    #[n(4)]
    Line(#[n(0)] Line),
    /// All stored groups up to this flush are applied; their outbox rows may go.
    #[n(5)]
    Applied {
        /// Number of the flush.
        #[n(0)]
        flush: u64,
    },
    /// Watchdog; answered by [`ToPortal::Pong`].
    #[n(6)]
    Ping {
        /// Comes back in the answer.
        #[n(0)]
        tick: u64,
    },
    /// Finish what is under way, flush, send it, exit 0.
    #[n(7)]
    Stop,
    /// A question from the command line: `what` names it, `json` holds its arguments.
    #[n(8)]
    Ask {
        /// Comes back in the answer.
        #[n(0)]
        id: u64,
        /// `status`, `account_create`, `account_password`.
        #[n(1)]
        what: String,
        /// Arguments; a JSON object.
        #[n(2)]
        json: String,
    },
    /// A reload came to nothing; the server that hears of it goes on. For keepers at the web pages, who are not sessions.
    #[n(9)]
    ReloadFailed {
        /// A sentence without its full stop.
        #[n(0)]
        why: String,
    },
}

/// From server to portal.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum ToPortal {
    /// First frame: who speaks. Sent before anything that takes long.
    #[n(0)]
    Hello(#[n(0)] ServerHello),
    /// The server has taken over (its epoch is the database's) and takes lines from here on.
    #[n(1)]
    Ready {
        /// The epoch; frames of an older one are ignored.
        #[n(0)]
        epoch: u64,
    },
    /// Groups that were committed together, or that needed no commit.
    #[n(2)]
    Frame(#[n(0)] Frame),
    /// Answer to [`ToServer::Ping`].
    #[n(3)]
    Pong {
        /// As in the question.
        #[n(0)]
        tick: u64,
        /// Storage is slow or away: meanwhile a silence is not held against the server.
        #[n(1)]
        #[cbor(default)]
        storage_away: bool,
    },
    /// Answer to [`ToServer::Ask`].
    #[n(4)]
    Answer {
        /// As in the question.
        #[n(0)]
        id: u64,
        /// A JSON value; an object with the one key `error` when it was refused.
        #[n(1)]
        json: String,
    },
    /// The server has opened the database and registered its types, and has loaded nothing that can change. It waits for
    /// the portal's hello, which comes when the server before it is gone, and takes over then.
    #[n(5)]
    Prepared,
}

/// What a portal says first.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct PortalHello {
    /// [`WIRE_VERSION`] of the portal.
    #[n(0)]
    pub version: u32,
    /// Epoch of the last server it obeyed; 0 if none.
    #[n(1)]
    pub epoch: u64,
    /// The last flush it applied; 0 if none.
    #[n(2)]
    pub applied: u64,
    /// Every session that is live or resumable.
    #[n(3)]
    pub sessions: Vec<LiveSession>,
    /// Run in safe mode: scripts and timers stand still, and only Admins get through.
    #[n(4)]
    #[cbor(default)]
    pub safe: bool,
}

/// A session as the portal knows it.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct LiveSession {
    /// Its id.
    #[n(0)]
    pub session: SessionId,
    /// What the last [`Item::Note`] said; empty if there was none.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub note: Vec<u8>,
    /// What is known of it.
    #[n(2)]
    pub facts: Facts,
    /// Its last acknowledged line.
    #[n(3)]
    pub acked: u64,
    /// The line in flight, if there is one: its number is above `acked`.
    #[n(4)]
    pub line: Option<Line>,
}

/// What a server says first.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct ServerHello {
    /// [`WIRE_VERSION`] of the server.
    #[n(0)]
    pub version: u32,
    /// The world's name.
    #[n(1)]
    pub world: String,
}

/// One numbered input of a session.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Line {
    /// Whose.
    #[n(0)]
    pub session: SessionId,
    /// 1, 2, 3 … within the session.
    #[n(1)]
    pub n: u64,
    /// What was typed: valid UTF-8 without control characters, without the line end.
    #[n(2)]
    pub line: String,
    /// Typed with echo off, or begins with `connect`, `create` or `password`: never logged or stored.
    #[n(3)]
    #[cbor(default)]
    pub secret: bool,
    /// It was in flight when a server died, twice: acknowledge it without running it.
    #[n(4)]
    #[cbor(default)]
    pub give_up: bool,
}

/// How many colours a session's screen shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Colors {
    /// No escape sequence at all.
    #[n(0)]
    None,
    /// The sixteen ANSI colours.
    #[default]
    #[n(1)]
    Ansi16,
    /// The xterm palette.
    #[n(2)]
    Xterm256,
    /// 24 bits.
    #[n(3)]
    True,
}

/// What is known of a session's other end.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Facts {
    /// `telnet`, `websocket`, `control`.
    #[n(0)]
    pub protocol: String,
    /// The peer's address without port; empty for `control`.
    #[n(1)]
    pub address: String,
    /// The client's own name for itself; empty if unknown.
    #[n(2)]
    pub client: String,
    /// Columns; 0 means that nothing should be wrapped.
    #[n(3)]
    pub width: u16,
    /// Rows; 0 if unknown.
    #[n(4)]
    pub height: u16,
    /// Colours its screen shows.
    #[n(5)]
    pub colors: Colors,
    /// It understands UTF-8.
    #[n(6)]
    pub utf8: bool,
    /// A screen reader is in use: no decoration, no colour, plain order.
    #[n(7)]
    pub screen_reader: bool,
    /// It wants events beside text.
    #[n(8)]
    pub events: bool,
    /// Opened over the control socket by the world's keeper: needs no login.
    #[n(9)]
    #[cbor(default)]
    pub trusted: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            protocol: "telnet".into(),
            address: String::new(),
            client: String::new(),
            width: 80,
            height: 24,
            colors: Colors::default(),
            utf8: true,
            screen_reader: false,
            events: false,
            trusted: false,
        }
    }
}

/// Groups that travel together. The portal applies all of a frame before it looks at the next.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Frame {
    /// Epoch of the server that wrote it.
    #[n(0)]
    pub epoch: u64,
    /// The flush that committed it; `None` for groups that changed nothing and were never stored.
    #[n(1)]
    pub flush: Option<u64>,
    /// In order.
    #[n(2)]
    pub groups: Vec<Group>,
}

/// The output of one batch. Applied whole, once.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Group {
    /// The line that caused it and that it acknowledges; `None` for what no line caused.
    #[n(0)]
    pub origin: Option<Origin>,
    /// In order.
    #[n(1)]
    pub items: Vec<Item>,
}

/// A line, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Origin {
    /// Whose.
    #[n(0)]
    pub session: SessionId,
    /// Which.
    #[n(1)]
    pub n: u64,
}

/// One thing for the portal to do.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Item {
    /// Show marked-up text, on lines of its own.
    #[n(0)]
    Text {
        /// To whom. Sessions that are gone are passed over.
        #[n(0)]
        to: Vec<SessionId>,
        /// See `text.rs` for the markup. Rendered per session.
        #[n(1)]
        text: String,
    },
    /// Tell programs: goes to sessions that want events.
    #[n(1)]
    Event {
        /// To whom.
        #[n(0)]
        to: Vec<SessionId>,
        /// For instance `Room.Info`.
        #[n(1)]
        name: String,
        /// A JSON value.
        #[n(2)]
        data: String,
    },
    /// The prompt that follows each answer from here on; marked up.
    #[n(2)]
    Prompt {
        /// Whose.
        #[n(0)]
        to: SessionId,
        /// Empty for none.
        #[n(1)]
        text: String,
    },
    /// Switch hiding of what is typed on or off (telnet ECHO).
    #[n(3)]
    Secret {
        /// Whose.
        #[n(0)]
        to: SessionId,
        /// True while a password is asked for.
        #[n(1)]
        on: bool,
    },
    /// What the portal shall give back in its next hello, of a session that has not logged in. At most 1 KiB.
    #[n(4)]
    Note {
        /// Whose.
        #[n(0)]
        to: SessionId,
        /// Opaque to the portal.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        note: Vec<u8>,
    },
    /// Close the session after what stands before this item has been sent. Its waiting lines are discarded.
    #[n(5)]
    Close {
        /// Whose.
        #[n(0)]
        to: SessionId,
        /// For the log.
        #[n(1)]
        reason: String,
    },
    /// A display setting the player chose: `screenreader` on/off, `color` none/16/256/true/auto, `width` n/auto, `utf8` on/off.
    #[n(6)]
    Setting {
        /// Whose.
        #[n(0)]
        to: SessionId,
        /// Which.
        #[n(1)]
        name: String,
        /// Its value.
        #[n(2)]
        value: String,
    },
    /// Let a new server take over from this one; players stay.
    #[n(7)]
    Reload,
    /// Stop everything.
    #[n(8)]
    Shutdown,
}

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The length prefix is over [`MAX_FRAME_BYTES`].
    #[error("a frame of {0} bytes is over the limit")]
    TooLong(usize),
    /// Not CBOR, or not of a known shape.
    #[error("a frame could not be read: {0}")]
    Malformed(String),
}

/// Appends one frame to `out`.
pub fn encode<T: Encode<()>>(frame: &T, out: &mut BytesMut) {
    let start = out.len();
    out.put_u32_le(0);
    // Writing to memory cannot fail; the error type has no inhabitant to handle.
    let _ = minicbor::encode(frame, minicbor::encode::write::Writer::new((&mut *out).writer()));
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Takes the next whole frame off the front of `buffer`; `None` if it is not all there yet.
///
/// # Errors
///
/// [`WireError::TooLong`] means that the wire must be closed; after [`WireError::Malformed`] the frame has been
/// skipped and the next call goes on behind it.
pub fn decode<T: for<'b> Decode<'b, ()>>(buffer: &mut BytesMut) -> Result<Option<T>, WireError> {
    if buffer.len() < 4 {
        return Ok(None);
    }
    let length = u32::from_le_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(WireError::TooLong(length));
    }
    if buffer.len() < 4 + length {
        buffer.reserve(4 + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(4);
    let payload = buffer.split_to(length);
    minicbor::decode(&payload).map(Some).map_err(|error| WireError::Malformed(error.to_string()))
}

/// Returns groups as the bytes that an outbox row stores.
pub fn encode_groups<'a>(groups: impl ExactSizeIterator<Item = &'a Group>) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    // Writing to memory cannot fail.
    let _ = encoder.array(groups.len() as u64);
    for group in groups {
        let _ = encoder.encode(group);
    }
    encoder.into_writer()
}

/// Returns the groups of an outbox row.
///
/// # Errors
///
/// [`WireError::Malformed`] if a newer server wrote what this one cannot read.
pub fn decode_groups(bytes: &[u8]) -> Result<Vec<Group>, WireError> {
    minicbor::decode(bytes).map_err(|error| WireError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests;
