//! Old rows go, a few at a time, and nothing else does.

use super::{Stage, channel, execute, flush, number, on_both};
use crate::config::RetentionConfig;
use crate::db::{DbError, DbPool, FindOld, History, Old, Taken};
use crate::ids::{AccountId, ChannelId, EntityId};
use crate::world::record::{Change, ChannelMessage, HistoryRecord, StoredTell};

const DAY_MS: i64 = 86_400_000;

/// Keeps everything.
const ALL: RetentionConfig = RetentionConfig {
    channel_messages: 0,
    channel_days: 0,
    tells: 0,
    tell_days: 0,
    changes: 0,
    change_days: 0,
    sweep_secs: 1,
};

fn message(channel: u64, n: u64, at: i64) -> Change {
    let (account, speaker, text) = (Some(AccountId(1)), "Ann".to_owned(), format!("message {n}"));
    Change::Message(Box::new(ChannelMessage { channel: ChannelId(channel), n, at, account, speaker, text }))
}

fn tell(id: u64, to: u64, at: i64) -> Change {
    let (to, from, speaker, text) = (AccountId(to), AccountId(1), "Ann".to_owned(), "hello".to_owned());
    Change::Tell(Box::new(StoredTell { id, to, from, speaker, text, at }))
}

fn made(id: u64, at: i64) -> Change {
    Change::History(Box::new(HistoryRecord {
        id,
        at,
        account: AccountId(1),
        by: "Ann".to_owned(),
        entity: EntityId(1),
        action: "desc".to_owned(),
        before: "null".to_owned(),
        after: "null".to_owned(),
    }))
}

/// Deletes all that is old at `now_ms`. Returns how many rows went.
async fn sweep(pool: &DbPool, taken: Taken, keep: RetentionConfig, now_ms: i64) -> usize {
    let mut deleted = 0;
    loop {
        let old = pool.read(FindOld { keep: keep.clone(), now_ms }).await.unwrap();
        if old.is_empty() {
            return deleted;
        }
        for old in old {
            let rows = pool.delete(taken.epoch, old.clone()).await.unwrap();
            assert!((1..=200).contains(&rows), "{rows} rows at once: {old:?}");
            deleted += rows;
        }
    }
}

fn with(stage: &Stage, changes: Vec<Change>, keep: RetentionConfig, now_ms: i64) -> usize {
    stage.world(|pool, taken| async move {
        pool.flush(flush(taken, 1, changes)).await.unwrap();
        assert_eq!(sweep(&pool, taken, ALL, i64::MAX).await, 0, "what is kept for ever is never old");
        let deleted = sweep(&pool, taken, keep, now_ms).await;
        pool.flush(flush(taken, 2, vec![])).await.unwrap();
        deleted
    })
}

#[test]
fn a_channel_keeps_its_last_messages_without_a_gap() {
    on_both(|stage| {
        let mut changes =
            vec![Change::Channel(Box::new(channel(1, "Public"))), Change::Channel(Box::new(channel(2, "Staff")))];
        changes.extend((1..=1000).map(|n| message(1, n, 5)));
        changes.extend((1..=10).map(|n| message(2, n, 5)));
        let keep = RetentionConfig { channel_messages: 300, ..ALL };
        assert_eq!(with(stage, changes, keep, 0), 700);
        stage.world(|pool, _| async move {
            let history = |channel, since| pool.read(History { channel: ChannelId(channel), since, last: 2000 });
            let numbers = |said: Vec<ChannelMessage>| said.iter().map(|message| message.n).collect::<Vec<_>>();
            assert_eq!(numbers(history(1, None).await.unwrap()), (701..=1000).collect::<Vec<_>>());
            assert_eq!(numbers(history(1, Some(3)).await.unwrap()), (701..=1000).collect::<Vec<_>>());
            assert_eq!(numbers(history(2, None).await.unwrap()), (1..=10).collect::<Vec<_>>());
        });
        let last = number(&mut stage.open().connect().unwrap(), "SELECT last_message FROM channel WHERE id = 1");
        assert_eq!(last, 1000, "and counts on");
    });
}

#[test]
fn what_is_older_than_so_many_days_goes_in_order_whatever_the_clock_has_done() {
    on_both(|stage| {
        let now = 100 * DAY_MS;
        let ages = [30, 20, 3, 11, 9, 12, 1];
        let mut changes = vec![Change::Channel(Box::new(channel(1, "Public")))];
        changes.extend(ages.iter().zip(1..).map(|(age, n)| message(1, n, now - age * DAY_MS)));
        let keep = RetentionConfig { channel_days: 10, ..ALL };
        // The third is young enough; what came after it stays, so that there is no gap.
        assert_eq!(with(stage, changes, keep, now), 2);
        let mut connection = stage.open().connect().unwrap();
        assert_eq!(number(&mut connection, "SELECT min(n) FROM channel_message"), 3);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM channel_message"), 5);
    });
    on_both(|stage| {
        let mut changes = vec![Change::Channel(Box::new(channel(1, "Public")))];
        changes.extend((1..=500).map(|n| message(1, n, 5)));
        let keep = RetentionConfig { channel_days: 1, ..ALL };
        assert_eq!(with(stage, changes, keep, 3 * DAY_MS), 500, "all of it, if all of it is old");
    });
}

#[test]
fn tells_wait_as_long_and_as_many_as_may() {
    on_both(|stage| {
        let now = 100 * DAY_MS;
        let mut changes: Vec<Change> = (1..=500).map(|id| tell(id, 7, now)).collect();
        changes.extend((501..=520).map(|id| tell(id, 8, now)));
        changes.extend((521..=530).map(|id| tell(id, 9, now - 40 * DAY_MS)));
        let keep = RetentionConfig { tells: 20, tell_days: 30, ..ALL };
        assert_eq!(with(stage, changes, keep, now), 490);
        let mut connection = stage.open().connect().unwrap();
        assert_eq!(number(&mut connection, "SELECT min(id) FROM tell WHERE to_account = 7"), 481);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM tell WHERE to_account = 8"), 20);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM tell WHERE to_account = 9"), 0);
    });
}

#[test]
fn the_last_changes_made_by_hand_are_kept() {
    on_both(|stage| {
        let now = 100 * DAY_MS;
        let changes: Vec<Change> = (1..=450).map(|id| made(2 * id, now - (450 - id as i64) * DAY_MS)).collect();
        let keep = RetentionConfig { changes: 400, change_days: 300, ..ALL };
        assert_eq!(with(stage, changes, keep, now), 149);
        let mut connection = stage.open().connect().unwrap();
        assert_eq!(number(&mut connection, "SELECT min(id) FROM change_history"), 300);
    });
}

#[test]
fn a_server_that_was_superseded_deletes_nothing() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            pool.flush(flush(taken, 1, vec![tell(1, 7, 0)])).await.unwrap();
            execute(&mut stage.open().connect().unwrap(), "UPDATE meta SET epoch = epoch + 1");
            let refused = pool.delete(taken.epoch, Old::Tells(vec![1])).await;
            assert!(matches!(refused, Err(DbError::Superseded { .. })), "{refused:?}");
            assert_eq!(number(&mut stage.open().connect().unwrap(), "SELECT count(*) FROM tell"), 1);
        });
    });
}
