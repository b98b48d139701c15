//! Types: how a game extends the world. Kinds are closed, types are open.
//!
//! A type is a small struct with serde state and hooks, registered under a stable name that is stored with each entity.
//! `can_*` asks (a [`Refusal`] is text for the player), `shape_*` alters, `on_*` tells. Hooks run on a clone of the
//! state and record effects in their context; when one refuses or panics, clone and effects are dropped.
//!
//! Outside, everything is generic; inside, a [`Behaviour`] holds the erased type, so that a room is one actor whatever
//! its type.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::EntityId;
use crate::text::Markup;
use crate::world::cx::{RoomCx, RoomView, Say};
use crate::world::defaults;
use crate::world::entity::Entity;
use crate::world::record::Kind;

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

/// A kind of room. Every hook has a default; override what differs.
///
/// ```
/// use everhall::prelude::*;
///
/// #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Canyon;
///
/// impl RoomType for Canyon {
///     const TYPE: &'static str = "canyon";
///     fn on_say(&mut self, say: &Say, cx: &mut RoomCx) {
///         defaults::say(say, cx);
///         cx.tell_room(text!("The walls answer: \"…{}\"", say.text));
///     }
/// }
/// ```
pub trait RoomType: State {
    /// Stored with each room of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Asked before somebody comes in, on foot or by other means.
    ///
    /// # Errors
    ///
    /// A refusal sends them back.
    fn can_enter(&self, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (who, room);
        Ok(())
    }

    /// Asked before somebody leaves on foot.
    ///
    /// # Errors
    ///
    /// A refusal keeps them here.
    fn can_leave(&self, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (who, room);
        Ok(())
    }

    /// Alters what is read when somebody looks at the room.
    fn shape_description(&self, description: Markup, room: &RoomView) -> Markup {
        let _ = room;
        description
    }

    /// Told after somebody came in, before they see the room.
    fn on_enter(&mut self, who: EntityId, cx: &mut RoomCx) {
        let _ = (who, cx);
    }

    /// Told after somebody left.
    fn on_leave(&mut self, who: EntityId, cx: &mut RoomCx) {
        let _ = (who, cx);
    }

    /// Told that somebody speaks; decides who hears it. The default tells everybody.
    fn on_say(&mut self, say: &Say, cx: &mut RoomCx) {
        defaults::say(say, cx);
    }
}

/// A kind of exit.
pub trait ExitType: State {
    /// Stored with each exit of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Asked before somebody goes through, after the `traverse` lock.
    ///
    /// # Errors
    ///
    /// A refusal keeps them here.
    fn can_traverse(&self, exit: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (exit, who, room);
        Ok(())
    }

    /// Told when somebody is about to go through; they are still in this room.
    fn on_traverse(&mut self, exit: EntityId, who: EntityId, cx: &mut RoomCx) {
        let _ = (exit, who, cx);
    }
}

/// A kind of character: people and all who act by themselves.
pub trait CharacterType: State {
    /// Stored with each character of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Asked before the character says something.
    ///
    /// # Errors
    ///
    /// A refusal keeps it silent: gagged, under water.
    fn can_say(&self, who: &Entity, text: &str, room: &RoomView) -> Result<(), Refusal> {
        let _ = (who, text, room);
        Ok(())
    }

    /// Alters what the character says.
    fn shape_say(&self, text: String, room: &RoomView) -> String {
        let _ = room;
        text
    }

    /// Told when somebody else in the room has said something.
    fn on_hear(&mut self, me: EntityId, say: &Say, cx: &mut RoomCx) {
        let _ = (me, say, cx);
    }

    /// Told when somebody came into the room.
    fn on_meet(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) {
        let _ = (me, who, cx);
    }

    /// Told when something was given to the character.
    fn on_receive(&mut self, me: EntityId, object: EntityId, from: EntityId, cx: &mut RoomCx) {
        let _ = (me, object, from, cx);
    }
}

/// A kind of object.
pub trait ObjectType: State {
    /// Stored with each object of this type. Never reuse or rename.
    const TYPE: &'static str;

    /// Asked before somebody takes it, after the `get` lock.
    ///
    /// # Errors
    ///
    /// A refusal leaves it where it is.
    fn can_get(&self, me: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (me, who, room);
        Ok(())
    }

    /// Asked before its holder drops it or gives it away.
    ///
    /// # Errors
    ///
    /// A refusal leaves it in their hands.
    fn can_drop(&self, me: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal> {
        let _ = (me, who, room);
        Ok(())
    }

    /// Alters what is read when somebody looks at it.
    fn shape_description(&self, me: &Entity, description: Markup, room: &RoomView) -> Markup {
        let _ = (me, room);
        description
    }

    /// Told after somebody took it.
    fn on_get(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) {
        let _ = (me, who, cx);
    }

    /// Told after somebody dropped it.
    fn on_drop(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) {
        let _ = (me, who, cx);
    }
}

/// What every erased type can do besides its hooks.
pub(crate) trait Erased: Send + Sync {
    fn type_name(&self) -> &'static str;
    fn to_json(&self) -> String;
    fn as_any(&self) -> &dyn Any;
}

/// Makes the erased, object-safe twin of a type trait: hooks forwarded, cloning and equality by the concrete type.
macro_rules! erase {
    ($Type:ident => $Erased:ident { $(fn $hook:ident(&self $(, $arg:ident: $ty:ty)*) -> $ret:ty;)* }
     { $(fn $mut_hook:ident(&mut self $(, $mut_arg:ident: $mut_ty:ty)*);)* }) => {
        pub(crate) trait $Erased: Erased {
            fn boxed(&self) -> Box<dyn $Erased>;
            fn same(&self, other: &dyn $Erased) -> bool;
            $(fn $hook(&self $(, $arg: $ty)*) -> $ret;)*
            $(fn $mut_hook(&mut self $(, $mut_arg: $mut_ty)*);)*
        }

        impl<T: $Type> $Erased for Typed<T, dyn $Erased> {
            fn boxed(&self) -> Box<dyn $Erased> {
                Box::new(Typed::<T, dyn $Erased>::new(self.state.clone(), T::TYPE))
            }
            fn same(&self, other: &dyn $Erased) -> bool {
                other.as_any().downcast_ref::<T>() == Some(&self.state)
            }
            $(fn $hook(&self $(, $arg: $ty)*) -> $ret { self.state.$hook($($arg),*) })*
            $(fn $mut_hook(&mut self $(, $mut_arg: $mut_ty)*) { self.state.$mut_hook($($mut_arg),*) })*
        }
    };
}

/// A concrete state under its type's name; `K` keeps the four kinds apart for a struct that is several.
pub(crate) struct Typed<T, K: ?Sized> {
    state: T,
    name: &'static str,
    kind: std::marker::PhantomData<fn(&K)>,
}

impl<T, K: ?Sized> Typed<T, K> {
    fn new(state: T, name: &'static str) -> Self {
        Self { state, name, kind: std::marker::PhantomData }
    }
}

impl<T: State, K: ?Sized + 'static> Erased for Typed<T, K> {
    fn type_name(&self) -> &'static str {
        self.name
    }
    fn to_json(&self) -> String {
        // A state that cannot be written is a bug in the type; storing nothing loses less than stopping the room.
        serde_json::to_string(&self.state).unwrap_or_else(|error| {
            tracing::error!(r#type = self.name, %error, "state of type {} cannot be stored", self.name);
            "null".into()
        })
    }
    fn as_any(&self) -> &dyn Any {
        &self.state
    }
}

erase!(RoomType => ErasedRoom {
    fn can_enter(&self, who: &Entity, room: &RoomView) -> Result<(), Refusal>;
    fn can_leave(&self, who: &Entity, room: &RoomView) -> Result<(), Refusal>;
    fn shape_description(&self, description: Markup, room: &RoomView) -> Markup;
} {
    fn on_enter(&mut self, who: EntityId, cx: &mut RoomCx);
    fn on_leave(&mut self, who: EntityId, cx: &mut RoomCx);
    fn on_say(&mut self, say: &Say, cx: &mut RoomCx);
});

erase!(ExitType => ErasedExit {
    fn can_traverse(&self, exit: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal>;
} {
    fn on_traverse(&mut self, exit: EntityId, who: EntityId, cx: &mut RoomCx);
});

erase!(CharacterType => ErasedCharacter {
    fn can_say(&self, who: &Entity, text: &str, room: &RoomView) -> Result<(), Refusal>;
    fn shape_say(&self, text: String, room: &RoomView) -> String;
} {
    fn on_hear(&mut self, me: EntityId, say: &Say, cx: &mut RoomCx);
    fn on_meet(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx);
    fn on_receive(&mut self, me: EntityId, object: EntityId, from: EntityId, cx: &mut RoomCx);
});

erase!(ObjectType => ErasedObject {
    fn can_get(&self, me: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal>;
    fn can_drop(&self, me: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal>;
    fn shape_description(&self, me: &Entity, description: Markup, room: &RoomView) -> Markup;
} {
    fn on_get(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx);
    fn on_drop(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx);
});

/// An entity's type with its state.
pub struct Behaviour(pub(crate) Inner);

pub(crate) enum Inner {
    Room(Box<dyn ErasedRoom>),
    Exit(Box<dyn ErasedExit>),
    Character(Box<dyn ErasedCharacter>),
    Object(Box<dyn ErasedObject>),
    /// Not registered, or state that its type cannot read: kept untouched, without hooks.
    Unknown {
        kind: Kind,
        type_name: String,
        json: String,
    },
}

impl Behaviour {
    /// Returns the plain room.
    pub fn room() -> Self {
        Self::of_room::<defaults::PlainRoom>()
    }

    /// Returns the plain exit.
    pub fn exit() -> Self {
        Self::of_exit::<defaults::PlainExit>()
    }

    /// Returns the plain character.
    pub fn character() -> Self {
        Self::of_character::<defaults::PlainCharacter>()
    }

    /// Returns the plain object.
    pub fn object() -> Self {
        Self::of_object::<defaults::PlainObject>()
    }

    /// Returns a type of room in its default state.
    pub fn of_room<T: RoomType>() -> Self {
        Self::with_room(T::default())
    }

    /// Returns a type of exit in its default state.
    pub fn of_exit<T: ExitType>() -> Self {
        Self::with_exit(T::default())
    }

    /// Returns a type of character in its default state.
    pub fn of_character<T: CharacterType>() -> Self {
        Self::with_character(T::default())
    }

    /// Returns a type of object in its default state.
    pub fn of_object<T: ObjectType>() -> Self {
        Self::with_object(T::default())
    }

    /// Returns a type of room in this state.
    pub fn with_room<T: RoomType>(state: T) -> Self {
        Self(Inner::Room(Box::new(Typed::<T, dyn ErasedRoom>::new(state, T::TYPE))))
    }

    /// Returns a type of exit in this state.
    pub fn with_exit<T: ExitType>(state: T) -> Self {
        Self(Inner::Exit(Box::new(Typed::<T, dyn ErasedExit>::new(state, T::TYPE))))
    }

    /// Returns a type of character in this state.
    pub fn with_character<T: CharacterType>(state: T) -> Self {
        Self(Inner::Character(Box::new(Typed::<T, dyn ErasedCharacter>::new(state, T::TYPE))))
    }

    /// Returns a type of object in this state.
    pub fn with_object<T: ObjectType>(state: T) -> Self {
        Self(Inner::Object(Box::new(Typed::<T, dyn ErasedObject>::new(state, T::TYPE))))
    }

    /// Returns its kind.
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Inner::Room(_) => Kind::Room,
            Inner::Exit(_) => Kind::Exit,
            Inner::Character(_) => Kind::Character,
            Inner::Object(_) => Kind::Object,
            Inner::Unknown { kind, .. } => *kind,
        }
    }

    /// Returns the name of its type.
    pub fn type_name(&self) -> &str {
        match &self.0 {
            Inner::Unknown { type_name, .. } => type_name,
            known => known.erased().map_or("", Erased::type_name),
        }
    }

    /// Tells whether its type is not registered or could not read its state.
    pub fn is_unknown(&self) -> bool {
        matches!(self.0, Inner::Unknown { .. })
    }

    /// Returns its state as JSON.
    pub fn to_json(&self) -> String {
        match &self.0 {
            Inner::Unknown { json, .. } => json.clone(),
            known => known.erased().map_or_else(String::new, Erased::to_json),
        }
    }

    /// Returns its state if it is of type `T`.
    pub fn state<T: 'static>(&self) -> Option<&T> {
        self.0.erased()?.as_any().downcast_ref()
    }
}

impl Inner {
    fn erased(&self) -> Option<&dyn Erased> {
        match self {
            Self::Room(inner) => Some(inner.as_ref() as &dyn Erased),
            Self::Exit(inner) => Some(inner.as_ref() as &dyn Erased),
            Self::Character(inner) => Some(inner.as_ref() as &dyn Erased),
            Self::Object(inner) => Some(inner.as_ref() as &dyn Erased),
            Self::Unknown { .. } => None,
        }
    }
}

impl Clone for Behaviour {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Inner::Room(inner) => Inner::Room(inner.boxed()),
            Inner::Exit(inner) => Inner::Exit(inner.boxed()),
            Inner::Character(inner) => Inner::Character(inner.boxed()),
            Inner::Object(inner) => Inner::Object(inner.boxed()),
            Inner::Unknown { kind, type_name, json } => {
                Inner::Unknown { kind: *kind, type_name: type_name.clone(), json: json.clone() }
            }
        })
    }
}

impl PartialEq for Behaviour {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Inner::Room(a), Inner::Room(b)) => a.same(b.as_ref()),
            (Inner::Exit(a), Inner::Exit(b)) => a.same(b.as_ref()),
            (Inner::Character(a), Inner::Character(b)) => a.same(b.as_ref()),
            (Inner::Object(a), Inner::Object(b)) => a.same(b.as_ref()),
            (
                Inner::Unknown { kind, type_name, json },
                Inner::Unknown { kind: other_kind, type_name: other_name, json: other_json },
            ) => kind == other_kind && type_name == other_name && json == other_json,
            _ => false,
        }
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}", self.kind().name(), self.type_name(), self.to_json())
    }
}

type Make = fn(&str) -> Result<Behaviour, serde_json::Error>;

/// The registered types, by kind and name.
#[derive(Default)]
pub struct Registry {
    types: HashMap<(Kind, &'static str), Make>,
    clashes: Vec<String>,
}

impl Registry {
    /// Returns a registry with the four plain types.
    pub fn new() -> Self {
        let mut registry = Self::default();
        registry.room::<defaults::PlainRoom>();
        registry.exit::<defaults::PlainExit>();
        registry.character::<defaults::PlainCharacter>();
        registry.object::<defaults::PlainObject>();
        registry
    }

    /// Registers a type of room.
    pub fn room<T: RoomType>(&mut self) -> &mut Self {
        self.add(Kind::Room, T::TYPE, |json| {
            let typed = Typed::<T, dyn ErasedRoom>::new(serde_json::from_str(json)?, T::TYPE);
            Ok(Behaviour(Inner::Room(Box::new(typed))))
        })
    }

    /// Registers a type of exit.
    pub fn exit<T: ExitType>(&mut self) -> &mut Self {
        self.add(Kind::Exit, T::TYPE, |json| {
            let typed = Typed::<T, dyn ErasedExit>::new(serde_json::from_str(json)?, T::TYPE);
            Ok(Behaviour(Inner::Exit(Box::new(typed))))
        })
    }

    /// Registers a type of character.
    pub fn character<T: CharacterType>(&mut self) -> &mut Self {
        self.add(Kind::Character, T::TYPE, |json| {
            let typed = Typed::<T, dyn ErasedCharacter>::new(serde_json::from_str(json)?, T::TYPE);
            Ok(Behaviour(Inner::Character(Box::new(typed))))
        })
    }

    /// Registers a type of object.
    pub fn object<T: ObjectType>(&mut self) -> &mut Self {
        self.add(Kind::Object, T::TYPE, |json| {
            let typed = Typed::<T, dyn ErasedObject>::new(serde_json::from_str(json)?, T::TYPE);
            Ok(Behaviour(Inner::Object(Box::new(typed))))
        })
    }

    /// Returns the names that were registered twice, a sentence each; a world does not start with any.
    pub fn clashes(&self) -> &[String] {
        &self.clashes
    }

    /// Returns a stored type with its state, or [`Behaviour::is_unknown`] with both kept as they are.
    pub fn behaviour(&self, kind: Kind, type_name: &str, json: &str) -> Behaviour {
        let unknown = || Behaviour(Inner::Unknown { kind, type_name: type_name.to_owned(), json: json.to_owned() });
        let Some((_, make)) = self.types.get_key_value(&(kind, type_name)) else {
            tracing::warn!(r#type = type_name, "{} type {type_name} is not registered", kind.name());
            return unknown();
        };
        make(json).unwrap_or_else(|error| {
            tracing::warn!(r#type = type_name, %error, "state of {} type {type_name} cannot be read", kind.name());
            unknown()
        })
    }

    fn add(&mut self, kind: Kind, name: &'static str, make: Make) -> &mut Self {
        if self.types.insert((kind, name), make).is_some() {
            self.clashes.push(format!("two {} types are named {name}", kind.name()));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Counter {
        count: u32,
    }

    impl RoomType for Counter {
        const TYPE: &'static str = "counter";
    }

    impl ObjectType for Counter {
        const TYPE: &'static str = "counting thing";
    }

    #[test]
    fn state_comes_back_from_its_json() {
        let mut registry = Registry::new();
        registry.room::<Counter>().object::<Counter>();
        let behaviour = registry.behaviour(Kind::Room, "counter", r#"{"count":3}"#);
        assert_eq!(behaviour.state::<Counter>(), Some(&Counter { count: 3 }));
        assert_eq!(behaviour.to_json(), r#"{"count":3}"#);
        assert_eq!(behaviour, behaviour.clone());
        assert_ne!(behaviour, registry.behaviour(Kind::Room, "counter", r#"{"count":4}"#));
        assert_eq!(registry.behaviour(Kind::Object, "counting thing", r#"{"count":1}"#).kind(), Kind::Object);
        assert!(registry.clashes().is_empty());
    }

    #[test]
    fn an_unknown_type_and_unreadable_state_are_kept_untouched() {
        let mut registry = Registry::new();
        registry.room::<Counter>();
        for (name, json) in [("tavern", r#"{"ale":1}"#), ("counter", r#"{"count":"many"}"#)] {
            let behaviour = registry.behaviour(Kind::Room, name, json);
            assert!(behaviour.is_unknown());
            assert_eq!((behaviour.type_name(), behaviour.to_json().as_str()), (name, json));
        }
    }

    #[test]
    fn a_name_given_twice_is_named() {
        let mut registry = Registry::new();
        registry.room::<Counter>().room::<Counter>();
        assert_eq!(registry.clashes(), ["two room types are named counter"]);
    }
}
