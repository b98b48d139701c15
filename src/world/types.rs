//! Types: how a game extends the world. Kinds are closed, types are open.
//!
//! A type is a small struct with serde state and hooks, registered under a stable name that is stored with each entity.
//! `can_*` asks (a [`Refusal`] is text for the player), `shape_*` alters, `on_*` tells. Hooks run on a clone of the
//! state and record effects in their context; when one refuses or panics, clone and effects are dropped.
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
