//! Keepers at the web pages: who may come in, and whether they still may.
//!
//! Sequence of a login: web ─[`Admit`]─► accounts ─Verify─► hasher … accounts ─reply─► web.
//! Each page after that: web ─[`Revisit`]─► accounts ─reply─► web. A visit is named by its token, which the web makes.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix::prelude::*;

use super::AccountsActor;
use super::entering::check;
use super::throttle::Admission;
use crate::actors::meter::{self, Kind};
use crate::db::{AccountById, Password};
use crate::ids::AccountId;
use crate::wire::Facts;
use crate::world::names;
use crate::world::record::{AccountRecord, Permission};

/// Most ended visits that are remembered; beyond that, those are forgotten that could not be used any more.
const ENDED_VISITS: usize = 10_000;

/// Asks whether a name and a password open the pages.
#[derive(Debug, Message)]
#[rtype(result = "Result<Keeper, Barred>")]
pub struct Admit {
    /// As typed.
    pub name: String,
    /// As typed.
    pub password: Password,
    /// The peer's address.
    pub address: String,
}

/// Asks whether an account that was let in may still go on.
#[derive(Debug, Message)]
#[rtype(result = "Result<Keeper, Barred>")]
pub struct Revisit {
    /// The account.
    pub account: AccountId,
    /// The visit.
    pub token: String,
}

/// Ends a visit: its token opens nothing from here on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct EndVisit {
    /// The visit.
    pub token: String,
    /// When the token would be of no use any more, in milliseconds since 1970.
    pub until_ms: i64,
}

/// Somebody who may see the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Differs when its password does.
    pub password_mark: u64,
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Barred {
    /// The name, the password or the permission is not right; which of them is not said.
    #[error("That name and password do not open this door.")]
    Refused,
    /// The address must wait.
    #[error("Too many failed logins from your address. Wait {0} seconds.")]
    Throttled(i64),
    /// Storage cannot be read, or the server is only starting.
    #[error("That cannot be done just now. Please try again in a moment.")]
    Later,
}

/// Returns the keeper that an account is; `None` if it is not one.
fn keeper(record: &AccountRecord) -> Option<Keeper> {
    (record.superuser || record.permission >= Permission::Admin).then(|| {
        let mut mark = DefaultHasher::new();
        record.password_hash.hash(&mut mark);
        Keeper { account: record.id, name: record.name.clone(), password_mark: mark.finish() }
    })
}

impl Handler<Admit> for AccountsActor {
    type Result = ResponseActFuture<Self, Result<Keeper, Barred>>;

    fn handle(&mut self, Admit { name, password, address }: Admit, _: &mut Self::Context) -> Self::Result {
        let _metered = meter::start(Kind::Accounts);
        let refused = |why| -> Self::Result { Box::pin(actix::fut::ready(Err(why))) };
        let Some(services) = self.services.clone() else { return refused(Barred::Later) };
        let facts = Facts { address, ..Facts::default() };
        let now_ms = services.now_ms();
        match self.begin_try(&facts, now_ms) {
            Admission::Go => {}
            Admission::Busy => return refused(Barred::Later),
            Admission::Wait(secs) => return refused(Barred::Throttled(secs)),
        }
        let checked = check(services.pool.clone(), names::folded(&name), password);
        Box::pin(checked.into_actor(self).map(move |checked, accounts, _| {
            let keeper = checked.map(|record| record.as_ref().and_then(keeper));
            // A password that is right but not a keeper's counts too: the throttle must not tell them apart.
            accounts.end_try(&facts, matches!(keeper, Ok(None)), now_ms);
            let keeper = keeper.map_err(|error| {
                error.report("a keeper's login cannot be checked");
                Barred::Later
            })?;
            match keeper {
                Some(keeper) => {
                    tracing::info!(account = %keeper.account, "{} opened the pages from {}", keeper.name, facts.address);
                    Ok(keeper)
                }
                None => {
                    tracing::info!(address = facts.address, "a failed login to the pages from {}", facts.address);
                    Err(Barred::Refused)
                }
            }
        }))
    }
}

impl Handler<Revisit> for AccountsActor {
    type Result = ResponseActFuture<Self, Result<Keeper, Barred>>;

    fn handle(&mut self, Revisit { account, token }: Revisit, _: &mut Self::Context) -> Self::Result {
        let _metered = meter::start(Kind::Accounts);
        let answer = |answer| -> Self::Result { Box::pin(actix::fut::ready(answer)) };
        if self.ended_visits.contains_key(&token) {
            return answer(Err(Barred::Refused));
        }
        // What an account in the world may do is known here first.
        if let Some(online) = self.online.get(&account) {
            return answer(keeper(&online.record).ok_or(Barred::Refused));
        }
        let Some(services) = self.services.clone() else { return answer(Err(Barred::Later)) };
        let record = services.pool.read(AccountById(account));
        Box::pin(record.into_actor(self).map(move |record, accounts, _| {
            let mut record = record.map_err(|_| Barred::Later)?.ok_or(Barred::Refused)?;
            // A change that is not stored yet.
            record.permission = accounts.names.get(&account).map_or(record.permission, |name| name.permission);
            keeper(&record).ok_or(Barred::Refused)
        }))
    }
}

impl Handler<EndVisit> for AccountsActor {
    type Result = ();

    fn handle(&mut self, EndVisit { token, until_ms }: EndVisit, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        let now_ms = self.services.as_ref().map_or(0, |services| services.now_ms());
        if self.ended_visits.len() >= ENDED_VISITS {
            self.ended_visits.retain(|_, until_ms| *until_ms > now_ms);
        }
        self.ended_visits.insert(token, until_ms);
    }
}
