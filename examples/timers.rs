//! Measures how late timers are: a game of a hundred rooms with a hundred clocks in each, all wound at once.
//!
//! ```sh
//! cargo run --release --example timers -- run --data-dir /tmp/timers
//! # as any player: wind 1000      every clock strikes once, all at the same moment, a second later
//! #                wind 50        … as soon as one may: each 50 ms after its room was told
//! #                wind 50 1000   … spread over another second
//! #                tick 1000      every clock strikes each second, until the world stops
//! #                lateness       how late they were since the last `wind`, `tick` or `lateness`
//! ```

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everhall::prelude::*;
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROOMS: usize = 100;
const CLOCKS_IN_EACH: usize = 100;

/// How late each stroke was, in milliseconds.
static LATE: Mutex<Vec<i64>> = Mutex::new(Vec::new());

#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
struct Clock {
    strokes: u64,
}

#[derive(Serialize, Deserialize)]
struct Strike {
    due: i64,
    period: i64,
}

impl SignalType for Strike {
    const NAME: &'static str = "strike";
}

impl ObjectType for Clock {
    const TYPE: &'static str = "clock";

    fn on_signal(&mut self, _: EntityId, signal: &Signal, _: &mut RoomCx) {
        let Some(Strike { due, period }) = signal.read() else { return };
        // By the wall, not by the batch: what is measured is when the hook really runs.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let late = if period > 0 { (now - due).rem_euclid(period) } else { now - due };
        self.strokes += signal.ticks;
        if let Ok(mut known) = LATE.lock() {
            known.push(late);
        }
    }
}

#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
struct Shop;

#[derive(Clone, Serialize, Deserialize)]
struct Wind {
    /// When, in milliseconds since 1970; 50 ms after the room is told of it at the earliest.
    at: i64,
    spread: i64,
    period: i64,
}

impl SignalType for Wind {
    const NAME: &'static str = "wind";
}

impl RoomType for Shop {
    const TYPE: &'static str = "shop";

    fn on_signal(&mut self, signal: &Signal, cx: &mut RoomCx) {
        let Some(Wind { at, spread, period }) = signal.read() else { return };
        let clocks: Vec<EntityId> = cx.view().here(Kind::Object).map(|clock| clock.id).collect();
        for clock in clocks {
            let spread = if spread > 0 { cx.rng().i64(0..spread) } else { 0 };
            let delay = (at - cx.now_ms()).max(50) + spread;
            if period > 0 {
                let strike = Strike { due: cx.now_ms(), period };
                cx.every(clock, Duration::from_millis(period as u64), &strike);
            } else {
                let strike = Strike { due: cx.now_ms() + delay, period };
                cx.after(clock, Duration::from_millis(delay as u64), &strike);
            }
        }
    }
}

fn wind_all(wind: &Wind, cx: &mut CommandCx) {
    if let Ok(mut late) = LATE.lock() {
        late.clear();
    }
    for room in 0..ROOMS {
        cx.room().signal(Target::Room(EntityId(FIRST_SHOP + (room * (CLOCKS_IN_EACH + 1)) as u64)), wind);
    }
    cx.tell(text!("Wound."));
}

fn number(words: &mut dyn Iterator<Item = &str>) -> i64 {
    words.next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

struct WindUp;

impl Command for WindUp {
    const NAME: &'static str = "wind";
    const HELP: &'static str = "Usage: wind <delay in ms> [spread in ms]";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let mut words = args.words();
        let (delay, spread) = (number(&mut words), number(&mut words));
        let at = cx.view().now_ms() + delay;
        wind_all(&Wind { at, spread, period: 0 }, cx);
        Ok(())
    }
}

struct Tick;

impl Command for Tick {
    const NAME: &'static str = "tick";
    const HELP: &'static str = "Usage: tick <period in ms>";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        wind_all(&Wind { at: 0, spread: 0, period: number(&mut args.words()) }, cx);
        Ok(())
    }
}

struct Lateness;

impl Command for Lateness {
    const NAME: &'static str = "lateness";
    const HELP: &'static str = "Usage: lateness";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let mut late = LATE.lock().map(|mut late| std::mem::take(&mut *late)).unwrap_or_default();
        late.sort_unstable();
        let at = |share: usize| late.get(late.len() * share / 1000).or(late.last()).copied().unwrap_or(0);
        let most = late.last().copied().unwrap_or(0);
        cx.tell(text!(
            "{} strokes, late by ms: p50 {}, p99 {}, p99.9 {}, most {}",
            late.len(),
            at(500),
            at(990),
            at(999),
            most
        ));
        Ok(())
    }
}

/// Id of the first room beside the start room.
const FIRST_SHOP: u64 = 3;

fn world() -> Plan {
    let mut plan = Plan::new("The Street", "A hundred shops, and all sell clocks.");
    for n in 0..ROOMS {
        let shop = plan.room_of(Shop, "A Shop", "It ticks.");
        assert_eq!(shop.0, FIRST_SHOP + (n * (CLOCKS_IN_EACH + 1)) as u64, "shops are found by their number");
        for _ in 0..CLOCKS_IN_EACH {
            plan.thing_of(Clock::default(), shop, "clock", "It shows some time.");
        }
    }
    plan
}

fn plugin(app: &mut App) {
    app.room::<Shop>().object::<Clock>();
    app.command(WindUp).command(Tick).command(Lateness).first_world(world);
}

fn main() -> ExitCode {
    App::new("Timers").plugin(plugin).run()
}
