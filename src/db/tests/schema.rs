//! `schema.rs` is what both backends' migrations make.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::on_both;
use crate::db::DbConnection;

/// Table, then column: (type in Diesel's words, nullable, in the primary key).
type Tables = BTreeMap<String, BTreeMap<String, (String, bool, bool)>>;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
    #[diesel(sql_type = Bool)]
    in_key: bool,
}

const SQLITE: &str = "SELECT m.name AS table_name, c.name AS column_name, c.type AS kind, \
     NOT c.\"notnull\" AS nullable, c.pk > 0 AS in_key \
     FROM sqlite_master m JOIN pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'";

const POSTGRES: &str = "SELECT c.table_name::text, c.column_name::text, c.data_type::text AS kind, \
     c.is_nullable = 'YES' AS nullable, EXISTS (SELECT 1 FROM information_schema.key_column_usage k \
     JOIN information_schema.table_constraints t USING (constraint_name, table_name) \
     WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_name = c.table_name AND k.column_name = c.column_name) AS in_key \
     FROM information_schema.columns c WHERE c.table_schema = 'public' AND left(c.table_name, 2) <> '__'";

#[test]
fn the_schema_in_rust_is_the_one_that_both_backends_have() {
    on_both(|stage| {
        let columns: Vec<Column> = match &mut stage.open().connect().unwrap() {
            DbConnection::Sqlite(connection) => diesel::sql_query(SQLITE).load(connection).unwrap(),
            DbConnection::Postgres(connection) => diesel::sql_query(POSTGRES).load(connection).unwrap(),
        };
        let mut stored = Tables::new();
        for column in columns {
            let what = (in_diesels_words(&column.kind).to_owned(), column.nullable, column.in_key);
            stored.entry(column.table_name).or_default().insert(column.column_name, what);
        }
        assert_eq!(stored, declared());
    });
}

fn in_diesels_words(kind: &str) -> &str {
    match kind.to_ascii_uppercase().as_str() {
        "BIGINT" | "INTEGER" => "Int8",
        "TEXT" => "Text",
        "BOOLEAN" => "Bool",
        "BLOB" | "BYTEA" => "Bytea",
        _ => kind,
    }
}

/// Reads `schema.rs`, which has one table or column on a line.
fn declared() -> Tables {
    let mut tables = Tables::new();
    let (mut table, mut key) = (String::new(), String::new());
    for line in include_str!("../schema.rs").lines() {
        let line = line.trim();
        if let Some((column, kind)) = line.trim_end_matches(',').split_once(" -> ") {
            let plain = kind.trim_start_matches("Nullable<").trim_end_matches('>');
            let in_key = key.split(", ").any(|part| part == column);
            let what = (plain.to_owned(), plain != kind, in_key);
            tables.entry(table.clone()).or_default().insert(column.to_owned(), what);
        } else if let Some((name, rest)) = line.split_once(" (") {
            table = name.to_owned();
            key = rest.trim_end_matches(") {").to_owned();
        }
    }
    tables
}

#[test]
fn a_backup_has_all_tables() {
    let declared: Vec<String> = declared().into_keys().collect();
    let copied: Vec<&str> = crate::db::backup::TABLES.into_iter().filter(|name| !name.starts_with("__")).collect();
    assert_eq!(copied, declared);
}

#[test]
fn a_migration_has_the_same_name_on_both_backends() {
    let names = |backend: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(backend);
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}
