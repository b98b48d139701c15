//! A room in memory: its contents, who plays in it, and how a command, an arrival or a departure changes it.
//!
//! Pure: the room actor feeds it messages and performs the [`Effects`] it returns. Whatever runs game code runs on a
//! draft and inside [`Room::perform`], where a refusal or a panic leaves the room as it was.

use std::sync::Arc;

use crate::ids::{EntityId, RoomId, SessionId};
use crate::text;
use crate::text::Markup;
use crate::wire::Item;
use crate::world::appearance;
use crate::world::caller::{Caller, Seat};
use crate::world::channel::ChannelIndex;
use crate::world::clock::GameClock;
use crate::world::command::{self, Args, CommandCx, Hall, Meaning};
use crate::world::contents::{Contents, Draft, Undo};
use crate::world::cx::{RoomCx, RoomView};
use crate::world::effects::{ChannelRequest, Effects};
use crate::world::entity::Entity;
use crate::world::failure::{Failure, contain};
use crate::world::firing::Firing;
use crate::world::record::{Change, Kind, Permission};
use crate::world::seats::{Occupancy, Seats};
use crate::world::types::Refusal;

mod rewrite;
mod walks;

use walks::go;
pub use walks::{departure, in_a_sentence};

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
