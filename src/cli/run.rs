//! `run`, `start`, `stop`, `reload` and the two children: the life of a world.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

use super::args::{ChildArgs, RunArgs};
use super::{Context, Failure, out};
use crate::actors::server;
use crate::app::Registry;
use crate::flamegraph::{self, Sampled};
use crate::launcher::{
    DataDirLock, FIRST_PASSWORD, Launch, LaunchError, Progress, control, prepare, status, stop_signals, supervise,
    wait_for_orphan, watch_parent,
};
use crate::logging::{self, LIFE, Logs, Process, logs_dir};
use crate::portal::PortalArgs;
use crate::portal::server_process::forget;
use crate::world::first::Plan;

/// How long `start` waits for the world to be ready.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// How long `stop` waits for the world to be gone; more than the launcher waits for its portal.
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// How much longer `reload` waits than a new server may take to prepare itself and to take over: the old one has to finish
/// in between, and the portal shall be able to say what went wrong.
const RELOAD_PATIENCE: Duration = Duration::from_secs(15);

/// Runs the world until it is stopped.
pub(super) fn run(context: &Context, args: RunArgs, first: fn() -> Plan) -> Result<ExitCode, Failure> {
    let detached = context.globals.detached;
    if detached {
        // A session of its own: the end of the terminal is not the end of the world.
        let _ = rustix::process::setsid();
    }
    let config = context.config();
    let program = std::env::current_exe().map_err(LaunchError::Portal)?;
    let lock = take_data_dir(context)?;
    let _logs = log(context, Process::Launcher)?;
    let mut progress = if detached { Progress::detached() } else { Progress::to_terminal() };
    let _prepared = prepare(config, first, &mut progress, &lock)?;

    let child_args = |before: Option<&Value>| child_args(context, args, before);
    let ready = |status: &Value| {
        info!("the world is up");
        if !detached {
            out::write(status::welcome(status, "Ctrl-C"));
        }
    };
    let launch = Launch { program: &program, args: &child_args, data_dir: &config.data_dir, ready: &ready };
    let code = context.block_on(async { supervise(launch, stop_signals().map_err(LaunchError::Portal)?).await })??;
    if code == 0 {
        info!(target: LIFE, "the world has stopped");
    }
    Ok(ExitCode::from(code))
}

/// Locks the data directory, and waits for what a killed launcher left behind in it.
pub(super) fn take_data_dir(context: &Context) -> Result<DataDirLock, Failure> {
    let data_dir = &context.config().data_dir;
    let lock = DataDirLock::take(data_dir)?;
    context.block_on(wait_for_orphan(data_dir))??;
    // Of a world that could not clean up: a start runs what lies at our own path.
    forget(data_dir).map_err(|error| LaunchError::Unwritable { dir: data_dir.clone(), error })?;
    Ok(lock)
}

fn log(context: &Context, process: Process) -> Result<Logs, Failure> {
    let dir = logs_dir(&context.config().data_dir);
    logging::init(process, context.config(), !context.globals.detached)
        .map_err(|error| LaunchError::Unwritable { dir, error }.into())
}

/// Returns the portal's arguments; one that follows another takes over its ports.
fn child_args(context: &Context, args: RunArgs, before: Option<&Value>) -> Vec<OsString> {
    let mut globals = context.globals.clone();
    if let Some(status) = before {
        let address = |name| status::listener(status, name).map(|address| address.to_string());
        globals.telnet = address("telnet").or(globals.telnet);
        globals.http = address("http").or(globals.http);
    }
    let mut all = globals.child_args("portal");
    all.extend(ChildArgs { flamegraph: args.flamegraph }.args());
    all
}

/// Prepares the world in the foreground, where its first password can be shown, then runs it in the background.
pub(super) fn start(context: &Context, args: RunArgs, first: fn() -> Plan) -> Result<ExitCode, Failure> {
    let data_dir = &context.config().data_dir;
    let lock = take_data_dir(context)?;
    let prepared = prepare(context.config(), first, &mut Progress::to_terminal(), &lock)?;
    // The world in the background takes both again.
    drop((prepared, lock));

    let unwritable = |error| LaunchError::Unwritable { dir: logs_dir(data_dir), error };
    let (printed, before) = open_printed(data_dir).map_err(unwritable)?;
    let mut globals = context.globals.clone();
    globals.detached = true;
    context.block_on(async {
        let mut world = Command::new(std::env::current_exe().map_err(LaunchError::Portal)?)
            .args(globals.child_args("run"))
            .args(ChildArgs { flamegraph: args.flamegraph }.args())
            .env_remove(FIRST_PASSWORD)
            .stdin(Stdio::null())
            .stdout(printed.try_clone().map_err(unwritable)?)
            .stderr(printed.try_clone().map_err(unwritable)?)
            .spawn()
            .map_err(LaunchError::Portal)?;
        wait_for_start(data_dir, &mut world, &mut &printed, before).await
    })?
}

async fn wait_for_start(
    data_dir: &Path,
    world: &mut Child,
    printed: &mut &File,
    before: u64,
) -> Result<ExitCode, Failure> {
    tokio::select! {
        status = timeout(START_PATIENCE, status::until_ready(data_dir)) => match status {
            Ok(status) => {
                out::write(status::welcome(&status, &format!("{} stop", super::program())));
                Ok(ExitCode::SUCCESS)
            }
            Err(_) => Err(Failure::new(format_args!(
                "the world is not ready after {} s; it goes on starting, see {} logs",
                START_PATIENCE.as_secs(),
                super::program(),
            ))),
        },
        ended = world.wait() => {
            // It has said why, in a line that is already complete.
            let mut text = String::new();
            let _ = printed.seek(SeekFrom::Start(before)).and_then(|_| printed.read_to_string(&mut text));
            super::complain(text.trim_end());
            let code = ended.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
            Ok(ExitCode::from(code.filter(|code| *code != 0).unwrap_or(1)))
        }
    }
}

/// Opens what takes the standard output of a world in the background. Its logs have files of their own, so that
/// little comes here; it begins anew with each start. Returns where the new part begins.
fn open_printed(data_dir: &Path) -> std::io::Result<(File, u64)> {
    std::fs::create_dir_all(logs_dir(data_dir))?;
    let path = logs_dir(data_dir).join("printed.log");
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    file.set_len(0)?;
    Ok((file, 0))
}

/// Stops the running world and waits until it is gone.
pub(super) fn stop(context: &Context) -> Result<ExitCode, Failure> {
    let data_dir = &context.config().data_dir;
    let Some(pid) = DataDirLock::holder(data_dir) else {
        return Err(control::ControlError::NotRunning(data_dir.display().to_string()).into());
    };
    context.block_on(async {
        let asked = control::request(data_dir, json!({"op": "stop"}), STOP_PATIENCE).await;
        // A world that is only starting has no control socket yet, and a broken one may not answer.
        if asked.is_err()
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let started = Instant::now();
        while DataDirLock::holder(data_dir).is_some() {
            if started.elapsed() > STOP_PATIENCE {
                return Err(Failure::new(format_args!("the world (pid {pid}) has not stopped")));
            }
            sleep(Duration::from_millis(20)).await;
        }
        out::line("The world has stopped.");
        Ok(ExitCode::SUCCESS)
    })?
}

/// Has a new server take over and says how long the players waited.
pub(super) fn reload(context: &Context) -> Result<ExitCode, Failure> {
    let config = context.config();
    let patience = 2 * Duration::from_millis(config.server.start_ms) + RELOAD_PATIENCE;
    let request = control::request(&config.data_dir, json!({"op": "reload"}), patience);
    let answer = context.block_on(request)??;
    out::line(match answer["pause_ms"].as_u64() {
        Some(pause) => format!("The server is new. The pause was {pause} ms."),
        None => "The server is new.".to_owned(),
    });
    Ok(ExitCode::SUCCESS)
}

/// The portal's process.
pub(super) fn portal(context: &Context, args: ChildArgs) -> Result<ExitCode, Failure> {
    watch_parent();
    let _logs = log(context, Process::Portal)?;
    small_pages();
    let executable = std::env::current_exe().map_err(LaunchError::Portal)?;
    let mut server_args = context.globals.child_args("server");
    server_args.extend(args.args());
    sample(context, Sampled::Portal, args)?;
    let portal = PortalArgs { executable, server_args };
    let result = actix::System::new().block_on(crate::portal::run(context.config().clone(), portal));
    flamegraph::finish();
    result?;
    Ok(ExitCode::SUCCESS)
}

/// The server's process.
pub(super) fn server(context: &Context, args: ChildArgs, registry: Registry) -> Result<ExitCode, Failure> {
    let _logs = log(context, Process::Server)?;
    sample(context, Sampled::Server, args)?;
    let run = || actix::System::new().block_on(server::run(context.config().clone(), registry));
    // What keeps it from starting is told to whoever asked for a reload: a panic must be its last words too.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(result) => result?,
        Err(panic) => {
            return Err(Failure::new(format_args!(
                "panic at {}: {}",
                logging::take_panic_place(),
                logging::reason(&*panic)
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps this process and its children from huge pages.
///
/// Where programs may ask for them the allocator does, and whoever touches one first waits until the kernel has cleared
/// 2 MiB: 4.6 to 9.5 ms in the midst of a handler, measured on a virtual machine. Small pages cost no throughput here.
fn small_pages() {
    // A kernel without the call has no huge pages to avoid.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Samples this process, if it is the one that was asked for.
fn sample(context: &Context, this: Sampled, args: ChildArgs) -> Result<(), Failure> {
    if args.flamegraph == Some(this) {
        flamegraph::start(this, &context.config().data_dir).map_err(Failure::new)?;
    }
    Ok(())
}
