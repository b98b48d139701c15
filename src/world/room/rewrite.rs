//! A room that is written anew while people stand in it.

use serde_json::json;

use super::{Moment, Performed, Room, show_room};
use crate::ids::EntityId;
use crate::text;
use crate::world::building::{Author, names_json};
use crate::world::id_block::IdBlock;

impl Room {
    /// Gives the room another name and description, which is marked up. Everybody in it sees that it changes, and how it
    /// looks now; nobody sees anything if both are what they were. It is in the history as `name` and `desc` would be.
    pub fn rewrite(
        &mut self,
        moment: Moment,
        (name, description): (&str, &str),
        by: &Author,
        ids: &IdBlock,
    ) -> Performed {
        self.perform(moment, |cx| {
            let id = cx.room();
            let Some(before) = cx.entity(id).cloned() else { return Ok(()) };
            if before.key == name && before.description == description {
                return Ok(());
            }
            if let Some(room) = cx.edit(id) {
                room.key = name.to_owned();
                room.description = description.to_owned();
            }
            if before.key != name {
                let names = (names_json(&before.key, &before.aliases), names_json(name, &before.aliases));
                cx.note(by, ids, id, "name", names);
            }
            if before.description != description {
                cx.note(by, ids, id, "desc", (json!(before.description), json!(description)));
            }
            cx.tell_room(text!("The room changes around you."));
            let mut present: Vec<EntityId> = cx.seats().iter().map(|(who, _)| who).collect();
            present.sort_unstable();
            present.into_iter().for_each(|who| show_room(who, cx));
            Ok(())
        })
    }
}
