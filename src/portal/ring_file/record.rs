//! The ring file's records, as bytes. Pure.
//!
//! A file is a sequence of frames, each a little-endian `u32` length and that many bytes: CBOR records, one behind the other. A frame holds all
//! that one turn of the portal's event loop changed, so that a portal which dies while it writes has done all of a group or nothing. As
//! on the wire, numbers are never reused.

use minicbor::{Decode, Encode};

use crate::ids::SessionId;
use crate::wire::Facts;

/// What this build writes, and the only thing that it reads: a file is read by the portal that follows, not by later ones.
pub(super) const VERSION: u32 = 1;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(super) enum Record<'b> {
    /// The first of a file.
    #[n(0)]
    Head(#[b(0)] Head<'b>),
    /// A session was opened; or is carried over from the file before, with all that is known of it.
    #[n(1)]
    Session(#[b(0)] Box<Saved<'b>>),
    /// Its socket will not be taken up again, or the world has closed it.
    #[n(2)]
    Ended {
        /// Which.
        #[n(0)]
        session: SessionId,
    },
    /// Its next line went to the server.
    #[n(3)]
    Sent {
        /// Whose.
        #[n(0)]
        session: SessionId,
        /// The client's own number for it.
        #[n(1)]
        client: Option<u64>,
    },
    /// Its line was acknowledged.
    #[n(4)]
    Acked {
        /// Whose.
        #[n(0)]
        session: SessionId,
        /// Which.
        #[n(1)]
        n: u64,
    },
    /// All groups up to this flush are applied.
    #[n(5)]
    Applied {
        /// Of the server that sent them.
        #[n(0)]
        epoch: u64,
        /// Number of the flush; 0 if none was stored.
        #[n(1)]
        flush: u64,
    },
    /// A text was shown; it has the next number of each session.
    #[n(6)]
    Text {
        /// To whom.
        #[n(0)]
        to: Vec<SessionId>,
        /// Marked up.
        #[b(1)]
        text: &'b str,
    },
    /// Programs were told; numbered together with texts.
    #[n(7)]
    Event {
        /// To whom.
        #[n(0)]
        to: Vec<SessionId>,
        /// As in [`crate::wire::Item::Event`].
        #[b(1)]
        name: &'b str,
        /// The same.
        #[b(2)]
        data: &'b str,
    },
    /// The prompt changed.
    #[n(8)]
    Prompt {
        /// Whose.
        #[n(0)]
        to: SessionId,
        /// Marked up.
        #[b(1)]
        text: &'b str,
    },
    /// What is typed is hidden from here on, or no longer.
    #[n(9)]
    Secret {
        /// Whose.
        #[n(0)]
        to: SessionId,
        /// Hidden.
        #[n(1)]
        on: bool,
    },
    /// A display setting was chosen.
    #[n(10)]
    Setting {
        /// Whose.
        #[n(0)]
        to: SessionId,
        /// Which.
        #[b(1)]
        name: &'b str,
        /// Its value.
        #[b(2)]
        value: &'b str,
    },
    /// The server wants this back at the next hello.
    #[n(11)]
    Note {
        /// Of which session.
        #[n(0)]
        to: SessionId,
        /// Opaque.
        #[b(1)]
        #[cbor(with = "minicbor::bytes")]
        note: &'b [u8],
    },
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(super) struct Head<'b> {
    /// [`VERSION`].
    #[n(0)]
    pub(super) version: u32,
    /// Which start of the machine it was written in: what a machine that lost its power left is not to be relied on.
    #[b(1)]
    pub(super) boot: &'b str,
    /// Each file's is one more than that of the file before it.
    #[n(2)]
    pub(super) number: u64,
}

/// All that is known of a session.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(super) struct Saved<'b> {
    /// Which.
    #[n(0)]
    pub(super) session: SessionId,
    /// Names its token.
    #[b(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(super) key: &'b [u8],
    /// What is known of its other end.
    #[n(2)]
    pub(super) facts: Facts,
    /// What the server wants back at the next hello.
    #[b(3)]
    #[cbor(with = "minicbor::bytes")]
    pub(super) note: &'b [u8],
    /// The last line acknowledged.
    #[n(4)]
    pub(super) acked: u64,
    /// The same by the client's number.
    #[n(5)]
    pub(super) acked_by_client: u64,
    /// A line is in flight.
    #[n(6)]
    pub(super) in_flight: bool,
    /// The client's number for it.
    #[n(7)]
    pub(super) in_flight_by_client: Option<u64>,
    /// What is typed is hidden.
    #[n(8)]
    pub(super) hidden: bool,
    /// Marked up.
    #[b(9)]
    pub(super) prompt: Option<&'b str>,
    /// Names and values.
    #[b(10)]
    pub(super) settings: Vec<(&'b str, &'b str)>,
    /// Number of the last text or event.
    #[n(11)]
    pub(super) delivered: u64,
    /// Number of the last one that the ring has lost.
    #[n(12)]
    pub(super) dropped: u64,
    /// The ring, the oldest first.
    #[b(13)]
    pub(super) ring: Vec<Told<'b>>,
}

/// A text or an event in a ring.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(super) struct Told<'b> {
    /// Its number.
    #[n(0)]
    pub(super) n: u64,
    /// The event's name; texts have none.
    #[b(1)]
    pub(super) event: Option<&'b str>,
    /// The text, marked up, or the event's data.
    #[b(2)]
    pub(super) text: &'b str,
}

/// Adds a record to a frame.
pub(super) fn put(record: &Record<'_>, frame: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = minicbor::encode(record, frame);
}

/// Takes the next whole frame off the front of a file; `None` at its end, or where a portal died while it wrote.
pub(super) fn next_frame<'b>(file: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = file.split_first_chunk()?;
    let (frame, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *file = rest;
    Some(frame)
}

/// Returns a frame's records.
pub(super) fn records(frame: &[u8]) -> Result<Vec<Record<'_>>, minicbor::decode::Error> {
    let mut decoder = minicbor::Decoder::new(frame);
    let mut records = Vec::new();
    while decoder.position() < frame.len() {
        records.push(decoder.decode()?);
    }
    Ok(records)
}
