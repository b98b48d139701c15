//! Fail-points: named steps at which a test has a process end, hang or panic. In a release build there are none.
//!
//! The macro `fail_point!`, with the name of the step, stands where it begins. It does something only in a build with debug assertions,
//! and only if [`VARIABLE`] names a file that holds an [`Order`] for that step:
//!
//! ```text
//! writer.rows 2 1 kill
//! ```
//!
//! The process that reaches the step takes the order out of the file and then obeys it. So an order is obeyed once, the next server
//! lives, and a test gives one order after the other to a world that runs. The file is read at each step: that is slow, and only
//! tests do it.
//!
//! [`ALL`] names every step; a test holds it against the source.

use std::fmt;
use std::str::FromStr;

/// The environment variable that names the file with the order.
pub const VARIABLE: &str = "EVERHALL_FAIL_AT";

/// What is done at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// The process ends as by `kill -9`.
    Kill,
    /// Another process ends so: the server, at one of the portal's steps.
    KillOther(u32),
    /// The process stops as by SIGSTOP; the watchdog ends it.
    Stop,
    /// The thread never comes back.
    Spin,
    /// The thread panics.
    Panic,
}

/// What shall happen where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The name of one of [`ALL`].
    pub step: String,
    /// At which time that a process reaches it; the first is 1.
    pub nth: u32,
    /// What.
    pub deed: Deed,
    /// In how many processes, one after the other.
    pub times: u32,
}

impl Order {
    /// Returns the order to kill the process that reaches a step for the `nth` time.
    pub fn kill(step: &str, nth: u32) -> Self {
        Self { step: step.to_owned(), nth, deed: Deed::Kill, times: 1 }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.step, self.nth, self.times)?;
        match self.deed {
            Deed::Kill => f.write_str("kill"),
            Deed::KillOther(pid) => write!(f, "kill {pid}"),
            Deed::Stop => f.write_str("stop"),
            Deed::Spin => f.write_str("spin"),
            Deed::Panic => f.write_str("panic"),
        }
    }
}

/// The text is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an order for a fail-point")]
pub struct NoOrder;

impl FromStr for Order {
    type Err = NoOrder;

    fn from_str(text: &str) -> Result<Self, NoOrder> {
        let mut words = text.split_whitespace();
        let mut next = || words.next().ok_or(NoOrder);
        let (step, nth, times) = (next()?.to_owned(), next()?, next()?);
        let deed = match (next()?, words.next()) {
            ("kill", None) => Deed::Kill,
            ("kill", Some(pid)) => Deed::KillOther(pid.parse().map_err(|_| NoOrder)?),
            ("stop", _) => Deed::Stop,
            ("spin", _) => Deed::Spin,
            ("panic", _) => Deed::Panic,
            _ => return Err(NoOrder),
        };
        let number = |word: &str| word.parse().map_err(|_| NoOrder);
        Ok(Self { step, nth: number(nth)?, times: number(times)?, deed })
    }
}

/// Marks a step. With a second argument, that is done first if the process is to end here: half of what the step does, for instance.
macro_rules! fail_point {
    ($step:literal) => {
        #[cfg(debug_assertions)]
        if let Some(deed) = $crate::failpoint::armed::is_due($step) {
            $crate::failpoint::armed::obey(deed);
        }
    };
    ($step:literal, $before:expr) => {
        #[cfg(debug_assertions)]
        if let Some(deed) = $crate::failpoint::armed::is_due($step) {
            drop($before);
            $crate::failpoint::armed::obey(deed);
        }
    };
}
pub(crate) use fail_point;

/// Every step. In the order in which a line meets them: to the server, through its actors, to storage, and back to its portal.
pub const ALL: &[Step] = &[
    portal("portal.typed", By::Play),
    portal("portal.line", By::Play),
    server("link.line", By::Play),
    server("session.line", By::Play),
    server("session.sent", By::Play),
    server("room.input", By::Play),
    server("room.performed", By::Play),
    // A walk, and one that is refused.
    server("room.taken_out", By::Play),
    server("room.opened", By::Play),
    server("room.sent_off", By::Play),
    server("world.loads", By::Play),
    server("world.loaded", By::Play),
    server("room.arrival", By::Play),
    server("room.arrived", By::Play),
    server("session.moved", By::Play),
    server("room.turns_away", By::Play),
    server("room.undone", By::Play),
    // What is asked of channels and accounts.
    server("room.asked_channel", By::Play),
    server("channel.say", By::Play),
    server("channel.said", By::Play),
    server("room.asked_accounts", By::Play),
    server("accounts.asked", By::Play),
    server("accounts.answered", By::Play),
    // Coming in, taking over, going out.
    server("link.opened", By::Play),
    server("session.enters", By::Play),
    server("accounts.enter", By::Play),
    server("accounts.verified", By::Play),
    server("accounts.made", By::Play),
    server("accounts.brought_in", By::Play),
    server("session.plays", By::Play),
    server("accounts.takes_over", By::Play),
    server("session.handed_over", By::Play),
    server("room.reseated", By::Play),
    server("accounts.seated", By::Play),
    server("room.left", By::Play),
    server("accounts.left", By::Play),
    server("link.closed", By::Play),
    server("session.lost", By::Play),
    server("session.fades", By::Play),
    // What no line caused.
    server("signal.sent", By::Play),
    server("room.signal", By::Play),
    server("room.timer", By::Play),
    server("room.fired", By::Play),
    server("room.delivered", By::Play),
    server("script.tick", By::Play),
    server("script.ticked", By::Play),
    server("room.sleeps", By::Play),
    // Storing it.
    server("journal.opened", By::Play),
    server("journal.commit", By::Play),
    server("journal.flush", By::Play),
    server("writer.flush", By::Play),
    server("writer.numbered", By::Play),
    server("writer.rows", By::Play),
    server("writer.commits", By::Play),
    server("writer.committed", By::Play),
    server("journal.stored", By::Play),
    // The way back.
    server("link.frame", By::Play),
    server("journal.sent", By::Play),
    server("link.partly_written", By::Play),
    server("link.written", By::Play),
    portal("portal.frames", By::Play),
    portal("portal.group", By::Play),
    portal("portal.applied", By::Play),
    portal("portal.delivered", By::Play),
    portal("portal.confirmed", By::Play),
    // What a portal records of its pages.
    portal("portal.opened", By::Page),
    portal("portal.resumed", By::Page),
    portal("ring.write", By::Page),
    portal("ring.partly_written", By::Page),
    portal("ring.written", By::Page),
    server("link.applied", By::Play),
    // A server's end and the next one's beginning.
    server("link.stop", By::Reload),
    server("link.stopped", By::Reload),
    portal("portal.hello", By::Start),
    server("server.met", By::Start),
    server("server.taken_over", By::Start),
    server("server.loaded", By::Start),
    server("server.restored", By::Start),
    server("server.ready", By::Reload),
    portal("portal.ready", By::Start),
];

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its name: the part of the program, and what it is about to do or has just done.
    pub name: &'static str,
    /// Which process takes it.
    pub process: Process,
    /// What brings a world there.
    pub by: By,
}

/// A process of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// The one that holds the sockets.
    Portal,
    /// The one that runs the world.
    Server,
}

/// What brings a world to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// What players do, and what happens by itself.
    Play,
    /// What a page does, whose session outlives its socket.
    Page,
    /// The start of a server, after whatever ended the last one.
    Start,
    /// A reload.
    Reload,
}

const fn server(name: &'static str, by: By) -> Step {
    Step { name, process: Process::Server, by }
}

const fn portal(name: &'static str, by: By) -> Step {
    Step { name, process: Process::Portal, by }
}

/// What a build with debug assertions has.
#[cfg(debug_assertions)]
pub(crate) mod armed {
    use std::path::PathBuf;
    use std::sync::{Mutex, OnceLock, PoisonError};
    use std::{env, fs, process, thread};

    use rustix::process::{Pid, Signal, kill_process};

    use super::{Deed, Order, VARIABLE};

    /// How often the ordered step was reached.
    static REACHED: Mutex<(String, u32)> = Mutex::new((String::new(), 0));

    /// Returns what is to be done now, if anything is. Takes the order, so that it is not obeyed twice.
    pub(crate) fn is_due(step: &str) -> Option<Deed> {
        static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
        let file = FILE.get_or_init(|| env::var_os(VARIABLE).map(PathBuf::from)).as_ref()?;
        let text = fs::read_to_string(file).ok()?;
        let order: Order = text.parse().ok()?;
        if order.step != step {
            return None;
        }
        let mut reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
        if reached.0 != text {
            *reached = (text, 0);
        }
        reached.1 += 1;
        if reached.1 != order.nth {
            return None;
        }
        let left = Order { times: order.times.saturating_sub(1), ..order };
        // If the order cannot be taken the test would wait for ever; it is obeyed again and again, which the test sees.
        let _ = match left.times {
            0 => fs::remove_file(file),
            _ => fs::write(file, left.to_string()),
        };
        Some(left.deed)
    }

    /// Does it. Comes back only from ending somebody else.
    #[expect(clippy::panic, reason = "it is asked for")]
    pub(crate) fn obey(deed: Deed) {
        match deed {
            Deed::Kill => end(process::id(), Signal::KILL),
            Deed::KillOther(pid) => return end(pid, Signal::KILL),
            Deed::Stop => end(process::id(), Signal::STOP),
            Deed::Spin => {}
            Deed::Panic => panic!("a fail-point"),
        }
        loop {
            thread::yield_now();
        }
    }

    fn end(pid: u32, signal: Signal) {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // One that is gone already has ended as it should.
            let _ = kill_process(pid, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_is_written() {
        for deed in [Deed::Kill, Deed::KillOther(4711), Deed::Stop, Deed::Spin, Deed::Panic] {
            let order = Order { step: "writer.rows".into(), nth: 2, deed, times: 3 };
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        for text in ["", "writer.rows", "writer.rows 1 1", "writer.rows x 1 kill", "writer.rows 1 1 tickle"] {
            assert_eq!(text.parse::<Order>(), Err(NoOrder), "{text}");
        }
    }
}
