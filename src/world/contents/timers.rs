//! The timers of what is in a room: which are due, and what becomes of those that fire.

use super::Contents;
use crate::ids::EntityId;
use crate::world::entity::Entity;
use crate::world::signal::Timer;

/// A timer that was due, taken from the room.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// As it is from now on: a one-shot is gone, a ticker has ticked.
    pub timer: Timer,
    /// How many ticks were due; 1 for a one-shot.
    pub ticks: u64,
    /// When it had ticked last before.
    pub fired_at: i64,
}

impl Contents {
    /// Returns when the next timer is due, in milliseconds since 1970.
    pub fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Returns what has timers that are due at `now_ms`, with when they were due, the first ones first, at most `most`.
    pub fn due(&self, now_ms: i64, most: usize) -> Vec<(i64, EntityId)> {
        let mut due = Vec::with_capacity(most.min(self.due.len()));
        due.extend(self.due.iter().take_while(|(at, _)| *at <= now_ms).take(most));
        due
    }

    /// Tells whether the next timer of `id` that was due at `at` is a one-shot.
    pub fn is_one_shot_next(&self, id: EntityId, at: i64) -> bool {
        let timers = self.entity(id).map_or(&[][..], |entity| &entity.timers);
        timers.iter().find(|timer| timer.due_at() == at).is_some_and(|timer| !timer.is_ticker())
    }

    /// Takes a timer of `id` that was due at `at`, to fire it. `None` if there is none any more: stopped, changed or carried
    /// away.
    pub fn take_due(&mut self, id: EntityId, at: i64, now_ms: i64) -> Option<Due> {
        let timers = &mut self.entities.get_mut(&id)?.timers;
        let place = timers.iter().position(|timer| timer.due_at() == at)?;
        let (ticks, fired_at) = (timers[place].ticks_due(now_ms), timers[place].fired_at);
        let timer = if timers[place].is_ticker() {
            timers[place].fired_at = now_ms;
            self.due.insert((timers[place].due_at(), id));
            timers[place].clone()
        } else {
            timers.remove(place)
        };
        if timers.iter().all(|timer| timer.due_at() != at) {
            self.due.remove(&(at, id));
        }
        Some(Due { timer, ticks, fired_at })
    }

    /// Sets a timer back to what it was before it fired.
    pub fn set_back(&mut self, id: EntityId, before: Timer) {
        self.undue(id);
        let Some(entity) = self.entities.get_mut(&id) else { return };
        match entity.timers.iter_mut().find(|timer| timer.name == before.name) {
            Some(timer) => *timer = before,
            None => entity.timers.push(before),
        }
        self.due.extend(entity.timers.iter().map(|timer| (timer.due_at(), id)));
    }

    pub(super) fn list_due(&mut self, entity: &Entity) {
        self.due.extend(entity.timers.iter().map(|timer| (timer.due_at(), entity.id)));
    }

    pub(super) fn undue(&mut self, id: EntityId) {
        for timer in self.entities.get(&id).map_or(&[][..], |entity| &entity.timers) {
            self.due.remove(&(timer.due_at(), id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::types::Behaviour;

    fn timer(name: &str, start_at: i64, period_ms: i64) -> Timer {
        Timer { name: name.into(), json: "null".into(), start_at, period_ms, fired_at: 0 }
    }

    /// A room with a thing that has these timers.
    fn room(timers: &[Timer]) -> Contents {
        let mut thing = Entity::new(EntityId(2), Behaviour::object(), "clock");
        thing.timers = timers.to_vec();
        Contents::new(Entity::new(EntityId(1), Behaviour::room(), "Hall"), [thing])
    }

    fn fired(room: &mut Contents, at: i64, now_ms: i64) -> Option<(String, u64)> {
        room.take_due(EntityId(2), at, now_ms).map(|due| (due.timer.name, due.ticks))
    }

    #[test]
    fn timers_of_one_thing_that_are_due_together_fire_one_after_the_other() {
        let mut room = room(&[timer("a", 100, 0), timer("b", 100, 50), timer("c", 120, 0)]);
        assert_eq!(room.due(99, 9), []);
        assert_eq!(room.due(130, 9), [(100, EntityId(2)), (120, EntityId(2))]);
        assert_eq!(fired(&mut room, 100, 130), Some(("a".into(), 1)));
        assert_eq!(room.next_due(), Some(100));
        assert_eq!(fired(&mut room, 100, 130), Some(("b".into(), 1)));
        assert_eq!(fired(&mut room, 100, 130), None);
        assert_eq!(room.due(130, 9), [(120, EntityId(2))]);
        assert_eq!(fired(&mut room, 120, 130), Some(("c".into(), 1)));
        // The ticker goes on.
        assert_eq!(room.next_due(), Some(150));
        assert_eq!(fired(&mut room, 150, 310), Some(("b".into(), 4)));
        assert_eq!(room.next_due(), Some(350));
    }

    #[test]
    fn a_timer_that_is_set_back_is_due_as_it_was() {
        let mut room = room(&[timer("a", 100, 0), timer("b", 100, 50)]);
        assert!(room.is_one_shot_next(EntityId(2), 100));
        let one_shot = room.take_due(EntityId(2), 100, 130).unwrap();
        assert!(!room.is_one_shot_next(EntityId(2), 100));
        let Due { timer: ticker, fired_at, .. } = room.take_due(EntityId(2), 100, 130).unwrap();
        assert_eq!((room.next_due(), ticker.fired_at, fired_at), (Some(150), 130, 0));
        room.set_back(EntityId(2), Timer { fired_at, ..ticker });
        room.set_back(EntityId(2), one_shot.timer);
        assert_eq!(room.due(130, 9), [(100, EntityId(2))]);
        assert_eq!(fired(&mut room, 100, 330), Some(("b".into(), 5)));
        assert_eq!(fired(&mut room, 100, 330), Some(("a".into(), 1)));
    }

    #[test]
    fn what_is_changed_or_gone_does_not_fire() {
        let mut changed = room(&[timer("a", 100, 0)]);
        let mut thing = changed.entity(EntityId(2)).unwrap().clone();
        thing.timers[0].start_at = 200;
        changed.insert(thing);
        assert_eq!((fired(&mut changed, 100, 130), changed.next_due()), (None, Some(200)));
        let mut emptied = room(&[timer("a", 100, 0), timer("b", 100, 7)]);
        emptied.take(EntityId(2));
        assert_eq!((fired(&mut emptied, 100, 130), emptied.next_due()), (None, None));
    }
}
