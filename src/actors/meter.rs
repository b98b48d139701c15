//! Where time goes on the arbiters: how often each kind of actor ran, how long in all, and the longest it held its thread.
//!
//! Each handler begins with `let _metered = meter::start(Kind::Room);`, and so does what an actor does when an answer has
//! come. It costs two readings of the clock, some 50 ns. What counts is CPU time: a thread that the system set aside
//! for another meanwhile has not kept anybody waiting by its own work. The CPU clock is a system call, so it is read
//! only when a handler seems to have taken long, and against a reading that is at most `STALE` old when it began.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

use crate::mailbox::Waiting;

/// How old the CPU clock's last reading may be when a handler begins: by so much a time may be too long.
const STALE: Duration = Duration::from_micros(50);

/// Longer than this no handler should hold its thread: hundreds of rooms share it.
pub const LONG: Duration = Duration::from_micros(500);

/// Kinds of actors on the server's arbiters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sessions.
    Session,
    /// Rooms.
    Room,
    /// Channels.
    Channel,
    /// Scripts.
    Script,
    /// The accounts.
    Accounts,
    /// The world.
    World,
    /// The journal.
    Journal,
    /// The link.
    Link,
    /// The wheels.
    Wheel,
}

const KINDS: [(Kind, &str); 9] = [
    (Kind::Session, "session"),
    (Kind::Room, "room"),
    (Kind::Channel, "channel"),
    (Kind::Script, "script"),
    (Kind::Accounts, "accounts"),
    (Kind::World, "world"),
    (Kind::Journal, "journal"),
    (Kind::Link, "link"),
    (Kind::Wheel, "wheel"),
];

/// One line of cache each: arbiters do not wait for each other to count.
#[repr(align(64))]
struct Meter {
    count: AtomicU64,
    total_ns: AtomicU64,
    max_ns: AtomicU64,
    long: AtomicU64,
    waiting: Waiting,
}

static METERS: [Meter; KINDS.len()] = [const {
    Meter {
        count: AtomicU64::new(0),
        total_ns: AtomicU64::new(0),
        max_ns: AtomicU64::new(0),
        long: AtomicU64::new(0),
        waiting: Waiting::new(),
    }
}; KINDS.len()];

/// A reading of both clocks of a thread.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    cpu: Duration,
}

thread_local! {
    static LAST: Cell<Option<Reading>> = const { Cell::new(None) };
}

/// Measures until it is dropped.
#[must_use = "what is dropped at once measures nothing"]
pub struct Metered {
    kind: Kind,
    began: Instant,
    reading: Reading,
}

/// Begins to measure what an actor of this kind does on the current thread.
pub fn start(kind: Kind) -> Metered {
    let began = Instant::now();
    let reading = match LAST.get() {
        Some(last) if began.duration_since(last.at) < STALE => last,
        _ => {
            let now = Reading { at: began, cpu: cpu() };
            LAST.set(Some(now));
            now
        }
    };
    Metered { kind, began, reading }
}

impl Drop for Metered {
    fn drop(&mut self) {
        let mut took = self.began.elapsed();
        if took >= STALE {
            let now = cpu();
            took = took.min(now.saturating_sub(self.reading.cpu));
            LAST.set(Some(Reading { at: Instant::now(), cpu: now }));
        }
        let (meter, ns) = (&METERS[self.kind as usize], took.as_nanos() as u64);
        meter.count.fetch_add(1, Ordering::Relaxed);
        meter.total_ns.fetch_add(ns, Ordering::Relaxed);
        if took > LONG {
            meter.long.fetch_add(1, Ordering::Relaxed);
        }
        if ns > meter.max_ns.load(Ordering::Relaxed) {
            meter.max_ns.fetch_max(ns, Ordering::Relaxed);
        }
    }
}

/// Returns the CPU time that this thread has used.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Returns what waits in the mailboxes of this kind.
pub fn waiting(kind: Kind) -> &'static Waiting {
    &METERS[kind as usize].waiting
}

/// Returns what was measured so far by kind, in microseconds; with `anew`, the longest times and mailboxes begin again.
pub fn figures(anew: bool) -> Value {
    let figures = KINDS.iter().zip(&METERS).map(|((_, name), meter)| {
        let max_ns = if anew { meter.max_ns.swap(0, Ordering::Relaxed) } else { meter.max_ns.load(Ordering::Relaxed) };
        let figures = json!({
            "count": meter.count.load(Ordering::Relaxed),
            "total_us": meter.total_ns.load(Ordering::Relaxed) / 1000,
            "max_us": max_ns as f64 / 1000.0,
            "over_500_us": meter.long.load(Ordering::Relaxed),
            "mail_waiting": meter.waiting.now(),
            "most_mail_waiting": meter.waiting.most(anew),
        });
        ((*name).to_owned(), figures)
    });
    Value::Object(figures.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> (u64, f64) {
        let figures = figures(false);
        let of = &figures["script"];
        (of["count"].as_u64().unwrap(), of["max_us"].as_f64().unwrap())
    }

    #[test]
    fn work_counts_and_waiting_does_not() {
        // No other test runs scripts.
        let began = Instant::now();
        let metered = start(Kind::Script);
        let (waiting, nobody) = std::sync::mpsc::channel::<()>();
        assert!(nobody.recv_timeout(Duration::from_millis(100)).is_err());
        drop((metered, waiting));
        let (count, max_us) = script();
        assert!(count == 1 && max_us < 50_000.0, "{max_us} µs, though it only waited");

        let metered = start(Kind::Script);
        while cpu_of(&metered) < Duration::from_millis(3) {}
        drop(metered);
        let (count, max_us) = script();
        assert!(count == 2 && max_us >= 3_000.0 && max_us < began.elapsed().as_micros() as f64, "{max_us} µs");
    }

    fn cpu_of(metered: &Metered) -> Duration {
        cpu() - metered.reading.cpu
    }
}
