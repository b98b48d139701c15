//! Where things are: whatever is in something must come to a room in the end, or to somebody who is out of the world.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use rustc_hash::{FxHashMap, FxHashSet};

use super::rules::go_home;
use super::{AT_ONCE, CheckError, Ground, Report};
use crate::db::connection::{DbConnection, on_each};
use crate::db::rooms::{DEPTH, IDS_AT_ONCE};
use crate::db::schema::entity;

/// Something that is in something, and comes to no room.
#[derive(QueryableByName)]
struct Lost {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    location: i64,
    #[diesel(sql_type = Text)]
    key: String,
}

/// Finds what is in itself, and what is in too much. What is in something that does not exist is found by a rule.
pub(super) fn find(connection: &mut DbConnection, ground: Ground, report: &mut Report) -> Result<(), CheckError> {
    let lost = lost(connection)?;
    if lost.is_empty() {
        return Ok(());
    }
    let above: FxHashMap<i64, i64> = lost.iter().map(|lost| (lost.id, lost.location)).collect();
    let names: FxHashMap<i64, &str> = lost.iter().map(|lost| (lost.id, &*lost.key)).collect();
    let (circles, tops) = climb(&above);
    let exist = existing(connection, &tops.iter().map(|top| above[top]).collect::<Vec<_>>())?;
    let mut wrong: Vec<(i64, String)> = circles.iter().map(|id| (*id, "is in itself".to_owned())).collect();
    let deep = tops.iter().filter(|top| exist.contains(&above[*top]));
    wrong.extend(deep.map(|id| (*id, format!("is in more than {DEPTH} things"))));
    wrong.sort_unstable();
    report.is_cut |= wrong.len() > AT_ONCE;
    for (id, problem) in wrong.into_iter().take(AT_ONCE) {
        let (repair, fix) = go_home(id, ground);
        report.add(format!("#{id} ({})", names[&id]), problem, repair, fix);
    }
    Ok(())
}

/// Reads what cannot be reached from rooms, and from what is in nothing.
fn lost(connection: &mut DbConnection) -> QueryResult<Vec<Lost>> {
    let query = format!(
        "WITH RECURSIVE reached (id, depth) AS (\
            SELECT e.id, 0 FROM entity AS e WHERE e.kind = 'room' OR e.location IS NULL \
            UNION ALL \
            SELECT e.id, r.depth + 1 FROM reached AS r JOIN entity AS e ON e.location = r.id \
            WHERE e.kind <> 'room' AND r.depth < {DEPTH}) \
        SELECT e.id, e.location, e.key FROM entity AS e LEFT JOIN reached AS r ON r.id = e.id \
        WHERE r.id IS NULL AND e.location IS NOT NULL ORDER BY e.id"
    );
    on_each!(connection, c => diesel::sql_query(query).load(c))
}

/// Goes up from each, as far as that is known. Returns one of each circle, the lowest, and those at which the way up ends.
fn climb(above: &FxHashMap<i64, i64>) -> (Vec<i64>, Vec<i64>) {
    let (mut circles, mut tops) = (Vec::new(), Vec::new());
    let mut seen: FxHashSet<i64> = FxHashSet::default();
    let mut ids: Vec<i64> = above.keys().copied().collect();
    ids.sort_unstable();
    for id in ids {
        let mut path = Vec::new();
        let mut at = id;
        // Whatever was seen before has been told before.
        while seen.insert(at) {
            path.push(at);
            match above.get(&at) {
                Some(next) if above.contains_key(next) => at = *next,
                _ => {
                    tops.push(at);
                    break;
                }
            }
        }
        // A circle is one if it comes back to this very way.
        if let Some(begin) = path.iter().position(|step| *step == at)
            && above.get(path.last().unwrap_or(&at)) == Some(&at)
        {
            circles.extend(path[begin..].iter().min());
        }
    }
    (circles, tops)
}

fn existing(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<FxHashSet<i64>> {
    let mut exist = FxHashSet::default();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let query = entity::table.filter(entity::id.eq_any(ids)).select(entity::id);
        exist.extend(on_each!(connection, c => query.load::<i64>(c))?);
    }
    Ok(exist)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(above: &[(i64, i64)], circles: &[i64], tops: &[i64]) {
        let (mut found, mut ends) = climb(&above.iter().copied().collect());
        found.sort_unstable();
        ends.sort_unstable();
        assert_eq!((&*found, &*ends), (circles, tops), "{above:?}");
    }

    #[test]
    fn each_circle_is_found_once_and_so_is_each_end() {
        check(&[(1, 1)], &[1], &[]);
        check(&[(2, 3), (3, 2)], &[2], &[]);
        check(&[(5, 7), (6, 5), (7, 5), (8, 6)], &[5], &[]);
        check(&[(1, 2), (2, 3), (3, 99)], &[], &[3]);
        check(&[(1, 9), (2, 9)], &[], &[1, 2]);
        check(&[(1, 2), (2, 1), (3, 4), (4, 5), (5, 3), (6, 70)], &[1, 3], &[6]);
    }
}
