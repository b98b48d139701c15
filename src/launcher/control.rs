//! Speaks to a running portal without holding up what else the launcher waits for.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use stand_in as portal;

pub use portal::ControlError;

/// Sends a request to the world that runs in `data_dir` and returns its answer.
///
/// # Errors
///
/// There is no running world, it does not answer within `patience`, or it refuses.
pub async fn request(data_dir: &Path, request: Value, patience: Duration) -> Result<Value, ControlError> {
    let data_dir = data_dir.to_owned();
    tokio::task::spawn_blocking(move || portal::request(&data_dir, &request, patience))
        .await
        .unwrap_or_else(|error| Err(ControlError::Broken(std::io::Error::other(error))))
}

/// What the portal's control module offers, until it is here.
mod stand_in {
    use std::io::{BufRead, BufReader, ErrorKind, Write};
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::time::Duration;

    use serde_json::Value;

    /// Why there is no answer.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum ControlError {
        /// Nobody listens.
        #[error("no world is running in {0}")]
        NotRunning(String),
        /// No answer in time.
        #[error("the running world did not answer within {0:?}")]
        TimedOut(Duration),
        /// The connection broke.
        #[error("the control socket failed: {0}")]
        Broken(std::io::Error),
        /// It said no.
        #[error("{0}")]
        Refused(String),
    }

    pub(super) fn request(data_dir: &Path, request: &Value, patience: Duration) -> Result<Value, ControlError> {
        let broken = |error: std::io::Error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ControlError::TimedOut(patience),
            _ => ControlError::Broken(error),
        };
        let mut stream = UnixStream::connect(data_dir.join("control.sock"))
            .map_err(|_| ControlError::NotRunning(data_dir.display().to_string()))?;
        stream.set_read_timeout(Some(patience)).map_err(broken)?;
        stream.write_all(format!("{request}\n").as_bytes()).map_err(broken)?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).map_err(broken)?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| ControlError::Broken(error.into()))?;
        match answer["error"].as_str() {
            Some(error) => Err(ControlError::Refused(error.to_owned())),
            None => Ok(answer),
        }
    }
}
