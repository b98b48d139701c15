//! Reads what the portal says of itself, and says where to connect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::control;

/// How long the portal may take to say how it is. It waits a second for each of those it asks in turn.
const STATUS_PATIENCE: Duration = Duration::from_secs(4);

/// How often a starting world is asked whether it is ready.
const READY_PAUSE: Duration = Duration::from_millis(20);

/// Asks a running world how it is; nothing if it does not answer.
pub async fn ask(data_dir: &Path) -> Option<Value> {
    control::request(data_dir, json!({"op": "status"}), STATUS_PATIENCE).await.ok()
}

/// Waits until the server has taken over. Never gives up: callers choose how long they wait.
pub async fn until_ready(data_dir: &Path) -> Value {
    loop {
        if let Some(status) = ask(data_dir).await
            && status["server"]["state"] == "ready"
        {
            return status;
        }
        tokio::time::sleep(READY_PAUSE).await;
    }
}

/// Returns the address of a listener (`telnet`, `http`), the real port in it.
pub fn listener(status: &Value, name: &str) -> Option<SocketAddr> {
    status["listeners"][name].as_str()?.parse().ok()
}

/// Returns the lines that say where to connect, what to type there and how to stop.
pub fn welcome(status: &Value, stop: &str) -> String {
    let mut line = "The world is up.".to_owned();
    if let Some(telnet) = listener(status, "telnet").map(reachable) {
        line += &format!("  telnet {} {}", telnet.ip(), telnet.port());
    }
    if let Some(http) = listener(status, "http").map(reachable) {
        line += &format!("   http://{http}/play");
    }
    format!(
        "{line}   stop it with {stop}\n\
         Type there: create NAME PASSWORD for a character, or connect NAME PASSWORD for one you have.\n"
    )
}

/// Returns an address to connect to for one to listen on: `0.0.0.0` is every address of this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_welcome_names_the_real_ports() {
        let status = json!({"listeners": {"telnet": "0.0.0.0:41234", "http": "127.0.0.1:4001"}});
        let text = welcome(&status, "Ctrl-C");
        let first = "The world is up.  telnet 127.0.0.1 41234   http://127.0.0.1:4001/play   stop it with Ctrl-C\n";
        assert!(text.starts_with(first), "{text}");
    }
}
