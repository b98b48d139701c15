//! What a flush writes, and when it writes nothing.

use serde_json::json;

use super::{CHEAP, account, change, channel, entity, flush, on_both, session};
use crate::db::{
    DbError, DbPool, FindAccount, Flush, History, LoadCarried, LoadChannels, LoadNames, LoadOutbox, LoadRoom,
    LoadScripts, LoadSessions, MetaRead, Tells,
};
use crate::ids::{AccountId, ChannelId, EntityId, ScriptId, SessionId};
use crate::world::record::{
    AttributeRecord, Change, ChannelMessage, Kind, ScriptRecord, StoredTell, Subscription, TagRecord,
};

fn attribute(key: &str, value: Option<serde_json::Value>) -> Change {
    Change::Attribute { entity: EntityId(1), category: "stats".to_owned(), key: key.to_owned(), value }
}

fn tag(key: &str, present: bool) -> Change {
    let tag = TagRecord { category: String::new(), key: key.to_owned() };
    Change::Tag { entity: EntityId(1), tag, present }
}

fn lock(access: &str, expression: Option<&str>) -> Change {
    let expression = expression.map(str::to_owned);
    Change::Lock { entity: EntityId(1), access: access.to_owned(), expression }
}

fn message(n: u64) -> ChannelMessage {
    ChannelMessage {
        channel: ChannelId(1),
        n,
        at: 1_700_000_000_000,
        account: (n != 1).then_some(AccountId(1)),
        speaker: "Ann".to_owned(),
        text: format!("hi {n}"),
    }
}

#[test]
fn an_entity_with_all_that_belongs_to_it_comes_back_as_it_was_written() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let mut room = entity(1, Kind::Room, None);
            room.destination = Some(EntityId(u64::MAX >> 1));
            room.left_from = Some(EntityId(9));
            let changes = vec![
                change(room.clone()),
                Change::Aliases(EntityId(1), vec!["z".to_owned(), "a".to_owned()]),
                attribute("strength", Some(json!({"base": 10, "list": [1, null, "ü\u{0}"]}))),
                attribute("gone", Some(json!(1))),
                tag("outdoor", true),
                tag("indoor", true),
                lock("traverse", Some("perm(Builder)")),
                lock("get", Some("false()")),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let loaded = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap().remove(0);
            assert_eq!(loaded.record, room);
            assert_eq!(loaded.aliases, ["z", "a"]);
            assert_eq!(loaded.attributes.len(), 2);

            let changes = vec![
                Change::Aliases(EntityId(1), vec!["b".to_owned()]),
                attribute("gone", None),
                attribute("strength", Some(json!(11))),
                tag("indoor", false),
                lock("get", None),
                lock("traverse", Some("true()")),
            ];
            pool.flush(flush(taken, 2, changes)).await.unwrap();
            let loaded = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap().remove(0);
            assert_eq!(loaded.aliases, ["b"]);
            let strength =
                AttributeRecord { category: "stats".to_owned(), key: "strength".to_owned(), value: json!(11) };
            assert_eq!(loaded.attributes, [strength]);
            assert_eq!(loaded.tags, [TagRecord { category: String::new(), key: "outdoor".to_owned() }]);
            assert_eq!(loaded.locks, [("traverse".to_owned(), "true()".to_owned())]);
        });
    });
}

#[test]
fn the_newest_version_of_an_entity_is_stored_whatever_came_last() {
    // Two who change places are stored together: each has changed a room before and the other room after the other did.
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let version = |version: i64, key: &str| {
                let mut room = entity(1, Kind::Room, None);
                (room.version, room.key) = (version, key.to_owned());
                change(room)
            };
            let changes = vec![
                version(3, "newer"),
                attribute("inside", Some(json!(2))),
                attribute("gone", None),
                lock("get", None),
                version(2, "older"),
                attribute("inside", Some(json!(1))),
                attribute("gone", Some(json!(1))),
                attribute("left", Some(json!(7))),
                tag("outdoor", true),
                lock("get", Some("false()")),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let loaded = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap().remove(0);
            assert_eq!((&loaded.record.key[..], loaded.record.version), ("newer", 3));
            let mut attributes: Vec<_> = loaded.attributes.iter().map(|it| (&it.key[..], it.value.clone())).collect();
            attributes.sort_by_key(|(key, _)| *key);
            assert_eq!(attributes, [("inside", json!(2)), ("left", json!(7))]);
            assert_eq!(loaded.tags.len(), 1);
            assert!(loaded.locks.is_empty());
        });
    });
}

#[test]
fn everything_else_comes_back_as_it_was_written() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let script = ScriptRecord {
                id: ScriptId(4),
                key: "tides".to_owned(),
                type_name: "Tides".to_owned(),
                state: "{}".to_owned(),
                period_ms: 1000,
                start_at: 17,
            };
            let tell = |id: u64, at: i64| StoredTell {
                id,
                to: AccountId(1),
                from: AccountId(2),
                speaker: "Bob".to_owned(),
                text: format!("number {id}"),
                at,
            };
            let listener = Subscription { channel: ChannelId(1), account: AccountId(1) };
            let changes = vec![
                Change::Account(Box::new(account(1, "Ann"))),
                Change::Channel(Box::new(channel(1, "Public"))),
                Change::Message(Box::new(message(1))),
                Change::Subscription { subscription: listener, present: true },
                Change::Session(Box::new(session(9, 4))),
                Change::Script(Box::new(script.clone())),
                Change::Tell(Box::new(tell(1, 20))),
                Change::Tell(Box::new(tell(2, 10))),
                Change::IdsReserved(5000),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            assert_eq!(pool.read(FindAccount { folded: "ann".to_owned() }).await.unwrap(), Some(account(1, "Ann")));
            assert_eq!(pool.read(LoadNames).await.unwrap()[0].character, EntityId(1001));
            assert_eq!(pool.read(LoadScripts).await.unwrap(), [script]);
            assert_eq!(pool.read(LoadSessions).await.unwrap(), [session(9, 4)]);
            assert_eq!(pool.read(Tells(AccountId(1))).await.unwrap(), [tell(2, 10), tell(1, 20)]);
            assert_eq!(pool.read(MetaRead).await.unwrap().next_id, 5000);
            let (channels, listeners) = pool.read(LoadChannels).await.unwrap();
            assert_eq!((channels[0].last_message, listeners), (1, vec![listener]));

            let changes = vec![
                Change::Account(Box::new(account(1, "Anna"))),
                Change::Subscription { subscription: listener, present: false },
                Change::SessionGone(SessionId(9)),
                Change::TellGone(1),
                Change::IdsReserved(4000),
            ];
            pool.flush(flush(taken, 2, changes)).await.unwrap();
            assert_eq!(pool.read(FindAccount { folded: "ann".to_owned() }).await.unwrap(), None);
            assert!(pool.read(LoadChannels).await.unwrap().1.is_empty());
            assert!(pool.read(LoadSessions).await.unwrap().is_empty());
            assert_eq!(pool.read(Tells(AccountId(1))).await.unwrap(), [tell(2, 10)]);
            assert_eq!(pool.read(MetaRead).await.unwrap().next_id, 5000, "never goes back");
        });
    });
}

#[test]
fn of_several_changes_to_a_row_the_last_counts() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let mut changes = Vec::new();
            for version in 1..=5 {
                let mut room = entity(1, Kind::Room, None);
                room.version = version;
                changes.push(change(room));
                changes.push(attribute("n", Some(json!(version))));
            }
            changes.push(tag("there", false));
            changes.push(tag("there", true));
            changes.push(tag("gone", true));
            changes.push(tag("gone", false));
            // What was made and unmade leaves nothing; what is made again has nothing of what it had.
            changes.push(change(entity(2, Kind::Object, Some(1))));
            changes.push(Change::EntityGone(EntityId(2)));
            changes.push(Change::Session(Box::new(session(9, 4))));
            changes.push(Change::Cursor(SessionId(9), 5));
            changes.push(Change::Cursor(SessionId(77), 5));
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let loaded = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap();
            assert_eq!(loaded.len(), 1);
            assert_eq!(loaded[0].record.version, 5);
            assert_eq!(loaded[0].attributes[0].value, json!(5));
            assert_eq!(loaded[0].tags.len(), 1);
            let sessions = pool.read(LoadSessions).await.unwrap();
            assert_eq!(sessions, [session(9, 5)], "a cursor without a session is passed over");

            let again = vec![Change::EntityGone(EntityId(1)), change(entity(1, Kind::Room, None)), tag("new", true)];
            pool.flush(flush(taken, 2, again)).await.unwrap();
            let loaded = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap();
            assert_eq!(loaded[0].tags[0].key, "new");
            assert!(loaded[0].attributes.is_empty() && loaded[0].tags.len() == 1);
        });
    });
}

#[test]
fn an_entity_that_is_gone_leaves_no_row_behind() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let changes = vec![
                change(entity(1, Kind::Object, None)),
                Change::Aliases(EntityId(1), vec!["a".to_owned()]),
                attribute("n", Some(json!(1))),
                tag("t", true),
                lock("get", Some("true()")),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            pool.flush(flush(taken, 2, vec![Change::EntityGone(EntityId(1))])).await.unwrap();
            assert_eq!(pool.read(LoadCarried(EntityId(1))).await.unwrap(), None);
            pool.flush(flush(taken, 3, vec![change(entity(1, Kind::Object, None))])).await.unwrap();
            let bare = pool.read(LoadCarried(EntityId(1))).await.unwrap().unwrap().remove(0);
            assert_eq!(bare, super::rows(entity(1, Kind::Object, None)));
        });
    });
}

#[test]
fn cursors_of_many_sessions_are_set_and_do_not_go_back_within_a_flush() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let sessions = (1..=20).map(|id| Change::Session(Box::new(session(id, 0)))).collect();
            pool.flush(flush(taken, 1, sessions)).await.unwrap();
            let mut cursors: Vec<Change> = (1..=20).map(|id| Change::Cursor(SessionId(id), id * 10)).collect();
            cursors.push(Change::Session(Box::new(session(3, 1))));
            pool.flush(flush(taken, 2, cursors)).await.unwrap();
            let stored = pool.read(LoadSessions).await.unwrap();
            assert!(stored.iter().all(|session| session.cursor == session.session.0 * 10), "{stored:?}");
        });
    });
}

#[test]
fn channel_history_is_read_forward_from_a_number_or_back_from_the_end() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let mut changes = vec![Change::Channel(Box::new(channel(1, "Public")))];
            changes.extend((1..=30).map(|n| Change::Message(Box::new(message(n)))));
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            pool.flush(flush(taken, 2, vec![Change::Message(Box::new(message(31)))])).await.unwrap();
            let ask = |since, last| pool.read(History { channel: ChannelId(1), since, last });
            assert_eq!(ask(None, 2).await.unwrap(), [message(30), message(31)]);
            assert_eq!(ask(Some(3), 2).await.unwrap(), [message(4), message(5)]);
            assert_eq!(ask(Some(31), 2).await.unwrap(), []);
            assert_eq!(pool.read(LoadChannels).await.unwrap().0[0].last_message, 31);
        });
    });
}

#[test]
fn flush_numbers_have_no_gap_and_go_on_over_a_take_over() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            assert_eq!((taken.epoch, taken.flush), (1, 0));
            assert_eq!(pool.flush(flush(taken, 1, vec![])).await.unwrap().number, 1);
            let skipped = pool.flush(flush(taken, 3, vec![change(entity(1, Kind::Room, None))])).await;
            assert!(matches!(skipped, Err(DbError::Superseded { epoch: 1, flush: 1 })), "{skipped:?}");
            pool.flush(flush(taken, 2, vec![])).await.unwrap();
            let next = pool.take_over(50).await.unwrap();
            assert_eq!((next.epoch, next.flush), (2, 2));
            assert_eq!(next.next_id, taken.next_id + 100, "each has ids of its own");
            pool.flush(flush(next, 3, vec![])).await.unwrap();
            assert_eq!(pool.read(LoadRoom(EntityId(1))).await.unwrap(), None);
        });
    });
}

#[test]
fn a_server_that_was_superseded_writes_nothing() {
    on_both(|stage| {
        stage.world(|pool, old| async move {
            pool.flush(flush(old, 1, vec![])).await.unwrap();
            pool.take_over(0).await.unwrap();
            let late = Flush { outbox: Some(vec![1]), ..flush(old, 2, vec![change(entity(1, Kind::Room, None))]) };
            let refused = pool.flush(late).await;
            assert!(matches!(refused, Err(DbError::Superseded { epoch: 2, flush: 1 })), "{refused:?}");
            assert_eq!(pool.read(LoadRoom(EntityId(1))).await.unwrap(), None);
            assert!(pool.read(LoadOutbox { above: 0 }).await.unwrap().is_empty());
            assert_eq!(pool.read(MetaRead).await.unwrap().flush, 1);
        });
    });
}

#[test]
fn of_two_servers_that_write_at_once_only_the_one_that_took_over_last_does() {
    on_both(|stage| {
        stage.world(|old, first| async move {
            // Another process has connections of its own.
            let new = DbPool::start(&stage.open(), &CHEAP);
            let room = |id: u64| vec![change(entity(id, Kind::Room, None))];
            let write_on = async {
                let mut written = 0;
                loop {
                    match old.flush(flush(first, written + 1, room(written + 1))).await {
                        Ok(_) => written += 1,
                        Err(error) => return (written, error),
                    }
                }
            };
            let take_over = async {
                while new.read(MetaRead).await.unwrap().flush < 10 {}
                let taken = new.take_over(0).await.unwrap();
                for number in taken.flush + 1..=taken.flush + 10 {
                    new.flush(flush(taken, number, vec![])).await.unwrap();
                }
                taken
            };
            let ((written, error), taken) = tokio::join!(write_on, take_over);
            assert!(matches!(error, DbError::Superseded { epoch: 2, .. }), "{error}");
            assert_eq!(taken.flush, written, "what the old one was told is stored was there before the new one began");
            assert_eq!(new.read(MetaRead).await.unwrap().flush, written + 10);
            assert!(new.read(LoadRoom(EntityId(written))).await.unwrap().is_some());
            assert_eq!(new.read(LoadRoom(EntityId(written + 1))).await.unwrap(), None);
        });
    });
}

#[test]
fn a_flush_sent_again_after_a_commit_in_doubt_is_written_once() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let send = || {
                let tell = StoredTell {
                    id: 1,
                    to: AccountId(1),
                    from: AccountId(2),
                    speaker: String::new(),
                    text: String::new(),
                    at: 0,
                };
                pool.flush(flush(taken, 1, vec![Change::Tell(Box::new(tell))]))
            };
            send().await.unwrap();
            assert_eq!(send().await.unwrap().number, 1);
            assert_eq!(pool.read(Tells(AccountId(1))).await.unwrap().len(), 1);
        });
    });
}

#[test]
fn output_is_kept_until_the_portal_has_confirmed_it() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let send = |number: u64, confirmed: u64| {
                let outbox = (number != 2).then(|| vec![number as u8; 3]);
                pool.flush(Flush { outbox, confirmed, ..flush(taken, number, vec![]) })
            };
            for number in 1..=4 {
                send(number, 0).await.unwrap();
            }
            let kept: Vec<u64> =
                pool.read(LoadOutbox { above: 1 }).await.unwrap().into_iter().map(|(flush, _)| flush).collect();
            assert_eq!(kept, [3, 4]);
            send(5, 3).await.unwrap();
            assert_eq!(pool.read(LoadOutbox { above: 0 }).await.unwrap(), [(4, vec![4; 3]), (5, vec![5; 3])]);
        });
    });
}

#[test]
fn a_row_that_contradicts_another_is_refused_with_its_whole_flush_and_the_number_stays_free() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            pool.flush(flush(taken, 1, vec![Change::Account(Box::new(account(1, "Ann")))])).await.unwrap();
            let twin = Change::Account(Box::new(account(2, "ANN")));
            let changes = vec![change(entity(1, Kind::Room, None)), twin];
            let refused = pool.flush(flush(taken, 2, changes)).await.unwrap_err();
            assert!(matches!(refused, DbError::Constraint { .. }) && !refused.is_away(), "{refused:?}");
            assert_eq!(pool.read(LoadRoom(EntityId(1))).await.unwrap(), None);
            pool.flush(flush(taken, 2, vec![change(entity(1, Kind::Room, None))])).await.unwrap();
            assert!(pool.read(LoadRoom(EntityId(1))).await.unwrap().is_some());
        });
    });
}
