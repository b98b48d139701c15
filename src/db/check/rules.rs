//! The rules that one query can check: each finds the rows that break it, says what is wrong with them, and knows what mends them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{AT_ONCE, CheckError, Fix, Ground, Report};
use crate::db::connection::{DbConnection, on_each};

/// A rule. In its texts `{id}`, `{other}` and `{name}` stand for what was found, `{start}` for the start room.
struct Rule {
    /// Finds the rows that break it: `id`, `other` (any number, or none) and `name`.
    find: &'static str,
    /// What is wrong: with which row, then what.
    of: &'static str,
    problem: &'static str,
    /// What mends it, in words and as SQL; both empty if nothing does.
    repair: &'static str,
    fix: &'static str,
}

#[derive(QueryableByName)]
struct Hit {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    other: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
}

pub(super) fn find(connection: &mut DbConnection, ground: Ground, report: &mut Report) -> Result<(), CheckError> {
    for rule in RULES {
        let query = format!("SELECT id, other, name FROM ({}) AS hit ORDER BY id LIMIT {}", rule.find, AT_ONCE + 1);
        let query = query.replace("{start}", &ground.start.to_string());
        let mut hits: Vec<Hit> = on_each!(connection, c => diesel::sql_query(query).load(c))?;
        report.is_cut |= hits.len() > AT_ONCE;
        hits.truncate(AT_ONCE);
        for hit in hits {
            let say = |text: &str| hit.say(text, ground);
            let fix = if rule.fix.is_empty() { Fix::None } else { Fix::Sql(say(rule.fix)) };
            report.add(say(rule.of), say(rule.problem), say(rule.repair), fix);
        }
    }
    start_room(connection, ground, report)?;
    characters(connection, report)
}

impl Hit {
    /// Numbers only go into SQL; the name is for people, and comes last, because it may hold braces.
    fn say(&self, text: &str, ground: Ground) -> String {
        text.replace("{id}", &self.id.to_string())
            .replace("{other}", &self.other.unwrap_or_default().to_string())
            .replace("{start}", &ground.start.to_string())
            .replace("{name}", self.name.as_deref().unwrap_or_default())
    }
}

const ENTITY: &str = "#{id} ({name})";
const ACCOUNT: &str = "account {id} ({name})";
const CHANNEL: &str = "channel {id} ({name})";
const SESSION: &str = "session {id} of account {other}";

/// Where something goes that has no place: home, or to the start room.
const GO_HOME: &str = "UPDATE entity SET location = coalesce((SELECT h.id FROM entity AS h WHERE h.id = entity.home AND \
    h.kind = 'room' AND h.id <> entity.id), {start}) WHERE id = {id}";
pub(super) const GO_HOME_IN_WORDS: &str = "put it where its home is, else into the start room #{start}";

/// Returns what puts something where its home is.
pub(super) fn go_home(id: i64, ground: Ground) -> (String, Fix) {
    let hit = Hit { id, other: None, name: None };
    (hit.say(GO_HOME_IN_WORDS, ground), Fix::Sql(hit.say(GO_HOME, ground)))
}

macro_rules! entities {
    ($other:literal, $condition:literal) => {
        concat!("SELECT e.id, e.", $other, " AS other, e.key AS name FROM entity AS e WHERE ", $condition)
    };
}

macro_rules! parts {
    ($table:literal) => {
        Rule {
            find: concat!(
                "SELECT p.entity AS id, count(*) AS other, '' AS name FROM ",
                $table,
                " AS p WHERE NOT EXISTS (SELECT 1 FROM entity AS e WHERE e.id = p.entity) GROUP BY p.entity"
            ),
            of: "#{id}",
            problem: concat!("does not exist, and has rows in the table ", $table, ": {other}"),
            repair: "delete them",
            fix: concat!("DELETE FROM ", $table, " WHERE entity = {id}"),
        }
    };
}

macro_rules! targets {
    ($kinds:literal, $table:literal) => {
        Rule {
            find: concat!(
                "SELECT s.id, s.target AS other, s.name FROM signal AS s WHERE s.target_kind IN (",
                $kinds,
                ") AND NOT EXISTS (SELECT 1 FROM ",
                $table,
                " AS t WHERE t.id = s.target)"
            ),
            of: "signal {id} ({name})",
            problem: concat!("is on its way to ", $table, " {other}, which does not exist"),
            repair: "delete it",
            fix: "DELETE FROM signal WHERE id = {id}",
        }
    };
}

const RULES: &[Rule] = &[
    // Where things are. What is in itself is looked for in `places.rs`.
    Rule {
        find: entities!("location", "e.kind = 'room' AND e.location IS NOT NULL"),
        of: ENTITY,
        problem: "is a room, and is in #{other}",
        repair: "take it out: rooms are in nothing",
        fix: "UPDATE entity SET location = NULL WHERE id = {id}",
    },
    Rule {
        find: entities!("location", "e.kind = 'object' AND e.location IS NULL"),
        of: ENTITY,
        problem: "is nowhere",
        repair: GO_HOME_IN_WORDS,
        fix: GO_HOME,
    },
    Rule {
        find: entities!(
            "location",
            "e.kind IN ('object', 'character') AND e.location IS NOT NULL AND \
            NOT EXISTS (SELECT 1 FROM entity AS l WHERE l.id = e.location) AND e.id NOT IN (SELECT character FROM account)"
        ),
        of: ENTITY,
        problem: "is in #{other}, which does not exist",
        repair: GO_HOME_IN_WORDS,
        fix: GO_HOME,
    },
    Rule {
        find: entities!(
            "location",
            "e.location IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entity AS l WHERE l.id = e.location) AND \
            e.id IN (SELECT character FROM account)"
        ),
        of: ENTITY,
        problem: "is in #{other}, which does not exist",
        repair: "take it out of the world: it comes back in the start room when its player does",
        fix: "UPDATE entity SET location = NULL, left_from = NULL WHERE id = {id}",
    },
    Rule {
        find: entities!(
            "location",
            "e.kind = 'exit' AND NOT EXISTS (SELECT 1 FROM entity AS l WHERE l.id = e.location)"
        ),
        of: ENTITY,
        problem: "is an exit of a room that does not exist",
        repair: "delete it",
        fix: "DELETE FROM entity WHERE id = {id}",
    },
    Rule {
        find: entities!(
            "location",
            "e.location IS NOT NULL AND e.id IN (SELECT character FROM account) AND \
            e.id NOT IN (SELECT puppet FROM session)"
        ),
        of: ENTITY,
        problem: "is in the world, in #{other}, but nobody plays it",
        repair: "take it out of the world: it comes back there when its player does",
        fix: "UPDATE entity SET left_from = location, location = NULL WHERE id = {id}",
    },
    // What things refer to.
    Rule {
        find: entities!(
            "destination",
            "e.destination IS NOT NULL AND \
            NOT EXISTS (SELECT 1 FROM entity AS d WHERE d.id = e.destination AND d.kind = 'room')"
        ),
        of: ENTITY,
        problem: "leads to #{other}, which is no room",
        repair: "let it lead nowhere",
        fix: "UPDATE entity SET destination = NULL WHERE id = {id}",
    },
    Rule {
        find: entities!(
            "home",
            "e.home IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entity AS h WHERE h.id = e.home) AND \
            e.id IN (SELECT character FROM account)"
        ),
        of: ENTITY,
        problem: "has its home in #{other}, which does not exist",
        repair: "let it be at home in the start room #{start}",
        fix: "UPDATE entity SET home = {start} WHERE id = {id}",
    },
    Rule {
        find: entities!(
            "home",
            "e.home IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entity AS h WHERE h.id = e.home) AND \
            e.id NOT IN (SELECT character FROM account)"
        ),
        of: ENTITY,
        problem: "has its home in #{other}, which does not exist",
        repair: "let it have none",
        fix: "UPDATE entity SET home = NULL WHERE id = {id}",
    },
    Rule {
        find: entities!(
            "left_from",
            "e.left_from IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entity AS l WHERE l.id = e.left_from)"
        ),
        of: ENTITY,
        problem: "has left the world from #{other}, which does not exist",
        repair: "let it come back in the start room",
        fix: "UPDATE entity SET left_from = NULL WHERE id = {id}",
    },
    Rule {
        find: entities!(
            "owner",
            "e.owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM account AS a WHERE a.id = e.owner)"
        ),
        of: ENTITY,
        problem: "belongs to account {other}, which does not exist",
        repair: "let it belong to nobody",
        fix: "UPDATE entity SET owner = NULL WHERE id = {id}",
    },
    Rule {
        find: "SELECT e.id, e.location AS other, e.kind AS name FROM entity AS e \
            WHERE e.kind NOT IN ('room', 'exit', 'character', 'object')",
        of: "#{id}",
        problem: "is of the kind \"{name}\", which nothing is",
        repair: "",
        fix: "",
    },
    Rule {
        find: entities!(
            "location",
            "e.permission IS NOT NULL AND lower(e.permission) NOT IN \
            ('guest', 'player', 'helper', 'builder', 'admin', 'developer')"
        ),
        of: ENTITY,
        problem: "has a permission that nobody knows",
        repair: "let it have none",
        fix: "UPDATE entity SET permission = NULL WHERE id = {id}",
    },
    parts!("alias"),
    parts!("attribute"),
    parts!("tag"),
    parts!("lock"),
    parts!("timer"),
    // Accounts.
    Rule {
        find: "SELECT a.id, a.character AS other, a.name FROM account AS a WHERE lower(a.permission) NOT IN \
            ('guest', 'player', 'helper', 'builder', 'admin', 'developer')",
        of: ACCOUNT,
        problem: "has a permission that nobody knows",
        repair: "let it be Player",
        fix: "UPDATE account SET permission = 'Player' WHERE id = {id}",
    },
    Rule {
        find: "SELECT t.to_account AS id, count(*) AS other, '' AS name FROM tell AS t \
            WHERE NOT EXISTS (SELECT 1 FROM account AS a WHERE a.id = t.to_account) GROUP BY t.to_account",
        of: "account {id}",
        problem: "does not exist, and was told something: {other} times",
        repair: "delete that",
        fix: "DELETE FROM tell WHERE to_account = {id}",
    },
    // Sessions.
    Rule {
        find: "SELECT s.id, s.account AS other, '' AS name FROM session AS s \
            WHERE NOT EXISTS (SELECT 1 FROM account AS a WHERE a.id = s.account)",
        of: SESSION,
        problem: "is of an account that does not exist",
        repair: "delete it",
        fix: "DELETE FROM session WHERE id = {id}",
    },
    Rule {
        find: "SELECT s.id, s.account AS other, '' AS name FROM session AS s WHERE NOT EXISTS (SELECT 1 FROM entity AS e \
            WHERE e.id = s.puppet AND e.kind = 'character' AND e.location IS NOT NULL)",
        of: SESSION,
        problem: "plays a character that is not in the world",
        repair: "delete it",
        fix: "DELETE FROM session WHERE id = {id}",
    },
    Rule {
        find: "SELECT s.id, s.account AS other, '' AS name FROM session AS s \
            WHERE EXISTS (SELECT 1 FROM session AS t WHERE t.account = s.account AND t.id > s.id)",
        of: SESSION,
        problem: "is not the account's only one, nor its last",
        repair: "delete it",
        fix: "DELETE FROM session WHERE id = {id}",
    },
    Rule {
        find: "SELECT s.id, s.account AS other, '' AS name FROM session AS s WHERE s.cursor < 0",
        of: SESSION,
        problem: "has done fewer lines than none",
        repair: "let none be done",
        fix: "UPDATE session SET cursor = 0 WHERE id = {id}",
    },
    // Signals on their way.
    targets!("'room', 'entity'", "entity"),
    targets!("'channel'", "channel"),
    targets!("'script'", "script"),
    Rule {
        find: "SELECT s.id, s.target AS other, s.target_kind AS name FROM signal AS s \
            WHERE s.target_kind NOT IN ('room', 'entity', 'channel', 'script')",
        of: "signal {id}",
        problem: "is on its way to something of the kind \"{name}\", which nothing is",
        repair: "delete it",
        fix: "DELETE FROM signal WHERE id = {id}",
    },
    // Channels. Gaps in what was said are looked for in `numbers.rs`.
    Rule {
        find: "SELECT m.channel AS id, count(*) AS other, '' AS name FROM channel_message AS m \
            WHERE NOT EXISTS (SELECT 1 FROM channel AS c WHERE c.id = m.channel) GROUP BY m.channel",
        of: "channel {id}",
        problem: "does not exist, and has messages: {other}",
        repair: "delete them",
        fix: "DELETE FROM channel_message WHERE channel = {id}",
    },
    Rule {
        find: "SELECT s.channel AS id, count(*) AS other, '' AS name FROM subscription AS s \
            WHERE NOT EXISTS (SELECT 1 FROM channel AS c WHERE c.id = s.channel) GROUP BY s.channel",
        of: "channel {id}",
        problem: "does not exist, and is listened to: by {other}",
        repair: "delete that",
        fix: "DELETE FROM subscription WHERE channel = {id}",
    },
    Rule {
        find: "SELECT s.account AS id, count(*) AS other, '' AS name FROM subscription AS s \
            WHERE NOT EXISTS (SELECT 1 FROM account AS a WHERE a.id = s.account) GROUP BY s.account",
        of: "account {id}",
        problem: "does not exist, and listens to channels: {other}",
        repair: "delete that",
        fix: "DELETE FROM subscription WHERE account = {id}",
    },
    Rule {
        find: "SELECT c.id, c.last_message AS other, c.name FROM channel AS c WHERE lower(c.permission) NOT IN \
            ('guest', 'player', 'helper', 'builder', 'admin', 'developer')",
        of: CHANNEL,
        problem: "has a permission that nobody knows",
        repair: "let it be Admin: nobody hears it who should not",
        fix: "UPDATE channel SET permission = 'Admin' WHERE id = {id}",
    },
];

/// The start room must be one: whatever has no place goes there.
fn start_room(connection: &mut DbConnection, ground: Ground, report: &mut Report) -> Result<(), CheckError> {
    let query =
        format!("SELECT e.id, e.location AS other, e.kind AS name FROM entity AS e WHERE e.id = {}", ground.start);
    let hit: Option<Hit> = on_each!(connection, c => diesel::sql_query(query).get_result(c).optional())?;
    let of = format!("the start room #{}", ground.start);
    match hit.and_then(|hit| hit.name) {
        None => report.add(of, "does not exist", "make a bare one", Fix::Room(ground.start)),
        Some(kind) if kind == "room" => {}
        Some(kind) => {
            let problem = format!("is no room, but of the kind \"{kind}\": `world.start_room` names something else");
            report.add(of, problem, "", Fix::None);
        }
    }
    Ok(())
}

/// Every account has a character, and none has another's.
fn characters(connection: &mut DbConnection, report: &mut Report) -> Result<(), CheckError> {
    let query = format!(
        "SELECT a.id, a.character AS other, a.name FROM account AS a WHERE \
        NOT EXISTS (SELECT 1 FROM entity AS e WHERE e.id = a.character AND e.kind = 'character') OR \
        EXISTS (SELECT 1 FROM account AS b WHERE b.character = a.character AND b.id < a.id) ORDER BY a.id LIMIT {}",
        AT_ONCE + 1
    );
    let mut hits: Vec<Hit> = on_each!(connection, c => diesel::sql_query(query).load(c))?;
    report.is_cut |= hits.len() > AT_ONCE;
    hits.truncate(AT_ONCE);
    for hit in hits {
        let name = hit.name.unwrap_or_default();
        let problem = format!("plays #{}, which is no character of its own", hit.other.unwrap_or_default());
        let of = format!("account {} ({name})", hit.id);
        report.add(of, problem, "give it a new one", Fix::Character(hit.id, name));
    }
    Ok(())
}
