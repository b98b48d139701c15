//! Opening, refusing, locking, and the first world.

use std::fs;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::{Stage, account, channel, config, entity, execute, on_both, rows, storage};
use crate::db::{
    AccountById, DbError, FindAccount, LoadChannels, LoadRoom, MetaRead, create_account, open, password, seed,
    set_password,
};
use crate::ids::{AccountId, EntityId};
use crate::world::record::{Kind, Subscription};

#[test]
fn a_database_is_created_once_and_opened_again() {
    on_both(|stage| {
        let mut connection = stage.open().connect().unwrap();
        execute(&mut connection, "UPDATE meta SET flush = 41");
        stage.open();
        assert_eq!(stage.world(|pool, _| async move { pool.read(MetaRead).await.unwrap().flush }), 41);
    });
}

#[test]
fn a_database_from_a_newer_version_is_refused() {
    on_both(|stage| {
        let mut connection = stage.open().connect().unwrap();
        execute(&mut connection, "UPDATE meta SET schema_reader = 999");
        let error = open(&stage.config()).unwrap_err();
        assert!(matches!(error, DbError::Newer { needs: 999, .. }), "{error}");
    });
}

#[test]
fn a_newer_database_that_this_program_can_still_read_is_opened() {
    on_both(|stage| {
        let mut connection = stage.open().connect().unwrap();
        execute(
            &mut connection,
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000'); \
             ALTER TABLE entity ADD COLUMN colour TEXT",
        );
        stage.open();
    });
}

/// What the first release knows of a channel, as it writes it.
const OLDER_CHANNEL: &str = "INSERT INTO channel (id, name, folded, aliases, description, auto_join, last_message, permission) \
     VALUES (1, 'Public', 'public', '[]', '', TRUE, 0, 'Guest') \
     ON CONFLICT (id) DO UPDATE SET name = excluded.name";

#[test]
fn an_older_server_still_writes_to_a_database_that_this_one_has_migrated() {
    on_both(|stage| {
        let mut connection = stage.open().connect().unwrap();
        let reader: i64 = crate::db::connection::on_each!(&mut connection, c =>
            crate::db::schema::meta::table.select(crate::db::schema::meta::schema_reader).first(c).unwrap());
        assert_eq!(reader, 1, "the first release may open it");
        execute(&mut connection, OLDER_CHANNEL);
        execute(&mut connection, "UPDATE channel SET state = '7'");
        execute(&mut connection, OLDER_CHANNEL);
        let (channels, _) = stage.world(|pool, _| async move { pool.read(LoadChannels).await.unwrap() });
        assert_eq!((&*channels[0].type_name, &*channels[0].state), ("channel", "7"));
    });
}

#[test]
fn what_is_not_a_database_of_ours_is_refused_and_left_alone() {
    let stage = Stage::sqlite();
    let path = stage.directory.path().join("world.sqlite3");
    fs::write(&path, "Dear diary, today I met a grue. ".repeat(200)).unwrap();
    let error = open(&stage.config()).unwrap_err();
    assert!(matches!(error, DbError::NotADatabase { .. }), "{error}");
    assert!(fs::read_to_string(&path).unwrap().starts_with("Dear diary"));

    let stage = Stage::sqlite();
    let path = stage.directory.path().join("world.sqlite3");
    let mut other = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    other.batch_execute("CREATE TABLE recipes (name TEXT)").unwrap();
    let error = open(&stage.config()).unwrap_err();
    assert!(matches!(error, DbError::NotADatabase { .. }), "{error}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let stage = Stage::sqlite();
    let file = stage.directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&config(storage(None), file.join("data"))).unwrap_err();
    assert!(matches!(error, DbError::Unwritable { .. }), "{error}");
    assert!(error.to_string().contains("file/data/world.sqlite3"), "{error}");
}

#[test]
fn a_url_is_understood_or_refused() {
    let stage = Stage::sqlite();
    let path = stage.directory.path().join("sub/other.sqlite3");
    open(&config(storage(Some(format!("sqlite:{}", path.display()))), "/nowhere".into())).unwrap();
    assert!(path.exists());
    for url in ["mysql://here", "sqlite:", ""] {
        let error = open(&config(storage(Some(url.to_owned())), "/nowhere".into())).unwrap_err();
        assert!(matches!(error, DbError::BadUrl), "{url}: {error}");
    }
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let url = "postgres://keeper:hunter2@127.0.0.1:1/world".to_owned();
    let error = open(&config(storage(Some(url)), "/nowhere".into())).unwrap_err();
    assert!(matches!(error, DbError::Unreachable { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("postgres://127.0.0.1:1/world") && !text.contains("hunter2"), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn two_worlds_do_not_run_on_one_database() {
    on_both(|stage| {
        let database = stage.open();
        let held = database.lock_world().unwrap();
        let error = stage.open().lock_world().unwrap_err();
        assert!(matches!(error, DbError::InUse { .. }), "{error}");
        drop(held);
        if stage.is_sqlite() {
            database.lock_world().unwrap();
        }
    });
}

#[test]
fn a_first_world_is_written_whole_and_its_ids_are_not_given_out_again() {
    on_both(|stage| {
        let database = stage.open();
        assert!(seed::is_empty(&mut database.connect().unwrap()).unwrap());
        let world = (1..=6000).map(|id| {
            let mut row = rows(entity(id, Kind::Room, None));
            row.aliases = vec![format!("room {id}")];
            row
        });
        seed::seed(&database, world, vec![account(6001, "Ann")], vec![channel(6002, "Public")], vec![]).unwrap();
        assert!(!seed::is_empty(&mut database.connect().unwrap()).unwrap());
        stage.world(|pool, taken| async move {
            assert_eq!(taken.next_id, 6003);
            let room = pool.read(LoadRoom(EntityId(5999))).await.unwrap().unwrap();
            assert_eq!(room[0].aliases, ["room 5999"]);
            let (channels, listeners) = pool.read(LoadChannels).await.unwrap();
            assert_eq!(
                listeners,
                [Subscription { channel: channels[0].id, account: AccountId(6001) }],
                "every account joins what is joined by itself"
            );
        });
    });
}

#[test]
fn a_first_world_that_fails_leaves_nothing() {
    on_both(|stage| {
        let database = stage.open();
        let twice = vec![account(10, "Ann"), account(11, "Ann")];
        let error = seed::seed(&database, [rows(entity(1, Kind::Room, None))], twice, vec![], vec![]).unwrap_err();
        assert!(matches!(error, DbError::Constraint { .. }), "{error}");
        assert!(seed::is_empty(&mut database.connect().unwrap()).unwrap());
    });
}

#[test]
fn a_keeper_adds_accounts_and_sets_passwords_while_no_world_runs() {
    on_both(|stage| {
        let database = stage.open();
        let room = rows(entity(1, Kind::Room, None));
        seed::seed(&database, [room], vec![], vec![channel(2, "Public")], vec![]).unwrap();
        let mut connection = database.connect().unwrap();
        let mut create = |name: &str| {
            create_account(&mut connection, |id, character| {
                let record = crate::world::record::AccountRecord { character, ..account(id.0, name) };
                (record, rows(entity(character.0, Kind::Character, Some(1))))
            })
        };
        let ann = create("Ann").unwrap();
        assert!(matches!(create("ANN"), Err(DbError::NameTaken(name)) if name == "ANN"));
        let hash = password::hash(&super::CHEAP, "correct horse").unwrap();
        assert!(set_password(&mut connection, "ann", &hash).unwrap());
        assert!(!set_password(&mut connection, "bob", &hash).unwrap());
        stage.world(|pool, taken| async move {
            let found = pool.read(FindAccount { folded: "ann".to_owned() }).await.unwrap().unwrap();
            assert_eq!(found.password_hash, hash);
            assert_eq!(pool.read(AccountById(ann)).await.unwrap(), Some(found.clone()));
            assert!(taken.next_id > found.character.0.max(ann.0));
            let room = pool.read(LoadRoom(EntityId(1))).await.unwrap().unwrap();
            assert_eq!(room[1].record.id, found.character);
            assert_eq!(pool.read(LoadChannels).await.unwrap().1.len(), 1);
        });
    });
}
