//! The wire's socket in the data directory: one for each server, ours alone.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tracing::{info, warn};

use crate::wire::{self, ToPortal, WIRE_VERSION, WireError};

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

/// Waits for a server of our own user that has prepared itself.
pub(super) async fn accept(listener: UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((mut stream, _)) if crate::portal::is_own_peer(&stream) => match prepared(&mut stream).await {
                Ok(()) => return stream,
                Err(error) => warn!("a server did not say that it is prepared: {error}"),
            },
            Ok(_) => warn!("refused a wire of another user"),
            Err(error) => {
                warn!("could not accept the server's wire: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Reads until a server says that it is prepared. It says nothing more until it is introduced.
async fn prepared(stream: &mut UnixStream) -> io::Result<()> {
    let mut input = BytesMut::new();
    loop {
        match wire::decode(&mut input) {
            Ok(Some(ToPortal::Prepared)) => return Ok(()),
            Ok(Some(ToPortal::Hello(hello))) if hello.version != WIRE_VERSION => {
                info!(server = hello.version, portal = WIRE_VERSION, "server and portal differ in age");
            }
            Ok(Some(_)) => {}
            Ok(None) if stream.read_buf(&mut input).await? == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(None) => {}
            // A newer server may say what this portal does not know.
            Err(WireError::Malformed(why)) => warn!("skipped a frame of the server: {why}"),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}
