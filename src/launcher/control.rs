//! Speaks to a running portal without holding up what else the launcher waits for.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::portal::control as portal;

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
