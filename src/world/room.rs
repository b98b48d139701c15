//! A room in memory: its contents, who plays in it, and how a command, an arrival or a departure changes it.
//!
//! Pure: the room actor feeds it messages and performs the [`Effects`] it returns. Whatever runs game code runs on a
//! draft and inside [`Room::perform`], where a refusal or a panic leaves the room as it was.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::ids::{EntityId, RoomId, SessionId};
use crate::text;
use crate::text::Markup;
use crate::wire::Item;
use crate::world::appearance;
use crate::world::caller::{Caller, Seat};
use crate::world::channel::ChannelIndex;
use crate::world::command::{self, Args, CommandCx, Hall, Meaning};
use crate::world::contents::{Contents, Draft, Undo};
use crate::world::cx::{RoomCx, RoomView, Subject};
use crate::world::effects::{ChannelRequest, Effects, Manner};
use crate::world::entity::Entity;
use crate::world::record::{Change, Kind};
use crate::world::seats::{Occupancy, Seats};
use crate::world::types::{Inner, Refusal};

mod rewrite;

/// Attribute of a character that follows another: that one's id.
pub const FOLLOWS: &str = "follows";

/// A loaded room.
#[derive(Debug)]
pub struct Room {
    /// What is in it.
    pub contents: Contents,
    /// Who plays in it.
    pub seats: Seats,
}

/// Somebody between two rooms, or between a room and nowhere, with all they carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Occupant {
    /// The character first, then what it carries at any depth.
    pub entities: Vec<Entity>,
    /// Who drives it; `None` for one that nobody plays.
    pub occupancy: Option<Occupancy>,
}

/// What a run came to.
#[derive(Debug)]
pub enum Performed {
    /// Done: the rows to store, the effects to perform, and how to take the rows back.
    Done(Vec<Change>, Effects, Undo),
    /// Refused, with a text for the player; nothing has changed.
    Refused(Markup),
    /// The code panicked, with this message; nothing has changed.
    Panicked(String),
}

/// When a run happens, and where its random numbers come from.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// Seed of the run's random numbers.
    pub seed: u64,
}

impl Occupant {
    /// Returns the character.
    pub fn character(&self) -> Option<&Entity> {
        self.entities.first()
    }
}

impl Room {
    /// Makes a room of its entities, of which the first is the room.
    pub fn new(entities: Vec<Entity>) -> Option<Self> {
        let mut entities = entities.into_iter();
        let room = entities.next()?;
        Some(Self { contents: Contents::new(room, entities), seats: Seats::default() })
    }

    /// Returns its id.
    pub fn id(&self) -> RoomId {
        self.contents.room()
    }

    /// Tells whether a character is here.
    pub fn has(&self, who: EntityId) -> bool {
        self.contents.entity(who).is_some()
    }

    /// Runs `run` on a draft. The draft is applied if it succeeds, and dropped if it refuses or panics.
    pub fn perform(&mut self, moment: Moment, run: impl FnOnce(&mut RoomCx) -> Result<(), Refusal>) -> Performed {
        let mut cx = RoomCx::new(Draft::new(&self.contents), &self.seats, moment.now_ms, moment.seed);
        // The room is behind a shared reference while this runs, so that a panic cannot leave it half changed.
        match catch_unwind(AssertUnwindSafe(|| run(&mut cx).map(|()| cx.into_parts()))) {
            Ok(Ok((edits, effects))) => {
                let (changes, undo) = self.contents.apply(edits);
                for (who, text) in &effects.missed {
                    self.seats.keep_missed(*who, text.clone());
                }
                for who in &effects.recalled {
                    self.seats.take_missed(*who);
                }
                Performed::Done(changes, effects, undo)
            }
            Ok(Err(Refusal(why))) => Performed::Refused(why),
            Err(panic) => Performed::Panicked(panic_message(panic.as_ref())),
        }
    }

    /// Runs a line that `session` typed for `who`, a character that is here.
    pub fn input(
        &mut self,
        moment: Moment,
        (who, session, caller): (EntityId, SessionId, &Arc<Caller>),
        line: &str,
        hall: &Hall,
        channels: &ChannelIndex,
    ) -> Performed {
        let draft = Draft::new(&self.contents);
        let meaning = hall.commands.meaning(line, RoomView::new(&draft, moment.now_ms), caller, channels);
        drop(draft);
        self.perform(moment, |room| {
            let mut cx = CommandCx::new(room, who, session, caller.clone(), hall, channels);
            match meaning {
                Meaning::Nothing => {}
                Meaning::Exit(exit) => go(exit, &mut cx)?,
                Meaning::Command(command, rest) => command.run(&Args::new(rest), &mut cx)?,
                Meaning::Channel(channel, "") => {
                    cx.ask_channel(channel, ChannelRequest::History { since: None, last: 20 });
                }
                Meaning::Channel(channel, said) => {
                    cx.ask_channel(channel, ChannelRequest::Say { text: said.to_owned() });
                }
                Meaning::Forbidden(permission) => return Err(command::only(permission)),
                Meaning::Unknown(word) => return Err(unknown(word, &cx)),
            }
            Ok(())
        })
    }

    /// Takes a character out, with what it carries and who drives it.
    pub fn take(&mut self, who: EntityId) -> Option<Occupant> {
        let occupancy = self.seats.take(who);
        let entities = self.contents.take(who);
        (!entities.is_empty()).then_some(Occupant { entities, occupancy })
    }

    /// Puts back, or in, whom [`Room::take`] took. No hook runs.
    pub fn put(&mut self, occupant: Occupant) {
        let who = occupant.character().map(|character| character.id);
        for entity in occupant.entities {
            self.contents.insert(entity);
        }
        if let (Some(who), Some(occupancy)) = (who, occupant.occupancy) {
            self.seats.put(who, occupancy);
        }
    }

    /// Tells what keeps somebody from coming in, if anything does.
    pub fn refuses(&self, who: &Entity, caller: Option<&Caller>, moment: Moment) -> Option<Markup> {
        let draft = Draft::new(&self.contents);
        let view = RoomView::new(&draft, moment.now_ms);
        let room = view.room()?;
        let subject = Subject { view, who, caller, target: room.id };
        if !room.admits("enter", &subject) {
            return Some(text!("You may not go in there."));
        }
        let Inner::Room(behaviour) = &room.behaviour.0 else { return None };
        match catch_unwind(AssertUnwindSafe(|| behaviour.can_enter(who, &view))) {
            Ok(Ok(())) => None,
            Ok(Err(Refusal(why))) => Some(why),
            Err(panic) => {
                let why = panic_message(panic.as_ref());
                tracing::error!(room.id = %room.id, "room {} panicked in can_enter: {why}", room.id);
                Some(text!("Something is wrong with that place; you cannot go in."))
            }
        }
    }

    /// Lets characters in who have been put here: their location, hooks, what everybody sees. They arrive as a party.
    pub fn arrive(&mut self, moment: Moment, who: &[EntityId], from: Option<RoomId>, manner: &Manner) -> Performed {
        let here = self.id();
        self.perform(moment, |cx| {
            for id in who {
                if let Some(entity) = cx.edit(*id) {
                    entity.location = Some(here);
                    entity.left_from = None;
                }
            }
            for id in who {
                let text = arrival(*id, from, manner, cx);
                announce(*id, who, text, cx);
            }
            for id in who {
                cx.with_room(|room, cx| room.on_enter(*id, cx));
                cx.each_character(*id, |me, character, cx| character.on_meet(me, *id, cx));
            }
            for id in who {
                show_room(*id, cx);
            }
            Ok(())
        })
    }

    /// Tells the room that somebody is gone: hooks of the room and a text for those who stay.
    pub fn departed(&mut self, moment: Moment, who: EntityId, text: Markup) -> Performed {
        self.perform(moment, |cx| {
            cx.tell_room(text);
            cx.with_room(|room, cx| room.on_leave(who, cx));
            Ok(())
        })
    }

    /// Seats a session, in place of `instead` if that is given.
    pub fn sit(&mut self, who: EntityId, seat: Seat, instead: Option<SessionId>) {
        if let Some(old) = instead {
            self.seats.unseat(who, old);
        }
        self.seats.sit(who, seat);
    }

    /// Returns the room as a session that has just been seated sees it.
    pub fn shown_to(&self, who: EntityId, seat: &Seat, moment: Moment) -> Vec<Item> {
        let draft = Draft::new(&self.contents);
        let view = RoomView::new(&draft, moment.now_ms);
        let text = Item::Text { to: vec![seat.session], text: appearance::room(view, who).into_string() };
        let info = seat.caller.events.then(|| Item::Event {
            to: vec![seat.session],
            name: "Room.Info".into(),
            data: appearance::room_info(view).to_string(),
        });
        std::iter::once(text).chain(info).collect()
    }
}

/// Goes through an exit, with all who follow.
fn go(exit: EntityId, cx: &mut CommandCx) -> Result<(), Refusal> {
    let who = cx.who();
    let (name, to) = {
        let view = cx.view();
        let (Some(puppet), Some(exit)) = (cx.puppet(), view.entity(exit)) else { return Ok(()) };
        let Some(to) = exit.destination else {
            return Err(Refusal::new("That way leads nowhere."));
        };
        cx.pass(exit, "traverse", "You cannot go there.")?;
        if let Inner::Exit(behaviour) = &exit.behaviour.0 {
            behaviour.can_traverse(exit, puppet, &view)?;
        }
        if let Some(Inner::Room(behaviour)) = view.room().map(|room| &room.behaviour.0) {
            behaviour.can_leave(puppet, &view)?;
        }
        (exit.key.clone(), to)
    };
    cx.room().with_exit(exit, |behaviour, cx| behaviour.on_traverse(exit, who, cx));
    let mut party = vec![who];
    party.extend(followers(who, exit, cx));
    cx.walk(party, to, Manner::Exit(name));
    Ok(())
}

/// Returns who goes along: those who follow and are there, may go through the same exit, and are not ignored by whom they
/// follow.
fn followers(leader: EntityId, exit: EntityId, cx: &CommandCx) -> Vec<EntityId> {
    let view = cx.view();
    let Some(exit) = view.entity(exit) else { return Vec::new() };
    // Whose link is lost stays where they stood, and is found there by whoever comes back.
    let is_lost = |character: EntityId| cx.occupancy(character).is_some_and(|occupancy| occupancy.seats.is_empty());
    let follows = |character: &&Entity| {
        character.id != leader
            && !is_lost(character.id)
            && !cx.is_ignored(character.id, leader)
            && character.attribute(FOLLOWS).and_then(|value| value.as_u64()) == Some(leader.0)
    };
    let may = |character: &&Entity| {
        let caller = cx.seat_of(character.id).map(|seat| seat.caller.as_ref());
        exit.admits("traverse", &Subject { view, who: character, caller, target: exit.id })
    };
    view.here(Kind::Character).filter(follows).filter(may).map(|character| character.id).collect()
}

fn arrival(who: EntityId, from: Option<RoomId>, manner: &Manner, cx: &RoomCx) -> Markup {
    let view = cx.view();
    let Some(name) = view.entity(who).map(|entity| entity.key.clone()) else { return Markup::default() };
    match manner {
        Manner::Exit(_) => {
            let back = view.here(Kind::Exit).find(|exit| from.is_some() && exit.destination == from);
            match back {
                Some(exit) => text!("{} arrives from {}.", name, the_way(&exit.key)),
                None => text!("{} arrives.", name),
            }
        }
        Manner::Home => text!("{} comes home.", name),
        Manner::Login => text!("{} has entered the world.", name),
    }
}

/// Returns what somebody's departure reads like to those who stay.
pub fn departure(name: &str, manner: &Manner) -> Markup {
    match manner {
        Manner::Exit(exit) if is_direction(exit) => text!("{} leaves {}.", name, exit),
        Manner::Exit(exit) => text!("{} leaves through {}.", name, the_way(exit)),
        Manner::Home => text!("{} goes home.", name),
        Manner::Login => text!("{} has left the world.", name),
    }
}

fn is_direction(exit: &str) -> bool {
    const DIRECTIONS: [&str; 12] = [
        "north",
        "south",
        "east",
        "west",
        "up",
        "down",
        "in",
        "out",
        "northeast",
        "northwest",
        "southeast",
        "southwest",
    ];
    DIRECTIONS.contains(&exit)
}

fn the_way(exit: &str) -> String {
    match exit {
        "up" => "above".into(),
        "down" => "below".into(),
        "in" => "inside".into(),
        "out" => "outside".into(),
        _ => format!("the {exit}"),
    }
}

/// Tells everybody but the party itself.
fn announce(who: EntityId, party: &[EntityId], text: Markup, cx: &mut RoomCx) {
    if cx.entity(who).is_some_and(|entity| entity.transient) {
        return;
    }
    let others: Vec<EntityId> = cx.seats().iter().map(|(id, _)| id).filter(|id| !party.contains(id)).collect();
    cx.tell_all(&others, text);
}

/// Shows the room in full to whoever drives a character.
fn show_room(who: EntityId, cx: &mut RoomCx) {
    let Some(seat) = cx.seats().seat(who).cloned() else { return };
    if cx.entity(who).is_some_and(|entity| entity.transient) {
        return;
    }
    let seen = appearance::room(cx.view(), who);
    let info = seat.caller.events.then(|| appearance::room_info(cx.view()).to_string());
    cx.tell(who, seen);
    if let Some(data) = info {
        let name = "Room.Info".to_owned();
        cx.effects().items.push(Item::Event { to: vec![seat.session], name, data });
    }
}

fn unknown(word: &str, cx: &CommandCx) -> Refusal {
    let view = cx.view();
    let commands = cx.hall().commands.for_caller(cx.caller()).map(|command| command.name());
    let exits = view.here(Kind::Exit).map(|exit| exit.key.as_str());
    let near = crate::world::search::suggest(word, commands.chain(exits), 3);
    if near.is_empty() {
        return text!("There is no command \"{}\". Type |lchelp|lthelp|le for a list.", word).into();
    }
    let near: Vec<String> = near.iter().map(|name| format!("\"{name}\"")).collect();
    text!("There is no command \"{}\". Did you mean {}?", word, near.join(" or ")).into()
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".into())
}
