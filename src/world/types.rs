//! Types: how a game extends the world. Kinds are closed, types are open.
//!
//! A type is a small struct with serde state and hooks, registered under a stable name that is stored with each entity.
//! `can_*` asks (a [`Refusal`] is text for the player), `shape_*` alters, `on_*` tells. Hooks run on a clone of the
//! state and record effects in their context; when one refuses or panics, clone and effects are dropped.
//!
//! State is kept in one of three ways; which is best depends on what it is of:
//!
//! - *stored at once*, as a rule: with what changed it, all or nothing. Nothing that was shown is ever lost.
//! - *stored late* ([`ObjectType::LAZY`]): what tickers change and nobody sees, such as the fuel of a lamp. Saves a write at
//!   each tick, and may be a minute old after a crash.
//! - *worked out when somebody looks*: costs nothing meanwhile, not even a timer, however many there are. The state is
//!   when something was last done; hooks compare that with `now_ms()`, or read the time of the game:
//!
//! ```
//! use everhall::prelude::*;
//!
//! /// Bears a berry more each minute, up to nine.
//! #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
//! struct Bush { bare_at: i64 }
//!
//! impl ObjectType for Bush {
//!     const TYPE: &'static str = "bush";
//!     fn shape_description(&self, _: &Entity, description: Markup, room: &RoomView) -> Markup {
//!         let berries = ((room.now_ms() - self.bare_at) / 60_000).min(9);
//!         text!("{} Berries on it: {}.", description, berries)
//!     }
//!     fn on_use(&mut self, _: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
//!         self.bare_at = cx.now_ms();
//!         cx.tell(who, text!("You eat them all."));
//!         Ok(())
//!     }
//! }
//! ```
//!
//! Outside, everything is generic; inside, a [`Behaviour`] holds the erased type, so that a room is one actor whatever
//! its type.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::text::Markup;

mod behaviour;
mod erased;
mod hooks;
mod registry;

pub use behaviour::Behaviour;
pub(crate) use behaviour::Inner;
pub(crate) use erased::{ErasedCharacter, ErasedExit, ErasedObject, ErasedRoom};
pub use hooks::{CharacterType, ExitType, ObjectType, RoomType};
pub use registry::Registry;
pub(crate) use registry::read;

/// Why something may not be done, in words for the player. Not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub Markup);

impl Refusal {
    /// Returns a refusal that says `text`, which is plain.
    pub fn new(text: &str) -> Self {
        Self(Markup::plain(text))
    }
}

impl From<Markup> for Refusal {
    fn from(text: Markup) -> Self {
        Self(text)
    }
}

/// What every type is: a value that can be copied, compared, stored and read back.
pub trait State: Default + Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Default + Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static> State for T {}
