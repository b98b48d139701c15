//! What game code that panics, or that is gone, does to a room: nothing beyond the run that met it. And what cannot be saved:
//! nothing at all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Moment, Performed, Room};
use crate::commands::defaults;
use crate::ids::EntityId;
use crate::text::Markup;
use crate::world::clock::GameClock;
use crate::world::cx::{RoomCx, RoomView, Say};
use crate::world::effects::Manner;
use crate::world::entity::Entity;
use crate::world::firing::Firing;
use crate::world::record::{Change, EntityRows, Kind};
use crate::world::signal::{Signal, SignalType, Target};
use crate::world::trial::{Said, Trial};
use crate::world::types::{Behaviour, CharacterType, ExitType, ObjectType, Refusal, Registry, RoomType};

/// Panics in one hook, after it has changed what it can.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Bomb {
    hook: String,
    runs: u32,
}

impl Bomb {
    fn at(hook: &str) -> Self {
        Self { hook: hook.to_owned(), runs: 0 }
    }

    fn met(&self, hook: &str) {
        assert!(self.hook != hook, "boom in {hook}");
    }

    fn ran(&mut self, hook: &str, cx: &mut RoomCx) {
        self.runs += 1;
        cx.tell_room(Markup::plain("Something ticks."));
        let room = cx.room();
        if let Some(room) = cx.edit(room) {
            room.set_attribute("touched", true);
        }
        self.met(hook);
    }
}

#[derive(Serialize, Deserialize)]
struct Fuse;

impl SignalType for Fuse {
    const NAME: &'static str = "fuse";
}

impl RoomType for Bomb {
    const TYPE: &'static str = "bomb";
    fn can_enter(&self, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.met("can_enter");
        Ok(())
    }
    fn can_leave(&self, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.met("can_leave");
        Ok(())
    }
    fn shape_description(&self, description: Markup, _: &RoomView) -> Markup {
        self.met("shape_description");
        description
    }
    fn on_enter(&mut self, _: EntityId, cx: &mut RoomCx) {
        self.ran("on_enter", cx);
    }
    fn on_leave(&mut self, _: EntityId, cx: &mut RoomCx) {
        self.ran("on_leave", cx);
    }
    fn on_say(&mut self, _: &Say, cx: &mut RoomCx) {
        self.ran("on_say", cx);
    }
    fn on_signal(&mut self, _: &Signal, cx: &mut RoomCx) {
        self.ran("on_signal", cx);
    }
}

impl ExitType for Bomb {
    const TYPE: &'static str = "bomb";
    fn can_traverse(&self, _: &Entity, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.met("can_traverse");
        Ok(())
    }
    fn on_traverse(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.ran("on_traverse", cx);
    }
    fn on_signal(&mut self, _: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.ran("on_signal", cx);
    }
}

impl CharacterType for Bomb {
    const TYPE: &'static str = "bomb";
    fn can_say(&self, _: &Entity, _: &str, _: &RoomView) -> Result<(), Refusal> {
        self.met("can_say");
        Ok(())
    }
    fn shape_say(&self, text: String, _: &RoomView) -> String {
        self.met("shape_say");
        text
    }
    fn on_hear(&mut self, _: EntityId, _: &Say, cx: &mut RoomCx) {
        self.ran("on_hear", cx);
    }
    fn on_meet(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.ran("on_meet", cx);
    }
    fn on_receive(&mut self, _: EntityId, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.ran("on_receive", cx);
    }
    fn on_signal(&mut self, _: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.ran("on_signal", cx);
    }
}

impl ObjectType for Bomb {
    const TYPE: &'static str = "bomb";
    fn can_get(&self, _: &Entity, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.met("can_get");
        Ok(())
    }
    fn can_drop(&self, _: &Entity, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.met("can_drop");
        Ok(())
    }
    fn shape_description(&self, _: &Entity, description: Markup, _: &RoomView) -> Markup {
        self.met("shape_description");
        description
    }
    fn on_get(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.ran("on_get", cx);
    }
    fn on_drop(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.ran("on_drop", cx);
    }
    fn on_use(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        self.ran("on_use", cx);
        Ok(())
    }
    fn on_signal(&mut self, _: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.ran("on_signal", cx);
    }
}

/// A room that is a bomb or has one in it; Ann holds a coin.
fn with_bomb(kind: Kind, hook: &str) -> (Trial, EntityId) {
    let mut trial = Trial::new(defaults());
    trial.thing_in(trial.id("Ann"), "coin");
    let bomb = match kind {
        Kind::Room => trial.room_of(Bomb::at(hook)),
        Kind::Exit => trial.exit_of(Bomb::at(hook), "gate", EntityId(50)),
        Kind::Character => trial.character_of(Bomb::at(hook), "imp"),
        Kind::Object => trial.thing_of(Bomb::at(hook), "shell"),
    };
    (trial, bomb)
}

/// Asserts that `run` panics in the hook, that nothing of what it did is left, and that the room goes on.
#[track_caller]
fn check_in(mut trial: Trial, hook: &str, run: impl FnOnce(&mut Trial) -> Said) {
    let all = |trial: &Trial| -> Vec<Entity> { (1..=5).filter_map(|id| trial.find(EntityId(id)).cloned()).collect() };
    let before = all(&trial);
    let panicked = catch_unwind(AssertUnwindSafe(|| run(&mut trial)));
    let why = *panicked.expect_err(hook).downcast::<String>().expect("a message");
    assert!(why.contains(&format!("boom in {hook}")), "{why}");
    let ids: Vec<EntityId> = before.iter().map(|entity| entity.id).collect();
    let after: Vec<Entity> = ids.iter().filter_map(|id| trial.find(*id).cloned()).collect();
    assert_eq!(before, after, "{hook}");
    assert_eq!(trial.run("Bob", "time").to("Bob").len(), 2, "the room goes on");
}

#[track_caller]
fn check(kind: Kind, hook: &str, run: impl FnOnce(&mut Trial, EntityId) -> Said) {
    let (trial, bomb) = with_bomb(kind, hook);
    check_in(trial, hook, |trial| run(trial, bomb));
}

#[test]
fn a_panic_in_a_hook_loses_that_run_and_nothing_else() {
    let types = |line: &'static str| move |trial: &mut Trial, _: EntityId| trial.run("Ann", line);
    check(Kind::Room, "shape_description", types("look"));
    check(Kind::Room, "on_say", types("say hello"));
    check(Kind::Room, "on_enter", |trial, _| trial.walk_in("Cem"));
    check(Kind::Room, "on_leave", |trial, _| trial.walk_out("Ann"));
    check(Kind::Exit, "can_traverse", types("gate"));
    check(Kind::Exit, "on_traverse", types("gate"));
    check(Kind::Character, "on_hear", types("say hello"));
    check(Kind::Character, "on_meet", |trial, _| trial.walk_in("Cem"));
    check(Kind::Character, "on_receive", types("give coin to imp"));
    check(Kind::Object, "can_get", types("get shell"));
    check(Kind::Object, "on_get", types("get shell"));
    check(Kind::Object, "on_use", types("use shell"));
    check(Kind::Object, "shape_description", types("look shell"));
    for kind in [Kind::Room, Kind::Exit, Kind::Character, Kind::Object] {
        check(kind, "on_signal", |trial, bomb| trial.signal(bomb, &Fuse));
    }
}

#[test]
fn a_panic_on_the_way_out_of_a_room_or_a_hand_loses_that_run() {
    let (mut trial, _) = with_bomb(Kind::Room, "can_leave");
    trial.exit("gate", EntityId(50));
    check_in(trial, "can_leave", |trial| trial.run("Ann", "gate"));
    for hook in ["can_drop", "on_drop"] {
        let (mut trial, bomb) = with_bomb(Kind::Object, hook);
        let ann = trial.id("Ann");
        trial.edit(bomb, |bomb| bomb.location = Some(ann));
        check_in(trial, hook, |trial| trial.run("Ann", "drop shell"));
    }
}

#[test]
fn a_panic_of_what_one_says_loses_what_one_says() {
    for hook in ["can_say", "shape_say"] {
        let mut trial = Trial::new(defaults());
        let ann = trial.id("Ann");
        trial.edit(ann, |ann| ann.behaviour = Behaviour::with_character(Bomb::at(hook)));
        check_in(trial, hook, |trial| trial.run("Ann", "say hello"));
    }
}

#[test]
fn a_room_that_panics_when_asked_lets_nobody_in_and_one_that_cannot_be_shown_everybody() {
    let (trial, _) = with_bomb(Kind::Room, "can_enter");
    check_in(trial, "can_enter", |trial| trial.walk_in("Cem"));
    let (mut trial, _) = with_bomb(Kind::Room, "shape_description");
    let seen = trial.walk_in("Cem").to("Cem").concat();
    assert!(seen.contains("Something is wrong with this place"), "{seen}");
}

#[test]
fn a_timer_whose_hook_panics_is_spent() {
    let (mut trial, bomb) = with_bomb(Kind::Object, "on_signal");
    trial.hook(|cx| {
        cx.after(bomb, Duration::from_secs(1), &Fuse);
        Ok(())
    });
    assert!(catch_unwind(AssertUnwindSafe(|| trial.pass(Duration::from_secs(2)))).is_err());
    assert!(trial.entity(bomb).timers.is_empty());
    assert!(trial.pass(Duration::from_secs(9)).items.is_empty());
}

/// Rows of a thing whose type or state the code does not know.
fn relic(type_name: &str, state: &str) -> EntityRows {
    let mut rows = Entity::new(EntityId(77), Behaviour::object(), "relic").to_rows();
    rows.record.location = Some(EntityId(1));
    rows.record.type_name = type_name.to_owned();
    rows.record.state = state.to_owned();
    rows
}

#[test]
fn what_no_type_can_read_is_used_like_a_plain_thing_and_lives_again_with_its_type() {
    let mut registry = Registry::new();
    registry.object::<Bomb>();
    for (type_name, state) in [("bomb", r#"{"hook":5}"#), ("gone", r#"{"hook":"on_get","runs":3}"#)] {
        let mut trial = Trial::new(defaults());
        trial.insert(Entity::from_rows(relic(type_name, state), &registry));
        assert_eq!(trial.run("Ann", "get relic").to("Ann"), ["You pick up a relic."]);
        assert_eq!(trial.run("Ann", "look relic").to("Ann"), ["relic\nYou see nothing special."]);
        let said = trial.signal(EntityId(77), &Fuse);
        assert!(said.changes.is_empty() && said.items.is_empty());
        let dropped = trial.run("Ann", "drop relic");
        let Change::Entity(record) = &dropped.changes[0] else { panic!("{:?}", dropped.changes) };
        assert_eq!((record.type_name.as_str(), record.state.as_str()), (type_name, state));
    }
    let relic = Entity::from_rows(relic("bomb", r#"{"hook":"on_get","runs":3}"#), &registry);
    assert_eq!(relic.state::<Bomb>().map(|bomb| bomb.runs), Some(3));
}

#[test]
fn a_ticker_of_zero_ticks_as_fast_as_one_may() {
    let (mut trial, bomb) = with_bomb(Kind::Object, "");
    trial.hook(|cx| {
        cx.every(bomb, Duration::ZERO, &Fuse);
        Ok(())
    });
    trial.pass(Duration::from_secs(1));
    assert_eq!(trial.state::<Bomb>(bomb).runs, 20);
}

/// Stops another's timer, or sets its own anew, or answers itself.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Rival {
    stops: Option<EntityId>,
    runs: u32,
}

impl ObjectType for Rival {
    const TYPE: &'static str = "rival";
    fn on_signal(&mut self, me: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.runs += 1;
        match self.stops {
            Some(other) => cx.cancel::<Fuse>(other),
            None => cx.signal_from(me, crate::world::signal::Target::Entity(me), &Fuse),
        }
    }
}

#[test]
fn a_timer_that_another_one_stops_does_not_fire_though_both_were_due() {
    let mut trial = Trial::new(defaults());
    let first = trial.thing_of(Rival::default(), "first");
    let second = trial.thing_of(Rival { stops: Some(first), runs: 0 }, "second");
    trial.edit(first, |thing| thing.behaviour = Behaviour::with_object(Rival { stops: Some(second), runs: 0 }));
    trial.hook(|cx| {
        cx.after(first, Duration::from_secs(1), &Fuse);
        cx.every(second, Duration::from_secs(1), &Fuse);
        Ok(())
    });
    trial.pass(Duration::from_secs(60));
    assert_eq!((trial.state::<Rival>(first).runs, trial.state::<Rival>(second).runs), (1, 0));
}

#[test]
fn each_signal_that_leads_to_another_counts() {
    let mut trial = Trial::new(defaults());
    let thing = trial.thing_of(Rival::default(), "thing");
    let said = trial.signal(thing, &Fuse);
    assert_eq!(said.signals.iter().map(|(_, signal)| signal.hops).collect::<Vec<_>>(), [1]);
}

/// A hall with a thing in it.
fn hall() -> Room {
    let mut thing = Entity::new(EntityId(2), Behaviour::object(), "thing");
    thing.location = Some(EntityId(1));
    Room::new(vec![Entity::new(EntityId(1), Behaviour::room(), "Hall"), thing]).unwrap()
}

fn moment(can_save: bool) -> Moment {
    Moment { now_ms: 1_000_000, clock: GameClock { start_ms: 0, factor: 1.0 }, seed: 1, can_save, hops: 0 }
}

#[test]
fn what_cannot_be_saved_has_not_happened_and_what_changes_nothing_goes_on() {
    let thing = EntityId(2);
    let check = |is_done: bool, run: &dyn Fn(&mut RoomCx)| {
        let mut hall = hall();
        let performed = hall.perform(moment(false), |cx| {
            run(cx);
            Ok(())
        });
        assert_eq!(matches!(performed, Performed::Done(..)), is_done, "{performed:?}");
        assert!(is_done || matches!(performed, Performed::Unsaved), "{performed:?}");
        let untouched = self::hall();
        assert_eq!(hall.contents.entity(thing), untouched.contents.entity(thing));
        let could = self::hall().perform(moment(true), |cx| {
            run(cx);
            Ok(())
        });
        assert!(matches!(could, Performed::Done(..)), "{could:?}");
    };
    check(true, &|cx| cx.tell_room(Markup::plain("Something ticks.")));
    check(true, &|cx| cx.edit(thing).unwrap().location = Some(EntityId(1)));
    check(false, &|cx| cx.edit(thing).unwrap().set_attribute("weight", 1));
    check(false, &|cx| cx.create(Entity::new(EntityId(3), Behaviour::object(), "other")));
    check(false, &|cx| cx.destroy(thing));
    check(false, &|cx| cx.signal(Target::Entity(thing), &Fuse));
    check(false, &|cx| cx.after(thing, Duration::from_secs(1), &Fuse));
    check(false, &|cx| cx.walk(vec![thing], EntityId(9), Manner::Home));
    check(false, &|cx| cx.effects().destroys_room = true);
    check(true, &|cx| {
        cx.create(Entity { transient: true, ..Entity::new(EntityId(3), Behaviour::character(), "hand") });
    });
}

/// Burns down while nobody looks.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Candle {
    burnt: u64,
}

impl ObjectType for Candle {
    const TYPE: &'static str = "candle";
    const LAZY: bool = true;
    fn on_signal(&mut self, _: EntityId, signal: &Signal, _: &mut RoomCx) {
        self.burnt += signal.ticks;
    }
}

#[test]
fn what_would_be_stored_late_is_put_off_as_well_and_what_is_late_already_goes_with_what_is_shown() {
    let (mut hall, thing) = (hall(), EntityId(2));
    let mut candle = hall.contents.entity(thing).unwrap().clone();
    candle.behaviour = Behaviour::with_object(Candle::default());
    hall.contents.insert(candle);
    let tick = |cx: &mut RoomCx| {
        cx.every(thing, Duration::from_secs(2), &Fuse);
        Ok(())
    };
    assert!(matches!(hall.perform(moment(true), tick), Performed::Done(..)));
    let mut fire = |can_save: bool, after_ms: i64| {
        let now_ms = moment(true).now_ms + after_ms;
        let [(at, entity)] = hall.contents.due(now_ms, 9).try_into().unwrap();
        let firing = Firing::begin(&mut hall.contents, entity, at, now_ms).unwrap();
        let performed = hall.fire(Moment { now_ms, ..moment(can_save) }, &firing);
        if matches!(performed, Performed::Unsaved) {
            firing.put_off(&mut hall.contents);
        }
        (performed, hall.contents.has_late())
    };
    assert!(matches!(fire(false, 2_000), (Performed::Unsaved, false)));
    let (performed, is_late) = fire(true, 4_000);
    assert!(matches!(performed, Performed::Done(changes, ..) if changes.is_empty()) && is_late);
    assert!(matches!(fire(false, 6_000), (Performed::Unsaved, true)));
    assert_eq!(hall.contents.entity(thing).unwrap().state::<Candle>(), Some(&Candle { burnt: 2 }));
    let told = hall.perform(moment(false), |cx| {
        cx.effects().recalled.push(thing);
        Ok(())
    });
    assert!(matches!(told, Performed::Done(changes, ..) if !changes.is_empty()), "it is shown with what was late");
}

#[test]
fn a_tick_that_is_put_off_is_due_as_before_and_comes_with_those_it_misses() {
    let (mut hall, thing) = (hall(), EntityId(2));
    let ticking = |cx: &mut RoomCx| {
        cx.every(thing, Duration::from_secs(2), &Fuse);
        Ok(())
    };
    assert!(matches!(hall.perform(moment(true), ticking), Performed::Done(..)));
    let due = hall.contents.next_due().unwrap();
    for late in [0, 3_000, 20_000] {
        let now_ms = due + late;
        let [(at, entity)] = hall.contents.due(now_ms, 9).try_into().unwrap();
        let firing = Firing::begin(&mut hall.contents, entity, at, now_ms).unwrap();
        assert_eq!(firing.signal.ticks as i64, 1 + late / 2_000);
        assert_ne!(hall.contents.next_due(), Some(due));
        firing.put_off(&mut hall.contents);
        assert_eq!(hall.contents.next_due(), Some(due));
    }
}
