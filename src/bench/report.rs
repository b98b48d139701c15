//! What a run found, as a table and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::process::{Both, Usage};
use super::{Options, Scenario, Tally};

/// What a run found. Field names are those of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
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
    /// The portal, if it was measured.
    pub portal: Option<Load>,
    /// The server, if it was measured.
    pub server: Option<Load>,
    /// CPU time of the generator itself by command, in microseconds.
    pub generator_cpu_us_per_command: f64,
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

/// The moments at which processes were measured.
pub(super) struct Measured {
    /// Before the first login.
    pub(super) empty: Both,
    /// When all were in.
    pub(super) idle: Both,
    /// When counting began.
    pub(super) before: Both,
    /// When it ended.
    pub(super) after: Both,
    /// What the generator used between the last two.
    pub(super) own: Duration,
}

impl Report {
    pub(super) fn new(options: &Options, tally: Tally, measured: &Measured) -> Self {
        let commands = tally.latency.count();
        let load = |of: fn(&Both) -> Option<Usage>| {
            let moments = [&measured.empty, &measured.idle, &measured.before, &measured.after].map(of);
            let [Some(empty), Some(idle), Some(before), Some(after)] = moments else { return None };
            let cpu = after.cpu_since(&before);
            Some(Load {
                cpu_us_per_command: by_command(cpu, commands),
                cpu_percent: cpu.as_secs_f64() / options.seconds.max(1) as f64 * 100.0,
                memory_kib: after.memory_kib,
                idle_kib_per_client: (idle.memory_kib as f64 - empty.memory_kib as f64)
                    / f64::from(options.clients.max(1)),
            })
        };
        Self {
            scenario: options.scenario,
            clients: options.clients,
            seconds: options.seconds,
            commands,
            commands_per_second: commands as f64 / options.seconds.max(1) as f64,
            p50_us: tally.latency.quantile_us(0.5),
            p99_us: tally.latency.quantile_us(0.99),
            max_us: tally.latency.max_us(),
            unexpected: tally.unexpected,
            unexpected_example: tally.example,
            portal: load(|both| both.portal),
            server: load(|both| both.server),
            generator_cpu_us_per_command: by_command(measured.own, commands),
        }
    }
}

fn by_command(cpu: Duration, commands: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / commands.max(1) as f64
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} clients, {} s", self.scenario.name(), self.clients, self.seconds)?;
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
        if self.unexpected > 0 {
            let example = self.unexpected_example.as_deref().unwrap_or_default();
            writeln!(f, "  NOT VALID: {} answers were refusals, such as: {example}", self.unexpected)?;
        }
        Ok(())
    }
}
