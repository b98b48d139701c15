//! A load generator: players at real telnet connections who type as fast as they are answered.
//!
//! A closed loop: each bot sends its next line when the prompt after the answer has come, so that what is measured is
//! what a player waits. It is meant to run beside the world on the same machine, so it must itself be cheap: one thread, two system
//! calls a line. It knows telnet and the words of the answers, and nothing inside the server.
//!
//! Each bot puts itself in order when it has come in, and ends where it began, so that runs may follow each other. The
//! server's own count of lines stands beside the generator's.
//!
//! The world has accounts `bot0`, `bot1` … with the password [`PASSWORD`], and in each one's room a thing `rock<N>`.

mod answer;
mod bot;
mod dummy;
mod flood;
mod histogram;
mod interruption;
mod peer;
mod prepare;
mod process;
mod report;
mod scenario;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime;
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio::time::{Instant, sleep_until, timeout};

use bot::{Bot, Part, Window};
pub use dummy::Profile;
pub use flood::{Flood, Flooded};
use histogram::Histogram;
use interruption::Longest;
pub use interruption::{Interruption, Interruptions};
use peer::Peer;
pub use prepare::{Grid, NoRooms, Size};
pub use process::Processes;
use process::Usage;
pub use report::{Load, Report};
pub use scenario::Scenario;

/// Password of all bots.
pub const PASSWORD: &str = "passw0rdX9";

/// How long a bystander waits between two looks.
const GLANCE: Duration = Duration::from_millis(5);

/// How long a login or an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Logins under way at a time: passwords are hashed, and a queue of a thousand would measure only that.
const LOGINS_AT_ONCE: usize = 32;

/// What shall be run.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Where the world listens for telnet.
    #[arg(long, default_value = "127.0.0.1:4000")]
    pub addr: SocketAddr,
    /// How many bots play.
    #[arg(long, default_value_t = 50)]
    pub clients: u32,
    /// Number of the first bot.
    #[arg(long, default_value_t = 0)]
    pub first: u32,
    /// How long is measured, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// How long they play before it is measured, in seconds.
    #[arg(long, default_value_t = 1)]
    pub warmup: u64,
    /// What they type.
    #[arg(long, value_enum, default_value_t = Scenario::Mix)]
    pub scenario: Scenario,
    /// How long each waits before it types on, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub think: u64,
    /// They act at random instead, with times to think.
    #[arg(long, value_enum)]
    pub profile: Option<Profile>,
    /// This bot looks around meanwhile, every 5 ms, and is measured for itself.
    #[arg(long, value_name = "NUMBER")]
    pub bystander: Option<u32>,
    /// Somebody misbehaves meanwhile, with the accounts behind those of the bots.
    #[arg(long, value_enum)]
    pub flood: Option<Flood>,
    /// The server is replaced or killed meanwhile, every 4.5 s.
    #[arg(long, value_enum)]
    pub interrupt: Option<Interruption>,
    /// A file that tells how another server is played.
    #[arg(long, value_name = "FILE")]
    pub peer: Option<PathBuf>,
    /// The process that holds that server's sockets, to be measured.
    #[arg(long, value_name = "PID", requires = "peer")]
    pub portal_pid: Option<u32>,
    /// The process that runs its world, to be measured.
    #[arg(long, value_name = "PID", requires = "peer")]
    pub server_pid: Option<u32>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// No connection, or it broke.
    #[error("bot{bot}: {error}")]
    Io {
        /// Which bot.
        bot: u32,
        /// What happened.
        error: std::io::Error,
    },
    /// The login was not answered with a room.
    #[error("bot{bot} was not let in; the world said: {said}")]
    Refused {
        /// Which bot.
        bot: u32,
        /// The end of what was shown.
        said: String,
    },
    /// The file about another server does not do.
    #[error("{}: {why}", path.display())]
    Peer {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Nobody has said how another server plays this.
    #[error("the file about {peer} has no scenario {scenario}")]
    NoScenario {
        /// The server.
        peer: String,
        /// The scenario.
        scenario: &'static str,
    },
    /// The server closed the connection.
    #[error("bot{bot} was disconnected; the world said: {said}")]
    Closed {
        /// Which bot.
        bot: u32,
        /// The end of what was shown.
        said: String,
    },
    /// No answer came.
    #[error("a bot was not answered within {} s", PATIENCE.as_secs())]
    Silent,
    /// The runtime could not be made.
    #[error("cannot run: {0}")]
    Runtime(std::io::Error),
}

/// What the bots count, all on one thread.
#[derive(Debug, Default)]
struct Tally {
    latency: Histogram,
    /// All lines, those outside of the window too.
    lines: u64,
    /// Bytes that came back meanwhile.
    bytes: u64,
    unexpected: u64,
    example: Option<String>,
    longest: Longest,
}

/// Logs the bots in, lets them play and returns what was measured. Blocks until it is done.
///
/// `processes` are measured too, where they are known and there is a `/proc`.
///
/// # Errors
///
/// A bot cannot get in, is disconnected or is not answered: a figure without it would not be honest.
pub fn run(options: &Options, processes: Processes) -> Result<Report, BenchError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(BenchError::Runtime)?;
    LocalSet::new().block_on(&runtime, play(options.clone(), processes))
}

async fn play(options: Options, processes: Processes) -> Result<Report, BenchError> {
    let peer = options.peer.as_deref().map_or_else(|| Ok(Peer::everhall()), Peer::read)?;
    let empty = processes.usage();
    let bots = log_in(&options, &peer).await?;
    let idle = processes.usage();
    let bystander = match options.bystander {
        Some(number) => Some(Bot::log_in(options.addr, number, &peer).await?),
        None => None,
    };

    let (tally, glances) = (Rc::new(RefCell::new(Tally::default())), Rc::new(RefCell::new(Tally::default())));
    let begun = processes.figures();
    let begin = Instant::now() + Duration::from_secs(options.warmup);
    let window = Window { begin, end: begin + Duration::from_secs(options.seconds) };
    let mut playing = JoinSet::new();
    for bot in bots {
        let part = match options.profile {
            Some(profile) => Part::Profile(profile),
            None => Part::Lines {
                lines: peer.lines(options.scenario, bot.number())?,
                think: Duration::from_millis(options.think),
            },
        };
        playing.spawn_local(bot.play(part, window, tally.clone()));
    }
    if let Some(bot) = bystander {
        let part = Part::Lines { lines: peer.lines(Scenario::Look, bot.number())?, think: GLANCE };
        playing.spawn_local(bot.play(part, window, glances.clone()));
    }
    let first = options.first + options.clients;
    let flood = options.flood.map(|flood| spawn_local(flood.run(options.addr, first, window.begin, window.end)));
    let interrupting =
        options.interrupt.map(|kind| spawn_local(kind.run(processes.clone(), window.begin, window.end, tally.clone())));
    sleep_until(window.begin).await;
    let (before, own_before) = (processes.usage(), Usage::own());
    sleep_until(window.end).await;
    let (after, own_after) = (processes.usage(), Usage::own());
    while let Some(result) = timeout(PATIENCE, playing.join_next()).await.map_err(|_| BenchError::Silent)? {
        // A bot that panicked has shown that already; its commands are missing from the figure.
        result.map_err(|error| BenchError::Runtime(std::io::Error::other(error)))??;
    }
    let flooded = match flood {
        Some(flood) => timeout(PATIENCE, flood).await.ok().and_then(Result::ok),
        None => None,
    };
    let interruptions = match interrupting {
        Some(interrupting) => interrupting.await.ok(),
        None => None,
    };
    let ended = processes.figures();
    let (tally, glances) = (tally.take(), glances.take());
    let measured = report::Measured {
        usage: [empty, idle, before, after],
        own: own_after.cpu_since(&own_before),
        figures: [begun, ended],
        glances,
        flooded,
        interruptions,
    };
    Ok(Report::new(&options, &peer.name, tally, measured))
}

async fn log_in(options: &Options, peer: &Peer) -> Result<Vec<Bot>, BenchError> {
    let mut logins = JoinSet::new();
    let mut numbers = options.first..options.first + options.clients;
    let mut bots = Vec::new();
    let enter = |number| {
        let (address, peer) = (options.addr, peer.clone());
        async move { Bot::log_in(address, number, &peer).await }
    };
    for number in numbers.by_ref().take(LOGINS_AT_ONCE) {
        logins.spawn_local(enter(number));
    }
    while let Some(bot) = timeout(PATIENCE, logins.join_next()).await.map_err(|_| BenchError::Silent)? {
        bots.push(bot.map_err(|error| BenchError::Runtime(std::io::Error::other(error)))??);
        if let Some(number) = numbers.next() {
            logins.spawn_local(enter(number));
        }
    }
    Ok(bots)
}

#[cfg(test)]
mod tests;
