//! New accounts: names and passwords that will do, the account with its character, and what `everhall admin` asks for.

use actix::prelude::*;
use tokio::sync::oneshot;

use super::entering::{Login, REENTER_AFTER};
use super::throttle::Admission;
use super::{AccountsActor, Administer};
use crate::actors::batch::{Batch, Key};
use crate::actors::login::LoginState;
use crate::actors::safe_mode;
use crate::actors::services::Shared;
use crate::config::Registration;
use crate::db::{AccountName, DbError, FindAccount, Password};
use crate::failpoint::fail_point;
use crate::ids::{AccountId, ChannelId};
use crate::text;
use crate::text::Markup;
use crate::world::account::NewAccount;
use crate::world::entity::Entity;
use crate::world::names::{self, Name};
use crate::world::record::{AccountRecord, Change, Permission, Subscription};

/// What a new account is to be.
pub(super) struct NewName {
    /// As typed.
    pub(super) name: String,
    /// As typed.
    pub(super) password: Password,
    /// As typed.
    pub(super) invite: String,
    /// Hash that the password must fit.
    pub(super) confirms: Option<String>,
}
impl AccountsActor {
    /// Hashes the first of two new passwords.
    pub(super) fn first(
        &mut self,
        login: Login,
        name: String,
        invite: String,
        password: Password,
        ctx: &mut Context<Self>,
    ) {
        let Some(services) = self.services.clone() else { return };
        if let Some(why) = self.password_refusal(&password) {
            return self.go_on(login, why, LoginState::NewPassword { name, invite });
        }
        let hash = services.pool.hash(password);
        ctx.spawn(hash.into_actor(self).map(move |hash, accounts, _| match hash {
            Ok(hash) => accounts.go_on(login, Markup::default(), LoginState::Again { name, invite, hash }),
            Err(error) => accounts.try_later(login, &error),
        }));
    }

    pub(super) fn create(&mut self, login: Login, new: NewName, ctx: &mut Context<Self>) {
        let Some(services) = self.services.clone() else { return };
        let world = &services.config.world;
        let NewName { name: typed, password, invite, confirms } = new;
        let refusal = match world.registration {
            _ if services.safe => Some(safe_mode::not_in()),
            Registration::Closed => Some(text!("Registration is closed: no new accounts are made here.")),
            Registration::Invite if world.invite_code.is_empty() || invite != world.invite_code => {
                Some(text!("A new account needs an invite code: create <name> <password> <code>"))
            }
            _ => None,
        };
        if let Some(why) = refusal.or_else(|| self.password_refusal(&password)) {
            return self.refuse(login, why);
        }
        let name = match names::parse(&typed) {
            Ok(name) => name,
            Err(why) => return self.refuse(login, text!("{}", why.to_string())),
        };
        if let Some(why) = self.name_refusal(&name) {
            return self.refuse(login, why);
        }
        let (is_exempt, now_ms) = (self.is_exempt(&login.facts), services.now_ms());
        match if is_exempt { Admission::Go } else { self.creations.begin(&login.facts.address, now_ms) } {
            Admission::Go => {}
            Admission::Busy => {
                let new = NewName { name: typed, password, invite, confirms };
                ctx.run_later(REENTER_AFTER, |accounts, ctx| accounts.create(login, new, ctx));
                return;
            }
            Admission::Wait(secs) => {
                return self.refuse(login, text!("Too many new accounts from your address. Wait {} seconds.", secs));
            }
        }
        // Nobody gets the same name while the password is being hashed.
        self.reserved.insert(name.skeleton.clone());
        let pool = services.pool.clone();
        let hash = async move {
            match confirms {
                Some(hash) => Ok(pool.verify(password, hash.clone()).await?.then_some(hash)),
                None => pool.hash(password).await.map(Some),
            }
        };
        ctx.spawn(hash.into_actor(self).map(move |hash: Result<_, DbError>, accounts, ctx| {
            accounts.reserved.remove(&name.skeleton);
            if !is_exempt {
                accounts.creations.end(&login.facts.address, matches!(hash, Ok(Some(_))), now_ms);
            }
            match hash {
                Ok(Some(hash)) => accounts.make(login, name, hash, ctx),
                Ok(None) => {
                    let state = LoginState::NewPassword { name: name.shown, invite };
                    accounts.go_on(login, text!("The two passwords differ. Please choose one again."), state);
                }
                Err(error) => accounts.try_later(login, &error),
            }
        }));
    }

    /// Makes an account with its character, then lets it in.
    fn make(&mut self, mut login: Login, name: Name, hash: String, ctx: &mut Context<Self>) {
        let Some(services) = self.services.clone() else { return };
        let Some((record, character, joins)) = self.new_account(&services, name, hash, Permission::Player) else {
            return self.refuse(login, text!("That cannot be done just now. Please try again in a moment."));
        };
        tracing::info!(account = %record.id, "account {} was made from {}", record.name, login.facts.address);
        record_account(&mut login.batch, &record, &character, &joins);
        fail_point!("accounts.made");
        self.admit(login, record, vec![character], ctx);
    }

    /// Takes note of a new account; its rows are the caller's to commit.
    fn new_account(
        &mut self,
        services: &Shared,
        name: Name,
        password_hash: String,
        permission: Permission,
    ) -> Option<(AccountRecord, Entity, Vec<ChannelId>)> {
        let account = AccountId(services.hall.ids.take()?.0);
        let new = NewAccount { account, character: services.hall.ids.take()?, name, password_hash, permission };
        let (record, entity) = new.make(services.hall.start_room, services.now_ms());
        let index = services.directory.channel_index();
        let joins: Vec<ChannelId> =
            index.iter().filter(|channel| channel.auto_join).map(|channel| channel.id).collect();
        self.subscriptions.insert(account, joins.clone());
        self.learn(AccountName {
            account,
            name: record.name.clone(),
            folded: record.folded.clone(),
            skeleton: record.skeleton.clone(),
            character: record.character,
            permission,
        });
        Some((record, entity, joins))
    }

    pub(super) fn name_refusal(&self, name: &Name) -> Option<Markup> {
        if self.by_folded.contains_key(&name.folded) {
            return Some(text!("The name {} is taken. Use \"connect\" if it is yours.", name.shown));
        }
        let is_near = self.skeletons.contains(&name.skeleton) || self.reserved.contains(&name.skeleton);
        is_near.then(|| text!("The name {} looks too much like one that is taken.", name.shown))
    }

    pub(super) fn password_refusal(&self, password: &Password) -> Option<Markup> {
        let least = self.services.as_ref()?.config.password.min_chars;
        (password.chars() < least).then(|| text!("A password has at least {} characters.", least))
    }

    pub(super) fn administer(&mut self, order: Administer) -> ResponseActFuture<Self, Result<(), String>> {
        let Administer { name: typed, password, create } = order;
        let refused = |why: String| Box::pin(async move { Err(why) }.into_actor(self));
        let Some(services) = self.services.clone() else { return refused("the server is starting".into()) };
        if let Some(trouble) = services.storage.trouble() {
            return refused(format!("the world cannot save anything just now: {}", trouble.told()));
        }
        if let Some(why) = self.password_refusal(&password) {
            return refused(crate::text::render_plain(why.as_str()));
        }
        let name = match names::parse(&typed) {
            Ok(name) => name,
            Err(why) => return refused(why.to_string()),
        };
        if create.is_some()
            && let Some(why) = self.name_refusal(&name)
        {
            return refused(crate::text::render_plain(why.as_str()));
        }
        if create.is_none() && !self.by_folded.contains_key(&name.folded) {
            return refused(format!("there is no account {typed}"));
        }
        let (pool, folded) = (services.pool.clone(), name.folded.clone());
        let hashed = async move {
            let hash = pool.hash(password).await?;
            let record = if create.is_none() { pool.read(FindAccount { folded }).await? } else { None };
            Ok::<_, DbError>((hash, record))
        };
        let done = hashed.into_actor(self).map(move |hashed, accounts, _| {
            let (hash, record) = hashed.map_err(|error| error.to_string())?;
            let mut batch = Batch::begin(None, services.now_ms());
            batch.change(Key::Accounts);
            match (create, record) {
                (Some(permission), _) => {
                    let made = accounts.new_account(&services, name, hash, permission);
                    let (record, character, joins) = made.ok_or("no ids are left; try again")?;
                    record_account(&mut batch, &record, &character, &joins);
                }
                (None, Some(mut record)) => {
                    record.password_hash = hash.clone();
                    if let Some(online) = accounts.online.get_mut(&record.id) {
                        online.record.password_hash = hash;
                        record = online.record.clone();
                    }
                    batch.changes.push(Change::Account(Box::new(record)));
                }
                (None, None) => return Err("there is no such account".into()),
            }
            Ok(services.commit_watched(batch))
        });
        // Whoever is told that it is done may log in with it at once.
        Box::pin(done.then(move |done: Result<oneshot::Receiver<()>, String>, accounts, _| {
            async move { done?.await.map_err(|_| "the server ends".to_owned()) }.into_actor(accounts)
        }))
    }
}

fn record_account(batch: &mut Batch, record: &AccountRecord, character: &Entity, joins: &[ChannelId]) {
    batch.changes.push(Change::Account(Box::new(record.clone())));
    character.changes_since(None, &mut batch.changes);
    batch.changes.extend(joins.iter().map(|channel| Change::Subscription {
        subscription: Subscription { channel: *channel, account: record.id },
        present: true,
    }));
}
