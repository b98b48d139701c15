//! A websocket client for tests: JSON frames in and out, all of them remembered.

use std::fmt::Display;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::seen::Seen;
use super::{DEADLINE, PASSWORD};

/// One connection to `/ws`. Every wait has [`DEADLINE`] and panics with what came instead.
pub struct WsClient {
    name: String,
    socket: WebSocket<TcpStream>,
    frames: Vec<Value>,
    /// How many of the frames are behind the last match.
    read: usize,
    seen: Seen,
    next: u64,
    closed: bool,
}

impl WsClient {
    /// Connects to `/ws`. `name` appears in the messages of failed waits and is what [`WsClient::enter`] enters as.
    pub fn connect(address: SocketAddr, name: &str) -> Self {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("http accepts a connection");
        Self::over(stream, name).expect("/ws answers the websocket handshake")
    }

    /// Opens `/ws` over a connection; `None` if nobody answers there, as while a portal starts.
    pub fn over(stream: TcpStream, name: &str) -> Option<Self> {
        let address = stream.peer_addr().ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        stream.set_write_timeout(Some(DEADLINE)).ok()?;
        let (socket, _) = tungstenite::client(format!("ws://{address}/ws"), stream).ok()?;
        Some(Self {
            name: name.to_owned(),
            socket,
            frames: Vec::new(),
            read: 0,
            seen: Seen::default(),
            next: 1,
            closed: false,
        })
    }

    /// Types a line under a number of the client's choice.
    pub fn send_line(&mut self, n: u64, line: &str) {
        self.next = self.next.max(n + 1);
        self.send(&json!({ "n": n, "line": line }));
    }

    /// Types a line under the next number and waits until it is acknowledged.
    pub fn line(&mut self, line: &str) {
        let n = self.next;
        self.send_line(n, line);
        self.expect_frame(&format!("the acknowledgement of line {n}"), |frame| frame["ack"] == n);
    }

    /// Makes an account of the client's own name with [`PASSWORD`] and waits until that line is answered.
    pub fn enter(&mut self) {
        self.line(&format!("create {} {PASSWORD}", self.name));
    }

    /// Sends a JSON frame.
    pub fn send(&mut self, frame: &Value) {
        self.send_raw(Message::text(frame.to_string()));
    }

    /// Sends a text frame that need not be JSON.
    pub fn send_text(&mut self, text: &str) {
        self.send_raw(Message::text(text));
    }

    /// Sends a binary frame.
    pub fn send_binary(&mut self, bytes: &[u8]) {
        self.send_raw(Message::binary(bytes.to_vec()));
    }

    fn send_raw(&mut self, message: Message) {
        // A server that closes in the middle of a huge frame is seen by the next read.
        if self.socket.send(message).is_err() {
            self.closed = true;
        }
    }

    /// Waits until `text` is shown, behind the last match.
    pub fn expect_text(&mut self, text: &str) {
        self.wait(format_args!("the text {text:?}"), |client| client.seen.find(text).then_some(()));
    }

    /// Waits for a frame behind the last one that was waited for; `what` names it in the message of a failure.
    pub fn expect_frame(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(what, |client| {
            let found = client.frames[client.read..].iter().position(&wanted)?;
            client.read += found + 1;
            client.frames.get(client.read - 1).cloned()
        })
    }

    /// Waits for an event and returns its data.
    pub fn expect_event(&mut self, name: &str) -> Value {
        self.expect_frame(&format!("the event {name}"), |frame| frame["event"] == name)["data"].clone()
    }

    /// Returns what resumes this session, as the first frame told it.
    pub fn token(&mut self) -> String {
        self.wait("the session's token", |client| {
            client.frames.iter().rev().find_map(|frame| frame["session"]["token"].as_str().map(str::to_owned))
        })
    }

    /// Returns the highest number of a text or event that has come; 0 if none.
    pub fn last_seen(&self) -> u64 {
        self.frames.iter().filter_map(|frame| frame["n"].as_u64()).max().unwrap_or(0)
    }

    /// Takes up the session of a connection that was lost.
    pub fn resume(&mut self, token: &str, seen: u64) {
        self.send(&json!({ "resume": token, "seen": seen }));
    }

    /// Waits for the next frame; false if the connection is closed instead.
    pub fn receive_or_closed(&mut self) -> bool {
        let before = self.frames.len();
        self.wait("a frame, or the end", |client| {
            if client.frames.len() > before { Some(true) } else { client.closed.then_some(false) }
        })
    }

    /// Waits until the server has closed the connection.
    pub fn closed(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        while !self.closed {
            if Instant::now() >= deadline {
                self.fail("was disconnected");
            }
            self.receive(deadline);
        }
    }

    /// Drops the connection without a word.
    pub fn hang_up(self) {
        self.cut();
    }

    /// Cuts the connection, as a network does: this end sees it with its next read.
    pub fn cut(&self) {
        // The peer may have closed first; either way the link is gone.
        let _ = self.socket.get_ref().shutdown(std::net::Shutdown::Both);
    }

    /// Returns every frame that came.
    pub fn frames(&self) -> &[Value] {
        &self.frames
    }

    fn wait<T>(&mut self, what: impl Display, mut found: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            if self.closed {
                self.fail(&format!("got {what}, but the connection was closed"));
            }
            if Instant::now() >= deadline {
                self.fail(&format!("got {what} within {} s", DEADLINE.as_secs()));
            }
            self.receive(deadline);
        }
    }

    fn receive(&mut self, deadline: Instant) {
        let patience = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.socket.get_ref().set_read_timeout(Some(patience)).expect("a socket can be given a timeout");
        match self.socket.read() {
            Ok(Message::Text(text)) => self.take(text.as_str()),
            Ok(Message::Close(_)) => self.closed = true,
            Ok(_) => {}
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(_) => self.closed = true,
        }
    }

    fn take(&mut self, text: &str) {
        let frame: Value = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => panic!("{} got a frame that is not JSON ({error}): {text}", self.name),
        };
        if let Some(text) = frame["text"].as_str() {
            self.seen.push_line(text);
        }
        self.frames.push(frame);
    }

    /// Ends the test: `wish` completes "… should have …".
    fn fail(&self, wish: &str) -> ! {
        let frames: Vec<String> = self.frames.iter().map(Value::to_string).collect();
        panic!("{} should have {wish}.\n--- all frames ---\n{}", self.name, frames.join("\n"))
    }
}
