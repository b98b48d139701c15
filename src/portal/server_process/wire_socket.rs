//! The wire's socket in the data directory: one for each server, ours alone.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

/// Makes the wire's socket anew: whoever connected to an older one has nobody to talk to.
pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Waits for one connection of our own user.
pub(super) async fn accept(listener: UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if crate::portal::is_own_peer(&stream) => return stream,
            Ok(_) => warn!("refused a wire of another user"),
            Err(error) => {
                warn!("could not accept the server's wire: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
