//! Loaded rooms, and the way to any other.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use maud::html;
use serde::Deserialize;

use super::visit::Visit;
use super::{Site, ask, page};
use crate::actors::room::rewrite::{RoomBrief, Survey};

/// Most rooms shown.
const SHOWN: usize = 500;

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(super) struct Lookup {
    #[serde(default)]
    id: String,
}

/// Shows the loaded rooms, or goes to the one that is looked for.
pub(super) async fn show(visit: Visit, site: web::Data<Site>, lookup: web::Query<Lookup>) -> HttpResponse {
    let typed = lookup.id.trim();
    if let Ok(id) = typed.trim_start_matches('#').parse::<u64>() {
        return visit.renew(page::redirect(&format!("/admin/rooms/{id}")));
    }
    let directory = &site.services.directory;
    let count = directory.loaded_rooms();
    let rooms = directory.first_rooms(SHOWN);
    // One that has gone to sleep since is left out.
    let briefs = join_all(rooms.iter().map(|(_, addr)| ask(addr, Survey))).await;
    let briefs: Vec<RoomBrief> = briefs.into_iter().filter_map(|brief| brief.ok().flatten()).collect();
    let body = html! {
        form.line method="get" action="/admin/rooms" role="search" {
            label for="id" { "Room number" }
            input id="id" name="id" value=(typed) placeholder="#12" inputmode="numeric" required;
            button { "Go" }
        }
        @if !typed.is_empty() { p.bad role="alert" { "That is not a number: " (typed) } }
        h2 { "Loaded now" }
        @if count > briefs.len() { p { (briefs.len()) " of " (count) " loaded rooms." } }
        @if briefs.is_empty() { p { "No room is loaded." } } @else {
            div.wide tabindex="0" role="region" aria-label="Loaded rooms" {
                table {
                    thead { tr { th scope="col" { "Room" } th scope="col" { "Name" } th scope="col" { "Players" } } }
                    tbody {
                        @for room in &briefs {
                            tr {
                                td { a href={ "/admin/rooms/" (room.id.0) } { (room.id) } }
                                th scope="row" { (room.name) }
                                td { (room.players.join(", ")) }
                            }
                        }
                    }
                }
            }
        }
    };
    let status = if typed.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    page::page(&visit, status, "Rooms", &body)
}
