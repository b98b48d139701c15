//! Timers, signals, and when sleeping rooms are to be woken.

use super::{change, channel, entity, flush, on_both, rows};
use crate::db::{LoadCarried, LoadChannels, LoadDue, LoadRoom, LoadSignals, seed};
use crate::ids::{ChannelId, EntityId, ScriptId};
use crate::world::record::{Change, Kind, SignalRecord, SignalTarget, TimerRecord};

fn timer(entity: u64, name: &str, start_at: i64) -> TimerRecord {
    TimerRecord {
        entity: EntityId(entity),
        name: name.to_owned(),
        json: r#"{"fuel":1}"#.to_owned(),
        start_at,
        period_ms: 0,
        fired_at: 5,
    }
}

fn ticker(entity: u64, name: &str, start_at: i64, period_ms: i64, fired_at: i64) -> TimerRecord {
    TimerRecord { period_ms, fired_at, ..timer(entity, name, start_at) }
}

fn set(timer: TimerRecord) -> Change {
    Change::Timer(Box::new(timer))
}

fn unset(entity: u64, name: &str) -> Change {
    Change::TimerGone(EntityId(entity), name.to_owned())
}

fn signal(id: u64, target: SignalTarget) -> SignalRecord {
    SignalRecord {
        id,
        target,
        name: "ring".to_owned(),
        json: "null".to_owned(),
        from: (id % 2 == 0).then_some(EntityId(8)),
        hops: u32::MAX,
    }
}

fn send(signal: SignalRecord) -> Change {
    Change::Signal(Box::new(signal))
}

#[test]
fn timers_are_loaded_with_what_they_belong_to() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let changes = vec![
                change(entity(1, Kind::Room, None)),
                change(entity(2, Kind::Character, Some(1))),
                change(entity(3, Kind::Object, Some(2))),
                change(entity(4, Kind::Room, None)),
                set(timer(1, "tide", 100)),
                set(timer(3, "dry", 100)),
                set(ticker(3, "burn", 100, 50, i64::MAX)),
                set(timer(4, "tide", 100)),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let room = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap();
            assert_eq!(room[0].timers, [timer(1, "tide", 100)]);
            assert_eq!(room[1].timers, []);
            let both = [ticker(3, "burn", 100, 50, i64::MAX), timer(3, "dry", 100)];
            assert_eq!(room[2].timers, both);
            let carried = pool.read(LoadCarried(EntityId(2))).await.unwrap().unwrap();
            assert_eq!(carried[1].timers, both);

            let changes = vec![set(timer(1, "tide", 200)), unset(3, "burn"), unset(3, "never")];
            pool.flush(flush(taken, 2, changes)).await.unwrap();
            let room = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap();
            assert_eq!(room[0].timers, [timer(1, "tide", 200)]);
            assert_eq!(room[2].timers, [timer(3, "dry", 100)]);
        });
    });
}

#[test]
fn of_several_changes_to_a_timer_the_last_counts() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let changes = vec![
                change(entity(1, Kind::Room, None)),
                set(timer(1, "kept", 1)),
                set(timer(1, "kept", 2)),
                set(timer(1, "gone", 1)),
                unset(1, "gone"),
                unset(1, "again"),
                set(timer(1, "again", 1)),
                change(entity(2, Kind::Object, Some(1))),
                set(timer(2, "of what is gone", 1)),
                Change::EntityGone(EntityId(2)),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let room = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap();
            assert_eq!(room[0].timers, [timer(1, "again", 1), timer(1, "kept", 2)]);

            let changes = vec![Change::EntityGone(EntityId(1)), change(entity(1, Kind::Room, None))];
            pool.flush(flush(taken, 2, changes)).await.unwrap();
            pool.flush(flush(taken, 3, vec![change(entity(2, Kind::Object, Some(1)))])).await.unwrap();
            let room = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap();
            assert!(room.iter().all(|row| row.timers.is_empty()), "what is made again has no timer of what it was");
        });
    });
}

#[test]
fn a_signal_is_kept_until_the_batch_that_handled_it_commits() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let targets = [
                SignalTarget::Room(EntityId(1)),
                SignalTarget::Entity(EntityId(2)),
                SignalTarget::Channel(ChannelId(3)),
                SignalTarget::Script(ScriptId(4)),
            ];
            let sent: Vec<_> = targets.into_iter().zip(1..).map(|(target, id)| signal(id, target)).collect();
            let changes = sent.iter().rev().cloned().map(send).collect();
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            assert_eq!(pool.read(LoadSignals).await.unwrap(), sent);

            let at_once = signal(5, SignalTarget::Room(EntityId(1)));
            let changes = vec![
                Change::SignalGone(2),
                send(at_once),
                Change::SignalGone(5),
                Change::SignalGone(3),
                Change::SignalGone(99),
            ];
            pool.flush(flush(taken, 2, changes)).await.unwrap();
            assert_eq!(pool.read(LoadSignals).await.unwrap(), [sent[0].clone(), sent[3].clone()]);
        });
    });
}

#[test]
fn each_room_is_due_when_the_first_of_the_timers_in_it_is() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let changes = vec![
                change(entity(1, Kind::Room, None)),
                set(timer(1, "a", 500)),
                set(timer(1, "b", 300)),
                change(entity(2, Kind::Room, None)),
                change(entity(20, Kind::Character, Some(2))),
                change(entity(21, Kind::Object, Some(20))),
                change(entity(22, Kind::Object, Some(21))),
                set(timer(20, "a", 900)),
                set(ticker(21, "a", 1000, 50, 5000)),
                set(ticker(22, "late", 10, 50, 120)),
                change(entity(3, Kind::Room, None)),
                set(ticker(3, "its first is to come", 7000, 50, 6990)),
                change(entity(4, Kind::Room, None)),
                change(entity(40, Kind::Object, Some(4))),
                // Somebody who is out of the world, with what they carry at any depth; what is not there; what is in itself.
                change(entity(50, Kind::Character, None)),
                change(entity(51, Kind::Object, Some(50))),
                change(entity(52, Kind::Object, Some(51))),
                set(timer(50, "a", 1)),
                set(timer(51, "a", 1)),
                set(timer(52, "a", 1)),
                set(timer(77, "a", 1)),
                change(entity(60, Kind::Object, Some(61))),
                change(entity(61, Kind::Object, Some(60))),
                set(timer(60, "a", 1)),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let due = pool.read(LoadDue).await.unwrap();
            assert_eq!(due, [(EntityId(1), 300), (EntityId(2), 160), (EntityId(3), 7000)]);
        });
    });
}

#[test]
fn a_first_world_has_its_timers_and_its_channels_their_state() {
    on_both(|stage| {
        let database = stage.open();
        let mut room = rows(entity(1, Kind::Room, None));
        room.timers = vec![timer(1, "tide", 100)];
        seed::seed(&database, [room.clone()], vec![], vec![channel(2, "Public")], vec![]).unwrap();
        stage.world(|pool, taken| async move {
            assert_eq!(pool.read(LoadRoom(EntityId(1))).await.unwrap(), Some(vec![room]));
            assert_eq!(pool.read(LoadChannels).await.unwrap().0, [channel(2, "Public")]);
            let mut changed = channel(2, "Public");
            changed.state = r#"{"topic":"snow"}"#.to_owned();
            pool.flush(flush(taken, 1, vec![Change::Channel(Box::new(changed.clone()))])).await.unwrap();
            assert_eq!(pool.read(LoadChannels).await.unwrap().0, [changed]);
        });
    });
}
