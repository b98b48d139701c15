//! The web client's files, built into the executable, and what a browser may do with them.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::http::header::{self, ContentType, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

/// Only what this origin serves, no script inline: text from players could not run even if it got into the page
/// unescaped. Colours beyond the sixteen come as `style` attributes, which alone are allowed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     style-src-attr 'unsafe-inline'; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file with its type and the tag that tells a browser whether its copy is still good.
pub(super) struct Page {
    body: String,
    content_type: &'static str,
    tag: EntityTag,
}

impl Page {
    /// Returns the page at `/play` of the world called `world`.
    pub(super) fn play(world: &str) -> Self {
        Self::new(include_str!("page.html").replace("{{world}}", &escape(world)), "text/html; charset=utf-8")
    }

    /// Returns its style sheet.
    pub(super) fn css() -> Self {
        Self::new(include_str!("play.css").into(), "text/css; charset=utf-8")
    }

    /// Returns its script.
    pub(super) fn js() -> Self {
        Self::new(include_str!("play.js").into(), "text/javascript; charset=utf-8")
    }

    /// Returns its icon.
    pub(super) fn icon() -> Self {
        Self::new(include_str!("icon.svg").into(), "image/svg+xml")
    }

    fn new(body: String, content_type: &'static str) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let tag = EntityTag::new_strong(format!("{:016x}", hasher.finish()));
        Self { body, content_type, tag }
    }

    /// Returns the page, or 304 if the browser has it. It asks each time, so that an upgrade shows at once.
    pub(super) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag)),
            Err(_) => false,
        };
        let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        guard(&mut response)
            .insert_header((header::ETAG, self.tag.to_string()))
            .insert_header((header::CACHE_CONTROL, "no-cache"));
        match known {
            true => response.finish(),
            false => response.insert_header((header::CONTENT_TYPE, self.content_type)).body(self.body.clone()),
        }
    }
}

/// Returns the page for as long as the server is away: it asks again by itself.
pub(super) fn away() -> HttpResponse {
    guard(&mut HttpResponse::ServiceUnavailable())
        .insert_header(ContentType::html())
        .insert_header((header::RETRY_AFTER, "2"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>One moment</title>\
             <h1>One moment, please</h1><p>The world is just starting again. This page comes back by itself.</p></html>",
        )
}

fn guard(response: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worlds_name_cannot_break_its_page() {
        let page = Page::play("<b>\"Ann & Bob\"</b>");
        assert!(page.body.contains("<title>&lt;b&gt;&quot;Ann &amp; Bob&quot;&lt;/b&gt;</title>"));
        assert!(!page.body.contains("{{"));
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        for page in [Page::play("x"), Page::css(), Page::js()] {
            assert!(!page.body.contains("http://") && !page.body.contains("https://"));
        }
    }
}
