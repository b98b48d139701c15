//! Checks: what must be true of a stored world, what is not, and how it is mended.
//!
//! A world that only its own server writes to stays sound; what breaks one is a disk, a hand, or a bug. Each check is a question
//! that both databases answer alike. [`rules`] has those that one query answers, the other files those that take a look at what is
//! found: where things are, texts that must be JSON, numbers that must have no gap.

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::prelude::*;

use super::connection::{DbConnection, Role, on_each};
use super::database::Database;
use super::error::DbError;
use super::parts::write_entities;
use super::schema::meta;
use crate::ids::{AccountId, EntityId};
use crate::world::entity::Entity;
use crate::world::record::EntityRows;
use crate::world::types::Behaviour;

mod numbers;
mod places;
mod rules;
mod texts;

/// Findings of one kind that are told at a time.
const AT_ONCE: usize = 1000;

/// How often a repair looks again: what is mended may uncover more, and more than `AT_ONCE` are mended in several turns.
const TURNS: usize = 10_000;

/// Findings that a repair remembers to tell.
const TOLD: usize = 10_000;

/// Why a world cannot be checked or mended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Its tables are of an older version.
    #[error("{0} is from an older version; bring it up to date first, with `migrate`")]
    Older(String),
    /// What was mended is still not right: a bug of the check. Nothing was changed.
    #[error("nothing was repaired, because this cannot be: {0}")]
    Stubborn(String),
    /// The database itself.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for CheckError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Something that is wrong with a stored world.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Finding {
    /// With what: `#12 (lamp)`, `account 7 (Ann)`.
    pub of: String,
    /// What is wrong with it, as it goes on after that: `is in #99, which does not exist`.
    pub problem: String,
    /// How it can be mended, as an order: `put it into #1`. `None` if only somebody who knows the world can tell.
    pub repair: Option<String>,
    #[serde(skip)]
    fix: Fix,
}

/// What mends a finding.
#[derive(Debug, Clone, PartialEq)]
enum Fix {
    /// Nothing that this program knows of.
    None,
    /// A statement that both databases take.
    Sql(String),
    /// A new room with this id.
    Room(i64),
    /// A new character for an account of that name.
    Character(i64, String),
}

/// What is wrong with a world.
#[derive(Debug, Default, PartialEq, serde::Serialize)]
pub struct Report {
    /// What was found.
    pub findings: Vec<Finding>,
    /// There is more than was listed.
    pub is_cut: bool,
}

/// What became of a world that was to be mended.
#[derive(Debug, Default, PartialEq, serde::Serialize)]
pub struct Repaired {
    /// What was mended, as far as it is told.
    pub repaired: Vec<Finding>,
    /// How much that was in all.
    pub count: usize,
    /// What is left.
    pub left: Vec<Finding>,
}

/// What checks need to know of the settings.
#[derive(Debug, Clone, Copy)]
struct Ground {
    /// Where new characters begin, and what has no other place goes.
    start: i64,
}

impl Report {
    fn add(&mut self, of: impl Into<String>, problem: impl Into<String>, repair: impl Into<String>, fix: Fix) {
        let (of, problem) = (of.into(), problem.into());
        let repair = (fix != Fix::None).then(|| repair.into());
        self.findings.push(Finding { of, problem, repair, fix });
    }
}

/// Checks a world, which may run meanwhile: all that is read is of one moment.
///
/// # Errors
///
/// [`CheckError::Older`], or the database cannot be read.
pub fn check(database: &Database, start_room: EntityId) -> Result<Report, CheckError> {
    let mut connection = database.connect_as(Role::Reader)?;
    expect_current(database, &mut connection)?;
    let ground = Ground { start: start_room.to_db() };
    connection.transaction(|connection| look(connection, ground))
}

/// Mends all that can be mended, in one transaction: all of it, or nothing. No world may run on the database, and there should be
/// a backup.
///
/// # Errors
///
/// As [`check()`]; [`CheckError::Stubborn`].
pub fn repair(database: &Database, start_room: EntityId) -> Result<Repaired, CheckError> {
    let mut connection = database.connect()?;
    expect_current(database, &mut connection)?;
    let ground = Ground { start: start_room.to_db() };
    connection.transaction(|connection| {
        let mut done = Repaired::default();
        let mut before: Vec<Finding> = Vec::new();
        for _ in 0..TURNS {
            let (mendable, left) = look(connection, ground)?.findings.into_iter().partition(|f| f.fix != Fix::None);
            let mendable: Vec<Finding> = mendable;
            done.left = left;
            if mendable.is_empty() {
                return Ok(done);
            }
            if mendable == before {
                break;
            }
            for finding in &mendable {
                mend(connection, ground, &finding.fix)?;
            }
            done.count += mendable.len();
            let room = TOLD.saturating_sub(done.repaired.len());
            done.repaired.extend(mendable.iter().take(room).cloned());
            before = mendable;
        }
        let first = before.first().map_or_else(String::new, |finding| format!("{} {}", finding.of, finding.problem));
        Err(CheckError::Stubborn(first))
    })
}

fn look(connection: &mut DbConnection, ground: Ground) -> Result<Report, CheckError> {
    let mut report = Report::default();
    rules::find(connection, ground, &mut report)?;
    places::find(connection, ground, &mut report)?;
    texts::find(connection, &mut report)?;
    numbers::find(connection, &mut report)?;
    Ok(report)
}

/// Checks know the tables as this version has them.
fn expect_current(database: &Database, connection: &mut DbConnection) -> Result<(), CheckError> {
    match database.is_migrated(connection)? {
        true => Ok(()),
        false => Err(CheckError::Older(database.name())),
    }
}

fn mend(connection: &mut DbConnection, ground: Ground, fix: &Fix) -> Result<(), CheckError> {
    match fix {
        Fix::None => {}
        Fix::Sql(statement) => on_each!(connection, c => c.batch_execute(statement))?,
        Fix::Room(id) => {
            let mut room = Entity::new(EntityId::from_db(*id), Behaviour::room(), "A Bare Room");
            room.description = "Four walls and a floor. What was here is lost.".to_owned();
            write_entities(connection, &[room.to_rows()])?;
        }
        Fix::Character(account, name) => {
            let id: i64 = on_each!(connection, c => {
                diesel::update(meta::table).set(meta::next_id.eq(meta::next_id + 1)).execute(c)?;
                meta::table.select(meta::next_id).first::<i64>(c)
            })? - 1;
            write_entities(connection, &[character(id, *account, name, ground.start)])?;
            let statement = format!("UPDATE account SET character = {id} WHERE id = {account}");
            on_each!(connection, c => c.batch_execute(&statement))?;
        }
    }
    Ok(())
}

/// As [`NewAccount`](crate::world::account::NewAccount) makes one.
fn character(id: i64, account: i64, name: &str, start: i64) -> EntityRows {
    let start = Some(EntityId::from_db(start));
    let mut character = Entity::new(EntityId::from_db(id), Behaviour::character(), name);
    character.home = start;
    character.left_from = start;
    character.owner = Some(AccountId::from_db(account));
    character.to_rows()
}

/// Returns a text as SQL has it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
