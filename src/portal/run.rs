//! The portal's main: opens the doors, starts the server, and stays until somebody ends it.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use actix::prelude::*;
use rustix::fs::FlockOperation;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpSocket, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::control::{self, Control};
use super::ring_file::{self, RingFile};
use super::server_process::{self, EndServer, Exit, KEPT_FILE, ServerProcess, ServerSettings, StartServer};
use super::switchboard::{self, Farewell, Report, SupervisedBy, Switchboard};
use super::{CONTROL_SOCKET, LOCK_FILE, WIRE_SOCKET, start_number, telnet};
use crate::config::Config;
use crate::mailbox::repay;
use crate::web::WEB_SOCKET;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// Files that the portal opens beside connections.
const OTHER_FILES: u64 = 64;
/// How often the switchboard is looked for.
const HEALTH_PERIOD: Duration = Duration::from_secs(1);
/// How long the last connections may take to read what they were told at the end.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(2);

/// What the portal's main is told beside the settings.
#[derive(Debug, Clone)]
pub struct PortalArgs {
    /// The program that is the server.
    pub executable: PathBuf,
    /// All arguments for it, `server` among them: `server --data-dir …`.
    pub server_args: Vec<OsString>,
}

/// Why the portal could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortalError {
    /// A port is taken, or an address is not ours.
    #[error("cannot listen for {what} on {address}: {source}")]
    Listen {
        /// `telnet` or `http`.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Another portal runs on the same data.
    #[error("the data directory {0} is in use by another running world")]
    Locked(String),
    /// The data directory cannot be used.
    #[error("cannot use {path}: {source}")]
    DataDir {
        /// The file or directory.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The server could not be started at all.
    #[error("cannot start the server: {0}")]
    Spawn(io::Error),
    /// The first server ended before it was ready. What it wrote to its standard error has been passed on already.
    #[error("{line}")]
    ServerFailed {
        /// Its exit code.
        code: i32,
        /// The last line that it wrote.
        line: String,
    },
    /// The portal's own parts failed.
    #[error("the portal failed: {0}")]
    Broken(String),
}

impl PortalError {
    /// Returns what it means that the first server ended so.
    pub(super) fn of_first_server(exit: Exit) -> Self {
        Self::ServerFailed { code: exit.code.unwrap_or(1), line: exit.words().to_owned() }
    }
}

/// Runs the portal until it is told to stop. Must be called inside an actix system.
///
/// # Errors
///
/// If it could not start, or if its first server could not. A server that fails later is started again.
pub async fn run(config: Config, args: PortalArgs) -> Result<(), PortalError> {
    let since = Instant::now();
    let _lock = prepare_data_dir(&config.data_dir)?;
    raise_open_files(config.limits.connections as u64);
    let telnet = listen("telnet", config.listen.telnet)?;
    let http = listen("http", config.listen.http)?;
    let (telnet_address, http_address) = (local_address(&telnet)?, local_address(&http)?);
    let keepers = control_socket(&config.data_dir)?;
    let start = start_number::take(&config.data_dir)
        .map_err(|source| PortalError::DataDir { path: path_of(&config.data_dir, "portal.state"), source })?;

    let patience = Duration::from_millis(config.server.patience_ms);
    let (ring_file, revived) = RingFile::open(&config.data_dir);
    let switchboard = Switchboard::new(config.limits.clone(), patience, start).reviving(ring_file, revived).start();
    let settings = ServerSettings {
        executable: args.executable,
        args: args.server_args,
        wire_socket: config.data_dir.join(WIRE_SOCKET),
        kept: config.data_dir.join(KEPT_FILE),
        start_patience: Duration::from_millis(config.server.start_ms),
        safe_after: config.server.safe_after_deaths,
    };
    let (end, mut ended) = oneshot::channel();
    let process = ServerProcess::new(settings, switchboard.clone(), end).start();
    repay(&switchboard, SupervisedBy { by: process.clone().recipient() });

    let web = crate::web::play::serve(http, switchboard::door(&switchboard), &config)
        .map_err(|source| PortalError::Listen { what: "http", address: http_address, source })?;
    let web_handle = web.handle();
    actix::spawn(web);
    let telnet = tokio::net::TcpListener::from_std(telnet).map_err(|source| PortalError::Listen {
        what: "telnet",
        address: telnet_address,
        source,
    })?;
    let accepting = actix::spawn(telnet::serve(telnet, switchboard.clone(), config.limits.clone()));
    let keeper = Control {
        switchboard: switchboard.clone(),
        process: process.clone(),
        telnet: telnet_address,
        http: http_address,
        since,
    };
    actix::spawn(control::serve(keepers, keeper));
    warn_if_public(&[telnet_address, http_address]);
    info!("telnet on {telnet_address}, http on {http_address}");
    repay(&process, StartServer);

    let result = until_ended(&process, &switchboard, &mut ended).await;
    accepting.abort();
    say_farewell(&switchboard).await;
    web_handle.stop(false).await;
    if result.is_ok() {
        // Its sessions have ended with it. Left behind, it would only be passed over.
        let _ = ring_file::forget(&config.data_dir);
    }
    for name in [CONTROL_SOCKET, WIRE_SOCKET, WEB_SOCKET] {
        // Left behind by a crash or removed by hand, they harm nobody.
        let _ = fs::remove_file(config.data_dir.join(name));
    }
    if let Err(error) = server_process::forget(&config.data_dir) {
        warn!("could not remove the executable that was kept: {error}");
    }
    result
}

/// Waits for the end; SIGTERM and SIGINT bring it about. A portal without its switchboard ends too: whoever started it
/// starts a whole one.
async fn until_ended(
    process: &Addr<ServerProcess>,
    switchboard: &Addr<Switchboard>,
    ended: &mut oneshot::Receiver<Result<(), PortalError>>,
) -> Result<(), PortalError> {
    let broken = |error: io::Error| PortalError::Broken(error.to_string());
    let mut terminate = signal(SignalKind::terminate()).map_err(broken)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
    loop {
        tokio::select! {
            result = &mut *ended => {
                return result.unwrap_or_else(|_| Err(PortalError::Broken("the supervisor is gone".into())));
            }
            _ = terminate.recv() => info!("told to terminate"),
            _ = interrupt.recv() => info!("interrupted"),
            _ = tokio::time::sleep(HEALTH_PERIOD) => {
                if !switchboard.connected() {
                    return Err(PortalError::Broken("the switchboard is gone".into()));
                }
                continue;
            }
        }
        repay(process, EndServer);
    }
}

/// Tells the players, and waits until their sockets have taken it.
async fn say_farewell(switchboard: &Addr<Switchboard>) {
    let text = "The world is shutting down.".into();
    if switchboard.send(Farewell { text }).await.is_err() {
        return;
    }
    let deadline = Instant::now() + FAREWELL_PATIENCE;
    while Instant::now() < deadline {
        match switchboard.send(Report).await {
            Ok(figures) if figures.leaving > 0 => tokio::time::sleep(Duration::from_millis(5)).await,
            _ => return,
        }
    }
}

/// Makes the data directory, ours alone, and locks it for the life of the returned file.
fn prepare_data_dir(data_dir: &Path) -> Result<File, PortalError> {
    let unusable = |source: io::Error| PortalError::DataDir { path: data_dir.display().to_string(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(unusable)?;
    let path = data_dir.join(LOCK_FILE);
    let unusable = |source: io::Error| PortalError::DataDir { path: path.display().to_string(), source };
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(unusable)?;
    // After the lock file is open: a directory that is not ours says so there, in plain words.
    fs::set_permissions(data_dir, Permissions::from_mode(0o700)).map_err(unusable)?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(PortalError::Locked(data_dir.display().to_string())),
        Err(error) => Err(unusable(error.into())),
    }
}

fn control_socket(data_dir: &Path) -> Result<UnixListener, PortalError> {
    let path = data_dir.join(CONTROL_SOCKET);
    let listen = || {
        if path.exists() {
            // Of a portal that is gone: this one holds the lock.
            fs::remove_file(&path)?;
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    listen().map_err(|source| PortalError::DataDir { path: path_of(data_dir, CONTROL_SOCKET), source })
}

fn path_of(data_dir: &Path, name: &str) -> String {
    data_dir.join(name).display().to_string()
}

fn listen(what: &'static str, address: SocketAddr) -> Result<TcpListener, PortalError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listen().map_err(|source| PortalError::Listen { what, address, source })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, PortalError> {
    listener.local_addr().map_err(|error| PortalError::Broken(error.to_string()))
}

/// Raises the limit of open files to the hard one; says so if that is still too few.
fn raise_open_files(connections: u64) {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        warn!("could not raise the limit of open files: {error}");
    }
    let needed = connections + OTHER_FILES;
    match getrlimit(Resource::Nofile).current {
        Some(open) if open < needed => warn!(
            "only {open} files may be open at once, but {connections} connections need {needed}; raise `ulimit -n`"
        ),
        _ => {}
    }
}

fn warn_if_public(addresses: &[SocketAddr]) {
    let public: Vec<String> =
        addresses.iter().filter(|address| !address.ip().is_loopback()).map(SocketAddr::to_string).collect();
    if !public.is_empty() {
        warn!("listening on {} without TLS: passwords can be read on the way", public.join(" and "));
    }
}
