//! Whether a websocket was opened by our own page.
//!
//! Browsers let any page open a websocket to any host and say in `Origin` which page it was. Programs send none.

use actix_web::HttpRequest;
use actix_web::http::header;

/// Returns whether the request comes from a page of the host it is sent to, or from no page at all.
pub(super) fn is_own(request: &HttpRequest) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let host = request.headers().get(header::HOST);
    match (origin.to_str(), host.map(|host| host.to_str())) {
        (Ok(origin), Some(Ok(host))) => is_same_host(origin, host),
        _ => false,
    }
}

/// Returns whether an `Origin` (`https://play.example.org`) names the host and port of a `Host` header.
fn is_same_host(origin: &str, host: &str) -> bool {
    let (default_port, authority) = match origin.split_once("://") {
        Some(("https", authority)) => (":443", authority),
        Some(("http", authority)) => (":80", authority),
        _ => return false,
    };
    let without_default = |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_lowercase();
    !authority.is_empty() && without_default(authority) == without_default(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origin: &str, host: &str, expected: bool) {
        assert_eq!(is_same_host(origin, host), expected, "{origin} at {host}");
    }

    #[test]
    fn only_a_page_of_the_same_host_and_port_is_our_own() {
        check("http://127.0.0.1:4001", "127.0.0.1:4001", true);
        check("http://[::1]:4001", "[::1]:4001", true);
        check("https://Play.Example.org", "play.example.org", true);
        check("https://play.example.org", "play.example.org:443", true);
        check("https://evil.example.com", "play.example.org", false);
        check("http://127.0.0.1:3000", "127.0.0.1:4001", false);
        check("https://play.example.org.evil.com", "play.example.org", false);
        check("null", "play.example.org", false);
        check("http://", "", false);
    }
}
