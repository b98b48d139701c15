//! A telnet client for tests: remembers all it saw, answers negotiations like a plain terminal of 250 columns.

use std::fmt::Display;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::seen::Seen;
use super::stream::{DO, DONT, Heard, IAC, NAWS, Stream, WILL, WONT, window};
use super::{DEADLINE, PASSWORD};

const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;
const END_OF_RECORD: u8 = 25;

/// Markers are unique in the whole process, so that one seen in a `recall` is not taken for another.
static MARKERS: AtomicU32 = AtomicU32::new(1);

/// One telnet connection, of one player.
///
/// Every wait has [`DEADLINE`] and panics with what came instead.
#[derive(Debug)]
pub struct TelnetClient {
    name: String,
    stream: TcpStream,
    raw: Vec<u8>,
    seen: Seen,
    state: Stream,
    answers: bool,
    echo_off: bool,
    negotiated: Vec<(u8, u8)>,
    closed: bool,
}

impl TelnetClient {
    /// Connects. `name` appears in the messages of failed waits and is what [`TelnetClient::enter`] enters as.
    pub fn connect(address: SocketAddr, name: &str) -> Self {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("telnet accepts a connection");
        stream.set_nodelay(true).expect("a socket can be set to send at once");
        stream.set_write_timeout(Some(DEADLINE)).expect("a socket can be given a timeout");
        Self {
            name: name.to_owned(),
            stream,
            raw: Vec::new(),
            seen: Seen::default(),
            state: Stream::default(),
            answers: true,
            echo_off: false,
            negotiated: Vec::new(),
            closed: false,
        }
    }

    /// Stops answering negotiations, like a bare `nc`.
    pub fn mute(mut self) -> Self {
        self.answers = false;
        self
    }

    /// Returns the player's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Types a line.
    pub fn send(&mut self, line: &str) {
        self.send_raw(format!("{line}\r\n").as_bytes());
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_send_raw(bytes) {
            self.fail(&format!("could send {:?}: {error}", String::from_utf8_lossy(bytes)));
        }
    }

    /// Sends bytes as they are, to a server that may have closed the connection.
    ///
    /// # Errors
    ///
    /// As [`Write::write_all`]; a server that does not read for [`DEADLINE`] is one too.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits until `text` comes, behind the last match, in one line as the server wrote it.
    pub fn expect(&mut self, text: &str) {
        self.wait(format_args!("{text:?}"), |client| client.seen.find(text));
    }

    /// As [`TelnetClient::expect`], and counts the rest of that line as read too.
    pub fn expect_line(&mut self, text: &str) {
        self.wait(format_args!("a line with {text:?}"), |client| client.seen.find_line(text));
    }

    /// Types a line and waits for a text of its answer.
    pub fn ask(&mut self, line: &str, text: &str) {
        self.send(line);
        self.expect(text);
    }

    /// Waits until everything typed so far has been answered: says something and waits to hear itself. Reads nothing away.
    pub fn sync(&mut self) {
        let marker = format!("marker-{}", MARKERS.fetch_add(1, Ordering::Relaxed));
        self.send(&format!("say {marker}"));
        let heard = format!("You say, \"{marker}\"");
        self.wait(format_args!("{heard:?} (all typed so far is answered)"), |client| client.unread().contains(&heard));
    }

    /// Waits as [`TelnetClient::sync`] does and returns the lines that came since the last match, without markers, prompts and empty
    /// lines. They count as read.
    pub fn settle(&mut self) -> Vec<String> {
        self.sync();
        let lines = self.seen.unread_lines();
        self.seen.skip();
        lines.into_iter().filter(|line| !is_marker(line)).collect()
    }

    /// Asserts that `text` does not come: not before the answer to something typed now.
    pub fn expect_not(&mut self, text: &str) {
        let lines = self.settle();
        assert!(
            !lines.iter().any(|line| line.contains(text)),
            "{} saw {text:?}, which should not have come, in\n{}",
            self.name,
            lines.join("\n")
        );
    }

    /// Waits until `done` says so; `what` names it in the message of a failure.
    pub fn wait(&mut self, what: impl Display, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !done(self) {
            if self.closed {
                self.fail(&format!("got {what}, but the connection was closed"));
            }
            if Instant::now() >= deadline {
                self.fail(&format!("got {what} within {} s", DEADLINE.as_secs()));
            }
            self.read(deadline);
        }
    }

    /// Logs in with the one-line form and waits until the character is in the world.
    pub fn login(&mut self, name: &str, password: &str) {
        self.enter_with(&format!("connect {} {password}", quoted(name)));
    }

    /// Makes an account with the one-line form and waits until the character is in the world.
    pub fn create(&mut self, name: &str, password: &str) {
        self.enter_with(&format!("create {} {password}", quoted(name)));
    }

    /// Makes an account of the client's own name with [`PASSWORD`].
    pub fn enter(&mut self) {
        self.create(&self.name.clone(), PASSWORD);
    }

    fn enter_with(&mut self, line: &str) {
        self.send(line);
        self.settle();
    }

    /// Waits until the server has closed the connection.
    pub fn closed(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        while !self.closed {
            if Instant::now() >= deadline {
                self.fail("was disconnected");
            }
            self.read(deadline);
        }
    }

    /// Drops the link without a word, as a lost network does once it is noticed.
    pub fn hang_up(self) {
        // The peer may have closed first; either way the link is gone.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Reads what has come and tells whether the connection is closed, without waiting.
    pub fn is_closed(&mut self) -> bool {
        self.read(Instant::now());
        self.closed
    }

    /// Returns whether the server has taken over echo, as it does while a password is typed.
    pub fn echo_off(&self) -> bool {
        self.echo_off
    }

    /// Returns how many prompts (ended by GA or EOR) have come.
    pub fn prompts(&self) -> usize {
        self.seen.prompts()
    }

    /// Returns every negotiation that came: verb (251 WILL … 254 DONT) and option.
    pub fn negotiated(&self) -> &[(u8, u8)] {
        &self.negotiated
    }

    /// Returns every byte that came.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Returns all text that came, without negotiations and colours.
    pub fn text(&self) -> String {
        self.seen.all()
    }

    /// Returns the text behind the last match.
    pub fn unread(&self) -> String {
        self.seen.unread()
    }

    /// Counts all that has come as read.
    pub fn skip(&mut self) {
        self.seen.skip();
    }

    /// Tells a new window size (NAWS).
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.send_raw(&window(columns, rows));
    }

    /// Reads once: until something comes, or `deadline`.
    fn read(&mut self, deadline: Instant) {
        let patience = deadline.saturating_duration_since(Instant::now()).max(std::time::Duration::from_millis(1));
        self.stream.set_read_timeout(Some(patience)).expect("a socket can be given a timeout");
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.closed = true,
            Ok(length) => {
                self.raw.extend_from_slice(&buffer[..length]);
                buffer[..length].iter().for_each(|byte| self.take(*byte));
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(_) => self.closed = true,
        }
    }

    fn take(&mut self, byte: u8) {
        match self.state.take(byte) {
            Some(Heard::Text(byte)) => self.seen.push(byte),
            Some(Heard::Prompt) => self.seen.end_prompt(),
            Some(Heard::Asked(verb, option)) => self.negotiate(verb, option),
            None => {}
        }
    }

    fn negotiate(&mut self, verb: u8, option: u8) {
        self.negotiated.push((verb, option));
        if option == ECHO && matches!(verb, WILL | WONT) {
            self.echo_off = verb == WILL;
        }
        if !self.answers {
            return;
        }
        let answer = match (verb, option) {
            (WILL, ECHO | SUPPRESS_GO_AHEAD | END_OF_RECORD) => DO,
            (WILL | WONT, _) => DONT,
            (DO, NAWS) => WILL,
            (_, _) => WONT,
        };
        // A server that has closed is seen by the next read.
        let _ = self.stream.write_all(&[IAC, answer, option]);
        if (verb, option) == (DO, NAWS) {
            self.resize(250, 50);
        }
    }

    /// Ends the test: `wish` completes "… should have …".
    fn fail(&self, wish: &str) -> ! {
        panic!(
            "{} should have {wish}.\n--- seen since the last match ---\n{}\n--- before ---\n{}",
            self.name,
            self.seen.unread(),
            tail(&self.seen.all(), 2000)
        )
    }
}

/// Returns whether a line is somebody's marker of [`TelnetClient::settle`].
pub(super) fn is_marker(line: &str) -> bool {
    line.contains("\"marker-")
}

/// A name as the login forms want it: in quotes if it has spaces.
fn quoted(name: &str) -> String {
    if name.contains(' ') { format!("\"{name}\"") } else { name.to_owned() }
}

fn tail(text: &str, bytes: usize) -> &str {
    let start = text.len().saturating_sub(bytes);
    (start..=text.len()).find_map(|at| text.get(at..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// A client and the other end of its socket.
    fn pair() -> (TelnetClient, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TelnetClient::connect(listener.local_addr().unwrap(), "Ann");
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn negotiations_and_colours_are_not_text_wherever_a_read_ends() {
        let (mut client, mut server) = pair();
        let bytes = b"a\xff\xfb\x01b\xff\xfa\x18\x01\xff\xff\xff\xf0c\x1b[1;31md\x1b]8;;x\x1b\\e\xff\xffz\r\n";
        for byte in bytes {
            server.write_all(&[*byte]).unwrap();
        }
        client.expect("abcde");
        client.expect("z\n");
        assert!(client.echo_off());
        assert_eq!(client.negotiated(), [(WILL, ECHO)]);
    }

    #[test]
    fn the_window_size_is_told_when_asked_for() {
        let (mut client, mut server) = pair();
        server.write_all(b"\xff\xfd\x1f\xff\xfd\x63done\r\n").unwrap();
        client.expect("done");
        let mut answer = [0; 15];
        server.read_exact(&mut answer).unwrap();
        assert_eq!(answer, *b"\xff\xfb\x1f\xff\xfa\x1f\x00\xfa\x00\x32\xff\xf0\xff\xfc\x63");
    }

    #[test]
    fn settling_returns_what_came_without_prompts_and_markers() {
        let (mut client, mut server) = pair();
        let answering = std::thread::spawn(move || {
            let mut typed = String::new();
            BufReader::new(server.try_clone().unwrap()).read_line(&mut typed).unwrap();
            let marker = typed.trim_end().strip_prefix("say ").unwrap().to_owned();
            write!(server, "> ").unwrap();
            server.write_all(b"\xff\xf9\r\nBob waves.\r\nBob says, \"marker-0\"\r\n").unwrap();
            write!(server, "You say, \"{marker}\"\r\n").unwrap();
        });
        assert_eq!(client.settle(), ["Bob waves."]);
        assert!(!client.unread().contains("Bob"));
        answering.join().unwrap();
    }

    #[test]
    #[should_panic(expected = "Ann should have got \"hello\", but the connection was closed")]
    fn a_closed_connection_ends_a_wait_at_once() {
        let (mut client, server) = pair();
        drop(server);
        client.expect("hello");
    }
}
