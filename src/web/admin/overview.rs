//! The world at a glance.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use maud::html;

use super::visit::Visit;
use super::{Site, ask, page, reload};
use crate::actors::accounts::Players;
use crate::actors::journal::Figures;
use crate::actors::link::LastReload;

/// Shows the overview.
pub(super) async fn show(visit: Visit, site: web::Data<Site>) -> HttpResponse {
    let services = &site.services;
    let (players, journal) = match (ask(&services.accounts, Players).await, ask(&services.journal, Figures).await) {
        (Ok(players), Ok(journal)) => (players, journal),
        _ => return page::later(),
    };
    let failed = ask(&services.link, LastReload { forget: false }).await.ok().flatten();
    let mean_us = journal.flush_total_us.checked_div(journal.flushes).unwrap_or(0);
    let milliseconds = |us: u64| format!("{:.1} ms", us as f64 / 1000.0);
    let figures = [
        ("World", services.hall.name.clone()),
        ("Server up for", page::span(site.started.elapsed())),
        ("Epoch", site.epoch.to_string()),
        ("Players", players.to_string()),
        ("Sessions", services.directory.sessions().to_string()),
        ("Rooms loaded", services.directory.loaded_rooms().to_string()),
    ];
    let storage = [
        ("Flushes", journal.flushes.to_string()),
        ("Groups stored", journal.stored_groups.to_string()),
        ("Largest flush, in groups", journal.largest_flush.to_string()),
        ("Mean flush", milliseconds(mean_us)),
        ("Slowest flush", milliseconds(journal.flush_max_us)),
        ("Batches under way", journal.open.to_string()),
        ("Batches waiting", journal.pending.to_string()),
        ("Reads waiting", services.pool.reads_waiting().to_string()),
        ("Hashes waiting", services.pool.hashes_waiting().to_string()),
    ];
    let body = html! {
        @if services.safe {
            p role="alert" {
                "This server runs in safe mode: those before it died too often. Scripts and timers stand still, and only "
                "Admins get through. A reload that stays up for 3 s ends it."
            }
        }
        (list(&figures))
        h2 { "Storage" }
        (list(&storage))
        h2 { "Reload" }
        p { "Lets a new server take over, with new code if there is any. Everybody stays connected." }
        @if let Some(failed) = &failed { (reload::failure(failed)) }
        form method="post" action="/admin/reload" {
            (page::token(&visit))
            button { "Reload" }
        }
    };
    page::page(&visit, StatusCode::OK, "Overview", &body)
}

fn list(figures: &[(&str, String)]) -> maud::Markup {
    html! {
        dl {
            @for (name, value) in figures {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}
