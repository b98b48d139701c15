//! Loading rooms and what is in them.

use serde_json::json;

use super::{change, entity, flush, on_both};
use crate::db::{DbError, LoadCarried, LoadRoom, LocationOf};
use crate::ids::EntityId;
use crate::world::record::{Change, Kind};

fn ids(rows: &[crate::world::record::EntityRows]) -> Vec<u64> {
    rows.iter().map(|row| row.record.id.0).collect()
}

#[test]
fn a_room_comes_with_everything_in_it_at_any_depth_and_nothing_of_its_neighbours() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let changes = vec![
                change(entity(1, Kind::Room, None)),
                change(entity(2, Kind::Room, None)),
                change(entity(10, Kind::Exit, Some(1))),
                change(entity(11, Kind::Character, Some(1))),
                change(entity(12, Kind::Object, Some(11))),
                change(entity(13, Kind::Object, Some(12))),
                change(entity(14, Kind::Object, Some(1))),
                change(entity(20, Kind::Object, Some(2))),
                change(entity(21, Kind::Object, Some(20))),
                Change::Aliases(EntityId(13), vec!["coin".to_owned()]),
                Change::Attribute {
                    entity: EntityId(21),
                    category: String::new(),
                    key: "elsewhere".to_owned(),
                    value: Some(json!(true)),
                },
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let room = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap();
            assert_eq!(ids(&room), [1, 10, 11, 14, 12, 13]);
            assert_eq!(room[5].aliases, ["coin"]);
            assert!(room.iter().all(|row| row.attributes.is_empty()));

            let carried = pool.read(LoadCarried(EntityId(11))).await.unwrap().unwrap();
            assert_eq!(ids(&carried), [11, 12, 13]);
            assert_eq!(pool.read(LoadRoom(EntityId(11))).await.unwrap(), None, "a character is no room");
            assert_eq!(pool.read(LoadRoom(EntityId(99))).await.unwrap(), None);
        });
    });
}

#[test]
fn the_room_of_a_thing_is_found_at_any_depth() {
    on_both(|stage| {
        stage.world(|pool, taken| async move {
            let changes = vec![
                change(entity(1, Kind::Room, None)),
                change(entity(2, Kind::Character, Some(1))),
                change(entity(3, Kind::Object, Some(2))),
                change(entity(4, Kind::Character, None)),
                change(entity(5, Kind::Object, Some(6))),
                change(entity(6, Kind::Object, Some(5))),
            ];
            pool.flush(flush(taken, 1, changes)).await.unwrap();
            let locate = |id| pool.read(LocationOf(EntityId(id)));
            assert_eq!(locate(3).await.unwrap(), Some(EntityId(1)));
            assert_eq!(locate(1).await.unwrap(), Some(EntityId(1)));
            assert_eq!(locate(4).await.unwrap(), None);
            assert_eq!(locate(99).await.unwrap(), None);
            assert!(matches!(locate(5).await, Err(DbError::Broken(_))), "a loop ends");
            assert!(matches!(pool.read(LoadCarried(EntityId(5))).await, Err(DbError::Broken(_))));
        });
    });
}
