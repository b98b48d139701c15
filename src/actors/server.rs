//! The server process: prepares itself beside the one before, takes over from it, goes on where it stopped.
//!
//! Sequence: hello to the portal; open storage, register types, say prepared; the portal's hello, when the server before is
//! gone; take over (epoch + 1); load names, channels, scripts and sessions; start the actors; say ready; then let scripts and
//! timers run, send stored groups that the portal has not applied, and run each session's line in flight that is above its
//! cursor. So nothing that can be changed is read before the epoch is ours, and nothing that a game wrote is run before
//! the portal knows that it is this server that runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use actix::prelude::*;
use futures_util::stream::{self, StreamExt};
use rustc_hash::FxHashMap;

use crate::actors::accounts::{self, AccountsActor};
use crate::actors::batch::{Batch, Key};
use crate::actors::directory::Directory;
use crate::actors::journal::JournalActor;
use crate::actors::link::{self, LinkActor, Send};
use crate::actors::room::Mail;
use crate::actors::script::ScriptActor;
use crate::actors::services::{Services, Shared, now_ms};
use crate::actors::session::{Run, SessionActor, with_facts};
use crate::actors::storage::Storage;
use crate::actors::upkeep::UpkeepActor;
use crate::actors::wheel;
use crate::actors::world::{self, WorldActor};
use crate::app::Registry;
use crate::config::Config;
use crate::db::{
    self, AccountById, DbError, DbPool, LoadChannels, LoadDue, LoadNames, LoadOutbox, LoadScripts, LoadSessions,
    LoadSignals, LocationOf, Taken,
};
use crate::failpoint::fail_point;
use crate::ids::{ChannelId, EntityId, RoomId, ScriptId, SessionId};
use crate::logging::LIFE;
use crate::mailbox;
use crate::wire::{self, LiveSession, Origin, ToPortal, WireError};
use crate::world::caller::{Caller, Seat};
use crate::world::channel::ChannelIndex;
use crate::world::channel_type::{AnyChannel, PlainChannel};
use crate::world::clock::GameClock;
use crate::world::command::Hall;
use crate::world::id_block::{ID_BLOCK, IdBlock};
use crate::world::record::{
    AccountRecord, Change, ChannelRecord, ScriptRecord, SessionRecord, SignalRecord, Subscription,
};
use crate::world::script::AnyScript;

mod prepare;

use prepare::Prepared;

/// Exit code of a server that gives up so that another starts from what is stored.
pub const EXIT_RESTART: i32 = 75;

/// Sessions whose account and place are being read at the same time.
const READS_AT_ONCE: usize = 256;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The wire cannot be opened.
    #[error("cannot reach the portal: {0}")]
    Wire(#[from] std::io::Error),
    /// The portal speaks otherwise.
    #[error("the portal's hello cannot be read: {0}")]
    Hello(#[from] WireError),
    /// The portal closed the wire: this server is not needed any more.
    #[error("the portal is gone")]
    Gone,
    /// Storage does not do.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A name was registered twice.
    #[error("{0}")]
    Clash(String),
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread,
}

/// Runs the server until the portal stops it, which ends the process.
///
/// # Errors
///
/// What kept it from starting.
pub async fn run(config: Config, registry: Registry) -> Result<(), ServerError> {
    if let Some(clash) = registry.clashes().into_iter().next() {
        return Err(ServerError::Clash(clash));
    }
    let mut wire = prepare::connect(&config.data_dir.join("wire.sock"), &config.world.name).await?;
    let Prepared { pool, created_at, arbiters, wheels } = Prepared::of(&config).await?;
    let (hello, rest) = prepare::introduction(&mut wire).await?;
    fail_point!("server.met");

    let started = Instant::now();
    let taken = pool.take_over(ID_BLOCK).await?;
    fail_point!("server.taken_over");
    let mut stored = Stored::load(&pool, hello.applied).await?;
    let (found, over) = find(&pool, std::mem::take(&mut stored.sessions)).await?;
    fail_point!("server.loaded");
    if hello.safe {
        tracing::warn!(target: LIFE, "this server runs in safe mode: scripts and timers stand still");
        // What is on its way may be what the servers before died of: it stays stored.
        stored.signals.clear();
    }
    let core = (Context::new(), Context::new(), Context::new(), Context::new());
    let (link, journal, accounts, world) = &core;
    let upkeep = Context::new();
    let ids = IdBlock::new(taken.next_id, taken.next_id + ID_BLOCK);
    let made = global_scripts(&registry, &mut stored.scripts, &ids);
    let scripts = make_scripts(&registry, std::mem::take(&mut stored.scripts));
    let channel_types = make_channels(&registry, &stored.channels);
    let services: Shared = Arc::new(Services {
        hall: Hall {
            types: registry.types,
            channels: registry.channels,
            ids,
            name: config.world.name.clone(),
            start_room: EntityId(config.world.start_room.max(1)),
            clock: GameClock { start_ms: created_at, factor: config.world.time_factor },
            commands: registry.commands,
        },
        directory: Directory::default(),
        epoch: taken.epoch,
        safe: hello.safe,
        ticking: AtomicBool::new(false),
        signals: AtomicU64::new(0),
        arbiters,
        wheels,
        pool: pool.impatient(),
        storage: Storage::default(),
        journal: journal.address(),
        accounts: accounts.address(),
        world: world.address(),
        link: link.address(),
        upkeep: upkeep.address(),
        welcome: welcome(&config),
        config,
    });
    start_core(&services, &taken, core);
    // Before anything that this server stores: the portal passes over flushes below the last that it has applied.
    for (flush, groups) in stored.outbox {
        mailbox::repay(&services.link, Send { flush: Some(flush), groups });
    }
    store_scripts(&services, made);
    forget(&services, over);
    start_channels(&services, stored.channels, channel_types, &stored.subscriptions);
    let channels = by_account(&stored.subscriptions);
    let Restored { online, cursors } = restore(&services, found, &hello.sessions, &channels);
    let (names, subscriptions) = (stored.names, stored.subscriptions);
    mailbox::repay(&services.accounts, accounts::Begin { services: services.clone(), names, subscriptions, online });

    fail_point!("server.restored");
    prepare::say(&mut wire, &ToPortal::Ready { epoch: taken.epoch }).await?;
    fail_point!("server.ready");
    let lines = lines_to_run(&hello.sessions, &cursors);
    mailbox::repay(&services.link, link::Begin { services: services.clone(), wire, rest, lines });
    services.ticking.store(!hello.safe, Ordering::Relaxed);
    start_scripts(&services, scripts);
    for wheel in &services.wheels {
        mailbox::repay(wheel, wheel::Begin(services.clone()));
    }
    // Signals on their way come before any line: they were sent before it was typed.
    for signal in stored.signals {
        services.deliver(signal, None);
    }
    mailbox::repay(&services.world, world::Due(stored.due));
    resume(&services, hello.sessions, &cursors);
    upkeep.run(UpkeepActor::new(services.clone()));
    crate::web::server::open(&services, taken.epoch);
    let took = started.elapsed().as_millis() as u64;
    tracing::info!(target: LIFE, epoch = taken.epoch, "the server is ready after {took} ms");
    std::future::pending().await
}

/// Scripts as they are stored, with their types if those are known.
type Scripts = Vec<(ScriptRecord, Option<Box<dyn AnyScript>>)>;

fn make_scripts(registry: &Registry, records: Vec<ScriptRecord>) -> Scripts {
    let make = |record: ScriptRecord| {
        let script = registry.make_script(&record.type_name, &record.state);
        (record, script)
    };
    records.into_iter().map(make).collect()
}

fn make_channels(registry: &Registry, records: &[ChannelRecord]) -> FxHashMap<ChannelId, Box<dyn AnyChannel>> {
    let make = |record: &ChannelRecord| Some((record.id, registry.channels.stored(&record.type_name, &record.state)?));
    records.iter().filter_map(make).collect()
}

fn start_scripts(services: &Shared, scripts: Scripts) {
    for (record, script) in scripts {
        match script {
            Some(script) => {
                let (id, type_name) = (record.id, record.type_name.clone());
                let actor = ScriptActor::new(record, script, services.clone());
                let addr = ScriptActor::start_in_arbiter(services.arbiter(id.0), |_| actor);
                services.directory.add_script(id, &type_name, addr);
            }
            None => tracing::warn!("script {} is kept but does not run: type {}", record.key, record.type_name),
        }
    }
}

/// What a server reads before it starts.
struct Stored {
    names: Vec<db::AccountName>,
    channels: Vec<ChannelRecord>,
    subscriptions: Vec<Subscription>,
    scripts: Vec<ScriptRecord>,
    sessions: Vec<SessionRecord>,
    outbox: Vec<(u64, Vec<wire::Group>)>,
    signals: Vec<SignalRecord>,
    due: Vec<(RoomId, i64)>,
}

impl Stored {
    async fn load(pool: &DbPool, applied: u64) -> Result<Self, ServerError> {
        let (channels, subscriptions) = pool.read(LoadChannels).await?;
        let rows = pool.read(LoadOutbox { above: applied }).await?;
        let outbox = rows.into_iter().map(|(flush, bytes)| Ok((flush, wire::decode_groups(&bytes)?)));
        Ok(Self {
            names: pool.read(LoadNames).await?,
            channels,
            subscriptions,
            scripts: pool.read(LoadScripts).await?,
            sessions: pool.read(LoadSessions).await?,
            signals: pool.read(LoadSignals).await?,
            due: pool.read(LoadDue).await?,
            outbox: outbox.collect::<Result<_, WireError>>()?,
        })
    }
}

fn welcome(config: &Config) -> Option<String> {
    let file = config.world.welcome_file.as_ref()?;
    std::fs::read_to_string(file)
        .inspect_err(|error| tracing::warn!("the welcome screen {} cannot be read: {error}", file.display()))
        .ok()
}

type Core = (Context<LinkActor>, Context<JournalActor>, Context<AccountsActor>, Context<WorldActor>);

fn start_core(services: &Shared, taken: &Taken, core: Core) {
    let (link, journal, accounts, world) = core;
    link.run(LinkActor::new(taken.epoch));
    journal.run(JournalActor::new(taken.flush, services.clone()));
    accounts.run(AccountsActor::new(&services.config.throttle));
    world.run(WorldActor::default());
    mailbox::repay(&services.world, world::Begin(services.clone()));
}

/// Gives the world the scripts of which every world has one, where it lacks them. Returns the rows to store.
fn global_scripts(registry: &Registry, stored: &mut Vec<ScriptRecord>, ids: &IdBlock) -> Vec<ScriptRecord> {
    let mut made = Vec::new();
    for global in registry.global_scripts() {
        let id = || ids.take().map(|id| ScriptId(id.0));
        let Some(record) = global.to_store(stored, now_ms(), id) else { continue };
        stored.retain(|known| known.id != record.id);
        stored.push(record.clone());
        made.push(record);
    }
    made
}

/// Stores scripts that are new, before any of them runs. If the server dies first, the next one makes them: there is one of each.
fn store_scripts(services: &Shared, made: Vec<ScriptRecord>) {
    for record in made {
        tracing::info!(script = record.key, "script {} ticks every {} ms from now on", record.key, record.period_ms);
        let mut batch = Batch::begin(None, services.now_ms());
        batch.change(Key::Script(record.id));
        batch.changes.push(Change::Script(Box::new(record)));
        services.commit(batch);
    }
}

fn start_channels(
    services: &Shared,
    channels: Vec<ChannelRecord>,
    mut types: FxHashMap<ChannelId, Box<dyn AnyChannel>>,
    subscriptions: &[Subscription],
) {
    services.directory.set_channel_index(ChannelIndex::new(channels.clone()));
    for record in channels {
        let listens = subscriptions.iter().filter(|subscription| subscription.channel == record.id);
        let subscribers = listens.map(|subscription| subscription.account).collect();
        let behaviour = types.remove(&record.id).unwrap_or_else(|| {
            tracing::warn!("channel {} works as a plain one: type {}", record.name, record.type_name);
            Box::new(PlainChannel)
        });
        accounts::start_channel(services, record, behaviour, subscribers);
    }
}

/// A session that had logged in before, its account, and the room its character is in.
type Found = (SessionRecord, AccountRecord, RoomId);

/// Reads what belongs to sessions, of many at once: the readers shall not wait for the one that asks. Returns also those that cannot
/// go on.
async fn find(pool: &DbPool, rows: Vec<SessionRecord>) -> Result<(Vec<Found>, Vec<SessionId>), ServerError> {
    let read = |row: SessionRecord| async move {
        let (account, place) = (pool.read(AccountById(row.account)), pool.read(LocationOf(row.puppet)));
        Ok::<_, DbError>((account.await?, place.await?, row))
    };
    let mut read = stream::iter(rows).map(read).buffered(READS_AT_ONCE);
    let (mut found, mut over) = (Vec::new(), Vec::new());
    while let Some(row) = read.next().await {
        match row? {
            (Some(record), Some(room), row) => found.push((row, record, room)),
            (_, _, row) => {
                tracing::warn!(session = %row.session, "session {} has no account or no place; dropped", row.session);
                over.push(row.session);
            }
        }
    }
    Ok((found, over))
}

/// Deletes the rows of sessions that cannot go on.
fn forget(services: &Shared, sessions: Vec<SessionId>) {
    if !sessions.is_empty() {
        let mut batch = Batch::begin(None, services.now_ms());
        batch.changes.extend(sessions.into_iter().map(Change::SessionGone));
        services.commit(batch);
    }
}

/// Sessions that had logged in before.
struct Restored {
    online: Vec<(AccountRecord, SessionId, wire::Facts)>,
    cursors: FxHashMap<SessionId, u64>,
}

/// Starts the sessions that had logged in: those that live go on, the others wait for their person to come back.
fn restore(
    services: &Shared,
    found: Vec<Found>,
    live: &[LiveSession],
    channels: &FxHashMap<crate::ids::AccountId, Vec<crate::ids::ChannelId>>,
) -> Restored {
    let mut restored = Restored { online: Vec::new(), cursors: FxHashMap::default() };
    let live: FxHashMap<SessionId, &LiveSession> = live.iter().map(|live| (live.session, live)).collect();
    for (row, record, room) in found {
        let facts = live.get(&row.session).map(|live| live.facts.clone());
        let known = facts.clone().unwrap_or_else(|| wire::Facts { protocol: String::new(), ..Default::default() });
        let channels = channels.get(&row.account).cloned().unwrap_or_default();
        let caller = Arc::new(with_facts(&Caller::of(&record, channels), &known));
        // Before any line is run: everybody hears what is said from the first one on.
        let mail = match &facts {
            Some(_) => Mail::Sit { who: row.puppet, seat: Seat { session: row.session, caller: caller.clone() } },
            None => {
                Mail::Unseat { batch: Batch::begin(None, services.now_ms()), who: row.puppet, session: row.session }
            }
        };
        services.to_room(room, mail);
        let actor = SessionActor::restored(&row, facts, caller, room, services.clone());
        let addr = SessionActor::start_in_arbiter(services.arbiter(row.session.0), |_| actor);
        services.directory.set_session(row.session, Some(addr));
        restored.cursors.insert(row.session, row.cursor);
        restored.online.push((record, row.session, known));
    }
    restored
}

fn by_account(subscriptions: &[Subscription]) -> FxHashMap<crate::ids::AccountId, Vec<crate::ids::ChannelId>> {
    let mut channels: FxHashMap<_, Vec<_>> = FxHashMap::default();
    for subscription in subscriptions {
        channels.entry(subscription.account).or_default().push(subscription.channel);
    }
    channels
}

/// Returns the lines in flight that are not done.
fn lines_to_run(live: &[LiveSession], cursors: &FxHashMap<SessionId, u64>) -> Vec<Origin> {
    let above = |line: &&wire::Line| line.n > cursors.get(&line.session).copied().unwrap_or(0);
    let lines = live.iter().filter_map(|session| session.line.as_ref()).filter(above);
    lines.map(|line| Origin { session: line.session, n: line.n }).collect()
}

/// Starts the sessions that have not logged in, and runs the lines in flight that are not done.
fn resume(services: &Shared, live: Vec<LiveSession>, cursors: &FxHashMap<SessionId, u64>) {
    for LiveSession { session, note, facts, acked, line } in live {
        let cursor = cursors.get(&session).copied();
        if cursor.is_none() {
            let actor = SessionActor::resumed(session, facts, &note, acked, services.clone());
            let addr = SessionActor::start_in_arbiter(services.arbiter(session.0), |_| actor);
            services.directory.set_session(session, Some(addr));
        }
        if let Some(line) = line
            && line.n > cursor.unwrap_or(0)
        {
            services.to_session(session, Run(line));
        }
    }
}
