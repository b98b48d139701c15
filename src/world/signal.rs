//! Signals: typed messages between entities, rooms, channels and scripts; and timers, which send one when they are due.
//!
//! A signal is a serde struct. It is stored with the batch that sends it, and handled exactly once, after that batch.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::{ChannelId, EntityId, RoomId, ScriptId};
use crate::world::record::TimerRecord;
use crate::world::script::ScriptType;

/// How many signals may lead to one another; beyond that one is dropped and logged: two that answer each other for ever
/// would keep the world busy.
pub const HOPS_MOST: u32 = 100;

/// Shortest period of a ticker, and shortest delay, in milliseconds.
pub const SHORTEST_MS: i64 = 50;

/// A message for hooks.
///
/// ```
/// use everhall::prelude::*;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Ring { strokes: u32 }
///
/// impl SignalType for Ring {
///     const NAME: &'static str = "ring";
/// }
/// ```
pub trait SignalType: Serialize + DeserializeOwned + 'static {
    /// Stored with each signal on its way. Never reuse or rename.
    const NAME: &'static str;
}

/// A signal without a value, for types that need no other: the tick of a lamp.
///
/// ```
/// use std::time::Duration;
/// use everhall::prelude::*;
///
/// fn light(me: EntityId, cx: &mut RoomCx) {
///     cx.every(me, Duration::from_secs(60), &Tick);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Tick;

impl SignalType for Tick {
    const NAME: &'static str = "tick";
}

/// A signal that has arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Name of its type.
    pub name: String,
    /// Its value, JSON.
    pub json: String,
    /// Who sent it; `None` for a script's or the engine's.
    pub from: Option<EntityId>,
    /// Of a ticker's: how many ticks were due at once, more than one after the server was away. Else 1.
    pub ticks: u64,
    /// How many signals led to it.
    pub hops: u32,
}

impl Signal {
    /// Returns a signal that carries a value.
    pub fn new<S: SignalType>(value: &S) -> Self {
        let json = serde_json::to_string(value).unwrap_or_else(|error| {
            tracing::error!(signal = S::NAME, %error, "a signal of type {} cannot be written", S::NAME);
            "null".into()
        });
        Self { name: S::NAME.to_owned(), json, from: None, ticks: 1, hops: 0 }
    }

    /// Returns its value if it is of that type and can be read.
    pub fn read<S: SignalType>(&self) -> Option<S> {
        if self.name != S::NAME {
            return None;
        }
        let read = serde_json::from_str(&self.json);
        read.inspect_err(|error| tracing::warn!(signal = S::NAME, %error, "signal {} cannot be read", S::NAME)).ok()
    }

    /// Tells whether it is of that type.
    pub fn is<S: SignalType>(&self) -> bool {
        self.name == S::NAME
    }
}

/// Where a signal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To a room.
    Room(RoomId),
    /// To something or somebody, wherever they are.
    Entity(EntityId),
    /// To every room that an exit of this one leads to.
    Neighbours,
    /// To a channel.
    Channel(ChannelId),
    /// To a script.
    Script(ScriptId),
    /// To the channel of this name, whichever it is in this world.
    ChannelNamed(&'static str),
    /// To the script of this type, whichever it is in this world; see [`Target::script`].
    ScriptOf(&'static str),
}

impl Target {
    /// Returns the script of a type.
    ///
    /// ```
    /// use everhall::prelude::*;
    /// # #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
    /// # struct Tides;
    /// # impl ScriptType for Tides {
    /// #     const TYPE: &'static str = "tides";
    /// #     fn on_tick(&mut self, _: &mut ScriptCx) {}
    /// # }
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Flood;
    /// # impl SignalType for Flood {
    /// #     const NAME: &'static str = "flood";
    /// # }
    /// fn pull_the_lever(cx: &mut RoomCx) {
    ///     cx.signal(Target::script::<Tides>(), &Flood);
    /// }
    /// ```
    pub fn script<T: ScriptType>() -> Self {
        Self::ScriptOf(T::TYPE)
    }
}

/// A timer of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Timer {
    /// Name of the signal's type: an entity has one timer of each name.
    pub name: String,
    /// The signal's value, JSON.
    pub json: String,
    /// When a one-shot is due; of a ticker, its phase. Milliseconds since 1970.
    pub start_at: i64,
    /// Milliseconds between ticks; 0 for a one-shot.
    pub period_ms: i64,
    /// The last tick, in milliseconds since 1970. Stored only with a tick that changed something.
    pub fired_at: i64,
}

impl Timer {
    /// Returns a timer from its row.
    pub fn from_record(record: TimerRecord) -> Self {
        let TimerRecord { name, json, start_at, period_ms, fired_at, .. } = record;
        Self { name, json, start_at, period_ms, fired_at }
    }

    /// Returns its row.
    pub fn to_record(&self, entity: EntityId) -> TimerRecord {
        TimerRecord {
            entity,
            name: self.name.clone(),
            json: self.json.clone(),
            start_at: self.start_at,
            period_ms: self.period_ms,
            fired_at: self.fired_at,
        }
    }

    /// Tells whether it fires again and again.
    pub fn is_ticker(&self) -> bool {
        self.period_ms > 0
    }

    /// Returns when it is due next, in milliseconds since 1970.
    pub fn due_at(&self) -> i64 {
        if !self.is_ticker() {
            return self.start_at;
        }
        if self.fired_at < self.start_at {
            return self.start_at;
        }
        self.start_at + ((self.fired_at - self.start_at) / self.period_ms + 1) * self.period_ms
    }

    /// Returns how many ticks are due at `now_ms`; 0 for none.
    pub fn ticks_due(&self, now_ms: i64) -> u64 {
        let due = self.due_at();
        match () {
            () if due > now_ms => 0,
            () if self.period_ms <= 0 => 1,
            () => ((now_ms - due) / self.period_ms + 1) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticker(fired_at: i64) -> Timer {
        Timer { name: "tick".into(), json: "null".into(), start_at: 1000, period_ms: 100, fired_at }
    }

    #[test]
    fn a_ticker_keeps_its_phase() {
        assert_eq!(ticker(0).due_at(), 1000);
        assert_eq!(ticker(1000).due_at(), 1100);
        assert_eq!(ticker(1099).due_at(), 1100);
        assert_eq!(ticker(1730).due_at(), 1800);
    }

    #[test]
    fn missed_ticks_come_as_one_with_their_count() {
        assert_eq!(ticker(1000).ticks_due(1099), 0);
        assert_eq!(ticker(1000).ticks_due(1100), 1);
        assert_eq!(ticker(1000).ticks_due(1350), 3);
    }

    #[test]
    fn a_signal_is_read_by_its_own_type_only() {
        #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
        struct Ring(u32);
        impl SignalType for Ring {
            const NAME: &'static str = "ring";
        }
        #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
        struct Burn;
        impl SignalType for Burn {
            const NAME: &'static str = "burn";
        }
        let signal = Signal::new(&Ring(3));
        assert_eq!(signal.read::<Ring>(), Some(Ring(3)));
        assert_eq!(signal.read::<Burn>(), None);
        let spoilt = Signal { json: "{}".into(), ..signal };
        assert_eq!(spoilt.read::<Ring>(), None);
    }
}
