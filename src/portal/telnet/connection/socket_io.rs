//! The bytes of one telnet socket. Polled after the actor's mailbox is empty, so that one write carries all deliveries.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use actix::fut::ActorFuture;
use actix::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Sleep, sleep};

use super::Connection;

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;
/// Reads before others have their turn. The second nearly always finds nothing, without asking the kernel.
const READS_PER_TURN: usize = 2;
/// An output buffer that grew beyond this is given back when it is empty.
const KEPT_BYTES: usize = 1024;

thread_local! {
    /// Where all connections of this thread read to, one after the other.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// Reads and writes one socket until it closes.
pub(super) struct SocketIo {
    read: OwnedReadHalf,
    /// Gone once our side has said its last word.
    write: Option<OwnedWriteHalf>,
    written: usize,
    /// Waits out the limit of input.
    pause: Option<Pin<Box<Sleep>>>,
}

impl SocketIo {
    pub(super) fn new(socket: TcpStream) -> Self {
        let (read, write) = socket.into_split();
        Self { read, write: Some(write), written: 0, pause: None }
    }

    /// Reads once; false at the end of the stream.
    fn poll_read(
        &mut self,
        connection: &mut Connection,
        ctx: &mut Context<Connection>,
        task: &mut TaskContext<'_>,
    ) -> Poll<io::Result<bool>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(task));
            self.pause = None;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.read).poll_read(task, &mut buffer))?;
            let read = buffer.filled();
            self.pause = connection.received(read, ctx).map(|pause| Box::pin(sleep(pause)));
            Poll::Ready(Ok(!read.is_empty()))
        })
    }

    /// Writes what there is; ready when all of it is written.
    fn poll_write(&mut self, out: &mut Vec<u8>, task: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let Some(write) = &mut self.write else {
            out.clear();
            return Poll::Ready(Ok(()));
        };
        while self.written < out.len() {
            self.written += ready!(Pin::new(&mut *write).poll_write(task, &out[self.written..]))?;
        }
        self.written = 0;
        out.clear();
        if out.capacity() > KEPT_BYTES {
            *out = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl ActorFuture<Connection> for SocketIo {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        connection: &mut Connection,
        ctx: &mut Context<Connection>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let this = self.get_mut();
        for turn in 1.. {
            match this.poll_read(connection, ctx, task) {
                Poll::Ready(Ok(true)) if turn < READS_PER_TURN => {}
                Poll::Ready(Ok(true)) => {
                    task.waker().wake_by_ref();
                    break;
                }
                Poll::Ready(Ok(false)) => {
                    ctx.stop();
                    return Poll::Ready(());
                }
                Poll::Ready(Err(error)) => {
                    connection.gone = error.to_string();
                    ctx.stop();
                    return Poll::Ready(());
                }
                Poll::Pending => break,
            }
        }
        let before = this.written;
        match this.poll_write(&mut connection.out, task) {
            // Dropping our half says that nothing follows; the client's end is awaited, so that it reads all of it.
            Poll::Ready(Ok(())) if connection.closing => this.write = None,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                connection.gone = error.to_string();
                ctx.stop();
                return Poll::Ready(());
            }
            Poll::Pending if this.written > before => {
                connection.out.drain(..this.written);
                this.written = 0;
            }
            Poll::Pending => {}
        }
        Poll::Pending
    }
}
