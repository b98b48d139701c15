//! `admin`: accounts, and commands for a keeper who is locked out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::args::Admin;
use super::{Context, Failure, out, password};
use crate::config::Config;
use crate::db;
use crate::ids::EntityId;
use crate::launcher::{DataDirLock, control};
use crate::world::account::NewAccount;
use crate::world::record::Permission;
use crate::world::{first, names};

/// How long the world may take for one answer; more than the portal gives its server.
const PATIENCE: Duration = Duration::from_secs(35);

pub(super) fn run(context: &Context, command: Admin) -> Result<(), Failure> {
    match command {
        Admin::Create { name } => {
            let password = password::read(&name)?;
            let args = json!({"name": name, "password": password, "permission": "Admin"});
            change_account(context, "account_create", args)?;
            out::line(format_args!("Account {name} is created."));
        }
        Admin::Password { name } => {
            let password = password::read(&name)?;
            change_account(context, "account_password", json!({"name": name, "password": password}))?;
            out::line(format_args!("The password of {name} is changed."));
        }
        Admin::Run { command } => {
            let answer = request(context, json!({"op": "run", "line": command}))?;
            match answer["output"].as_str() {
                Some(output) => out::line(output.trim_end()),
                None => out::line(answer),
            }
        }
    }
    Ok(())
}

/// Asks the running world; without one, writes to the database itself.
fn change_account(context: &Context, what: &str, args: Value) -> Result<(), Failure> {
    let data_dir = &context.config().data_dir;
    if DataDirLock::holder(data_dir).is_some() {
        return request(context, json!({"op": "ask", "what": what, "args": args})).map(drop);
    }
    if !data_dir.is_dir() {
        return Err(Failure::new(format_args!("there is no world in {}", data_dir.display())));
    }
    let _lock = DataDirLock::take(data_dir)?;
    change_stored_account(context.config(), what, &args)
}

fn request(context: &Context, request: Value) -> Result<Value, Failure> {
    Ok(context.block_on(control::request(&context.config().data_dir, request, PATIENCE))??)
}

/// Does `account_create` or `account_password` on the database of a world that is not running.
fn change_stored_account(config: &Config, what: &str, args: &Value) -> Result<(), Failure> {
    let text = |name: &str| args[name].as_str().unwrap_or_default();
    let (typed, password) = (text("name"), text("password"));
    let least = config.password.min_chars;
    if password.chars().count() < least {
        return Err(Failure::new(format_args!("a password has at least {least} characters")));
    }
    let database = db::open(config)?;
    let _world = database.lock_world()?;
    let mut connection = database.connect()?;
    let hash = db::password::hash(&config.password, password)?;
    if what == "account_password" {
        let changed = db::set_password(&mut connection, &names::folded(typed), &hash)?;
        return if changed { Ok(()) } else { Err(Failure::new(format_args!("there is no account {typed}"))) };
    }
    let name = names::parse(typed).map_err(Failure::new)?;
    let start_room = EntityId(config.world.start_room.max(first::START_ROOM.0));
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    db::create_account(&mut connection, |account, character| {
        let new = NewAccount { account, character, name, password_hash: hash, permission: Permission::Admin };
        let (record, entity) = new.make(start_room, now_ms);
        (record, entity.to_rows())
    })?;
    Ok(())
}
