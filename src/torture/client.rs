//! One telnet connection of a player: lines in, lines out, and the end of what went to and fro.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::testing::stream::{Heard, Stream, wide_window};

/// Lines that a violation is shown with.
const TRANSCRIPT: usize = 24;

/// Columns that are told to the world: so many that no report is wrapped.
const COLUMNS: u16 = 500;

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// A connection. It answers no negotiation, as `nc` does not; but it has told how wide it is.
pub(super) struct Client {
    socket: TcpStream,
    stream: Stream,
    /// The line that is not whole yet.
    line: Vec<u8>,
    lines: VecDeque<String>,
    transcript: VecDeque<String>,
    buffer: Box<[u8]>,
}

impl Client {
    /// Connects.
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut socket = timeout(CONNECTING, TcpStream::connect(address)).await??;
        socket.set_nodelay(true)?;
        socket.write_all(&wide_window(COLUMNS)).await?;
        Ok(Self {
            socket,
            stream: Stream::default(),
            line: Vec::new(),
            lines: VecDeque::new(),
            transcript: VecDeque::new(),
            buffer: vec![0; 16 * 1024].into_boxed_slice(),
        })
    }

    /// Types lines, in one packet.
    pub(super) async fn send(&mut self, lines: &[&str]) -> io::Result<()> {
        let mut packet = String::new();
        for line in lines {
            packet += line;
            packet += "\r\n";
            self.note(format!("> {line}"));
        }
        self.socket.write_all(packet.as_bytes()).await
    }

    /// Returns the next line that is neither empty nor a prompt; `None` when the connection is closed. May be given up at any await.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                self.note(format!("< {line}"));
                return Some(line);
            }
            let length = self.socket.read(&mut self.buffer).await.unwrap_or(0);
            if length == 0 {
                self.note("(the connection is closed)".to_owned());
                return None;
            }
            for at in 0..length {
                self.take(self.buffer[at]);
            }
        }
    }

    /// Returns the end of what was typed and seen.
    pub(super) fn transcript(&self) -> Vec<String> {
        self.transcript.iter().cloned().collect()
    }

    fn take(&mut self, byte: u8) {
        match self.stream.take(byte) {
            Some(Heard::Text(b'\n')) => {
                let line = std::mem::take(&mut self.line);
                if !line.trim_ascii().is_empty() {
                    self.lines.push_back(String::from_utf8_lossy(&line).into_owned());
                }
            }
            Some(Heard::Text(byte)) => self.line.push(byte),
            // It was the prompt.
            Some(Heard::Prompt) => self.line.clear(),
            Some(Heard::Asked(..)) | None => {}
        }
    }

    fn note(&mut self, line: String) {
        if self.transcript.len() == TRANSCRIPT {
            self.transcript.pop_front();
        }
        self.transcript.push_back(line);
    }
}
