//! `bench`: a world to measure in, and bots that measure it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::args::Bench;
use super::{Context, Failure, out};
use crate::bench::{self, Grid, Processes};
use crate::db::{self, password, seed};
use crate::launcher::{DataDirLock, FIRST_PASSWORD};
use crate::world::first;

pub(super) fn run(context: &Context, command: Bench) -> Result<(), Failure> {
    match command {
        Bench::Prepare(size) => prepare(context, size),
        Bench::Run { options, json } => {
            let processes = match options.peer {
                None => Processes::of(&context.config().data_dir),
                Some(_) => Processes { portal: options.portal_pid, server: options.server_pid, data_dir: None },
            };
            let report = bench::run(&options, processes).map_err(Failure::new)?;
            if json {
                out::line(serde_json::to_string(&report).map_err(Failure::new)?);
            } else {
                out::line(report);
            }
            Ok(())
        }
    }
}

/// Builds the measured world in an empty database.
fn prepare(context: &Context, size: bench::Size) -> Result<(), Failure> {
    let config = context.config();
    let grid = Grid::new(size).map_err(Failure::new)?;
    let _lock = DataDirLock::take(&config.data_dir)?;
    let database = db::open(config)?;
    let _world = database.lock_world()?;
    if !seed::is_empty(&mut database.connect()?)? {
        return Err(Failure::new(format_args!("{} holds a world already", database.name())));
    }
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let hash = password::hash(&config.password, bench::PASSWORD)?;
    let admin_hash = match std::env::var(FIRST_PASSWORD) {
        Ok(given) if !given.is_empty() => password::hash(&config.password, &given)?,
        _ => hash.clone(),
    };
    let (admin, character) = grid.admin(admin_hash, now_ms);
    let mut accounts = grid.accounts(&hash, now_ms);
    accounts.push(admin);
    seed::seed(&database, grid.entities(character), accounts, first::channels(), Vec::new())?;
    out::line(format_args!(
        "{} rooms and {} accounts are made; start the world, then: bench run",
        size.rooms, size.accounts
    ));
    Ok(())
}
