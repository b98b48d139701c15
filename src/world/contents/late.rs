//! State that is stored later than it changes: what tickers do to types that are declared
//! [lazy](crate::world::types::ObjectType::LAZY).
//!
//! A ticker's run that changes nothing but the state of lazy types, and shows and sends nothing, leaves no rows: what it
//! changed is *late*. It is stored with whatever of this room is shown or stored next, whoever causes that: so nobody is
//! ever shown what is not stored. With it go the tickers themselves, so that after a crash the ticks that were lost
//! come again. A room that nobody looks at stores it once in a while, and before it goes to sleep.

use super::{Contents, Edits, Undo};
use crate::ids::EntityId;
use crate::world::entity::Entity;
use crate::world::failure::contain;
use crate::world::record::Change;

impl Contents {
    /// Tells whether something is late.
    pub fn has_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// Stores everything at once from now on.
    pub fn be_exact(&mut self) {
        self.is_exact = true;
    }

    /// Tells whether everything is stored at once.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Returns what edits change, if all of it may be late; `None` if there is something among it that may not. What has
    /// changed gets its next version.
    pub fn may_be_late(&self, edits: &mut Edits) -> Option<Vec<EntityId>> {
        let mut late = Vec::new();
        for (id, edited) in &edits.0 {
            let (edited, before) = (edited.as_ref()?, self.entity(*id)?);
            if self.is_exact || !edited.behaviour.is_lazy() || !edited.is_same_but_for_state(before) {
                return None;
            }
            if edited.behaviour != before.behaviour {
                late.push(*id);
            }
        }
        for (_, edited) in &mut edits.0 {
            edited.iter_mut().filter(|edited| late.contains(&edited.id)).for_each(|edited| edited.version += 1);
        }
        Some(late)
    }

    /// Takes in edits whose rows are left for later: those of `late`, and of the one whose ticker it was.
    pub fn take_in_late(&mut self, edits: Edits, late: Vec<EntityId>, ticker: EntityId) {
        if !late.is_empty() {
            self.late.insert(ticker);
        }
        self.late.extend(late);
        self.take_in(edits);
    }

    /// Returns the rows of all that is late, as `edits` leave it.
    pub fn late_rows(&self, edits: &Edits) -> Vec<Change> {
        let mut rows = Vec::new();
        for id in &self.late {
            let edited = edits.0.iter().find(|(edited, _)| edited == id).map(|(_, edited)| edited.as_ref());
            let Some(entity) = edited.unwrap_or_else(|| self.entity(*id)) else { continue };
            // Whoever stores it is somebody else, who must not suffer for it.
            match contain(|| rows_of(entity)) {
                Ok(late) => rows.extend(late),
                Err(failure) => tracing::error!("the state of {id} is not stored: {failure}"),
            }
        }
        rows
    }

    /// Takes note that the rows of all that is late are on their way, with what `undo` would take back.
    pub fn saved_late(&mut self, undo: &mut Undo) {
        undo.saved.extend(std::mem::take(&mut self.late));
    }

    /// Returns the rows of all that is late; it is late no more.
    pub fn take_late(&mut self) -> Vec<Change> {
        let rows = self.late_rows(&Edits::default());
        self.late.clear();
        rows
    }
}

/// Returns an entity's own row, and those of its tickers: how often they have ticked goes with what that did.
fn rows_of(entity: &Entity) -> Vec<Change> {
    let tickers = entity.timers.iter().filter(|timer| timer.is_ticker());
    let tickers = tickers.map(|timer| Change::Timer(Box::new(timer.to_record(entity.id))));
    std::iter::once(Change::Entity(Box::new(entity.to_record()))).chain(tickers).collect()
}
