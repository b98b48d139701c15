//! Coming in and going out.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;

use super::order::{Fields, Order, TOKEN_FIELD};
use super::visit::{Visit, cookie, set_cookie};
use super::{Site, ask, page, seal};
use crate::actors::accounts::keepers::{Admit, Barred};

/// Cookie that ties the login form to the browser it was shown in.
const FORM_COOKIE: &str = "everhall_form";

/// How long a login form is good, in seconds.
const FORM_SECS: i64 = 60 * 60;

/// Longest name and password that are looked at, in bytes.
const FIELD_BYTES: usize = 1024;

/// Shows the form.
pub(super) async fn show(request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    form(&request, &site, StatusCode::OK, "", None)
}

/// Checks a name and a password, and begins a visit.
pub(super) async fn log_in(
    request: HttpRequest,
    site: web::Data<Site>,
    web::Form(mut fields): web::Form<Fields>,
) -> HttpResponse {
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let (name, password, token) = (take("name"), take("password"), take(TOKEN_FIELD));
    let is_ours = cookie(&request, FORM_COOKIE).is_some_and(|browser| site.seal.fits("login", browser, &token));
    if !is_ours {
        let why = "That form was too old. Please try again.";
        return form(&request, &site, StatusCode::FORBIDDEN, &name, Some(why));
    }
    if name.len() > FIELD_BYTES || password.len() > FIELD_BYTES {
        return form(&request, &site, StatusCode::FORBIDDEN, "", Some(&Barred::Refused.to_string()));
    }
    let address = request.headers().get("x-forwarded-for").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let admit = Admit { name: name.clone(), password: password.into(), address: address.to_owned() };
    let why = match ask(&site.services.accounts, admit).await.unwrap_or(Err(Barred::Later)) {
        Ok(keeper) => match Visit::begin(&site, &keeper, &request) {
            Ok(cookie) => return with_cookie(page::redirect("/admin"), &cookie),
            Err(error) => {
                tracing::error!("no random numbers for a visit: {error}");
                Barred::Later
            }
        },
        Err(why) => why,
    };
    let (status, wait) = match why {
        Barred::Refused => (StatusCode::FORBIDDEN, None),
        Barred::Throttled(secs) => (StatusCode::TOO_MANY_REQUESTS, Some(secs)),
        Barred::Later => (StatusCode::SERVICE_UNAVAILABLE, Some(1)),
    };
    let mut answer = form(&request, &site, status, &name, Some(&why.to_string()));
    if let Some(secs) = wait {
        answer.headers_mut().insert(header::RETRY_AFTER, secs.into());
    }
    answer
}

/// Ends the visit.
pub(super) async fn log_out(request: HttpRequest, site: web::Data<Site>, order: Order) -> HttpResponse {
    let forget = order.visit.end(&site, &request).await;
    with_cookie(page::redirect("/admin/login"), &forget)
}

fn form(request: &HttpRequest, site: &Site, status: StatusCode, name: &str, why: Option<&str>) -> HttpResponse {
    let known = cookie(request, FORM_COOKIE).filter(|known| known.len() == 64).map(str::to_owned);
    let Ok(browser) = known.map_or_else(seal::token, Ok) else { return page::later() };
    let title = format!("Keepers of {}", site.services.hall.name);
    let body = html! {
        main.narrow {
            h1 { (title) }
            @if let Some(why) = why { p.bad role="alert" { (why) } }
            form method="post" action="/admin/login" {
                input type="hidden" name=(TOKEN_FIELD) value=(site.seal.tag("login", &browser));
                label for="name" { "Name" }
                input id="name" name="name" value=(name) autocomplete="username" autocapitalize="none" required
                    autofocus[name.is_empty()];
                label for="password" { "Password" }
                input id="password" name="password" type="password" autocomplete="current-password" required
                    autofocus[!name.is_empty()];
                button.main { "Log in" }
            }
            p { a href="/play" { "Go to the world instead" } }
        }
    };
    let cookie = set_cookie(FORM_COOKIE, &browser, FORM_SECS, request);
    with_cookie(page::answer(status, &title, &body), &cookie)
}

fn with_cookie(mut answer: HttpResponse, cookie: &str) -> HttpResponse {
    if let Ok(value) = header::HeaderValue::from_str(cookie) {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
    answer
}
