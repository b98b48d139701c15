//! A server process: sessions and rooms in memory, the journal, and what it has written to the wire.
//!
//! A room's handler and the journal's for what it sends are one step: whatever lies between them in time, the journal
//! gets its mail in the order in which rooms handle theirs, and nothing it does is seen by a room.

use super::book::{Book, Sent};
use super::database::Database;
use super::fault::Fault;
use super::world::{self, Batch, Cause, Mail, Next, Place, Room, Verb};

/// How far a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Rule 19: beside the old one, getting ready.
    Beside,
    /// It has the portal's hello.
    Greeted,
    /// It has taken the epoch.
    Taken,
    /// It runs lines.
    Running,
    /// Rule 21: it was asked to stop and finishes what is under way.
    Stopping,
    /// It is gone. What it wrote before it was killed may be read, or be lost with it.
    Killed,
    /// It is gone, with all that it wrote read or in the wire.
    Exited,
}

/// What a server tells the portal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Frame {
    /// It takes lines from here on.
    Ready,
    /// Groups.
    Groups(Sent),
}

/// A line in a server's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Given {
    /// Its number.
    pub n: u8,
    /// Which of those that its person typed.
    pub k: u8,
}

/// What a server gets from the portal first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Hello {
    /// The last flush applied.
    pub applied: u8,
    /// By session: the last line acknowledged, and those in flight.
    pub sessions: [(u8, Vec<Given>); 2],
}

/// A server process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// How far it is.
    pub stage: Stage,
    /// Of its hello; only kept if that is not the portal's state any more, which is a fault.
    pub hello: Option<Hello>,
    /// Its epoch.
    pub epoch: u8,
    /// What it has in memory; nothing before it has loaded.
    pub memory: Option<Memory>,
    /// What it wrote and the portal has not read.
    pub wire: Vec<Frame>,
}

/// A running server's memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The two rooms.
    pub rooms: [Room; 2],
    /// The lamp's timer has not fired.
    pub timer: bool,
    /// Who is on their way.
    pub mail: Vec<Mail>,
    /// By session: lines that are not run yet.
    pub given: [Vec<Given>; 2],
    /// By session: the last line that was run.
    pub ran: [u8; 2],
    /// The journal.
    pub book: Book,
}

impl Memory {
    /// Rule 14: loads the world, and decides which lines in flight are still to be run.
    fn load(database: &Database, hello: &Hello, fault: Option<Fault>) -> Self {
        let mut given = [Vec::new(), Vec::new()];
        let mut ran = [0; 2];
        for (who, (acked, lines)) in hello.sessions.iter().enumerate() {
            let cursor = if fault == Some(Fault::NoCursor) { 0 } else { database.cursors[who] };
            ran[who] = cursor.max(*acked);
            if fault != Some(Fault::NotSentAgain) {
                given[who] = lines.iter().copied().filter(|line| line.n > ran[who]).collect();
            }
        }
        let rooms = Room::load(&database.rows);
        let book = Book::new(database.flush);
        Self { rooms, timer: database.rows.timer, mail: Vec::new(), given, ran, book }
    }

    /// Returns the room that a person is in; none while they are between two.
    pub fn room_of(&self, who: usize) -> Option<usize> {
        (0..2).find(|room| self.rooms[*room].has(who))
    }

    /// Tells whether a session's next line can be run.
    pub fn can_run(&self, who: usize) -> bool {
        !self.given[who].is_empty() && self.room_of(who).is_some()
    }

    /// Returns the room in which the timer can fire now.
    pub fn timer_room(&self) -> Option<usize> {
        (0..2).find(|room| self.timer && self.rooms[*room].lamp.is_some())
    }

    /// Tells whether mail can be handled: a room's mail is handled in order.
    pub fn is_first(&self, at: usize) -> bool {
        self.mail[..at].iter().all(|before| before.to != self.mail[at].to)
    }
}

/// What a step of a server needs to know beside its own state.
#[derive(Debug, Clone, Copy)]
pub struct Around {
    /// The last flush that the portal has confirmed.
    ///
    /// As if confirmations arrived at once: what is re-sent is what lies above the hello's number, so that a row which is deleted
    /// later makes no difference.
    pub confirmed: u8,
    /// The fault.
    pub fault: Option<Fault>,
}

impl Server {
    /// Returns one that has just been started.
    pub fn new(stage: Stage) -> Self {
        Self { stage, hello: None, epoch: 0, memory: None, wire: Vec::new() }
    }

    /// Tells whether it is gone.
    pub fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Killed | Stage::Exited)
    }

    /// Rule 14: loads the world; sends stored groups above the portal's last flush again.
    pub fn load(&mut self, database: &Database, hello: &Hello, fault: Option<Fault>) {
        self.memory = Some(Memory::load(database, hello, fault));
        self.wire.push(Frame::Ready);
        for (flush, groups) in database.outbox.iter().filter(|(flush, _)| *flush > hello.applied) {
            self.wire.push(Frame::Groups(Sent { flush: Some(*flush), groups: groups.clone() }));
        }
    }

    /// Rules 5 and 7: runs a session's next line.
    pub fn run(&mut self, who: usize, verbs: impl Fn(Cause) -> Verb, around: Around) {
        let Some(memory) = &mut self.memory else { return };
        let line = memory.given[who].remove(0);
        if line.n <= memory.ran[who] && around.fault != Some(Fault::NoCursorForLines) {
            // Rule 14: it is done; what it showed comes from the outbox.
            return;
        }
        memory.ran[who] = line.n;
        let Some(room) = memory.room_of(who) else { return };
        let cause = world::line(who, line.k);
        let batch = Batch::begin(cause, Some((who, line.n)));
        let next = world::run(verbs(cause), who, room, &mut memory.rooms[room], batch);
        self.go_on(next, around);
    }

    /// Rule 5: a room takes in who comes, or sends them back.
    pub fn receive(&mut self, at: usize, around: Around) {
        let Some(memory) = &mut self.memory else { return };
        let mail = memory.mail.remove(at);
        let (room, refused, cause) = (mail.to, mail.refused, mail.batch.group.cause);
        let next = world::receive(mail, &mut memory.rooms[room]);
        if refused {
            memory.book.struck(cause);
        }
        self.go_on(next, around);
    }

    /// Rule 16: the timer fires.
    pub fn fire(&mut self, room: usize, around: Around) {
        let Some(memory) = &mut self.memory else { return };
        memory.timer = false;
        let batch = world::fire(room, &mut memory.rooms[room]);
        self.go_on(Next::Commit(batch), around);
    }

    /// Rule 9: the journal hears that a flush is stored.
    pub fn flushed(&mut self, at: usize, around: Around) {
        let mut sent = Vec::new();
        let Some(memory) = &mut self.memory else { return };
        memory.book.flushed(at, around.confirmed, around.fault, &mut sent);
        self.wire.extend(sent.into_iter().map(Frame::Groups));
    }

    fn go_on(&mut self, next: Next, around: Around) {
        let mut sent = Vec::new();
        let Some(memory) = &mut self.memory else { return };
        match next {
            Next::Commit(batch) => memory.book.commit(batch, around.confirmed, around.fault, &mut sent),
            Next::Hop(mut mail) => {
                if around.fault == Some(Fault::BatchPerRoom) && !mail.refused {
                    let mut left = mail.batch.clone();
                    left.group.origin = None;
                    left.group.texts.clear();
                    left.changes.person = Some((mail.who, Place::Nowhere));
                    memory.book.commit(left, around.confirmed, around.fault, &mut sent);
                    mail.batch.changed = 0;
                    mail.batch.changes.rooms = [None; 2];
                } else {
                    // Before the hop can be seen.
                    let from = 1 - mail.to;
                    if !mail.refused {
                        memory.book.opened(mail.batch.group.cause, from);
                    }
                }
                memory.mail.push(mail);
            }
        }
        self.wire.extend(sent.into_iter().map(Frame::Groups));
    }
}
