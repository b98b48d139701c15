//! Each kind of damage is found, named and mended, and a sound world is left alone.

use super::{Stage, execute, number, on_both};
use crate::db::{CheckError, Database, DbConnection, check, repair};
use crate::ids::EntityId;

const START: EntityId = EntityId(1);

/// All tables but `meta`.
const TABLES: [&str; 16] = [
    "account",
    "alias",
    "attribute",
    "change_history",
    "channel",
    "channel_message",
    "entity",
    "lock",
    "outbox",
    "script",
    "session",
    "signal",
    "subscription",
    "tag",
    "tell",
    "timer",
];

/// A small world with something in every table: two rooms and a way, a chest with a coin in it, Ann who is here, Bob who is away.
const SOUND: &str = r#"
    INSERT INTO entity (id, kind, type_name, key, description, location, home, destination, left_from, owner, state, version) VALUES
        (1, 'room', 'room', 'Hall', '', NULL, NULL, NULL, NULL, NULL, 'null', 0),
        (2, 'room', 'room', 'Attic', '', NULL, NULL, NULL, NULL, NULL, 'null', 0),
        (3, 'exit', 'exit', 'up', '', 1, NULL, 2, NULL, NULL, 'null', 0),
        (4, 'object', 'object', 'chest', '', 2, 2, NULL, NULL, 101, 'null', 0),
        (5, 'object', 'object', 'coin', '', 4, NULL, NULL, NULL, NULL, 'null', 0),
        (6, 'character', 'character', 'Ann', '', 1, 1, NULL, NULL, 101, 'null', 0),
        (7, 'character', 'character', 'Bob', '', NULL, 1, NULL, 2, 102, 'null', 0),
        (8, 'object', 'object', 'hat', '', 7, NULL, NULL, NULL, NULL, 'null', 0),
        (9, 'character', 'character', 'cook', '', 2, NULL, NULL, NULL, NULL, 'null', 0);
    INSERT INTO account (id, name, folded, skeleton, password_hash, permission, superuser, character, options, ignores, created_at, last_login_at) VALUES
        (101, 'Ann', 'ann', 'ann', '', 'Admin', TRUE, 6, '{"width":"80"}', '[102]', 0, 0),
        (102, 'Bob', 'bob', 'bob', '', 'Player', FALSE, 7, '{}', '[]', 0, 0);
    INSERT INTO alias (entity, n, name) VALUES (3, 0, 'u');
    INSERT INTO attribute (entity, category, key, value) VALUES (4, '', 'weight', '12'), (5, 'mint', 'it''s', '{"year":1812}');
    INSERT INTO tag (entity, category, key) VALUES (5, '', 'gold');
    INSERT INTO lock (entity, access, expression) VALUES (4, 'get', 'none()');
    INSERT INTO timer (entity, name, json, start_at, period_ms, fired_at) VALUES (9, 'cook', 'null', 5, 1000, 5);
    INSERT INTO channel (id, name, folded, aliases, description, auto_join, last_message, permission, type_name, state) VALUES
        (201, 'Public', 'public', '["pub"]', '', TRUE, 7, 'Guest', 'channel', 'null'),
        (202, 'Staff', 'staff', '[]', '', FALSE, 90, 'Helper', 'channel', 'null');
    INSERT INTO channel_message (channel, n, at, account, speaker, text) VALUES
        (201, 3, 0, 101, 'Ann', 'three'), (201, 4, 0, 101, 'Ann', 'four'), (201, 5, 0, 0, 'keeper', 'five'),
        (201, 6, 0, NULL, 'Sky', 'six'), (201, 7, 0, 101, 'Ann', 'seven');
    INSERT INTO subscription (channel, account) VALUES (201, 101), (201, 102), (202, 101);
    INSERT INTO script (id, key, type_name, state, period_ms, start_at) VALUES (301, 'sky', 'sky', 'null', 1000, 0);
    INSERT INTO session (id, account, puppet, cursor, mode, lost_at) VALUES (4294967297, 101, 6, 12, 'null', NULL);
    INSERT INTO outbox (flush, groups) VALUES (40, {empty});
    INSERT INTO tell (id, to_account, from_account, speaker, text, at) VALUES (401, 102, 101, 'Ann', 'hello', 0);
    INSERT INTO signal (id, target_kind, target, name, json, sender, hops) VALUES
        (8589934592, 'entity', 9, 'bell', 'null', 666, 0), (8589934593, 'channel', 201, 'bell', 'null', NULL, 0),
        (8589934594, 'script', 301, 'bell', 'null', NULL, 0), (8589934595, 'room', 2, 'bell', 'null', NULL, 0);
    INSERT INTO change_history (id, at, account, by_name, entity, action, before_json, after_json) VALUES
        (501, 0, 101, 'Ann', 666, 'destroy', '{}', 'null');
    UPDATE meta SET epoch = 2, flush = 40, next_id = 1000, schema_reader = 1;
"#;

/// An empty list of groups, as the wire writes it.
fn sound(stage: &Stage) -> String {
    let empty = if stage.is_sqlite() { "X'80'" } else { r"'\x80'" };
    let sound = SOUND.replace("{empty}", empty);
    TABLES.map(|table| format!("DELETE FROM {table};")).concat() + &sound
}

/// Lays out the sound world, and does this to it.
fn damaged(stage: &Stage, damage: &str) -> (Database, DbConnection) {
    let database = stage.open();
    let mut connection = database.connect().unwrap();
    execute(&mut connection, &sound(stage));
    execute(&mut connection, damage);
    (database, connection)
}

fn told(database: &Database) -> Vec<String> {
    let report = check(database, START).unwrap();
    let tell = |finding: crate::db::Finding| {
        let repair = finding.repair.map_or_else(|| "by hand".to_owned(), |repair| format!("would {repair}"));
        format!("{} {}: {repair}", finding.of, finding.problem)
    };
    report.findings.into_iter().map(tell).collect()
}

/// What is done to the world; what is found, in order of the checks; and what is true when it is mended.
type Case = (&'static str, &'static [&'static str], &'static str);

const CASES: &[Case] = &[
    // Where things are.
    (
        "UPDATE entity SET location = 1 WHERE id = 2",
        &["#2 (Attic) is a room, and is in #1: would take it out: rooms are in nothing"],
        "SELECT count(*) FROM entity WHERE id = 2 AND location IS NULL",
    ),
    (
        "UPDATE entity SET location = NULL WHERE id = 4",
        &["#4 (chest) is nowhere: would put it where its home is, else into the start room #1"],
        "SELECT count(*) FROM entity WHERE id = 4 AND location = 2",
    ),
    (
        "UPDATE entity SET location = 99 WHERE id = 5",
        &["#5 (coin) is in #99, which does not exist: would put it where its home is, else into the start room #1"],
        "SELECT count(*) FROM entity WHERE id = 5 AND location = 1",
    ),
    (
        "UPDATE entity SET location = 99 WHERE id = 9",
        &["#9 (cook) is in #99, which does not exist: would put it where its home is, else into the start room #1"],
        "SELECT count(*) FROM entity WHERE id = 9 AND location = 1",
    ),
    (
        "UPDATE entity SET location = 99 WHERE id = 6",
        &[
            "#6 (Ann) is in #99, which does not exist: would take it out of the world: it comes back in the start room when its \
             player does",
        ],
        "SELECT count(*) FROM entity WHERE id = 6 AND location IS NULL AND NOT EXISTS (SELECT 1 FROM session)",
    ),
    (
        "UPDATE entity SET location = 99 WHERE id = 3",
        &["#3 (up) is an exit of a room that does not exist: would delete it"],
        "SELECT 1 - count(*) FROM alias",
    ),
    (
        "UPDATE entity SET location = 2 WHERE id = 7",
        &[
            "#7 (Bob) is in the world, in #2, but nobody plays it: would take it out of the world: it comes back there when its \
             player does",
        ],
        "SELECT count(*) FROM entity WHERE id = 7 AND location IS NULL AND left_from = 2",
    ),
    (
        "UPDATE entity SET location = 5 WHERE id = 4",
        &["#4 (chest) is in itself: would put it where its home is, else into the start room #1"],
        "SELECT count(*) FROM entity WHERE id = 5 AND location = 4",
    ),
    (
        "UPDATE entity SET location = 5 WHERE id = 5; UPDATE entity SET location = 8 WHERE id = 8",
        &[
            "#5 (coin) is in itself: would put it where its home is, else into the start room #1",
            "#8 (hat) is in itself: would put it where its home is, else into the start room #1",
        ],
        "SELECT count(*) - 1 FROM entity WHERE id IN (5, 8) AND location = 1",
    ),
    // What things refer to.
    (
        "UPDATE entity SET destination = 99 WHERE id = 3",
        &["#3 (up) leads to #99, which is no room: would let it lead nowhere"],
        "SELECT count(*) FROM entity WHERE id = 3 AND destination IS NULL",
    ),
    (
        "UPDATE entity SET destination = 4 WHERE id = 3",
        &["#3 (up) leads to #4, which is no room: would let it lead nowhere"],
        "SELECT count(*) FROM entity WHERE id = 3 AND destination IS NULL",
    ),
    (
        "UPDATE entity SET home = 99 WHERE id IN (4, 7)",
        &[
            "#7 (Bob) has its home in #99, which does not exist: would let it be at home in the start room #1",
            "#4 (chest) has its home in #99, which does not exist: would let it have none",
        ],
        "SELECT count(*) FROM entity WHERE id = 7 AND home = 1",
    ),
    (
        "UPDATE entity SET left_from = 99 WHERE id = 7",
        &["#7 (Bob) has left the world from #99, which does not exist: would let it come back in the start room"],
        "SELECT count(*) FROM entity WHERE id = 7 AND left_from IS NULL",
    ),
    (
        "UPDATE entity SET owner = 199 WHERE id = 9",
        &["#9 (cook) belongs to account 199, which does not exist: would let it belong to nobody"],
        "SELECT count(*) FROM entity WHERE id = 9 AND owner IS NULL",
    ),
    (
        "UPDATE entity SET permission = 'Emperor' WHERE id = 9",
        &["#9 (cook) has a permission that nobody knows: would let it have none"],
        "SELECT count(*) FROM entity WHERE id = 9 AND permission IS NULL",
    ),
    (
        "INSERT INTO alias (entity, n, name) VALUES (99, 0, 'x'), (99, 1, 'y'); \
         INSERT INTO attribute (entity, category, key, value) VALUES (99, '', 'x', '1'); \
         INSERT INTO tag (entity, category, key) VALUES (99, '', 'x'); \
         INSERT INTO lock (entity, access, expression) VALUES (99, 'get', 'x'); \
         INSERT INTO timer (entity, name, json, start_at, period_ms, fired_at) VALUES (99, 'x', 'null', 0, 0, 0)",
        &[
            "#99 does not exist, and has rows in the table alias: 2: would delete them",
            "#99 does not exist, and has rows in the table attribute: 1: would delete them",
            "#99 does not exist, and has rows in the table tag: 1: would delete them",
            "#99 does not exist, and has rows in the table lock: 1: would delete them",
            "#99 does not exist, and has rows in the table timer: 1: would delete them",
        ],
        "SELECT count(*) FROM timer",
    ),
    // Accounts and sessions.
    (
        "DELETE FROM entity WHERE id = 7; UPDATE entity SET location = 1 WHERE id = 8",
        &["account 102 (Bob) plays #7, which is no character of its own: would give it a new one"],
        "SELECT count(*) FROM account a JOIN entity e ON e.id = a.character AND e.owner = a.id WHERE a.id = 102 AND e.id = 1000 \
         AND e.key = 'Bob' AND e.location IS NULL AND e.left_from = 1 AND EXISTS (SELECT 1 FROM meta WHERE next_id = 1001)",
    ),
    (
        "UPDATE account SET character = 6 WHERE id = 102",
        &["account 102 (Bob) plays #6, which is no character of its own: would give it a new one"],
        "SELECT count(*) FROM account WHERE id = 102 AND character = 1000",
    ),
    (
        "UPDATE account SET permission = 'Emperor' WHERE id = 102",
        &["account 102 (Bob) has a permission that nobody knows: would let it be Player"],
        "SELECT count(*) FROM account WHERE id = 102 AND permission = 'Player'",
    ),
    (
        "UPDATE account SET options = 'wide', ignores = '[102,' WHERE id = 101",
        &[
            "account 101 (Ann) has options that are no JSON: would let it have none",
            "account 101 (Ann) has a list of whom it ignores that is none: would let it ignore nobody",
        ],
        "SELECT count(*) FROM account WHERE id = 101 AND options = '{}' AND ignores = '[]'",
    ),
    (
        "UPDATE account SET ignores = '[199,102]' WHERE id = 101",
        &["account 101 (Ann) ignores an account that does not exist: would let it ignore the others"],
        "SELECT count(*) FROM account WHERE ignores = '[102]'",
    ),
    (
        "INSERT INTO tell (id, to_account, from_account, speaker, text, at) VALUES (402, 199, 101, 'Ann', 'hello', 0)",
        &["account 199 does not exist, and was told something: 1 times: would delete that"],
        "SELECT count(*) FROM tell",
    ),
    (
        "INSERT INTO session (id, account, puppet, cursor, mode) VALUES (4294967298, 199, 6, 0, 'null')",
        &["session 4294967298 of account 199 is of an account that does not exist: would delete it"],
        "SELECT count(*) FROM session",
    ),
    (
        "INSERT INTO session (id, account, puppet, cursor, mode) VALUES (4294967298, 102, 7, 0, 'null')",
        &["session 4294967298 of account 102 plays a character that is not in the world: would delete it"],
        "SELECT count(*) FROM session",
    ),
    (
        "INSERT INTO session (id, account, puppet, cursor, mode) VALUES (4294967298, 101, 6, 0, 'null')",
        &["session 4294967297 of account 101 is not the account's only one, nor its last: would delete it"],
        "SELECT count(*) FROM session WHERE id = 4294967298",
    ),
    (
        "UPDATE session SET cursor = -1, mode = '{'",
        &[
            "session 4294967297 of account 101 has done fewer lines than none: would let none be done",
            "session 4294967297 of account 101 has a mode that is no JSON: would let it have none",
        ],
        "SELECT count(*) FROM session WHERE cursor = 0 AND mode = 'null'",
    ),
    // Signals.
    (
        "UPDATE signal SET target = 99",
        &[
            "signal 8589934592 (bell) is on its way to entity 99, which does not exist: would delete it",
            "signal 8589934595 (bell) is on its way to entity 99, which does not exist: would delete it",
            "signal 8589934593 (bell) is on its way to channel 99, which does not exist: would delete it",
            "signal 8589934594 (bell) is on its way to script 99, which does not exist: would delete it",
        ],
        "SELECT 1 - count(*) FROM signal",
    ),
    (
        "UPDATE signal SET target_kind = 'moon' WHERE id = 8589934592",
        &["signal 8589934592 is on its way to something of the kind \"moon\", which nothing is: would delete it"],
        "SELECT count(*) - 2 FROM signal",
    ),
    // Channels.
    (
        "DELETE FROM channel WHERE id = 201",
        &[
            "signal 8589934593 (bell) is on its way to channel 201, which does not exist: would delete it",
            "channel 201 does not exist, and has messages: 5: would delete them",
            "channel 201 does not exist, and is listened to: by 2: would delete that",
        ],
        "SELECT count(*) FROM subscription",
    ),
    (
        "INSERT INTO subscription (channel, account) VALUES (202, 199)",
        &["account 199 does not exist, and listens to channels: 1: would delete that"],
        "SELECT count(*) - 2 FROM subscription",
    ),
    (
        "UPDATE channel SET permission = 'Emperor', aliases = 'pub' WHERE id = 201",
        &[
            "channel 201 (Public) has a permission that nobody knows: would let it be Admin: nobody hears it who should not",
            "channel 201 (Public) has a list of short names that is none: would let it have none",
        ],
        "SELECT count(*) FROM channel WHERE id = 201 AND permission = 'Admin' AND aliases = '[]'",
    ),
    (
        "UPDATE channel SET last_message = 5 WHERE id = 201",
        &["channel 201 (Public) has counted to 5, and message 7 is there: would count on from 7"],
        "SELECT count(*) FROM channel WHERE id = 201 AND last_message = 7",
    ),
    (
        "DELETE FROM channel_message WHERE n IN (4, 6, 7)",
        &[
            "channel 201 (Public) has lost message 4: would put a note in its place",
            "channel 201 (Public) has lost messages 6 to 7: would put a note in its place",
        ],
        "SELECT count(*) - 4 FROM channel_message WHERE n BETWEEN 3 AND 7 AND (text LIKE '%lost%') = (n IN (4, 6, 7))",
    ),
    (
        "UPDATE channel_message SET n = n + 100000 WHERE n = 7; UPDATE channel SET last_message = 100007 WHERE id = 201",
        &["channel 201 (Public) has lost messages 7 to 100006: would delete what was said before"],
        "SELECT count(*) FROM channel_message",
    ),
    (
        "UPDATE channel_message SET n = -3 WHERE n = 3",
        &["channel 201 (Public) has a message number -3: would delete what comes before 1"],
        "SELECT count(*) - 3 FROM channel_message",
    ),
    // Texts and numbers.
    (
        "UPDATE attribute SET value = '{\"year\":' WHERE entity = 5",
        &["#5 has an attribute it's that is no JSON: would delete it"],
        "SELECT count(*) FROM attribute",
    ),
    (
        "UPDATE meta SET next_id = 501",
        &["new ids begin with 501, and 501 is in use: would begin with 502"],
        "SELECT count(*) FROM meta WHERE next_id = 502",
    ),
    (
        "UPDATE meta SET flush = 39",
        &["flushes are counted to 39, and number 40 is stored: would count on from 40"],
        "SELECT count(*) FROM meta WHERE flush = 40",
    ),
    (
        "UPDATE meta SET epoch = 1",
        &["epochs are counted to 1, and a signal was sent in number 2: would count on from 2"],
        "SELECT count(*) FROM meta WHERE epoch = 2",
    ),
    (
        "UPDATE outbox SET groups = {broken}",
        &["the output of flush 40 cannot be read: would delete it"],
        "SELECT 1 - count(*) FROM outbox",
    ),
];

#[test]
fn a_world_of_an_older_version_is_not_judged_by_the_tables_of_this_one() {
    on_both(|stage| {
        let newest = "DELETE FROM __diesel_schema_migrations \
            WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)";
        let (database, _) = damaged(stage, newest);
        assert!(matches!(check(&database, START), Err(CheckError::Older(_))));
        assert!(matches!(repair(&database, START), Err(CheckError::Older(_))));
    });
}

#[test]
fn a_sound_world_is_left_alone() {
    on_both(|stage| {
        let (database, mut connection) = damaged(stage, "UPDATE meta SET epoch = epoch");
        assert_eq!(told(&database), [""; 0]);
        let repaired = repair(&database, START).unwrap();
        assert_eq!((repaired.count, repaired.left), (0, vec![]));
        assert_eq!(number(&mut connection, "SELECT count(*) FROM entity"), 9);
    });
}

#[test]
fn each_kind_of_damage_is_found_and_mended() {
    on_both(|stage| {
        for (damage, expected, mended) in CASES {
            let damage = damage.replace("{broken}", if stage.is_sqlite() { "X'FFFF'" } else { r"'\xffff'" });
            let (database, mut connection) = damaged(stage, &damage);
            assert_eq!(told(&database), *expected, "{damage}");
            let repaired = repair(&database, START).unwrap();
            assert!(repaired.count >= expected.len() && repaired.left.is_empty(), "{damage}: {repaired:?}");
            assert_eq!(number(&mut connection, mended), 1, "{damage}: {mended}");
            assert_eq!(told(&database), [""; 0], "{damage}, mended");
        }
    });
}

#[test]
fn a_room_that_is_gone_takes_what_belongs_to_it_along() {
    on_both(|stage| {
        let (database, mut connection) = damaged(stage, "DELETE FROM entity WHERE id IN (1, 2)");
        let found = told(&database);
        for expected in [
            "#4 (chest) is in #2, which does not exist: would put it where its home is, else into the start room #1",
            "#3 (up) is an exit of a room that does not exist: would delete it",
            "the start room #1 does not exist: would make a bare one",
        ] {
            assert!(found.iter().any(|finding| finding == expected), "{expected}: {found:#?}");
        }
        repair(&database, START).unwrap();
        assert_eq!(told(&database), [""; 0]);
        // The chest and the cook are in the new room, the coin is still in the chest.
        assert_eq!(number(&mut connection, "SELECT count(*) FROM entity WHERE location = 1 AND id IN (4, 9)"), 2);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM entity WHERE location = 4"), 1);
    });
}

#[test]
fn what_is_in_too_much_is_taken_out() {
    on_both(|stage| {
        let boxes: String = (600..640)
            .map(|id| {
                let within = if id == 600 { 1 } else { id - 1 };
                format!(
                    "INSERT INTO entity (id, kind, type_name, key, description, location, state, version) \
                     VALUES ({id}, 'object', 'object', 'box', '', {within}, 'null', 0);"
                )
            })
            .collect();
        let (database, mut connection) = damaged(stage, &boxes);
        let found = told(&database);
        assert_eq!(
            found,
            ["#632 (box) is in more than 32 things: would put it where its home is, else into the start room #1"]
        );
        repair(&database, START).unwrap();
        assert_eq!(number(&mut connection, "SELECT location FROM entity WHERE id = 632"), 1);
        assert_eq!(told(&database), [""; 0]);
    });
}

#[test]
fn what_only_a_keeper_can_tell_is_told_and_left() {
    on_both(|stage| {
        let damage = "UPDATE entity SET kind = 'moon' WHERE id = 5; UPDATE entity SET location = NULL WHERE id = 8";
        let (database, mut connection) = damaged(stage, damage);
        let repaired = repair(&database, START).unwrap();
        assert_eq!(repaired.count, 1);
        let [left] = &*repaired.left else { panic!("{:?}", repaired.left) };
        assert_eq!(format!("{} {}", left.of, left.problem), "#5 is of the kind \"moon\", which nothing is");
        assert_eq!(left.repair, None);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM entity WHERE kind = 'moon'"), 1);
        let elsewhere = check(&database, EntityId(4)).unwrap();
        assert!(elsewhere.findings.iter().any(|finding| finding.problem.contains("`world.start_room`")));
    });
}

#[test]
fn much_damage_is_told_in_part_and_mended_whole() {
    on_both(|stage| {
        let tags: String =
            (5000..7500).map(|id| format!("INSERT INTO tag (entity, category, key) VALUES ({id}, '', 'x');")).collect();
        let (database, mut connection) = damaged(stage, &tags);
        let report = check(&database, START).unwrap();
        assert_eq!((report.findings.len(), report.is_cut), (1000, true));
        assert_eq!(repair(&database, START).unwrap().count, 2500);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM tag"), 1);
    });
}
