//! What a run found, as a table and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use std::collections::BTreeMap;

use serde_json::Value;

use super::histogram::Histogram;
use super::process::{Both, Usage};
use super::{Flooded, Interruptions, Options, Profile, Scenario, Tally};

/// What a run found. Field names are those of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Which server was played.
    pub peer: String,
    /// The dummy players, if they played instead of a scenario.
    pub profile: Option<Profile>,
    /// What was typed.
    pub scenario: Scenario,
    /// How many bots.
    pub clients: u32,
    /// How long was measured, in seconds.
    pub seconds: u64,
    /// Lines sent and answered in that time.
    pub commands: u64,
    /// The same by second.
    pub commands_per_second: f64,
    /// Half of all answers came within, in microseconds.
    pub p50_us: f64,
    /// 99 % of all answers came within, in microseconds.
    pub p99_us: f64,
    /// The slowest answer, in microseconds.
    pub max_us: f64,
    /// Answers without the words they should have had: refusals. Any is a mistake of the set-up, and the figure is worth nothing.
    pub unexpected: u64,
    /// One of them.
    pub unexpected_example: Option<String>,
    /// Lines that the bots typed in all, before and after the measured time too.
    pub lines_typed: u64,
    /// Lines that the server has run meanwhile, by its own count. More if others play as well.
    pub lines_run: Option<u64>,
    /// Bytes that the bots were shown by line, those that others caused among them.
    pub bytes_per_line: f64,
    /// What the bystander waited, if there was one.
    pub bystander: Option<Waited>,
    /// What the flood came to, if there was one.
    pub flood: Option<Flooded>,
    /// What the players waited when the server was replaced or killed, if it was.
    pub interruptions: Option<Interruptions>,
    /// What the server stored meanwhile.
    pub flushes: Option<Flushes>,
    /// Handlers of the server by kind of actor, meanwhile.
    pub handlers: BTreeMap<String, Handlers>,
    /// The portal, if it was measured.
    pub portal: Option<Load>,
    /// The server, if it was measured.
    pub server: Option<Load>,
    /// CPU time of the generator itself by command, in microseconds.
    pub generator_cpu_us_per_command: f64,
}

/// How long answers took, in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waited {
    /// How many.
    pub count: u64,
    /// Half of them came within.
    pub p50_us: f64,
    /// 99 % of them came within.
    pub p99_us: f64,
    /// The slowest.
    pub max_us: f64,
}

impl Waited {
    pub(super) fn of(latency: &Histogram) -> Self {
        Self {
            count: latency.count(),
            p50_us: latency.quantile_us(0.5),
            p99_us: latency.quantile_us(0.99),
            max_us: latency.max_us(),
        }
    }
}

/// What the server stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flushes {
    /// Transactions.
    pub count: u64,
    /// Batches in them.
    pub batches: u64,
    /// Mean time of one, in microseconds.
    pub mean_us: f64,
    /// Time of the slowest since the server started, in microseconds.
    pub max_us: u64,
    /// Most batches in one since the server started.
    pub largest: u64,
}

/// How long handlers of one kind of actor held their threads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Handlers {
    /// How many ran.
    pub count: u64,
    /// Mean CPU time, in microseconds.
    pub mean_us: f64,
    /// Longest CPU time, in microseconds.
    pub max_us: f64,
    /// How many took more than 500 µs.
    pub over_500_us: u64,
    /// The most messages that waited for all actors of this kind at one time.
    pub most_mail_waiting: u64,
}

/// What one process used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Load {
    /// CPU time by command, in microseconds.
    pub cpu_us_per_command: f64,
    /// CPU time in percent of one core.
    pub cpu_percent: f64,
    /// Resident memory at the end, in KiB.
    pub memory_kib: u64,
    /// What each login added to it while all were idle, in KiB. Below 100 bots it is mostly noise.
    pub idle_kib_per_client: f64,
}

/// What was measured beside the bots' own counts.
pub(super) struct Measured {
    /// Before the first login, when all were in, when counting began, when it ended.
    pub(super) usage: [Both; 4],
    /// CPU time of the generator while it counted.
    pub(super) own: Duration,
    /// The server's figures before the first line and after the last.
    pub(super) figures: [Value; 2],
    /// What the bystander saw.
    pub(super) glances: Tally,
    /// What the flood came to.
    pub(super) flooded: Option<Flooded>,
    /// What the interruptions came to.
    pub(super) interruptions: Option<Interruptions>,
}

impl Report {
    pub(super) fn new(options: &Options, peer: &str, tally: Tally, measured: Measured) -> Self {
        let commands = tally.latency.count();
        let load = |of: fn(&Both) -> Option<Usage>| {
            let [Some(empty), Some(idle), Some(before), Some(after)] = measured.usage.each_ref().map(of) else {
                return None;
            };
            let cpu = after.cpu_since(&before);
            Some(Load {
                cpu_us_per_command: by_command(cpu, commands),
                cpu_percent: cpu.as_secs_f64() / options.seconds.max(1) as f64 * 100.0,
                memory_kib: after.memory_kib,
                idle_kib_per_client: (idle.memory_kib as f64 - empty.memory_kib as f64)
                    / f64::from(options.clients.max(1)),
            })
        };
        let [begun, ended] = &measured.figures;
        // A server that was started anew has counted from nothing.
        let same = begun["process"] == ended["process"];
        let grown = |part: &str, name: &str| {
            let begun = if same { begun[part][name].as_u64()? } else { return None };
            ended[part][name].as_u64()?.checked_sub(begun)
        };
        let glances = &measured.glances;
        Self {
            peer: peer.to_owned(),
            profile: options.profile,
            scenario: options.scenario,
            clients: options.clients,
            seconds: options.seconds,
            commands,
            commands_per_second: commands as f64 / options.seconds.max(1) as f64,
            p50_us: tally.latency.quantile_us(0.5),
            p99_us: tally.latency.quantile_us(0.99),
            max_us: tally.latency.max_us(),
            unexpected: tally.unexpected + glances.unexpected,
            unexpected_example: tally.example.or_else(|| glances.example.clone()),
            lines_typed: tally.lines + glances.lines,
            lines_run: grown("journal", "lines"),
            bytes_per_line: tally.bytes as f64 / tally.lines.max(1) as f64,
            bystander: (glances.lines > 0).then(|| Waited::of(&glances.latency)),
            flood: measured.flooded,
            interruptions: measured.interruptions,
            flushes: grown("journal", "flushes").map(|count| Flushes {
                count,
                batches: grown("journal", "stored_groups").unwrap_or(0),
                mean_us: grown("journal", "flush_total_us").unwrap_or(0) as f64 / count.max(1) as f64,
                max_us: ended["journal"]["flush_max_us"].as_u64().unwrap_or(0),
                largest: ended["journal"]["largest_flush"].as_u64().unwrap_or(0),
            }),
            handlers: handlers(if same { begun } else { &Value::Null }, ended),
            portal: load(|both| both.portal),
            server: load(|both| both.server),
            generator_cpu_us_per_command: by_command(measured.own, commands),
        }
    }
}

fn handlers(begun: &Value, ended: &Value) -> BTreeMap<String, Handlers> {
    let kinds = ended["handlers"].as_object().into_iter().flatten();
    let of = |(kind, now): (&String, &Value)| {
        let grown = |name: &str| now[name].as_u64()?.checked_sub(begun["handlers"][kind][name].as_u64().unwrap_or(0));
        let (count, total_us) = (grown("count")?, grown("total_us")?);
        let (max_us, over_500_us) = (now["max_us"].as_f64()?, grown("over_500_us")?);
        let mean_us = total_us as f64 / count.max(1) as f64;
        let most_mail_waiting = now["most_mail_waiting"].as_u64()?;
        let handlers = Handlers { count, mean_us, max_us, over_500_us, most_mail_waiting };
        (count > 0).then(|| (kind.clone(), handlers))
    };
    kinds.filter_map(of).collect()
}

fn by_command(cpu: Duration, commands: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / commands.max(1) as f64
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let played = self.profile.map_or_else(|| self.scenario.name().to_owned(), |profile| format!("{profile:?}"));
        writeln!(f, "{} {played}: {} clients, {} s", self.peer, self.clients, self.seconds)?;
        writeln!(f, "  commands    {:>10}  {:>10.0} /s", self.commands, self.commands_per_second)?;
        writeln!(
            f,
            "  latency ms  {:>10.3}  p50   {:.3}  p99   {:.3}  max",
            self.p50_us / 1000.0,
            self.p99_us / 1000.0,
            self.max_us / 1000.0
        )?;
        for (name, load) in [("portal", &self.portal), ("server", &self.server)] {
            if let Some(load) = load {
                writeln!(
                    f,
                    "  {name:10}  {:>10.1} µs CPU/command  {:>5.0} % of a core  {:>8} KiB  {:>6.1} KiB/idle client",
                    load.cpu_us_per_command, load.cpu_percent, load.memory_kib, load.idle_kib_per_client
                )?;
            }
        }
        writeln!(f, "  generator   {:>10.1} µs CPU/command", self.generator_cpu_us_per_command)?;
        if let Some(lines_run) = self.lines_run {
            writeln!(
                f,
                "  lines       {:>10}  typed in all, {lines_run} run by the server's count; {:.0} bytes shown by line",
                self.lines_typed, self.bytes_per_line
            )?;
        }
        if let Some(waited) = &self.bystander {
            let [p50, p99, max] = [waited.p50_us, waited.p99_us, waited.max_us].map(|us| us / 1000.0);
            writeln!(f, "  bystander   {p50:>10.3}  p50   {p99:.3}  p99   {max:.3}  max ms of {} looks", waited.count)?;
        }
        if let Some(flood) = &self.flood {
            let left = if flood.disconnected { ", disconnected" } else { "" };
            writeln!(f, "  flood       {:>10}  {:?} in {} ms{left}", flood.count, flood.flood, flood.took_ms)?;
        }
        if let Some(Interruptions { interruption, times, failed, waited, pauses_ms }) = &self.interruptions {
            let [p50, p99, max] = [waited.p50_us, waited.p99_us, waited.max_us].map(|us| us / 1000.0);
            let refused = if *failed > 0 { format!(", {failed} FAILED") } else { String::new() };
            writeln!(
                f,
                "  {:10}  {p50:>10.3}  p50   {p99:.3}  p99   {max:.3}  max ms of each bot's longest wait in {times}{refused}; pauses {pauses_ms:?} ms",
                format!("{interruption:?}").to_lowercase()
            )?;
        }
        if let Some(flushes) = self.flushes.as_ref().filter(|flushes| flushes.count > 0) {
            let (batches, mean) = (flushes.batches as f64 / flushes.count as f64, flushes.mean_us);
            writeln!(f, "  flushes     {:>10}  of {batches:.1} batches, {mean:.0} µs each", flushes.count)?;
        }
        for (kind, handlers) in &self.handlers {
            let Handlers { count, mean_us, max_us, over_500_us, most_mail_waiting } = handlers;
            let long = if *over_500_us > 0 { format!(", {over_500_us} over 500 µs") } else { String::new() };
            writeln!(
                f,
                "  {kind:10}  {count:>10}  handlers, {mean_us:.1} µs mean, {max_us:.0} µs max{long}; {most_mail_waiting} waited"
            )?;
        }
        if self.unexpected > 0 {
            let example = self.unexpected_example.as_deref().unwrap_or_default();
            writeln!(f, "  NOT VALID: {} answers were refusals, such as: {example}", self.unexpected)?;
        }
        Ok(())
    }
}
