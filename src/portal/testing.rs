//! For tests of the portal: settings, and a peer that speaks the server's side of the wire.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::config::{
    BackupConfig, Config, Durability, LimitsConfig, ListenConfig, LogConfig, PasswordConfig, Registration,
    RetentionConfig, ServerConfig, StorageConfig, ThrottleConfig, WorldConfig,
};
use crate::wire::{self, Frame, Group, Line, PortalHello, ServerHello, ToPortal, ToServer, WIRE_VERSION};

/// How long anything may take before a test fails.
const DEADLINE: Duration = Duration::from_secs(10);

/// Waits, but not for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("nothing came in time")
}

/// The server's end of a wire.
pub(crate) struct Server {
    stream: UnixStream,
    input: BytesMut,
}

impl Server {
    /// Speaks over a wire; returns what the portal said first.
    pub(crate) async fn new(stream: UnixStream) -> (Self, PortalHello) {
        let mut server = Self { stream, input: BytesMut::new() };
        match server.hears().await {
            ToServer::Hello(hello) => (server, hello),
            other => panic!("first came {other:?}"),
        }
    }

    /// Connects to a portal as soon as it listens, prepared.
    pub(crate) async fn connect(wire_socket: &Path) -> (Self, PortalHello) {
        Self::new(Self::prepared(wire_socket).await).await
    }

    /// Connects to a portal as soon as it listens, and says that it is prepared.
    pub(crate) async fn prepared(wire_socket: &Path) -> UnixStream {
        let mut stream = within(async {
            loop {
                match UnixStream::connect(wire_socket).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        })
        .await;
        let mut bytes = BytesMut::new();
        let hello = ServerHello { version: WIRE_VERSION, world: "Everhall".into() };
        wire::encode(&ToPortal::Hello(hello), &mut bytes);
        wire::encode(&ToPortal::Prepared, &mut bytes);
        stream.write_all(&bytes).await.expect("the wire");
        stream
    }

    /// Returns the next frame.
    pub(crate) async fn hears(&mut self) -> ToServer {
        within(async {
            loop {
                if let Some(frame) = wire::decode(&mut self.input).expect("a frame") {
                    return frame;
                }
                assert_ne!(self.stream.read_buf(&mut self.input).await.expect("the wire"), 0, "the wire is closed");
            }
        })
        .await
    }

    /// Returns what `wanted` finds in the next frame where it finds something; others are passed over.
    pub(crate) async fn hears_of<T>(&mut self, mut wanted: impl FnMut(ToServer) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.hears().await) {
                return found;
            }
        }
    }

    /// Returns the next line, whatever else is said before it.
    pub(crate) async fn line(&mut self) -> Line {
        self.hears_of(|frame| if let ToServer::Line(line) = frame { Some(line) } else { None }).await
    }

    /// Goes on to the next confirmation of a flush.
    pub(crate) async fn confirmed(&mut self) -> u64 {
        self.hears_of(|frame| if let ToServer::Applied { flush } = frame { Some(flush) } else { None }).await
    }

    /// Goes on to the request to stop.
    pub(crate) async fn told_to_stop(&mut self) {
        self.hears_of(|frame| (frame == ToServer::Stop).then_some(())).await;
    }

    /// Sends a frame.
    pub(crate) async fn says(&mut self, frame: ToPortal) {
        let mut bytes = BytesMut::new();
        wire::encode(&frame, &mut bytes);
        self.stream.write_all(&bytes).await.expect("the wire");
    }

    /// Sends groups in one frame of epoch 1.
    pub(crate) async fn frame(&mut self, flush: Option<u64>, groups: Vec<Group>) {
        self.says(ToPortal::Frame(Frame { epoch: 1, flush, groups })).await;
    }
}

/// Returns the documented defaults.
pub(crate) fn limits() -> LimitsConfig {
    LimitsConfig {
        line_bytes: 4096,
        waiting_lines: 256,
        waiting_bytes: 65536,
        input_bytes_per_sec: 1_048_576,
        output_bytes: 1_048_576,
        connections: 4096,
        connections_per_address: 32,
        login_secs: 600,
        subnegotiation_bytes: 8192,
        resume_secs: 120,
    }
}

/// Returns settings for a world in `data_dir`, on free ports.
pub(crate) fn config(data_dir: PathBuf) -> Config {
    let free_port = ([127, 0, 0, 1], 0).into();
    Config {
        data_dir,
        world: WorldConfig {
            name: "Everhall".into(),
            welcome_file: None,
            message_of_the_day: String::new(),
            start_room: 0,
            registration: Registration::Open,
            invite_code: String::new(),
            link_lost_secs: 300,
            room_idle_secs: 300,
            lazy_secs: 60,
            time_factor: 4.0,
        },
        listen: ListenConfig { telnet: free_port, http: free_port },
        storage: StorageConfig {
            database_url: None,
            durability: Durability::Process,
            readers: 1,
            slow_ms: 100,
            patience_ms: 2000,
        },
        limits: limits(),
        throttle: ThrottleConfig {
            login_failures: 10,
            login_window_secs: 300,
            creations: 5,
            creation_window_secs: 600,
            exempt_loopback: true,
        },
        password: PasswordConfig { memory_kib: 8, passes: 1, lanes: 1, hashers: 1, min_chars: 8, waiting: 1 },
        log: LogConfig { level: "info".into(), file_bytes: 1, files: 1 },
        server: ServerConfig {
            arbiters: 1,
            patience_ms: 5000,
            start_ms: 10_000,
            command_ms: 10_000,
            safe_after_deaths: 5,
        },
        backup: BackupConfig::default(),
        retention: RetentionConfig::default(),
    }
}
