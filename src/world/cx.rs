//! The context of hooks and commands: reads the room as it is with one's own effects on top, records what to do.

use std::time::Duration;

use smallvec::SmallVec;

use crate::ids::{AccountId, EntityId, SessionId};
use crate::text::Markup;
use crate::wire::Item;
use crate::world::caller::Caller;
use crate::world::clock::GameTime;
use crate::world::contents::{Draft, Edits};
use crate::world::effects::{Effects, Hop, Manner, Walk};
use crate::world::entity::Entity;
use crate::world::lock::LockSubject;
use crate::world::record::{Kind, Permission};
use crate::world::room::Moment;
use crate::world::seats::{Occupancy, Seats};
use crate::world::signal::{SHORTEST_MS, Signal, SignalType, Target, Timer};
use crate::world::types::{ErasedCharacter, ErasedExit, ErasedObject, ErasedRoom, Inner};

/// Something that is being said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// Who speaks.
    pub who: EntityId,
    /// Plain text.
    pub text: String,
}

/// A room to read.
#[derive(Clone, Copy)]
pub struct RoomView<'a> {
    draft: &'a Draft<'a>,
    moment: Moment,
}

impl<'a> RoomView<'a> {
    /// Returns a view of a draft.
    pub fn new(draft: &'a Draft<'a>, moment: Moment) -> Self {
        Self { draft, moment }
    }

    /// Returns the room itself.
    pub fn room(&self) -> Option<&'a Entity> {
        self.draft.entity(self.draft.room())
    }

    /// Returns an entity of the room.
    pub fn entity(&self, id: EntityId) -> Option<&'a Entity> {
        self.draft.entity(id)
    }

    /// Returns what is directly in `holder`: in the room, in somebody's hands, in a box.
    pub fn inside(&self, holder: EntityId) -> impl Iterator<Item = &'a Entity> + use<'a> {
        self.draft.inside(holder)
    }

    /// Returns what is directly in the room and of that kind; nothing transient.
    pub fn here(&self, kind: Kind) -> impl Iterator<Item = &'a Entity> + use<'a> {
        self.inside(self.draft.room()).filter(move |entity| entity.kind() == kind && !entity.transient)
    }

    /// Returns the time, in milliseconds since 1970. The only clock that game logic reads.
    pub fn now_ms(&self) -> i64 {
        self.moment.now_ms
    }

    /// Returns the time of the game.
    pub fn game_time(&self) -> GameTime {
        self.moment.clock.at(self.moment.now_ms)
    }
}

/// A room to read, and a record of what to do to it.
pub struct RoomCx<'a> {
    draft: Draft<'a>,
    seats: &'a Seats,
    effects: Effects,
    moment: Moment,
    rng: fastrand::Rng,
    /// How many signals led to this run.
    hops: u32,
}

impl<'a> RoomCx<'a> {
    /// Returns a context of a moment.
    pub fn new(draft: Draft<'a>, seats: &'a Seats, moment: Moment) -> Self {
        let rng = fastrand::Rng::with_seed(moment.seed);
        Self { draft, seats, effects: Effects::default(), moment, rng, hops: moment.hops }
    }

    /// Returns the room as it is with all effects so far.
    pub fn view(&self) -> RoomView<'_> {
        RoomView::new(&self.draft, self.moment)
    }

    /// Returns the room's id.
    pub fn room(&self) -> EntityId {
        self.draft.room()
    }

    /// Returns an entity of the room.
    pub fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.draft.entity(id)
    }

    /// Returns an entity of the room to change.
    pub fn edit(&mut self, id: EntityId) -> Option<&mut Entity> {
        self.draft.edit(id)
    }

    /// Puts a new entity in the room.
    pub fn create(&mut self, entity: Entity) {
        self.draft.create(entity);
    }

    /// Deletes an entity. What is in it falls to where it was.
    pub fn destroy(&mut self, id: EntityId) {
        let location = self.entity(id).and_then(|entity| entity.location);
        let inner: SmallVec<[EntityId; 8]> = self.draft.inside(id).map(|entity| entity.id).collect();
        for inner in inner {
            if let Some(entity) = self.draft.edit(inner) {
                entity.location = location;
            }
        }
        self.draft.destroy(id);
    }

    /// Deletes the room with all that is in it. Whoever plays must not be in it.
    pub fn destroy_room(&mut self) {
        let mut doomed = vec![self.room()];
        let mut next = 0;
        while next < doomed.len() {
            doomed.extend(self.draft.inside(doomed[next]).map(|entity| entity.id));
            next += 1;
        }
        doomed.into_iter().rev().for_each(|id| self.draft.destroy(id));
        self.effects.destroys_room = true;
    }

    /// Returns the time, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.moment.now_ms
    }

    /// Returns the source of random numbers. The only one that game logic uses.
    pub fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }

    /// Sends a signal, once this run is done. It is handled exactly once, after what this run does.
    pub fn signal<S: SignalType>(&mut self, target: Target, value: &S) {
        let signal = Signal { from: Some(self.room()), hops: self.hops, ..Signal::new(value) };
        self.send(target, signal);
    }

    /// Sends a signal as [`RoomCx::signal`] does, from an entity of the room.
    pub fn signal_from<S: SignalType>(&mut self, from: EntityId, target: Target, value: &S) {
        let signal = Signal { from: Some(from), hops: self.hops, ..Signal::new(value) };
        self.send(target, signal);
    }

    fn send(&mut self, target: Target, signal: Signal) {
        if target == Target::Neighbours {
            let here = self.room();
            let mut rooms: Vec<EntityId> = self.view().here(Kind::Exit).filter_map(|exit| exit.destination).collect();
            rooms.sort_unstable();
            rooms.dedup();
            let others = rooms.into_iter().filter(|room| *room != here);
            self.effects.signals.extend(others.map(|room| (Target::Room(room), signal.clone())));
            return;
        }
        self.effects.signals.push((target, signal));
    }

    /// Sends an entity a signal after a delay, in place of one of that type that it waits for. Survives restarts.
    ///
    /// The delay is at least 50 ms.
    pub fn after<S: SignalType>(&mut self, me: EntityId, delay: Duration, value: &S) {
        let start_at = self.now_ms() + (delay.as_millis() as i64).max(SHORTEST_MS);
        self.set_timer(me, start_at, 0, value);
    }

    /// Sends an entity a signal again and again, in place of a timer of that type. Survives restarts; ticks missed
    /// meanwhile come as one, with their count.
    ///
    /// The period is at least 50 ms: one of zero is a bug, which is logged.
    pub fn every<S: SignalType>(&mut self, me: EntityId, period: Duration, value: &S) {
        let period_ms = period.as_millis() as i64;
        if period_ms < SHORTEST_MS {
            tracing::warn!("ticker {} of {me} has a period of {period_ms} ms, taken for {SHORTEST_MS}", S::NAME);
        }
        let period_ms = period_ms.max(SHORTEST_MS);
        self.set_timer(me, self.now_ms() + period_ms, period_ms, value);
    }

    /// Stops an entity's timer of that type.
    pub fn cancel<S: SignalType>(&mut self, me: EntityId) {
        if self.entity(me).is_some_and(|entity| entity.timer(S::NAME).is_some())
            && let Some(entity) = self.edit(me)
        {
            entity.timers.retain(|timer| timer.name != S::NAME);
        }
    }

    fn set_timer<S: SignalType>(&mut self, me: EntityId, start_at: i64, period_ms: i64, value: &S) {
        let (signal, fired_at) = (Signal::new(value), self.now_ms());
        if let Some(entity) = self.edit(me) {
            entity.set_timer(Timer { name: signal.name, json: signal.json, start_at, period_ms, fired_at });
        }
    }

    /// Sends somebody or something to another room, once this run is done. One party a run.
    pub fn walk(&mut self, who: Vec<EntityId>, to: EntityId, manner: Manner) {
        self.effects.hop = Some(Hop::Walk(Walk { who, to, manner }));
    }

    /// Gives a signal to the type of an entity of this room, or of the room itself.
    pub(crate) fn deliver(&mut self, id: EntityId, signal: &Signal) {
        self.hops = self.hops.max(signal.hops + 1);
        match self.entity(id).map(Entity::kind) {
            Some(Kind::Room) => drop(self.with_room(|room, cx| room.on_signal(signal, cx))),
            Some(Kind::Exit) => drop(self.with_exit(id, |exit, cx| exit.on_signal(id, signal, cx))),
            Some(Kind::Character) => drop(self.with_character(id, |who, cx| who.on_signal(id, signal, cx))),
            Some(Kind::Object) => drop(self.with_object(id, |object, cx| object.on_signal(id, signal, cx))),
            None => {}
        }
    }

    /// Runs `run` on the state of an entity whose type is `T`: how commands and other types use what a type can do.
    /// Returns `None` if it is not here, or of another type.
    ///
    /// ```text
    /// cx.room().with_state(lantern, |lantern: &mut Lantern, cx| lantern.light(id, who, cx))
    /// ```
    pub fn with_state<T: 'static, R>(&mut self, id: EntityId, run: impl FnOnce(&mut T, &mut Self) -> R) -> Option<R> {
        let mut behaviour = self.entity(id)?.behaviour.clone();
        let result = run(behaviour.state_mut()?, self);
        self.keep(id, behaviour);
        Some(result)
    }

    /// Returns the sessions of the room's characters.
    pub fn seats(&self) -> &Seats {
        self.seats
    }

    /// Shows a text to one character.
    pub fn tell(&mut self, who: EntityId, text: Markup) {
        let seats = self.seats;
        self.tell_those(None, text, seats.of(who).into_iter().map(|occupancy| (who, occupancy)));
    }

    /// Shows a text to everybody in the room.
    pub fn tell_room(&mut self, text: Markup) {
        let seats = self.seats;
        self.tell_those(None, text, seats.iter());
    }

    /// Shows a text to everybody in the room but one.
    pub fn tell_others(&mut self, but: EntityId, text: Markup) {
        let seats = self.seats;
        self.tell_those(None, text, seats.iter().filter(|(who, _)| *who != but));
    }

    /// Shows a text to some of the room's characters.
    pub fn tell_all(&mut self, whom: &[EntityId], text: Markup) {
        let seats = self.seats;
        self.tell_those(None, text, seats.iter().filter(|(who, _)| whom.contains(who)));
    }

    /// Shows what `speaker` says or does to everybody else in the room who wants to hear them.
    pub fn tell_from(&mut self, speaker: EntityId, text: Markup) {
        let seats = self.seats;
        self.tell_those(Some(speaker), text, seats.iter().filter(|(who, _)| *who != speaker));
    }

    /// Shows one text to a character that does something, and another, made with their name, to everybody else who wants
    /// to hear of them.
    pub fn act(&mut self, who: EntityId, to_self: Markup, to_others: impl FnOnce(&str) -> Markup) {
        let Some(name) = self.entity(who).map(|who| who.key.clone()) else { return };
        self.tell(who, to_self);
        self.tell_from(who, to_others(&name));
    }

    /// Shows what `speaker` does with `other` to everybody else in the room who wants to hear of them.
    pub fn tell_bystanders(&mut self, speaker: EntityId, other: EntityId, text: Markup) {
        let seats = self.seats;
        let bystanders = seats.iter().filter(|(who, _)| *who != speaker && *who != other);
        self.tell_those(Some(speaker), text, bystanders);
    }

    /// Shows what `speaker` says or does to one character. Returns false if that one ignores them.
    pub fn tell_one_from(&mut self, speaker: EntityId, who: EntityId, text: Markup) -> bool {
        let heard = !self.is_ignored(speaker, who);
        let seats = self.seats;
        self.tell_those(Some(speaker), text, seats.of(who).into_iter().map(|occupancy| (who, occupancy)));
        heard
    }

    /// Returns the effects so far, to add to.
    pub fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }

    /// Tells whether the person who plays `listener` ignores the one who plays `speaker`.
    pub fn is_ignored(&self, speaker: EntityId, listener: EntityId) -> bool {
        let Some(account) = self.account_of(speaker) else { return false };
        self.seats.seat(listener).is_some_and(|seat| seat.caller.ignores.contains(&account))
    }

    /// Ends the run: the edits to apply and the effects to perform.
    pub fn into_parts(self) -> (Edits, Effects) {
        (self.draft.into_edits(), self.effects)
    }

    /// Runs the room's type on a clone of its state.
    pub(crate) fn with_room<R>(&mut self, run: impl FnOnce(&mut dyn ErasedRoom, &mut Self) -> R) -> Option<R> {
        let id = self.room();
        let mut behaviour = self.entity(id)?.behaviour.clone();
        let Inner::Room(inner) = &mut behaviour.0 else { return None };
        let result = run(inner.as_mut(), self);
        self.keep(id, behaviour);
        Some(result)
    }

    /// Runs an exit's type on a clone of its state.
    pub(crate) fn with_exit<R>(
        &mut self,
        id: EntityId,
        run: impl FnOnce(&mut dyn ErasedExit, &mut Self) -> R,
    ) -> Option<R> {
        let mut behaviour = self.entity(id)?.behaviour.clone();
        let Inner::Exit(inner) = &mut behaviour.0 else { return None };
        let result = run(inner.as_mut(), self);
        self.keep(id, behaviour);
        Some(result)
    }

    /// Runs a character's type on a clone of its state.
    pub(crate) fn with_character<R>(
        &mut self,
        id: EntityId,
        run: impl FnOnce(&mut dyn ErasedCharacter, &mut Self) -> R,
    ) -> Option<R> {
        let mut behaviour = self.entity(id)?.behaviour.clone();
        let Inner::Character(inner) = &mut behaviour.0 else { return None };
        let result = run(inner.as_mut(), self);
        self.keep(id, behaviour);
        Some(result)
    }

    /// Runs an object's type on a clone of its state.
    pub(crate) fn with_object<R>(
        &mut self,
        id: EntityId,
        run: impl FnOnce(&mut dyn ErasedObject, &mut Self) -> R,
    ) -> Option<R> {
        let mut behaviour = self.entity(id)?.behaviour.clone();
        let Inner::Object(inner) = &mut behaviour.0 else { return None };
        let result = run(inner.as_mut(), self);
        self.keep(id, behaviour);
        Some(result)
    }

    /// Tells `tell` to the type of every character in the room but one.
    pub(crate) fn each_character(
        &mut self,
        but: EntityId,
        mut tell: impl FnMut(EntityId, &mut dyn ErasedCharacter, &mut Self),
    ) {
        // People react by themselves; only the others' types have something to say.
        let ids: SmallVec<[EntityId; 8]> = self
            .view()
            .here(Kind::Character)
            .filter(|entity| entity.id != but && self.seats.of(entity.id).is_none())
            .map(|entity| entity.id)
            .collect();
        for id in ids {
            self.with_character(id, |character, cx| tell(id, character, cx));
        }
    }

    fn keep(&mut self, id: EntityId, behaviour: crate::world::types::Behaviour) {
        if self.entity(id).is_some_and(|entity| entity.behaviour != behaviour)
            && let Some(entity) = self.edit(id)
        {
            entity.behaviour = behaviour;
        }
    }

    fn account_of(&self, who: EntityId) -> Option<AccountId> {
        Some(self.seats.seat(who)?.caller.account)
    }

    fn tell_those<'s>(
        &mut self,
        speaker: Option<EntityId>,
        text: Markup,
        whom: impl Iterator<Item = (EntityId, &'s Occupancy)>,
    ) {
        let account = speaker.and_then(|speaker| self.account_of(speaker));
        let mut to: Vec<SessionId> = Vec::new();
        for (who, occupancy) in whom {
            if occupancy.seats.is_empty() {
                self.effects.missed.push((who, text.as_str().to_owned()));
            }
            let hears = |caller: &Caller| account.is_none_or(|account| !caller.ignores.contains(&account));
            to.extend(occupancy.seats.iter().filter(|seat| hears(&seat.caller)).map(|seat| seat.session));
        }
        if !to.is_empty() {
            // The order of a hash map must not reach anybody.
            to.sort_unstable();
            self.effects.items.push(Item::Text { to, text: text.into_string() });
        }
    }
}

/// Somebody before a lock.
pub struct Subject<'a> {
    /// The room they stand in.
    pub view: RoomView<'a>,
    /// The character.
    pub who: &'a Entity,
    /// The person who plays it.
    pub caller: Option<&'a Caller>,
    /// What the lock is on.
    pub target: EntityId,
}

impl LockSubject for Subject<'_> {
    fn permission(&self) -> Permission {
        let own = self.who.permission.unwrap_or_default();
        self.caller.map_or(own, |caller| caller.permission.max(own))
    }

    fn is_superuser(&self) -> bool {
        self.caller.is_some_and(|caller| caller.superuser)
    }

    fn id(&self) -> EntityId {
        self.who.id
    }

    fn has_attribute(&self, key: &str, value: Option<&str>) -> bool {
        match (self.who.attribute(key), value) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(serde_json::Value::String(known)), Some(value)) => known == value,
            // Numbers compare as they are written.
            (Some(known), Some(value)) => known.to_string().as_str() == value,
        }
    }

    fn has_tag(&self, key: &str, category: Option<&str>) -> bool {
        let fits = |known: &str| category.is_none_or(|category| known.eq_ignore_ascii_case(category));
        self.who.tags.iter().any(|tag| tag.key.eq_ignore_ascii_case(key) && fits(&tag.category))
    }

    fn holds(&self, name: &str) -> bool {
        self.view.inside(self.who.id).any(|held| held.is_called(name) || held.has_tag(name))
    }

    fn is_self(&self) -> bool {
        self.who.id == self.target
    }
}
