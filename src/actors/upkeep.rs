//! Upkeep: what a running world does for its storage by itself: a backup now and then, and old rows that go.
//!
//! Sequence: its own clock ─► upkeep ─TakeBackup─► copier; upkeep ─FindOld─► reader … upkeep ─Delete─► writer, a few rows at a
//! time. Nothing waits for it, and what fails is tried again: it is told in the log, and by `everhall status`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use actix::prelude::*;

use crate::actors::services::{Shared, now_ms};
use crate::config::RetentionConfig;
use crate::db::{BackupError, DbError, DbPool, FindOld, MetaRead};

/// How long after a backup that failed the next one is tried, if one more were not due before.
const AFTER_FAILURE: Duration = Duration::from_secs(600);

/// How long after its start a server first looks for old rows, unless it looks more often.
const FIRST_SWEEP: Duration = Duration::from_secs(60);

/// Time between two deletions: the writer is somebody else's.
const BREATH: Duration = Duration::from_millis(50);

/// Asks how the backups are.
#[derive(Debug, Message)]
#[rtype(result = "Backups")]
pub struct Report;

/// How the backups are that the world takes by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, MessageResponse)]
pub struct Backups {
    /// The newest.
    pub last: Option<PathBuf>,
    /// When it was taken, in milliseconds since 1970.
    pub last_at: Option<i64>,
    /// When the next one is due; `None` if none is wished for.
    pub next_at: Option<i64>,
    /// What the last attempt failed for; `None` if it did not.
    pub failed: Option<String>,
}

/// The actor. Its mailbox takes only a question now and then.
pub struct UpkeepActor {
    services: Shared,
    backups: Backups,
}

impl UpkeepActor {
    /// Returns one for a server that is ready.
    pub fn new(services: Shared) -> Self {
        Self { services, backups: Backups::default() }
    }
}

impl Actor for UpkeepActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let sweep = Duration::from_secs(self.services.config.retention.sweep_secs);
        self.look_for_the_last_backup(ctx);
        ctx.run_later(sweep.min(FIRST_SWEEP), Self::sweep);
    }
}

impl Handler<Report> for UpkeepActor {
    type Result = Backups;

    fn handle(&mut self, _: Report, _: &mut Self::Context) -> Backups {
        self.backups.clone()
    }
}

impl UpkeepActor {
    /// Works out when the next backup is due: counted from the last one, or from the world's own beginning, and not from the start of
    /// this server, which may be reloaded every hour.
    fn look_for_the_last_backup(&mut self, ctx: &mut Context<Self>) {
        let services = self.services.clone();
        if services.config.backup.every_secs == 0 {
            return;
        }
        let (pool, folder) = (services.pool.clone(), services.config.backup_folder());
        let found = async move {
            let newest = pool.newest_backup(folder).await?;
            let created_at = pool.read(MetaRead).await?.created_at;
            Ok::<_, BackupError>((newest, created_at))
        };
        ctx.spawn(found.into_actor(self).map(move |found, upkeep, ctx| {
            let every_ms = services.config.backup.every_secs as i64 * 1000;
            match found {
                Ok((newest, created_at)) => {
                    upkeep.backups.last_at = newest.as_ref().map(|newest| since_1970(newest.at));
                    upkeep.backups.last = newest.map(|newest| newest.file);
                    upkeep.wait_until(upkeep.backups.last_at.unwrap_or(created_at) + every_ms, ctx);
                }
                Err(error) => upkeep.backup_failed(&error, ctx),
            }
        }));
    }

    fn wait_until(&mut self, due: i64, ctx: &mut Context<Self>) {
        self.backups.next_at = Some(due);
        let wait = Duration::from_millis((due - now_ms()).max(0) as u64);
        ctx.run_later(wait, Self::back_up);
    }

    fn back_up(&mut self, ctx: &mut Context<Self>) {
        let services = self.services.clone();
        let settings = &services.config.backup;
        let taken = services.pool.take_backup(services.config.backup_folder(), settings.keep);
        let every_ms = settings.every_secs as i64 * 1000;
        ctx.spawn(taken.into_actor(self).map(move |taken, upkeep, ctx| match taken {
            Ok(taken) => {
                tracing::info!(
                    bytes = taken.bytes,
                    deleted = taken.deleted,
                    "a backup is taken: {} ({} older ones deleted)",
                    taken.file.display(),
                    taken.deleted
                );
                let now = now_ms();
                upkeep.backups = Backups { last: Some(taken.file), last_at: Some(now), ..Backups::default() };
                upkeep.wait_until(now + every_ms, ctx);
            }
            Err(error) => upkeep.backup_failed(&error, ctx),
        }));
    }

    fn backup_failed(&mut self, error: &BackupError, ctx: &mut Context<Self>) {
        tracing::error!(%error, "no backup was taken: {error}");
        self.backups.failed = Some(error.to_string());
        let every = Duration::from_secs(self.services.config.backup.every_secs);
        self.wait_until(now_ms() + every.min(AFTER_FAILURE).as_millis() as i64, ctx);
    }

    /// Deletes what is too old, all of it, in small pieces; then waits for the next time.
    fn sweep(&mut self, ctx: &mut Context<Self>) {
        let services = self.services.clone();
        let (pool, epoch, keep) = (services.pool.clone(), services.epoch, services.config.retention.clone());
        let again = Duration::from_secs(keep.sweep_secs);
        ctx.spawn(delete_old(pool, epoch, keep).into_actor(self).map(move |deleted, _, ctx| {
            match deleted {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "{rows} rows were older than they are kept for, and are deleted"),
                Err(error) => tracing::warn!(%error, "old rows cannot be deleted just now: {error}"),
            }
            ctx.run_later(again, Self::sweep);
        }));
    }
}

async fn delete_old(pool: DbPool, epoch: u64, keep: RetentionConfig) -> Result<usize, DbError> {
    let mut deleted = 0;
    loop {
        let old = pool.read(FindOld { keep: keep.clone(), now_ms: now_ms() }).await?;
        if old.is_empty() {
            return Ok(deleted);
        }
        for old in old {
            deleted += pool.delete(epoch, old).await?;
            actix_rt::time::sleep(BREATH).await;
        }
    }
}

fn since_1970(at: SystemTime) -> i64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
