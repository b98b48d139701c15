//! Statements that Diesel's own builders would prepare anew each time (UPDATE, upserts, lists of rows), written so that each is
//! prepared once per connection. The one place where SQLite and PostgreSQL get different text: SQLite, in this process, a statement a
//! row; PostgreSQL, a round trip away, one statement for all rows, with an array for each column.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, BigInt, HasSqlType, Text};
use diesel::sqlite::Sqlite;

use super::connection::DbConnection;
use super::schema::{signal, timer};

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy)]
pub(super) enum Conflict {
    /// A bug of whoever owns the row: an error.
    Refuse,
    /// It says the same.
    Keep,
    /// The new one replaces the columns that are not named here, which are the key.
    Replace(&'static [&'static str]),
}

/// A table's row as the writer sees it. Implemented by the `row!` macro.
pub(super) trait Row: Sized {
    /// Diesel's name of the table: what tells prepared statements apart.
    type Table: 'static;
    /// A list for each column, borrowed from rows.
    type Columns<'r>
    where
        Self: 'r;
    const TABLE: &'static str;
    const COLUMNS: &'static [&'static str];
    const CONFLICT: Conflict;

    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()>;
    fn columns(rows: &[Self]) -> Self::Columns<'_>;
    fn bind_columns<'b>(columns: &'b Self::Columns<'_>, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

/// Rows in one PostgreSQL statement. Bounds the memory of a first world's insert; a flush is far below it.
const ROWS_AT_ONCE: usize = 5000;

/// Writes rows, each as its table's [`Conflict`] says.
pub(super) fn write_rows<R: Row>(connection: &mut DbConnection, rows: &[R]) -> QueryResult<()> {
    match connection {
        DbConnection::Sqlite(connection) => {
            for row in rows {
                OneRow(row).execute(connection)?;
            }
        }
        DbConnection::Postgres(connection) => {
            for rows in rows.chunks(ROWS_AT_ONCE) {
                AllRows::<R>(R::columns(rows)).execute(connection)?;
            }
        }
    }
    Ok(())
}

struct OneRow<'r, R>(&'r R);

struct AllRows<'r, R: Row + 'r>(R::Columns<'r>);

/// Marks the prepared statement of a table.
pub(super) struct Written<T>(PhantomData<T>);

impl<R: Row> QueryId for OneRow<'_, R> {
    type QueryId = Written<R::Table>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<'r, R: Row + 'r> QueryId for AllRows<'r, R> {
    type QueryId = Written<R::Table>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: Row, C> RunQueryDsl<C> for OneRow<'_, R> {}
impl<'r, R: Row + 'r, C> RunQueryDsl<C> for AllRows<'r, R> {}

impl<R: Row> QueryFragment<Sqlite> for OneRow<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        insert_into::<R, _>(&mut out)?;
        out.push_sql(") VALUES (");
        self.0.bind(&mut out)?;
        out.push_sql(")");
        on_conflict::<R, _>(&mut out)
    }
}

impl<'r, R: Row + 'r> QueryFragment<Pg> for AllRows<'r, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        insert_into::<R, _>(&mut out)?;
        out.push_sql(") SELECT * FROM unnest(");
        R::bind_columns(&self.0, &mut out)?;
        out.push_sql(")");
        on_conflict::<R, _>(&mut out)
    }
}

fn insert_into<R: Row, DB: diesel::backend::Backend>(out: &mut AstPass<'_, '_, DB>) -> QueryResult<()> {
    out.push_sql("INSERT INTO ");
    out.push_identifier(R::TABLE)?;
    for (n, column) in R::COLUMNS.iter().enumerate() {
        out.push_sql(if n == 0 { " (" } else { ", " });
        out.push_identifier(column)?;
    }
    Ok(())
}

fn on_conflict<R: Row, DB: diesel::backend::Backend>(out: &mut AstPass<'_, '_, DB>) -> QueryResult<()> {
    let key = match R::CONFLICT {
        Conflict::Refuse => return Ok(()),
        Conflict::Keep => {
            out.push_sql(" ON CONFLICT DO NOTHING");
            return Ok(());
        }
        Conflict::Replace(key) => key,
    };
    for (n, column) in key.iter().enumerate() {
        out.push_sql(if n == 0 { " ON CONFLICT (" } else { ", " });
        out.push_identifier(column)?;
    }
    for (n, column) in R::COLUMNS.iter().filter(|column| !key.contains(column)).enumerate() {
        out.push_sql(if n == 0 { ") DO UPDATE SET " } else { ", " });
        out.push_identifier(column)?;
        out.push_sql(" = excluded.");
        out.push_identifier(column)?;
    }
    Ok(())
}

/// A statement of fixed text with a `?` for each integer.
pub(super) struct Fixed<'a>(pub(super) &'static str, pub(super) &'a [i64]);

/// As [`Fixed`], for PostgreSQL, with a list for each `?`.
struct FixedLists<'a>(&'static str, [&'a [i64]; 2]);

impl QueryId for Fixed<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryId for FixedLists<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for Fixed<'_> {}
impl<C> RunQueryDsl<C> for FixedLists<'_> {}

impl<DB> QueryFragment<DB> for Fixed<'_>
where
    DB: diesel::backend::Backend + HasSqlType<BigInt>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut pieces = self.0.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (piece, value) in pieces.zip(self.1) {
            out.push_bind_param::<BigInt, i64>(value)?;
            out.push_sql(piece);
        }
        Ok(())
    }
}

impl QueryFragment<Pg> for FixedLists<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut pieces = self.0.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (piece, values) in pieces.zip(&self.1) {
            out.push_bind_param::<Array<BigInt>, &[i64]>(values)?;
            out.push_sql(piece);
        }
        Ok(())
    }
}

/// Which number of which rows is set by [`set_numbers`].
pub(super) struct NumberColumn {
    sqlite: &'static str,
    postgres: &'static str,
}

/// A session's last line done.
pub(super) const CURSOR: NumberColumn = NumberColumn {
    sqlite: r#"UPDATE "session" SET "cursor" = ? WHERE "id" = ?"#,
    postgres: r#"UPDATE "session" SET "cursor" = new.value FROM unnest(?, ?) AS new (value, id) WHERE "session"."id" = new.id"#,
};

/// A channel's last message.
pub(super) const LAST_MESSAGE: NumberColumn = NumberColumn {
    sqlite: r#"UPDATE "channel" SET "last_message" = ? WHERE "id" = ?"#,
    postgres: r#"UPDATE "channel" SET "last_message" = new.value FROM unnest(?, ?) AS new (value, id) WHERE "channel"."id" = new.id"#,
};

/// Sets one number in each of the rows named. A row that is not there is passed over.
pub(super) fn set_numbers(
    connection: &mut DbConnection,
    column: &NumberColumn,
    ids: &[i64],
    values: &[i64],
) -> QueryResult<()> {
    match connection {
        DbConnection::Sqlite(connection) => {
            for (id, value) in ids.iter().zip(values) {
                Fixed(column.sqlite, &[*value, *id]).execute(connection)?;
            }
        }
        DbConnection::Postgres(_) if ids.is_empty() => {}
        DbConnection::Postgres(connection) => {
            FixedLists(column.postgres, [values, ids]).execute(connection)?;
        }
    }
    Ok(())
}

/// Deletes timers by entity and name: one-shots that fire together go together.
pub(super) fn delete_timers(connection: &mut DbConnection, keys: &[(i64, &str)]) -> QueryResult<()> {
    match connection {
        DbConnection::Sqlite(connection) => {
            for key in keys {
                diesel::delete(timer::table.find(*key)).execute(connection)?;
            }
        }
        DbConnection::Postgres(_) if keys.is_empty() => {}
        DbConnection::Postgres(connection) => {
            let (entities, names): (Vec<i64>, Vec<&str>) = keys.iter().copied().unzip();
            diesel::sql_query(
                r#"DELETE FROM "timer" USING unnest($1, $2) AS gone (entity, name)
                WHERE "timer"."entity" = gone.entity AND "timer"."name" = gone.name"#,
            )
            .bind::<Array<BigInt>, _>(entities)
            .bind::<Array<Text>, _>(names)
            .execute(connection)?;
        }
    }
    Ok(())
}

/// Deletes signals that are handled.
pub(super) fn delete_signals(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
    match connection {
        DbConnection::Sqlite(connection) => {
            for id in ids {
                diesel::delete(signal::table.find(id)).execute(connection)?;
            }
        }
        DbConnection::Postgres(_) if ids.is_empty() => {}
        DbConnection::Postgres(connection) => {
            diesel::delete(signal::table.filter(signal::id.eq_any(ids))).execute(connection)?;
        }
    }
    Ok(())
}

/// Returns a column in lower case as the indexes for searches have it: ASCII letters alone, since SQLite knows no others.
pub(super) fn lower_case(connection: &DbConnection, column: &str) -> String {
    match connection {
        DbConnection::Sqlite(_) => format!("lower({column})"),
        DbConnection::Postgres(_) => format!("lower({column} COLLATE \"C\")"),
    }
}

/// Returns the function that tells where in a text another one begins, counted from 1; 0 for nowhere.
pub(super) fn position(connection: &DbConnection) -> &'static str {
    match connection {
        DbConnection::Sqlite(_) => "instr",
        DbConnection::Postgres(_) => "strpos",
    }
}

/// Returns how to order by an indexed text when the rows are few but all have to be looked at. SQLite does that in the index,
/// which is a fraction of the table; PostgreSQL would go from the index to the table for each row, and is kept from it.
pub(super) fn read_through(connection: &DbConnection, text: &str) -> String {
    match connection {
        DbConnection::Sqlite(_) => text.to_owned(),
        DbConnection::Postgres(_) => format!("{text} || ''"),
    }
}
