//! Typed settings, one struct per concern. A file is overridden by the environment, the environment by flags.
//!
//! Every key is optional. `everhall config` prints the effective value, its source and its doc line.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything a keeper can set.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the world lives: database, sockets, logs. Default `./data`.
    pub data_dir: PathBuf,
    /// The world itself.
    pub world: WorldConfig,
    /// Where it listens.
    pub listen: ListenConfig,
    /// Where it is stored.
    pub storage: StorageConfig,
    /// What one connection, one address and all together may use.
    pub limits: LimitsConfig,
    /// How often one address may fail.
    pub throttle: ThrottleConfig,
    /// Cost of hashing a password.
    pub password: PasswordConfig,
    /// What is logged, and how much of it is kept.
    pub log: LogConfig,
    /// Threads and patience.
    pub server: ServerConfig,
}

/// The world itself.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldConfig {
    /// Its name, shown to players. Default `Everhall`.
    pub name: String,
    /// File with the welcome screen, marked up; relative to the working directory. Default none: a built-in one.
    pub welcome_file: Option<PathBuf>,
    /// Shown after login; empty for none.
    pub message_of_the_day: String,
    /// Entity number of the room where new characters begin. Default 0: the first world's first room.
    pub start_room: u64,
    /// Who may create an account. Default `open`.
    pub registration: Registration,
    /// What `invite` asks for. Default empty: nobody can be invited.
    pub invite_code: String,
    /// How long a character stays in the world after its link is lost, in seconds. Default 300.
    pub link_lost_secs: u64,
    /// How long an empty room stays loaded, in seconds. Default 300.
    pub room_idle_secs: u64,
    /// Game seconds per real second. Default 4.0.
    pub time_factor: f64,
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Nobody.
    Closed,
    /// Who knows the invite code.
    Invite,
}

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenConfig {
    /// Default 127.0.0.1:4000; port 0 picks a free one.
    pub telnet: SocketAddr,
    /// Default 127.0.0.1:4001; port 0 picks a free one.
    pub http: SocketAddr,
}

/// Where it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageConfig {
    /// `postgres://…` or `sqlite:PATH`. Default none: `world.sqlite3` in the data directory.
    pub database_url: Option<String>,
    /// What survives what. Default `power`.
    pub durability: Durability,
    /// Connections for reading. Default 2.
    pub readers: usize,
    /// A query slower than this is logged, in milliseconds. Default 100.
    pub slow_ms: u64,
}

/// What survives what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on the disk before anybody sees it: survives the loss of power.
    Power,
    /// Survives the death of any process, not of the machine.
    Process,
}

/// What one connection, one address and all together may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Longest line, in bytes of UTF-8; longer ones are cut, with a notice. Default 4096.
    pub line_bytes: usize,
    /// Lines that may wait behind the one in flight; more are refused, with the count told once a second. Default 256.
    pub waiting_lines: usize,
    /// Bytes that may wait. Default 65536.
    pub waiting_bytes: usize,
    /// Bytes a connection may send per second, averaged over 4 s; above that it is read more slowly. Default 1048576.
    pub input_bytes_per_sec: usize,
    /// Output that waits for a slow reader, in bytes; above that it is disconnected. Default 1048576.
    pub output_bytes: usize,
    /// Connections in all. Default 4096.
    pub connections: usize,
    /// Connections by address; loopback is exempt. Default 32.
    pub connections_per_address: usize,
    /// How long a connection may stay without logging in, in seconds. Default 600.
    pub login_secs: u64,
    /// Longest telnet subnegotiation, in bytes; a longer one is discarded. Default 8192.
    pub subnegotiation_bytes: usize,
    /// How long a web session waits for its browser to come back, in seconds. Default 120.
    pub resume_secs: u64,
}

/// How often one address may fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// Failed logins by address within the window. Default 10.
    pub login_failures: u32,
    /// The window of failed logins, in seconds. Default 300.
    pub login_window_secs: u64,
    /// Accounts created by address within the window. Default 5.
    pub creations: u32,
    /// The window of creations, in seconds. Default 600.
    pub creation_window_secs: u64,
    /// Loopback is not throttled. Default true.
    pub exempt_loopback: bool,
}

/// Cost of hashing a password (argon2id, RFC 9106).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordConfig {
    /// Memory, in KiB. Default 19456.
    pub memory_kib: u32,
    /// Passes. Default 2.
    pub passes: u32,
    /// Lanes. Default 1.
    pub lanes: u32,
    /// Threads that hash. Default 0: one less than there are cores, at least one.
    pub hashers: usize,
    /// Shortest password accepted, in characters. Default 8.
    pub min_chars: usize,
    /// Hashes that may wait; more are refused with a request to try again. Default 256.
    pub waiting: usize,
}

/// What is logged, and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, or a filter such as `info,everhall::db=debug`. Default `info`.
    pub level: String,
    /// Size at which a log file is rotated, in bytes. Default 10485760.
    pub file_bytes: usize,
    /// Rotated files that are kept. Default 7.
    pub files: usize,
}

/// Threads and patience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Threads that run rooms, sessions and channels. Default 0: one less than there are cores, at least one.
    pub arbiters: usize,
    /// How long a silent server is waited for before it is killed, in milliseconds. Default 5000.
    pub patience_ms: u64,
}
