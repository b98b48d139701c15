//! The command line: what each subcommand does, its exit code, its one line when it fails.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use crate::app::App;
use crate::config::{Config, Layers, Loaded};
use crate::launcher::{DataDirLock, prepare};
use crate::torture::has_demo;

mod admin;
mod args;
mod backup;
mod bench;
mod check;
mod failure;
mod logs;
mod new;
pub(crate) mod out;
mod password;
mod run;
mod status;
mod torture;

pub use failure::{Exit, Failure};

use args::{Cli, Command, Globals};

/// What every subcommand knows.
struct Context {
    globals: Globals,
    loaded: Loaded,
}

impl Context {
    fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Runs a future to its end on this thread.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(runtime.map_err(Failure::new)?.block_on(future))
    }
}

/// Does what the command line says.
pub(crate) fn run(app: App) -> ExitCode {
    let command = match parse(std::env::args_os()) {
        Ok(command) => command,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            out::write(error.render());
            return ExitCode::SUCCESS;
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            complain(error.render().to_string().trim_end());
            return ExitCode::from(Exit::Usage as u8);
        }
        Err(error) => return fail(&error.into()),
    };
    dispatch(app, command).unwrap_or_else(|failure| fail(&failure))
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let program = program();
    let command = Cli::command().display_name(program.clone()).bin_name(program);
    Cli::from_arg_matches(&command.try_get_matches_from(args)?)
}

fn dispatch(app: App, cli: Cli) -> Result<ExitCode, Failure> {
    if matches!(cli.command, Some(Command::Version)) {
        out::line(format_args!("{} {}", program(), env!("CARGO_PKG_VERSION")));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(Command::New(args)) = &cli.command {
        return new::run(args).map(|()| ExitCode::SUCCESS);
    }
    let context = Context { loaded: load(&app.name, &cli.globals)?, globals: cli.globals };
    let command = cli.command.unwrap_or(Command::Run(cli.run));
    if !matches!(command, Command::Portal(_) | Command::Server(_)) {
        warn(&context.loaded);
    }
    match command {
        Command::Run(args) => run::run(&context, args, app.chosen(args.world)),
        Command::Start(args) => run::start(&context, args, app.chosen(args.world)),
        Command::Stop => run::stop(&context),
        Command::Reload => run::reload(&context),
        Command::Status { json } => status::run(&context, json),
        Command::Logs { follow } => logs::run(&context, follow).map(|()| ExitCode::SUCCESS),
        Command::Migrate => migrate(&context),
        Command::Backup { file, force } => backup::back_up(&context, &file, force).map(|()| ExitCode::SUCCESS),
        Command::Restore { file } => backup::restore(&context, &file).map(|()| ExitCode::SUCCESS),
        Command::Check { repair, json } => check::run(&context, repair, json),
        Command::Config => {
            out::write(context.loaded.to_toml());
            Ok(ExitCode::SUCCESS)
        }
        Command::Admin(command) => admin::run(&context, command).map(|()| ExitCode::SUCCESS),
        Command::Bench(command) => bench::run(&context, command).map(|()| ExitCode::SUCCESS),
        Command::Torture(args) => torture::run(&context, args, has_demo(&app.registry)).map(|()| ExitCode::SUCCESS),
        // Done above: they need no settings.
        Command::Version | Command::New(_) => Ok(ExitCode::SUCCESS),
        Command::Portal(args) => run::portal(&context, args),
        Command::Server(args) => run::server(&context, args, app.registry),
    }
}

fn load(world_name: &str, globals: &Globals) -> Result<Loaded, Failure> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let loaded = Loaded::load(Layers {
        world_name: Some(world_name.to_owned()),
        file: globals.config.clone(),
        env: std::env::vars_os().filter_map(text).collect(),
        flags: globals.flags(),
    })?;
    Ok(loaded)
}

/// Says what looks mistyped, once: the children of a world have the same settings.
fn warn(loaded: &Loaded) {
    for note in &loaded.notes {
        complain(&format!("{}: warning: {note}", program()));
    }
}

fn migrate(context: &Context) -> Result<ExitCode, Failure> {
    let _lock = DataDirLock::take(&context.config().data_dir)?;
    let ran = prepare::migrate(context.config())?;
    for name in &ran {
        out::line(format_args!("ran {name}"));
    }
    out::line("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

/// Returns the name this program was called by: a game's binary has its own.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&called).file_stem().map(|name| name.to_string_lossy().into_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "everhall".to_owned())
}

fn fail(failure: &Failure) -> ExitCode {
    if !failure.message.is_empty() {
        complain(&format!("{}: {}", program(), one_line(&failure.message)));
    }
    ExitCode::from(failure.exit as u8)
}

/// Joins the lines of a message, such as a database may send, and leaves out the numbers of system errors.
fn one_line(message: &str) -> String {
    let line = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let mut parts = line.split(" (os error ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| {
        plain += part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').trim_start_matches(')')
    });
    plain
}

/// Prints a line to stderr.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds that a command line is refused with exit code 2 and this line.
    #[track_caller]
    fn refused(line: &str, expected: &str) {
        let args = std::iter::once("everhall").chain(line.split_whitespace()).map(OsString::from);
        let failure = match parse(args) {
            Err(error) => Failure::from(error),
            Ok(cli) => load("Everhall", &cli.globals).unwrap_err(),
        };
        assert_eq!((failure.exit, failure.message.as_str()), (Exit::Usage, expected));
    }

    #[test]
    fn a_message_is_one_line_without_error_numbers() {
        let check = |message, expected: &str| assert_eq!(one_line(message), expected);
        check("cannot listen: in use (os error 98); choose", "cannot listen: in use; choose");
        check("denied (os error 13)", "denied");
        check("FATAL: no\n  DETAIL: none\n", "FATAL: no; DETAIL: none");
    }

    #[test]
    fn a_wrong_command_line_is_one_line_with_exit_code_2() {
        refused(
            "--telnett x",
            "unexpected argument '--telnett' found; a similar argument exists: '--telnet' (see --help)",
        );
        refused("reloda", "unrecognized subcommand 'reloda'; a similar subcommand exists: 'reload' (see --help)");
        refused("admin create", "the following required arguments were not provided: <NAME> (see --help)");
        refused(
            "run --world big",
            "invalid value 'big' for '--world <WORLD>' [possible values: demo, empty] (see --help)",
        );
        refused(
            "status --telnet 4000",
            "flag --telnet: `listen.telnet` is \"4000\", expected an address and port such as 127.0.0.1:4000 or [::]:4000",
        );
        refused("config --config /nowhere/x.toml", "settings file /nowhere/x.toml does not exist");
    }
}
