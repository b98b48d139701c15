//! What builders ask: where is it, and who changed it.
//!
//! Each runs on a reader, so that no search, however long, keeps the writer or a room waiting.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::connection::{DbConnection, on_each};
use super::error::DbError;
use super::reader::Read;
use super::records::kind;
use super::rows::HistoryRow;
use super::schema::change_history;
use super::statement::{lower_case, position, read_through};
use crate::ids::EntityId;
use crate::world::record::{HistoryRecord, Kind};

/// Reads the latest changes that were made to an entity by hand, the oldest first.
#[derive(Debug, Clone, Copy)]
pub struct HistoryOf {
    /// To what.
    pub entity: EntityId,
    /// At most this many.
    pub last: u32,
}

impl Read for HistoryOf {
    type Output = Vec<HistoryRecord>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let query = change_history::table
            .filter(change_history::entity.eq(self.entity.to_db()))
            .order(change_history::id.desc())
            .limit(i64::from(self.last));
        let rows: Vec<HistoryRow<'_>> = on_each!(connection, c => query.select(HistoryRow::as_select()).load(c))?;
        Ok(rows.into_iter().rev().map(HistoryRecord::from).collect())
    }
}

/// Finds entities as they are stored. All that is given must fit; without anything, the first ones of the world.
///
/// Every condition has an index, except for a name's middle, which reads the names of the whole world if fewer than `limit` begin
/// with it.
#[derive(Debug, Clone, Default)]
pub struct FindEntities {
    /// Part of its name, in any case (beyond ASCII: as typed, in lower case, or with capitals where words begin). Names that begin
    /// with it come first, each in alphabetical order.
    pub key: Option<String>,
    /// A tag it carries, in any category and any case.
    pub tag: Option<String>,
    /// Its kind.
    pub kind: Option<Kind>,
    /// Its type, exactly.
    pub type_name: Option<String>,
    /// An attribute it has, in any category, exactly.
    pub attribute: Option<String>,
    /// At most this many.
    pub limit: u32,
}

/// An entity that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEntity {
    /// Its id.
    pub id: EntityId,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub key: String,
    /// Its type.
    pub type_name: String,
    /// What it is in.
    pub location: Option<EntityId>,
}

impl Read for FindEntities {
    type Output = Vec<FoundEntity>;

    fn read(&self, connection: &mut DbConnection) -> Result<Self::Output, DbError> {
        let mut found = Vec::new();
        if let Some(key) = self.key.as_deref().filter(|key| !key.is_empty()) {
            let name = lower_case(connection, "key");
            let spellings = spellings(key);
            let mut search = self.search(connection);
            search.begins_with(&name, &spellings);
            search.run(connection, &format!("{name}, id"), self.limit, &mut found)?;

            let mut search = self.search(connection);
            search.has_within(&name, position(connection), &spellings);
            let order = read_through(connection, &name);
            search.run(connection, &format!("{order}, id"), self.limit, &mut found)?;
        } else if self.tag.is_some() || self.attribute.is_some() || (self.kind.is_none() && self.type_name.is_none()) {
            self.search(connection).run(connection, "id", self.limit, &mut found)?;
        } else {
            // One kind after the other, because the index begins with it.
            for kind in KINDS.into_iter().filter(|kind| self.kind.is_none_or(|asked| asked == *kind)) {
                let mut search = Search::default();
                search.is_of(kind, self.type_name.as_deref());
                search.run(connection, "kind, type_name, id", self.limit, &mut found)?;
            }
        }
        Ok(found)
    }
}

impl FindEntities {
    /// Begins a search with all conditions but the name's.
    fn search(&self, connection: &DbConnection) -> Search {
        let mut search = Search::default();
        if let Some(tag) = &self.tag {
            let tag = search.value(tag.to_ascii_lowercase());
            let name = lower_case(connection, "key");
            search.conditions.push(format!("id IN (SELECT entity FROM tag WHERE {name} = {tag})"));
        }
        if let Some(attribute) = &self.attribute {
            let attribute = search.value(attribute.clone());
            search.conditions.push(format!("id IN (SELECT entity FROM attribute WHERE key = {attribute})"));
        }
        // Written so that their index is not taken: a name, a tag or an attribute leaves fewer rows than a kind does, which SQLite
        // cannot know.
        if let Some(kind) = self.kind {
            let kind = search.value(kind.name());
            search.conditions.push(format!("kind || '' = {kind}"));
        }
        if let Some(type_name) = &self.type_name {
            let type_name = search.value(type_name.clone());
            search.conditions.push(format!("type_name || '' = {type_name}"));
        }
        search
    }
}

const KINDS: [Kind; 4] = [Kind::Room, Kind::Exit, Kind::Character, Kind::Object];

/// A search that is being written. The text is the same on both backends, which both know `$1`.
#[derive(Default)]
struct Search {
    conditions: Vec<String>,
    values: Vec<String>,
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    type_name: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    location: Option<i64>,
}

impl Search {
    /// Adds a value, and returns what stands for it. SQLite numbers them as they are met in the text.
    fn value(&mut self, value: impl Into<String>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn is_of(&mut self, kind: Kind, type_name: Option<&str>) {
        let kind = self.value(kind.name());
        self.conditions.push(format!("kind = {kind}"));
        if let Some(type_name) = type_name {
            let type_name = self.value(type_name);
            self.conditions.push(format!("type_name = {type_name}"));
        }
    }

    fn begins_with(&mut self, name: &str, spellings: &[String]) {
        let condition = self.beginning(name, spellings);
        self.conditions.push(condition);
    }

    /// Names that begin with it are found already.
    fn has_within(&mut self, name: &str, position: &str, spellings: &[String]) {
        let within = any(spellings, |spelling| {
            let part = self.value(spelling);
            format!("{position}({name}, {part}) > 0")
        });
        self.conditions.push(within);
        let beginning = self.beginning(name, spellings);
        self.conditions.push(format!("NOT {beginning}"));
    }

    /// A range, so that the index of names is used.
    fn beginning(&mut self, name: &str, spellings: &[String]) -> String {
        any(spellings, |spelling| {
            let from = self.value(spelling);
            let to = self.value(format!("{spelling}{}", char::MAX));
            format!("({name} >= {from} AND {name} < {to})")
        })
    }

    /// Adds what fits, until `limit` are found.
    fn run(
        &self,
        connection: &mut DbConnection,
        order: &str,
        limit: u32,
        found: &mut Vec<FoundEntity>,
    ) -> Result<(), DbError> {
        let missing = (limit as usize).saturating_sub(found.len());
        if missing == 0 {
            return Ok(());
        }
        let conditions = match &*self.conditions {
            [] => String::new(),
            conditions => format!(" WHERE {}", conditions.join(" AND ")),
        };
        let text = format!(
            "SELECT id, kind, key, type_name, location FROM entity{conditions} ORDER BY {order} LIMIT {missing}"
        );
        let rows: Vec<FoundRow> = on_each!(connection, c => {
            let mut query = diesel::sql_query(text).into_boxed();
            for value in &self.values {
                query = query.bind::<Text, _>(value);
            }
            query.load(c)
        })?;
        for row in rows {
            found.push(FoundEntity {
                id: EntityId::from_db(row.id),
                kind: kind(row.id, &row.kind)?,
                key: row.key,
                type_name: row.type_name,
                location: row.location.map(EntityId::from_db),
            });
        }
        Ok(())
    }
}

fn any(spellings: &[String], condition: impl FnMut(&String) -> String) -> String {
    format!("({})", spellings.iter().map(condition).collect::<Vec<_>>().join(" OR "))
}

/// Returns how a name may be written, as the index has it. Only its ASCII letters are in lower case, so that of `éclair` there
/// are two spellings.
fn spellings(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let first_capital = capitals(&lower, false);
    let all_capitals = capitals(&lower, true);
    let mut spellings = Vec::with_capacity(1);
    for spelling in [name, &lower, &first_capital, &all_capitals] {
        let spelling = spelling.to_ascii_lowercase();
        if !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    }
    spellings
}

/// Returns a text in lower case with a capital at its beginning, or at that of each word.
fn capitals(lower: &str, each_word: bool) -> String {
    let mut out = String::with_capacity(lower.len());
    let mut begins = true;
    for letter in lower.chars() {
        match begins {
            true => out.extend(letter.to_uppercase()),
            false => out.push(letter),
        }
        begins = each_word && letter == ' ';
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_more_than_one_spelling_only_where_the_index_keeps_capitals() {
        let check = |name: &str, expected: &[&str]| assert_eq!(spellings(name), expected, "{name}");
        check("Old Lantern", &["old lantern"]);
        check("éclair", &["éclair", "Éclair"]);
        check("СТАРЫЙ фонарь", &["СТАРЫЙ фонарь", "старый фонарь", "Старый фонарь", "Старый Фонарь"]);
        check("grüner Öltank", &["grüner Öltank", "grüner öltank"]);
    }
}
