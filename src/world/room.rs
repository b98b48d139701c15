//! A room in memory: its contents, who plays in it, and how a command, an arrival or a departure changes it.
//!
//! Pure: the room actor feeds it messages and performs the [`Effects`] it returns. Whatever runs game code runs on a
//! draft and inside [`Room::perform`], where a refusal or a panic leaves the room as it was.

use std::sync::Arc;

use crate::ids::{EntityId, RoomId, SessionId};
use crate::text;
use crate::text::Markup;
use crate::text::english;
use crate::wire::Item;
use crate::world::appearance;
use crate::world::caller::{Caller, Seat};
use crate::world::channel::ChannelIndex;
use crate::world::clock::GameClock;
use crate::world::command::{self, Args, CommandCx, Hall, Meaning};
use crate::world::contents::{Contents, Draft, Undo};
use crate::world::cx::{RoomCx, RoomView, Subject};
use crate::world::direction;
use crate::world::effects::{ChannelRequest, Effects, Manner};
use crate::world::entity::Entity;
use crate::world::failure::{Failure, contain};
use crate::world::firing::Firing;
use crate::world::record::{Change, Kind, Permission};
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
#[expect(clippy::large_enum_variant, reason = "it lives for one call, and most often it is the large one")]
#[derive(Debug)]
pub enum Performed {
    /// Done: the rows to store, the effects to perform, and how to take the rows back.
    Done(Vec<Change>, Effects, Undo),
    /// Refused, with a text for the player; nothing has changed.
    Refused(Markup),
    /// It would have changed something that cannot be stored now; nothing has changed.
    Unsaved,
    /// The code panicked; nothing has changed.
    Panicked(Failure),
}

/// How what a run changed is stored.
enum Run {
    /// At once, and all that was late with it if `saves`.
    Exact { saves: bool },
    /// Later: what it changed, and whose ticker it was.
    Late(Vec<EntityId>, EntityId),
    /// Not at all: storage is away. So it must not have happened.
    Never,
}

/// When a run happens, and where its random numbers come from.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// The game's calendar.
    pub clock: GameClock,
    /// Seed of the run's random numbers.
    pub seed: u64,
    /// How many signals led to it.
    pub hops: u32,
    /// What it changes can be stored. If not, a run that changes anything comes to [`Performed::Unsaved`]. What was late
    /// before goes with whatever is shown all the same: that waits until it is stored.
    pub can_save: bool,
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
        self.run(moment, None, run)
    }

    /// Gives the signal of a timer to its entity's type. What a ticker does to lazy types may be stored later: then there
    /// are no rows of it now.
    pub fn fire(&mut self, moment: Moment, firing: &Firing) -> Performed {
        let ticker = firing.is_ticker().then_some(firing.entity);
        self.run(moment, ticker, |cx| {
            cx.deliver(firing.entity, &firing.signal);
            Ok(())
        })
    }

    fn run(
        &mut self,
        moment: Moment,
        ticker: Option<EntityId>,
        run: impl FnOnce(&mut RoomCx) -> Result<(), Refusal>,
    ) -> Performed {
        let mut cx = RoomCx::new(Draft::new(&self.contents), &self.seats, moment);
        // The room is behind a shared reference while this runs, so that a panic cannot leave it half changed. The rows
        // are made in there as well: they are what the types make of themselves.
        let ran = contain(|| {
            run(&mut cx)?;
            let (mut edits, effects) = cx.into_parts();
            if let Some(ticker) = ticker
                && effects.is_silent()
                && let Some(late) = self.contents.may_be_late(&mut edits)
            {
                let is_put_off = !moment.can_save && !late.is_empty();
                let run = if is_put_off { Run::Never } else { Run::Late(late, ticker) };
                return Ok((edits, Vec::new(), effects, run));
            }
            let mut changes = self.contents.rows(&mut edits);
            effects.new_rooms.iter().flatten().for_each(|entity| entity.changes_since(None, &mut changes));
            if !moment.can_save && (!changes.is_empty() || effects.must_be_saved()) {
                return Ok((edits, changes, effects, Run::Never));
            }
            // What is late goes with whatever is shown or stored: it may have been read for that.
            let saves = self.contents.has_late() && !(changes.is_empty() && effects.is_silent());
            if saves {
                changes.extend(self.contents.late_rows(&edits));
            }
            Ok::<_, Refusal>((edits, changes, effects, Run::Exact { saves }))
        });
        match ran {
            Ok(Ok((.., Run::Never))) => Performed::Unsaved,
            Ok(Ok((edits, changes, effects, Run::Late(late, ticker)))) => {
                self.contents.take_in_late(edits, late, ticker);
                Performed::Done(changes, effects, Undo::default())
            }
            Ok(Ok((edits, changes, effects, Run::Exact { saves }))) => {
                let mut undo = self.contents.take_in(edits);
                if saves {
                    self.contents.saved_late(&mut undo);
                }
                for (who, text) in &effects.missed {
                    self.seats.keep_missed(*who, text.clone());
                }
                for who in &effects.recalled {
                    self.seats.take_missed(*who);
                }
                Performed::Done(changes, effects, undo)
            }
            Ok(Err(Refusal(why))) => Performed::Refused(why),
            Err(failure) => Performed::Panicked(failure),
        }
    }

    /// Runs a line that `session` typed for `who`, a character that is here. It may have been to another room before, which
    /// it `knows` by that.
    pub fn input(
        &mut self,
        moment: Moment,
        (who, session, caller): (EntityId, SessionId, &Arc<Caller>),
        (line, knows): (&str, Option<EntityId>),
        hall: &Hall,
        channels: &ChannelIndex,
    ) -> Performed {
        let draft = Draft::new(&self.contents);
        let meaning = hall.commands.meaning(line, RoomView::new(&draft, moment), caller, channels);
        drop(draft);
        self.perform(moment, |room| {
            let mut cx = CommandCx::new(room, who, session, caller.clone(), hall, channels).knowing(knows);
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

    /// Asks whether somebody may come in.
    ///
    /// # Errors
    ///
    /// The lock or the type panicked. Inside: a refusal keeps them out.
    pub fn lets_in(
        &self,
        who: &Entity,
        caller: Option<&Caller>,
        moment: Moment,
    ) -> Result<Result<(), Refusal>, Failure> {
        let draft = Draft::new(&self.contents);
        let view = RoomView::new(&draft, moment);
        let Some(room) = view.room() else { return Ok(Ok(())) };
        let subject = Subject { view, who, caller, target: room.id };
        contain(|| {
            if !room.admits("enter", &subject) {
                return Err(Refusal::new("You may not go in there."));
            }
            let Inner::Room(behaviour) = &room.behaviour.0 else { return Ok(()) };
            behaviour.can_enter(who, &view)
        })
    }

    /// Lets characters in who have been put here: their location, hooks, what everybody sees. They arrive as a party.
    pub fn arrive(&mut self, moment: Moment, who: &[EntityId], from: Option<RoomId>, manner: &Manner) -> Performed {
        self.arrive_with(moment, who, (from, manner), |somebody, cx| {
            for id in somebody {
                cx.with_room(|room, cx| room.on_enter(*id, cx));
                cx.each_character(*id, |me, character, cx| character.on_meet(me, *id, cx));
            }
        })
    }

    /// Lets characters in as [`Room::arrive`] does, but without asking any type: for those who can go nowhere else.
    pub fn arrive_untold(
        &mut self,
        moment: Moment,
        who: &[EntityId],
        from: Option<RoomId>,
        manner: &Manner,
    ) -> Performed {
        self.arrive_with(moment, who, (from, manner), |_, _| {})
    }

    fn arrive_with(
        &mut self,
        moment: Moment,
        who: &[EntityId],
        (from, manner): (Option<RoomId>, &Manner),
        tell_types: impl FnOnce(&[EntityId], &mut RoomCx),
    ) -> Performed {
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
            if *manner == Manner::Home {
                who.iter().for_each(|id| make_home(*id, cx));
            }
            // Things come in as well, by a builder's hand; nobody greets them.
            let is_somebody = |id: &&EntityId| cx.entity(**id).is_some_and(|it| it.kind() == Kind::Character);
            let somebody: Vec<EntityId> = who.iter().filter(is_somebody).copied().collect();
            tell_types(&somebody, cx);
            for id in who {
                show_room(*id, cx);
            }
            Ok(())
        })
    }

    /// Tells the room that somebody is gone: hooks of the room and a text for those who stay. `None` for a thing.
    pub fn departed(&mut self, moment: Moment, who: Option<EntityId>, text: Markup) -> Performed {
        self.perform(moment, |cx| {
            cx.tell_room(text);
            if let Some(who) = who {
                cx.with_room(|room, cx| room.on_leave(who, cx));
            }
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
        let view = RoomView::new(&draft, moment);
        let seen = seen(view, who).unwrap_or_else(|failure| {
            let unseen = Markup::plain(UNSEEN);
            if seat.caller.may(Permission::Developer) { text!("{}\n{}", unseen, failure.trace()) } else { unseen }
        });
        let text = Item::Text { to: vec![seat.session], text: seen.into_string() };
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

/// Makes the room the home of somebody who went home and came here, because their home is gone.
fn make_home(who: EntityId, cx: &mut RoomCx) {
    let here = cx.room();
    if cx.entity(who).is_none_or(|entity| entity.home == Some(here)) {
        return;
    }
    if let Some(entity) = cx.edit(who) {
        entity.home = Some(here);
    }
    cx.tell(who, text!("Your home is gone. From now on it is here."));
}

fn arrival(who: EntityId, from: Option<RoomId>, manner: &Manner, cx: &RoomCx) -> Markup {
    let view = cx.view();
    let Some(name) = view.entity(who).map(in_a_sentence) else { return Markup::default() };
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
        Manner::Teleport => text!("{} appears out of nowhere.", name),
    }
}

/// Returns what somebody's departure reads like to those who stay.
pub fn departure(name: &str, manner: &Manner) -> Markup {
    match manner {
        Manner::Exit(exit) if direction::is_one(exit) => text!("{} leaves {}.", name, exit),
        Manner::Exit(exit) => text!("{} leaves through {}.", name, the_way(exit)),
        Manner::Home => text!("{} goes home.", name),
        Manner::Login => text!("{} has left the world.", name),
        Manner::Teleport => text!("{} vanishes.", name),
    }
}

/// Returns what something is called at the beginning of a sentence: `Ann`, `A lamp`.
pub fn in_a_sentence(entity: &Entity) -> String {
    match entity.kind() {
        Kind::Object => english::capitalised(&english::with_article(&entity.key)),
        _ => entity.key.clone(),
    }
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
    let seen = seen(cx.view(), who);
    let info = seat.caller.events.then(|| appearance::room_info(cx.view()).to_string());
    match seen {
        Ok(seen) => cx.tell(who, seen),
        Err(failure) => {
            cx.tell(who, Markup::plain(UNSEEN));
            let all = cx.seats().iter().flat_map(|(_, occupancy)| occupancy.seats.iter());
            let developers = all.filter(|seat| seat.caller.may(Permission::Developer)).map(|seat| seat.session);
            let mut to: Vec<SessionId> = developers.collect();
            to.sort_unstable();
            if !to.is_empty() {
                cx.effects().items.push(Item::Text { to, text: failure.trace().into_string() });
            }
        }
    }
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

/// What somebody sees who comes to a room that cannot be shown.
const UNSEEN: &str = "You cannot make out where you are. Something is wrong with this place; it has been noted.";

/// Returns the room as it is seen by somebody who comes to be there.
///
/// # Errors
///
/// Its type panicked.
fn seen(view: RoomView, who: EntityId) -> Result<Markup, Failure> {
    contain(|| appearance::room(view, who)).inspect_err(|failure| {
        tracing::error!("room {:?} cannot be shown, it panicked: {failure}", view.room().map(|room| room.id));
    })
}

#[cfg(test)]
mod tests;
