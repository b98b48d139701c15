//! Coming in: names, passwords, take-over.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use actix::prelude::*;
use serde_json::Value;

use super::creating::NewName;
use super::throttle::Admission;
use super::{AccountsActor, Enter, Entry, Online, Reenter};
use crate::actors::batch::{Batch, Key};
use crate::actors::login::LoginState;
use crate::actors::room::{Arrival, Mail};
use crate::actors::safe_mode;
use crate::actors::session::{Continue, HandOver, login_items};
use crate::actors::storage;
use crate::config::Registration;
use crate::db::{AccountById, DbError, DbPool, FindAccount, LoadCarried, Password, Tells};
use crate::failpoint::fail_point;
use crate::ids::{AccountId, ChannelId, SessionId};
use crate::mailbox;
use crate::text;
use crate::text::Markup;
use crate::wire::{Facts, Item};
use crate::world::caller::{Caller, Seat};
use crate::world::contents::Undo;
use crate::world::effects::Manner;
use crate::world::entity::Entity;
use crate::world::names;
use crate::world::record::{AccountRecord, Change, EntityRows, SessionRecord, StoredTell};
use crate::world::room::Occupant;
use crate::world::seats::Occupancy;

/// How often a login looks again for an account that is just leaving, and how long it waits in between.
const REENTER_ATTEMPTS: u32 = 100;
pub(super) const REENTER_AFTER: std::time::Duration = std::time::Duration::from_millis(20);

/// Logins ahead of one from which on it is told so.
const MENTIONED_QUEUE: usize = 8;

/// The prompt in play.
const PROMPT: &str = "> ";

/// A login on its way.
pub(super) struct Login {
    pub(super) batch: Batch,
    pub(super) session: SessionId,
    pub(super) facts: Facts,
    /// How often it has waited for another login to the same account.
    waits: u32,
}

/// What a login found in storage.
struct Found {
    carried: Option<Vec<EntityRows>>,
    tells: Vec<StoredTell>,
}

impl AccountsActor {
    pub(super) fn enter(&mut self, enter: Enter, ctx: &mut Context<Self>) {
        let Enter { mut batch, session, facts, entry } = enter;
        batch.meet(Key::Accounts);
        let waits_for_storage = self.services.as_ref().is_some_and(|services| services.must_wait(&batch));
        let login = Login { batch, session, facts, waits: 0 };
        if waits_for_storage && !matches!(entry, Entry::Who) {
            // That is true whatever becomes of what is not stored yet: so it is told at once.
            return self.refuse(Login { batch: login.batch.unmet(), ..login }, storage::closed());
        }
        match entry {
            Entry::Who => {
                let text = self.who_list(None, login.batch.now_ms);
                self.refuse(login, text);
            }
            Entry::Greet { name } => self.greet(login, &name),
            Entry::Connect { name, password } => self.connect(login, name, password, ctx),
            Entry::First { name, invite, password } => self.first(login, name, invite, password, ctx),
            Entry::Create { name, password, invite, confirms } => {
                self.create(login, NewName { name, password, invite, confirms }, ctx);
            }
        }
    }

    /// Answers a login that goes no further; the session asks for a name again.
    pub(super) fn refuse(&self, login: Login, why: Markup) {
        self.go_on(login, why, LoginState::Name);
    }

    /// Answers, and goes on with another state of the login mode.
    pub(super) fn go_on(&self, login: Login, text: Markup, state: LoginState) {
        let Login { mut batch, session, .. } = login;
        let Some(services) = &self.services else { return };
        if !text.is_empty() {
            batch.tell(session, text);
        }
        batch.items.extend(login_items(session, &state));
        services.to_session(session, Continue(state));
        services.commit(batch);
    }

    fn greet(&mut self, login: Login, typed: &str) {
        let name = match names::parse(typed) {
            Ok(name) => name,
            Err(_) if self.by_folded.contains_key(&names::folded(typed)) => {
                return self.go_on(login, Markup::default(), LoginState::Password { name: typed.to_owned() });
            }
            Err(why) => return self.refuse(login, text!("{}", why.to_string())),
        };
        if self.by_folded.contains_key(&name.folded) {
            return self.go_on(login, Markup::default(), LoginState::Password { name: name.shown });
        }
        if let Some(why) = self.name_refusal(&name) {
            return self.refuse(login, why);
        }
        let Some(services) = &self.services else { return };
        if services.safe {
            return self.refuse(login, safe_mode::not_in());
        }
        match services.config.world.registration {
            Registration::Closed => {
                self.refuse(login, text!("There is nobody called {}, and registration is closed.", name.shown));
            }
            Registration::Open => {
                let text = text!("There is nobody called {} yet. Is that to be your name?", name.shown);
                self.go_on(login, text, LoginState::MakeNew { name: name.shown });
            }
            Registration::Invite => {
                let text = text!("There is nobody called {} yet. A new account needs an invite code.", name.shown);
                self.go_on(login, text, LoginState::Invite { name: name.shown });
            }
        }
    }

    fn connect(&mut self, mut login: Login, typed: String, password: Password, ctx: &mut Context<Self>) {
        let Some(services) = self.services.clone() else { return };
        let now_ms = services.now_ms();
        match self.begin_try(&login.facts, now_ms) {
            Admission::Go => {}
            Admission::Busy => {
                ctx.run_later(REENTER_AFTER, |accounts, ctx| accounts.connect(login, typed, password, ctx));
                return;
            }
            Admission::Wait(secs) => {
                return self.refuse(login, text!("Too many failed logins from your address. Wait {} seconds.", secs));
            }
        }
        let (folded, pool) = (names::folded(&typed), services.pool.clone());
        let ahead = pool.hashes_waiting();
        if ahead >= MENTIONED_QUEUE {
            login.batch.tell(login.session, text!("There were {} logins ahead of yours.", ahead));
        }
        ctx.spawn(check(pool, folded, password).into_actor(self).map(move |checked, accounts, ctx| {
            accounts.end_try(&login.facts, matches!(checked, Ok(None)), now_ms);
            match checked {
                Ok(Some(record)) => {
                    fail_point!("accounts.verified");
                    accounts.admit(login, record, Vec::new(), ctx);
                }
                Ok(None) => {
                    tracing::info!(address = login.facts.address, "a failed login from {}", login.facts.address);
                    accounts.refuse(login, text!("That name and password do not belong together."));
                }
                Err(error) => accounts.try_later(login, &error),
            }
        }));
    }

    /// Begins a login that may fail. Nobody has more of them checked at once than may fail.
    pub(super) fn begin_try(&mut self, facts: &Facts, now_ms: i64) -> Admission {
        if self.is_exempt(facts) { Admission::Go } else { self.failures.begin(&facts.address, now_ms) }
    }

    /// Ends what [`Self::begin_try`] began.
    pub(super) fn end_try(&mut self, facts: &Facts, has_failed: bool, now_ms: i64) {
        if !self.is_exempt(facts) {
            self.failures.end(&facts.address, has_failed, now_ms);
        }
    }

    pub(super) fn try_later(&self, login: Login, error: &DbError) {
        error.report("a login cannot be checked");
        self.refuse(login, text!("That cannot be done just now. Please try again in a moment."));
    }

    /// Lets an account in whose password was right. `fresh` holds a character that is not stored yet.
    pub(super) fn admit(
        &mut self,
        login: Login,
        mut record: AccountRecord,
        fresh: Vec<Entity>,
        ctx: &mut Context<Self>,
    ) {
        let Some(services) = self.services.clone() else { return };
        let account = record.id;
        if self.entering.contains_key(&account) {
            return self.wait_behind(login, record, fresh, ctx);
        }
        // It may have been given or taken since the record was read.
        if let Some(name) = self.names.get(&account) {
            record.permission = name.permission;
        }
        if services.safe && !safe_mode::lets_through(&Caller::of(&record, Vec::new())) {
            return self.refuse(login, safe_mode::not_in());
        }
        self.entering.insert(account, login.facts.clone());
        if !fresh.is_empty() {
            let joins = self.subscriptions.get(&account).cloned().unwrap_or_default();
            return self.bring_in(login, record, fresh, Vec::new(), &joins);
        }
        let (pool, character) = (services.pool.clone(), record.character);
        let is_online = self.online.contains_key(&account);
        let found = async move {
            let carried = if is_online { None } else { pool.read(LoadCarried(character)).await? };
            Ok::<_, DbError>(Found { carried, tells: pool.read(Tells(account)).await? })
        };
        ctx.spawn(found.into_actor(self).map(move |found, accounts, ctx| {
            match (found, accounts.online.contains_key(&account)) {
                (Err(error), _) => {
                    accounts.entering.remove(&account);
                    accounts.try_later(login, &error);
                }
                (Ok(found), true) => accounts.take_over(login, account, found.tells, ctx),
                (Ok(Found { carried: None, .. }), false) if is_online => {
                    // It left while this was read: its character must be read too.
                    accounts.entering.remove(&account);
                    accounts.admit(login, record, Vec::new(), ctx);
                }
                (Ok(Found { carried: None, .. }), false) => {
                    accounts.entering.remove(&account);
                    tracing::error!(account = %account, "account {account} has no character");
                    accounts.refuse(login, text!("Your character is missing. Please tell the world's keeper."));
                }
                (Ok(Found { carried: Some(rows), tells }), false) => {
                    let rows = rows.into_iter().map(|rows| Entity::from_rows(rows, &services.hall.types)).collect();
                    accounts.bring_in(login, record, rows, tells, &[]);
                }
            }
        }));
    }

    /// Tries again in a moment: another login to the account is being finished.
    fn wait_behind(&self, mut login: Login, record: AccountRecord, fresh: Vec<Entity>, ctx: &mut Context<Self>) {
        login.waits += 1;
        if login.waits > REENTER_ATTEMPTS {
            return self.refuse(login, text!("Somebody is just logging in to that account. Please try again."));
        }
        ctx.run_later(REENTER_AFTER, |accounts, ctx| accounts.admit(login, record, fresh, ctx));
    }

    /// Gives the account's character, which is in the world, to a new session.
    fn take_over(&mut self, login: Login, account: AccountId, tells: Vec<StoredTell>, ctx: &mut Context<Self>) {
        let Some(services) = self.services.clone() else { return };
        // What is online is newer than what is stored: a change of it may be on its way to storage.
        let Some(online) = self.online.get_mut(&account) else { return };
        let Login { mut batch, session, facts, .. } = login;
        online.record.last_login_at = batch.now_ms;
        // From now on it is told what is told.
        let (old, record) = (std::mem::replace(&mut online.session, session), online.record.clone());
        online.is_linked = true;
        let caller = Arc::new(self.caller(&record, &facts));
        self.greet_in_play(&mut batch, session, record, &facts, tells);
        batch.changes.push(Change::SessionGone(old));
        if let Some(online) = self.online.get_mut(&account) {
            online.facts = facts;
        }
        batch.change(Key::Accounts);
        match services.directory.session(old) {
            Some(addr) => {
                services.opened(&batch, Key::Accounts);
                fail_point!("accounts.takes_over");
                mailbox::repay(&addr, HandOver { batch, to: session, caller });
            }
            None => {
                // Its session has just ended, and `Left` is on its way here.
                ctx.notify(Reenter { batch, session, account, attempts: 0 });
            }
        }
    }

    pub(super) fn enter_again(&mut self, reenter: Reenter, ctx: &mut Context<Self>) {
        let Reenter { mut batch, session, account, attempts } = reenter;
        let Some(services) = self.services.clone() else { return };
        if self.online.contains_key(&account) && attempts < REENTER_ATTEMPTS {
            let again = Reenter { batch, session, account, attempts: attempts + 1 };
            ctx.notify_later(again, REENTER_AFTER);
            return;
        }
        let facts = self.entering.remove(&account).unwrap_or_default();
        batch.undo();
        let login = Login { batch, session, facts, waits: 0 };
        let record = services.pool.read(AccountById(account));
        ctx.spawn(record.into_actor(self).map(move |record, accounts, ctx| match record {
            Ok(Some(record)) => accounts.admit(login, record, Vec::new(), ctx),
            Ok(None) => accounts.refuse(login, text!("That account is gone.")),
            Err(error) => accounts.try_later(login, &error),
        }));
    }

    /// Brings a character into the world from outside.
    fn bring_in(
        &mut self,
        login: Login,
        mut record: AccountRecord,
        mut entities: Vec<Entity>,
        tells: Vec<StoredTell>,
        joins: &[ChannelId],
    ) {
        let Some(services) = self.services.clone() else { return };
        let Login { mut batch, session, facts, .. } = login;
        let account = record.id;
        let caller = Arc::new(self.caller(&record, &facts));
        let since_ms = batch.now_ms;
        record.last_login_at = since_ms;
        let room = entities.first().and_then(|character| character.location.or(character.left_from));
        let room = room.unwrap_or(services.hall.start_room);
        if let Some(character) = entities.first_mut() {
            // Between the worlds: the room it enters gives it its place.
            character.location = None;
        }
        self.greet_in_play(&mut batch, session, record.clone(), &facts, tells);
        self.entering.remove(&account);
        self.online.insert(account, Online { session, record, facts, since_ms, is_linked: true });
        self.tell_channels(account, joins);
        batch.change(Key::Accounts);
        services.opened(&batch, Key::Accounts);
        let mut occupancy = Occupancy::default();
        occupancy.seats.push(Seat { session, caller });
        let party = vec![Occupant { entities, occupancy: Some(occupancy) }];
        let arrival = Arrival { batch, party, from: None, manner: Manner::Login, undo: Undo::default() };
        services.to_room(room, Mail::Arrive(arrival));
        fail_point!("accounts.brought_in");
    }

    /// Adds what every login shows and stores: the session's row, the time, what was told meanwhile.
    fn greet_in_play(
        &mut self,
        batch: &mut Batch,
        session: SessionId,
        record: AccountRecord,
        facts: &Facts,
        tells: Vec<StoredTell>,
    ) {
        let Some(services) = &self.services else { return };
        let motd = &services.config.world.message_of_the_day;
        let row = session_row(session, &record, batch);
        batch.changes.push(Change::Session(Box::new(row)));
        batch.items.push(Item::Note { to: session, note: Vec::new() });
        batch.items.push(Item::Secret { to: session, on: false });
        batch.items.push(Item::Prompt { to: session, text: PROMPT.to_owned() });
        if let Value::Object(options) = &record.options {
            batch.items.extend(options.iter().filter_map(|(name, value)| {
                let value = value.as_str()?.to_owned();
                Some(Item::Setting { to: session, name: name.clone(), value })
            }));
        }
        batch.tell(session, text!("Welcome, {}.", record.name));
        if !motd.is_empty() {
            batch.tell(session, Markup::from_markup(motd.as_str()));
        }
        let recent = std::mem::take(&mut self.recent_tells).into_iter();
        let (late, others): (VecDeque<_>, _) = recent.partition(|tell| tell.to == record.id);
        self.recent_tells = others;
        let late: Vec<_> = late.into_iter().filter(|late| tells.iter().all(|tell| tell.id != late.id)).collect();
        for tell in tells.into_iter().chain(late) {
            if !record.ignores.contains(&tell.from) {
                batch.tell(session, text!("While you were away, {} told you, \"{}\"", tell.speaker, tell.text));
            }
            batch.changes.push(Change::TellGone(tell.id));
        }
        tracing::info!(session = %session, account = %record.id, "{} logged in from {}", record.name, facts.address);
        batch.changes.push(Change::Account(Box::new(record)));
    }

    pub(super) fn is_exempt(&self, facts: &Facts) -> bool {
        let exempt_loopback = self.services.as_ref().is_some_and(|s| s.config.throttle.exempt_loopback);
        exempt_loopback && facts.address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Returns the account if the password is its own. A name that nobody has takes as long.
pub(super) async fn check(pool: DbPool, folded: String, password: Password) -> Result<Option<AccountRecord>, DbError> {
    let Some(record) = pool.read(FindAccount { folded }).await? else {
        pool.verify_nobody(password).await?;
        return Ok(None);
    };
    let fits = pool.verify(password, record.password_hash.clone()).await?;
    Ok(fits.then_some(record))
}

fn session_row(session: SessionId, record: &AccountRecord, batch: &Batch) -> SessionRecord {
    SessionRecord {
        session,
        account: record.id,
        puppet: record.character,
        cursor: batch.origin.map_or(0, |origin| origin.n),
        mode: Value::Null,
        lost_at: None,
    }
}
