//! Who looks at the pages: somebody with a cookie that this world has sealed, whose account still may.
//!
//! The cookie names the account, when the visit began and when it was last used, and the account's password by a mark. It is good for
//! [`IDLE_MS`] without use and [`LONGEST_MS`] in all; it ends with `log out`, with the permission, and with a change of password.
//! Nothing of it is kept, so that it outlives a `reload`; that a visit was ended is remembered until the server ends.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};

use super::seal::{self, Seal};
use super::{Site, ask, page};
use crate::actors::accounts::keepers::{Barred, EndVisit, Keeper, Revisit};
use crate::ids::AccountId;

/// Name of the cookie.
const COOKIE: &str = "everhall_admin";

/// How long a visit lasts without a page being asked for, in milliseconds.
const IDLE_MS: i64 = 12 * 60 * 60 * 1000;
/// How long a visit lasts at most, in milliseconds.
const LONGEST_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// How old a cookie gets before it is renewed, in milliseconds.
const RENEW_MS: i64 = 60 * 1000;

/// A keeper at the pages.
#[derive(Debug)]
pub(super) struct Visit {
    /// Who.
    pub keeper: Keeper,
    pass: Pass,
    /// The cookie to set with the answer, if it is to be renewed.
    cookie: Option<String>,
    form: String,
}

/// What a cookie says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pass {
    account: AccountId,
    begun_ms: i64,
    used_ms: i64,
    password: String,
    token: String,
}

impl Pass {
    fn seal(&self, seal: &Seal) -> String {
        let Self { account, begun_ms, used_ms, password, token } = self;
        let text = format!("{}.{begun_ms}.{used_ms}.{password}.{token}", account.0);
        format!("{text}.{}", seal.tag("visit", &text))
    }

    /// Reads a cookie; `None` if it is not ours, or too old.
    fn open(cookie: &str, seal: &Seal, now_ms: i64) -> Option<Self> {
        let (text, tag) = cookie.rsplit_once('.')?;
        if !seal.fits("visit", text, tag) {
            return None;
        }
        let mut parts = text.split('.');
        let pass = Self {
            account: AccountId(parts.next()?.parse().ok()?),
            begun_ms: parts.next()?.parse().ok()?,
            used_ms: parts.next()?.parse().ok()?,
            password: parts.next()?.to_owned(),
            token: parts.next()?.to_owned(),
        };
        (now_ms < pass.used_ms + IDLE_MS && now_ms < pass.begun_ms + LONGEST_MS).then_some(pass)
    }
}

/// Returns what stands for a keeper's password in a cookie.
fn password_mark(seal: &Seal, keeper: &Keeper) -> String {
    seal.tag("password", &keeper.password_mark.to_string())
}

impl Visit {
    /// Begins a visit; returns the header that makes it last.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub(super) fn begin(site: &Site, keeper: &Keeper, request: &HttpRequest) -> std::io::Result<String> {
        let now_ms = site.services.now_ms();
        let password = password_mark(&site.seal, keeper);
        let pass = Pass { account: keeper.account, begun_ms: now_ms, used_ms: now_ms, password, token: seal::token()? };
        Ok(set_cookie(COOKIE, &pass.seal(&site.seal), IDLE_MS / 1000, request))
    }

    async fn find(site: &Site, request: &HttpRequest) -> Result<Self, Barred> {
        let now_ms = site.services.now_ms();
        let pass = cookie(request, COOKIE).and_then(|cookie| Pass::open(cookie, &site.seal, now_ms));
        let mut pass = pass.ok_or(Barred::Refused)?;
        let question = Revisit { account: pass.account, token: pass.token.clone() };
        let keeper = ask(&site.services.accounts, question).await.map_err(|_| Barred::Later)??;
        if password_mark(&site.seal, &keeper) != pass.password {
            return Err(Barred::Refused);
        }
        let mut renewed = None;
        if now_ms > pass.used_ms + RENEW_MS {
            pass.used_ms = now_ms;
            let left = (pass.begun_ms + LONGEST_MS - now_ms).min(IDLE_MS);
            renewed = Some(set_cookie(COOKIE, &pass.seal(&site.seal), left / 1000, request));
        }
        let form = site.seal.tag("form", &pass.token);
        Ok(Self { keeper, pass, cookie: renewed, form })
    }

    /// Ends the visit; returns the header that makes the browser forget it.
    pub(super) async fn end(self, site: &Site, request: &HttpRequest) -> String {
        let end = EndVisit { token: self.pass.token, until_ms: self.pass.begun_ms + LONGEST_MS };
        if ask(&site.services.accounts, end).await.is_err() {
            tracing::warn!("a visit of {} could not be ended", self.keeper.name);
        }
        set_cookie(COOKIE, "", 0, request)
    }

    /// Returns what a form of this visit carries, and no other page can know.
    pub(super) fn form_token(&self) -> &str {
        &self.form
    }

    /// Tells whether a form carries this visit's token.
    pub(super) fn is_form_token(&self, site: &Site, token: &str) -> bool {
        site.seal.fits("form", &self.pass.token, token)
    }

    /// Adds the renewed cookie to an answer.
    pub(super) fn renew(&self, mut answer: HttpResponse) -> HttpResponse {
        let value = self.cookie.as_ref().and_then(|cookie| header::HeaderValue::from_str(cookie).ok());
        if let Some(value) = value {
            answer.headers_mut().append(header::SET_COOKIE, value);
        }
        answer
    }
}

impl FromRequest for Visit {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let answer = match request.app_data::<web::Data<Site>>() {
                None => page::later(),
                Some(site) => match Self::find(site, &request).await {
                    Ok(visit) => return Ok(visit),
                    Err(Barred::Later) => page::later(),
                    Err(_) => page::redirect("/admin/login"),
                },
            };
            Err(InternalError::from_response("no visit", answer).into())
        })
    }
}

/// Returns a cookie that a browser sent.
pub(super) fn cookie<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let cookies = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Returns the header that sets a cookie for these pages: no script reads it, no other site's page sends it.
pub(super) fn set_cookie(name: &str, value: &str, age_secs: i64, request: &HttpRequest) -> String {
    // A proxy that speaks TLS says so; who says it falsely harms only themselves.
    let proto = request.headers().get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let secure = if proto == Some("https") { "; Secure" } else { "" };
    format!("{name}={value}; Path=/admin; Max-Age={age_secs}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seals() -> (Seal, Seal) {
        let folder = tempfile::tempdir().unwrap();
        let load = |name: &str| Seal::load(&folder.path().join(name)).unwrap();
        (load("a"), load("b"))
    }

    #[test]
    fn a_pass_is_good_for_twelve_hours_of_idling_and_seven_days_in_all() {
        let (ours, other) = seals();
        let hours = |hours: i64| hours * 60 * 60 * 1000;
        let pass = |begun_ms, used_ms| Pass {
            account: AccountId(5),
            begun_ms,
            used_ms,
            password: "aa".into(),
            token: "bb".into(),
        };
        let check = |begun, used, now, expected: bool| {
            let pass = pass(hours(begun), hours(used));
            let opened = Pass::open(&pass.seal(&ours), &ours, hours(now));
            assert_eq!(opened, expected.then_some(pass), "{begun} {used} {now}");
        };
        check(0, 0, 11, true);
        check(0, 0, 12, false);
        check(0, 160, 167, true);
        check(0, 160, 168, false);
        assert_eq!(Pass::open(&pass(0, 0).seal(&other), &ours, 0), None);
    }

    #[test]
    fn a_pass_that_was_tampered_with_opens_nothing() {
        let (seal, _) = seals();
        let pass = Pass { account: AccountId(5), begun_ms: 0, used_ms: 0, password: "aa".into(), token: "bb".into() };
        let cookie = pass.seal(&seal);
        for broken in [cookie.replacen('5', "1", 1), cookie[..cookie.len() - 1].into(), String::new(), "....".into()] {
            assert_eq!(Pass::open(&broken, &seal, 0), None, "{broken}");
        }
    }
}
