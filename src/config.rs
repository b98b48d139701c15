//! Typed settings, one struct per concern. A file is overridden by the environment, the environment by flags.
//!
//! Every key is optional. `everhall config` prints the effective value, its source and its doc line.
//!
//! `settings!` below is the one table of all keys: a struct's field, its doc, its default and what it accepts stand
//! in one place, and reading, printing and the environment's names are derived from it. To add a setting, add a field.

use std::net::SocketAddr;
use std::path::PathBuf;

mod error;
mod key;
mod kind;
mod load;
mod show;

pub use error::{ConfigError, Source};
pub use key::Key;
pub use load::{DEFAULT_FILE, FLAGS, Layers, Loaded};

use key::{key, settings};
use kind::{Address, Choice, DatabaseUrl, FilePath, Flag, LogFilter, Maybe, Named, Number, Text, Whole};

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
    /// Backups that a running world takes by itself.
    pub backup: BackupConfig,
    /// How much of what was said and done is kept.
    pub retention: RetentionConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./data"),
            world: WorldConfig::default(),
            listen: ListenConfig::default(),
            storage: StorageConfig::default(),
            limits: LimitsConfig::default(),
            throttle: ThrottleConfig::default(),
            password: PasswordConfig::default(),
            log: LogConfig::default(),
            server: ServerConfig::default(),
            backup: BackupConfig::default(),
            retention: RetentionConfig::default(),
        }
    }
}

/// The one key outside every section.
static DATA_DIR: Key =
    key!("", "data_dir", [" Where the world lives: database, sockets, logs. Default `./data`."], FilePath, data_dir);

settings! {
    /// The world itself.
    #[derive(Debug, Clone, PartialEq)]
    pub struct WorldConfig in world {
        /// Its name, shown to players. Default `Everhall`.
        pub name: String = "Everhall".to_owned(), Text(1..=60);
        /// File with the welcome screen, marked up; relative to the working directory. Default none: a built-in one.
        pub welcome_file: Option<PathBuf> = None, Maybe(FilePath);
        /// Shown after login; empty for none.
        pub message_of_the_day: String = String::new(), Text(0..=4000);
        /// Entity number of the room where new characters begin. Default 0: the first world's first room.
        pub start_room: u64 = 0, Whole(0..=i64::MAX);
        /// Who may create an account: everybody, nobody, or who knows the invite code. Default `open`.
        pub registration: Registration = Registration::Open, Choice;
        /// What `invite` asks for. Default empty: nobody can be invited.
        pub invite_code: String = String::new(), Text(0..=80);
        /// How long a character stays in the world after its link is lost, in seconds. Default 300.
        pub link_lost_secs: u64 = 300, Whole(0..=604_800);
        /// How long an empty room stays loaded, in seconds. Default 300.
        pub room_idle_secs: u64 = 300, Whole(1..=604_800);
        /// How old the state of types that are declared lazy may be after a crash, in seconds. Default 60.
        pub lazy_secs: u64 = 60, Whole(1..=60);
        /// Game seconds per real second. Default 4.0.
        pub time_factor: f64 = 4.0, Number(0.0..=1_000_000.0);
    }

    /// Where it listens.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ListenConfig in listen {
        /// Where telnet listens. Default 127.0.0.1:4000; port 0 picks a free one.
        pub telnet: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 4000)), Address;
        /// Where the web client, the site and the API are served. Default 127.0.0.1:4001; port 0 picks a free one.
        pub http: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 4001)), Address;
    }

    /// Where it is stored.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StorageConfig in storage {
        /// The database: `postgres://…` or `sqlite:PATH`. Default none: `world.sqlite3` in the data directory.
        pub database_url: Option<String> = None, Maybe(DatabaseUrl);
        /// What a commit survives before anybody sees it: with `power` the loss of power, with `process` the death of any
        /// process but not of the machine. Default `power`.
        pub durability: Durability = Durability::Power, Choice;
        /// Connections for reading. Default 2.
        pub readers: usize = 2, Whole(1..=64);
        /// A query slower than this is logged, in milliseconds. Default 100.
        pub slow_ms: u64 = 100, Whole(1..=60_000);
        /// A commit that takes longer than this counts as storage away: what would change something is refused until it is
        /// done. In milliseconds. Default 2000.
        pub patience_ms: u64 = 2000, Whole(100..=600_000);
    }

    /// What one connection, one address and all together may use.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LimitsConfig in limits {
        /// Longest line, in bytes of UTF-8; longer ones are cut, with a notice. Default 4096.
        pub line_bytes: usize = 4096, Whole(80..=65_536);
        /// Lines that may wait behind the one in flight; more are refused, with the count told once a second. Default 256.
        pub waiting_lines: usize = 256, Whole(1..=65_536);
        /// Bytes that may wait. Default 65536.
        pub waiting_bytes: usize = 65_536, Whole(4_096..=16_777_216);
        /// Bytes a connection may send per second, averaged over 4 s; above that it is read more slowly. Default 1048576.
        pub input_bytes_per_sec: usize = 1_048_576, Whole(256..=1_073_741_824);
        /// Output that waits for a slow reader, in bytes; above that it is disconnected. Default 1048576.
        pub output_bytes: usize = 1_048_576, Whole(65_536..=1_073_741_824);
        /// Connections in all. Default 4096.
        pub connections: usize = 4096, Whole(1..=1_000_000);
        /// Connections by address; loopback is exempt. Default 32.
        pub connections_per_address: usize = 32, Whole(1..=1_000_000);
        /// How long a connection may stay without logging in, in seconds. Default 600.
        pub login_secs: u64 = 600, Whole(1..=86_400);
        /// Longest telnet subnegotiation, in bytes; a longer one is discarded. Default 8192.
        pub subnegotiation_bytes: usize = 8192, Whole(256..=1_048_576);
        /// How long a web session waits for its browser to come back, in seconds. Default 120.
        pub resume_secs: u64 = 120, Whole(0..=86_400);
    }

    /// How often one address may fail.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ThrottleConfig in throttle {
        /// Failed logins by address within the window. Default 10.
        pub login_failures: u32 = 10, Whole(1..=1_000_000);
        /// The window of failed logins, in seconds. Default 300.
        pub login_window_secs: u64 = 300, Whole(1..=86_400);
        /// Accounts created by address within the window. Default 5.
        pub creations: u32 = 5, Whole(1..=1_000_000);
        /// The window of creations, in seconds. Default 600.
        pub creation_window_secs: u64 = 600, Whole(1..=86_400);
        /// Loopback is not throttled. Default true.
        pub exempt_loopback: bool = true, Flag;
    }

    /// Cost of hashing a password (argon2id, RFC 9106).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PasswordConfig in password {
        /// Memory, in KiB. Default 19456.
        pub memory_kib: u32 = 19_456, Whole(8..=4_194_304);
        /// Passes. Default 2.
        pub passes: u32 = 2, Whole(1..=1_000);
        /// Lanes. Default 1.
        pub lanes: u32 = 1, Whole(1..=64);
        /// Threads that hash. Default 0: one less than there are cores, at least one.
        pub hashers: usize = 0, Whole(0..=256);
        /// Shortest password accepted, in characters. Default 8.
        pub min_chars: usize = 8, Whole(1..=128);
        /// Hashes that may wait; more are refused with a request to try again. Default 256.
        pub waiting: usize = 256, Whole(1..=65_536);
    }

    /// What is logged, and how much of it is kept.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LogConfig in log {
        /// `error`, `warn`, `info`, `debug`, or a filter such as `info,everhall::db=debug`. Default `info`.
        pub level: String = "info".to_owned(), LogFilter;
        /// Size at which a log file is rotated, in bytes. Default 10485760.
        pub file_bytes: usize = 10_485_760, Whole(65_536..=1_073_741_824);
        /// Rotated files that are kept. Default 7.
        pub files: usize = 7, Whole(1..=1_000);
    }

    /// Threads and patience.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ServerConfig in server {
        /// Threads that run rooms, sessions and channels. Default 0: one less than there are cores, at least one.
        pub arbiters: usize = 0, Whole(0..=256);
        /// How long a silent server is waited for before it is killed, in milliseconds. Default 5000.
        pub patience_ms: u64 = 5000, Whole(500..=600_000);
        /// How long a new server may take to prepare itself, and again to take over, in milliseconds; then it is killed, and a
        /// reload has failed. Default 30000.
        pub start_ms: u64 = 30_000, Whole(500..=600_000);
        /// How long a command may stay unanswered before that counts as a bug and the server is restarted, in milliseconds.
        /// Default 10000.
        pub command_ms: u64 = 10_000, Whole(500..=600_000);
        /// How many servers in a row may die within 3 s of being ready, before the next one runs in safe mode; 0: any number.
        /// Default 5.
        pub safe_after_deaths: u32 = 5, Whole(0..=1_000_000);
    }

    /// Backups that a running world takes by itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BackupConfig in backup {
        /// Time from one backup to the next, in seconds; 0 for none. Default 86400: one a day.
        pub every_secs: u64 = 86_400, Whole(0..=31_536_000);
        /// How many of them are kept; the oldest goes when a new one is there. Default 7.
        pub keep: usize = 7, Whole(1..=1_000);
        /// Where they go: a folder of this world's own. Default none: `backups` in the data directory.
        pub folder: Option<PathBuf> = None, Maybe(FilePath);
    }

    /// How much of what was said and done is kept. The oldest goes first.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RetentionConfig in retention {
        /// Messages kept of each channel; 0 keeps all. Default 10000.
        pub channel_messages: u64 = 10_000, Whole(0..=1_000_000_000);
        /// How long a channel's messages are kept, in days; 0 for as long as there are not too many. Default 0.
        pub channel_days: u64 = 0, Whole(0..=36_500);
        /// `tell`s that wait for one reader who is away; 0 for any number. Default 200.
        pub tells: u64 = 200, Whole(0..=1_000_000_000);
        /// How long a `tell` waits for its reader, in days; 0 for ever. Default 365.
        pub tell_days: u64 = 365, Whole(0..=36_500);
        /// Changes kept of all that builders and keepers have made by hand; 0 keeps all. Default 100000.
        pub changes: u64 = 100_000, Whole(0..=1_000_000_000);
        /// How long such a change is kept, in days; 0 for as long as there are not too many. Default 0.
        pub change_days: u64 = 0, Whole(0..=36_500);
        /// How often old rows are looked for, in seconds. Default 3600.
        pub sweep_secs: u64 = 3600, Whole(1..=86_400);
    }
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

/// What survives what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on the disk before anybody sees it: survives the loss of power.
    Power,
    /// Survives the death of any process, not of the machine.
    Process,
}

impl Named for Registration {
    const NAMES: &'static [(&'static str, Self)] =
        &[("open", Self::Open), ("closed", Self::Closed), ("invite", Self::Invite)];
}

impl Named for Durability {
    const NAMES: &'static [(&'static str, Self)] = &[("power", Self::Power), ("process", Self::Process)];
}

impl Config {
    /// Returns the folder of the backups that a running world takes by itself.
    pub fn backup_folder(&self) -> PathBuf {
        self.backup.folder.clone().unwrap_or_else(|| self.data_dir.join("backups"))
    }
}

/// Returns every key in the order of the structs.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    std::iter::once(&DATA_DIR).chain(SECTION_KEYS)
}
