//! What the committed output says of the world, held against the committed rows. Pure.
//!
//! Each flush leaves its rows' moves and its output in the trail. The output is read as a reader would: "You pick up a coin017."
//! means that the coin was in the room and is in that hand now. After each flush, what was told must be what is stored: not more, not
//! less. And what was told must have been told to everybody who was there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::reports::reports_change;
use super::scene::{Part, Scene};
use super::stage::Promise;
use crate::db::{Left, Print};
use crate::ids::{EntityId, SessionId};
use crate::text::render_plain;
use crate::wire::{self, Group, Item};

/// What the trail told so far.
pub(super) struct Model {
    scene: std::sync::Arc<Scene>,
    /// Coins and bankers, by name.
    things: HashMap<String, EntityId>,
    names: HashMap<EntityId, String>,
    rooms: HashMap<String, EntityId>,
    /// Where those are, as it was told.
    places: HashMap<EntityId, Option<EntityId>>,
    /// Who of the cast is behind a session.
    sessions: HashMap<SessionId, String>,
    /// What the rows of the flush that is being read say: where things went.
    moved: BTreeMap<EntityId, Option<EntityId>>,
    flush: u64,
    /// Figures for the report.
    pub(super) groups: u64,
    pub(super) moves: u64,
    /// How often the bell was heard next door.
    pub(super) strokes: u64,
}

/// What a print led to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Lines that report a change, with who of the cast must see them.
    pub(super) reports: Vec<(String, String)>,
    /// What does not fit together.
    pub(super) wrong: Vec<(Promise, String)>,
}

impl Model {
    pub(super) fn new(scene: std::sync::Arc<Scene>) -> Self {
        let coins = scene.coins.iter().map(|(id, name, vault)| (*id, name.clone(), Some(*vault)));
        let bankers = scene.cast.iter().filter(|member| member.part == Part::Banker);
        let all: Vec<_> = coins.chain(bankers.map(|member| (member.character, member.name.clone(), None))).collect();
        Self {
            things: all.iter().map(|(id, name, _)| (name.clone(), *id)).collect(),
            names: all.iter().map(|(id, name, _)| (*id, name.clone())).collect(),
            places: all.iter().map(|(id, _, place)| (*id, *place)).collect(),
            rooms: scene.rooms.iter().map(|(id, name)| (name.clone(), *id)).collect(),
            scene,
            sessions: HashMap::new(),
            moved: BTreeMap::new(),
            flush: 0,
            groups: 0,
            moves: 0,
            strokes: 0,
        }
    }

    /// Returns where coins and bankers are, as it was told.
    pub(super) fn places(&self) -> &HashMap<EntityId, Option<EntityId>> {
        &self.places
    }

    /// Returns the coins in somebody's hands, as it was told.
    pub(super) fn held_by(&self, who: &str) -> BTreeSet<String> {
        let Some(who) = self.things.get(who) else { return BTreeSet::new() };
        let held = self.places.iter().filter(|(_, place)| **place == Some(*who));
        held.filter_map(|(id, _)| self.names.get(id).cloned()).collect()
    }

    /// Reads the next print.
    pub(super) fn read(&mut self, print: &Print, found: &mut Found) {
        if print.flush < self.flush {
            found.wrong.push((Promise::Whole, format!("flush {} came behind {}", print.flush, self.flush)));
        }
        if print.flush > self.flush && !self.moved.is_empty() {
            let what = format!("flush {} moved {:?} and told nobody", self.flush, self.moved.len());
            found.wrong.push((Promise::Once, what));
            self.moved.clear();
        }
        self.flush = print.flush;
        match &print.what {
            Left::Moved(id, place) if self.names.contains_key(id) => drop(self.moved.insert(*id, *place)),
            Left::Moved(..) => {}
            Left::Shown(bytes) => match wire::decode_groups(bytes) {
                Ok(groups) => self.hear_flush(&groups, found),
                Err(error) => found.wrong.push((Promise::Truth, format!("output that cannot be read: {error}"))),
            },
        }
    }

    /// Applies what a flush told and compares it with what it stored.
    fn hear_flush(&mut self, groups: &[Group], found: &mut Found) {
        let before = self.places.clone();
        for group in groups {
            self.groups += 1;
            self.hear(group, found);
        }
        let moved = std::mem::take(&mut self.moved);
        self.moves += moved.len() as u64;
        for (id, place) in &mut self.places {
            let stored = moved.get(id).or_else(|| before.get(id)).copied().flatten();
            // What is stored counts from here on, so that one fault is not found again in each flush.
            let told = std::mem::replace(place, stored);
            if stored != told {
                let name = self.names.get(id).map_or("", String::as_str);
                let what = format!("flush {}: {name} is told to be in {told:?} and stored in {stored:?}", self.flush);
                found.wrong.push((Promise::Truth, what));
            }
        }
    }

    fn hear(&mut self, group: &Group, found: &mut Found) {
        let texts: Vec<(Vec<SessionId>, Vec<String>)> = group.items.iter().filter_map(text).collect();
        for (to, lines) in &texts {
            self.learn(to, lines);
        }
        // Who walks sees the room; those who stay hear of it, as they are before anybody has moved.
        let party: Vec<(String, EntityId)> = texts.iter().filter_map(|(to, lines)| self.comes(to, lines)).collect();
        for (to, lines) in &texts {
            for line in lines {
                self.strokes += u64::from(line == "A bell rings somewhere near.");
                for who in to.iter().filter_map(|session| self.sessions.get(session)) {
                    if reports_change(line, |line| self.scene.is_room(line)) {
                        found.reports.push((who.clone(), line.clone()));
                    }
                }
                self.audience(to, line, &party, found);
                self.change(to, line, found);
            }
        }
        let from: BTreeSet<Option<EntityId>> = party.iter().filter_map(|(who, _)| self.place_of(who)).collect();
        if from.len() > 1 {
            found.wrong.push((Promise::Whole, format!("flush {}: a party came from {from:?} at once", self.flush)));
        }
        for (who, room) in &party {
            if let Some(id) = self.things.get(who) {
                self.places.insert(*id, Some(*room));
            }
        }
    }

    /// A login tells who is behind a session.
    fn learn(&mut self, to: &[SessionId], lines: &[String]) {
        let [session] = to else { return };
        for name in lines.iter().filter_map(|line| line.strip_prefix("Welcome, ")?.strip_suffix('.')) {
            if self.scene.cast.iter().any(|member| member.name == name && member.part != Part::Visitor) {
                self.sessions.insert(*session, name.to_owned());
            }
        }
    }

    /// Returns who comes into which room, if that is what somebody is shown.
    fn comes(&self, to: &[SessionId], lines: &[String]) -> Option<(String, EntityId)> {
        let [session] = to else { return None };
        let room = self.rooms.get(lines.first()?)?;
        Some((self.sessions.get(session)?.clone(), *room))
    }

    fn place_of(&self, who: &str) -> Option<Option<EntityId>> {
        self.places.get(self.things.get(who)?).copied()
    }

    /// Takes what somebody is told of what they did as done.
    fn change(&mut self, to: &[SessionId], line: &str, found: &mut Found) {
        let [session] = to else { return };
        let Some(who) = self.sessions.get(session).cloned() else { return };
        let hand = self.things.get(&who).copied();
        let room = self.place_of(&who).flatten();
        let end = |rest: &str| rest.strip_suffix('.').map(str::to_owned);
        let (coin, from, into) = if let Some(coin) = line.strip_prefix("You pick up a ").and_then(end) {
            (coin, room, hand)
        } else if let Some(coin) = line.strip_prefix("You drop a ").and_then(end) {
            (coin, hand, room)
        } else if let Some((coin, other)) = line.strip_prefix("You give a ").and_then(|rest| rest.split_once(" to ")) {
            let other = end(other).unwrap_or_default();
            if self.place_of(&other).flatten() != room {
                let what = format!("flush {}: {who} gave {coin} to {other}, who is elsewhere", self.flush);
                found.wrong.push((Promise::Whole, what));
            }
            (coin.to_owned(), hand, self.things.get(&other).copied())
        } else {
            return;
        };
        let Some(id) = self.things.get(&coin).copied() else { return };
        let was = self.places.insert(id, into).flatten();
        if was != from {
            let what = format!("flush {}: {line:?}, told to {who}, but {coin} was in {was:?}", self.flush);
            found.wrong.push((Promise::Whole, what));
        }
    }

    /// Holds who was told of something in a room against who was there. Of those who moved in the same flush nothing is said: people
    /// who change places are stored together, and for each room another one of them was the first.
    fn audience(&self, to: &[SessionId], line: &str, party: &[(String, EntityId)], found: &mut Found) {
        let Some(who) =
            line.split(' ').next().filter(|who| self.things.contains_key(*who) && who.starts_with("banker"))
        else {
            return;
        };
        let here = self.place_of(who).flatten();
        let (room, left_out) = if line.contains(" picks up a ") || line.contains(" drops a ") {
            (here, vec![who])
        } else if let Some((_, rest)) = line.split_once(" gives a ") {
            (here, vec![who, rest.split_once(" to ").and_then(|(_, other)| other.strip_suffix('.')).unwrap_or("")])
        } else if line.contains(" arrives") || line.ends_with(" has entered the world.") {
            let Some((_, room)) = party.iter().find(|(name, _)| name == who) else { return };
            (Some(*room), party.iter().map(|(name, _)| name.as_str()).collect())
        } else if ["east", "west", "north", "south"].iter().any(|way| line == format!("{who} leaves {way}.")) {
            (here, party.iter().map(|(name, _)| name.as_str()).collect())
        } else {
            return;
        };
        let stayed = |name: &&String| self.things.get(*name).is_none_or(|id| !self.moved.contains_key(id));
        let there = |name: &&String| self.place_of(name).flatten() == room && !left_out.contains(&name.as_str());
        let expected: BTreeSet<&String> = self.sessions.values().filter(there).filter(stayed).collect();
        let told = to.iter().filter_map(|session| self.sessions.get(session));
        let told: BTreeSet<&String> = told.filter(stayed).collect();
        if told != expected {
            let what = format!("flush {}: {line:?} was told to {told:?}, and {expected:?} were there", self.flush);
            found.wrong.push((Promise::Once, what));
        }
    }
}

/// Returns to whom a text goes, and its lines as a plain screen shows them.
fn text(item: &Item) -> Option<(Vec<SessionId>, Vec<String>)> {
    let Item::Text { to, text } = item else { return None };
    Some((to.clone(), render_plain(text).lines().map(|line| line.trim_end().to_owned()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RoomId;
    use crate::torture::scene::Member;

    const VAULTS: [RoomId; 2] = [EntityId(10), EntityId(11)];
    const COIN: EntityId = EntityId(20);
    const ANN: EntityId = EntityId(30);
    const BOB: EntityId = EntityId(31);

    /// Ann and Bob are in the first vault, with a coin.
    fn model() -> Model {
        let member =
            |name: &str, character| Member { name: name.to_owned(), part: Part::Banker, character, room: VAULTS[0] };
        let scene = Scene {
            rooms: vec![(VAULTS[0], "Vault 00".to_owned()), (VAULTS[1], "Vault 01".to_owned())],
            coins: vec![(COIN, "coin000".to_owned(), VAULTS[0])],
            cast: vec![member("banker00", ANN), member("banker01", BOB)],
            ..Scene::default()
        };
        let mut model = Model::new(std::sync::Arc::new(scene));
        let mut found = Found::default();
        for (n, name, id) in [(1, "banker00", ANN), (2, "banker01", BOB)] {
            let others: &[u64] = if n == 2 { &[1] } else { &[] };
            let welcome = format!("Welcome, {name}.");
            let texts =
                [(&[n][..], &*welcome), (others, &*format!("{name} has entered the world.")), (&[n], "Vault 00")];
            let moved = [(id, Some(VAULTS[0]))];
            flush(&mut model, n, &moved, &texts, &mut found);
        }
        assert_eq!(found.wrong, []);
        model
    }

    fn flush(
        model: &mut Model,
        number: u64,
        moved: &[(EntityId, Option<EntityId>)],
        texts: &[(&[u64], &str)],
        found: &mut Found,
    ) {
        let item = |(to, text): &(&[u64], &str)| Item::Text {
            to: to.iter().map(|n| SessionId(*n)).collect(),
            text: (*text).to_owned(),
        };
        let group = Group { origin: None, items: texts.iter().map(item).collect() };
        for (id, place) in moved {
            model.read(&Print { n: 0, flush: number, what: Left::Moved(*id, *place) }, found);
        }
        let shown = wire::encode_groups([&group].into_iter());
        model.read(&Print { n: 0, flush: number, what: Left::Shown(shown) }, found);
    }

    fn check(moved: &[(EntityId, Option<EntityId>)], texts: &[(&[u64], &str)], expected: &[Promise]) {
        let (mut model, mut found) = (model(), Found::default());
        flush(&mut model, 3, moved, texts, &mut found);
        let promises: Vec<Promise> = found.wrong.iter().map(|(promise, _)| *promise).collect();
        assert_eq!(promises, expected, "{:?}", found.wrong);
    }

    #[test]
    fn what_is_told_must_be_what_is_stored() {
        let texts: &[(&[u64], &str)] = &[(&[1], "You pick up a coin000."), (&[2], "banker00 picks up a coin000.")];
        check(&[(COIN, Some(ANN))], texts, &[]);
        check(&[], texts, &[Promise::Truth]);
        check(&[(COIN, Some(BOB))], texts, &[Promise::Truth]);
        check(&[(COIN, Some(ANN))], &[], &[Promise::Truth]);
    }

    #[test]
    fn nothing_comes_from_where_it_is_not() {
        check(
            &[(COIN, Some(VAULTS[0]))],
            &[(&[1], "You drop a coin000."), (&[2], "banker00 drops a coin000.")],
            &[Promise::Whole],
        );
        check(
            &[(COIN, Some(BOB))],
            &[
                (&[1], "You pick up a coin000."),
                (&[2], "banker00 picks up a coin000."),
                (&[1], "You give a coin000 to banker01."),
                (&[2], "banker00 gives you a coin000."),
            ],
            &[],
        );
    }

    #[test]
    fn everybody_who_is_there_must_be_told_and_nobody_else() {
        check(
            &[(COIN, Some(ANN))],
            &[(&[1], "You pick up a coin000."), (&[], "banker00 picks up a coin000.")],
            &[Promise::Once],
        );
        let walk: &[(&[u64], &str)] =
            &[(&[2], "banker00 leaves north."), (&[], "banker00 arrives."), (&[1], "Vault 01")];
        check(&[(ANN, Some(VAULTS[1]))], walk, &[]);
        let heard: &[(&[u64], &str)] =
            &[(&[2], "banker00 leaves north."), (&[2], "banker00 arrives."), (&[1], "Vault 01")];
        check(&[(ANN, Some(VAULTS[1]))], heard, &[Promise::Once]);
    }

    #[test]
    fn reports_are_for_those_who_are_told() {
        let (mut model, mut found) = (model(), Found::default());
        let texts: &[(&[u64], &str)] =
            &[(&[1], "You pick up a coin000."), (&[2], "banker00 picks up a coin000."), (&[1], "It is cold.")];
        flush(&mut model, 3, &[(COIN, Some(ANN))], texts, &mut found);
        let reports: Vec<(&str, &str)> = found.reports.iter().map(|(who, line)| (&**who, &**line)).collect();
        assert_eq!(reports, [("banker00", "You pick up a coin000."), ("banker01", "banker00 picks up a coin000.")]);
        assert_eq!(model.held_by("banker00"), BTreeSet::from(["coin000".to_owned()]));
    }
}
