//! Types of channels: who may speak, what becomes of what they say.

use std::any::Any;
use std::collections::HashMap;

use crate::text::Markup;
use crate::world::caller::Caller;
use crate::world::record::ChannelMessage;
use crate::world::signal::{Signal, SignalType, Target};
use crate::world::types::{Refusal, State, read};

/// A kind of channel. Every hook has a default; override what differs.
///
/// ```
/// use everhall::prelude::*;
///
/// #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Whispers;
///
/// impl ChannelType for Whispers {
///     const TYPE: &'static str = "whispers";
///     fn shape_text(&self, text: String) -> String {
///         text.to_lowercase()
///     }
/// }
/// ```
pub trait ChannelType: State {
    /// Stored with each channel of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Asked before somebody says something; they listen to it and have its permission.
    ///
    /// # Errors
    ///
    /// A refusal keeps it unsaid.
    fn can_speak(&self, who: &Caller, text: &str) -> Result<(), Refusal> {
        let _ = (who, text);
        Ok(())
    }

    /// Alters what is said, before it is kept and shown.
    fn shape_text(&self, text: String) -> String {
        text
    }

    /// Told after something was said.
    fn on_message(&mut self, message: &ChannelMessage, cx: &mut ChannelCx) {
        let _ = (message, cx);
    }

    /// Told that a signal has come.
    fn on_signal(&mut self, signal: &Signal, cx: &mut ChannelCx) {
        let _ = (signal, cx);
    }
}

/// A channel where what is said is what is heard.
#[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PlainChannel;

impl ChannelType for PlainChannel {
    const TYPE: &'static str = "channel";
}

/// The context of a channel's hooks.
#[derive(Debug)]
pub struct ChannelCx {
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    hops: u32,
    shown: Vec<Markup>,
    signals: Vec<(Target, Signal)>,
}

impl ChannelCx {
    /// Returns a context at a time, to which `hops` signals led.
    pub fn new(now_ms: i64, hops: u32) -> Self {
        Self { now_ms, hops, shown: Vec::new(), signals: Vec::new() }
    }

    /// Shows a text to everybody who listens and is connected. It is not kept in the history.
    pub fn show(&mut self, text: Markup) {
        self.shown.push(text);
    }

    /// Sends a signal, once this run is done. A channel has no neighbours.
    pub fn signal<S: SignalType>(&mut self, target: Target, value: &S) {
        let signal = Signal { hops: self.hops, ..Signal::new(value) };
        if target != Target::Neighbours {
            self.signals.push((target, signal));
        }
    }

    /// Returns what was shown and sent.
    pub fn into_parts(self) -> (Vec<Markup>, Vec<(Target, Signal)>) {
        (self.shown, self.signals)
    }
}

/// Makes a type from its state, or in its default state.
type Make = (fn(&str) -> Result<Box<dyn AnyChannel>, serde_json::Error>, fn() -> Box<dyn AnyChannel>);

/// The registered types of channels, by name.
pub struct ChannelTypes(HashMap<&'static str, Make>);

impl Default for ChannelTypes {
    /// Returns the plain one.
    fn default() -> Self {
        let mut types = Self(HashMap::new());
        types.add::<PlainChannel>();
        types
    }
}

impl ChannelTypes {
    /// Registers a type.
    pub fn add<T: ChannelType>(&mut self) {
        let make: Make = (|json| Ok(Box::new(serde_json::from_str::<T>(json)?)), || Box::new(T::default()));
        self.0.insert(T::TYPE, make);
    }

    /// Returns their names, in order.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// Returns a type in its default state; `None` if there is none of that name.
    pub fn fresh(&self, name: &str) -> Option<Box<dyn AnyChannel>> {
        self.0.get(name).map(|(_, fresh)| fresh())
    }

    /// Returns a stored channel's type with its state; `None` if it is not registered or cannot read it: the channel
    /// then works as a plain one, and its row is left as it is.
    pub fn stored(&self, name: &str, json: &str) -> Option<Box<dyn AnyChannel>> {
        let (make, _) = self.0.get(name)?;
        read(|| make(json)).inspect_err(|why| tracing::warn!("state of channel type {name}: {why}")).ok()
    }
}

/// A channel's type, erased.
pub trait AnyChannel: Send + Sync {
    /// See [`ChannelType::can_speak`].
    ///
    /// # Errors
    ///
    /// A refusal, as the type says.
    fn can_speak(&self, who: &Caller, text: &str) -> Result<(), Refusal>;
    /// See [`ChannelType::shape_text`].
    fn shape_text(&self, text: String) -> String;
    /// See [`ChannelType::on_message`].
    fn on_message(&mut self, message: &ChannelMessage, cx: &mut ChannelCx);
    /// See [`ChannelType::on_signal`].
    fn on_signal(&mut self, signal: &Signal, cx: &mut ChannelCx);
    /// Returns its state as JSON.
    fn to_json(&self) -> String;
    /// Returns a copy, to run a hook on.
    fn boxed(&self) -> Box<dyn AnyChannel>;
    /// Tells whether another has the same state.
    fn same(&self, other: &dyn AnyChannel) -> bool;
    /// Returns the state itself.
    fn as_any(&self) -> &dyn Any;
}

impl<T: ChannelType> AnyChannel for T {
    fn can_speak(&self, who: &Caller, text: &str) -> Result<(), Refusal> {
        ChannelType::can_speak(self, who, text)
    }
    fn shape_text(&self, text: String) -> String {
        ChannelType::shape_text(self, text)
    }
    fn on_message(&mut self, message: &ChannelMessage, cx: &mut ChannelCx) {
        ChannelType::on_message(self, message, cx);
    }
    fn on_signal(&mut self, signal: &Signal, cx: &mut ChannelCx) {
        ChannelType::on_signal(self, signal, cx);
    }
    fn to_json(&self) -> String {
        // A bug in the type, as a panic of a hook is, and treated alike.
        serde_json::to_string(self)
            .unwrap_or_else(|error| panic!("the state of type {} cannot be stored: {error}", T::TYPE))
    }
    fn boxed(&self) -> Box<dyn AnyChannel> {
        Box::new(self.clone())
    }
    fn same(&self, other: &dyn AnyChannel) -> bool {
        other.as_any().downcast_ref::<T>() == Some(self)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
