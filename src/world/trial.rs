//! A room on trial: runs lines and hooks without a server, and tells who would see what. For tests, a game's own too.
//!
//! ```
//! use everhall::commands;
//! use everhall::testing::Trial;
//!
//! let mut trial = Trial::new(commands::defaults());
//! trial.thing("lamp");
//! let said = trial.run("Ann", "get lamp");
//! assert_eq!(said.to("Ann"), ["You pick up a lamp."]);
//! assert_eq!(said.to("Bob"), ["Ann picks up a lamp."]);
//! ```
//!
//! Misuse, and panics of the code on trial, fail the test.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::ids::{AccountId, ChannelId, EntityId, SessionId};
use crate::text::{Markup, render_plain};
use crate::wire::Item;
use crate::world::caller::{Caller, Seat};
use crate::world::channel::ChannelIndex;
use crate::world::channel_type::ChannelTypes;
use crate::world::clock::GameClock;
use crate::world::command::{CommandSet, Hall};
use crate::world::cx::RoomCx;
use crate::world::effects::{Hop, Manner};
use crate::world::entity::Entity;
use crate::world::firing::Firing;
use crate::world::id_block::IdBlock;
use crate::world::record::{Change, ChannelRecord, HistoryRecord, Kind, Permission};
use crate::world::room::{Moment, Performed, Room, departure};
use crate::world::signal::{Signal, SignalType, Target};
use crate::world::types::{Behaviour, Refusal, Registry};

/// When every trial begins: 1 May 2024, 12:34 UTC, in milliseconds since 1970.
pub const NOW_MS: i64 = 1_714_566_840_000;

/// A room called Hall, with two people in it, Ann and Bob.
pub struct Trial {
    room: Room,
    hall: Hall,
    channels: Vec<ChannelRecord>,
    people: Vec<Person>,
    next_id: u64,
    now_ms: i64,
}

/// Somebody who plays.
struct Person {
    name: String,
    who: EntityId,
    session: SessionId,
    caller: Arc<Caller>,
}

/// What a line or a hook came to.
#[derive(Debug)]
pub struct Said {
    names: Vec<(String, SessionId)>,
    /// Everything that goes out, in order.
    pub items: Vec<Item>,
    /// The rows it changed.
    pub changes: Vec<Change>,
    /// The signals it sends.
    pub signals: Vec<(Target, Signal)>,
    /// Where the batch goes on.
    pub hop: Option<Hop>,
    /// What goes into the change history.
    pub history: Vec<HistoryRecord>,
    /// Rooms that it made, each with what is in it; the room itself comes first.
    pub new_rooms: Vec<Vec<Entity>>,
    /// The room itself is destroyed.
    pub destroys_room: bool,
    /// It was refused: nothing has changed.
    pub refused: bool,
}

impl Said {
    /// Returns the texts that somebody sees, without colours.
    ///
    /// # Panics
    ///
    /// If nobody of that name plays.
    pub fn to(&self, name: &str) -> Vec<String> {
        let known = self.names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some((_, session)) = known else { panic!("nobody called {name} plays in this trial") };
        let texts = self.items.iter().filter_map(|item| match item {
            Item::Text { to, text } if to.contains(session) => Some(render_plain(text)),
            _ => None,
        });
        texts.collect()
    }

    fn append(&mut self, later: Self) {
        self.items.extend(later.items);
        self.changes.extend(later.changes);
        self.signals.extend(later.signals);
    }
}

/// The game's calendar begins with the trial, at midnight, and runs four times as fast as ours.
const CLOCK: GameClock = GameClock { start_ms: NOW_MS, factor: 4.0 };

/// Ids of what commands make on trial begin here.
const FIRST_NEW_ID: u64 = 10_000;

/// How many of them [`Trial::id`] looks through.
const NEW_MOST: u64 = 1000;

impl Trial {
    /// Puts a plain room on trial, with these commands.
    pub fn new(commands: CommandSet) -> Self {
        let hall = Hall {
            name: "Trial".into(),
            start_room: EntityId(1),
            commands,
            clock: CLOCK,
            types: Registry::new(),
            channels: ChannelTypes::default(),
            ids: IdBlock::new(FIRST_NEW_ID, u64::MAX),
        };
        let mut room = Entity::new(EntityId(1), Behaviour::room(), "Hall");
        room.description = "A hall.".into();
        let Some(room) = Room::new(vec![room]) else { panic!("a room is made of one entity") };
        let mut trial = Self { room, hall, channels: Vec::new(), people: Vec::new(), next_id: 2, now_ms: NOW_MS };
        trial.person("Ann");
        trial.person("Bob");
        trial
    }

    /// Returns the types, to register those of a game.
    pub fn types(&mut self) -> &mut Registry {
        &mut self.hall.types
    }

    /// Sends a signal to the room or to something in it.
    pub fn signal<S: SignalType>(&mut self, to: EntityId, value: &S) -> Said {
        let signal = Signal::new(value);
        self.hook(|cx| {
            cx.deliver(to, &signal);
            Ok(())
        })
    }

    /// Makes another room the one where everybody begins.
    pub fn start_in(&mut self, room: EntityId) {
        self.hall.start_room = room;
    }

    /// Takes somebody out of the room, with what they carry.
    ///
    /// # Panics
    ///
    /// If nobody of that name is here.
    pub fn depart(&mut self, name: &str) {
        let who = self.id(name);
        self.room.take(who);
    }

    /// Returns the room's id.
    pub fn here(&self) -> EntityId {
        self.room.id()
    }

    /// Puts something in the room: a character that nobody plays, a thing of a game's own type.
    pub fn put(&mut self, behaviour: Behaviour, key: &str) -> EntityId {
        let id = EntityId(self.next_id);
        self.next_id += 1;
        let mut entity = Entity::new(id, behaviour, key);
        entity.location = Some(self.here());
        self.room.contents.insert(entity);
        id
    }

    /// Puts a plain thing in the room.
    pub fn thing(&mut self, key: &str) -> EntityId {
        self.put(Behaviour::object(), key)
    }

    /// Puts a plain thing in somebody's hands, or in a box.
    pub fn thing_in(&mut self, holder: EntityId, key: &str) -> EntityId {
        let id = self.thing(key);
        self.edit(id, |thing| thing.location = Some(holder));
        id
    }

    /// Makes an exit to room `to`.
    pub fn exit(&mut self, key: &str, to: EntityId) -> EntityId {
        let id = self.put(Behaviour::exit(), key);
        self.edit(id, |exit| exit.destination = Some(to));
        id
    }

    /// Puts another person in the room, a Player. Returns their character.
    pub fn person(&mut self, name: &str) -> EntityId {
        let who = self.put(Behaviour::character(), name);
        let session = SessionId(who.0);
        let caller = Arc::new(Caller {
            account: AccountId(who.0),
            name: name.into(),
            character: who,
            permission: Permission::Player,
            superuser: false,
            ignores: Vec::new(),
            channels: Vec::new(),
            options: json!({}),
            width: 80,
            screen_reader: false,
            events: false,
            address: "127.0.0.1".into(),
        });
        self.room.sit(who, Seat { session, caller: caller.clone() }, None);
        self.people.push(Person { name: name.to_owned(), who, session, caller });
        who
    }

    /// Adds a channel.
    pub fn channel(&mut self, record: ChannelRecord) -> ChannelId {
        let id = record.id;
        self.channels.push(record);
        id
    }

    /// Returns the id of what is called so, wherever it is.
    ///
    /// # Panics
    ///
    /// If nothing is.
    pub fn id(&self, name: &str) -> EntityId {
        let ids = (1..self.next_id).chain(FIRST_NEW_ID..FIRST_NEW_ID + NEW_MOST);
        let all = ids.filter_map(|id| self.room.contents.entity(EntityId(id)));
        let Some(found) = all.into_iter().find(|entity| entity.is_called(name)) else {
            panic!("nothing is called {name} in this trial")
        };
        found.id
    }

    /// Returns something of the room as it is now.
    ///
    /// # Panics
    ///
    /// If it is not there.
    pub fn entity(&self, id: EntityId) -> &Entity {
        let Some(entity) = self.room.contents.entity(id) else { panic!("{id} is not in this trial") };
        entity
    }

    /// Returns something of the room if it is there.
    pub fn find(&self, id: EntityId) -> Option<&Entity> {
        self.room.contents.entity(id)
    }

    /// Puts something in the room as it is.
    pub fn insert(&mut self, entity: Entity) {
        self.room.contents.insert(entity);
    }

    /// Changes something of the room.
    ///
    /// # Panics
    ///
    /// If it is not there.
    pub fn edit(&mut self, id: EntityId, edit: impl FnOnce(&mut Entity)) {
        let mut entity = self.entity(id).clone();
        edit(&mut entity);
        self.room.contents.insert(entity);
    }

    /// Changes what is known of the person who plays a character.
    ///
    /// # Panics
    ///
    /// If nobody of that name plays.
    pub fn caller(&mut self, name: &str, edit: impl FnOnce(&mut Caller)) {
        let person = self.people.iter_mut().find(|person| person.name.eq_ignore_ascii_case(name));
        let Some(person) = person else { panic!("nobody called {name} plays in this trial") };
        edit(Arc::make_mut(&mut person.caller));
        let seat = Seat { session: person.session, caller: person.caller.clone() };
        self.room.sit(person.who, seat, None);
    }

    /// Gives somebody a permission.
    ///
    /// # Panics
    ///
    /// If nobody of that name plays.
    pub fn permit(&mut self, name: &str, permission: Permission) {
        self.caller(name, |caller| caller.permission = permission);
    }

    /// Makes one person ignore another.
    pub fn ignore(&mut self, listener: &str, speaker: &str) {
        let account = AccountId(self.id(speaker).0);
        self.caller(listener, |caller| caller.ignores.push(account));
    }

    /// Loses somebody's link: the character stays, and misses what is said until [`Trial::find_link`].
    pub fn lose_link(&mut self, name: &str) {
        let (who, session) = (self.id(name), SessionId(self.id(name).0));
        self.room.seats.unseat(who, session);
    }

    /// Gives somebody their link back.
    pub fn find_link(&mut self, name: &str) {
        self.caller(name, |_| {});
    }

    /// Runs a line that somebody types.
    ///
    /// # Panics
    ///
    /// If nobody of that name plays, or the command panics.
    pub fn run(&mut self, name: &str, line: &str) -> Said {
        let person = self.people.iter().find(|person| person.name.eq_ignore_ascii_case(name));
        let Some(person) = person else { panic!("nobody called {name} plays in this trial") };
        let (who, session, caller) = (person.who, person.session, person.caller.clone());
        self.input(who, session, &caller, line)
    }

    /// Runs a line that somebody types in another room, about something that is in this one by its `#id`.
    ///
    /// # Panics
    ///
    /// If nobody of that name plays, or the command panics.
    pub fn run_from_elsewhere(&mut self, name: &str, line: &str) -> Said {
        let person = self.people.iter().find(|person| person.name.eq_ignore_ascii_case(name));
        let Some(person) = person else { panic!("nobody called {name} plays in this trial") };
        let (session, caller) = (person.session, person.caller.clone());
        self.input(EntityId(u64::MAX), session, &caller, line)
    }

    fn input(&mut self, who: EntityId, session: SessionId, caller: &Arc<Caller>, line: &str) -> Said {
        let channels = ChannelIndex::new(self.channels.clone());
        let mut knows = None;
        loop {
            let by = (who, session, caller);
            let performed = self.room.input(self.moment(), by, (line, knows), &self.hall, &channels);
            let said = self.said(performed, session);
            // Whatever is elsewhere may be a room: it is one.
            let Some(Hop::Vouch(room)) = said.hop else { return said };
            knows = Some(room);
        }
    }

    /// Lets another person come in from room 0, on foot: hooks, and what everybody sees. The room may refuse them, which
    /// they are told.
    ///
    /// # Panics
    ///
    /// If a hook panics.
    pub fn walk_in(&mut self, name: &str) -> Said {
        let who = self.person(name);
        let session = SessionId(who.0);
        match self.room.lets_in(self.entity(who), None, self.moment()) {
            Ok(Ok(())) => {}
            Ok(Err(Refusal(why))) => return self.said(Performed::Refused(why), session),
            Err(failure) => return self.said(Performed::Panicked(failure), session),
        }
        let performed = self.room.arrive(self.moment(), &[who], Some(EntityId(0)), &Manner::Exit("in".into()));
        self.said(performed, session)
    }

    /// Lets somebody leave by an exit called `out`: the room's hook, and what those who stay see. They are put back then.
    ///
    /// # Panics
    ///
    /// If nobody of that name is here, or the hook panics.
    pub fn walk_out(&mut self, name: &str) -> Said {
        let (who, session) = (self.id(name), SessionId(self.id(name).0));
        let Some(gone) = self.room.take(who) else { panic!("{name} is not here") };
        let text = departure(name, &Manner::Exit("out".into()));
        let performed = self.room.departed(self.moment(), Some(who), text);
        self.room.put(gone);
        self.said(performed, session)
    }

    /// Runs a hook, or whatever else is given a room's context. A refusal is shown to the first person, Ann.
    ///
    /// # Panics
    ///
    /// If the hook panics.
    pub fn hook(&mut self, run: impl FnOnce(&mut RoomCx) -> Result<(), Refusal>) -> Said {
        let performed = self.room.perform(self.moment(), run);
        self.said(performed, self.people[0].session)
    }

    /// Returns the names of what is directly in the room, in somebody's hands or in a box, characters and exits left out.
    pub fn things_in(&self, holder: EntityId) -> Vec<String> {
        let inside = self.room.contents.inside(holder).iter().map(|id| self.entity(*id));
        inside.filter(|entity| entity.kind() == Kind::Object).map(|entity| entity.key.clone()).collect()
    }

    /// Lets time pass: timers that are due fire, in order. Returns what they come to, all together.
    ///
    /// # Panics
    ///
    /// If the type of one panics.
    pub fn pass(&mut self, time: Duration) -> Said {
        let until = self.now_ms + time.as_millis() as i64;
        let mut all = self.hook(|_| Ok(()));
        while let Some(due) = self.room.contents.next_due().filter(|due| *due <= until) {
            self.now_ms = self.now_ms.max(due);
            for (at, entity) in self.room.contents.due(self.now_ms, usize::MAX) {
                while let Some(firing) = Firing::begin(&mut self.room.contents, entity, at, self.now_ms) {
                    let said = self.hook(|cx| {
                        cx.deliver(entity, &firing.signal);
                        Ok(())
                    });
                    all.append(said);
                }
            }
        }
        self.now_ms = until;
        all
    }

    /// Lets time pass while the world is away: what is due fires late, with the next [`Trial::pass`].
    pub fn be_away(&mut self, time: Duration) {
        self.now_ms += time.as_millis() as i64;
    }

    fn moment(&self) -> Moment {
        Moment { now_ms: self.now_ms, clock: CLOCK, seed: self.now_ms as u64, hops: 0, can_save: true }
    }

    fn said(&self, performed: Performed, session: SessionId) -> Said {
        let names = self.people.iter().map(|person| (person.name.clone(), person.session)).collect();
        match performed {
            Performed::Done(changes, effects, _) => {
                let history = effects.rows.into_iter().filter_map(|row| match row {
                    Change::History(record) => Some(*record),
                    _ => None,
                });
                Said {
                    names,
                    items: effects.items,
                    changes,
                    signals: effects.signals,
                    hop: effects.hop,
                    history: history.collect(),
                    new_rooms: effects.new_rooms,
                    destroys_room: effects.destroys_room,
                    refused: false,
                }
            }
            Performed::Refused(why) => {
                let items = vec![refusal(session, why)];
                Said {
                    names,
                    items,
                    changes: Vec::new(),
                    signals: Vec::new(),
                    hop: None,
                    history: Vec::new(),
                    new_rooms: Vec::new(),
                    destroys_room: false,
                    refused: true,
                }
            }
            Performed::Unsaved => unreachable!("a trial can always save"),
            Performed::Panicked(why) => panic!("the code on trial panicked: {why}"),
        }
    }
}

fn refusal(session: SessionId, why: Markup) -> Item {
    Item::Text { to: vec![session], text: why.into_string() }
}
