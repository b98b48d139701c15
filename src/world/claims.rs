//! Who has claimed which name: types are stored by name, so two may not have the same.

use std::any::{TypeId, type_name};
use std::collections::HashMap;

/// The names of a game's types, each with the type that claimed it first.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    by_name: HashMap<(&'static str, &'static str), (TypeId, &'static str)>,
    clashes: Vec<String>,
}

impl Claims {
    /// Claims `name` among the types of a kind for `T`. The same once more changes nothing.
    pub(crate) fn claim<T: 'static>(&mut self, kind: &'static str, name: &'static str) {
        let own = (TypeId::of::<T>(), type_name::<T>());
        let (first, known_as) = *self.by_name.entry((kind, name)).or_insert(own);
        if first != own.0 {
            self.clashes.push(format!("{kind} types {known_as} and {} are both named {name}", own.1));
        }
    }

    /// Returns the names that were claimed twice, a sentence each.
    pub(crate) fn clashes(&self) -> &[String] {
        &self.clashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_who_claim_a_name_are_told_and_kinds_have_names_of_their_own() {
        struct A;
        struct B;
        let mut claims = Claims::default();
        claims.claim::<A>("room", "tavern");
        claims.claim::<A>("object", "tavern");
        claims.claim::<A>("room", "tavern");
        assert_eq!(claims.clashes(), [""; 0]);
        claims.claim::<B>("room", "tavern");
        let [clash] = claims.clashes() else { panic!("there is one clash") };
        assert!(clash.starts_with("room types ") && clash.contains("::A and ") && clash.contains("::B are both named"));
    }
}
