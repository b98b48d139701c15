//! Questions from the command line, that come over the wire.

use serde_json::{Value, json};

use crate::actors::accounts::{Administer, Players};
use crate::actors::journal::{Figures, ReportStorage};
use crate::actors::meter;
use crate::actors::services::Shared;
use crate::actors::upkeep::Report;
use crate::world::record::Permission;

/// Answers a question with a JSON value; `{"error": …}` if it is refused.
pub async fn answer(services: Shared, what: String, json: String) -> String {
    let arguments: Value = serde_json::from_str(&json).unwrap_or_default();
    let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
    let answer = match what.as_str() {
        "status" => Ok(status(&services, arguments["anew"].as_bool().unwrap_or(false)).await),
        "account_create" => {
            let permission = Permission::parse(&text("permission")).unwrap_or(Permission::Admin);
            administer(&services, text("name"), text("password"), Some(permission)).await
        }
        "account_password" => administer(&services, text("name"), text("password"), None).await,
        other => Err(format!("the server does not know the question {other}")),
    };
    answer.unwrap_or_else(|why| json!({ "error": why })).to_string()
}

async fn status(services: &Shared, anew: bool) -> Value {
    let players = services.accounts.send(Players).await.unwrap_or(0);
    let journal = services.journal.send(Figures).await.unwrap_or_default();
    let storage = services.journal.send(ReportStorage).await.unwrap_or_default();
    let backups = services.upkeep.send(Report).await.unwrap_or_default();
    json!({
        "players": players,
        "backup": backups,
        "world": services.hall.name,
        "sessions": services.directory.sessions(),
        "rooms_loaded": services.directory.loaded_rooms(),
        "journal": journal,
        "handlers": meter::figures(anew),
        "process": std::process::id(),
        "storage": {
            "state": if storage.away.is_some() { "away" } else { "ready" },
            "trouble": storage.away.as_ref().map(|outage| outage.trouble.told()),
            "reason": storage.away.as_ref().map(|outage| &outage.reason),
            "away_s": storage.away.as_ref().map(|outage| outage.since.elapsed().as_secs()),
            "outages": storage.outages,
            "lines_refused": services.storage.refused(),
            "reads_waiting": services.pool.reads_waiting(),
            "hashes_waiting": services.pool.hashes_waiting(),
        },
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
    Ok(json!({ "ok": true }))
}
