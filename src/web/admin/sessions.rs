//! Who is connected.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use maud::html;

use super::visit::Visit;
use super::{Site, ask, page};
use crate::actors::room::rewrite::Survey;
use crate::actors::session::{Inspect, SessionSeen};
use crate::ids::RoomId;

/// Most sessions shown.
const SHOWN: usize = 1000;

/// Shows the table.
pub(super) async fn show(visit: Visit, site: web::Data<Site>) -> HttpResponse {
    let directory = &site.services.directory;
    let count = directory.sessions();
    let sessions = directory.first_sessions(SHOWN);
    // One that has ended since is left out.
    let seen = join_all(sessions.iter().map(|(_, addr)| ask(addr, Inspect))).await.into_iter().flatten();
    let mut seen: Vec<SessionSeen> = seen.collect();
    seen.sort_by(|a, b| (a.name.is_none(), &a.name, a.id).cmp(&(b.name.is_none(), &b.name, b.id)));
    let names = room_names(&site, &seen).await;
    let now_ms = site.services.now_ms();
    let body = html! {
        @if count > seen.len() { p { (seen.len()) " of " (count) " sessions." } }
        @if seen.is_empty() { p { "Nobody is connected." } } @else {
            div.wide tabindex="0" role="region" aria-label="Sessions" {
                table {
                    thead {
                        tr {
                            @for title in ["Name", "Protocol", "Address", "Room", "Connected", "Idle"] {
                                th scope="col" { (title) }
                            }
                        }
                    }
                    tbody { @for session in &seen { (row(session, &names, now_ms)) } }
                }
            }
        }
    };
    page::page(&visit, StatusCode::OK, "Sessions", &body)
}

type RoomNames = BTreeMap<RoomId, String>;

/// Returns the names of the rooms that somebody is in; the page does without those that do not answer.
async fn room_names(site: &Site, sessions: &[SessionSeen]) -> RoomNames {
    let rooms: BTreeSet<RoomId> = sessions.iter().filter_map(|session| session.room).collect();
    let rooms = rooms.into_iter().filter_map(|room| site.services.directory.room(room));
    let briefs = join_all(rooms.map(|room| async move { ask(&room, Survey).await })).await;
    briefs.into_iter().filter_map(|brief| brief.ok().flatten()).map(|brief| (brief.id, brief.name)).collect()
}

fn row(session: &SessionSeen, names: &RoomNames, now_ms: i64) -> maud::Markup {
    let since = |ms: i64| page::span(Duration::from_millis(u64::try_from(now_ms - ms).unwrap_or(0)));
    html! {
        tr {
            th scope="row" {
                @match &session.name { Some(name) => (name), None => em { "logging in" } }
                @if session.is_lost { " (link lost)" }
            }
            td { (session.protocol) }
            td { (session.address) }
            td {
                @if let Some(room) = session.room {
                    a href={ "/admin/rooms/" (room.0) } { (names.get(&room).map_or("", String::as_str)) " " (room) }
                }
            }
            td { @match session.opened_ms { Some(ms) => (since(ms)), None => "since before the reload" } }
            td { @match session.idle { Some(idle) => (page::span(idle)), None => "–" } }
        }
    }
}
