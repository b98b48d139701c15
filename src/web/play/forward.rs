//! What is not the portal's own goes on to the server's pages, over a Unix socket in the data directory.
//!
//! The portal reads nothing of it. While the server is away it answers by itself: 503, and a page that comes back.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::pages;
use crate::web::WEB_SOCKET;

/// Longest body that is passed on, either way, in bytes.
const BODY_BYTES: usize = 2 * 1024 * 1024;
/// Requests under way at once. Each may hold two bodies.
const AT_ONCE: usize = 64;
/// How long a browser may take for its body, and the server for its answer.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// Headers that speak of one connection only, and the length, which is counted anew.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Header that tells the server who asks. Whatever a browser says there itself is dropped.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The way to the server's pages.
pub(super) struct Forward {
    socket: PathBuf,
    places: Semaphore,
}

/// Why a request got no answer from the server.
#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error("the server is away: {0}")]
    Away(io::Error),
    #[error("the server broke off: {0}")]
    BrokeOff(#[from] hyper::Error),
    #[error("the server took too long")]
    Silent,
    #[error("the request cannot be passed on: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the server's answer is over the limit")]
    TooLong,
    #[error("the server's answer ended early")]
    Cut,
}

impl Forward {
    /// Returns the way to the server whose data directory this is.
    pub(super) fn new(data_dir: &std::path::Path) -> Self {
        Self { socket: data_dir.join(WEB_SOCKET), places: Semaphore::new(AT_ONCE) }
    }

    /// Passes a request on and returns the server's answer.
    pub(super) async fn pass(&self, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
        let Ok(_place) = self.places.try_acquire() else { return pages::away() };
        let body = match timeout(BODY_PATIENCE, read(payload)).await {
            Ok(Ok(body)) => body,
            Ok(Err(status)) => return HttpResponse::new(status),
            Err(_) => return HttpResponse::new(StatusCode::REQUEST_TIMEOUT),
        };
        match timeout(ANSWER_PATIENCE, self.ask(request, body)).await.unwrap_or(Err(ForwardError::Silent)) {
            Ok(answer) => answer,
            Err(error @ (ForwardError::TooLong | ForwardError::Request(_))) => {
                warn!("{} {}: {error}", request.method(), request.path());
                HttpResponse::new(StatusCode::BAD_GATEWAY)
            }
            Err(error) => {
                debug!("{} {}: {error}", request.method(), request.path());
                pages::away()
            }
        }
    }

    async fn ask(&self, request: &HttpRequest, body: web::Bytes) -> Result<HttpResponse, ForwardError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(ForwardError::Away)?;
        let (mut server, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer; what goes wrong on it, the answer tells.
        let connection = actix_web::rt::spawn(async { drop(connection.await) });
        let answer = server.send_request(onward(request, body)?).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, BODY_BYTES)
            .collect()
            .await
            .map_err(|error| if error.is::<LengthLimitError>() { ForwardError::TooLong } else { ForwardError::Cut })?;
        connection.abort();
        let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut back = HttpResponse::build(status);
        for (name, value) in kept(&head.headers) {
            back.append_header((name.as_str(), value.as_bytes()));
        }
        Ok(back.body(body.to_bytes()))
    }
}

/// Reads a body, up to the limit.
async fn read(mut payload: web::Payload) -> Result<web::Bytes, StatusCode> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        if body.len() + chunk.len() > BODY_BYTES {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Returns the request as the server gets it.
fn onward(request: &HttpRequest, body: web::Bytes) -> Result<hyper::Request<Full<web::Bytes>>, hyper::http::Error> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut onward = hyper::Request::builder().method(request.method().as_str()).uri(target);
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        headers.append(HeaderName::from_bytes(name.as_ref())?, HeaderValue::from_bytes(value.as_bytes())?);
    }
    let address = request.peer_addr().map(|peer| peer.ip().to_canonical().to_string()).unwrap_or_default();
    headers.insert(FORWARDED_FOR, HeaderValue::from_str(&address)?);
    for (name, value) in kept(&headers) {
        onward = onward.header(name, value);
    }
    if !headers.contains_key(header::HOST.as_str()) {
        // HTTP/1.1 asks for one; a browser of 1.0 may have none.
        onward = onward.header("host", "localhost");
    }
    onward.body(Full::new(body))
}

/// Returns the headers that are passed on: all but those of the connection, and those that `Connection` names.
fn kept(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let named: Vec<String> = headers
        .get_all("connection")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_lowercase())
        .collect();
    headers.iter().filter(move |(name, _)| {
        !HOP_BY_HOP.contains(&name.as_str()) && !named.iter().any(|named| named == name.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_speaks_of_the_connection_stays_on_it() {
        let headers = headers(&[
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("content-length", "7"),
            ("cookie", "a=b"),
        ]);
        let kept: Vec<&str> = kept(&headers).map(|(name, _)| name.as_str()).collect();
        assert_eq!(kept, ["cookie"]);
    }

    #[test]
    fn the_server_is_told_who_asks_and_nobody_can_say_it_for_them() {
        let request = actix_web::test::TestRequest::get()
            .uri("/admin/rooms?id=5")
            .insert_header((FORWARDED_FOR, "10.0.0.1"))
            .peer_addr("192.0.2.7:9".parse().unwrap())
            .to_http_request();
        let onward = onward(&request, web::Bytes::new()).unwrap();
        assert_eq!(onward.uri(), "/admin/rooms?id=5");
        let told: Vec<_> = onward.headers().get_all(FORWARDED_FOR).iter().collect();
        assert_eq!(told, ["192.0.2.7"]);
    }
}
