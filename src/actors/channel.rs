//! A channel: who listens, and the one place that numbers what is said on it.
//!
//! Sequence: room ─[`AskChannel`]─► channel ─Commit─► journal. Its state is [`Channel`]; messages older than those at
//! hand are read from storage, off the handler.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;

use crate::actors::batch::{Batch, Key};
use crate::actors::complaints::{self, Complaints, Concerned};
use crate::actors::meter::{self, Kind};
use crate::actors::services::{Shared, Signalled, arrived};
use crate::actors::session::ChannelsChanged;
use crate::actors::vital::Vital;
use crate::db::History;
use crate::failpoint::fail_point;
use crate::ids::{AccountId, SessionId};
use crate::mailbox;
use crate::text;
use crate::wire::Item;
use crate::world::caller::Caller;
use crate::world::channel::{Channel, Listener, shown};
use crate::world::channel_type::{AnyChannel, ChannelCx};
use crate::world::effects::ChannelRequest;
use crate::world::failure::{Failure, contain};
use crate::world::record::{Change, ChannelMessage, Subscription};
use crate::world::types::Refusal;

/// One line per session, with slack.
const CHANNEL_MAILBOX: usize = 4096;

/// Most messages that one `history` shows.
const HISTORY_MOST: u32 = 500;

/// A command's request, with its batch. Sent by the room it was typed in.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AskChannel {
    /// The command's batch.
    pub batch: Batch,
    /// Who typed it.
    pub session: SessionId,
    /// The person.
    pub caller: Arc<Caller>,
    /// What is asked.
    pub request: ChannelRequest,
}

/// An account is connected there, or nowhere any more. Sent by accounts to every channel.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Connected {
    /// The account.
    pub account: AccountId,
    /// Where.
    pub listener: Option<Listener>,
    /// It is new and listens from now on; the row is in its own batch.
    pub joins: bool,
}

/// A channel.
pub struct ChannelActor {
    _vital: Vital,
    channel: Channel,
    behaviour: Box<dyn AnyChannel>,
    services: Shared,
    complaints: Complaints,
}

impl ChannelActor {
    /// Returns the actor of a channel.
    pub fn new(channel: Channel, behaviour: Box<dyn AnyChannel>, services: Shared) -> Self {
        Self { _vital: Vital("channel"), channel, behaviour, services, complaints: Complaints::default() }
    }

    fn key(&self) -> Key {
        Key::Channel(self.channel.record.id)
    }

    fn say(&mut self, mut batch: Batch, session: SessionId, caller: &Caller, text: &str) {
        fail_point!("channel.say");
        if caller.account != AccountId(0) && !self.channel.has(caller.account) {
            batch.tell(session, text!("You do not listen to {}. Join it first.", self.channel.record.name));
            return self.services.commit(batch);
        }
        // The hook runs before the message is kept: if it panics, nothing has been said.
        let now_ms = batch.now_ms;
        let said = contain(|| {
            self.behaviour.can_speak(caller, text)?;
            let text = self.behaviour.shape_text(text.to_owned());
            let message = self.channel.next_message(Some(caller.account), &caller.name, text, now_ms);
            let mut cx = ChannelCx::new(now_ms, 0);
            let state = self.on_clone(|channel| channel.on_message(&message, &mut cx));
            Ok::<_, Refusal>((message, state, cx))
        });
        let (message, state, cx) = match said {
            Ok(Ok(said)) => said,
            Ok(Err(Refusal(why))) => {
                batch.tell(session, why);
                return self.services.commit(batch);
            }
            Err(failure) => {
                self.report(&failure);
                complaints::tell_all(&self.services, &failure, Concerned::Sessions(Vec::new()));
                batch.tell(session, text!("Something went wrong; nothing was said. It has been noted."));
                return self.services.commit(batch);
            }
        };
        if self.services.must_wait(&batch) {
            return self.services.refuse_unsaved(batch, session);
        }
        batch.change(self.key());
        self.keep(state);
        self.channel.keep(message.clone());
        let (all, events) = self.channel.audience(Some(caller.account));
        let said = shown(&self.channel.record.name, &message).into_string();
        if !events.is_empty() {
            let data = event(&self.channel.record.name, &message).to_string();
            batch.items.push(Item::Event { to: events, name: "Comm.Channel.Text".into(), data });
        }
        batch.items.push(Item::Text { to: all, text: said });
        self.record(&mut batch, cx);
        batch.changes.push(Change::Channel(Box::new(self.channel.record.clone())));
        batch.changes.push(Change::Message(Box::new(message)));
        fail_point!("channel.said");
        self.services.commit(batch);
    }

    /// Runs a hook on a clone of the type's state. Returns the clone, and how it is stored, if that is another.
    fn on_clone(&self, hook: impl FnOnce(&mut dyn AnyChannel)) -> Option<(Box<dyn AnyChannel>, String)> {
        let mut behaviour = self.behaviour.boxed();
        hook(behaviour.as_mut());
        let json = (!behaviour.same(self.behaviour.as_ref())).then(|| behaviour.to_json());
        json.map(|json| (behaviour, json))
    }

    /// Takes a state for its own. Returns false if there is none.
    fn keep(&mut self, state: Option<(Box<dyn AnyChannel>, String)>) -> bool {
        let Some((behaviour, json)) = state else { return false };
        self.behaviour = behaviour;
        self.channel.record.state = json;
        true
    }

    fn report(&self, failure: &Failure) {
        tracing::error!("the type of channel {} failed: {failure}", self.channel.record.name);
    }

    /// Tells Developers and who listens of a failure that nobody's line has caused.
    fn complain(&mut self, failure: &Failure, now_ms: i64) {
        if self.complaints.is_news(failure.to_string(), now_ms) {
            self.report(failure);
            let (listeners, _) = self.channel.audience(None);
            complaints::tell_all(&self.services, failure, Concerned::Sessions(listeners));
        }
    }

    /// Takes into the batch what a hook has shown and sent.
    fn record(&mut self, batch: &mut Batch, cx: ChannelCx) {
        let (shown, signals) = cx.into_parts();
        let (to, _) = self.channel.audience(None);
        let items = shown.into_iter().map(|text| Item::Text { to: to.clone(), text: text.into_string() });
        batch.items.extend(items);
        if let Err(failure) = self.services.send_signals(batch, self.key(), signals) {
            self.complain(&failure, batch.now_ms);
        }
    }

    fn subscribe(&mut self, mut batch: Batch, session: SessionId, caller: &Caller, listens: bool) {
        if self.channel.has(caller.account) != listens && self.services.must_wait(&batch) {
            return self.services.refuse_unsaved(batch, session);
        }
        let changes = self.channel.subscribe(caller.account, listens);
        let record = &self.channel.record;
        if !changes {
            let text = match listens {
                true => text!("You listen to {} already.", record.name),
                false => text!("You do not listen to {}.", record.name),
            };
            batch.tell(session, text);
            return self.services.commit(batch);
        }
        let subscription = Subscription { channel: record.id, account: caller.account };
        batch.changes.push(Change::Subscription { subscription, present: listens });
        let text = if listens {
            text!("You listen to {} now. Say something with: {} <text>", record.name, record.folded)
        } else {
            text!("You no longer listen to {}.", record.name)
        };
        batch.tell(session, text);
        batch.change(self.key());
        let changed = ChannelsChanged { account: caller.account, channel: record.id, listens };
        self.services.to_session(session, changed);
        mailbox::repay(&self.services.accounts, changed);
        self.services.commit(batch);
    }

    fn history(
        &mut self,
        mut batch: Batch,
        (session, caller): (SessionId, Arc<Caller>),
        (since, last): (Option<u64>, u32),
        ctx: &mut Context<Self>,
    ) {
        batch.meet(self.key());
        let last = last.clamp(1, HISTORY_MOST);
        if let Some(messages) = self.channel.recent(since, last) {
            return self.show(batch, session, &caller, &messages);
        }
        let channel = self.channel.record.id;
        let read = self.services.pool.read(History { channel, since, last });
        ctx.spawn(read.into_actor(self).map(move |messages, actor, _| match messages {
            Ok(messages) => {
                let _metered = meter::start(Kind::Channel);
                actor.show(batch, session, &caller, &messages);
            }
            Err(error) => {
                error.report("the history of a channel cannot be read");
                batch.tell(session, text!("The history cannot be read just now. Please try again."));
                actor.services.commit(batch);
            }
        }));
    }

    fn show(&self, mut batch: Batch, session: SessionId, caller: &Caller, messages: &[ChannelMessage]) {
        let name = &self.channel.record.name;
        let heard = messages.iter().filter(|m| m.account.is_none_or(|who| !caller.ignores.contains(&who)));
        let mut is_empty = true;
        for message in heard {
            is_empty = false;
            if caller.events {
                let data = event(name, message).to_string();
                batch.items.push(Item::Event { to: vec![session], name: "Comm.Channel.Text".into(), data });
            }
            batch.tell(session, text!("#{} {}", message.n, shown(name, message)));
        }
        if is_empty {
            batch.tell(session, text!("Nothing has been said on {} that you have not read.", name));
        }
        self.services.commit(batch);
    }
}

fn event(channel: &str, message: &ChannelMessage) -> serde_json::Value {
    json!({
        "channel": channel, "n": message.n, "talker": message.speaker, "text": message.text, "at": message.at,
    })
}

crate::counted!(ChannelActor, meter::waiting(meter::Kind::Channel));

impl Actor for ChannelActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(CHANNEL_MAILBOX);
    }
}

impl Handler<AskChannel> for ChannelActor {
    type Result = ();

    fn handle(&mut self, ask: AskChannel, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Channel);
        let AskChannel { batch, session, caller, request } = ask;
        match request {
            ChannelRequest::Say { text } => self.say(batch, session, &caller, &text),
            ChannelRequest::Join => self.subscribe(batch, session, &caller, true),
            ChannelRequest::Leave => self.subscribe(batch, session, &caller, false),
            ChannelRequest::History { since, last } => self.history(batch, (session, caller), (since, last), ctx),
        }
    }
}

impl Handler<Connected> for ChannelActor {
    type Result = ();

    fn handle(&mut self, connected: Connected, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Channel);
        if connected.joins {
            self.channel.subscribe(connected.account, true);
        }
        self.channel.connect(connected.account, connected.listener);
    }
}

impl Handler<Signalled> for ChannelActor {
    type Result = ();

    fn handle(&mut self, Signalled { signal, sender }: Signalled, _: &mut Self::Context) {
        let mut batch = Batch::begin(None, self.services.now_ms());
        batch.change(self.key());
        sender.into_iter().for_each(|sender| batch.meet(sender));
        batch.changes.push(Change::SignalGone(signal.id));
        let signal = arrived(&signal);
        let mut cx = ChannelCx::new(batch.now_ms, signal.hops + 1);
        match contain(|| self.on_clone(|channel| channel.on_signal(&signal, &mut cx))) {
            Ok(state) => {
                if self.keep(state) {
                    batch.changes.push(Change::Channel(Box::new(self.channel.record.clone())));
                }
                self.record(&mut batch, cx);
            }
            Err(failure) => self.complain(&failure, batch.now_ms),
        }
        self.services.commit(batch);
    }
}
