//! The server process: connects to the portal, takes over the database, starts the actors, goes on where the last one
//! stopped.
//!
//! Sequence: hello to the portal, its hello back; open storage and take over (epoch + 1); load names, channels, scripts and
//! sessions; start the actors; say ready; send stored groups that the portal has not applied; run each session's line
//! in flight that is above its cursor.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use actix::prelude::*;
use bytes::BytesMut;
use rustc_hash::FxHashMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::actors::accounts::{self, AccountsActor};
use crate::actors::batch::{Batch, Key};
use crate::actors::directory::Directory;
use crate::actors::journal::JournalActor;
use crate::actors::link::{self, LinkActor, Send};
use crate::actors::room::Mail;
use crate::actors::script::ScriptActor;
use crate::actors::services::{Services, Shared, now_ms};
use crate::actors::session::{Run, SessionActor, with_facts};
use crate::actors::wheel::WheelActor;
use crate::actors::world::{self, WorldActor};
use crate::app::Registry;
use crate::config::Config;
use crate::db::{
    self, AccountById, DbError, DbPool, LoadChannels, LoadDue, LoadNames, LoadOutbox, LoadScripts, LoadSessions,
    LoadSignals, LocationOf, MetaRead, Taken,
};
use crate::ids::{ChannelId, EntityId, RoomId, ScriptId, SessionId};
use crate::logging::LIFE;
use crate::mailbox;
use crate::wire::{self, LiveSession, PortalHello, ServerHello, ToPortal, ToServer, WIRE_VERSION, WireError};
use crate::world::caller::{Caller, Seat};
use crate::world::channel::ChannelIndex;
use crate::world::channel_type::{AnyChannel, PlainChannel};
use crate::world::clock::GameClock;
use crate::world::command::Hall;
use crate::world::id_block::{ID_BLOCK, IdBlock};
use crate::world::record::{
    AccountRecord, Change, ChannelRecord, ScriptRecord, SessionRecord, SignalRecord, Subscription,
};

/// Exit code of a server that gives up so that another starts from what is stored.
pub const EXIT_RESTART: i32 = 75;

/// How long the portal may take for its hello.
const HELLO_PATIENCE: Duration = Duration::from_secs(5);

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
    /// The portal said nothing in time.
    #[error("the portal is silent")]
    Silent,
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
    let started = Instant::now();
    if let Some(clash) = registry.clashes().into_iter().next() {
        return Err(ServerError::Clash(clash));
    }
    let (wire, hello, rest) = meet_portal(&config.data_dir.join("wire.sock"), &config.world.name).await?;
    let database = db::open(&config)?;
    let pool = DbPool::start(&database, &config.password);
    let taken = pool.take_over(ID_BLOCK).await?;
    let mut stored = Stored::load(&pool, hello.applied).await?;

    let link = Context::new();
    let journal = Context::new();
    let accounts = Context::new();
    let world = Context::new();
    let created_at = pool.read(MetaRead).await?.created_at;
    let start_room = EntityId(config.world.start_room.max(1));
    let ids = IdBlock::new(taken.next_id, taken.next_id + ID_BLOCK);
    let made = global_scripts(&registry, &mut stored.scripts, &ids);
    let scripts: Vec<_> = stored
        .scripts
        .iter()
        .map(|record| (record.clone(), registry.make_script(&record.type_name, &record.state)))
        .collect();
    let channel_types: FxHashMap<ChannelId, Box<dyn AnyChannel>> = stored
        .channels
        .iter()
        .filter_map(|record| Some((record.id, registry.channels.stored(&record.type_name, &record.state)?)))
        .collect();
    let (arbiters, wheels) = arbiters(&config)?;
    let services: Shared = Arc::new(Services {
        hall: Hall {
            types: registry.types,
            channels: registry.channels,
            ids,
            name: config.world.name.clone(),
            start_room,
            clock: GameClock { start_ms: created_at, factor: config.world.time_factor },
            commands: registry.commands,
        },
        directory: Directory::default(),
        epoch: taken.epoch,
        signals: AtomicU64::new(0),
        arbiters,
        wheels,
        pool: pool.clone(),
        journal: journal.address(),
        accounts: accounts.address(),
        world: world.address(),
        link: link.address(),
        welcome: welcome(&config),
        config,
    });
    start_core(&services, &taken, (link, journal, accounts, world), (wire, rest));
    store_scripts(&services, made);
    start_channels(&services, stored.channels, channel_types, &stored.subscriptions);
    let channels = by_account(&stored.subscriptions);
    let restored = restore(&services, &pool, stored.sessions, &hello.sessions, &channels).await?;
    mailbox::repay(
        &services.accounts,
        accounts::Begin {
            services: services.clone(),
            names: stored.names,
            subscriptions: stored.subscriptions,
            online: restored.online,
        },
    );
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
    mailbox::repay(&services.link, link::Begin(services.clone()));
    for (flush, groups) in stored.outbox {
        mailbox::repay(&services.link, Send { flush: Some(flush), groups });
    }
    // Signals on their way come before any line: they were sent before it was typed.
    for signal in stored.signals {
        services.deliver(signal, None);
    }
    mailbox::repay(&services.world, world::Due(stored.due));
    resume(&services, hello.sessions, &restored.cursors);
    crate::web::server::open(&services, taken.epoch);
    let took = started.elapsed().as_millis() as u64;
    tracing::info!(target: LIFE, epoch = taken.epoch, "the server is ready after {took} ms");
    std::future::pending().await
}

/// Says hello, and reads the portal's.
async fn meet_portal(path: &Path, world: &str) -> Result<(UnixStream, PortalHello, BytesMut), ServerError> {
    let mut wire = UnixStream::connect(path).await?;
    let mut bytes = BytesMut::with_capacity(64 * 1024);
    let hello = ServerHello { version: WIRE_VERSION, world: world.to_owned() };
    wire::encode(&ToPortal::Hello(hello), &mut bytes);
    wire.write_all(&bytes).await?;
    bytes.clear();
    let read = async {
        loop {
            match wire::decode(&mut bytes)? {
                Some(ToServer::Hello(hello)) => return Ok(hello),
                Some(_) => continue,
                None if wire.read_buf(&mut bytes).await? == 0 => return Err(ServerError::Silent),
                None => {}
            }
        }
    };
    let hello = actix_rt::time::timeout(HELLO_PATIENCE, read).await.map_err(|_| ServerError::Silent)??;
    Ok((wire, hello, bytes))
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

/// Returns the threads of rooms, sessions and channels, with their wheels. With one, it is the main thread: two would
/// only wake each other.
fn arbiters(config: &Config) -> Result<(Vec<ArbiterHandle>, Vec<Addr<WheelActor>>), ServerError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = match config.server.arbiters {
        0 => cores.saturating_sub(1).max(1),
        wanted => wanted,
    };
    let arbiters: Vec<ArbiterHandle> = match wanted {
        1 => vec![Arbiter::try_current().ok_or(ServerError::Thread)?],
        _ => (0..wanted).map(|_| Arbiter::new().handle()).collect(),
    };
    let wheels =
        arbiters.iter().map(|arbiter| WheelActor::start_in_arbiter(arbiter, |_| WheelActor::default())).collect();
    Ok((arbiters, wheels))
}

fn welcome(config: &Config) -> Option<String> {
    let file = config.world.welcome_file.as_ref()?;
    std::fs::read_to_string(file)
        .inspect_err(|error| tracing::warn!("the welcome screen {} cannot be read: {error}", file.display()))
        .ok()
}

type Core = (Context<LinkActor>, Context<JournalActor>, Context<AccountsActor>, Context<WorldActor>);

fn start_core(services: &Shared, taken: &Taken, core: Core, (wire, rest): (UnixStream, BytesMut)) {
    let (link, journal, accounts, world) = core;
    link.run(LinkActor::new(taken.epoch, wire, rest));
    journal.run(JournalActor::new(taken.epoch, taken.flush, services.pool.clone(), services.link.clone()));
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

/// Sessions that had logged in before.
struct Restored {
    online: Vec<(AccountRecord, SessionId, wire::Facts)>,
    cursors: FxHashMap<SessionId, u64>,
}

/// Starts the sessions that had logged in: those that live go on, the others wait for their person to come back.
async fn restore(
    services: &Shared,
    pool: &DbPool,
    rows: Vec<SessionRecord>,
    live: &[LiveSession],
    channels: &FxHashMap<crate::ids::AccountId, Vec<crate::ids::ChannelId>>,
) -> Result<Restored, ServerError> {
    let mut restored = Restored { online: Vec::new(), cursors: FxHashMap::default() };
    for row in rows {
        let facts = live.iter().find(|session| session.session == row.session).map(|session| session.facts.clone());
        let record = pool.read(AccountById(row.account)).await?;
        let room = pool.read(LocationOf(row.puppet)).await?;
        let (Some(record), Some(room)) = (record, room) else {
            tracing::warn!(session = %row.session, "session {} has no account or no place; dropped", row.session);
            continue;
        };
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
    Ok(restored)
}

fn by_account(subscriptions: &[Subscription]) -> FxHashMap<crate::ids::AccountId, Vec<crate::ids::ChannelId>> {
    let mut channels: FxHashMap<_, Vec<_>> = FxHashMap::default();
    for subscription in subscriptions {
        channels.entry(subscription.account).or_default().push(subscription.channel);
    }
    channels
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
