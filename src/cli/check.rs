//! `check`: what is wrong with the stored world, and mending it.

use std::process::ExitCode;

use serde_json::json;

use super::run::take_data_dir;
use super::{Context, Exit, Failure, out};
use crate::db::{self, Finding, Repaired, Report};
use crate::ids::EntityId;
use crate::world::first::START_ROOM;

pub(super) fn run(context: &Context, repair: bool, as_json: bool) -> Result<ExitCode, Failure> {
    let world = &context.config().world;
    let start_room = EntityId(world.start_room.max(START_ROOM.0));
    let is_clean = match repair {
        true => mend(context, start_room, as_json)?,
        false => {
            let report = db::check(&db::open_existing(context.config())?, start_room)?;
            show(&report, as_json);
            report.findings.is_empty()
        }
    };
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(Exit::Failed as u8) })
}

/// Mends what can be mended, after a backup. Returns whether nothing is left.
fn mend(context: &Context, start_room: EntityId, as_json: bool) -> Result<bool, Failure> {
    // Without a world this would make a data directory for none.
    db::open_existing(context.config())?;
    let _lock = take_data_dir(context)?;
    let database = db::open_existing(context.config())?;
    let _world = database.lock_world()?;
    let report = db::check(&database, start_room)?;
    if report.findings.iter().all(|finding| finding.repair.is_none()) {
        show(&report, as_json);
        return Ok(report.findings.is_empty());
    }
    let backup = database.back_up_before("repair", &context.config().backup_folder())?;
    let repaired = db::repair(&database, start_room)?;
    if as_json {
        let left = &repaired.left;
        out::line(json!({"backup": backup, "repaired": repaired.repaired, "count": repaired.count, "findings": left}));
    } else {
        out::line(format_args!("A backup is in {}.", backup.display()));
        tell_repaired(&repaired);
    }
    Ok(repaired.left.is_empty())
}

fn show(report: &Report, as_json: bool) {
    if as_json {
        return out::line(json!({"findings": report.findings, "is_cut": report.is_cut}));
    }
    report.findings.iter().for_each(tell);
    let count = report.findings.len();
    out::line(match (count, report.is_cut) {
        (0, _) => "Nothing is wrong.".to_owned(),
        (_, true) => format!("{count} things and more are wrong."),
        (1, _) => "One thing is wrong.".to_owned(),
        _ => format!("{count} things are wrong."),
    });
    if report.findings.iter().any(|finding| finding.repair.is_some()) {
        out::line("check --repair mends what it can, after a backup, while the world is stopped.");
    }
}

fn tell(finding: &Finding) {
    let Finding { of, problem, repair, .. } = finding;
    match repair {
        Some(repair) => out::line(format_args!("{of} {problem}. Repair: {repair}.")),
        None => out::line(format_args!("{of} {problem}. No repair is known.")),
    }
}

fn tell_repaired(repaired: &Repaired) {
    for Finding { of, problem, repair, .. } in &repaired.repaired {
        let repair = repair.as_deref().unwrap_or_default();
        out::line(format_args!("{of} {problem}. Done: {repair}."));
    }
    repaired.left.iter().for_each(tell);
    out::line(match (repaired.count, repaired.left.len()) {
        (1, 0) => "One thing was wrong, and is mended.".to_owned(),
        (count, 0) => format!("{count} things were wrong, and are mended."),
        (count, left) => format!("{count} things are mended, {left} are left to you."),
    });
}
