//! A session: one connection of one person, from the welcome screen to `quit`.
//!
//! Sequence before login: link ─[`Run`]─► session ─Enter─► accounts … room ─[`Playing`]─► session.
//! Sequence in play: link ─[`Run`]─► session ─Input─► room ─Commit─► journal. The portal sends the next line when that one
//! is acknowledged, so a session never has two under way. When its link is lost, the session stays for a while: it
//! owns the time after which its character leaves the world.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;

use crate::actors::accounts::{Enter, Entry, LinkLost, Reenter};
use crate::actors::batch::{Batch, Key};
use crate::actors::login::{LoginState, Step};
use crate::actors::meter::{self, Kind};
use crate::actors::room::{Mail, keeper};
use crate::actors::safe_mode;
use crate::actors::services::Shared;
use crate::actors::storage::LATER;
use crate::actors::vital::Vital;
use crate::failpoint::fail_point;
use crate::ids::{AccountId, ChannelId, EntityId, RoomId, SessionId};
use crate::mailbox;
use crate::text;
use crate::text::Markup;
use crate::wire::{Facts, Item, Line, Origin};
use crate::world::caller::{Caller, Seat};
use crate::world::record::{Change, SessionRecord};

mod inspect;

pub use inspect::{Inspect, SessionSeen};

/// One line in flight, and a handful of facts.
const SESSION_MAILBOX: usize = 64;

/// How long a session that is over still answers.
const LINGER: Duration = Duration::from_secs(2);

/// Runs a line. Sent by the link, which sends no other until this one's group has left.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Run(pub Line);

/// What is known of the other end changed. Sent by the link.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FactsChanged(pub Facts);

/// The socket is gone for good. Sent by the link.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LinkClosed;

/// The login mode goes on. Sent by accounts, before the answer is committed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Continue(pub LoginState);

/// The session's puppet is in that room. Sent by the room on arrival and on take-over.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Playing {
    /// The person.
    pub caller: Arc<Caller>,
    /// The character.
    pub puppet: EntityId,
    /// Where it is.
    pub room: RoomId,
}

/// The puppet is in another room. Sent by the room it came to.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Moved(pub RoomId);

/// The account behind the session changed. Sent by accounts.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CallerChanged(pub Arc<Caller>);

/// An account started or stopped listening to a channel. Sent by the channel, to accounts too.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ChannelsChanged {
    /// The account.
    pub account: AccountId,
    /// The channel.
    pub channel: ChannelId,
    /// It listens.
    pub listens: bool,
}

/// Another session gets the puppet. Sent by accounts; passed on to the room, which ends the batch.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct HandOver {
    /// The login's batch.
    pub batch: Batch,
    /// The new session.
    pub to: SessionId,
    /// Its person.
    pub caller: Arc<Caller>,
}

/// The puppet shall leave the world. Sent by accounts for a `boot`; passed on to the room.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Dismiss(pub Batch);

/// The session is over: its character has left the world. Sent by accounts.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Ended;

enum Mode {
    Login(LoginState),
    /// A login is under way; what follows it comes as a message.
    Entering,
    Play {
        caller: Arc<Caller>,
        puppet: EntityId,
        room: RoomId,
        /// Its link is lost.
        is_lost: bool,
    },
    Over,
}

/// A session.
pub struct SessionActor {
    _vital: Vital,
    id: SessionId,
    facts: Facts,
    mode: Mode,
    /// The last line that was run.
    n: u64,
    /// The welcome screen has been shown.
    is_greeted: bool,
    services: Shared,
    fading: Option<SpawnHandle>,
    /// When it was opened, in milliseconds since 1970; `None` if that was before this server started.
    opened_ms: Option<i64>,
    /// When this server got its last line.
    typed_at: Option<Instant>,
}

impl SessionActor {
    /// Returns a session that has just been opened.
    pub fn new(id: SessionId, facts: Facts, services: Shared) -> Self {
        Self {
            _vital: Vital("session"),
            id,
            facts,
            mode: Mode::Login(LoginState::default()),
            n: 0,
            is_greeted: false,
            opened_ms: Some(services.now_ms()),
            typed_at: None,
            services,
            fading: None,
        }
    }

    /// Returns a session that was opened before this server started and has not logged in.
    pub fn resumed(id: SessionId, facts: Facts, note: &[u8], acked: u64, services: Shared) -> Self {
        // Without a note the welcome screen has not reached the portal: it is shown now.
        let mode = serde_json::from_slice(note).map_or_else(|_| Mode::Login(LoginState::default()), Mode::Login);
        Self { mode, n: acked, is_greeted: !note.is_empty(), opened_ms: None, ..Self::new(id, facts, services) }
    }

    /// Returns a session that has logged in before this server started; `facts` is `None` if its link is lost.
    pub fn restored(
        row: &SessionRecord,
        facts: Option<Facts>,
        caller: Arc<Caller>,
        room: RoomId,
        services: Shared,
    ) -> Self {
        let is_lost = facts.is_none();
        let mode = Mode::Play { caller, puppet: row.puppet, room, is_lost };
        Self { mode, n: row.cursor, opened_ms: None, ..Self::new(row.session, facts.unwrap_or_default(), services) }
    }

    fn begin(&self, n: Option<u64>) -> Batch {
        let origin = n.map(|n| Origin { session: self.id, n });
        let mut batch = Batch::begin(origin, self.services.now_ms());
        batch.meet(Key::Session(self.id));
        batch
    }

    fn run(&mut self, line: Line) {
        fail_point!("session.line");
        if line.n <= self.n {
            // A portal that died does not know that it is done, and its page sent it again. What it showed comes from the outbox.
            tracing::debug!(session = %self.id, "line {} of session {} is done already", line.n, self.id);
            return;
        }
        let mut batch = self.begin(Some(line.n));
        self.n = line.n;
        self.typed_at = Some(Instant::now());
        if line.give_up {
            tracing::error!(session = %self.id, "line {} of session {} was given up", line.n, self.id);
            batch.tell(self.id, text!("Something went wrong with that line, twice; it was not done."));
            return self.services.commit(batch);
        }
        if self.facts.trusted && matches!(self.mode, Mode::Login(_)) {
            self.admit_keeper();
        }
        match &self.mode {
            Mode::Login(state) => {
                let step = state.step(&line.line);
                self.log_in(step, batch);
            }
            Mode::Play { caller, is_lost: false, .. } if self.services.safe && !safe_mode::lets_through(caller) => {
                batch.tell(self.id, safe_mode::not_run());
                self.services.commit(batch);
            }
            Mode::Play { caller, puppet, room, is_lost: false } => {
                let (room, mail) = (
                    *room,
                    Mail::Input { batch, session: self.id, who: *puppet, line: line.line, caller: caller.clone() },
                );
                self.services.to_room(room, mail);
                fail_point!("session.sent");
            }
            // Nobody reads the answer; the line is acknowledged.
            Mode::Entering | Mode::Play { .. } | Mode::Over => self.services.commit(batch),
        }
    }

    /// Puts the keeper's hand into the start room: unseen, not stored, with every permission.
    fn admit_keeper(&mut self) {
        let (services, session) = (self.services.clone(), self.id);
        let Some(id) = services.hall.ids.take() else { return };
        let room = services.hall.start_room;
        let caller = Arc::new(keeper::caller(id));
        let mail = Mail::Arrive(keeper::arrival(id, session, caller.clone(), self.begin(None), room));
        services.to_room(room, mail);
        self.mode = Mode::Play { caller, puppet: id, room, is_lost: false };
    }

    fn log_in(&mut self, step: Step, mut batch: Batch) {
        let entry = match step {
            Step::Say(text) => {
                batch.tell(self.id, Markup::from_markup(text));
                return self.services.commit(batch);
            }
            Step::Welcome => {
                batch.tell(self.id, self.welcome());
                return self.services.commit(batch);
            }
            Step::Quit => {
                batch.tell(self.id, text!("Goodbye."));
                batch.items.push(Item::Close { to: self.id, reason: "quit before login".into() });
                return self.services.commit(batch);
            }
            Step::ScreenReader(on) => {
                let value = if on { "on" } else { "off" };
                let (name, value) = ("screenreader".to_owned(), value.to_owned());
                batch.tell(self.id, text!("Screen-reader mode is {}.", value));
                batch.items.push(Item::Setting { to: self.id, name, value });
                return self.services.commit(batch);
            }
            Step::Goto(state) => {
                self.go_on(state, &mut batch);
                return self.services.commit(batch);
            }
            Step::Who => Entry::Who,
            Step::Greet(name) => Entry::Greet { name },
            Step::Connect { name, password } => Entry::Connect { name, password: password.into() },
            Step::Create { name, password, invite } => {
                Entry::Create { name, password: password.into(), invite, confirms: None }
            }
            Step::First { name, invite, password } => Entry::First { name, invite, password: password.into() },
            Step::Confirm { name, invite, hash, password } => {
                Entry::Create { name, password: password.into(), invite, confirms: Some(hash) }
            }
        };
        self.mode = Mode::Entering;
        let enter = Enter { batch, session: self.id, facts: self.facts.clone(), entry };
        mailbox::repay(&self.services.accounts, enter);
        fail_point!("session.enters");
    }

    /// Changes the login mode's state, with the items that go with it.
    fn go_on(&mut self, state: LoginState, batch: &mut Batch) {
        batch.items.extend(login_items(self.id, &state));
        self.mode = Mode::Login(state);
    }

    fn welcome(&self) -> Markup {
        let config = &self.services.config.world;
        let mut welcome = self.services.welcome.as_deref().map(Markup::from_markup).unwrap_or_else(|| {
            text!(
                "|wWelcome to {}.|n\n\n\
                 Type your name, or a new one to make a character. Or in one line:\n  \
                 |wconnect|n <name> <password>\n  |wcreate|n <name> <password>\n\
                 |lchelp|lthelp|le tells more.",
                config.name
            )
        });
        if self.services.safe {
            welcome.push(&safe_mode::notice());
        }
        welcome
    }

    /// The link is lost: the character stays for a while, deaf.
    fn lose(&mut self, ctx: &mut Context<Self>) {
        let Mode::Play { caller, puppet, room, is_lost } = &mut self.mode else {
            if let Mode::Login(_) = self.mode {
                self.end(ctx);
            }
            return;
        };
        if std::mem::replace(is_lost, true) {
            return;
        }
        let (account, puppet, room) = (caller.account, *puppet, *room);
        mailbox::repay(&self.services.accounts, LinkLost { account, session: self.id });
        let mut batch = self.begin(None);
        batch.change(Key::Session(self.id));
        if !self.facts.trusted {
            batch.changes.extend(self.row(Some(self.services.now_ms())).map(|row| Change::Session(Box::new(row))));
            self.fade_later(Duration::from_secs(self.services.config.world.link_lost_secs), ctx);
        }
        fail_point!("session.lost");
        let mail = Mail::Unseat { batch, who: puppet, session: self.id };
        self.services.to_room(room, mail);
        if self.facts.trusted {
            self.end(ctx);
        }
    }

    fn row(&self, lost_at: Option<i64>) -> Option<SessionRecord> {
        let Mode::Play { caller, puppet, .. } = &self.mode else { return None };
        Some(SessionRecord {
            session: self.id,
            account: caller.account,
            puppet: *puppet,
            cursor: self.n,
            mode: serde_json::Value::Null,
            lost_at,
        })
    }

    fn fade_later(&mut self, patience: Duration, ctx: &mut Context<Self>) {
        self.fading = Some(ctx.run_later(patience, |session, ctx| {
            let Mode::Play { caller, puppet, room, is_lost: true } = &session.mode else { return };
            if session.services.storage.is_away() {
                return session.fade_later(LATER, ctx);
            }
            let (account, who, room) = (caller.account, *puppet, *room);
            fail_point!("session.fades");
            let batch = session.begin(None);
            let mail = Mail::Leave { batch, who, account, session: session.id };
            session.services.to_room(room, mail);
        }));
    }

    fn end(&mut self, ctx: &mut Context<Self>) {
        self.mode = Mode::Over;
        self.services.directory.set_session(self.id, None);
        // Whoever found the address before it was taken out of the directory still gets an answer.
        ctx.run_later(LINGER, |_, ctx| ctx.stop());
    }
}

/// Returns what the portal must be told when the login mode changes its state.
pub fn login_items(session: SessionId, state: &LoginState) -> Vec<Item> {
    let note = serde_json::to_vec(state).unwrap_or_default();
    vec![
        Item::Note { to: session, note },
        Item::Secret { to: session, on: state.is_secret() },
        Item::Prompt { to: session, text: state.prompt().to_owned() },
    ]
}

crate::counted!(SessionActor, meter::waiting(meter::Kind::Session));

impl Actor for SessionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(SESSION_MAILBOX);
        match &self.mode {
            Mode::Login(_) if !self.facts.trusted && !self.is_greeted => {
                let mut batch = self.begin(None);
                batch.tell(self.id, self.welcome());
                batch.items.extend(login_items(self.id, &LoginState::default()));
                self.services.commit(batch);
            }
            Mode::Play { is_lost: true, .. } => {
                self.fade_later(Duration::from_secs(self.services.config.world.link_lost_secs), ctx);
            }
            _ => {}
        }
        if matches!(self.mode, Mode::Login(_)) && !self.facts.trusted {
            let patience = Duration::from_secs(self.services.config.limits.login_secs);
            ctx.run_later(patience, |session, ctx| {
                if matches!(session.mode, Mode::Login(_)) {
                    let mut batch = session.begin(None);
                    batch.tell(session.id, text!("You have taken too long to log in."));
                    batch.items.push(Item::Close { to: session.id, reason: "did not log in".into() });
                    session.services.commit(batch);
                    session.end(ctx);
                }
            });
        }
    }
}

impl Handler<Run> for SessionActor {
    type Result = ();

    fn handle(&mut self, Run(line): Run, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        self.run(line);
    }
}

impl Handler<FactsChanged> for SessionActor {
    type Result = ();

    fn handle(&mut self, FactsChanged(facts): FactsChanged, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        self.facts = facts;
        if let Mode::Play { caller, puppet, room, .. } = &mut self.mode {
            *caller = Arc::new(with_facts(caller, &self.facts));
            let seat = Seat { session: self.id, caller: caller.clone() };
            self.services.to_room(*room, Mail::Sit { who: *puppet, seat });
        }
    }
}

/// Returns the caller as it is behind another screen.
pub fn with_facts(caller: &Caller, facts: &Facts) -> Caller {
    Caller {
        width: facts.width,
        screen_reader: facts.screen_reader,
        events: facts.events,
        address: facts.address.as_str().into(),
        ..caller.clone()
    }
}

impl Handler<LinkClosed> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: LinkClosed, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        self.lose(ctx);
        if let Mode::Entering = self.mode {
            // Its login is under way and will find nobody: it is lost as soon as it is in.
            ctx.notify_later(LinkClosed, Duration::from_millis(50));
        }
    }
}

impl Handler<Continue> for SessionActor {
    type Result = ();

    fn handle(&mut self, Continue(state): Continue, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        if matches!(self.mode, Mode::Entering) {
            self.mode = Mode::Login(state);
        }
    }
}

impl Handler<Playing> for SessionActor {
    type Result = ();

    fn handle(&mut self, playing: Playing, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        fail_point!("session.plays");
        self.mode = Mode::Play { caller: playing.caller, puppet: playing.puppet, room: playing.room, is_lost: false };
    }
}

impl Handler<Moved> for SessionActor {
    type Result = ();

    fn handle(&mut self, Moved(to): Moved, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        fail_point!("session.moved");
        if let Mode::Play { room, .. } = &mut self.mode {
            *room = to;
        }
    }
}

impl Handler<CallerChanged> for SessionActor {
    type Result = ();

    fn handle(&mut self, CallerChanged(changed): CallerChanged, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        if let Mode::Play { caller, puppet, room, is_lost } = &mut self.mode {
            let channels = caller.channels.clone();
            *caller = Arc::new(Caller { channels, ..with_facts(&changed, &self.facts) });
            if !*is_lost {
                let seat = Seat { session: self.id, caller: caller.clone() };
                self.services.to_room(*room, Mail::Sit { who: *puppet, seat });
            }
        }
    }
}

impl Handler<ChannelsChanged> for SessionActor {
    type Result = ();

    fn handle(&mut self, changed: ChannelsChanged, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        if let Mode::Play { caller, puppet, room, .. } = &mut self.mode {
            let mut now = Caller::clone(caller);
            now.channels.retain(|channel| *channel != changed.channel);
            if changed.listens {
                now.channels.push(changed.channel);
            }
            *caller = Arc::new(now);
            let seat = Seat { session: self.id, caller: caller.clone() };
            self.services.to_room(*room, Mail::Sit { who: *puppet, seat });
        }
    }
}

impl Handler<HandOver> for SessionActor {
    type Result = ();

    fn handle(&mut self, hand_over: HandOver, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        if matches!(self.mode, Mode::Entering) {
            // Its own login is about to end: then there is something to hand over.
            ctx.notify_later(hand_over, Duration::from_millis(5));
            return;
        }
        let HandOver { mut batch, to, caller } = hand_over;
        batch.change(Key::Session(self.id));
        let Mode::Play { puppet, room, .. } = &self.mode else {
            // Its character is just leaving: in a moment the account is free.
            let again = Reenter { batch, session: to, account: caller.account, attempts: 0 };
            return mailbox::repay(&self.services.accounts, again);
        };
        let seat = Seat { session: to, caller };
        self.services.opened(&batch, Key::Session(self.id));
        self.services.to_room(*room, Mail::Reseat { batch, who: *puppet, seat, instead: self.id });
        fail_point!("session.handed_over");
        self.end(ctx);
    }
}

impl Handler<Dismiss> for SessionActor {
    type Result = ();

    fn handle(&mut self, Dismiss(mut batch): Dismiss, _: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        batch.meet(Key::Session(self.id));
        match &self.mode {
            Mode::Play { caller, puppet, room, .. } => {
                let mail = Mail::Leave { batch, who: *puppet, account: caller.account, session: self.id };
                self.services.to_room(*room, mail);
            }
            _ => self.services.commit(batch),
        }
    }
}

impl Handler<Ended> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: Ended, ctx: &mut Self::Context) {
        let _metered = meter::start(Kind::Session);
        self.end(ctx);
    }
}
