//! The registered types, by kind and name: from a row to a [`Behaviour`] and back.

use std::collections::HashMap;

use super::behaviour::Inner;
use super::erased::{ErasedCharacter, ErasedExit, ErasedObject, ErasedRoom, Typed};
use super::{Behaviour, CharacterType, ExitType, ObjectType, RoomType};
use crate::world::claims::Claims;
use crate::world::defaults;
use crate::world::entity::EntityLock;
use crate::world::failure::contain;
use crate::world::lock::{LockFunction, LockFunctionName, LockFunctions};
use crate::world::record::Kind;

/// Makes a type from its state, or in its default state.
type Make = (fn(&str) -> Result<Behaviour, serde_json::Error>, fn() -> Behaviour);

/// The registered types, by kind and name.
#[derive(Default)]
pub struct Registry {
    types: HashMap<(Kind, &'static str), Make>,
    locks: LockFunctions,
    claims: Claims,
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
        let read = |json: &str| {
            let typed = Typed::<T, dyn ErasedRoom>::new(serde_json::from_str(json)?, T::TYPE);
            Ok(Behaviour(Inner::Room(Box::new(typed))))
        };
        self.add::<T>(Kind::Room, T::TYPE, (read, Behaviour::of_room::<T>))
    }

    /// Registers a type of exit.
    pub fn exit<T: ExitType>(&mut self) -> &mut Self {
        let read = |json: &str| {
            let typed = Typed::<T, dyn ErasedExit>::new(serde_json::from_str(json)?, T::TYPE);
            Ok(Behaviour(Inner::Exit(Box::new(typed))))
        };
        self.add::<T>(Kind::Exit, T::TYPE, (read, Behaviour::of_exit::<T>))
    }

    /// Registers a type of character.
    pub fn character<T: CharacterType>(&mut self) -> &mut Self {
        let read = |json: &str| {
            let typed = Typed::<T, dyn ErasedCharacter>::new(serde_json::from_str(json)?, T::TYPE);
            Ok(Behaviour(Inner::Character(Box::new(typed))))
        };
        self.add::<T>(Kind::Character, T::TYPE, (read, Behaviour::of_character::<T>))
    }

    /// Registers a type of object.
    pub fn object<T: ObjectType>(&mut self) -> &mut Self {
        let read = |json: &str| {
            let typed = Typed::<T, dyn ErasedObject>::new(serde_json::from_str(json)?, T::TYPE);
            Ok(Behaviour(Inner::Object(Box::new(typed))))
        };
        self.add::<T>(Kind::Object, T::TYPE, (read, Behaviour::of_object::<T>))
    }

    /// Registers a function for locks.
    pub fn lock_function(&mut self, name: &str, function: LockFunction) -> &mut Self {
        if let Err(LockFunctionName(name)) = self.locks.register(name, function) {
            self.clashes.push(format!("{name} cannot be the name of a lock function, or is one already"));
        }
        self
    }

    /// Returns the functions that locks may use.
    pub fn lock_functions(&self) -> &LockFunctions {
        &self.locks
    }

    /// Parses a stored lock; what does not parse is kept, and refuses everybody but superusers.
    pub fn lock(&self, access: String, source: String) -> EntityLock {
        EntityLock::with(access, source, &self.locks)
    }

    /// Returns the names of the types of a kind, in order.
    pub fn names(&self, kind: Kind) -> Vec<&'static str> {
        let mut names: Vec<_> = self.types.keys().filter(|(of, _)| *of == kind).map(|(_, name)| *name).collect();
        names.sort_unstable();
        names
    }

    /// Returns a type of that name in its default state; `None` if there is none.
    pub fn fresh(&self, kind: Kind, name: &str) -> Option<Behaviour> {
        let (_, (_, fresh)) = self.types.get_key_value(&(kind, name))?;
        Some(fresh())
    }

    /// Returns a type with the state that a builder wrote for it; `None` if there is no such type.
    ///
    /// # Errors
    ///
    /// Inside, why the type cannot read that state.
    pub fn with_state(&self, kind: Kind, name: &str, json: &str) -> Option<Result<Behaviour, serde_json::Error>> {
        let (_, (read, _)) = self.types.get_key_value(&(kind, name))?;
        Some(read(json))
    }

    /// Returns the names that were registered twice, a sentence each; a world does not start with any.
    pub fn clashes(&self) -> Vec<String> {
        [self.claims.clashes(), &self.clashes].concat()
    }

    /// Returns a stored type with its state, or [`Behaviour::is_unknown`] with both kept as they are.
    pub fn behaviour(&self, kind: Kind, type_name: &str, json: &str) -> Behaviour {
        let unknown = || Behaviour(Inner::Unknown { kind, type_name: type_name.to_owned(), json: json.to_owned() });
        let Some((_, make)) = self.types.get_key_value(&(kind, type_name)) else {
            tracing::warn!(r#type = type_name, "{} type {type_name} is not registered", kind.name());
            return unknown();
        };
        read(|| make.0(json)).unwrap_or_else(|why| {
            tracing::warn!(r#type = type_name, "state of {} type {type_name} cannot be read: {why}", kind.name());
            unknown()
        })
    }

    fn add<T: 'static>(&mut self, kind: Kind, name: &'static str, make: Make) -> &mut Self {
        self.claims.claim::<T>(kind.name(), name);
        self.types.insert((kind, name), make);
        self
    }
}

/// Reads state, which a type may panic at.
///
/// # Errors
///
/// Why it cannot be read.
pub(crate) fn read<T>(make: impl FnOnce() -> Result<T, serde_json::Error>) -> Result<T, String> {
    contain(make).map_err(|failure| failure.to_string())?.map_err(|error| error.to_string())
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
    fn state_that_its_type_panics_at_is_kept_untouched_too() {
        #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(from = "u32")]
        struct Half(u32);
        impl From<u32> for Half {
            fn from(whole: u32) -> Self {
                Self(10 / whole)
            }
        }
        impl ObjectType for Half {
            const TYPE: &'static str = "half";
        }
        let mut registry = Registry::new();
        registry.object::<Half>();
        assert!(!registry.behaviour(Kind::Object, "half", "2").is_unknown());
        let behaviour = registry.behaviour(Kind::Object, "half", "0");
        assert!(behaviour.is_unknown() && behaviour.to_json() == "0");
    }

    #[test]
    fn a_name_given_twice_is_named() {
        #[derive(Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Tally;
        impl RoomType for Tally {
            const TYPE: &'static str = "counter";
        }
        let mut registry = Registry::new();
        registry.room::<Counter>().room::<Tally>();
        let clashes = registry.clashes();
        assert!(clashes[0].contains("::Counter and ") && clashes[0].ends_with("::Tally are both named counter"));
    }
}
