//! What is seen when somebody looks at a room or at something in it.

use serde_json::json;

use crate::ids::EntityId;
use crate::text;
use crate::text::{Markup, english};
use crate::world::cx::RoomView;
use crate::world::entity::Entity;
use crate::world::record::Kind;
use crate::world::types::{Behaviour, Inner};

/// Returns the room as `viewer` sees it: name, description, exits, characters, things.
pub fn room(view: RoomView, viewer: EntityId) -> Markup {
    let Some(room) = view.room() else { return Markup::default() };
    let mut seen = text!("|w{}|n", room.key);
    let description = description(room, view);
    if !description.is_empty() {
        seen.push(&text!("\n{}", description));
    }
    list(&mut seen, "Exits", view.here(Kind::Exit).map(|exit| Markup::from_markup(link(&exit.key, &exit.key))));
    let others = view.here(Kind::Character).filter(|character| character.id != viewer);
    list(&mut seen, "Characters", others.map(|character| Markup::plain(&character.key)));
    let things = view.here(Kind::Object);
    list(&mut seen, "Things", things.map(|thing| Markup::plain(&english::with_article(&thing.key))));
    seen
}

/// Returns something in a room as it is seen.
pub fn entity(entity: &Entity, view: RoomView) -> Markup {
    let mut seen = text!("|w{}|n", entity.key);
    let description = description(entity, view);
    if description.is_empty() {
        seen.push(&text!("\nYou see nothing special."));
    } else {
        seen.push(&text!("\n{}", description));
    }
    let held = view.inside(entity.id).filter(|held| held.kind() == Kind::Object && !held.transient);
    let label = if entity.kind() == Kind::Character { "Carrying" } else { "Inside" };
    list(&mut seen, label, held.map(|held| Markup::plain(&english::with_article(&held.key))));
    seen
}

/// Returns what programs are told of a room: the event `Room.Info`.
pub fn room_info(view: RoomView) -> serde_json::Value {
    let name = view.room().map(|room| room.key.as_str());
    let exits: serde_json::Map<String, serde_json::Value> =
        view.here(Kind::Exit).filter_map(|exit| Some((exit.key.clone(), json!(exit.destination?.0)))).collect();
    let players: Vec<&str> = view.here(Kind::Character).map(|character| character.key.as_str()).collect();
    json!({ "num": view.room().map(|room| room.id.0), "name": name, "exits": exits, "characters": players })
}

fn description(entity: &Entity, view: RoomView) -> Markup {
    let plain = Markup::from_markup(entity.description.as_str());
    match &entity.behaviour {
        Behaviour(Inner::Room(room)) => room.shape_description(plain, &view),
        Behaviour(Inner::Object(object)) => object.shape_description(entity, plain, &view),
        _ => plain,
    }
}

fn list(seen: &mut Markup, label: &str, entries: impl Iterator<Item = Markup>) {
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return;
    }
    seen.push(&text!("\n|w{}:|n ", label));
    let mut first = true;
    for entry in entries {
        if !first {
            seen.push_plain(", ");
        }
        first = false;
        seen.push(&entry);
    }
}

/// Returns a word that can be clicked to type `command`.
fn link(command: &str, shown: &str) -> String {
    let (command, shown) = (Markup::plain(command), Markup::plain(shown));
    format!("|lc{}|lt{}|le", command.as_str(), shown.as_str())
}
