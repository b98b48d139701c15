//! Who goes, comes, and is gone: what is asked and told of it, and what others see.

use super::{FOLLOWS, Moment, Performed, Room, show_room};
use crate::ids::{EntityId, RoomId};
use crate::text;
use crate::text::{Markup, english};
use crate::world::caller::Caller;
use crate::world::command::CommandCx;
use crate::world::contents::Draft;
use crate::world::cx::{RoomCx, RoomView, Subject};
use crate::world::direction;
use crate::world::effects::Manner;
use crate::world::entity::Entity;
use crate::world::failure::{Failure, contain};
use crate::world::record::Kind;
use crate::world::types::{Inner, Refusal};

impl Room {
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
}

/// Goes through an exit, with all who follow.
pub(super) fn go(exit: EntityId, cx: &mut CommandCx) -> Result<(), Refusal> {
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
