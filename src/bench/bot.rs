//! One bot: a telnet connection that types the lines of a scenario, each when the last one was answered.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::answer::{Answer, Progress};
use super::scenario::{ROOM, Typed};
use super::{BenchError, PASSWORD, Tally};

/// How long a bot waits behind a prompt without the words it wants, before it takes that for the answer.
const DOUBT: Duration = Duration::from_secs(1);

/// The same at a login: the welcome screen's prompt comes first, and passwords wait for their turn to be hashed.
const LOGIN_DOUBT: Duration = Duration::from_secs(10);

/// A bot in the world.
pub(super) struct Bot {
    number: u32,
    stream: TcpStream,
    answer: Answer,
    buffer: Box<[u8]>,
}

impl Bot {
    /// Connects and logs in.
    pub(super) async fn log_in(address: SocketAddr, number: u32) -> Result<Self, BenchError> {
        let connected = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connected.await.map_err(|error| BenchError::Io { bot: number, error })?;
        let mut bot = Self { number, stream, answer: Answer::default(), buffer: vec![0; 8 * 1024].into() };
        let login = Typed { line: format!("connect bot{number} {PASSWORD}\r\n").into_bytes(), words: ROOM.to_vec() };
        bot.send(&login).await?;
        match timeout(super::PATIENCE, bot.receive(&login, LOGIN_DOUBT)).await {
            Ok(Ok(true)) => Ok(bot),
            Ok(Err(error)) => Err(error),
            _ => Err(BenchError::Refused { bot: number, said: bot.answer.said() }),
        }
    }

    /// Returns its number.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Types `lines` over and over until `end`; counts what was sent from `begin` on and answered by `end`.
    pub(super) async fn play(
        mut self,
        lines: Vec<Typed>,
        think: Duration,
        begin: Instant,
        end: Instant,
        tally: Rc<RefCell<Tally>>,
    ) -> Result<(), BenchError> {
        for typed in lines.iter().cycle() {
            let sent = Instant::now();
            if sent >= end {
                break;
            }
            self.send(typed).await?;
            let as_expected = self.receive(typed, DOUBT).await?;
            let answered = Instant::now();
            if sent >= begin && answered <= end {
                let mut tally = tally.borrow_mut();
                tally.latency.record(answered - sent);
                if !as_expected {
                    tally.unexpected += 1;
                    tally.example.get_or_insert_with(|| self.answer.said());
                }
            }
            if !think.is_zero() {
                sleep(think).await;
            }
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
            progress = self.answer.take(&self.buffer[..length], &typed.words);
        }
    }
}
