//! `status`: how the world is, for people and for programs.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{Context, Exit, Failure, out};
use crate::launcher::{DataDirLock, status};

pub(super) fn run(context: &Context, as_json: bool) -> Result<ExitCode, Failure> {
    let data_dir = &context.config().data_dir;
    let (text, exit) = match context.block_on(status::ask(data_dir))? {
        Some(status) if as_json => (status.to_string(), 0),
        Some(status) => (describe(&status), 0),
        None if as_json => (stopped().to_string(), Exit::Failed as u8),
        None => match DataDirLock::holder(data_dir) {
            Some(pid) => (format!("starting or stopping (pid {pid})"), Exit::Failed as u8),
            None => ("not running".to_owned(), Exit::Failed as u8),
        },
    };
    out::line(text);
    Ok(ExitCode::from(exit))
}

fn stopped() -> Value {
    json!({"portal": {"state": "stopped"}, "server": {"state": "stopped"}, "players": 0})
}

fn describe(status: &Value) -> String {
    let mut lines = Vec::new();
    for process in ["portal", "server"] {
        let state = status[process]["state"].as_str().unwrap_or("unknown");
        let pid = status[process]["pid"].as_i64().map(|pid| format!("  (pid {pid})")).unwrap_or_default();
        lines.push(format!("{process:8} {state}{pid}"));
    }
    if let Some(next) = status["server"]["next_pid"].as_i64() {
        lines.push(format!("next     a reload prepares it  (pid {next})"));
    }
    if status["server"]["safe_mode"] == true {
        lines.push("safe mode: servers died too often; a reload that stays up ends it".to_owned());
    }
    for (name, address) in status["listeners"].as_object().into_iter().flatten() {
        lines.push(format!("{name:8} {}", address.as_str().unwrap_or("unknown")));
    }
    lines.push(format!("players  {}", status["players"].as_u64().unwrap_or(0)));
    match status["storage"]["state"].as_str() {
        Some("away") => lines.push(format!("storage  {}", outage(&status["storage"]))),
        Some(state) => lines.push(format!("storage  {state}")),
        None => {}
    }
    lines.extend(describe_backup(&status["backup"]));
    lines.push(format!("up       {}", duration(status["uptime_s"].as_f64().unwrap_or(0.0) as u64)));
    lines.join("\n")
}

/// Returns since when storage is away, and why: `away for 2 min 3 s: the disk is full (database or disk is full)`.
fn outage(storage: &Value) -> String {
    let text = |name: &str| storage[name].as_str().unwrap_or("unknown").to_owned();
    let since = duration(storage["away_s"].as_u64().unwrap_or(0));
    format!("away for {since}: {} ({})", text("trouble"), text("reason"))
}

/// Returns how the world's own backups are, if there is anything to say of them.
fn describe_backup(backup: &Value) -> Option<String> {
    match (backup["failed"].as_str(), backup["last"].as_str()) {
        (Some(why), _) => Some(format!("backup   failed: {why}")),
        (None, Some(file)) => Some(format!("backup   {file}")),
        (None, None) => None,
    }
}

/// Returns a duration with its two largest units: `3 d 4 h`, `5 min 2 s`.
fn duration(secs: u64) -> String {
    let units = [(secs / 86_400, "d"), (secs / 3_600 % 24, "h"), (secs / 60 % 60, "min"), (secs % 60, "s")];
    let first = units.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    units[first..].iter().take(2).map(|(n, unit)| format!("{n} {unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_in_lines() {
        let status = json!({
            "portal": {"pid": 7, "state": "running"}, "server": {"pid": 8, "state": "ready"},
            "listeners": {"telnet": "127.0.0.1:4000"}, "players": 3, "uptime_s": 3725,
        });
        let text = "portal   running  (pid 7)\nserver   ready  (pid 8)\ntelnet   127.0.0.1:4000\nplayers  3\nup       1 h 2 min";
        assert_eq!(describe(&status), text);
    }

    #[test]
    fn storage_that_is_away_is_told_with_its_reason() {
        let status = |storage: Value| describe(&json!({ "storage": storage, "uptime_s": 1 }));
        assert!(status(json!({ "state": "ready" })).contains("\nstorage  ready\n"));
        let away = json!({ "state": "away", "trouble": "the disk is full", "reason": "no room", "away_s": 61 });
        let line = "\nstorage  away for 1 min 1 s: the disk is full (no room)\n";
        assert!(status(away.clone()).contains(line), "{}", status(away));
    }

    #[test]
    fn a_backup_is_told_of_where_there_is_one_or_should_be() {
        let check = |backup, expected: Option<&str>| assert_eq!(describe_backup(&backup).as_deref(), expected);
        check(Value::Null, None);
        check(json!({"last": null, "failed": null}), None);
        check(json!({"last": "b/world-1.sqlite3", "failed": null}), Some("backup   b/world-1.sqlite3"));
        check(json!({"last": "b/world-1.sqlite3", "failed": "disk full"}), Some("backup   failed: disk full"));
    }

    #[test]
    fn a_duration_has_its_two_largest_units() {
        assert_eq!(duration(0), "0 s");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(60), "1 min 0 s");
        assert_eq!(duration(90_000), "1 d 1 h");
    }
}
