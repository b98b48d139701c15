//! `torture`: a world of its own, tortured, and what was found.

use std::path::PathBuf;
use std::time::Duration;

use super::args::TortureArgs;
use super::{Context, Exit, Failure, out};
use crate::torture::{Deeds, Size, Torture};

/// Accounts that come and go, for each ten bankers.
const VISITORS_PER_TEN: usize = 1;

/// Rooms with coins: as many as there are bankers to fill them, up to this.
const VAULTS_MOST: usize = 20;

/// Coins for each banker.
const COINS_EACH: usize = 4;

pub(super) fn run(context: &Context, args: TortureArgs, demo: bool) -> Result<(), Failure> {
    let size = Size {
        typists: args.typists,
        bankers: args.players,
        visitors: (args.players * VISITORS_PER_TEN).div_ceil(10),
        coins: args.players * COINS_EACH,
        vaults: (args.players / 2).clamp(3, VAULTS_MOST),
        demo,
    };
    let torture = Torture {
        exe: std::env::current_exe().map_err(Failure::new)?,
        data_dir: context.globals.data_dir.as_ref().map(PathBuf::from),
        database_url: args.database_url,
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000)),
        size,
        deeds: Deeds::For(Duration::from_secs_f64(args.minutes * 60.0)),
    };
    let report = torture.run().map_err(Failure::new)?;
    if args.json {
        out::line(serde_json::to_string(&report).map_err(Failure::new)?);
    } else {
        out::write(&report);
    }
    // What was wrong is in the report.
    if report.is_clean() { Ok(()) } else { Err(Failure { exit: Exit::Failed, message: String::new() }) }
}
