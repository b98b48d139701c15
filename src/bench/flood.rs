//! Those who misbehave while others play: what the others notice is the figure.

use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, sleep_until};

use super::PASSWORD;
use super::bot::Bot;
use super::peer::Peer;

/// Lines a second of one who does not wait for answers.
const LINES_PER_SEC: u64 = 10_000;

/// Sockets that never log in.
const SILENT: usize = 2_000;

/// Logins at once.
const LOGINS: u32 = 40;

/// A kind of misbehaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flood {
    /// One client types 10,000 lines a second, whether it is answered or not.
    Lines,
    /// One client types `look` for ever and never reads.
    Deaf,
    /// 2,000 sockets connect and never log in.
    Silent,
    /// 40 accounts log in at once.
    Logins,
}

/// What the flood came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flooded {
    /// Which.
    pub flood: Flood,
    /// Lines it got rid of, sockets it opened, accounts that are in.
    pub count: u64,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
    /// It was disconnected.
    pub disconnected: bool,
}

impl Flood {
    /// Floods from `begin` to `end`, with accounts from `first` on.
    pub(super) async fn run(self, address: SocketAddr, first: u32, begin: Instant, end: Instant) -> Flooded {
        sleep_until(begin).await;
        let (count, disconnected) = match self {
            Self::Lines => lines(address, first, end).await,
            Self::Deaf => deaf(address, first, end).await,
            Self::Silent => return silent(address, end).await,
            Self::Logins => (logins(address, first).await, false),
        };
        Flooded { flood: self, count, took_ms: begin.elapsed().as_millis() as u64, disconnected }
    }
}

async fn connect(address: SocketAddr, bot: u32) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("connect bot{bot} {PASSWORD}\r\n").as_bytes()).await?;
    Ok(stream)
}

/// Writes 10 lines each millisecond, as far as they are taken; reads and forgets what comes.
async fn lines(address: SocketAddr, bot: u32, end: Instant) -> (u64, bool) {
    let Ok(stream) = connect(address, bot).await else { return (0, true) };
    let (mut read, mut write) = stream.into_split();
    let reading = tokio::task::spawn_local(async move {
        let mut buffer = vec![0; 64 * 1024];
        while read.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
    });
    let batch = "say hello from a flood\r\n".repeat((LINES_PER_SEC / 1000) as usize);
    let mut ticks = interval(Duration::from_millis(1));
    let mut count = 0;
    let disconnected = loop {
        ticks.tick().await;
        tokio::select! {
            () = sleep_until(end) => break false,
            written = write.write_all(batch.as_bytes()) => match written {
                Ok(()) => count += LINES_PER_SEC / 1000,
                Err(_) => break true,
            }
        }
        if reading.is_finished() {
            break true;
        }
    };
    reading.abort();
    (count, disconnected)
}

/// Writes as fast as it is let, and reads nothing.
async fn deaf(address: SocketAddr, bot: u32, end: Instant) -> (u64, bool) {
    let Ok(mut stream) = connect(address, bot).await else { return (0, true) };
    let mut count = 0;
    loop {
        tokio::select! {
            () = sleep_until(end) => return (count, false),
            written = stream.write_all(b"look\r\n") => match written {
                Ok(()) => count += 1,
                Err(_) => return (count, true),
            }
        }
    }
}

async fn silent(address: SocketAddr, end: Instant) -> Flooded {
    let began = Instant::now();
    let mut sockets = Vec::new();
    while sockets.len() < SILENT && Instant::now() < end {
        match TcpStream::connect(address).await {
            Ok(socket) => sockets.push(socket),
            Err(_) => break,
        }
    }
    let (count, took_ms) = (sockets.len() as u64, began.elapsed().as_millis() as u64);
    sleep_until(end).await;
    Flooded { flood: Flood::Silent, count, took_ms, disconnected: false }
}

async fn logins(address: SocketAddr, first: u32) -> u64 {
    let mut entering = tokio::task::JoinSet::new();
    for bot in first..first + LOGINS {
        entering.spawn_local(async move {
            let peer = Peer::everhall();
            Bot::log_in(address, bot, &peer).await.is_ok()
        });
    }
    entering.join_all().await.into_iter().filter(|is_in| *is_in).count() as u64
}
