//! The portal's part of the web: the play page and its websocket on the public HTTP port, and the way to the rest.
//!
//! ```text
//! /         302 to /play, until there is a site
//! /play     the web client: page.html, with play.css, play.js and icon.svg below it
//! /ws       the websocket, see docs/websocket.md
//! /healthz  200 "ok" while the portal lives
//! the rest  the server's pages, see `forward`
//! ```

mod forward;
mod frames;
mod gate;
mod inflow;
mod lines;
mod origin;
mod outflow;
mod pages;
mod socket;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, dev, web};
use tracing::{debug, warn};

use self::forward::Forward;
use self::gate::Gate;
use self::pages::Page;
use crate::config::{Config, LimitsConfig};
use crate::portal::door::SwitchboardDoor;
use crate::wire::{Colors, Facts};

/// Longest name of a client's program that is kept, in characters.
const CLIENT_CHARS: usize = 120;
/// Sockets accepted beyond `limits.connections`, for pages and for answering that there is no place.
const SPARE_CONNECTIONS: usize = 256;

/// How long a closed websocket's client may still be sending before the connection is cut. Browsers tell their page of
/// the end only after that.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What the handlers share. There is one web worker, so each of these exists once.
struct Portal {
    door: SwitchboardDoor,
    limits: LimitsConfig,
    gate: Rc<Gate>,
    forward: Forward,
    play: Page,
    css: Page,
    js: Page,
    icon: Page,
}

/// Serves the play page and the websocket on `listener`, in one worker thread, until the returned server is stopped or dropped.
///
/// # Errors
///
/// If the listener cannot be used.
pub fn serve(listener: TcpListener, door: SwitchboardDoor, config: &Config) -> io::Result<dev::Server> {
    let limits = config.limits.clone();
    let world = config.world.name.clone();
    let data_dir = config.data_dir.clone();
    let connections = limits.connections.saturating_add(SPARE_CONNECTIONS);
    let server = HttpServer::new(move || {
        let portal = Portal {
            door: door.clone(),
            gate: Gate::new(&limits),
            forward: Forward::new(&data_dir),
            limits: limits.clone(),
            play: Page::play(&world),
            css: Page::css(),
            js: Page::js(),
            icon: Page::icon(),
        };
        App::new().app_data(web::Data::new(portal)).configure(routes)
    });
    Ok(server
        .workers(1)
        .max_connections(connections)
        .client_request_timeout(Duration::from_secs(10))
        .client_disconnect_timeout(LAST_WORDS)
        .shutdown_timeout(1)
        .disable_signals()
        .on_connect(|connection, _| give_up_on_dead_peers(connection))
        .listen(listener)?
        .run())
}

fn routes(service: &mut web::ServiceConfig) {
    service
        .route("/", web::get().to(async || HttpResponse::Found().insert_header((header::LOCATION, "/play")).finish()))
        .route("/play", web::get().to(async |portal: web::Data<Portal>, request| portal.play.answer(&request)))
        .route("/play/play.css", web::get().to(async |portal: web::Data<Portal>, request| portal.css.answer(&request)))
        .route("/play/play.js", web::get().to(async |portal: web::Data<Portal>, request| portal.js.answer(&request)))
        .route("/play/icon.svg", web::get().to(async |portal: web::Data<Portal>, request| portal.icon.answer(&request)))
        .route("/ws", web::get().to(websocket))
        .route("/healthz", web::get().to(async || "ok"))
        .default_service(web::to(async |request: HttpRequest, payload, portal: web::Data<Portal>| {
            portal.forward.pass(&request, payload).await
        }));
}

async fn websocket(
    request: HttpRequest,
    payload: web::Payload,
    portal: web::Data<Portal>,
) -> Result<HttpResponse, Error> {
    if !origin::is_own(&request) {
        return Ok(HttpResponse::Forbidden().body("This page is not from here."));
    }
    let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip()).to_canonical();
    match portal.gate.pass(address) {
        Ok(pass) => {
            let facts = facts(&request, address);
            socket::upgrade(&request, payload, portal.door.clone(), &portal.limits, facts, pass)
        }
        Err(full) => {
            debug!("a websocket from {address} was turned away: {full}");
            Ok(HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "30")).body(full.to_string()))
        }
    }
}

/// Returns what a handshake tells about its sender.
fn facts(request: &HttpRequest, address: IpAddr) -> Facts {
    let client = request.headers().get(header::USER_AGENT).and_then(|name| name.to_str().ok()).unwrap_or_default();
    Facts {
        protocol: "websocket".into(),
        address: address.to_string(),
        client: client.chars().take(CLIENT_CHARS).collect(),
        colors: Colors::True,
        events: true,
        ..Facts::default()
    }
}

/// Lets the kernel close a connection whose peer takes nothing for a minute: nothing else ends one that is stuck in a
/// write, because the dispatcher waits for it to become writable.
fn give_up_on_dead_peers(connection: &dyn Any) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>()
        && let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, socket::DEAD_AFTER.as_millis() as u32)
    {
        warn!("a connection keeps the system's own timeout: {error}");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = connection;
}
