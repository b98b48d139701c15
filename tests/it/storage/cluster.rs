//! A PostgreSQL of a test's own, which it may stop, hold and start again.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use rustix::process::{Pid, Signal, kill_process};

use super::unavailable;

/// A cluster in a folder, on a free port. It ends with its owner.
pub(super) struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes one and starts it. `None` where PostgreSQL's programs are not installed.
    pub(super) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            unavailable("the programs of PostgreSQL (initdb, pg_ctl)");
            return None;
        };
        // Free a moment ago; whoever takes it meanwhile fails this test, once in a very long while.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
        let cluster = Self { folder: tempfile::tempdir().unwrap(), programs, port };
        if is_root() {
            assert!(run(Command::new("chown").arg("postgres:").arg(cluster.folder.path())));
        }
        let mut initdb = cluster.program("initdb");
        initdb.args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "-D"]).arg(cluster.data());
        assert!(run(&mut initdb), "initdb failed");
        cluster.start_again();
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// PostgreSQL refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(self.folder.path());
        command
    }

    /// Returns the address of its database.
    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it again after [`Cluster::stop`].
    pub(super) fn start_again(&self) {
        let folder = self.folder.path();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off",
            self.port,
            folder.display()
        );
        let mut start = self.program("pg_ctl");
        start
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(folder.join("log"))
            .args(["-w", "-t", "60", "-o", &options, "start"]);
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(run(&mut start), "PostgreSQL did not start: {}", log());
    }

    /// Ends it as a crash does: nobody is told.
    pub(super) fn stop(&self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"]);
        assert!(run(&mut stop), "PostgreSQL did not stop");
    }

    /// Lets all of it stand still until [`Held`] is dropped: connections stay, and nobody answers.
    pub(super) fn hold(&self) -> Held {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let parent: i32 = file.lines().next().unwrap().trim().parse().unwrap();
        signal(parent, Signal::STOP);
        let held: Vec<i32> = std::iter::once(parent).chain(children(parent)).collect();
        held.iter().for_each(|pid| signal(*pid, Signal::STOP));
        Held(held)
    }

    /// Runs statements in its database, one after the other.
    pub(super) fn sql(&self, statements: &[&str]) {
        let mut connection = PgConnection::establish(&self.url()).unwrap();
        statements.iter().for_each(|statement| connection.batch_execute(statement).unwrap());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        let _ = run(stop.arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"]));
    }
}

/// A cluster that stands still.
pub(super) struct Held(Vec<i32>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| signal(*pid, Signal::CONT));
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns where the newest programs of PostgreSQL are: Debian keeps them out of the path.
fn programs() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = folders.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let mut found: Vec<PathBuf> = debian.filter(|folder| folder.join("initdb").exists()).collect();
    found.sort();
    let in_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
    };
    found.pop().or_else(in_path)
}

/// Runs a command to its end. What it says goes nowhere: a server that it starts would keep a pipe open.
fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
}

fn signal(pid: i32, signal: Signal) {
    // One that is gone already needs none.
    let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, signal));
}

fn children(parent: i32) -> Vec<i32> {
    let task = Path::new("/proc").join(parent.to_string()).join("task").join(parent.to_string()).join("children");
    let children = fs::read_to_string(task).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
