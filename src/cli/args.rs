//! What may stand on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::new::NewArgs;
use crate::bench;
use crate::flamegraph::Sampled;
use crate::launcher::FirstWorld;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed, or the world is not running, or `check` has found something
  2  wrong usage or settings
  3  cannot listen: a port is in use
  4  the data directory or the database is in use by another running world
  5  the data directory cannot be written
  6  the database, or the backup, is from a newer version or is none
  7  the database cannot be used now: it cannot be reached, the disk is full, another process has locked it

Settings come from flags, then from the environment (EVERHALL_WORLD_NAME …), then from the settings file;
`config` shows them all.";

/// A persistent world told in text.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, infer_subcommands = false)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) globals: Globals,
    #[command(flatten)]
    pub(super) run: RunArgs,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Options of every subcommand.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Globals {
    /// Where the world lives: database, sockets, logs [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<String>,
    /// The settings file; every key in it is optional [default: everhall.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where telnet listens; port 0 picks a free one [default: 127.0.0.1:4000]
    #[arg(long, global = true, value_name = "ADDR")]
    pub(super) telnet: Option<String>,
    /// Where the web listens; port 0 picks a free one [default: 127.0.0.1:4001]
    #[arg(long, global = true, value_name = "ADDR")]
    pub(super) http: Option<String>,
    /// Started by `start`: nobody reads what is printed.
    #[arg(long, global = true, hide = true)]
    pub(super) detached: bool,
}

/// Options of `run` and `start`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct RunArgs {
    /// What is built where there is no world yet: demo or empty
    #[arg(long, value_enum, default_value_t, value_name = "WORLD", hide_possible_values = true)]
    pub(super) world: FirstWorld,
    /// Sample the portal or the server, and draw a flame graph in the data directory at stop
    #[arg(long, value_enum, value_name = "PROCESS")]
    pub(super) flamegraph: Option<Sampled>,
}

/// Options of the two processes of a world.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct ChildArgs {
    #[arg(long, value_enum)]
    pub(super) flamegraph: Option<Sampled>,
}

impl ChildArgs {
    /// Returns them as arguments.
    pub(super) fn args(self) -> Option<OsString> {
        self.flamegraph.map(|process| format!("--flamegraph={}", process.name()).into())
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the world in the foreground (also the default)
    Run(RunArgs),
    /// Run the world in the background
    Start(RunArgs),
    /// Stop the running world
    Stop,
    /// Let a new server take over the running world; players stay connected
    Reload,
    /// Say how the world is
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the end of the logs
    Logs {
        /// Go on showing what is added
        #[arg(short, long)]
        follow: bool,
    },
    /// Make a game of one's own: a folder to build and change
    New(NewArgs),
    /// Bring the database up to date without starting the world
    Migrate,
    /// Copy the world, as it is at one moment, to a file; it may run meanwhile
    Backup {
        /// Where to
        file: PathBuf,
        /// Replace what is there
        #[arg(long)]
        force: bool,
    },
    /// Put the world of a backup in the place of this one, which is kept aside; it must not run
    Restore {
        /// A file that `backup` has written
        file: PathBuf,
    },
    /// Look for what is wrong with the stored world, and say how it can be mended; it may run meanwhile
    Check {
        /// Take a backup, then mend it; the world must not run
        #[arg(long)]
        repair: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show every setting, with its source and its documentation, as a settings file
    Config,
    /// Accounts and commands for keepers
    #[command(subcommand)]
    Admin(Admin),
    /// Measure a world: make one to measure in, and let bots play in it
    #[command(subcommand)]
    Bench(Bench),
    /// Try what is promised: players in a world of its own, whose server is killed, stopped and reloaded at random
    Torture(TortureArgs),
    /// Say which version this is
    Version,
    /// Hold the sockets; started by `run`
    #[command(hide = true)]
    Portal(ChildArgs),
    /// Run the world; started by the portal
    #[command(hide = true)]
    Server(ChildArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Create an account with the permission Admin; its password is asked, or read from EVERHALL_PASSWORD or stdin
    Create {
        /// Its name
        name: String,
    },
    /// Set the password of an account; it is asked, or read from EVERHALL_PASSWORD or stdin
    Password {
        /// Its name
        name: String,
    },
    /// Run a command in the running world with all permissions
    Run {
        /// As a keeper would type it
        command: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Bench {
    /// Build a grid of rooms with bots in an empty database
    Prepare(bench::Size),
    /// Let bots play in the running world, and print what was measured
    Run {
        #[command(flatten)]
        options: bench::Options,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Options of `torture`. `--data-dir` names an empty folder; without it one is made, and removed if nothing is wrong.
#[derive(Debug, Clone, Args)]
pub(super) struct TortureArgs {
    /// How long, in minutes
    #[arg(long, default_value_t = 1.0)]
    pub(super) minutes: f64,
    /// Players who move coins, walk and follow; each ten bring one who comes and goes
    #[arg(long, default_value_t = 50)]
    pub(super) players: usize,
    /// Players who type numbered lines, ten a second
    #[arg(long, default_value_t = 20)]
    pub(super) typists: usize,
    /// Store the world in this empty database instead of a file: postgres://…
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// Roll the same dice as a run before [default: others each time]
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Globals {
    /// Returns the settings that were given as flags, with their values.
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        let values = [("--data-dir", &self.data_dir), ("--telnet", &self.telnet), ("--http", &self.http)];
        values.into_iter().filter_map(|(flag, value)| Some((flag, value.clone()?))).collect()
    }

    /// Returns the arguments with which a child runs `subcommand` under the same options.
    pub(super) fn child_args(&self, subcommand: &str) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![subcommand.into()];
        for (flag, value) in self.flags() {
            args.push(format!("{flag}={value}").into());
        }
        if let Some(config) = &self.config {
            args.extend(["--config".into(), config.into()]);
        }
        if self.detached {
            args.push("--detached".into());
        }
        args
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_child_gets_the_same_options() {
        let line = ["everhall", "run", "--data-dir", "d", "--telnet=127.0.0.1:0", "--config", "-x.toml", "--detached"];
        let Err(error) = Cli::try_parse_from(line) else { panic!("a file cannot begin with a dash") };
        assert_eq!(error.exit_code(), 2);
        let line = ["everhall", "run", "--data-dir", "d", "--telnet=127.0.0.1:0", "--config=x.toml", "--detached"];
        let globals = Cli::try_parse_from(line).unwrap().globals;
        let args = globals.child_args("portal");
        assert_eq!(args, ["portal", "--data-dir=d", "--telnet=127.0.0.1:0", "--config", "x.toml", "--detached"]);
        let again = Cli::try_parse_from(std::iter::once(OsString::from("everhall")).chain(args)).unwrap();
        assert!(matches!(again.command, Some(Command::Portal(_))));
        assert_eq!(again.globals.flags(), globals.flags());
        assert_eq!(again.globals.config, globals.config);
    }

    #[test]
    fn every_flag_that_is_a_setting_is_one_of_the_settings() {
        let all = Globals {
            data_dir: Some(String::new()),
            telnet: Some(String::new()),
            http: Some(String::new()),
            ..Globals::default()
        };
        let flags: Vec<_> = all.flags().into_iter().map(|(flag, _)| flag).collect();
        assert_eq!(flags, crate::config::FLAGS.map(|(flag, _)| flag));
    }
}
