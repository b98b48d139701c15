//! The numbers that name things. Newtypes, so that a room is never mistaken for an account.
//!
//! Stored ids are positive and below 2^63, because both databases keep them in a signed `BIGINT`.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode,
        )]
        #[serde(transparent)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub u64);

        impl $name {
            /// Returns the id as the signed integer that the databases store.
            pub fn to_db(self) -> i64 {
                self.0 as i64
            }

            /// Returns the id that a database column holds.
            pub fn from_db(value: i64) -> Self {
                Self(value as u64)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "#{}", self.0)
            }
        }
    };
}

id! {
    /// One connection of one person: never used again, over restarts of server and portal alike.
    ///
    /// The upper half is the portal's start number, the lower half a counter.
    SessionId
}
id! {
    /// A person's account.
    AccountId
}
id! {
    /// A room, an exit, a character or an object: what players see as `#12`.
    EntityId
}
id! {
    /// A channel that people talk on.
    ChannelId
}
id! {
    /// A global script.
    ScriptId
}

impl SessionId {
    /// Returns the `counter`th session of the portal's `start`th start.
    pub fn new(start: u32, counter: u32) -> Self {
        Self(u64::from(start) << 32 | u64::from(counter))
    }

    /// Returns the portal's start that it is of.
    pub fn start(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// A room's entity id. Rooms are the actors among the entities, and most messages go to one.
pub type RoomId = EntityId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_keeps_its_portal_start_and_counter_apart() {
        assert_ne!(SessionId::new(1, 2), SessionId::new(2, 1));
        assert_eq!(SessionId::new(7, u32::MAX).start(), 7);
        assert_eq!(SessionId::from_db(SessionId::new(7, 9).to_db()), SessionId::new(7, 9));
    }
}
