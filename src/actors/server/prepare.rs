//! What a server does before it takes over: everything that needs time and nothing that can change. Another server may be
//! running meanwhile.

use std::path::Path;
use std::time::Instant;

use actix::prelude::*;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

use super::ServerError;
use crate::actors::hangup;
use crate::actors::wheel::WheelActor;
use crate::config::Config;
use crate::db::{self, DbPool, MetaRead};
use crate::wire::{self, PortalHello, ServerHello, ToPortal, ToServer, WIRE_VERSION};

/// Connects to the portal and says who speaks.
pub(super) async fn connect(path: &Path, world: &str) -> Result<UnixStream, ServerError> {
    // Once heard, it never ends the process again: a terminal's Ctrl-C is the launcher's, which has all stop in order.
    drop(signal(SignalKind::interrupt())?);
    let mut wire = UnixStream::connect(path).await?;
    hangup::watch(&wire)?;
    let hello = ServerHello { version: WIRE_VERSION, world: world.to_owned() };
    say(&mut wire, &ToPortal::Hello(hello)).await?;
    Ok(wire)
}

/// Writes one frame.
pub(super) async fn say(wire: &mut UnixStream, frame: &ToPortal) -> Result<(), ServerError> {
    let mut bytes = BytesMut::new();
    wire::encode(frame, &mut bytes);
    Ok(wire.write_all(&bytes).await?)
}

/// Says that all is prepared, and waits for the portal's hello, however long the server before takes to finish. Returns it
/// with what was read behind it.
pub(super) async fn introduction(wire: &mut UnixStream) -> Result<(PortalHello, BytesMut), ServerError> {
    say(wire, &ToPortal::Prepared).await?;
    let mut bytes = BytesMut::with_capacity(64 * 1024);
    loop {
        match wire::decode(&mut bytes)? {
            Some(ToServer::Hello(hello)) => return Ok((hello, bytes)),
            Some(_) => {}
            None if wire.read_buf(&mut bytes).await? == 0 => return Err(ServerError::Gone),
            None => {}
        }
    }
}

/// A server that could take over.
pub(super) struct Prepared {
    pub(super) pool: DbPool,
    /// When the world was made, in milliseconds since 1970.
    pub(super) created_at: i64,
    pub(super) arbiters: Vec<ArbiterHandle>,
    pub(super) wheels: Vec<Addr<WheelActor>>,
}

impl Prepared {
    /// Opens storage and starts threads.
    pub(super) async fn of(config: &Config) -> Result<Self, ServerError> {
        let started = Instant::now();
        let database = db::open_beside(config)?;
        let pool = DbPool::start(&database, &config.password);
        let created_at = pool.read(MetaRead).await?.created_at;
        let (arbiters, wheels) = arbiters(config)?;
        tracing::info!("prepared after {} ms", started.elapsed().as_millis());
        Ok(Self { pool, created_at, arbiters, wheels })
    }
}

/// Returns the threads of rooms, sessions and channels, with their wheels. With one, it is the main thread: two would
/// only wake each other.
fn arbiters(config: &Config) -> Result<(Vec<ArbiterHandle>, Vec<Addr<WheelActor>>), ServerError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = match config.server.arbiters {
        0 => cores.saturating_sub(1).max(1),
        wanted => wanted,
    };
    let arbiters: Vec<ArbiterHandle> = match wanted {
        1 => vec![Arbiter::try_current().ok_or(ServerError::Thread)?],
        _ => (0..wanted).map(|_| Arbiter::new().handle()).collect(),
    };
    let wheels =
        arbiters.iter().map(|arbiter| WheelActor::start_in_arbiter(arbiter, |_| WheelActor::default())).collect();
    Ok((arbiters, wheels))
}
