//! Having a new server take over, and what became of it.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

use super::order::Order;
use super::visit::Visit;
use super::{Site, ask, page};
use crate::actors::batch::Batch;
use crate::actors::link::{FailedReload, LastReload};
use crate::text::english;
use crate::wire::Item;

/// Which server was asked.
#[derive(Debug, Deserialize)]
pub(super) struct Since {
    epoch: u64,
}

/// Has the portal reload the server, as the command does: an item of a batch of its own.
pub(super) async fn order(order: Order, site: web::Data<Site>) -> HttpResponse {
    tracing::info!(account = %order.visit.keeper.account, "{} reloads the server", order.visit.keeper.name);
    // What is told from here on is about this one.
    if ask(&site.services.link, LastReload { forget: true }).await.is_err() {
        return page::later();
    }
    let mut batch = Batch::begin(None, site.services.now_ms());
    batch.items.push(Item::Reload);
    site.services.commit(batch);
    under_way(&order.visit, StatusCode::ACCEPTED, site.epoch)
}

/// Tells what became of it. The server that answers is the old one as long as it runs, and then the new one.
pub(super) async fn show(visit: Visit, site: web::Data<Site>, since: Option<web::Query<Since>>) -> HttpResponse {
    let Some(web::Query(Since { epoch })) = since else { return page::redirect("/admin") };
    let Ok(failed) = ask(&site.services.link, LastReload { forget: false }).await else { return page::later() };
    let body = match failed {
        Some(failed) => failure(&failed),
        None if epoch < site.epoch => html! { p role="status" { "The server is new. Everybody is still connected." } },
        None => return under_way(&visit, StatusCode::OK, site.epoch),
    };
    page::page(&visit, StatusCode::OK, "Reload", &html! { (body) p { a href="/admin" { "To the overview" } } })
}

/// Says why a reload failed.
pub(super) fn failure(failed: &FailedReload) -> Markup {
    let (since, why) = (page::span(failed.at.elapsed()), english::capitalised(&failed.why));
    html! { p role="alert" { "A reload failed " (since) " ago. " (why) "." } }
}

/// Returns a page that asks again by itself.
fn under_way(visit: &Visit, status: StatusCode, epoch: u64) -> HttpResponse {
    let body = html! {
        p role="status" { "The server is starting again: a new one is being prepared beside it, and will take over." }
        p { a href="/admin" { "To the overview" } }
    };
    let mut page = page::page(visit, status, "Reloading", &body);
    if let Ok(again) = header::HeaderValue::from_str(&format!("1; url=/admin/reload?epoch={epoch}")) {
        page.headers_mut().insert(header::REFRESH, again);
    }
    page
}
