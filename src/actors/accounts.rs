//! The accounts: who may come in, who is connected, and everything that concerns a person wherever they are.
//!
//! Sequence of a login: session ─[`Enter`]─► accounts ─Verify─► hasher … accounts ─Arrive─► room ─Commit─► journal.
//! Sequence of a command: room ─[`AskAccounts`]─► accounts ─Commit─► journal.
//! Hashing and reading happen elsewhere; while they do, the actor answers others.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::actors::accounts::throttle::Throttle;
use crate::actors::batch::{Batch, Key};
use crate::actors::channel::Connected;
use crate::actors::meter::{self, Kind};
use crate::actors::services::Shared;
use crate::actors::session::{ChannelsChanged, Ended, with_facts};
use crate::actors::vital::Vital;
use crate::db::{AccountName, Password, Trouble};
use crate::failpoint::fail_point;
use crate::ids::{AccountId, ChannelId, SessionId};
use crate::mailbox;
use crate::text;
use crate::text::Markup;
use crate::wire::{Facts, Item};
use crate::world::caller::Caller;
use crate::world::channel::Listener;
use crate::world::effects::AccountsRequest;
use crate::world::record::{AccountRecord, Change, Permission, StoredTell, Subscription};

mod creating;
mod entering;
pub mod keepers;
mod requests;
mod throttle;

pub(crate) use requests::start_channel;

/// One line per session, with slack.
const ACCOUNTS_MAILBOX: usize = 16 * 1024;

/// The services are there, and what was stored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Begin {
    /// The services.
    pub services: Shared,
    /// Every account's names.
    pub names: Vec<AccountName>,
    /// Who listens to what.
    pub subscriptions: Vec<Subscription>,
    /// Accounts in the world, with their sessions as they were stored.
    pub online: Vec<(AccountRecord, SessionId, Facts)>,
}

/// A session wants in. Sent by a session in login mode, which waits for the answer.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Enter {
    /// The line's batch.
    pub batch: Batch,
    /// The session.
    pub session: SessionId,
    /// What is known of it.
    pub facts: Facts,
    /// What it asks.
    pub entry: Entry,
}

/// What is asked before there is an account.
#[derive(Debug)]
pub enum Entry {
    /// Who is connected?
    Who,
    /// Is there an account of that name?
    Greet {
        /// As typed.
        name: String,
    },
    /// Log in.
    Connect {
        /// As typed.
        name: String,
        /// As typed.
        password: Password,
    },
    /// Hash a new password, to compare it with the next one.
    First {
        /// As typed.
        name: String,
        /// As typed.
        invite: String,
        /// As typed.
        password: Password,
    },
    /// Make an account and log in.
    Create {
        /// As typed.
        name: String,
        /// As typed.
        password: Password,
        /// As typed.
        invite: String,
        /// Hash that the password must fit.
        confirms: Option<String>,
    },
}

/// A login whose account was just leaving tries again. Sent by whoever found it gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Reenter {
    /// The login's batch.
    pub batch: Batch,
    /// The session.
    pub session: SessionId,
    /// The account; its password was right.
    pub account: AccountId,
    /// How often it has been tried.
    pub attempts: u32,
}

/// A session has taken a seat from another. Sent by the room.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Seated {
    /// The account.
    pub account: AccountId,
    /// Its session from now on.
    pub session: SessionId,
}

/// A character has left the world. Sent by the room it left; ends the batch.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Left {
    /// The batch.
    pub batch: Batch,
    /// Its account.
    pub account: AccountId,
    /// The session that drove it.
    pub session: SessionId,
}

/// A command's request, with its batch. Sent by the room it was typed in.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AskAccounts {
    /// The command's batch.
    pub batch: Batch,
    /// Who typed it.
    pub session: SessionId,
    /// The person.
    pub caller: Arc<Caller>,
    /// What is asked.
    pub request: AccountsRequest,
}

/// Makes an account, or gives it another password: what `everhall admin` asks of a running world.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), String>")]
pub struct Administer {
    /// The account's name.
    pub name: String,
    /// The new password.
    pub password: Password,
    /// What a new account may do; `None` changes the password of one that is.
    pub create: Option<Permission>,
}

/// A session's link is lost; its character stays. Sent by the session.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LinkLost {
    /// The account.
    pub account: AccountId,
    /// The session.
    pub session: SessionId,
}

/// Storage has gone away or come back, which everybody is told. Sent by the journal.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StorageTurned {
    /// What is wrong, and what the database said; `None` if nothing is wrong any more.
    pub away: Option<(Trouble, String)>,
}

/// Asks how many accounts are in the world with a live link.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub struct Players;

/// Asks for the sessions of all accounts in the world.
#[derive(Debug, Message)]
#[rtype(result = "Sessions")]
pub struct Everybody;

/// The sessions of all accounts in the world, sorted.
#[derive(Debug, Default, MessageResponse)]
pub struct Sessions {
    /// All of them.
    pub all: Vec<SessionId>,
    /// Those of Developers.
    pub developers: Vec<SessionId>,
}

/// An account whose character is in the world.
struct Online {
    session: SessionId,
    record: AccountRecord,
    facts: Facts,
    /// When it entered, in milliseconds since 1970.
    since_ms: i64,
    /// Somebody is there to read what is shown.
    is_linked: bool,
}

/// The accounts.
pub struct AccountsActor {
    _vital: Vital,
    services: Option<Shared>,
    names: FxHashMap<AccountId, AccountName>,
    by_folded: FxHashMap<String, AccountId>,
    skeletons: FxHashSet<String>,
    online: FxHashMap<AccountId, Online>,
    subscriptions: FxHashMap<AccountId, Vec<ChannelId>>,
    /// Skeletons of names whose accounts are being made.
    reserved: FxHashSet<String>,
    /// Accounts whose login is being finished, with what is known of the session that wants in.
    entering: FxHashMap<AccountId, Facts>,
    /// The last tells that were stored.
    recent_tells: VecDeque<StoredTell>,
    failures: Throttle,
    creations: Throttle,
    /// Visits of keepers' pages that were ended, with when they are forgotten, in milliseconds since 1970.
    ended_visits: FxHashMap<String, i64>,
}

impl AccountsActor {
    /// Returns the actor, which waits for [`Begin`].
    pub fn new(config: &crate::config::ThrottleConfig) -> Self {
        Self {
            _vital: Vital("accounts"),
            services: None,
            names: FxHashMap::default(),
            by_folded: FxHashMap::default(),
            skeletons: FxHashSet::default(),
            online: FxHashMap::default(),
            subscriptions: FxHashMap::default(),
            reserved: FxHashSet::default(),
            entering: FxHashMap::default(),
            recent_tells: VecDeque::new(),
            failures: Throttle::new(config.login_failures, config.login_window_secs),
            creations: Throttle::new(config.creations, config.creation_window_secs),
            ended_visits: FxHashMap::default(),
        }
    }

    fn learn(&mut self, name: AccountName) {
        self.by_folded.insert(name.folded.clone(), name.account);
        self.skeletons.insert(name.skeleton.clone());
        self.names.insert(name.account, name);
    }

    /// Returns the account of that name: exactly, else the only connected one whose name begins so.
    fn find(&self, typed: &str) -> Option<&AccountName> {
        let folded = crate::world::names::folded(typed);
        if let Some(account) = self.by_folded.get(&folded) {
            return self.names.get(account);
        }
        let mut near = self.online.keys().filter_map(|account| self.names.get(account));
        let mut near = near.by_ref().filter(|name| !folded.is_empty() && name.folded.starts_with(&folded));
        let found = near.next()?;
        near.next().is_none().then_some(found)
    }

    fn caller(&self, record: &AccountRecord, facts: &Facts) -> Caller {
        let channels = self.subscriptions.get(&record.id).cloned().unwrap_or_default();
        with_facts(&Caller::of(record, channels), facts)
    }

    /// Tells every channel where an account is now.
    fn tell_channels(&self, account: AccountId, joins: &[ChannelId]) {
        let Some(services) = &self.services else { return };
        let listener = self.online.get(&account).map(|online| Listener {
            session: online.session,
            ignores: online.record.ignores.clone(),
            events: online.facts.events,
        });
        for record in services.directory.channel_index().iter() {
            if let Some(channel) = services.directory.channel(record.id) {
                let joins = joins.contains(&record.id);
                mailbox::repay(&channel, Connected { account, listener: listener.clone(), joins });
            }
        }
    }

    /// Tells everybody, and keepers why. It depends on nothing: so it reaches those too who wait for storage.
    fn tell_of_storage(&self, away: Option<(Trouble, String)>) {
        let Some(services) = &self.services else { return };
        let sessions = |may_know: fn(&AccountRecord) -> bool| {
            let heard = self.online.values().filter(|online| online.is_linked && may_know(&online.record));
            let mut sessions: Vec<SessionId> = heard.map(|online| online.session).collect();
            sessions.sort_unstable();
            sessions
        };
        let mut batch = Batch::begin(None, services.now_ms());
        let mut tell = |to, text: Markup| batch.items.push(Item::Text { to, text: text.into_string() });
        match away {
            Some((trouble, reason)) => {
                let text = text!(
                    "|yThe world cannot save anything just now.|n You can look around and talk; whatever would change \
                     something is refused until it can."
                );
                tell(sessions(|_| true), text);
                let is_keeper = |record: &AccountRecord| record.superuser || record.permission >= Permission::Admin;
                tell(sessions(is_keeper), text!("Storage is away: {} ({}).", trouble.told(), reason));
            }
            None => tell(sessions(|_| true), text!("|yThe world can save again.|n")),
        }
        services.commit(batch);
    }

    fn leave(&mut self, mut batch: Batch, account: AccountId, session: SessionId) {
        batch.change(Key::Accounts);
        let Some(services) = self.services.clone() else { return };
        self.online.remove(&account);
        self.tell_channels(account, &[]);
        fail_point!("accounts.left");
        batch.changes.push(Change::SessionGone(session));
        services.commit(batch);
        services.to_session(session, Ended);
    }
}

crate::counted!(AccountsActor, meter::waiting(meter::Kind::Accounts));

impl Actor for AccountsActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(ACCOUNTS_MAILBOX);
    }
}

impl Handler<Begin> for AccountsActor {
    type Result = ();

    fn handle(&mut self, begin: Begin, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        let now_ms = begin.services.now_ms();
        self.services = Some(begin.services);
        begin.names.into_iter().for_each(|name| self.learn(name));
        for Subscription { account, channel } in begin.subscriptions {
            self.subscriptions.entry(account).or_default().push(channel);
        }
        for (record, session, facts) in begin.online {
            let account = record.id;
            let is_linked = !facts.protocol.is_empty();
            self.online.insert(account, Online { session, record, facts, since_ms: now_ms, is_linked });
            self.tell_channels(account, &[]);
        }
    }
}

impl Handler<Enter> for AccountsActor {
    type Result = ();

    fn handle(&mut self, enter: Enter, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        fail_point!("accounts.enter");
        self.enter(enter, ctx);
    }
}

impl Handler<Reenter> for AccountsActor {
    type Result = ();

    fn handle(&mut self, reenter: Reenter, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        self.enter_again(reenter, ctx);
    }
}

impl Handler<Seated> for AccountsActor {
    type Result = ();

    fn handle(&mut self, seated: Seated, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        fail_point!("accounts.seated");
        self.entering.remove(&seated.account);
        if let Some(online) = self.online.get_mut(&seated.account) {
            online.session = seated.session;
            online.is_linked = true;
        }
        self.tell_channels(seated.account, &[]);
    }
}

impl Handler<Left> for AccountsActor {
    type Result = ();

    fn handle(&mut self, Left { batch, account, session }: Left, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        self.leave(batch, account, session);
    }
}

impl Handler<AskAccounts> for AccountsActor {
    type Result = ();

    fn handle(&mut self, ask: AskAccounts, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        fail_point!("accounts.asked");
        self.answer(ask, ctx);
    }
}

impl Handler<ChannelsChanged> for AccountsActor {
    type Result = ();

    fn handle(&mut self, changed: ChannelsChanged, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        let channels = self.subscriptions.entry(changed.account).or_default();
        channels.retain(|channel| *channel != changed.channel);
        if changed.listens {
            channels.push(changed.channel);
        }
    }
}

impl Handler<LinkLost> for AccountsActor {
    type Result = ();

    fn handle(&mut self, lost: LinkLost, _: &mut Self::Context) {
        if let Some(online) = self.online.get_mut(&lost.account).filter(|online| online.session == lost.session) {
            online.is_linked = false;
        }
    }
}

impl Handler<StorageTurned> for AccountsActor {
    type Result = ();

    fn handle(&mut self, StorageTurned { away }: StorageTurned, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Accounts);
        self.tell_of_storage(away);
    }
}

impl Handler<Players> for AccountsActor {
    type Result = usize;

    fn handle(&mut self, _: Players, _: &mut Self::Context) -> usize {
        let _metered = meter::start(Kind::Accounts);
        self.online.values().filter(|online| online.is_linked).count()
    }
}

impl Handler<Everybody> for AccountsActor {
    type Result = Sessions;

    fn handle(&mut self, _: Everybody, _: &mut Self::Context) -> Sessions {
        let _metered = meter::start(Kind::Accounts);
        let mut sessions = Sessions::default();
        for Online { session, record, .. } in self.online.values() {
            sessions.all.push(*session);
            if record.superuser || record.permission >= Permission::Developer {
                sessions.developers.push(*session);
            }
        }
        sessions.all.sort_unstable();
        sessions.developers.sort_unstable();
        sessions
    }
}

impl Handler<Administer> for AccountsActor {
    type Result = ResponseActFuture<Self, Result<(), String>>;

    fn handle(&mut self, order: Administer, _: &mut Self::Context) -> Self::Result {
        let _metered = meter::start(Kind::Accounts);
        self.administer(order)
    }
}
