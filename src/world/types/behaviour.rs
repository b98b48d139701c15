//! An entity's type with its state, known or not.

use std::fmt;

use super::erased::{Erased, ErasedCharacter, ErasedExit, ErasedObject, ErasedRoom, Typed};
use super::{CharacterType, ExitType, ObjectType, RoomType};
use crate::world::defaults;
use crate::world::record::Kind;

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

    /// Tells whether its state may be stored late.
    pub fn is_lazy(&self) -> bool {
        match &self.0 {
            Inner::Room(inner) => inner.is_lazy(),
            Inner::Exit(inner) => inner.is_lazy(),
            Inner::Character(inner) => inner.is_lazy(),
            Inner::Object(inner) => inner.is_lazy(),
            Inner::Unknown { .. } => false,
        }
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

    /// Returns its state to change if it is of type `T`.
    pub fn state_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.0.erased_mut()?.as_any_mut().downcast_mut()
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

    fn erased_mut(&mut self) -> Option<&mut dyn Erased> {
        match self {
            Self::Room(inner) => Some(inner.as_mut() as &mut dyn Erased),
            Self::Exit(inner) => Some(inner.as_mut() as &mut dyn Erased),
            Self::Character(inner) => Some(inner.as_mut() as &mut dyn Erased),
            Self::Object(inner) => Some(inner.as_mut() as &mut dyn Erased),
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
