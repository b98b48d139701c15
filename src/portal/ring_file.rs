//! The ring file: what a portal leaves for the one that follows when it dies, so that pages carry on where they were.
//!
//! It holds of each resumable session how far its lines are, its note and facts, and its ring; no line that was typed. Whatever a turn of the
//! portal's event loop changes of that is collected and written at once, *before* anything of it leaves the process: before a delivery to
//! a page, a line or a confirmation to the server. It is never synchronised with the disk: written bytes are the kernel's and
//! survive the process, which is all that is asked. After a loss of power the file is not used.
//!
//! Records are only appended. When a file has grown, the next one is begun, and the sessions that live are carried over into it little by little; then
//! the old one goes.

mod record;
mod replay;

#[cfg(test)]
mod tests;

pub use replay::{Revived, RevivedSession};

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use blake2::{Blake2s256, Digest};
use tracing::{info, warn};

use self::record::{Head, Record, Saved, Told, VERSION, put};
use super::door::Delivery;
use super::lines::Progress;
use super::replay::Replay;
use crate::failpoint::fail_point;
use crate::ids::SessionId;
use crate::wire::Facts;

/// Name of the file within the data directory.
pub const RING_FILE: &str = "portal.ring";
/// Name of the one before, while sessions are carried over.
const OLD_FILE: &str = "portal.ring.old";

/// A file is followed by the next when it holds this much more than twice what there is to carry over.
const FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes carried over with each write, beside twice what it wrote.
const CARRIED_BYTES: u64 = 4 * 1024;
/// How long a file that could not be written is left alone.
const RETRY: Duration = Duration::from_secs(60);

/// What a session's token is known by: whoever reads the file cannot take up a session with it.
pub type TokenKey = [u8; 32];

/// Returns what a token is known by.
pub fn token_key(token: &str) -> TokenKey {
    Blake2s256::digest(token).into()
}

/// All that is saved of a session.
#[derive(Debug)]
pub struct SessionState<'a> {
    /// Which.
    pub session: SessionId,
    /// What its token is known by.
    pub key: &'a TokenKey,
    /// What is known of its other end.
    pub facts: &'a Facts,
    /// What the server wants back at the next hello.
    pub note: &'a [u8],
    /// How far its lines are.
    pub progress: Progress,
    /// What its next socket must be told.
    pub replay: &'a Replay,
    /// Number of the last text or event.
    pub delivered: u64,
}

/// The file, as its portal writes it.
#[derive(Debug)]
pub struct RingFile {
    data_dir: PathBuf,
    boot: String,
    /// `None` after a failure, until it is tried again.
    file: Option<File>,
    number: u64,
    written: u64,
    /// The frame of this turn: its length, then its records.
    frame: Vec<u8>,
    /// The last epoch and flush recorded.
    applied: (u64, u64),
    /// Sessions of which this file does not know all.
    to_carry: VecDeque<SessionId>,
    /// The file before is still needed.
    has_old: bool,
    /// Bytes that may be carried over before the next write.
    credit: u64,
    failed_at: Option<Instant>,
}

impl RingFile {
    /// Reads what the portal before this one has left, and begins a file with it. A file that cannot be read or written is no reason not to start: then
    /// sessions end with their portal.
    pub fn open(data_dir: &Path) -> (Self, Revived) {
        Self::open_in(data_dir, &boot_id())
    }

    fn open_in(data_dir: &Path, boot: &str) -> (Self, Revived) {
        let (number, revived) = read(data_dir, boot).unwrap_or_else(|error| {
            warn!("the ring file cannot be used, sessions of the portal before are lost: {error}");
            (0, Revived::default())
        });
        let mut ring_file = Self { data_dir: data_dir.to_owned(), boot: boot.to_owned(), number, ..Self::nowhere() };
        let begun = ring_file.begin_with(&revived);
        ring_file.note_failure(begun);
        (ring_file, revived)
    }

    /// Returns one that writes nothing.
    pub fn nowhere() -> Self {
        Self {
            data_dir: PathBuf::new(),
            boot: String::new(),
            file: None,
            number: 0,
            written: 0,
            frame: Vec::new(),
            applied: (0, 0),
            to_carry: VecDeque::new(),
            has_old: false,
            credit: 0,
            failed_at: None,
        }
    }

    /// Begins a file that holds all of some sessions, in place of whatever there is.
    fn begin_with(&mut self, revived: &Revived) -> io::Result<()> {
        let new = self.data_dir.join(RING_FILE).with_extension("ring.new");
        self.applied = (revived.epoch, revived.applied);
        self.create(&new)?;
        for (id, session) in &revived.sessions {
            self.session(&session.state(*id));
        }
        self.write_frame()?;
        fs::rename(&new, self.data_dir.join(RING_FILE))?;
        remove(&self.data_dir.join(OLD_FILE))
    }

    fn create(&mut self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        self.file = Some(file);
        (self.number, self.written) = (self.number + 1, 0);
        self.frame.clear();
        let boot = std::mem::take(&mut self.boot);
        self.add(&Record::Head(Head { version: VERSION, boot: &boot, number: self.number }));
        self.boot = boot;
        let (epoch, flush) = self.applied;
        self.add(&Record::Applied { epoch, flush });
        Ok(())
    }

    fn add(&mut self, record: &Record<'_>) {
        if self.file.is_none() {
            return;
        }
        if self.frame.is_empty() {
            self.frame.extend([0; 4]);
        }
        put(record, &mut self.frame);
    }

    /// Records a session that was opened, or carries one over.
    pub fn session(&mut self, state: &SessionState<'_>) {
        self.add(&Record::Session(Box::new(saved(state))));
    }

    /// Records that a session is over.
    pub fn ended(&mut self, session: SessionId) {
        self.add(&Record::Ended { session });
    }

    /// Records that a session's next line goes to the server; `client` is the client's own number for it.
    pub fn sent(&mut self, session: SessionId, client: Option<u64>) {
        self.add(&Record::Sent { session, client });
    }

    /// Records that a session's line is acknowledged.
    pub fn acked(&mut self, session: SessionId, n: u64) {
        self.add(&Record::Acked { session, n });
    }

    /// Records that all groups up to a flush are applied.
    pub fn applied(&mut self, epoch: u64, flush: u64) {
        self.applied = (epoch, flush);
        self.add(&Record::Applied { epoch, flush });
    }

    /// Records a text that gets the next number of each of these sessions.
    pub fn text(&mut self, to: Vec<SessionId>, text: &str) {
        if !to.is_empty() {
            self.add(&Record::Text { to, text });
        }
    }

    /// Records an event that gets the next number of each of these sessions.
    pub fn event(&mut self, to: Vec<SessionId>, name: &str, data: &str) {
        if !to.is_empty() {
            self.add(&Record::Event { to, name, data });
        }
    }

    /// Records a delivery that has no number.
    pub fn unnumbered(&mut self, to: SessionId, delivery: &Delivery) {
        match delivery {
            Delivery::Prompt(text) => self.add(&Record::Prompt { to, text }),
            Delivery::Secret(on) => self.add(&Record::Secret { to, on: *on }),
            Delivery::Setting { name, value } => self.add(&Record::Setting { to, name, value }),
            Delivery::Text { .. } | Delivery::Event { .. } | Delivery::Ack { .. } | Delivery::Close(_) => {}
        }
    }

    /// Records what the server wants back of a session.
    pub fn note(&mut self, to: SessionId, note: &[u8]) {
        self.add(&Record::Note { to, note });
    }

    /// Writes what was recorded since the last time, all of it or nothing. Whatever follows from it may leave the process then.
    pub fn write(&mut self) {
        if !self.frame.is_empty() {
            fail_point!("ring.write");
            self.credit = CARRIED_BYTES + 2 * self.frame.len() as u64;
            let written = self.write_frame();
            self.note_failure(written);
            fail_point!("ring.written");
        }
    }

    fn write_frame(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let length = u32::try_from(self.frame.len() - 4).map_err(io::Error::other)?;
        self.frame[..4].copy_from_slice(&length.to_le_bytes());
        fail_point!("ring.partly_written", file.write_all(&self.frame[..self.frame.len() / 2]));
        file.write_all(&self.frame)?;
        self.written += self.frame.len() as u64;
        self.frame.clear();
        Ok(())
    }

    /// Returns the next session that is to be carried over now: the caller saves it with [`RingFile::carried`] if it still is.
    pub fn next_to_carry(&mut self) -> Option<SessionId> {
        if !self.has_old || self.credit == 0 {
            return None;
        }
        let next = self.to_carry.pop_front();
        if next.is_none() {
            self.has_old = false;
            let removed = remove(&self.data_dir.join(OLD_FILE));
            self.note_failure(removed);
        }
        next
    }

    /// Carries a session over from the file before.
    pub fn carried(&mut self, state: &SessionState<'_>) {
        self.session(state);
        self.credit = self.credit.saturating_sub(self.frame.len() as u64);
        let written = self.write_frame();
        self.note_failure(written);
    }

    /// Begins the next file if this one has grown enough, or tries again if it could not be written. Called once a second with the resumable
    /// sessions and how many bytes their rings hold.
    pub fn turn_over(&mut self, sessions: impl Iterator<Item = (SessionId, usize)>) {
        let is_due = match self.failed_at {
            Some(failed_at) => failed_at.elapsed() >= RETRY,
            None => self.written > FILE_BYTES && !self.has_old,
        };
        self.credit = self.credit.max(CARRIED_BYTES);
        if !is_due {
            return;
        }
        let (sessions, bytes): (VecDeque<SessionId>, Vec<usize>) = sessions.unzip();
        let live: usize = bytes.iter().sum();
        if self.failed_at.is_none() && self.written < FILE_BYTES + 2 * live as u64 {
            return;
        }
        self.write();
        (self.to_carry, self.has_old) = (sessions, true);
        let turned = self.next_file();
        self.failed_at = None;
        self.note_failure(turned);
    }

    fn next_file(&mut self) -> io::Result<()> {
        let path = self.data_dir.join(RING_FILE);
        if self.file.take().is_some() {
            fs::rename(&path, self.data_dir.join(OLD_FILE))?;
        }
        self.create(&path)?;
        self.write_frame()
    }

    /// Without a file sessions end with their portal. What it holds is behind the times then, and must not be read again.
    fn note_failure(&mut self, result: io::Result<()>) {
        let Err(error) = result else { return };
        warn!("the ring file cannot be written, sessions will not outlive the portal: {error}");
        self.file = None;
        self.frame.clear();
        (self.to_carry, self.has_old) = (VecDeque::new(), false);
        self.failed_at = Some(Instant::now());
        let _ = forget(&self.data_dir);
    }
}

/// Removes what a portal has left: it ended in good order, with all its sessions.
///
/// # Errors
///
/// If a file is there and stays.
pub fn forget(data_dir: &Path) -> io::Result<()> {
    // The older one first: it is of no use without the other.
    remove(&data_dir.join(OLD_FILE))?;
    remove(&data_dir.join(RING_FILE))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns what a portal would find now.
#[cfg(test)]
pub(super) fn recorded(data_dir: &Path) -> Revived {
    read(data_dir, &boot_id()).map(|(_, revived)| revived).unwrap_or_default()
}

/// Returns the number of the last file, and all that the files say.
fn read(data_dir: &Path, boot: &str) -> io::Result<(u64, Revived)> {
    let load = |name: &str| match fs::read(data_dir.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    };
    let (old, new) = (load(OLD_FILE)?, load(RING_FILE)?);
    let number = |file: &[u8]| replay::head(file, boot).map(|head| head.number);
    let (old_number, new_number) = (number(&old), number(&new));
    let mut revived = Revived::default();
    let mut files: Vec<&[u8]> = Vec::new();
    match (old_number, new_number) {
        (Some(before), Some(number)) if before + 1 == number => files.extend([&old[..], &new[..]]),
        (_, Some(_)) => files.push(&new),
        // It died before the new one had its head.
        (Some(_), None) => files.push(&old),
        (None, None) => {}
    }
    for file in files {
        revived.read(file).map_err(io::Error::other)?;
    }
    if !revived.sessions.is_empty() {
        info!("{} sessions of the portal before wait for their pages", revived.sessions.len());
    }
    Ok((new_number.or(old_number).unwrap_or(0), revived))
}

/// Returns which start of the machine this is; nothing where the system does not tell.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

fn saved<'a>(state: &SessionState<'a>) -> Saved<'a> {
    let progress = state.progress;
    Saved {
        session: state.session,
        key: state.key,
        facts: state.facts.clone(),
        note: state.note,
        acked: progress.acked,
        acked_by_client: progress.acked_by_client,
        in_flight: progress.flight.is_some(),
        in_flight_by_client: progress.flight.and_then(|flight| flight.client),
        hidden: state.replay.secret,
        prompt: state.replay.prompt.as_deref(),
        settings: state.replay.settings.iter().map(|(name, value)| (&**name, &**value)).collect(),
        delivered: state.delivered,
        dropped: state.replay.ring.dropped(),
        ring: state.replay.ring.kept().filter_map(told).collect(),
    }
}

fn told(delivery: &Delivery) -> Option<Told<'_>> {
    match delivery {
        Delivery::Text { n, output } => Some(Told { n: *n, event: None, text: &output.text }),
        Delivery::Event { n, event } => Some(Told { n: *n, event: Some(&event.name), text: &event.data }),
        _ => None,
    }
}
