//! One bot: a telnet connection that types the lines of a scenario, each when the last one was answered.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::answer::{Answer, Progress};
use super::dummy::Profile;
use super::peer::Peer;
use super::scenario::Typed;
use super::{BenchError, Tally};

/// How long a bot waits behind a prompt without the words it wants, before it takes that for the answer.
const DOUBT: Duration = Duration::from_secs(1);

/// The same at a login: the welcome screen's prompt comes first, and passwords wait for their turn to be hashed.
const LOGIN_DOUBT: Duration = Duration::from_secs(30);

/// How long a bot that puts itself in order waits for an answer: it may be refused, and not every server marks prompts.
const RESTORE_DOUBT: Duration = Duration::from_millis(200);

/// What a bot types.
pub(super) enum Part {
    /// These lines, over and over. They end where they began.
    Lines {
        /// What.
        lines: Vec<Typed>,
        /// How long it waits before each.
        think: Duration,
    },
    /// What such a player would.
    Profile(Profile),
}

/// When a run begins to count, and when it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) begin: Instant,
    pub(super) end: Instant,
}

/// A bot in the world.
pub(super) struct Bot {
    number: u32,
    stream: TcpStream,
    answer: Answer,
    buffer: Box<[u8]>,
    /// Bytes received since the last line was counted.
    bytes: u64,
}

impl Bot {
    /// Connects and logs in.
    pub(super) async fn log_in(address: SocketAddr, number: u32, peer: &Peer) -> Result<Self, BenchError> {
        let connected = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connected.await.map_err(|error| BenchError::Io { bot: number, error })?;
        let mut bot =
            Self { number, stream, answer: Answer::new(peer.prompts), buffer: vec![0; 8 * 1024].into(), bytes: 0 };
        if !peer.greeting().is_empty() {
            let greeting = Typed { line: Vec::new(), words: peer.greeting().to_vec() };
            timeout(super::PATIENCE, bot.receive(&greeting, LOGIN_DOUBT)).await.map_err(|_| BenchError::Silent)??;
        }
        let login = peer.entrance(number);
        bot.send(&login).await?;
        match timeout(super::PATIENCE, bot.receive(&login, LOGIN_DOUBT)).await {
            Ok(Ok(true)) => {
                bot.restore(&peer.restoring(number)).await?;
                bot.bytes = 0;
                Ok(bot)
            }
            Ok(Err(error)) => Err(error),
            _ => Err(BenchError::Refused { bot: number, said: bot.answer.said() }),
        }
    }

    /// Returns its number.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Puts itself and its rock where they belong: an earlier run may have been cut off.
    async fn restore(&mut self, lines: &[Typed]) -> Result<(), BenchError> {
        for typed in lines {
            self.send(typed).await?;
            // Whatever is answered, and also if nothing is.
            if let Ok(answered) = timeout(RESTORE_DOUBT, self.receive(typed, RESTORE_DOUBT)).await {
                answered?;
            }
        }
        Ok(())
    }

    /// Plays until the window ends, then on until it is where it began; counts what was sent and answered within.
    pub(super) async fn play(
        mut self,
        part: Part,
        window: Window,
        tally: Rc<RefCell<Tally>>,
    ) -> Result<(), BenchError> {
        match part {
            Part::Lines { lines, think } => {
                while Instant::now() < window.end {
                    for typed in &lines {
                        if !think.is_zero() {
                            sleep(think).await;
                        }
                        self.type_one(typed, window, &tally).await?;
                    }
                }
            }
            Part::Profile(profile) => {
                let mut dice = fastrand::Rng::with_seed(u64::from(self.number));
                // Players do not all begin at the same moment.
                let mut thinks = profile.thinks(&mut dice).mul_f32(dice.f32());
                while Instant::now() + thinks < window.end {
                    sleep(thinks).await;
                    let typed = profile.next(self.number, &mut dice);
                    self.type_one(&typed, window, &tally).await?;
                    thinks = profile.thinks(&mut dice);
                }
                sleep_until(window.end).await;
            }
        }
        Ok(())
    }

    async fn type_one(&mut self, typed: &Typed, window: Window, tally: &RefCell<Tally>) -> Result<(), BenchError> {
        let sent = Instant::now();
        self.send(typed).await?;
        let as_expected = self.receive(typed, DOUBT).await?;
        let answered = Instant::now();
        let mut tally = tally.borrow_mut();
        tally.lines += 1;
        tally.bytes += std::mem::take(&mut self.bytes);
        if sent >= window.begin && answered <= window.end {
            tally.latency.record(answered - sent);
        }
        tally.longest.record(self.number, sent, answered);
        if !as_expected {
            tally.unexpected += 1;
            tally.example.get_or_insert_with(|| format!("{}: {}", self.number, self.answer.said()));
        }
        Ok(())
    }

    async fn send(&mut self, typed: &Typed) -> Result<(), BenchError> {
        self.answer.clear();
        self.stream.write_all(&typed.line).await.map_err(|error| BenchError::Io { bot: self.number, error })
    }

    /// Reads until the answer is complete; false if a prompt came without its words, and nothing more within `doubt`.
    async fn receive(&mut self, typed: &Typed, doubt: Duration) -> Result<bool, BenchError> {
        let mut progress = Progress::Open;
        loop {
            let reading = self.stream.read(&mut self.buffer);
            let read = match progress {
                Progress::Done => return Ok(true),
                Progress::Open => reading.await,
                Progress::Doubtful => match timeout(doubt, reading).await {
                    Ok(read) => read,
                    Err(_) => return Ok(false),
                },
            };
            let length = read.map_err(|error| BenchError::Io { bot: self.number, error })?;
            if length == 0 {
                return Err(BenchError::Closed { bot: self.number, said: self.answer.said() });
            }
            self.bytes += length as u64;
            progress = self.answer.take(&self.buffer[..length], &typed.words);
        }
    }
}
