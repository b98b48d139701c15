//! Global scripts: what happens by itself, everywhere or nowhere in particular.

use std::any::Any;
use std::time::Duration;

use crate::ids::ScriptId;
use crate::text::Markup;
use crate::world::clock::GameTime;
use crate::world::failure::contain;
use crate::world::record::ScriptRecord;
use crate::world::signal::{Signal, SignalType, Target};
use crate::world::types::State;

/// A kind of global script.
///
/// ```
/// use everhall::prelude::*;
///
/// #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Tides { high: bool }
///
/// impl ScriptType for Tides {
///     const TYPE: &'static str = "tides";
///     fn on_tick(&mut self, cx: &mut ScriptCx) {
///         self.high = !self.high;
///         cx.announce(text!("The tide turns."));
///     }
/// }
/// ```
pub trait ScriptType: State {
    /// Stored with the script. Never reuse or rename.
    const TYPE: &'static str;

    /// Told when its period has passed. Changes of the state are stored; what it shows is shown at most once.
    fn on_tick(&mut self, cx: &mut ScriptCx);

    /// Told that a signal has come.
    fn on_signal(&mut self, signal: &Signal, cx: &mut ScriptCx) {
        let _ = (signal, cx);
    }
}

/// The context of a script.
#[derive(Debug)]
pub struct ScriptCx {
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    /// The time of the game.
    pub game_time: GameTime,
    /// How many ticks were due at once: more than one after the server was away, counted since the last tick that changed
    /// the state.
    pub ticks: u64,
    hops: u32,
    rng: fastrand::Rng,
    announced: Vec<Markup>,
    signals: Vec<(Target, Signal)>,
}

impl ScriptCx {
    /// Returns a context at a time.
    pub fn new(now_ms: i64, game_time: GameTime, ticks: u64) -> Self {
        // No two ticks of a script are in one millisecond: the time is seed enough.
        let rng = fastrand::Rng::with_seed(now_ms as u64);
        Self { now_ms, game_time, ticks, hops: 0, rng, announced: Vec::new(), signals: Vec::new() }
    }

    /// Returns the context of a signal.
    pub fn for_signal(now_ms: i64, game_time: GameTime, signal: &Signal) -> Self {
        Self { hops: signal.hops + 1, ..Self::new(now_ms, game_time, 0) }
    }

    /// Returns the source of random numbers. The only one that game logic uses.
    pub fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }

    /// Shows a text to everybody in the world.
    pub fn announce(&mut self, text: Markup) {
        self.announced.push(text);
    }

    /// Sends a signal, once this run is done. A script has no neighbours.
    pub fn signal<S: SignalType>(&mut self, target: Target, value: &S) {
        let signal = Signal { hops: self.hops, ..Signal::new(value) };
        if target != Target::Neighbours {
            self.signals.push((target, signal));
        }
    }

    /// Returns what was announced and sent.
    pub fn into_parts(self) -> (Vec<Markup>, Vec<(Target, Signal)>) {
        (self.announced, self.signals)
    }
}

/// A script's type, erased.
pub trait AnyScript: Send + Sync {
    /// See [`ScriptType::TYPE`].
    fn type_name(&self) -> &'static str;
    /// See [`ScriptType::on_tick`].
    fn on_tick(&mut self, cx: &mut ScriptCx);
    /// See [`ScriptType::on_signal`].
    fn on_signal(&mut self, signal: &Signal, cx: &mut ScriptCx);
    /// Returns its state as JSON.
    fn to_json(&self) -> String;
    /// Returns a copy, to run a hook on.
    fn boxed(&self) -> Box<dyn AnyScript>;
    /// Tells whether another has the same state.
    fn same(&self, other: &dyn AnyScript) -> bool;
    /// Returns the state itself.
    fn as_any(&self) -> &dyn Any;
}

impl<T: ScriptType> AnyScript for T {
    fn type_name(&self) -> &'static str {
        T::TYPE
    }
    fn on_tick(&mut self, cx: &mut ScriptCx) {
        ScriptType::on_tick(self, cx);
    }
    fn on_signal(&mut self, signal: &Signal, cx: &mut ScriptCx) {
        ScriptType::on_signal(self, signal, cx);
    }
    fn to_json(&self) -> String {
        // A bug in the type, as a panic of a hook is, and treated alike.
        serde_json::to_string(self)
            .unwrap_or_else(|error| panic!("the state of type {} cannot be stored: {error}", T::TYPE))
    }
    fn boxed(&self) -> Box<dyn AnyScript> {
        Box::new(self.clone())
    }
    fn same(&self, other: &dyn AnyScript) -> bool {
        other.as_any().downcast_ref::<T>() == Some(self)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A script of which every world has one.
#[derive(Debug, Clone)]
pub struct GlobalScript {
    type_name: &'static str,
    period_ms: i64,
    fresh: fn() -> String,
}

impl GlobalScript {
    /// Returns the script of a type, in its default state, that ticks each `period`.
    pub fn of<T: ScriptType>(period: Duration) -> Self {
        let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
        Self { type_name: T::TYPE, period_ms, fresh: || T::default().to_json() }
    }

    /// Returns the row to store so that a world with these scripts has it: a new one, with an id that `id` gives out; or
    /// its own with another period. `None` if there is nothing to store. It begins at `now_ms`, in milliseconds since 1970.
    pub fn to_store(
        &self,
        stored: &[ScriptRecord],
        now_ms: i64,
        id: impl FnOnce() -> Option<ScriptId>,
    ) -> Option<ScriptRecord> {
        let known = stored.iter().find(|script| script.type_name == self.type_name);
        match known {
            Some(known) if known.period_ms == self.period_ms => None,
            Some(known) => Some(ScriptRecord { period_ms: self.period_ms, start_at: now_ms, ..known.clone() }),
            None => {
                let fresh = contain(self.fresh);
                let fresh = fresh.inspect_err(|why| tracing::error!("script {} cannot begin: {why}", self.type_name));
                Some(ScriptRecord {
                    state: fresh.ok()?,
                    id: id()?,
                    key: self.type_name.to_owned(),
                    type_name: self.type_name.to_owned(),
                    period_ms: self.period_ms,
                    start_at: now_ms,
                })
            }
        }
    }
}

/// The sky over the whole world: tells when a part of the day begins.
#[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sky {
    part: String,
}

impl ScriptType for Sky {
    const TYPE: &'static str = "sky";

    fn on_tick(&mut self, cx: &mut ScriptCx) {
        let part = cx.game_time.part_of_day();
        if self.part == part {
            return;
        }
        let was_known = !self.part.is_empty();
        self.part = part.to_owned();
        let text = match part {
            "morning" => "The sun rises.",
            "afternoon" => "The sun stands high.",
            "evening" => "The shadows grow long.",
            _ => "Night falls.",
        };
        if was_known {
            cx.announce(Markup::plain(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(sky: &mut Sky, hour: i64) -> Vec<String> {
        let game_time = GameTime { year: 1, month: 1, day: 1, hour, minute: 0 };
        let mut cx = ScriptCx::new(0, game_time, 1);
        ScriptType::on_tick(sky, &mut cx);
        cx.into_parts().0.into_iter().map(Markup::into_string).collect()
    }

    #[test]
    fn a_world_gets_each_global_script_once_and_follows_its_period() {
        let script = |secs| GlobalScript::of::<Sky>(Duration::from_secs(secs));
        let made = script(10).to_store(&[], 5000, || Some(ScriptId(7))).unwrap();
        assert_eq!((made.id, made.type_name.as_str(), made.start_at), (ScriptId(7), "sky", 5000));
        assert_eq!((made.state.as_str(), made.period_ms), ("{\"part\":\"\"}", 10_000));
        let stored = [ScriptRecord { state: "{\"part\":\"night\"}".into(), ..made }];
        assert_eq!(script(10).to_store(&stored, 9000, || panic!("it is there")), None);
        let slower = script(60).to_store(&stored, 9000, || panic!("it is there")).unwrap();
        assert_eq!(slower, ScriptRecord { period_ms: 60_000, start_at: 9000, ..stored[0].clone() });
        // Without an id left it is not made now; the next start tries again.
        assert_eq!(script(10).to_store(&[], 5000, || None), None);
    }

    #[test]
    fn the_sky_speaks_once_when_a_part_of_the_day_begins() {
        let mut sky = Sky::default();
        assert!(tick(&mut sky, 5).is_empty());
        assert_eq!(tick(&mut sky, 6), ["The sun rises."]);
        assert!(tick(&mut sky, 7).is_empty());
        assert_eq!(tick(&mut sky, 23), ["Night falls."]);
    }
}
