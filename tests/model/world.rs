//! The world: two rooms, two people, one lamp. Rooms own what is in them; what one line causes is one batch.
//!
//! What a room's own row holds is a log of the causes that changed the room, in order: whoever is shown a room is shown its
//! log, and a row that overwrites a newer one is found out.

/// Who: 0 is Ann, 1 is Bob. Each is also the number of their session.
pub type Who = usize;

/// Which room.
pub type RoomNumber = usize;

/// The room that has place for one.
pub const SMALL_ROOM: RoomNumber = 1;

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Is heard, and shows the room; changes nothing.
    Say,
    /// Takes the lamp if it lies here.
    Take,
    /// Gives the lamp to the other one, if they are here.
    Give,
    /// Goes to the other room, unless it is full: then the walker comes back.
    Walk,
}

/// A cause, by number: Ann's lines are 0 and 1, Bob's is 2, the lamp's timer is 3.
pub type Cause = u8;

/// Number of causes.
pub const CAUSES: usize = 4;

/// The lamp's timer.
pub const TIMER: Cause = 3;

/// Returns the cause that is a person's `k`th line, `k` from 1.
pub fn line(who: Who, k: u8) -> Cause {
    who as u8 * 2 + k - 1
}

/// Returns whose line a cause is, and which.
pub fn typed_by(cause: Cause) -> Option<(Who, u8)> {
    match cause {
        0 | 1 => Some((0, cause + 1)),
        2 => Some((1, 1)),
        _ => None,
    }
}

/// Causes in the order in which they changed a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Log(u32);

impl Log {
    const BITS: u32 = 3;

    /// Adds a cause.
    pub fn push(&mut self, cause: Cause) {
        self.0 = self.0 << Self::BITS | u32::from(cause + 1);
    }

    /// Returns the causes, the last first.
    pub fn backwards(self) -> impl Iterator<Item = Cause> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let cause = (rest & 7).checked_sub(1)?;
            rest >>= Self::BITS;
            Some(cause as Cause)
        })
    }

    /// Tells how often a cause is in it.
    pub fn count(self, cause: Cause) -> usize {
        self.backwards().filter(|at| *at == cause).count()
    }

    /// Tells whether `later` begins with all of this.
    pub fn is_beginning_of(self, later: Self) -> bool {
        let mut rest = later.0;
        while rest > self.0 {
            rest >>= Self::BITS;
        }
        rest == self.0
    }

    /// Takes a cause out: it was refused, so nothing happened.
    pub fn strike(&mut self, cause: Cause) {
        let causes: Vec<Cause> = self.backwards().filter(|at| *at != cause).collect();
        *self = Self::default();
        causes.into_iter().rev().for_each(|cause| self.push(cause));
    }
}

/// Where somebody or something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In a room.
    Room(RoomNumber),
    /// In somebody's hands.
    Held(Who),
    /// Taken out of one room and not put into another. Never stored by a protocol that works.
    Nowhere,
}

/// Rows of the world: where Ann, Bob and the lamp are, whether the lamp's timer is due, and the rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rows {
    /// Of the two people.
    pub people: [Place; 2],
    /// Of the lamp.
    pub lamp: Place,
    /// The timer has not fired.
    pub timer: bool,
    /// Of the two rooms.
    pub rooms: [Log; 2],
}

/// A room in a server's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Room {
    /// Who is here: bit 0 Ann, bit 1 Bob.
    pub people: u8,
    /// The lamp is here: on the floor or held by somebody who is.
    pub lamp: Option<Lamp>,
    /// What changed the room.
    pub log: Log,
}

/// A lamp in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lamp {
    /// It lies on the floor.
    Lies,
    /// Somebody has it.
    With(Who),
}

impl Room {
    /// Returns the rooms as the rows have them.
    pub fn load(rows: &Rows) -> [Self; 2] {
        let mut rooms = rows.rooms.map(|log| Self { log, ..Self::default() });
        for (who, place) in rows.people.iter().enumerate() {
            if let Place::Room(room) = place {
                rooms[*room].people |= 1 << who;
            }
        }
        match rows.lamp {
            Place::Room(room) => rooms[room].lamp = Some(Lamp::Lies),
            Place::Held(who) => {
                for room in rooms.iter_mut().filter(|room| room.people & 1 << who != 0) {
                    room.lamp = Some(Lamp::With(who));
                }
            }
            Place::Nowhere => {}
        }
        rooms
    }

    /// Tells whether somebody is here.
    pub fn has(&self, who: Who) -> bool {
        self.people & 1 << who != 0
    }
}

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was said.
    Said,
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

/// A text: what some see of a cause, and of the room they see it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text {
    /// Whom it is shown to: bit 0 Ann, bit 1 Bob.
    pub to: u8,
    /// In which room.
    pub room: RoomNumber,
    /// What has happened there so far.
    pub log: Log,
    /// How it ended.
    pub outcome: Outcome,
}

/// What the portal is given of one batch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// What caused it.
    pub cause: Cause,
    /// The line that it acknowledges: whose, and its number.
    pub origin: Option<(Who, u8)>,
    /// In order.
    pub texts: Vec<Text>,
}

/// Everything that one cause did, on its way to the journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Batch {
    /// What is shown of it.
    pub group: Group,
    /// Rooms whose state it read or changed: bit by room.
    pub met: u8,
    /// Rooms whose state it changed.
    pub changed: u8,
    /// Rows it writes.
    pub changes: Changes,
}

/// Rows that a batch writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Changes {
    /// Where somebody is now.
    pub person: Option<(Who, Place)>,
    /// Where the lamp is now.
    pub lamp: Option<Place>,
    /// The timer has fired.
    pub timer_gone: bool,
    /// What the rooms are now.
    pub rooms: [Option<Log>; 2],
}

impl Batch {
    /// Begins one.
    pub fn begin(cause: Cause, origin: Option<(Who, u8)>) -> Self {
        let group = Group { cause, origin, texts: Vec::new() };
        Self { group, met: 0, changed: 0, changes: Changes::default() }
    }

    /// Tells whether it writes anything.
    pub fn is_lasting(&self) -> bool {
        self.changes != Changes::default()
    }

    fn show(&mut self, to: u8, room: RoomNumber, log: Log, outcome: Outcome) {
        if to != 0 {
            self.group.texts.push(Text { to, room, log, outcome });
        }
    }

    fn change(&mut self, number: RoomNumber, room: &mut Room) {
        self.changed |= 1 << number;
        room.log.push(self.group.cause);
        self.changes.rooms[number] = Some(room.log);
    }

    /// A cause that it has seen the beginning of was refused: it has seen nothing.
    pub fn strike(&mut self, cause: Cause) {
        self.group.texts.iter_mut().for_each(|text| text.log.strike(cause));
        self.changes.rooms.iter_mut().flatten().for_each(|log| log.strike(cause));
    }
}

/// What a room has made of a batch.
#[derive(Debug)]
pub enum Next {
    /// It is complete.
    Commit(Batch),
    /// It goes on to another room.
    Hop(Mail),
}

/// Somebody between two rooms, with what they carry and the batch that they walk by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mail {
    /// The room that it is sent to.
    pub to: RoomNumber,
    /// Who walks.
    pub who: Who,
    /// They have the lamp.
    pub lamp: bool,
    /// They were refused and come back.
    pub refused: bool,
    /// Their batch.
    pub batch: Batch,
}

/// Runs a line in the room where its person is.
pub fn run(verb: Verb, who: Who, number: RoomNumber, room: &mut Room, mut batch: Batch) -> Next {
    batch.met |= 1 << number;
    let other = 1 - who;
    match verb {
        Verb::Say => batch.show(room.people, number, room.log, Outcome::Said),
        Verb::Take if room.lamp == Some(Lamp::Lies) => pass_lamp(who, number, room, &mut batch),
        Verb::Give if room.lamp == Some(Lamp::With(who)) && room.has(other) => {
            pass_lamp(other, number, room, &mut batch);
        }
        Verb::Take | Verb::Give => batch.show(1 << who, number, room.log, Outcome::Refused),
        Verb::Walk => {
            room.people &= !(1 << who);
            let lamp = room.lamp == Some(Lamp::With(who));
            if lamp {
                room.lamp = None;
            }
            batch.change(number, room);
            batch.show(room.people, number, room.log, Outcome::Done);
            return Next::Hop(Mail { to: 1 - number, who, lamp, refused: false, batch });
        }
    }
    Next::Commit(batch)
}

fn pass_lamp(to: Who, number: RoomNumber, room: &mut Room, batch: &mut Batch) {
    room.lamp = Some(Lamp::With(to));
    batch.changes.lamp = Some(Place::Held(to));
    batch.change(number, room);
    batch.show(room.people, number, room.log, Outcome::Done);
}

/// Has the lamp's timer fire in the room where the lamp is.
pub fn fire(number: RoomNumber, room: &mut Room) -> Batch {
    let mut batch = Batch::begin(TIMER, None);
    batch.met |= 1 << number;
    batch.changes.timer_gone = true;
    batch.change(number, room);
    batch.show(room.people, number, room.log, Outcome::Done);
    batch
}

/// Takes in somebody who comes from another room, or comes back.
pub fn receive(mail: Mail, room: &mut Room) -> Next {
    let Mail { to, who, lamp, refused, mut batch } = mail;
    batch.met |= 1 << to;
    if !refused && to == SMALL_ROOM && room.people != 0 {
        // What it had done is undone; only its answer is left to give. It tells of the room that is full.
        batch.group.texts.clear();
        batch.changes = Changes::default();
        batch.show(1 << who, to, room.log, Outcome::Refused);
        return Next::Hop(Mail { to: 1 - to, who, lamp, refused: true, batch });
    }
    room.people |= 1 << who;
    if lamp {
        room.lamp = Some(Lamp::With(who));
    }
    if refused {
        room.log.strike(batch.group.cause);
        batch.changed = 0;
    } else {
        batch.changes.person = Some((who, Place::Room(to)));
        batch.change(to, room);
        batch.show(room.people, to, room.log, Outcome::Done);
    }
    Next::Commit(batch)
}
