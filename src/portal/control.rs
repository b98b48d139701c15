//! The control socket: how the command line talks to a running portal. One JSON object a line, one answer each.
//!
//! `{"op":"status"}`, `{"op":"reload"}`, `{"op":"stop"}`, `{"op":"run","line":"who"}`,
//! `{"op":"ask","what":"account_create","args":{…}}`. What was refused answers `{"error":"…"}`.
//!
//! The socket lies in the data directory, open to its owner alone, and the peer's user is checked: who may connect may
//! do everything.

mod request;
mod session;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

use super::server_process::{EndServer, ProcessReport, ReloadServer, ReportProcess, ServerProcess};
use super::switchboard::{AskServer, Report, Switchboard};
use crate::mailbox::repay;

pub use request::{ControlError, request};

/// Longest request, in bytes.
const REQUEST_BYTES: u64 = 64 * 1024;
/// How long the server's part of a status is waited for.
const STATUS_PATIENCE: Duration = Duration::from_secs(1);
/// How long a question to the server, or a line run for the keeper, is waited for.
const ASK_PATIENCE: Duration = Duration::from_secs(30);

/// What answers requests.
#[derive(Clone)]
pub struct Control {
    /// The sessions and the wire.
    pub switchboard: Addr<Switchboard>,
    /// The server process.
    pub process: Addr<ServerProcess>,
    /// Where telnet is.
    pub telnet: SocketAddr,
    /// Where the web is.
    pub http: SocketAddr,
    /// When the portal started.
    pub since: Instant,
}

/// Answers requests until the portal ends.
pub async fn serve(listener: UnixListener, control: Control) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if super::is_own_peer(&stream) => {
                let control = control.clone();
                actix::spawn(async move {
                    if let Err(error) = talk(stream, &control).await {
                        debug!("a control connection broke: {error}");
                    }
                });
            }
            Ok(_) => warn!("refused a control connection of another user"),
            Err(error) => {
                warn!("could not accept a control connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn talk(stream: UnixStream, control: &Control) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        if (&mut read).take(REQUEST_BYTES).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_str(&line) {
            Ok(request) => control.answer(&request).await.unwrap_or_else(|why| json!({ "error": why })),
            Err(error) => json!({ "error": format!("not a request: {error}") }),
        };
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
}

impl Control {
    async fn answer(&self, request: &Value) -> Result<Value, String> {
        let text = |key: &str| request[key].as_str().ok_or_else(|| format!("\"{key}\" is missing"));
        match text("op")? {
            "status" => self.status().await,
            "reload" => self.reload().await,
            "stop" => {
                repay(&self.process, EndServer);
                Ok(json!({ "ok": true }))
            }
            "run" => {
                let run = session::run(&self.switchboard, text("line")?);
                let output = tokio::time::timeout(ASK_PATIENCE, run).await.map_err(|_| "there was no answer")??;
                Ok(json!({ "ok": true, "output": output }))
            }
            "ask" => self.ask(text("what")?, &request["args"], ASK_PATIENCE).await,
            other => Err(format!("unknown request \"{other}\"")),
        }
    }

    async fn ask(&self, what: &str, args: &Value, patience: Duration) -> Result<Value, String> {
        let args = if args.is_null() { "{}".into() } else { args.to_string() };
        let answer = self.switchboard.send(AskServer { what: what.into(), json: args }).timeout(patience).await;
        match answer {
            Ok(Ok(json)) => serde_json::from_str(&json).map_err(|error| format!("a broken answer: {error}")),
            Ok(Err(unanswered)) => Err(unanswered.to_string()),
            Err(_) => Err("there was no answer in time".into()),
        }
    }

    async fn reload(&self) -> Result<Value, String> {
        // Its parts have limits of their own.
        match self.process.send(ReloadServer).await {
            Ok(Ok(pause)) => Ok(json!({ "ok": true, "pause_ms": pause.map(|pause| pause.as_millis() as u64) })),
            Ok(Err(why)) => Err(why),
            Err(_) => Err("the portal is shutting down".into()),
        }
    }

    async fn status(&self) -> Result<Value, String> {
        let gone = |_| "the portal is shutting down".to_owned();
        let process = self.process.send(ReportProcess).timeout(STATUS_PATIENCE).await.map_err(gone)?;
        let figures = self.switchboard.send(Report).timeout(STATUS_PATIENCE).await.map_err(gone)?;
        let mut status = json!({
            "portal": {
                "pid": std::process::id(),
                "state": "running",
                "mail_waiting": figures.mail_waiting,
                "most_mail_waiting": figures.most_mail_waiting,
            },
            "server": server_status(&process),
            "listeners": { "telnet": self.telnet.to_string(), "http": self.http.to_string() },
            "players": 0,
            "uptime_s": self.since.elapsed().as_secs(),
            "sessions": figures.sessions,
            "waiting_lines": figures.waiting_lines,
            "lines_in_flight": figures.lines_in_flight,
            "epoch": figures.epoch,
            "applied": figures.applied,
        });
        // The server says more, if it is there to say it.
        if let Ok(Value::Object(more)) = self.ask("status", &Value::Null, STATUS_PATIENCE).await {
            for (key, value) in more {
                merge(&mut status[key], value);
            }
        }
        Ok(status)
    }
}

/// Adds what the server says to what the portal says: objects key by key, anything else in its place.
fn merge(known: &mut Value, said: Value) {
    match (known, said) {
        (Value::Object(known), Value::Object(said)) => known.extend(said),
        (known, said) => *known = said,
    }
}

fn server_status(process: &ProcessReport) -> Value {
    let mut status = json!({ "pid": process.pid, "state": process.state, "starts": process.starts });
    if let Some(next) = process.next {
        status["next_pid"] = json!(next);
    }
    if process.safe_mode {
        status["safe_mode"] = json!(true);
    }
    if process.early_deaths > 0 {
        status["early_deaths"] = json!(process.early_deaths);
    }
    if let Some(exit) = &process.last_exit {
        status["last_exit"] = json!({ "status": exit.status, "code": exit.code, "last_line": exit.last_line });
    }
    status
}
