//! Accepts telnet sockets and gives each its actor. Who may stay is the switchboard's to say.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle, set_tcp_keepintvl};
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

use super::connection::Connection;
use crate::config::LimitsConfig;
use crate::portal::switchboard::Switchboard;

/// Silence after which the system asks whether the other end is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Time between such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Pause after a failure to accept, which is nearly always a lack of open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the task is dropped.
pub async fn serve(listener: TcpListener, switchboard: Addr<Switchboard>, limits: LimitsConfig) {
    let limits = Arc::new(limits);
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                // A socket that cannot be tuned is about to fail by itself.
                let _ = tune(&socket);
                Connection::new(socket, peer.ip(), switchboard.clone(), limits.clone()).start();
                // Those who wait to be accepted are always ready: without a pause they would all go before those who play.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                warn!("could not accept a telnet connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn tune(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    set_socket_keepalive(socket, true)?;
    set_tcp_keepidle(socket, KEEPALIVE_IDLE)?;
    set_tcp_keepintvl(socket, KEEPALIVE_INTERVAL)?;
    Ok(())
}
