//! Global scripts: what happens by itself, everywhere or nowhere in particular.

use std::any::Any;

use crate::text::Markup;
use crate::world::clock::GameTime;
use crate::world::record::SignalTarget;
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
    /// How many ticks were due at once: more than one after the server was away.
    pub ticks: u64,
    hops: u32,
    announced: Vec<Markup>,
    signals: Vec<(SignalTarget, Signal)>,
}

impl ScriptCx {
    /// Returns a context at a time.
    pub fn new(now_ms: i64, game_time: GameTime, ticks: u64) -> Self {
        Self { now_ms, game_time, ticks, hops: 0, announced: Vec::new(), signals: Vec::new() }
    }

    /// Returns the context of a signal.
    pub fn for_signal(now_ms: i64, game_time: GameTime, signal: &Signal) -> Self {
        Self { hops: signal.hops + 1, ..Self::new(now_ms, game_time, 0) }
    }

    /// Shows a text to everybody in the world.
    pub fn announce(&mut self, text: Markup) {
        self.announced.push(text);
    }

    /// Sends a signal, once this run is done. A script has no neighbours.
    pub fn signal<S: SignalType>(&mut self, target: Target, value: &S) {
        let signal = Signal { hops: self.hops, ..Signal::new(value) };
        self.signals.extend(target.stored().map(|target| (target, signal)));
    }

    /// Returns what was announced and sent.
    pub fn into_parts(self) -> (Vec<Markup>, Vec<(SignalTarget, Signal)>) {
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
        serde_json::to_string(self).unwrap_or_else(|_| "null".into())
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
    fn the_sky_speaks_once_when_a_part_of_the_day_begins() {
        let mut sky = Sky::default();
        assert!(tick(&mut sky, 5).is_empty());
        assert_eq!(tick(&mut sky, 6), ["The sun rises."]);
        assert!(tick(&mut sky, 7).is_empty());
        assert_eq!(tick(&mut sky, 23), ["Night falls."]);
    }
}
