//! The hot paths of a line, without sockets and storage: `cargo bench --bench paths`.

#![allow(missing_docs, reason = "criterion's macros make functions")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may fail loudly")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use everhall::commands;
use everhall::ids::{AccountId, EntityId, SessionId};
use everhall::text::{AnsiStyle, render_ansi};
use everhall::wire::Colors;
use everhall::world::caller::{Caller, Seat};
use everhall::world::channel::ChannelIndex;
use everhall::world::channel_type::ChannelTypes;
use everhall::world::clock::GameClock;
use everhall::world::command::Hall;
use everhall::world::contents::Draft;
use everhall::world::cx::RoomView;
use everhall::world::effects::Manner;
use everhall::world::entity::Entity;
use everhall::world::id_block::IdBlock;
use everhall::world::lock::{Lock, LockSubject};
use everhall::world::record::Permission;
use everhall::world::room::{Moment, Performed, Room};
use everhall::world::types::{Behaviour, Registry};

const CLOCK: GameClock = GameClock { start_ms: 1_714_566_840_000, factor: 4.0 };
const MOMENT: Moment = Moment { now_ms: 1_714_566_840_000, seed: 1, clock: CLOCK, hops: 0, can_save: true };

/// A room like those of `bench prepare`, with so many people in it.
fn room(people: u64) -> Room {
    let mut entities = vec![Entity::new(EntityId(1), Behaviour::room(), "Cell 0-0")];
    entities[0].description = "A bare stone cell with four doors.".into();
    for (n, direction) in (2..).zip(["north", "south", "east", "west"]) {
        let mut exit = Entity::new(EntityId(n), Behaviour::exit(), direction);
        exit.aliases = vec![direction[..1].to_owned()];
        exit.location = Some(EntityId(1));
        exit.destination = Some(EntityId(99));
        entities.push(exit);
    }
    for n in 0..people {
        let mut character = Entity::new(EntityId(1000 + n), Behaviour::character(), format!("bot{n}"));
        character.location = Some(EntityId(1));
        entities.push(character);
    }
    let mut room = Room::new(entities).unwrap();
    for n in 0..people {
        let seat = Seat { session: SessionId(1000 + n), caller: Arc::new(caller(1000 + n)) };
        room.sit(EntityId(1000 + n), seat, None);
    }
    room
}

fn caller(n: u64) -> Caller {
    Caller {
        account: AccountId(n),
        name: format!("bot{n}").into(),
        character: EntityId(n),
        permission: Permission::Player,
        superuser: false,
        ignores: Vec::new(),
        channels: Vec::new(),
        options: serde_json::json!({}),
        width: 80,
        screen_reader: false,
        events: false,
        address: "127.0.0.1".into(),
    }
}

fn hall() -> Hall {
    Hall {
        name: "Bench".into(),
        start_room: EntityId(1),
        commands: commands::defaults(),
        clock: CLOCK,
        types: Registry::new(),
        channels: ChannelTypes::default(),
        ids: IdBlock::new(1_000_000, u64::MAX),
    }
}

fn parsing(criterion: &mut Criterion) {
    let (room, hall, channels, caller) = (room(5), hall(), ChannelIndex::new(Vec::new()), caller(1000));
    let draft = Draft::new(&room.contents);
    for line in ["look", "say hello everybody", "get 2.ball from box"] {
        criterion.bench_function(&format!("parse: {line}"), |bencher| {
            bencher.iter(|| {
                let view = RoomView::new(&draft, MOMENT);
                black_box(hall.commands.meaning(black_box(line), view, &caller, &channels));
            });
        });
    }
}

/// Somebody with a key and no other merit.
struct Visitor;

impl LockSubject for Visitor {
    fn permission(&self) -> Permission {
        Permission::Player
    }
    fn is_superuser(&self) -> bool {
        false
    }
    fn id(&self) -> EntityId {
        EntityId(7)
    }
    fn has_attribute(&self, _: &str, _: Option<&str>) -> bool {
        false
    }
    fn has_tag(&self, _: &str, _: Option<&str>) -> bool {
        false
    }
    fn holds(&self, key: &str) -> bool {
        key == "brass key"
    }
    fn is_self(&self) -> bool {
        false
    }
}

fn locks(criterion: &mut Criterion) {
    let lock = Lock::parse("perm(Builder) or (holds(brass key) and not tag(banned))").unwrap();
    criterion.bench_function("lock check", |bencher| bencher.iter(|| black_box(lock.check(black_box(&Visitor)))));
}

fn rendering(criterion: &mut Criterion) {
    let style = AnsiStyle { colors: Colors::True, width: 80, utf8: true, screen_reader: false };
    let plain = "bot7 says, \"hello from 7\"";
    let colourful = "|wCell 0-0|n\nA bare stone cell with four doors, |rred|n with rust and |#ff8800lit|n by a torch, in \
                     which a line has to be wrapped.\n|cExits:|n |lcnorth|ltnorth|le, |lcsouth|ltsouth|le";
    for (name, text) in [("a line said", plain), ("a room", colourful)] {
        criterion.bench_function(&format!("render: {name}"), |bencher| {
            bencher.iter(|| black_box(render_ansi(black_box(text), &style)));
        });
    }
}

fn rooms(criterion: &mut Criterion) {
    let (hall, channels, caller) = (hall(), ChannelIndex::new(Vec::new()), Arc::new(caller(1000)));
    for (line, people) in [("look", 1), ("look", 50), ("say hello everybody", 1), ("say hello everybody", 50)] {
        let mut room = room(people);
        let who = (EntityId(1000), SessionId(1000), &caller);
        criterion.bench_function(&format!("room: {line}, {people} people"), |bencher| {
            bencher.iter(|| black_box(room.input(MOMENT, who, (black_box(line), None), &hall, &channels)));
        });
    }
    let manner = Manner::Exit("north".into());
    for people in [1, 50] {
        let who = EntityId(1000);
        let mut room = room(people);
        criterion.bench_function(&format!("room: taken out, Arrive, {people} people"), |bencher| {
            bencher.iter(|| {
                let occupant = room.take(who).unwrap();
                room.put(occupant);
                let arrived = room.arrive(MOMENT, &[who], Some(EntityId(99)), &manner);
                assert!(matches!(arrived, Performed::Done(..)));
                black_box(arrived)
            });
        });
    }
}

criterion_group!(paths, parsing, locks, rendering, rooms);
criterion_main!(paths);
