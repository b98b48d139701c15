//! What builders ask.

use serde_json::json;

use super::{change, entity, flush, on_both};
use crate::db::{DbPool, EntityById, FindEntities, HistoryOf, LoadRoom};
use crate::ids::{AccountId, EntityId};
use crate::world::record::{Change, EntityRecord, HistoryRecord, Kind, TagRecord, TimerRecord};

fn called(id: u64, kind: Kind, type_name: &str, key: &str) -> Change {
    change(EntityRecord { type_name: type_name.to_owned(), key: key.to_owned(), ..entity(id, kind, Some(1)) })
}

fn tag(entity: u64, category: &str, key: &str) -> Change {
    let tag = TagRecord { category: category.to_owned(), key: key.to_owned() };
    Change::Tag { entity: EntityId(entity), tag, present: true }
}

fn attribute(entity: u64, category: &str, key: &str) -> Change {
    let (category, key) = (category.to_owned(), key.to_owned());
    Change::Attribute { entity: EntityId(entity), category, key, value: Some(json!(20)) }
}

fn ask() -> FindEntities {
    FindEntities { limit: 50, ..FindEntities::default() }
}

async fn check(pool: &DbPool, question: FindEntities, expected: &[u64]) {
    let found = pool.read(question.clone()).await.unwrap();
    let ids: Vec<u64> = found.iter().map(|entity| entity.id.0).collect();
    assert_eq!(ids, expected, "{question:?}");
}

fn named(key: &str) -> FindEntities {
    FindEntities { key: Some(key.to_owned()), ..ask() }
}

#[test]
fn entities_are_found_by_name_those_that_begin_with_it_first() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let changes = vec![
                change(EntityRecord { key: "The Lamp Room".to_owned(), ..entity(1, Kind::Room, None) }),
                called(2, Kind::Object, "lamp", "lamp"),
                called(3, Kind::Object, "lamp", "LAMP of lamps"),
                called(4, Kind::Object, "object", "brass lamp"),
                called(5, Kind::Object, "object", "50% off\\_"),
                called(6, Kind::Object, "object", "Éclair"),
                called(7, Kind::Object, "object", "Старый Фонарь"),
                called(8, Kind::Object, "object", "500 off"),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            check(&pool, named("lamp"), &[2, 3, 4, 1]).await;
            check(&pool, named("LaMp "), &[3, 1]).await;
            check(&pool, FindEntities { limit: 3, ..named("lamp") }, &[2, 3, 4]).await;
            check(&pool, FindEntities { limit: 0, ..named("lamp") }, &[]).await;
            check(&pool, FindEntities { kind: Some(Kind::Object), ..named("lamp") }, &[2, 3, 4]).await;
            check(&pool, FindEntities { type_name: Some("object".to_owned()), ..named("lamp") }, &[4]).await;
            for (key, id) in [("% off", 5), ("\\", 5), ("_", 5), ("50% ", 5), ("éclair", 6), ("ÉCLAIR", 6)] {
                check(&pool, named(key), &[id]).await;
            }
            check(&pool, named("фонарь"), &[7]).await;
            check(&pool, named("старый фонарь"), &[7]).await;
            check(&pool, named("'; DROP TABLE entity; --"), &[]).await;
            let lamp = pool.read(named("brass")).await.unwrap().remove(0);
            assert_eq!((lamp.kind, &*lamp.key, &*lamp.type_name), (Kind::Object, "brass lamp", "object"));
            assert_eq!((lamp.id, lamp.location), (EntityId(4), Some(EntityId(1))));
        });
    });
}

#[test]
fn entities_are_found_by_all_that_is_given_together() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let changes = vec![
                change(EntityRecord { type_name: "room".to_owned(), ..entity(1, Kind::Room, None) }),
                called(2, Kind::Object, "lamp", "lamp"),
                called(3, Kind::Object, "lamp", "lantern"),
                called(4, Kind::Character, "lamp", "genie"),
                tag(2, "", "Loot"),
                tag(2, "rare", "loot"),
                tag(3, "quest", "loot"),
                tag(4, "", "looter"),
                attribute(3, "stats", "weight"),
                attribute(4, "", "weight"),
                attribute(2, "", "weigh"),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let text = |text: &str| Some(text.to_owned());
            check(&pool, ask(), &[1, 2, 3, 4]).await;
            check(&pool, FindEntities { key: text(""), limit: 2, ..ask() }, &[1, 2]).await;
            check(&pool, FindEntities { tag: text("LOOT"), ..ask() }, &[2, 3]).await;
            check(&pool, FindEntities { attribute: text("weight"), ..ask() }, &[3, 4]).await;
            check(&pool, FindEntities { tag: text("loot"), attribute: text("weight"), ..ask() }, &[3]).await;
            check(&pool, FindEntities { kind: Some(Kind::Object), ..ask() }, &[2, 3]).await;
            check(&pool, FindEntities { type_name: text("lamp"), ..ask() }, &[4, 2, 3]).await;
            check(&pool, FindEntities { type_name: text("lamp"), kind: Some(Kind::Character), ..ask() }, &[4]).await;
            check(&pool, FindEntities { type_name: text("Lamp"), ..ask() }, &[]).await;
            check(&pool, FindEntities { kind: Some(Kind::Character), tag: text("loot"), ..ask() }, &[]).await;
            check(&pool, FindEntities { attribute: text("weight"), ..named("lan") }, &[3]).await;
        });
    });
}

#[test]
fn one_entity_is_read_with_what_belongs_to_it_and_without_what_is_in_it() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let tide = TimerRecord {
                entity: EntityId(1),
                name: "tide".to_owned(),
                json: "{}".to_owned(),
                start_at: 1,
                period_ms: 2,
                fired_at: 3,
            };
            let changes = vec![
                change(entity(1, Kind::Room, None)),
                change(entity(2, Kind::Object, Some(1))),
                tag(1, "", "outdoor"),
                tag(2, "", "loot"),
                attribute(1, "", "size"),
                Change::Aliases(EntityId(1), vec!["cave".to_owned()]),
                Change::Lock { entity: EntityId(1), access: "edit".to_owned(), expression: Some("all()".to_owned()) },
                Change::Timer(Box::new(tide)),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let room = pool.read(EntityById(EntityId(1))).await.unwrap().unwrap();
            assert_eq!(room, pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap()[0]);
            assert_eq!((room.aliases.len(), room.locks.len(), room.timers.len()), (1, 1, 1));
            assert_eq!(pool.read(EntityById(EntityId(2))).await.unwrap().unwrap().tags[0].key, "loot");
            assert_eq!(pool.read(EntityById(EntityId(9))).await.unwrap(), None);
        });
    });
}

#[test]
fn what_was_changed_by_hand_is_remembered_even_of_what_is_gone() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let record = |id: u64, entity: u64| HistoryRecord {
                id,
                at: 1_700_000_000_000 - id as i64,
                account: AccountId(7),
                by: "Ann".to_owned(),
                entity: EntityId(entity),
                action: "desc".to_owned(),
                before: "null".to_owned(),
                after: format!("\"It’s {id}\""),
            };
            let write = |id, entity| Change::History(Box::new(record(id, entity)));
            let changes = vec![write(1, 1), write(2, 2), write(3, 1), write(4, 1), Change::EntityGone(EntityId(1))];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            pool.flush(flush(taken, 2, vec![write(5, 1)])).await.unwrap();
            let ask = |entity, last| pool.read(HistoryOf { entity: EntityId(entity), last });
            assert_eq!(ask(1, 3).await.unwrap(), [record(3, 1), record(4, 1), record(5, 1)]);
            assert_eq!(ask(2, 50).await.unwrap(), [record(2, 2)]);
            assert_eq!(ask(3, 50).await.unwrap(), []);
        });
    });
}
