//! What a websocket may send, bounded before it is buffered: bytes per second and bytes per frame.
//!
//! The websocket codec collects a frame whole before it judges its length, so a header that announces a gigabyte
//! would be believed. [`FrameFilter`] reads headers only and drops a long frame's bytes as they come.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::error::PayloadError;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep};

/// Seconds over which the rate is averaged.
const BURST_SECS: f64 = 4.0;

/// A request's payload, read no faster than allowed and without the frames that are too long.
///
/// A long frame shows as [`PayloadError::Overflow`] in its place; the stream goes on behind it.
pub(super) struct Inflow<S> {
    source: S,
    filter: FrameFilter,
    allowance: Allowance,
    pause: Option<Pin<Box<Sleep>>>,
    kept: Bytes,
}

impl<S> Inflow<S> {
    /// Returns `source` bounded to `bytes_per_sec`, averaged over 4 s, and to frames of `frame_bytes`.
    pub(super) fn new(source: S, bytes_per_sec: usize, frame_bytes: usize) -> Self {
        Self {
            source,
            filter: FrameFilter::new(frame_bytes),
            allowance: Allowance::new(bytes_per_sec, Instant::now()),
            pause: None,
            kept: Bytes::new(),
        }
    }
}

impl<S> Stream for Inflow<S>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if !self.kept.is_empty() {
                return Poll::Ready(Some(Ok(std::mem::take(&mut self.kept))));
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            let chunk = match ready!(Pin::new(&mut self.source).poll_next(cx)) {
                Some(Ok(chunk)) => chunk,
                end => return Poll::Ready(end),
            };
            let debt = self.allowance.charge(chunk.len(), Instant::now());
            self.pause = (!debt.is_zero()).then(|| Box::pin(sleep(debt)));
            let (kept, dropped) = self.filter.pass(&chunk);
            self.kept = kept;
            if dropped {
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
        }
    }
}

/// How many bytes may still be read without a pause.
struct Allowance {
    bytes_per_sec: f64,
    bytes: f64,
    refilled: Instant,
}

impl Allowance {
    fn new(bytes_per_sec: usize, now: Instant) -> Self {
        let bytes_per_sec = bytes_per_sec.max(1) as f64;
        Self { bytes_per_sec, bytes: bytes_per_sec * BURST_SECS, refilled: now }
    }

    /// Takes `length` bytes off; returns how long to pause before the next read.
    fn charge(&mut self, length: usize, now: Instant) -> Duration {
        let earned = now.duration_since(self.refilled).as_secs_f64() * self.bytes_per_sec;
        self.refilled = now;
        self.bytes = (self.bytes + earned).min(self.bytes_per_sec * BURST_SECS) - length as f64;
        Duration::from_secs_f64((-self.bytes).max(0.0) / self.bytes_per_sec)
    }
}

/// Follows the frame headers of a websocket's bytes (RFC 6455, section 5.2) and drops frames that are too long.
struct FrameFilter {
    frame_bytes: u64,
    header: BytesMut,
    /// Bytes of the current frame's payload still to come.
    left: u64,
    dropping: bool,
}

impl FrameFilter {
    fn new(frame_bytes: usize) -> Self {
        Self { frame_bytes: frame_bytes as u64, header: BytesMut::new(), left: 0, dropping: false }
    }

    /// Returns what is left of `chunk` and whether a frame that begins in it is dropped.
    fn pass(&mut self, mut chunk: &[u8]) -> (Bytes, bool) {
        let mut kept = BytesMut::with_capacity(chunk.len());
        let mut dropped = false;
        while !chunk.is_empty() {
            if self.left > 0 {
                let (payload, rest) = chunk.split_at(chunk.len().min(usize::try_from(self.left).unwrap_or(usize::MAX)));
                if !self.dropping {
                    kept.extend_from_slice(payload);
                }
                self.left -= payload.len() as u64;
                chunk = rest;
                continue;
            }
            self.header.extend_from_slice(&chunk[..1]);
            chunk = &chunk[1..];
            if let Some(length) = payload_length(&self.header) {
                self.left = length;
                self.dropping = length > self.frame_bytes;
                if self.dropping {
                    dropped = true;
                } else {
                    kept.extend_from_slice(&self.header);
                }
                self.header.clear();
            }
        }
        (kept.freeze(), dropped)
    }
}

/// Returns the payload's length once `header` is complete.
fn payload_length(header: &[u8]) -> Option<u64> {
    let mask = if header.get(1)? & 0x80 == 0 { 0 } else { 4 };
    let (length, size) = match header[1] & 0x7f {
        126 => (u64::from(u16::from_be_bytes(header.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(header.get(2..10)?.try_into().ok()?), 10),
        short => (u64::from(short), 2),
    };
    (header.len() >= size + mask).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked text frame of `length` bytes, as browsers send them.
    fn frame(length: usize) -> Vec<u8> {
        let mut bytes = vec![0x81];
        match length {
            0..126 => bytes.push(0x80 | length as u8),
            126..65_536 => {
                bytes.push(0x80 | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(0x80 | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(std::iter::repeat_n(b'x', length));
        bytes
    }

    fn pass(bytes: &[u8], chunk: usize) -> (Vec<u8>, bool) {
        let mut filter = FrameFilter::new(1000);
        let mut kept = Vec::new();
        let mut dropped = false;
        for chunk in bytes.chunks(chunk) {
            let (bytes, drops) = filter.pass(chunk);
            kept.extend(bytes);
            dropped |= drops;
        }
        (kept, dropped)
    }

    #[test]
    fn only_frames_that_are_too_long_are_dropped_however_the_bytes_are_split() {
        let good = [frame(0), frame(125), frame(126), frame(1000)].concat();
        let mixed = [frame(0), frame(1001), frame(125), frame(70_000), frame(126), frame(1000)].concat();
        for chunk in [1, 2, 7, 4096, 10_000] {
            assert!(pass(&good, chunk) == (good.clone(), false), "chunks of {chunk}");
            assert!(pass(&mixed, chunk) == (good.clone(), true), "chunks of {chunk}");
        }
    }

    #[test]
    fn an_announced_gigabyte_is_not_collected() {
        let mut filter = FrameFilter::new(1000);
        let mut header = vec![0x81, 0xff];
        header.extend((1u64 << 30).to_be_bytes());
        header.extend([0; 4]);
        assert_eq!(filter.pass(&header), (Bytes::new(), true));
        assert_eq!(filter.pass(&[0; 4096]), (Bytes::new(), false));
    }

    #[test]
    fn a_flood_is_read_at_the_allowed_rate() {
        let began = Instant::now();
        let mut now = began;
        let mut allowance = Allowance::new(10_000, began);
        for _ in 0..100 {
            now += allowance.charge(1000, now);
        }
        // 100,000 bytes, of which 40,000 are the burst.
        assert!((5.9..6.1).contains(&now.duration_since(began).as_secs_f64()));
    }

    #[test]
    fn who_waits_for_each_answer_never_pauses() {
        let mut now = Instant::now();
        let mut allowance = Allowance::new(10_000, now);
        for _ in 0..1000 {
            assert_eq!(allowance.charge(100, now), Duration::ZERO);
            now += Duration::from_millis(10);
        }
    }
}
