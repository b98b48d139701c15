//! A world that runs for one test: the real launcher, portal and server, on free ports, in a folder of their own.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::{env, fs};

use rustix::process::Signal;
use serde_json::{Value, json};
use toml::Table;

use super::folder::Folder;
use super::{ADMIN_PASSWORD, DEADLINE, START_DEADLINE, TelnetClient, WsClient, poll, processes};

/// What every test's world has, unless the test says otherwise: cheap password hashes, because two cores hash them all; and
/// patience with a disk that others use as well.
const DEFAULTS: &str = "[password]\nmemory_kib = 1024\npasses = 1\n[storage]\npatience_ms = 8000\n";

/// A running world. Dropping it kills all its processes and, unless the test failed, removes its folder.
pub struct TestServer {
    folder: Folder,
    data_dir: PathBuf,
    plan: Builder,
    launcher: Child,
    telnet: SocketAddr,
    http: SocketAddr,
    /// Portal and server as last seen: they outlive a launcher that was killed.
    known: Cell<[u32; 2]>,
}

/// How a [`TestServer`] shall be started.
#[derive(Debug, Clone)]
pub struct Builder {
    exe: PathBuf,
    config: Table,
    env: Vec<(String, Option<String>)>,
    args: Vec<String>,
    data_dir: Option<PathBuf>,
}

impl TestServer {
    /// Begins with the executable to run: `env!("CARGO_BIN_EXE_…")` in an integration test.
    pub fn with_exe(exe: impl Into<PathBuf>) -> Builder {
        Builder { exe: exe.into(), config: Table::new(), env: Vec::new(), args: Vec::new(), data_dir: None }
            .config(DEFAULTS)
    }

    /// Connects by telnet, without logging in; `name` appears in messages of failed waits.
    pub fn telnet(&self, name: &str) -> TelnetClient {
        TelnetClient::connect(self.telnet, name)
    }

    /// Connects by telnet and makes an account with [`super::PASSWORD`]; its character stands in the start room.
    pub fn player(&self, name: &str) -> TelnetClient {
        let mut client = self.telnet(name);
        client.enter();
        client.skip();
        client
    }

    /// Connects by telnet and logs in as the superuser.
    pub fn admin(&self) -> TelnetClient {
        let mut client = self.telnet("admin");
        client.login("admin", ADMIN_PASSWORD);
        client.skip();
        client
    }

    /// Connects to `/ws`, without logging in.
    pub fn ws(&self, name: &str) -> WsClient {
        WsClient::connect(self.http, name)
    }

    /// Returns where telnet listens.
    pub fn telnet_address(&self) -> SocketAddr {
        self.telnet
    }

    /// Returns where HTTP listens.
    pub fn http_address(&self) -> SocketAddr {
        self.http
    }

    /// Returns the data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Asks the control socket; `None` while nobody answers.
    pub fn control(&self, request: &Value) -> Option<Value> {
        control(&self.data_dir.join("control.sock"), request)
    }

    /// Asks for a reload and does not wait for it. A server that waits because others died early is started at once.
    pub fn hurry(&self) {
        let asked = UnixStream::connect(self.data_dir.join("control.sock"))
            .and_then(|mut stream| writeln!(stream, "{}", json!({ "op": "reload" })));
        // Nobody answers while the portal itself is being started.
        drop(asked);
    }

    /// Returns what `everhall status --json` prints.
    pub fn status(&self) -> Value {
        let status =
            self.control(&json!({ "op": "status" })).unwrap_or_else(|| self.fail("answer on its control socket"));
        self.known.set([pid(&status, "portal"), pid(&status, "server")]);
        status
    }

    /// Returns the server's process number; 0 while there is none.
    pub fn server_pid(&self) -> u32 {
        pid(&self.status(), "server")
    }

    /// Returns the portal's process number.
    pub fn portal_pid(&self) -> u32 {
        pid(&self.status(), "portal")
    }

    /// Returns the launcher's process number.
    pub fn launcher_pid(&self) -> u32 {
        self.launcher.id()
    }

    /// Runs a subcommand on this world and returns what it printed and how it ended.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Output {
        self.plan
            .command(&self.folder)
            .args(args)
            .args(self.plan.place(&self.folder, &self.data_dir))
            .output()
            .expect("the executable runs")
    }

    /// Starts a subcommand on this world that goes on, with its output in a pipe. Whoever starts it ends it.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: &[S]) -> Child {
        let mut command = self.plan.command(&self.folder);
        command.args(args).args(self.plan.place(&self.folder, &self.data_dir)).stdout(Stdio::piped());
        command.spawn().expect("the executable runs")
    }

    /// Runs a subcommand on this world with `input` as its standard input.
    pub fn run_with_input<S: AsRef<OsStr>>(&self, args: &[S], input: &str) -> Output {
        let mut child = self
            .plan
            .command(&self.folder)
            .args(args)
            .args(self.plan.place(&self.folder, &self.data_dir))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the executable runs");
        // A command that refuses before it reads says why in its output.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        child.wait_with_output().expect("a child can be waited for")
    }

    /// Reloads with `everhall reload` and waits for the new server.
    pub fn reload(&self) {
        let old = self.server_pid();
        let output = self.run(&["reload"]);
        assert!(output.status.success(), "reload failed: {output:?}\n{}", self.logs());
        self.wait_for_another(old);
    }

    /// Kills the server as a crash would (SIGKILL) and waits for the next one.
    pub fn kill_server(&self) {
        let old = self.strike_server();
        self.wait_for_another(old);
    }

    /// Kills the server as a crash would, without waiting; returns the number it had.
    pub fn strike_server(&self) -> u32 {
        self.signal_server(Signal::KILL)
    }

    /// Sends the server a signal; returns its number.
    pub fn signal_server(&self, signal: Signal) -> u32 {
        let pid = self.server_pid();
        self.signal(pid, signal);
        pid
    }

    /// Sends a signal to a process of this world; one that is gone already, or 0, is no error.
    pub fn signal(&self, pid: u32, signal: Signal) {
        processes::signal(pid, signal);
    }

    /// Waits until another server than `old` is ready.
    pub fn wait_for_another(&self, old: u32) {
        let ready = |status: &Value| status["server"]["state"] == "ready" && pid(status, "server") != old;
        poll(START_DEADLINE, || self.control(&json!({ "op": "status" })).filter(ready))
            .unwrap_or_else(|| self.fail("have a new server"));
    }

    /// Kills the portal as a crash would (SIGKILL), without waiting; returns the number it had.
    pub fn strike_portal(&self) -> u32 {
        let old = self.portal_pid();
        processes::signal(old, Signal::KILL);
        old
    }

    /// Waits until another portal than `old` has a server that is ready.
    pub fn wait_for_another_portal(&self, old: u32) {
        let ready = |status: &Value| status["server"]["state"] == "ready" && pid(status, "portal") != old;
        poll(START_DEADLINE, || self.control(&json!({ "op": "status" })).filter(ready))
            .unwrap_or_else(|| self.fail("have a new portal"));
    }

    /// Stops the world with `everhall stop` and returns how its launcher ended.
    pub fn stop(&mut self) -> ExitStatus {
        let output = self.run(&["stop"]);
        assert!(output.status.success(), "stop failed: {output:?}\n{}", self.logs());
        self.ended()
    }

    /// Sends the launcher SIGTERM and returns how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        processes::signal(self.launcher.id(), Signal::TERM);
        self.ended()
    }

    /// Waits until the launcher has ended.
    pub fn ended(&mut self) -> ExitStatus {
        poll(DEADLINE, || self.launcher.try_wait().expect("a child can be waited for"))
            .unwrap_or_else(|| self.fail("end"))
    }

    /// Starts the world again in the same folder, after [`TestServer::stop`] or a crash of everything.
    pub fn start_again(&mut self) {
        processes::kill_tree(self.launcher.id());
        // It has ended, or was just killed; only its zombie is waited for.
        let _ = self.launcher.wait();
        self.launcher = self.plan.spawn(&self.folder, &self.data_dir);
        self.wait_ready();
    }

    /// Returns all that the world printed and logged so far.
    pub fn logs(&self) -> String {
        logs(&self.folder, &self.data_dir)
    }

    /// Waits until a log holds `text`; panics with the logs if it does not come.
    pub fn wait_for_log(&self, text: &str) {
        poll(DEADLINE, || self.logs().contains(text).then_some(()))
            .unwrap_or_else(|| self.fail(&format!("log {text:?}")));
    }

    fn wait_ready(&mut self) {
        let ended = poll(START_DEADLINE, || {
            let ended = self.launcher.try_wait().expect("a child can be waited for");
            let ready = || self.control(&json!({ "op": "status" })).filter(|s| s["server"]["state"] == "ready");
            if ended.is_some() { Some(Err(ended)) } else { ready().map(Ok) }
        });
        match ended {
            Some(Ok(status)) => {
                self.telnet = listener(&status, "telnet");
                self.http = listener(&status, "http");
                self.known.set([pid(&status, "portal"), pid(&status, "server")]);
            }
            Some(Err(status)) => self.fail(&format!("start, but ended with {status:?}")),
            None => self.fail(&format!("be ready within {} s", START_DEADLINE.as_secs())),
        }
    }

    /// Ends the test: `wish` completes "the world should …".
    fn fail(&self, wish: &str) -> ! {
        panic!("the world should {wish}; what it printed and logged:\n{}", self.logs())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        processes::kill_tree(self.launcher.id());
        let kept = self.data_dir.join("server.kept");
        for pid in self.known.get() {
            if processes::runs(pid, &self.plan.exe) || processes::runs(pid, &kept) {
                processes::signal(pid, Signal::KILL);
            }
        }
        // Only to leave no zombie.
        let _ = self.launcher.wait();
    }
}

impl Builder {
    /// Adds settings, as lines of `everhall.toml`. Later ones win.
    pub fn config(mut self, toml: &str) -> Self {
        merge(&mut self.config, toml.parse().expect("a test's settings are TOML"));
        self
    }

    /// Sets an environment variable of all processes.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.to_owned(), Some(value.to_owned())));
        self
    }

    /// Leaves out an environment variable that processes have otherwise.
    pub fn without_env(mut self, key: &str) -> Self {
        self.env.push((key.to_owned(), None));
        self
    }

    /// Chooses the first world, as `run --world` names it: `demo` (the default), `empty`.
    pub fn world(self, name: &str) -> Self {
        self.arg("--world").arg(name)
    }

    /// Adds an argument of `run`.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Stores the world in this database instead of a file: `postgres://…`. It should be a fresh one.
    pub fn database_url(self, url: &str) -> Self {
        let mut storage = Table::new();
        storage.insert("database_url".to_owned(), url.into());
        let mut config = Table::new();
        config.insert("storage".to_owned(), storage.into());
        self.config(&config.to_string())
    }

    /// Uses an existing data directory, which stays when the test is over.
    pub fn data_dir(mut self, existing: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(existing.into());
        self
    }

    /// Starts the world and waits until players can enter; panics with its logs if that takes longer than [`START_DEADLINE`].
    pub fn start(self) -> TestServer {
        let folder = Folder::create();
        let data_dir = self.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        let launcher = self.spawn(&folder, &data_dir);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let known = Cell::new([0, 0]);
        let mut server = TestServer { folder, data_dir, plan: self, launcher, telnet: nowhere, http: nowhere, known };
        server.wait_ready();
        server
    }

    /// Starts a world that should refuse to start; returns what it printed and how it ended, within [`START_DEADLINE`].
    pub fn start_refused(self) -> Output {
        let folder = Folder::create();
        let data_dir = self.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        let mut launcher = self.spawn(&folder, &data_dir);
        let status = poll(START_DEADLINE, || launcher.try_wait().expect("a child can be waited for"));
        let Some(status) = status else {
            processes::kill_tree(launcher.id());
            panic!("the world should refuse to start; what it printed:\n{}", logs(&folder, &data_dir));
        };
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap_or_default();
        Output { status, stdout: read("stdout"), stderr: read("stderr") }
    }

    fn spawn(&self, folder: &Folder, data_dir: &Path) -> Child {
        fs::write(folder.path().join("everhall.toml"), self.config.to_string()).expect("settings can be written");
        let output = |name: &str| fs::File::create(folder.path().join(name)).expect("a file for output can be made");
        let mut command = self.command(folder);
        let ports: &[&str] =
            if self.args.iter().any(|arg| arg == "--telnet") { &[] } else { &["--telnet", "127.0.0.1:0"] };
        command
            .arg("run")
            .args(self.place(folder, data_dir))
            .args(ports)
            .args(["--http", "127.0.0.1:0"])
            .args(&self.args)
            .stdout(output("stdout"))
            .stderr(output("stderr"));
        command.spawn().unwrap_or_else(|error| panic!("{} does not run: {error}", self.exe.display()))
    }

    /// The executable with an environment in which only the test's own settings are.
    fn command(&self, folder: &Folder) -> Command {
        let mut command = Command::new(&self.exe);
        for (key, _) in env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("EVERHALL_")) {
            command.env_remove(key);
        }
        command.env("EVERHALL_ADMIN_PASSWORD", ADMIN_PASSWORD).current_dir(folder.path()).stdin(Stdio::null());
        for (key, value) in &self.env {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        command
    }

    /// The options that name this world.
    fn place(&self, folder: &Folder, data_dir: &Path) -> [PathBuf; 4] {
        ["--data-dir".into(), data_dir.to_owned(), "--config".into(), folder.path().join("everhall.toml")]
    }
}

/// Asks one question of a control socket; `None` if nobody answers it.
fn control(socket: &Path, request: &Value) -> Option<Value> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    writeln!(stream, "{request}").ok()?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).ok()?;
    serde_json::from_str(&answer).ok()
}

fn pid(status: &Value, process: &str) -> u32 {
    status[process]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0)
}

fn listener(status: &Value, name: &str) -> SocketAddr {
    let address = status["listeners"][name].as_str().and_then(|address| address.parse().ok());
    address.unwrap_or_else(|| panic!("status should name the {name} listener: {status}"))
}

/// What was printed, and every log file of the data directory.
fn logs(folder: &Folder, data_dir: &Path) -> String {
    let printed = ["stdout", "stderr"].map(|name| folder.path().join(name));
    let logged = [data_dir.to_owned(), data_dir.join("logs"), data_dir.join("log")]
        .into_iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && path.to_string_lossy().contains(".log"));
    let mut all = String::new();
    for path in printed.into_iter().chain(logged) {
        let text = fs::read(&path).unwrap_or_default();
        all.push_str(&format!("--- {} ---\n{}\n", path.display(), String::from_utf8_lossy(&text)));
    }
    all
}

/// Lays `over` on `table`, table by table.
fn merge(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => merge(under, over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_settings_win_and_leave_others_alone() {
        let plan = TestServer::with_exe("x").config("[password]\npasses = 3").config("[world]\nname = \"Here\"");
        assert_eq!(plan.config["password"]["passes"].as_integer(), Some(3));
        assert_eq!(plan.config["password"]["memory_kib"].as_integer(), Some(1024));
        assert_eq!(plan.config["world"]["name"].as_str(), Some("Here"));
    }

    #[test]
    fn a_refusal_is_returned_with_its_words() {
        let refused = TestServer::with_exe("/bin/ls").start_refused();
        assert!(!refused.status.success());
        assert!(!refused.stderr.is_empty());
    }
}
