//! Types without their type: object-safe twins of the hook traits, so that a room is one actor whatever it is.

use std::any::Any;

use super::{CharacterType, ExitType, ObjectType, Refusal, RoomType, State};
use crate::ids::EntityId;
use crate::text::Markup;
use crate::world::cx::{RoomCx, RoomView, Say};
use crate::world::entity::Entity;
use crate::world::signal::Signal;

/// What every erased type can do besides its hooks.
pub(crate) trait Erased: Send + Sync {
    fn type_name(&self) -> &'static str;
    fn to_json(&self) -> String;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// Makes the erased, object-safe twin of a type trait: hooks forwarded, cloning and equality by the concrete type.
macro_rules! erase {
    ($Type:ident => $Erased:ident { $(fn $hook:ident(&self $(, $arg:ident: $ty:ty)*) -> $ret:ty;)* }
     { $(fn $mut_hook:ident(&mut self $(, $mut_arg:ident: $mut_ty:ty)*) $(-> $mut_ret:ty)?;)* }) => {
        pub(crate) trait $Erased: Erased {
            fn boxed(&self) -> Box<dyn $Erased>;
            fn is_lazy(&self) -> bool;
            fn same(&self, other: &dyn $Erased) -> bool;
            $(fn $hook(&self $(, $arg: $ty)*) -> $ret;)*
            $(fn $mut_hook(&mut self $(, $mut_arg: $mut_ty)*) $(-> $mut_ret)?;)*
        }

        impl<T: $Type> $Erased for Typed<T, dyn $Erased> {
            fn boxed(&self) -> Box<dyn $Erased> {
                Box::new(Typed::<T, dyn $Erased>::new(self.state.clone(), T::TYPE))
            }
            fn is_lazy(&self) -> bool {
                T::LAZY
            }
            fn same(&self, other: &dyn $Erased) -> bool {
                other.as_any().downcast_ref::<T>() == Some(&self.state)
            }
            $(fn $hook(&self $(, $arg: $ty)*) -> $ret { self.state.$hook($($arg),*) })*
            $(fn $mut_hook(&mut self $(, $mut_arg: $mut_ty)*) $(-> $mut_ret)? { self.state.$mut_hook($($mut_arg),*) })*
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
    pub(super) fn new(state: T, name: &'static str) -> Self {
        Self { state, name, kind: std::marker::PhantomData }
    }
}

impl<T: State, K: ?Sized + 'static> Erased for Typed<T, K> {
    fn type_name(&self) -> &'static str {
        self.name
    }
    fn to_json(&self) -> String {
        // A bug in the type, as a panic of a hook is, and treated alike: what led to this state is dropped.
        serde_json::to_string(&self.state)
            .unwrap_or_else(|error| panic!("the state of type {} cannot be stored: {error}", self.name))
    }
    fn as_any(&self) -> &dyn Any {
        &self.state
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        &mut self.state
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
    fn on_signal(&mut self, signal: &Signal, cx: &mut RoomCx);
});

erase!(ExitType => ErasedExit {
    fn can_traverse(&self, exit: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal>;
} {
    fn on_traverse(&mut self, exit: EntityId, who: EntityId, cx: &mut RoomCx);
    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx);
    fn on_create(&mut self, me: EntityId, cx: &mut RoomCx);
});

erase!(CharacterType => ErasedCharacter {
    fn can_say(&self, who: &Entity, text: &str, room: &RoomView) -> Result<(), Refusal>;
    fn shape_say(&self, text: String, room: &RoomView) -> String;
} {
    fn on_hear(&mut self, me: EntityId, say: &Say, cx: &mut RoomCx);
    fn on_meet(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx);
    fn on_receive(&mut self, me: EntityId, object: EntityId, from: EntityId, cx: &mut RoomCx);
    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx);
    fn on_create(&mut self, me: EntityId, cx: &mut RoomCx);
});

erase!(ObjectType => ErasedObject {
    fn can_get(&self, me: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal>;
    fn can_drop(&self, me: &Entity, who: &Entity, room: &RoomView) -> Result<(), Refusal>;
    fn shape_description(&self, me: &Entity, description: Markup, room: &RoomView) -> Markup;
} {
    fn on_get(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx);
    fn on_drop(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx);
    fn on_use(&mut self, me: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal>;
    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx);
    fn on_create(&mut self, me: EntityId, cx: &mut RoomCx);
});
