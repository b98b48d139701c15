//! The frame of every page, and what browsers may do with it. Works without any script.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpResponse, HttpResponseBuilder};
use maud::{DOCTYPE, Markup, html};

use super::order::TOKEN_FIELD;
use super::visit::Visit;
use crate::text::HTML_CSS;

/// Nothing but our own style sheet; colours in a room's description come as `style` attributes.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Returns a page for a keeper.
pub(super) fn page(visit: &Visit, status: StatusCode, title: &str, body: &Markup) -> HttpResponse {
    let entries = [("/admin", "Overview"), ("/admin/sessions", "Sessions"), ("/admin/rooms", "Rooms")];
    let page = html! {
        a.skip href="#main" { "Skip to the page" }
        header {
            nav aria-label="Pages" {
                @for (to, name) in entries {
                    a href=(to) aria-current=[(name == title).then_some("page")] { (name) }
                }
            }
            form method="post" action="/admin/logout" {
                (token(visit))
                span { (visit.keeper.name) }
                button { "Log out" }
            }
        }
        main id="main" {
            h1 { (title) }
            (body)
        }
    };
    visit.renew(answer(status, title, &page))
}

/// Returns the hidden field that each of a keeper's forms needs.
pub(super) fn token(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(TOKEN_FIELD) value=(visit.form_token()); }
}

/// Returns a page without the frame.
pub(super) fn answer(status: StatusCode, title: &str, body: &Markup) -> HttpResponse {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/admin/admin.css";
            }
            body { (body) }
        }
    };
    guard(&mut HttpResponse::build(status)).insert_header(ContentType::html()).body(page.into_string())
}

/// Returns a page that says one thing.
pub(super) fn notice(status: StatusCode, title: &str, text: &str) -> HttpResponse {
    answer(status, title, &html! { main { h1 { (title) } p { (text) } p { a href="/admin" { "To the overview" } } } })
}

/// Sends the browser on, with GET.
pub(super) fn redirect(to: &str) -> HttpResponse {
    guard(&mut HttpResponse::SeeOther()).insert_header((header::LOCATION, to)).finish()
}

/// Returns the page for what is not there. It tells strangers nothing of these pages.
pub(crate) fn not_found() -> HttpResponse {
    let body = html! { main { h1 { "There is nothing here" } p { a href="/play" { "Go to the world" } } } };
    answer(StatusCode::NOT_FOUND, "Not found", &body)
}

/// Returns the page for when an actor or storage does not answer.
pub(super) fn later() -> HttpResponse {
    notice(StatusCode::SERVICE_UNAVAILABLE, "Not now", "The world does not answer. Please try again in a moment.")
}

/// Returns the page for a form that is not from our own page, or from one that is too old.
pub(super) fn foreign_form() -> HttpResponse {
    let text = "That form was not from here, or too old; nothing was done. Please load its page again.";
    notice(StatusCode::FORBIDDEN, "Not done", text)
}

/// Returns the style sheet.
pub(super) async fn css() -> HttpResponse {
    guard(&mut HttpResponse::Ok())
        .insert_header((header::CONTENT_TYPE, "text/css; charset=utf-8"))
        .body([include_str!("admin.css"), HTML_CSS].concat())
}

/// Returns a time span in words: the two largest units.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

fn guard(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        let check = |seconds, expected: &str| assert_eq!(span(Duration::from_secs(seconds)), expected);
        check(59, "59 s");
        check(60, "1 min");
        check(3 * 3600 + 300, "3 h 05 min");
        check(2 * 86_400 + 3600, "2 d 1 h");
    }
}
