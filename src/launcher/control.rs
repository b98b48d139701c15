//! Speaks to a running portal: one JSON value a line over `control.sock` in the data directory.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Nobody listens.
    #[error("the world is not running")]
    NotRunning,
    /// The portal took too long.
    #[error("the world did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// The portal went away, or said what is not JSON.
    #[error("the world's answer is broken: {0}")]
    Broken(std::io::Error),
}

/// Sends a request and returns the answer; one that was refused has the key `error`.
///
/// # Errors
///
/// There is no running world, or no answer within `patience`.
pub async fn request(data_dir: &Path, request: Value, patience: Duration) -> Result<Value, ControlError> {
    let Ok(stream) = UnixStream::connect(data_dir.join("control.sock")).await else {
        return Err(ControlError::NotRunning);
    };
    match timeout(patience, exchange(stream, &request)).await {
        Ok(answer) => answer.map_err(ControlError::Broken),
        Err(_) => Err(ControlError::Silent(patience)),
    }
}

async fn exchange(mut stream: UnixStream, request: &Value) -> std::io::Result<Value> {
    stream.write_all(format!("{request}\n").as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    Ok(serde_json::from_str(&answer)?)
}
