//! The journal's book: which batch may be stored when, and whose output may leave. Pure; the journal actor performs
//! the [`Action`]s.
//!
//! Batches arrive in an order that respects cause and effect: whoever has seen what a batch did sends its own later.
//! A batch that goes on to a second actor is announced with [`Book::opened`] before it does. So for each actor the book
//! knows the batches that changed it and are not complete, and the last flush that holds a change of it:
//!
//! - a complete batch with changes joins the next flush, unless it met an actor that an incomplete batch has changed;
//!   then it waits for that one, and is stored *with or after* it;
//! - a batch without changes leaves with the last flush that holds a change of an actor it met, or at once.
//!
//! Two batches may wait for each other (people who change places): they become ready together.

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::actors::batch::{Batch, BatchId, Key};
use crate::wire::Group;
use crate::world::record::Change;

mod causes;

use causes::causes_first;

/// What the journal shall do.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Give this to the writer; answer with [`Book::flushed`].
    Flush(Flush),
    /// Give these groups to the portal, in one frame.
    Send {
        /// The flush that stored them; `None` if none did.
        flush: Option<u64>,
        /// In order.
        groups: Vec<Group>,
    },
}

/// One database transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Flush {
    /// Its number: one more than the last one's.
    pub number: u64,
    /// What it stores, in order.
    pub batches: Vec<Stored>,
}

/// A batch as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its rows.
    pub changes: Vec<Change>,
    /// Kept until the portal has applied it.
    pub group: Group,
}

#[derive(Debug, Default)]
struct Mark {
    /// The last flush, settled or not, that holds a change of this actor.
    flush: u64,
    /// Batches that changed it and are incomplete or held.
    open: SmallVec<[BatchId; 2]>,
}

#[derive(Debug)]
struct Entry {
    group: Group,
    is_stored: bool,
}

#[derive(Debug)]
struct Held {
    batch: Batch,
    waits: SmallVec<[BatchId; 4]>,
}

/// Batches waiting, batches in flight, and what depends on what.
#[derive(Debug, Default)]
pub struct Book {
    settled: u64,
    marks: FxHashMap<Key, Mark>,
    /// Incomplete and held batches, with the actors they changed.
    open: FxHashMap<BatchId, SmallVec<[Key; 4]>>,
    /// Complete batches that wait for incomplete ones, in order of arrival.
    held: Vec<Held>,
    pending: Vec<Entry>,
    /// The rows of those pending entries that have some, in order.
    changes: Vec<Vec<Change>>,
    flight: Option<(u64, Vec<Entry>)>,
    /// Batches to come whose storing somebody waits for.
    watched: FxHashSet<BatchId>,
    /// Those that have come, with the flush that holds them.
    promised: Vec<(u64, BatchId)>,
}

impl Book {
    /// Returns a book that goes on after flush `settled`.
    pub fn new(settled: u64) -> Self {
        Self { settled, ..Self::default() }
    }

    /// Tells whether nothing waits and nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.flight.is_none() && self.pending.is_empty() && self.open.is_empty()
    }

    /// Tells whether all that changed an actor is stored.
    pub fn is_settled(&self, key: Key) -> bool {
        !self.marks.contains_key(&key)
    }

    /// Returns how many batches wait: incomplete or held, and for the next flush.
    pub fn waiting(&self) -> (usize, usize) {
        (self.open.len(), self.pending.len())
    }

    /// Takes note that an incomplete batch has changed an actor and goes on to another.
    pub fn opened(&mut self, batch: BatchId, key: Key) {
        let keys = self.open.entry(batch).or_default();
        if !keys.contains(&key) {
            keys.push(key);
            self.marks.entry(key).or_default().open.push(batch);
        }
    }

    /// Takes note that somebody waits for a batch that is still to come.
    pub fn watch(&mut self, batch: BatchId) {
        self.watched.insert(batch);
    }

    /// Returns the watched batches that are stored by now. One that changed nothing is never among them.
    pub fn stored(&mut self) -> Vec<BatchId> {
        let settled = self.settled;
        self.promised.extract_if(.., |(flush, _)| *flush <= settled).map(|(_, batch)| batch).collect()
    }

    /// Takes in a complete batch.
    pub fn commit(&mut self, batch: Batch, actions: &mut Vec<Action>) {
        let id = batch.id;
        let was_open = self.open.contains_key(&id);
        let waits = self.causes(&batch);
        if waits.is_empty() {
            self.close(id, &[]);
            self.admit(batch, actions);
        } else {
            self.close(id, &batch.changed);
            for key in batch.changed.clone() {
                self.opened(id, key);
            }
            self.open.entry(id).or_default();
            self.held.push(Held { batch, waits });
        }
        if was_open || !self.held.is_empty() {
            self.release(actions);
        }
        self.start_flush(actions);
    }

    /// Takes note that a flush is stored: its output leaves, the next flush starts.
    pub fn flushed(&mut self, number: u64, actions: &mut Vec<Action>) {
        let Some((_, entries)) = self.flight.take_if(|(flight, _)| *flight == number) else { return };
        self.settled = number;
        self.marks.retain(|_, mark| mark.flush > number || !mark.open.is_empty());
        actions
            .push(Action::Send { flush: Some(number), groups: entries.into_iter().map(|entry| entry.group).collect() });
        self.start_flush(actions);
    }

    /// Returns the open batches that a batch has seen: those that changed an actor it met, before it changed that actor itself.
    fn causes(&self, batch: &Batch) -> SmallVec<[BatchId; 4]> {
        let mut causes: SmallVec<[BatchId; 4]> = SmallVec::new();
        for key in &batch.met {
            let open = self.marks.get(key).map_or(&[][..], |mark| &mark.open);
            let before = open.iter().take_while(|open| **open != batch.id).copied();
            causes.extend(before);
        }
        causes
    }

    /// Forgets that a batch is open, but for the actors that it keeps.
    fn close(&mut self, id: BatchId, kept: &[Key]) {
        let Some(keys) = self.open.remove(&id) else { return };
        let (kept, keys): (SmallVec<[Key; 4]>, SmallVec<[Key; 4]>) =
            keys.into_iter().partition(|key| kept.contains(key));
        if !kept.is_empty() {
            self.open.insert(id, kept);
        }
        for key in keys {
            if let Some(mark) = self.marks.get_mut(&key) {
                mark.open.retain(|open| *open != id);
                if mark.open.is_empty() && mark.flush <= self.settled {
                    self.marks.remove(&key);
                }
            }
        }
    }

    /// Lets go of the held batches that wait, directly or not, for no incomplete one.
    fn release(&mut self, actions: &mut Vec<Action>) {
        // What is held and not open any more cannot be waited for; start from all and strike out what must wait.
        let mut ready: Vec<BatchId> = self.held.iter().map(|held| held.batch.id).collect();
        loop {
            let before = ready.len();
            let open = &self.open;
            let held = &self.held;
            let may = |id: &BatchId, ready: &[BatchId]| {
                held.iter()
                    .find(|held| held.batch.id == *id)
                    .is_some_and(|held| held.waits.iter().all(|on| !open.contains_key(on) || ready.contains(on)))
            };
            ready = ready.iter().copied().filter(|id| may(id, &ready)).collect();
            if ready.len() == before {
                break;
            }
        }
        if ready.is_empty() {
            return;
        }
        let (go, stay) = std::mem::take(&mut self.held).into_iter().partition(|held| ready.contains(&held.batch.id));
        self.held = stay;
        let go: Vec<Held> = go;
        for held in &go {
            self.close(held.batch.id, &[]);
        }
        for held in in_order(go) {
            self.admit(held.batch, actions);
        }
    }

    /// Puts a batch that waits for nothing incomplete where it belongs.
    fn admit(&mut self, mut batch: Batch, actions: &mut Vec<Action>) {
        let group = Group { origin: batch.origin, items: batch.items };
        if !batch.changes.is_empty() {
            let next = self.next_flush();
            if self.watched.remove(&batch.id) {
                self.promised.push((next, batch.id));
            }
            for key in batch.changed {
                self.marks.entry(key).or_default().flush = next;
            }
            if let Some(origin) = batch.origin {
                batch.changes.push(Change::Cursor(origin.session, origin.n));
            }
            self.changes.push(batch.changes);
            self.pending.push(Entry { group, is_stored: true });
            return;
        }
        if group.origin.is_none() && group.items.is_empty() {
            return;
        }
        let needed = batch.met.iter().filter_map(|key| self.marks.get(key)).map(|mark| mark.flush).max().unwrap_or(0);
        let entry = Entry { group, is_stored: false };
        match &mut self.flight {
            _ if needed <= self.settled => actions.push(Action::Send { flush: None, groups: vec![entry.group] }),
            Some((number, entries)) if needed <= *number => entries.push(entry),
            _ => self.pending.push(entry),
        }
    }

    fn next_flush(&self) -> u64 {
        self.flight.as_ref().map_or(self.settled, |(number, _)| *number) + 1
    }

    fn start_flush(&mut self, actions: &mut Vec<Action>) {
        if self.flight.is_some() || self.changes.is_empty() {
            return;
        }
        let number = self.next_flush();
        let entries = std::mem::take(&mut self.pending);
        let groups = entries.iter().filter(|entry| entry.is_stored).map(|entry| entry.group.clone());
        let rows = std::mem::take(&mut self.changes).into_iter();
        let batches = rows.zip(groups).map(|(changes, group)| Stored { changes, group }).collect();
        self.flight = Some((number, entries));
        actions.push(Action::Flush(Flush { number, batches }));
    }
}

/// Puts held batches into the order of cause and effect: of two changes to one row the last counts.
fn in_order(held: Vec<Held>) -> Vec<Held> {
    let place: FxHashMap<BatchId, usize> = held.iter().enumerate().map(|(at, held)| (held.batch.id, at)).collect();
    let causes: Vec<Vec<usize>> =
        held.iter().map(|held| held.waits.iter().filter_map(|cause| place.get(cause).copied()).collect()).collect();
    let mut held: Vec<Option<Held>> = held.into_iter().map(Some).collect();
    causes_first(&causes).into_iter().filter_map(|at| held[at].take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, SessionId};
    use crate::wire::{Item, Origin};

    const A: Key = Key::Room(EntityId(1));
    const B: Key = Key::Room(EntityId(2));
    const C: Key = Key::Room(EntityId(3));

    fn batch(n: u64, changed: &[Key], met: &[Key]) -> Batch {
        let origin = Origin { session: SessionId(n), n: 1 };
        let mut batch = Batch::begin(Some(origin), 0);
        for key in changed {
            batch.change(*key);
            batch.changes.push(Change::IdsReserved(n));
        }
        met.iter().for_each(|key| batch.meet(*key));
        batch
    }

    /// Renders what happened: `send 1 2` left at once, `flush 1: 1 2` was given to the writer, `sent 1: 1 2` after it.
    fn shown(actions: &[Action]) -> String {
        fn who<'a>(groups: impl Iterator<Item = &'a Group>) -> String {
            groups.filter_map(|group| Some(group.origin?.session.0.to_string())).collect::<Vec<_>>().join(" ")
        }
        let each = actions.iter().map(|action| match action {
            Action::Flush(flush) => {
                format!("flush {}: {}", flush.number, who(flush.batches.iter().map(|stored| &stored.group)))
            }
            Action::Send { flush: Some(flush), groups } => format!("sent {flush}: {}", who(groups.iter())),
            Action::Send { flush: None, groups } => format!("send {}", who(groups.iter())),
        });
        each.collect::<Vec<_>>().join(", ")
    }

    fn check(actions: &mut Vec<Action>, expected: &str) {
        assert_eq!(shown(actions), expected);
        actions.clear();
    }

    #[test]
    fn what_changes_nothing_and_meets_nothing_unsettled_leaves_at_once() {
        let (mut book, mut actions) = (Book::new(7), Vec::new());
        book.commit(batch(1, &[], &[A]), &mut actions);
        check(&mut actions, "send 1");
        assert!(book.is_idle());
    }

    #[test]
    fn changes_are_stored_in_groups_as_fast_as_the_writer_returns() {
        let (mut book, mut actions) = (Book::new(7), Vec::new());
        for n in 1..=3 {
            book.commit(batch(n, &[A], &[]), &mut actions);
        }
        check(&mut actions, "flush 8: 1");
        book.flushed(8, &mut actions);
        check(&mut actions, "sent 8: 1, flush 9: 2 3");
        book.flushed(9, &mut actions);
        check(&mut actions, "sent 9: 2 3");
        assert!(book.is_idle() && book.is_settled(A));
    }

    #[test]
    fn a_reader_waits_for_the_flush_it_has_seen_and_keeps_its_place() {
        let (mut book, mut actions) = (Book::new(0), Vec::new());
        book.commit(batch(1, &[A], &[]), &mut actions);
        book.commit(batch(2, &[], &[A]), &mut actions);
        book.commit(batch(3, &[], &[B]), &mut actions);
        book.commit(batch(4, &[A], &[]), &mut actions);
        book.commit(batch(5, &[], &[A]), &mut actions);
        book.commit(batch(6, &[A], &[]), &mut actions);
        check(&mut actions, "flush 1: 1, send 3");
        book.flushed(1, &mut actions);
        check(&mut actions, "sent 1: 1 2, flush 2: 4 6");
        book.flushed(2, &mut actions);
        check(&mut actions, "sent 2: 4 5 6");
    }

    #[test]
    fn whoever_waits_for_a_batch_is_told_when_it_is_stored_and_not_before() {
        let (mut book, mut actions) = (Book::new(0), Vec::new());
        book.commit(batch(1, &[A], &[]), &mut actions);
        let (second, third) = (batch(2, &[A], &[]), batch(3, &[A], &[]));
        let id = second.id;
        book.watch(id);
        book.commit(second, &mut actions);
        book.flushed(1, &mut actions);
        book.commit(third, &mut actions);
        assert_eq!(book.stored(), []);
        book.flushed(2, &mut actions);
        assert_eq!(book.stored(), [id]);
        assert_eq!(book.stored(), []);
    }

    #[test]
    fn a_watched_batch_that_is_held_counts_from_when_it_is_let_go() {
        let (mut book, mut actions) = (Book::new(0), Vec::new());
        let (walk, watched) = (batch(1, &[A, B], &[]), batch(2, &[A], &[]));
        book.opened(walk.id, A);
        let id = watched.id;
        book.watch(id);
        book.commit(watched, &mut actions);
        book.commit(batch(3, &[C], &[]), &mut actions);
        book.flushed(1, &mut actions);
        assert_eq!(book.stored(), []);
        book.commit(walk, &mut actions);
        book.flushed(2, &mut actions);
        assert_eq!(book.stored(), [id]);
    }

    #[test]
    fn whoever_meets_a_batch_under_way_waits_for_it_and_nobody_else_does() {
        let (mut book, mut actions) = (Book::new(0), Vec::new());
        let walk = batch(1, &[A, B], &[]);
        book.opened(walk.id, A);
        book.commit(batch(2, &[], &[A]), &mut actions);
        book.commit(batch(3, &[C], &[A]), &mut actions);
        book.commit(batch(4, &[], &[C]), &mut actions);
        book.commit(batch(5, &[], &[B]), &mut actions);
        check(&mut actions, "send 5");
        book.commit(walk, &mut actions);
        check(&mut actions, "flush 1: 1 3");
        assert!(!book.is_settled(C));
        book.flushed(1, &mut actions);
        check(&mut actions, "sent 1: 1 2 3 4");
        assert!(book.is_idle() && book.is_settled(A) && book.is_settled(C));
    }

    #[test]
    fn a_refused_batch_releases_its_readers_as_they_are() {
        let (mut book, mut actions) = (Book::new(0), Vec::new());
        let mut walk = batch(1, &[A, B], &[]);
        book.opened(walk.id, A);
        book.commit(batch(2, &[], &[A]), &mut actions);
        walk.undo();
        book.commit(walk, &mut actions);
        check(&mut actions, "send 1, send 2");
        assert!(book.is_idle() && book.is_settled(A));
    }

    #[test]
    fn people_who_change_places_are_stored_together() {
        let (mut book, mut actions) = (Book::new(0), Vec::new());
        let (there, back) = (batch(1, &[A, B], &[]), batch(2, &[B, A], &[]));
        book.opened(there.id, A);
        book.opened(back.id, B);
        book.commit(there, &mut actions);
        check(&mut actions, "");
        book.commit(back, &mut actions);
        check(&mut actions, "flush 1: 1 2");
        book.flushed(1, &mut actions);
        check(&mut actions, "sent 1: 1 2");
        assert!(book.is_idle());
    }

    #[test]
    fn what_waited_for_one_that_waited_itself_comes_behind_it() {
        let (mut book, mut actions) = (Book::new(0), Vec::new());
        // Walk 1 leaves A for B; what happens in A then, 2 and 3, has seen that. B has been left by walk 4, which is under way.
        let (one, four) = (batch(1, &[A, B], &[]), batch(4, &[B, C], &[]));
        book.opened(one.id, A);
        book.commit(batch(2, &[A], &[]), &mut actions);
        book.commit(batch(3, &[A], &[]), &mut actions);
        book.opened(four.id, B);
        book.commit(one, &mut actions);
        check(&mut actions, "");
        book.commit(four, &mut actions);
        check(&mut actions, "flush 1: 4 1 2 3");
    }

    #[test]
    fn only_what_changes_something_is_kept_for_the_portal() {
        let (mut book, mut actions) = (Book::new(0), Vec::new());
        let mut quiet = batch(1, &[], &[A]);
        quiet.origin = None;
        book.commit(quiet, &mut actions);
        check(&mut actions, "");
        let mut change = batch(2, &[A], &[]);
        change.items.push(Item::Reload);
        book.commit(change, &mut actions);
        let [Action::Flush(flush)] = actions.as_slice() else { panic!("{actions:?}") };
        assert!(flush.batches[0].changes.contains(&Change::Cursor(SessionId(2), 1)));
        assert_eq!(flush.batches[0].group.items, [Item::Reload]);
    }
}
