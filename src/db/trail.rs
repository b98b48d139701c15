//! A trail of all that is committed, for `everhall torture`: laid by the database itself, read on a connection of its own.
//!
//! Triggers write it in the transactions of whoever writes, so that it holds what was committed and nothing else, in that order. It
//! shares no code with the rows of `rows.rs`.

use diesel::QueryableByName;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::connection::{DbConnection, on_each};
use super::database::Database;
use super::error::DbError;
use crate::ids::EntityId;

const SQLITE: &str = "
    CREATE TABLE torture_trail (
        n INTEGER PRIMARY KEY AUTOINCREMENT, flush BIGINT NOT NULL, entity BIGINT, place BIGINT, shown BLOB
    );
    CREATE TRIGGER torture_moved AFTER UPDATE OF location ON entity WHEN NEW.location IS NOT OLD.location BEGIN
        INSERT INTO torture_trail (flush, entity, place) SELECT flush, NEW.id, NEW.location FROM meta;
    END;
    CREATE TRIGGER torture_shown AFTER INSERT ON outbox BEGIN
        INSERT INTO torture_trail (flush, shown) VALUES (NEW.flush, NEW.groups);
    END;";

const POSTGRES: &str = "
    CREATE TABLE torture_trail (
        n BIGSERIAL PRIMARY KEY, flush BIGINT NOT NULL, entity BIGINT, place BIGINT, shown BYTEA
    );
    CREATE FUNCTION torture_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO torture_trail (flush, entity, place) SELECT flush, NEW.id, NEW.location FROM meta; RETURN NULL;
    END $$;
    CREATE TRIGGER torture_moved AFTER UPDATE OF location ON entity FOR EACH ROW
        WHEN (NEW.location IS DISTINCT FROM OLD.location) EXECUTE FUNCTION torture_moved();
    CREATE FUNCTION torture_shown() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO torture_trail (flush, shown) VALUES (NEW.flush, NEW.groups); RETURN NULL;
    END $$;
    CREATE TRIGGER torture_shown AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION torture_shown();";

/// What a flush did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// Its place in the trail.
    pub n: i64,
    /// The flush.
    pub flush: u64,
    /// What it was.
    pub what: Left,
}

/// What is found in the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Something is in another place, or nowhere.
    Moved(EntityId, Option<EntityId>),
    /// The groups of the flush, encoded.
    Shown(Vec<u8>),
}

/// The trail of a world.
pub struct Trail {
    connection: DbConnection,
}

#[derive(QueryableByName)]
struct PrintRow {
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = BigInt)]
    flush: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    entity: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    place: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    shown: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
struct PlaceRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    location: Option<i64>,
}

#[derive(QueryableByName)]
struct MessageRow {
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = Text)]
    speaker: String,
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Trail {
    /// Lays a trail from now on. Before a world runs, once.
    ///
    /// # Errors
    ///
    /// [`DbError::Away`] if the database cannot be written.
    pub fn lay(database: &Database) -> Result<Self, DbError> {
        let mut connection = database.connect()?;
        match &mut connection {
            DbConnection::Sqlite(connection) => connection.batch_execute(SQLITE)?,
            DbConnection::Postgres(connection) => connection.batch_execute(POSTGRES)?,
        }
        Ok(Self { connection })
    }

    /// Returns up to `most` prints behind the `n`th, in order.
    ///
    /// # Errors
    ///
    /// [`DbError::Away`] if it cannot be read.
    pub fn behind(&mut self, n: i64, most: u32) -> Result<Vec<Print>, DbError> {
        let query =
            format!("SELECT n, flush, entity, place, shown FROM torture_trail WHERE n > {n} ORDER BY n LIMIT {most}");
        let rows: Vec<PrintRow> = on_each!(&mut self.connection, c => sql_query(query).load(c))?;
        let print = |row: PrintRow| {
            let what = match (row.shown, row.entity) {
                (Some(shown), _) => Left::Shown(shown),
                (None, entity) => Left::Moved(id(entity.unwrap_or(0)), row.place.map(id)),
            };
            Print { n: row.n, flush: row.flush as u64, what }
        };
        Ok(rows.into_iter().map(print).collect())
    }

    /// Wipes out the trail up to the `n`th print.
    ///
    /// # Errors
    ///
    /// [`DbError::Away`] if it cannot be written.
    pub fn wipe(&mut self, n: i64) -> Result<(), DbError> {
        let query = format!("DELETE FROM torture_trail WHERE n <= {n}");
        on_each!(&mut self.connection, c => sql_query(query).execute(c))?;
        Ok(())
    }

    /// Returns where these are as it is stored now; those that are not stored are missing.
    ///
    /// # Errors
    ///
    /// [`DbError::Away`] if it cannot be read.
    pub fn places(&mut self, of: &[EntityId]) -> Result<Vec<(EntityId, Option<EntityId>)>, DbError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let ids = of.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(", ");
        let query = format!("SELECT id, location FROM entity WHERE id IN ({ids})");
        let rows: Vec<PlaceRow> = on_each!(&mut self.connection, c => sql_query(query).load(c))?;
        Ok(rows.into_iter().map(|row| (id(row.id), row.location.map(id))).collect())
    }

    /// Returns what was said on the first channel: number, speaker, text.
    ///
    /// # Errors
    ///
    /// [`DbError::Away`] if it cannot be read.
    pub fn messages(&mut self) -> Result<Vec<(u64, String, String)>, DbError> {
        let query = "SELECT n, speaker, text FROM channel_message WHERE channel = 1 ORDER BY n";
        let rows: Vec<MessageRow> = on_each!(&mut self.connection, c => sql_query(query).load(c))?;
        Ok(rows.into_iter().map(|row| (row.n as u64, row.speaker, row.text)).collect())
    }

    /// Returns how many rows wait for something: output for the portal, signals for their handling.
    ///
    /// # Errors
    ///
    /// [`DbError::Away`] if it cannot be read.
    pub fn waiting(&mut self) -> Result<(u64, u64), DbError> {
        Ok((self.count("outbox")?, self.count("signal")?))
    }

    fn count(&mut self, table: &str) -> Result<u64, DbError> {
        let query = format!("SELECT count(*) AS count FROM {table}");
        let rows: Vec<CountRow> = on_each!(&mut self.connection, c => sql_query(query).load(c))?;
        Ok(rows.first().map_or(0, |row| row.count as u64))
    }
}

fn id(id: i64) -> EntityId {
    EntityId(id as u64)
}
