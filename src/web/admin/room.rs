//! One room: what it is and holds, and writing it anew while people stand in it.

use actix::prelude::*;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use maud::{Markup, PreEscaped, html};

use super::order::Order;
use super::visit::Visit;
use super::{Silent, Site, ask, page};
use crate::actors::room::RoomActor;
use crate::actors::room::rewrite::{Examine, Rewrite, Rewritten, RoomSeen, ThingSeen};
use crate::actors::world::Wake;
use crate::ids::{EntityId, RoomId};
use crate::text;
use crate::world::building::Author;
use crate::world::record::Kind;

/// Longest name of a room, in characters.
const NAME_CHARS: usize = 80;
/// Longest description of a room, in characters.
const DESCRIPTION_CHARS: usize = 8000;

/// How often a room that was just going to sleep is woken again.
const ATTEMPTS: usize = 3;

/// What a form says.
struct Draft {
    version: i64,
    name: String,
    description: String,
}

impl Draft {
    /// Reads a form; the texts come without what no screen shows.
    fn read(order: &Order) -> Self {
        Self {
            version: order.field("version").parse().unwrap_or(-1),
            name: text::clean(order.field("name")).trim().replace(['\n', '\t'], " "),
            description: text::clean(order.field("description")).trim_end().to_owned(),
        }
    }

    fn of(seen: &RoomSeen) -> Self {
        Self { version: seen.version, name: seen.name.clone(), description: seen.description.clone() }
    }

    /// Returns what is wrong with it.
    fn fault(&self) -> Option<String> {
        if self.name.is_empty() {
            return Some("A room needs a name.".to_owned());
        }
        if self.name.chars().count() > NAME_CHARS {
            return Some(format!("A room's name has at most {NAME_CHARS} characters."));
        }
        let is_long = self.description.chars().count() > DESCRIPTION_CHARS;
        is_long.then(|| format!("A description has at most {DESCRIPTION_CHARS} characters."))
    }
}

/// Has the room loaded; `None` if there is none of that number.
async fn wake(site: &Site, id: RoomId) -> Result<Option<Addr<RoomActor>>, Silent> {
    let is_there = ask(&site.services.world, Wake(id)).await?;
    Ok(site.services.directory.room(id).filter(|_| is_there))
}

async fn examine(site: &Site, id: RoomId) -> Result<Option<RoomSeen>, Silent> {
    for _ in 0..ATTEMPTS {
        let Some(room) = wake(site, id).await? else { return Ok(None) };
        if let Some(seen) = ask(&room, Examine).await? {
            return Ok(Some(seen));
        }
    }
    Err(Silent)
}

/// Shows the room.
pub(super) async fn show(
    visit: Visit,
    site: web::Data<Site>,
    id: web::Path<u64>,
    query: web::Query<Vec<(String, String)>>,
) -> HttpResponse {
    match examine(&site, EntityId(*id)).await {
        Ok(Some(seen)) => {
            let said = query.iter().any(|(name, _)| name == "saved").then_some("Saved. Everybody in the room sees it.");
            let note = html! { @if let Some(said) = said { p.good role="status" { (said) } } };
            room(&visit, StatusCode::OK, &seen, &Draft::of(&seen), &note)
        }
        Ok(None) => nowhere(*id),
        Err(Silent) => page::later(),
    }
}

/// Writes the room anew.
pub(super) async fn rewrite(order: Order, site: web::Data<Site>, id: web::Path<u64>) -> HttpResponse {
    let (visit, id, draft) = (&order.visit, EntityId(*id), Draft::read(&order));
    if let Some(fault) = draft.fault() {
        return match examine(&site, id).await {
            Ok(Some(seen)) => {
                let note = html! { p.bad role="alert" { (fault) " Nothing was changed." } };
                room(visit, StatusCode::UNPROCESSABLE_ENTITY, &seen, &draft, &note)
            }
            Ok(None) => nowhere(id.0),
            Err(Silent) => page::later(),
        };
    }
    for _ in 0..ATTEMPTS {
        let addr = match wake(&site, id).await {
            Ok(Some(addr)) => addr,
            Ok(None) => return nowhere(id.0),
            Err(Silent) => return page::later(),
        };
        let by = Author { account: visit.keeper.account, name: visit.keeper.name.clone() };
        let (version, name, description) = (draft.version, draft.name.clone(), draft.description.clone());
        let order = Rewrite { version, name, description, by };
        return match ask(&addr, order).await {
            Ok(Rewritten::Asleep) => continue,
            Ok(Rewritten::Stored) => {
                tracing::info!(room.id = %id, "{} wrote room {id} anew", visit.keeper.name);
                visit.renew(page::redirect(&format!("/admin/rooms/{}?saved", id.0)))
            }
            Ok(Rewritten::Stale(seen)) => stale(visit, &seen, draft),
            Ok(Rewritten::Unsaved) => page::notice(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not saved",
                "The world cannot save anything just now. Nothing was changed; please try again in a moment.",
            ),
            Ok(Rewritten::Failed) | Err(Silent) => page::notice(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not known to be saved",
                "The change is not known to be stored. Please look at the room before you try again.",
            ),
        };
    }
    page::later()
}

fn nowhere(id: u64) -> HttpResponse {
    page::notice(StatusCode::NOT_FOUND, "No such room", &format!("There is no room #{id}, or it cannot be loaded now."))
}

/// Shows both the room as it is now and the edit that was refused, ready to be sent again.
fn stale(visit: &Visit, seen: &RoomSeen, draft: Draft) -> HttpResponse {
    let note = html! {
        div.bad role="alert" {
            p { "Somebody changed it meanwhile. Yours was not saved; it stands in the form below." }
        }
        h2 { "As it is now" }
        dl {
            div { dt { "Name" } dd { (seen.name) } }
            div { dt { "Description" } dd { pre { (seen.description) } } }
        }
    };
    let draft = Draft { version: seen.version, ..draft };
    room(visit, StatusCode::CONFLICT, seen, &draft, &note)
}

fn room(visit: &Visit, status: StatusCode, seen: &RoomSeen, draft: &Draft, note: &Markup) -> HttpResponse {
    let of = |kind: Kind| seen.contents.iter().filter(move |thing| thing.kind == kind);
    let exits = of(Kind::Exit).map(|exit| html! {
        (exit.name)
        @if let Some(to) = exit.destination { " to " a href={ "/admin/rooms/" (to.0) } { (to) } } @else { " to nowhere" }
    });
    let characters = of(Kind::Character).map(|who| {
        html! {
            (thing(who)) @if who.is_played { " (played)" }
        }
    });
    let body = html! {
        (note)
        p { "Type " code { (seen.type_name) } ", version " (seen.version) "." }
        // The renderer escapes whatever is not its own.
        div.screen role="group" aria-label="As players see it" {
            strong { (seen.name) } br;
            (PreEscaped(text::render_html(&seen.description)))
        }
        (list("Exits", exits))
        (list("Characters", characters))
        (list("Things", of(Kind::Object).map(thing)))
        h2 id="edit" { "Edit" }
        form method="post" action={ "/admin/rooms/" (seen.id.0) } aria-labelledby="edit" {
            (page::token(visit))
            input type="hidden" name="version" value=(draft.version);
            label for="name" { "Name" }
            input id="name" name="name" value=(draft.name) maxlength=(NAME_CHARS) required;
            label for="description" { "Description, with | codes" }
            // Browsers drop the first newline of a text area.
            textarea id="description" name="description" rows="10" maxlength=(DESCRIPTION_CHARS) {
                "\n" (draft.description)
            }
            button.main { "Save" }
        }
    };
    page::page(visit, status, &format!("{} {}", seen.name, seen.id), &body)
}

fn thing(thing: &ThingSeen) -> Markup {
    html! { (thing.name) " " span.id { (thing.id) } }
}

fn list(title: &str, entries: impl Iterator<Item = Markup>) -> Markup {
    let mut entries = entries.peekable();
    html! {
        @if entries.peek().is_some() {
            h2 { (title) }
            ul { @for entry in entries { li { (entry) } } }
        }
    }
}
