//! A room that is written anew while people stand in it.

use super::{Moment, Performed, Room, show_room};
use crate::ids::EntityId;
use crate::text;

impl Room {
    /// Gives the room another name and description, which is marked up. Everybody in it sees that it changes, and how it
    /// looks now; nobody sees anything if both are what they were.
    pub fn rewrite(&mut self, moment: Moment, name: &str, description: &str) -> Performed {
        self.perform(moment, |cx| {
            let id = cx.room();
            let Some(room) = cx.entity(id) else { return Ok(()) };
            if room.key == name && room.description == description {
                return Ok(());
            }
            if let Some(room) = cx.edit(id) {
                room.key = name.to_owned();
                room.description = description.to_owned();
            }
            cx.tell_room(text!("The room changes around you."));
            let mut present: Vec<EntityId> = cx.seats().iter().map(|(who, _)| who).collect();
            present.sort_unstable();
            present.into_iter().for_each(|who| show_room(who, cx));
            Ok(())
        })
    }
}
