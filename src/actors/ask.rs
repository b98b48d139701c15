//! Questions from the command line, that come over the wire.

use std::time::Duration;

use serde_json::{Value, json};

use crate::actors::accounts::{Administer, Players};
use crate::actors::batch::Key;
use crate::actors::journal::{Figures, IsSettled};
use crate::actors::services::Shared;
use crate::world::record::Permission;

/// How often it is looked whether a change is stored, and for how long.
const SETTLE_PAUSE: Duration = Duration::from_millis(5);
const SETTLE_PATIENCE: Duration = Duration::from_secs(10);

/// Answers a question with a JSON value; `{"error": …}` if it is refused.
pub async fn answer(services: Shared, what: String, json: String) -> String {
    let arguments: Value = serde_json::from_str(&json).unwrap_or_default();
    let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
    let answer = match what.as_str() {
        "status" => Ok(status(&services).await),
        "account_create" => {
            let permission = Permission::parse(&text("permission")).unwrap_or(Permission::Admin);
            administer(&services, text("name"), text("password"), Some(permission)).await
        }
        "account_password" => administer(&services, text("name"), text("password"), None).await,
        other => Err(format!("the server does not know the question {other}")),
    };
    answer.unwrap_or_else(|why| json!({ "error": why })).to_string()
}

async fn status(services: &Shared) -> Value {
    let players = services.accounts.send(Players).await.unwrap_or(0);
    let journal = services.journal.send(Figures).await.unwrap_or_default();
    json!({
        "players": players,
        "world": services.hall.name,
        "sessions": services.directory.sessions(),
        "rooms_loaded": services.directory.loaded_rooms(),
        "journal": journal,
        "storage": { "reads_waiting": services.pool.reads_waiting(), "hashes_waiting": services.pool.hashes_waiting() },
    })
}

async fn administer(
    services: &Shared,
    name: String,
    password: String,
    create: Option<Permission>,
) -> Result<Value, String> {
    let order = Administer { name, password: password.into(), create };
    services.accounts.send(order).await.map_err(|error| error.to_string())??;
    // It is done when it is stored: whoever asked may log in at once.
    let stored = async {
        while !services.journal.send(IsSettled(Key::Accounts)).await.unwrap_or(true) {
            actix_rt::time::sleep(SETTLE_PAUSE).await;
        }
    };
    match actix_rt::time::timeout(SETTLE_PATIENCE, stored).await {
        Ok(()) => Ok(json!({ "ok": true })),
        Err(_) => Err("storage does not answer; it may be done later".into()),
    }
}
