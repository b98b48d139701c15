//! What commands ask of the accounts.

use std::fmt::Write as _;
use std::sync::Arc;

use actix::prelude::*;

use super::{AccountsActor, AskAccounts};
use crate::actors::batch::{Batch, Key};
use crate::actors::channel::ChannelActor;
use crate::actors::services::Shared;
use crate::actors::session::{CallerChanged, ChannelsChanged, Dismiss};
use crate::db::{AccountById, DbError, Password};
use crate::failpoint::fail_point;
use crate::ids::{AccountId, ChannelId, SessionId};
use crate::mailbox;
use crate::text;
use crate::text::Markup;
use crate::wire::Item;
use crate::world::caller::Caller;
use crate::world::channel::{Channel, ChannelIndex};
use crate::world::channel_type::{AnyChannel, ChannelType, PlainChannel};
use crate::world::effects::AccountsRequest;
use crate::world::failure::{NOTHING_DONE, contain};
use crate::world::names;
use crate::world::record::{AccountRecord, Change, ChannelRecord, Permission, StoredTell, Subscription};

/// Stored tells that are also kept at hand, for logins that were under way when they came.
const RECENT_TELLS: usize = 256;

/// Most channels a world has.
const CHANNELS_MOST: usize = 500;

/// Display options, with what they take. `auto` goes by what the client tells of itself.
const OPTIONS: [(&str, &[&str]); 4] = [
    ("screenreader", &["on", "off"]),
    ("color", &["auto", "none", "16", "256", "true"]),
    ("utf8", &["on", "off"]),
    ("width", &["auto"]),
];

/// Who asks, with the batch of the command.
struct Asking {
    batch: Batch,
    session: SessionId,
    caller: Arc<Caller>,
}

impl AccountsActor {
    pub(super) fn answer(&mut self, ask: AskAccounts, ctx: &mut Context<Self>) {
        let AskAccounts { mut batch, session, caller, request } = ask;
        batch.meet(Key::Accounts);
        let asking = Asking { batch, session, caller };
        match request {
            AccountsRequest::Who => {
                let text = self.who_list(Some(&asking.caller), asking.batch.now_ms);
                self.reply(asking, text);
            }
            AccountsRequest::Tell { to, text } => self.tell(asking, &to, text),
            AccountsRequest::Password { old, new } => self.change_password(asking, old.into(), new.into(), ctx),
            AccountsRequest::Option { name, value } => self.set_option(asking, &name, &value),
            AccountsRequest::Ignore { name } => self.ignore(asking, name.as_deref()),
            AccountsRequest::Permission { name, permission } => self.permission(asking, &name, permission, ctx),
            AccountsRequest::Boot { name, reason } => self.boot(asking, &name, &reason),
            AccountsRequest::Wall { text } => self.wall(asking, &text),
            AccountsRequest::CreateChannel { name, description, type_name } => {
                self.create_channel(asking, &name, description, type_name);
            }
        }
    }

    fn reply(&self, mut asking: Asking, text: Markup) {
        asking.batch.tell(asking.session, text);
        fail_point!("accounts.answered");
        if let Some(services) = &self.services {
            services.commit(asking.batch);
        }
    }

    /// Tells whether what is asked must not be done because it cannot be stored; then it is refused.
    fn must_wait(&self, asking: &Asking) -> bool {
        self.services.as_ref().is_some_and(|services| services.must_wait(&asking.batch))
    }

    fn refuse_unsaved(&self, asking: Asking) {
        if let Some(services) = &self.services {
            services.refuse_unsaved(asking.batch, asking.session);
        }
    }

    fn nobody(&self, asking: Asking, name: &str) {
        let known = self.names.values().map(|known| known.name.as_str());
        let near = crate::world::search::suggest(name, known, 3);
        let text = if near.is_empty() {
            text!("There is nobody called \"{}\".", name)
        } else {
            text!("There is nobody called \"{}\". Did you mean {}?", name, near.join(" or "))
        };
        self.reply(asking, text);
    }

    /// Returns who is connected, as `asker` may see it; before login there is no asker.
    pub(super) fn who_list(&self, asker: Option<&Caller>, now_ms: i64) -> Markup {
        let mut online: Vec<_> = self.online.values().collect();
        online.sort_by(|a, b| a.record.folded.cmp(&b.record.folded));
        let sees_all = asker.is_some_and(|asker| asker.may(Permission::Admin));
        let mut text = text!("|w{:<30} {:>9}|n", "Name", "Connected");
        for who in &online {
            let minutes = (now_ms - who.since_ms).max(0) / 60_000;
            let mut since = String::new();
            let _ = match minutes {
                0..=59 => write!(since, "{minutes}m"),
                60..=1439 => write!(since, "{}h {:02}m", minutes / 60, minutes % 60),
                _ => write!(since, "{}d {}h", minutes / 1440, minutes / 60 % 24),
            };
            text.push(&text!("\n{:<30} {:>9}", who.record.name.as_str(), since));
            if sees_all {
                text.push(&text!("  {} {}", who.facts.protocol.as_str(), who.facts.address.as_str()));
            }
        }
        let count = if online.len() == 1 { "1 player".into() } else { format!("{} players", online.len()) };
        text.push(&text!("\n{} in the world.", count));
        text
    }

    fn tell(&mut self, mut asking: Asking, to: &str, said: String) {
        let Some(services) = self.services.clone() else { return };
        let Some(name) = self.find(to).cloned() else { return self.nobody(asking, to) };
        let speaker = asking.caller.name.clone();
        if let Some(online) = self.online.get(&name.account).filter(|online| online.is_linked) {
            if online.record.ignores.contains(&asking.caller.account) {
                return self.reply(asking, text!("{} does not want to hear from you.", name.name));
            }
            asking.batch.tell(online.session, text!("{} tells you, \"{}\"", speaker, said));
            return self.reply(asking, text!("You tell {}, \"{}\"", name.name, said));
        }
        if self.must_wait(&asking) {
            return self.refuse_unsaved(asking);
        }
        let Some(id) = services.hall.ids.take() else {
            return self.reply(asking, text!("That cannot be kept just now. Please try again."));
        };
        let text = text!("{} is not here and will read it at their next login: \"{}\"", name.name, said);
        let tell = StoredTell {
            id: id.0,
            to: name.account,
            from: asking.caller.account,
            speaker: speaker.to_string(),
            text: said,
            at: asking.batch.now_ms,
        };
        // A login that is under way may have read what is stored already.
        if self.recent_tells.len() == RECENT_TELLS {
            self.recent_tells.pop_front();
        }
        self.recent_tells.push_back(tell.clone());
        asking.batch.changes.push(Change::Tell(Box::new(tell)));
        asking.batch.change(Key::Accounts);
        self.reply(asking, text);
    }

    fn change_password(&mut self, asking: Asking, old: Password, new: Password, ctx: &mut Context<Self>) {
        let Some(services) = self.services.clone() else { return };
        if let Some(why) = self.password_refusal(&new) {
            return self.reply(asking, why);
        }
        if self.must_wait(&asking) {
            return self.refuse_unsaved(asking);
        }
        let Some(online) = self.online.get(&asking.caller.account) else { return self.reply(asking, not_yours()) };
        let (pool, hash) = (services.pool.clone(), online.record.password_hash.clone());
        let hashed = async move {
            if !pool.verify(old, hash).await? {
                return Ok(None);
            }
            pool.hash(new).await.map(Some)
        };
        ctx.spawn(hashed.into_actor(self).map(move |hashed: Result<_, DbError>, accounts, _| match hashed {
            Ok(Some(hash)) => accounts.edit(asking, text!("Your password is changed."), |record| {
                record.password_hash = hash;
            }),
            Ok(None) => accounts.reply(asking, text!("That is not your present password.")),
            Err(error) => {
                error.report("a password cannot be changed");
                accounts.reply(asking, text!("That cannot be done just now. Please try again."));
            }
        }));
    }

    /// Changes the caller's own account and answers.
    fn edit(&mut self, mut asking: Asking, text: Markup, edit: impl FnOnce(&mut AccountRecord)) {
        if self.must_wait(&asking) {
            return self.refuse_unsaved(asking);
        }
        let account = asking.caller.account;
        let Some(online) = self.online.get_mut(&account) else { return self.reply(asking, not_yours()) };
        edit(&mut online.record);
        asking.batch.changes.push(Change::Account(Box::new(online.record.clone())));
        asking.batch.change(Key::Accounts);
        self.spread(account);
        self.reply(asking, text);
    }

    /// Lets the session and the channels know that an account has changed.
    fn spread(&self, account: AccountId) {
        let (Some(services), Some(online)) = (&self.services, self.online.get(&account)) else { return };
        let caller = Arc::new(self.caller(&online.record, &online.facts));
        services.to_session(online.session, CallerChanged(caller));
        self.tell_channels(account, &[]);
    }

    fn set_option(&mut self, mut asking: Asking, name: &str, value: &str) {
        let (name, value) = (name.to_lowercase(), value.to_lowercase());
        let Some((name, values)) = OPTIONS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<String> = OPTIONS.iter().map(|(known, _)| (*known).to_owned()).collect();
            let known = crate::text::english::list(&known);
            return self.reply(asking, text!("There is no option \"{}\"; there are {}.", name, known));
        };
        let is_width = *name == "width" && value.parse::<u16>().is_ok_and(|width| (20..=500).contains(&width));
        if !values.contains(&value.as_str()) && !is_width {
            let mut values = values.join(", ");
            if *name == "width" {
                values.push_str(" or a number from 20 to 500");
            }
            return self.reply(asking, text!("{} takes {}.", *name, values));
        }
        let (name, session) = ((*name).to_owned(), asking.session);
        asking.batch.items.push(Item::Setting { to: session, name: name.clone(), value: value.clone() });
        let text = text!("{} is now {}.", name, value);
        self.edit(asking, text, |record| {
            if !record.options.is_object() {
                record.options = serde_json::json!({});
            }
            record.options[name] = value.into();
        });
    }

    fn ignore(&mut self, asking: Asking, name: Option<&str>) {
        let Some(name) = name else {
            let names = asking.caller.ignores.iter().filter_map(|id| Some(self.names.get(id)?.name.clone()));
            let names: Vec<String> = names.collect();
            let text = if names.is_empty() {
                text!("You do not ignore anybody.")
            } else {
                text!("You ignore {}.", crate::text::english::list(&names))
            };
            return self.reply(asking, text);
        };
        let Some(who) = self.find(name).cloned() else { return self.nobody(asking, name) };
        if who.account == asking.caller.account {
            return self.reply(asking, text!("You cannot ignore yourself."));
        }
        if asking.caller.ignores.contains(&who.account) {
            let text = text!("You no longer ignore {}.", who.name);
            return self.edit(asking, text, |record| record.ignores.retain(|id| *id != who.account));
        }
        let text = text!("You ignore {} from now on.", who.name);
        self.edit(asking, text, |record| record.ignores.push(who.account));
    }

    fn permission(&mut self, asking: Asking, name: &str, wanted: Option<Permission>, ctx: &mut Context<Self>) {
        let Some(services) = self.services.clone() else { return };
        let Some(who) = self.find(name).cloned() else { return self.nobody(asking, name) };
        let Some(wanted) = wanted else {
            return self.reply(asking, text!("{} is a {}.", who.name, who.permission.name()));
        };
        let highest = if asking.caller.superuser { Permission::Developer } else { asking.caller.permission };
        if wanted > highest || (who.permission > highest && !asking.caller.superuser) {
            return self.reply(asking, text!("You can neither give nor take more than you have yourself."));
        }
        let record = services.pool.read(AccountById(who.account));
        ctx.spawn(record.into_actor(self).map(move |record, accounts, _| {
            let stored = record.ok().flatten();
            let record = accounts.online.get(&who.account).map(|online| online.record.clone()).or(stored);
            let Some(mut record) = record else {
                return accounts.reply(asking, text!("That cannot be done just now. Please try again."));
            };
            if record.superuser && !asking.caller.superuser {
                return accounts.reply(asking, text!("{} is beyond your reach.", record.name));
            }
            if accounts.must_wait(&asking) {
                return accounts.refuse_unsaved(asking);
            }
            record.permission = wanted;
            accounts.keep_permission(asking, record);
        }));
    }

    fn keep_permission(&mut self, mut asking: Asking, record: AccountRecord) {
        let (account, permission) = (record.id, record.permission);
        let text = text!("{} is now a {}.", record.name, permission.name());
        if let Some(name) = self.names.get_mut(&account) {
            name.permission = permission;
        }
        asking.batch.changes.push(Change::Account(Box::new(record.clone())));
        asking.batch.change(Key::Accounts);
        if let Some(online) = self.online.get_mut(&account) {
            online.record = record;
            let told = text!("{} has made you a {}.", asking.caller.name, permission.name());
            asking.batch.tell(online.session, told);
        }
        self.spread(account);
        self.reply(asking, text);
    }

    fn boot(&mut self, mut asking: Asking, name: &str, reason: &str) {
        let Some(services) = self.services.clone() else { return };
        let Some(who) = self.find(name).cloned() else { return self.nobody(asking, name) };
        let Some(online) = self.online.get(&who.account) else {
            return self.reply(asking, text!("{} is not in the world.", who.name));
        };
        let is_above = online.record.superuser || who.permission > asking.caller.permission;
        if is_above && !asking.caller.superuser {
            return self.reply(asking, text!("{} is beyond your reach.", who.name));
        }
        if self.must_wait(&asking) {
            return self.refuse_unsaved(asking);
        }
        let told = match reason {
            "" => text!("You have been disconnected by {}.", asking.caller.name),
            reason => text!("You have been disconnected by {}: {}", asking.caller.name, reason),
        };
        tracing::info!(account = %who.account, "{} was booted by {}", who.name, asking.caller.name);
        asking.batch.tell(asking.session, text!("You disconnect {}.", who.name));
        asking.batch.tell(online.session, told);
        asking.batch.items.push(Item::Close { to: online.session, reason: "booted".into() });
        match services.directory.session(online.session) {
            Some(addr) => mailbox::repay(&addr, Dismiss(asking.batch)),
            None => services.commit(asking.batch),
        }
    }

    fn wall(&mut self, mut asking: Asking, said: &str) {
        let mut to: Vec<SessionId> = self.online.values().map(|online| online.session).collect();
        if !to.contains(&asking.session) {
            to.push(asking.session);
        }
        to.sort_unstable();
        let text = text!("|y{} announces:|n {}", asking.caller.name, said);
        asking.batch.items.push(Item::Text { to, text: text.into_string() });
        if let Some(services) = &self.services {
            services.commit(asking.batch);
        }
    }

    fn create_channel(&mut self, mut asking: Asking, name: &str, description: String, type_name: Option<String>) {
        let Some(services) = self.services.clone() else { return };
        let index = services.directory.channel_index();
        let name = match names::parse(name) {
            Ok(name) => name,
            Err(why) => return self.reply(asking, text!("{}", why.to_string())),
        };
        if name.shown.contains(' ') {
            return self.reply(asking, text!("A channel's name is one word."));
        }
        if index.find(&name.folded).is_some() || services.hall.commands.find(&name.folded).is_some() {
            return self.reply(asking, text!("The name {} is taken.", name.shown));
        }
        if index.iter().count() >= CHANNELS_MOST {
            return self.reply(asking, text!("There are too many channels already."));
        }
        if self.must_wait(&asking) {
            return self.refuse_unsaved(asking);
        }
        let Some(id) = services.hall.ids.take() else {
            return self.reply(asking, text!("That cannot be done just now. Please try again."));
        };
        let type_name = type_name.unwrap_or_else(|| PlainChannel::TYPE.to_owned());
        let made = contain(|| services.hall.channels.fresh(&type_name).map(|made| (made.to_json(), made)));
        let Ok(Some((state, made))) = made else {
            return self.reply(asking, Markup::plain(NOTHING_DONE));
        };
        let record = ChannelRecord {
            id: ChannelId(id.0),
            name: name.shown.clone(),
            folded: name.folded.clone(),
            aliases: Vec::new(),
            description,
            auto_join: false,
            last_message: 0,
            permission: Permission::Guest,
            type_name,
            state,
        };
        let account = asking.caller.account;
        let subscription = Subscription { channel: record.id, account };
        asking.batch.changes.push(Change::Channel(Box::new(record.clone())));
        asking.batch.changes.push(Change::Subscription { subscription, present: true });
        asking.batch.change(Key::Accounts);
        let channels: Vec<ChannelRecord> = index.iter().cloned().chain([record.clone()]).collect();
        services.directory.set_channel_index(ChannelIndex::new(channels));
        start_channel(&services, record, made, vec![account]);
        self.subscriptions.entry(account).or_default().push(ChannelId(id.0));
        // The channel was not there when everybody was told who is connected.
        self.online.keys().for_each(|account| self.tell_channels(*account, &[]));
        let changed = ChannelsChanged { account, channel: ChannelId(id.0), listens: true };
        services.to_session(asking.session, changed);
        let text = text!("The channel {} is made. Say something with: {} <text>", name.shown, name.folded);
        self.reply(asking, text);
    }
}

/// Starts a channel's actor and enters it in the directory.
pub(crate) fn start_channel(
    services: &Shared,
    record: ChannelRecord,
    behaviour: Box<dyn AnyChannel>,
    subscribers: Vec<AccountId>,
) {
    let id = record.id;
    let actor = ChannelActor::new(Channel::new(record, subscribers), behaviour, services.clone());
    let addr = ChannelActor::start_in_arbiter(services.arbiter(id.0), |_| actor);
    services.directory.add_channel(id, addr);
}

fn not_yours() -> Markup {
    text!("That needs an account of your own in the world.")
}
