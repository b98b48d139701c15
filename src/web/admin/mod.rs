//! `/admin`: pages on which keepers see their world and change it. It writes no query and holds no state: it asks the actors.
//!
//! ```text
//! /admin/login        name and password; opens for Admins, Developers and superusers
//! /admin/logout       POST
//! /admin              the world at a glance
//! /admin/sessions     who is connected
//! /admin/rooms        loaded rooms, and the way to any other
//! /admin/rooms/{id}   a room; POST writes it anew
//! /admin/reload       what became of a reload; POST has a new server take over
//! ```
//!
//! Whoever asks for a page is a `visit::Visit`; whoever sends a form is an `order::Order`, whose form came from our own page.
//! A handler that takes neither is open to everybody.

mod login;
mod order;
mod overview;
pub(super) mod page;
mod reload;
mod room;
mod rooms;
mod seal;
mod sessions;
mod visit;

use std::time::{Duration, Instant};

use actix::dev::ToEnvelope;
use actix::prelude::*;
use actix_web::web::{FormConfig, ServiceConfig, get, post, resource};

use crate::actors::services::Shared;
pub use seal::Seal;

/// How long an actor may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest form, in bytes: what the portal passes on. A form is read whole before it is answered, because the portal
/// could not send the rest of one that is refused early.
const FORM_BYTES: usize = 2 * 1024 * 1024;

/// What the pages are made from: the way to the actors, and what never changes while the server lives.
pub struct Site {
    services: Shared,
    seal: Seal,
    epoch: u64,
    started: Instant,
}

/// An actor did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("the world does not answer")]
pub(crate) struct Silent;

impl Site {
    /// Returns the pages of a server that has just started.
    pub fn new(services: Shared, seal: Seal, epoch: u64) -> Self {
        Self { services, seal, epoch, started: Instant::now() }
    }
}

/// Asks an actor.
async fn ask<A, M>(actor: &Addr<A>, question: M) -> Result<M::Result, Silent>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let answer = actix_rt::time::timeout(PATIENCE, actor.send(question)).await;
    answer.map_err(|_| Silent)?.map_err(|_| Silent)
}

/// Adds the pages.
pub fn routes(service: &mut ServiceConfig) {
    let back = async || page::redirect("/admin");
    service
        .app_data(FormConfig::default().limit(FORM_BYTES))
        .service(resource("/admin/login").get(login::show).post(login::log_in))
        .service(resource("/admin/logout").post(login::log_out).get(back))
        .service(resource("/admin").get(overview::show))
        .service(resource("/admin/").get(back))
        .service(resource("/admin/reload").post(reload::order).get(reload::show))
        .route("/admin/sessions", get().to(sessions::show))
        .route("/admin/rooms", get().to(rooms::show))
        .route("/admin/rooms/{id}", get().to(room::show))
        .route("/admin/rooms/{id}", post().to(room::rewrite))
        .route("/admin/admin.css", get().to(page::css));
}
