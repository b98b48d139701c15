//! What waits for its time: signals on their way, and the timers of rooms that sleep.

use diesel::prelude::*;
use rustc_hash::FxHashMap;

use super::connection::{DbConnection, on_each};
use super::error::DbError;
use super::reader::Read;
use super::rooms::{DEPTH, IDS_AT_ONCE};
use super::rows::SignalRow;
use super::schema::{entity, signal, timer};
use crate::ids::{EntityId, RoomId};
use crate::world::record::{Kind, SignalRecord};

/// Reads all signals whose handling has not committed, by id: in the order in which they were sent.
#[derive(Debug, Clone, Copy)]
pub struct LoadSignals;

impl Read for LoadSignals {
    type Output = Vec<SignalRecord>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = signal::table.order(signal::id);
        let rows: Vec<SignalRow<'_>> = on_each!(connection, c => query.select(SignalRow::as_select()).load(c))?;
        rows.into_iter().map(SignalRecord::try_from).collect()
    }
}

/// Reads, for each room that has timers in it at any depth, when the first of them is due, in milliseconds since 1970; by room.
///
/// That may be long past: the room is to be woken at once. Timers of what is in no room wait until it is in one again.
#[derive(Debug, Clone, Copy)]
pub struct LoadDue;

diesel::alias!(entity as holder: Holder);

impl Read for LoadDue {
    type Output = Vec<(RoomId, i64)>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let mut due = Due::default();
        for row in load_timers(connection)? {
            due.add(&row);
        }
        due.climb(connection)?;
        let mut rooms: Vec<_> = due.rooms.into_iter().map(|(room, at)| (EntityId::from_db(room), at)).collect();
        rooms.sort_unstable();
        Ok(rooms)
    }
}

/// A timer, where its entity is, and where that is: few timers are in anything deeper.
#[derive(Queryable)]
struct TimerPlace {
    start_at: i64,
    period_ms: i64,
    fired_at: i64,
    entity: i64,
    kind: String,
    location: Option<i64>,
    holder_kind: Option<String>,
    holder_location: Option<i64>,
}

fn load_timers(connection: &mut DbConnection) -> QueryResult<Vec<TimerPlace>> {
    let query = timer::table
        .inner_join(entity::table.on(entity::id.eq(timer::entity)))
        .left_join(holder.on(holder.field(entity::id).nullable().eq(entity::location)))
        .select((
            timer::start_at,
            timer::period_ms,
            timer::fired_at,
            entity::id,
            entity::kind,
            entity::location,
            holder.field(entity::kind).nullable(),
            holder.field(entity::location).nullable(),
        ));
    on_each!(connection, c => query.load(c))
}

#[derive(Default)]
struct Due {
    /// The first due time of each room.
    rooms: FxHashMap<i64, i64>,
    /// Due times of what is deeper, by what it is in.
    deeper: FxHashMap<i64, i64>,
}

impl Due {
    fn add(&mut self, timer: &TimerPlace) {
        let at = next_due(timer.start_at, timer.period_ms, timer.fired_at);
        let is_room = |kind: &str| kind == Kind::Room.name();
        if is_room(&timer.kind) {
            earliest(&mut self.rooms, timer.entity, at);
        } else if timer.holder_kind.as_deref().is_some_and(is_room) {
            timer.location.into_iter().for_each(|room| earliest(&mut self.rooms, room, at));
        } else if let Some(above) = timer.holder_location {
            earliest(&mut self.deeper, above, at);
        }
    }

    /// Goes up from what is deeper, all of it at once, until it is a room.
    fn climb(&mut self, connection: &mut DbConnection) -> Result<(), DbError> {
        for _ in 0..DEPTH {
            if self.deeper.is_empty() {
                return Ok(());
            }
            let level = std::mem::take(&mut self.deeper);
            let ids: Vec<i64> = level.keys().copied().collect();
            for ids in ids.chunks(IDS_AT_ONCE) {
                let query = entity::table.filter(entity::id.eq_any(ids));
                let query = query.select((entity::id, entity::kind, entity::location));
                let rows: Vec<(i64, String, Option<i64>)> = on_each!(connection, c => query.load(c))?;
                for (id, kind, location) in rows {
                    let Some(&at) = level.get(&id) else { continue };
                    match location {
                        _ if kind == Kind::Room.name() => earliest(&mut self.rooms, id, at),
                        Some(above) => earliest(&mut self.deeper, above, at),
                        None => {}
                    }
                }
            }
        }
        // One broken thing must not keep a world from starting.
        if let Some(id) = self.deeper.keys().min() {
            tracing::error!("timers do not run: #{id} is in something that is in itself");
        }
        Ok(())
    }
}

fn earliest(times: &mut FxHashMap<i64, i64>, key: i64, at: i64) {
    times.entry(key).and_modify(|known| *known = at.min(*known)).or_insert(at);
}

/// The first time of the ticker's phase that comes after its last tick. A one-shot is due once.
fn next_due(start_at: i64, period_ms: i64, fired_at: i64) -> i64 {
    if period_ms <= 0 || fired_at < start_at {
        return start_at;
    }
    let ticks = (fired_at.saturating_sub(start_at) / period_ms).saturating_add(1);
    start_at.saturating_add(ticks.saturating_mul(period_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_keeps_its_phase_and_a_one_shot_its_time() {
        let check = |start_at, period_ms, fired_at, due| {
            assert_eq!(next_due(start_at, period_ms, fired_at), due, "{start_at} {period_ms} {fired_at}");
        };
        check(1000, 0, 5000, 1000);
        check(1000, 50, 900, 1000);
        check(1000, 50, 999, 1000);
        check(1000, 50, 1000, 1050);
        check(1000, 50, 1049, 1050);
        check(1000, 50, 1050, 1100);
        check(0, 1, i64::MAX, i64::MAX);
        check(7, -1, 100, 7);
    }
}
