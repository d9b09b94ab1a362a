//! Numbers of rows by table: as the row log remembers them, and as the counting jobs print them. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What stands before a table and its number in the log of a counting job.
const MARK: &str = "rows ";

/// Rows by table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rows(pub BTreeMap<String, u64>);

impl Rows {
    /// All rows together.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The rows that are here and not there, and how many tables they are in.
    pub fn beyond(&self, other: &Self) -> (u64, usize) {
        let more = self.0.iter().filter_map(|(table, count)| {
            let there = other.0.get(table).copied().unwrap_or_default();
            count.checked_sub(there).filter(|more| *more > 0)
        });
        let more: Vec<u64> = more.collect();
        (more.iter().sum(), more.len())
    }

    /// In words, such as `1500 rows in 3 tables`.
    pub fn words(&self) -> String {
        format!("{} rows in {} tables", self.total(), self.0.len())
    }
}

/// What a counting job printed.
pub fn counted(lines: &[String]) -> Option<Rows> {
    let found: BTreeMap<String, u64> = lines
        .iter()
        .filter_map(|line| line.split_once(MARK))
        .filter_map(|(_, rest)| {
            let (table, count) = rest.trim().rsplit_once(' ')?;
            Some((table.to_owned(), count.parse().ok()?))
        })
        .collect();
    (!found.is_empty()).then_some(Rows(found))
}

/// One count of the history; a restore to its moment or later brings at least these rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// From when on.
    pub at: Timestamp,
    /// How many.
    pub rows: Rows,
}

/// The history in the order of its moments. It is kept in rings, one count in several places; lines that are not understood
/// are left out.
pub(super) fn history(object: &Value) -> Vec<Count> {
    let data = object.pointer("/data").and_then(Value::as_object);
    let texts = data.into_iter().flat_map(|data| data.values());
    let lines = texts.filter_map(Value::as_str).flat_map(str::lines);
    let mut counts: Vec<Count> = lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    counts.sort_by_key(|count| count.at);
    counts.dedup_by_key(|count| count.at);
    counts
}

/// The newest count that is not younger than the moment.
pub(super) fn at(counts: &[Count], moment: Timestamp) -> Option<&Count> {
    counts.iter().rev().find(|count| count.at <= moment)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(of: &[(&str, u64)]) -> Rows {
        Rows(
            of.iter()
                .map(|(table, count)| ((*table).to_owned(), *count))
                .collect(),
        )
    }

    #[test]
    fn a_counting_jobs_log_is_read_among_other_lines() {
        let lines = [
            "2026-11-24T06:00:00Z starts",
            "rows public.emr_patient 1500",
            "rows public.x y",
            "rows public.odd name 2",
            "done",
        ];
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(
            counted(&lines),
            Some(rows(&[
                ("public.emr_patient", 1500),
                ("public.odd name", 2)
            ]))
        );
        assert_eq!(counted(&["nothing".to_owned()]), None);
    }

    #[test]
    fn the_history_gives_the_count_before_a_moment_and_none_before_its_first() {
        let (six, seven) = (
            r#"{"at":"2026-11-24T06:00:00Z","rows":{"a":2}}"#,
            r#"{"at":"2026-11-24T07:00:00Z","rows":{"a":5}}"#,
        );
        let counts = history(&json!({"data": {
            "tens-06": seven, "hours-07": seven, "days-001": "nonsense", "tens-00": six,
        }}));
        assert_eq!(counts.len(), 2);
        let known = |text: &str| at(&counts, text.parse().unwrap()).map(|count| count.rows.clone());
        assert_eq!(known("2026-11-24T05:59:59Z"), None);
        assert_eq!(known("2026-11-24T06:30:00Z"), Some(rows(&[("a", 2)])));
        assert_eq!(known("2026-11-24T08:00:00Z"), Some(rows(&[("a", 5)])));
    }

    #[test]
    fn only_rows_that_would_go_count_as_lost() {
        let (now, then) = (
            rows(&[("a", 5), ("b", 0), ("c", 3)]),
            rows(&[("a", 2), ("b", 9)]),
        );
        assert_eq!(now.beyond(&then), (6, 2));
    }
}
