//! All that must be true before the portal is started: free ports, a database that fits, a world in it.

use std::net::{SocketAddr, TcpListener};

use super::{DataDirLock, LaunchError, Progress};
use crate::config::{Config, ListenConfig};
use crate::db::{self, WorldLock, seed};
use crate::first_run;
use crate::portal::start_number;
use crate::world::first::Plan;

/// What is built into a database that has no world yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FirstWorld {
    /// The game's own, or a small world to walk about in.
    #[default]
    Demo,
    /// One room.
    Empty,
}

/// What was prepared. Holds the database for this world as long as it lives.
pub struct Prepared {
    /// True if the world was built just now.
    pub first_run: bool,
    _world: WorldLock,
}

/// Prepares a start; `first` is the world that is built if there is none. Blocks; called before there is a runtime, with
/// the data directory locked.
///
/// # Errors
///
/// A port is taken, or the database is in use or unfit.
pub fn prepare(
    config: &Config,
    first: fn() -> Plan,
    progress: &mut Progress,
    _lock: &DataDirLock,
) -> Result<Prepared, LaunchError> {
    // Ports first: a start that fails for them shall not have made a world and shown its password.
    check_ports(&config.listen)?;
    prepare_database(config, first, progress)
}

/// Opens the database, brings its schema up to date and, if it holds no world, builds the first one.
fn prepare_database(config: &Config, first: fn() -> Plan, progress: &mut Progress) -> Result<Prepared, LaunchError> {
    let database = db::open(config)?;
    let world = database.lock_world()?;
    let mut connection = database.connect()?;
    let first_run = seed::is_empty(&mut connection)?;
    if first_run {
        first_run::build(config, &database, first, progress)?;
    }
    // Whatever put the database there, a backup or a hand: its sessions' numbers are used.
    if let Some(last) = db::last_session(&mut connection)? {
        let unwritable = |error| LaunchError::Unwritable { dir: config.data_dir.clone(), error };
        start_number::rise_above(&config.data_dir, last).map_err(unwritable)?;
    }
    Ok(Prepared { first_run, _world: world })
}

/// Brings the schema up to date and does no more. Returns the names of the migrations that ran.
///
/// # Errors
///
/// The database is in use or unfit.
pub fn migrate(config: &Config) -> Result<Vec<String>, LaunchError> {
    let database = db::open(config)?;
    let _world = database.lock_world()?;
    Ok(database.migrated().to_vec())
}

/// Holds that each port can be had, so that the error is told before anything is started.
fn check_ports(listen: &ListenConfig) -> Result<(), LaunchError> {
    check_port(listen.telnet, "--telnet")?;
    check_port(listen.http, "--http")
}

fn check_port(address: SocketAddr, flag: &'static str) -> Result<(), LaunchError> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(LaunchError::Listen { address, flag, error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let http = taken.local_addr().unwrap();
        let telnet = SocketAddr::from(([127, 0, 0, 1], 0));
        let error = check_ports(&ListenConfig { telnet, http }).unwrap_err().to_string();
        let expected = format!("cannot listen on {http}: Address already in use");
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.ends_with("; choose another address with --http ADDR"), "{error}");
    }
}
