//! What waits for a socket that reads slowly, counted and bounded.
//!
//! `actix-web` polls a response's body only while its own 32 KiB are not full, and the websocket actor is part of that body: a
//! peer that does not read would stop the actor with its timers, while its mailbox grew. So the actor runs in a task of its own,
//! which always takes what it says, and only the bytes wait here. Beyond the limit they are dropped, and the actor with them.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::Error;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::task::JoinHandle;

use super::gate::Pass;

/// Most that is handed to the socket at once, so that what it has not taken stays counted.
const PORTION_BYTES: usize = 16 * 1024;

/// Tells the socket's actor, when it stops, whether its reader was too slow.
#[derive(Clone)]
pub(super) struct Gauge(Rc<RefCell<Waiting>>);

#[derive(Default)]
struct Waiting {
    bytes: BytesMut,
    reader: Option<Waker>,
    finished: bool,
    overflowed: bool,
}

impl Gauge {
    /// Returns a gauge with nothing waiting.
    pub(super) fn new() -> Self {
        Self(Rc::default())
    }

    /// Returns whether more waited than allowed.
    pub(super) fn has_overflowed(&self) -> bool {
        self.0.borrow().overflowed
    }

    /// Adds bytes; false if they are too many, then none wait any more.
    fn add(&self, bytes: &[u8], limit: usize) -> bool {
        let mut waiting = self.0.borrow_mut();
        waiting.overflowed = waiting.bytes.len() + bytes.len() > limit;
        if waiting.overflowed {
            waiting.bytes = BytesMut::new();
        } else {
            waiting.bytes.extend_from_slice(bytes);
        }
        waiting.wake();
        !waiting.overflowed
    }

    fn finish(&self) {
        let mut waiting = self.0.borrow_mut();
        waiting.finished = true;
        waiting.wake();
    }
}

impl Waiting {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// The body of a websocket's response. Dropping it ends the actor behind it and gives the socket's place back.
pub(super) struct Outflow {
    gauge: Gauge,
    pump: JoinHandle<()>,
    _pass: Pass,
}

impl Outflow {
    /// Runs `source` and returns what it says as a body in which at most `limit` bytes wait.
    pub(super) fn new<S>(source: S, gauge: Gauge, limit: usize, pass: Pass) -> Self
    where
        S: Stream<Item = Result<Bytes, Error>> + 'static,
    {
        let filled = gauge.clone();
        let pump = actix_rt::spawn(async move {
            let mut source = Box::pin(source);
            while let Some(Ok(bytes)) = source.next().await {
                if !filled.add(&bytes, limit) {
                    break;
                }
            }
            filled.finish();
        });
        Self { gauge, pump, _pass: pass }
    }
}

impl Stream for Outflow {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut waiting = self.gauge.0.borrow_mut();
        if waiting.bytes.is_empty() {
            if waiting.finished {
                return Poll::Ready(None);
            }
            waiting.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let portion = waiting.bytes.len().min(PORTION_BYTES);
        Poll::Ready(Some(Ok(waiting.bytes.split_to(portion).freeze())))
    }
}

impl Drop for Outflow {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::web::play::gate::Gate;
    use crate::web::play::tests::config;

    fn outflow(chunks: usize, limit: usize) -> (Outflow, Gauge) {
        let gauge = Gauge::new();
        let pass = Gate::new(&config().limits).pass([127, 0, 0, 1].into()).ok().unwrap();
        let source = stream::iter(std::iter::repeat_n(Bytes::from_static(&[7; 1000]), chunks).map(Ok));
        (Outflow::new(source, gauge.clone(), limit, pass), gauge)
    }

    #[actix::test]
    async fn everything_said_is_read_in_portions() {
        let (outflow, gauge) = outflow(50, 100_000);
        let portions: Vec<Bytes> = outflow.map(Result::unwrap).collect().await;
        assert_eq!(portions.iter().map(Bytes::len).sum::<usize>(), 50_000);
        assert!(portions.iter().all(|portion| portion.len() <= PORTION_BYTES));
        assert!(!gauge.has_overflowed());
    }

    #[actix::test]
    async fn too_much_for_a_slow_reader_is_dropped_and_remembered() {
        let (mut outflow, gauge) = outflow(50, 20_000);
        (&mut outflow.pump).await.unwrap();
        assert!(gauge.has_overflowed());
        assert!(outflow.next().await.is_none());
    }
}
