//! A fresh PostgreSQL database for one test, where there is a PostgreSQL.

use std::env;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};

const DEFAULT: &str = "postgres://postgres@127.0.0.1:5432/postgres";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database that is dropped when the test is over. Make it before the server, so that it outlives it.
pub(super) struct Database {
    maintenance: String,
    name: String,
}

impl Database {
    /// Makes a fresh database on the PostgreSQL of `EVERHALL_TEST_POSTGRES`.
    ///
    /// Without one the test is skipped (`None`, and a line that says so), or fails if `EVERHALL_REQUIRE_SERVICES=1`.
    pub(super) fn fresh() -> Option<Self> {
        let maintenance = env::var("EVERHALL_TEST_POSTGRES").unwrap_or_else(|_| DEFAULT.to_owned());
        let mut connection = match PgConnection::establish(&maintenance) {
            Ok(connection) => connection,
            Err(error) if env::var("EVERHALL_REQUIRE_SERVICES").is_ok_and(|value| value == "1") => {
                panic!("no PostgreSQL at {maintenance}, but EVERHALL_REQUIRE_SERVICES=1: {error}")
            }
            Err(_) => {
                // Not by a macro: what those print is hidden when a test succeeds.
                let line = format!("skipped: no PostgreSQL at {maintenance} (set EVERHALL_TEST_POSTGRES)\n");
                std::io::stderr().write_all(line.as_bytes()).unwrap();
                return None;
            }
        };
        let name = format!("everhall_it_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // One that a killed run left behind is in the way.
        sql_query(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).execute(&mut connection).unwrap();
        sql_query(format!("CREATE DATABASE {name}")).execute(&mut connection).unwrap();
        Some(Self { maintenance, name })
    }

    /// Asserts that what stands before and behind a number in a query comes to true with it.
    pub(super) fn check(&self, before: &str, number: u64, behind: &str) {
        let query = format!("SELECT 1 / (CASE WHEN ({before}{number}{behind}) THEN 1 ELSE 0 END)");
        let mut connection = PgConnection::establish(&self.url()).unwrap();
        let checked = sql_query(&query).execute(&mut connection);
        assert!(checked.is_ok(), "{query}: {checked:?}");
    }

    /// Returns its address.
    pub(super) fn url(&self) -> String {
        let (server, _) = self.maintenance.rsplit_once('/').expect("an address ends in /DATABASE");
        format!("{server}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Ok(mut connection) = PgConnection::establish(&self.maintenance) {
            // A leftover does no harm; a second panic would hide the first.
            let _ = sql_query(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).execute(&mut connection);
        }
    }
}
