//! The timers of what is in a room: which are due, and what becomes of those that fire.

use super::Contents;
use crate::ids::EntityId;
use crate::world::signal::Timer;

impl Contents {
    /// Returns when the next timer is due, in milliseconds since 1970.
    pub fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// Returns the timers that are due at `now_ms`, the first ones first, at most `most`.
    pub fn due(&self, now_ms: i64, most: usize) -> Vec<(EntityId, Timer)> {
        let due = self.due.iter().take_while(|(at, ..)| *at <= now_ms).take(most);
        due.filter_map(|(_, id, name)| Some((*id, self.entity(*id)?.timer(name)?.clone()))).collect()
    }

    /// Takes note that a ticker has ticked. Returns its timer as it is now, `None` if it is gone.
    pub fn ticked(&mut self, id: EntityId, name: &str, now_ms: i64) -> Option<Timer> {
        let timer = self.entities.get_mut(&id)?.timers.iter_mut().find(|timer| timer.name == name)?;
        self.due.remove(&(timer.due_at(), id, name.to_owned()));
        timer.fired_at = now_ms;
        self.due.insert((timer.due_at(), id, name.to_owned()));
        Some(timer.clone())
    }

    /// Takes a one-shot away that fires. Returns false if it is gone already.
    pub fn spend(&mut self, id: EntityId, name: &str) -> bool {
        self.undue(id);
        let Some(entity) = self.entities.get_mut(&id) else { return false };
        let before = entity.timers.len();
        entity.timers.retain(|timer| timer.name != name);
        let spent = entity.timers.len() < before;
        self.due.extend(entity.timers.iter().map(|timer| (timer.due_at(), id, timer.name.clone())));
        spent
    }

    /// Sets a timer back to what it was before it fired.
    pub fn set_back(&mut self, id: EntityId, before: Timer) {
        self.undue(id);
        let Some(entity) = self.entities.get_mut(&id) else { return };
        match entity.timers.iter_mut().find(|timer| timer.name == before.name) {
            Some(timer) => *timer = before,
            None => entity.timers.push(before),
        }
        self.due.extend(entity.timers.iter().map(|timer| (timer.due_at(), id, timer.name.clone())));
    }

    pub(super) fn undue(&mut self, id: EntityId) {
        for timer in self.entities.get(&id).map_or(&[][..], |entity| &entity.timers) {
            self.due.remove(&(timer.due_at(), id, timer.name.clone()));
        }
    }
}
