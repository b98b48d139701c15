//! The wire's bytes: reads as much as there is, applies it, and writes what came up meanwhile in one go.
//!
//! The future is polled after the actor's mailbox is empty, so one write carries the lines of all connections that were
//! heard in this turn of the event loop.

use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker, ready};

use actix::Context;
use actix::fut::ActorFuture;
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tracing::warn;

use super::Switchboard;
use crate::failpoint::fail_point;
use crate::wire::{self, ToPortal, ToServer, WireError};

/// Bytes asked of the kernel at once.
const READ_BYTES: usize = 128 * 1024;
/// Reads in one turn, so that connections are heard while the server talks.
const READS_PER_TURN: usize = 2;
/// Facts wait for their turn while more than this is unwritten.
const FACTS_BELOW_BYTES: usize = 64 * 1024;
/// A buffer that grew beyond this is given back when it is empty.
const KEPT_BYTES: usize = 1024 * 1024;

/// What waits to be written. Bounded: one line in flight and one set of facts by session, one ping at a time.
#[derive(Debug, Default)]
pub(super) struct Wire {
    out: BytesMut,
    waker: Option<Waker>,
}

impl Wire {
    pub(super) fn push(&mut self, frame: &ToServer) {
        wire::encode(frame, &mut self.out);
    }

    /// Has the buffer written soon, for frames that no message brought.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = &self.waker
            && !self.out.is_empty()
        {
            waker.wake_by_ref();
        }
    }
}

/// Reads and writes one wire until it closes.
pub(super) struct WireIo {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    input: BytesMut,
    scratch: Box<[u8]>,
}

impl WireIo {
    pub(super) fn new(read: OwnedReadHalf, write: OwnedWriteHalf) -> Self {
        Self { read, write, input: BytesMut::new(), scratch: vec![0; READ_BYTES].into_boxed_slice() }
    }

    /// Reads once; false at the end of the wire.
    fn poll_read(&mut self, task: &mut TaskContext<'_>) -> Poll<io::Result<bool>> {
        let mut buffer = ReadBuf::new(&mut self.scratch);
        ready!(Pin::new(&mut self.read).poll_read(task, &mut buffer))?;
        let read = buffer.filled();
        self.input.extend_from_slice(read);
        Poll::Ready(Ok(!read.is_empty()))
    }

    /// Takes all whole frames out of what was read.
    fn frames(&mut self) -> Result<Vec<ToPortal>, WireError> {
        let mut frames = Vec::new();
        loop {
            match wire::decode(&mut self.input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error @ WireError::TooLong(_)) => return Err(error),
                // A newer server may say what this portal does not know.
                Err(error) => warn!("skipped a frame of the server: {error}"),
            }
        }
        if self.input.is_empty() && self.input.capacity() > KEPT_BYTES {
            self.input = BytesMut::new();
        }
        Ok(frames)
    }

    fn poll_write(&mut self, out: &mut BytesMut, task: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        while !out.is_empty() {
            let written = ready!(Pin::new(&mut self.write).poll_write(task, out))?;
            out.advance(written);
        }
        if out.capacity() > KEPT_BYTES {
            *out = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl ActorFuture<Switchboard> for WireIo {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        switchboard: &mut Switchboard,
        ctx: &mut Context<Switchboard>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let this = self.get_mut();
        let mut open = true;
        let mut reads = 0;
        while open && reads < READS_PER_TURN {
            let Poll::Ready(read) = this.poll_read(task) else { break };
            reads += 1;
            open = read.unwrap_or(false);
            match this.frames() {
                Ok(frames) => {
                    fail_point!("portal.frames");
                    switchboard.take_frames(frames);
                }
                Err(error) => {
                    warn!("closing the wire: {error}");
                    open = false;
                }
            }
        }
        if open && reads == READS_PER_TURN {
            task.waker().wake_by_ref();
        }
        // To a server that does not read, facts are told when it does again: the last ones, however often they changed.
        if switchboard.wire.as_ref().is_some_and(|wire| wire.out.len() < FACTS_BELOW_BYTES) {
            switchboard.push_changed_facts();
        }
        // Before a line leaves, it is on record that it did.
        switchboard.record();
        if let Some(wire) = &mut switchboard.wire {
            match this.poll_write(&mut wire.out, task) {
                // A failed write is not the end: what the server still wrote is read first.
                Poll::Ready(Err(_)) => wire.out.clear(),
                Poll::Ready(Ok(())) if !switchboard.facts_changed.is_empty() => task.waker().wake_by_ref(),
                _ => {}
            }
            if wire.waker.as_ref().is_none_or(|waker| !waker.will_wake(task.waker())) {
                wire.waker = Some(task.waker().clone());
            }
        }
        if open {
            return Poll::Pending;
        }
        switchboard.wire_closed(ctx);
        Poll::Ready(())
    }
}
