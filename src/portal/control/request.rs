//! The command line's side of the control socket. Blocking: it runs in a process of its own.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::portal::CONTROL_SOCKET;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Nobody listens: no world runs in this data directory.
    #[error("no world is running in {0}")]
    NotRunning(String),
    /// The portal did not answer in time.
    #[error("the running world did not answer within {0:?}")]
    TimedOut(Duration),
    /// The connection broke, or what came is no JSON.
    #[error("the control socket failed: {0}")]
    Broken(std::io::Error),
    /// The portal or the server refused; in its words.
    #[error("{0}")]
    Refused(String),
}

/// Sends a request to the world that runs in `data_dir` and returns its answer.
///
/// # Errors
///
/// [`ControlError::NotRunning`] if there is none; [`ControlError::Refused`] if the answer is `{"error":"…"}`.
pub fn request(data_dir: &Path, request: &Value, timeout: Duration) -> Result<Value, ControlError> {
    let broken = |error: std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => ControlError::TimedOut(timeout),
        _ => ControlError::Broken(error),
    };
    let mut stream = UnixStream::connect(data_dir.join(CONTROL_SOCKET)).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ControlError::NotRunning(data_dir.display().to_string()),
        _ => ControlError::Broken(error),
    })?;
    stream.set_read_timeout(Some(timeout)).map_err(broken)?;
    stream.set_write_timeout(Some(timeout)).map_err(broken)?;
    stream.write_all(format!("{request}\n").as_bytes()).map_err(broken)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(broken)?;
    let answer: Value = serde_json::from_str(&answer).map_err(|error| ControlError::Broken(error.into()))?;
    match answer["error"].as_str() {
        Some(error) => Err(ControlError::Refused(error.to_owned())),
        None => Ok(answer),
    }
}
