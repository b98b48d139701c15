//! The server's pages, on a Unix socket of our own user: only the portal connects to it.
//!
//! Each server makes the socket anew under the same name, so that a request always reaches the latest; one that is under way at
//! an older server ends there.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use actix_web::{App, HttpServer, web};

use crate::actors::services::Shared;
use crate::web::admin::{self, Seal, Site};
use crate::web::{WEB_SOCKET, admin::page};

/// Name of the file within the data directory that holds the key of the keepers' cookies.
const KEY_FILE: &str = "web.key";

/// Starts to answer, on a thread of its own, for as long as the process lives. A world without its pages is still a world:
/// what keeps them from being served is logged.
pub fn open(services: &Shared, epoch: u64) {
    if let Err(error) = serve(services, epoch) {
        tracing::error!("the web pages are not served: {error}");
    }
}

fn serve(services: &Shared, epoch: u64) -> io::Result<()> {
    let data_dir = &services.config.data_dir;
    let seal = Seal::load(&data_dir.join(KEY_FILE))?;
    let site = web::Data::new(Site::new(services.clone(), seal, epoch));
    let listener = listen(&data_dir.join(WEB_SOCKET))?;
    let server = HttpServer::new(move || {
        App::new().app_data(site.clone()).configure(admin::routes).default_service(web::to(async || page::not_found()))
    });
    let server = server.workers(1).shutdown_timeout(1).disable_signals().listen_uds(listener)?.run();
    actix_web::rt::spawn(server);
    Ok(())
}

/// Makes the socket under another name first: there is no moment without one, nor one that others may use.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let new = path.with_extension("sock.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
