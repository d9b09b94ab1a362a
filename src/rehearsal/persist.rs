//! The practice cluster on disk: one record per batch of changes, rewritten as a snapshot when it has grown.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    packed,
    store::{Store, Verb},
    world::{reference, text_at},
};
use crate::{
    problem::{Code, Problem},
    sys::ledger::Ledger,
};

/// The version of the format; another is refused.
const FORMAT: u64 = 1;

/// The file is rewritten when it is this many times as long as its snapshot was ...
const GROWTH: u64 = 4;

/// ... and at least this long.
const LEAST: u64 = 8 * 1024 * 1024;

/// The open file of a practice cluster.
#[derive(Debug)]
pub struct Journal {
    ledger: Ledger,
    /// What is on disk.
    written: u64,
    /// The length after the last snapshot.
    snapshot: u64,
}

impl Journal {
    /// Opens the file; gives the store as it was and the moment it had reached, nothing for a new one.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path) -> Result<(Self, Store, Option<Timestamp>), Problem> {
        let (ledger, lines) = Ledger::open(path)?;
        let mut store = Store::default();
        let mut at = None;
        let mut revision = 0;
        for line in &lines {
            let record: Value =
                serde_json::from_str(line).map_err(|error| foreign(path).caused_by(&error))?;
            if record.get("format").and_then(Value::as_u64) != Some(FORMAT) {
                return Err(foreign(path));
            }
            replay(&mut store, &record);
            revision = record
                .get("revision")
                .and_then(Value::as_u64)
                .unwrap_or(revision);
            at = text_at(&record, "/at")
                .and_then(|at| at.parse().ok())
                .or(at);
        }
        store.resume_at(revision);
        let snapshot = ledger.bytes();
        let journal = Self {
            ledger,
            written: revision,
            snapshot,
        };
        Ok((journal, store, at))
    }

    /// Writes down what has changed since the last time.
    ///
    /// # Errors
    /// When it cannot be written: then nothing of it may be answered.
    pub fn keep(&mut self, store: &Store, now: Timestamp) -> Result<(), Problem> {
        if store.revision() == self.written {
            return Ok(());
        }
        let Some(changes) = store.changes_after(self.written) else {
            return self.compact(store, now);
        };
        let changes: Vec<String> = changes
            .map(|change| match change.verb {
                Verb::Added | Verb::Modified => put(change.text()),
                Verb::Deleted => {
                    let target = reference(&change.object);
                    json!({"gone": [&*change.kind, target.namespace.unwrap_or_default(), target.name]}).to_string()
                }
            })
            .collect();
        self.ledger.append(&record(&changes, store, now))?;
        self.written = store.revision();
        if self.ledger.bytes() > LEAST.max(self.snapshot * GROWTH) {
            self.compact(store, now)?;
        }
        Ok(())
    }

    fn compact(&mut self, store: &Store, now: Timestamp) -> Result<(), Problem> {
        let objects = store.all().map(|object| {
            let put = put(&packed::text(object));
            record(&[put], store, now)
        });
        let last = std::iter::once_with(|| record(&[], store, now));
        self.ledger.rewrite(objects.chain(last))?;
        self.written = store.revision();
        self.snapshot = self.ledger.bytes();
        Ok(())
    }
}

/// An object that is JSON already.
fn put(object: &str) -> String {
    ["{\"put\":", object, "}"].concat()
}

fn record(changes: &[String], store: &Store, now: Timestamp) -> String {
    let (revision, changes) = (store.revision(), changes.join(","));
    format!(
        "{{\"format\":{FORMAT},\"at\":\"{now}\",\"revision\":{revision},\"changes\":[{changes}]}}"
    )
}

fn replay(store: &mut Store, record: &Value) {
    let changes = record.get("changes").and_then(Value::as_array);
    for change in changes.into_iter().flatten() {
        if let Some(object) = change.get("put") {
            store.restore(object.clone());
        }
        if let Some([kind, namespace, name]) = change
            .get("gone")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
        {
            let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
            store.forget(&text(kind), &text(namespace), &text(name));
        }
    }
}

fn foreign(path: &Path) -> Problem {
    Problem::new(
        Code::Reh02,
        format!(
            "The practice cluster's file `{}` was written by another version.",
            path.display()
        ),
        "Delete that file; the practice cluster begins anew.",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Journal;
    use crate::{plan::ObjectRef, rehearsal::store::Store};

    fn now() -> jiff::Timestamp {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }

    fn map(name: &str, value: usize) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "care"},
            "data": {"key": value.to_string()}})
    }

    fn content(store: &Store) -> Vec<Value> {
        store.all().map(|object| (**object).clone()).collect()
    }

    #[test]
    fn a_reopened_cluster_is_the_same_with_the_same_revision() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (mut journal, mut store, at) = Journal::open(&path).unwrap();
        assert_eq!(at, None);
        for (turn, name) in ["a", "b", "a", "c"].into_iter().enumerate() {
            let value = map(name, turn);
            if store.create(value.clone(), now()).is_err() {
                store.replace(value, now()).unwrap();
            }
            journal.keep(&store, now()).unwrap();
        }
        store
            .remove(&ObjectRef::new("v1", "ConfigMap", "care", "b"))
            .unwrap();
        journal.keep(&store, now()).unwrap();
        let (_, again, at) = Journal::open(&path).unwrap();
        assert_eq!(content(&again), content(&store));
        assert_eq!(again.revision(), store.revision());
        assert_eq!(at, Some(now()));
    }

    #[test]
    fn a_snapshot_holds_what_the_changes_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (mut journal, mut store, _) = Journal::open(&path).unwrap();
        for turn in 0..20 {
            store.create(map(&format!("m{turn}"), turn), now()).unwrap();
        }
        journal.keep(&store, now()).unwrap();
        journal.compact(&store, now()).unwrap();
        store.replace(map("m3", 99), now()).unwrap();
        journal.keep(&store, now()).unwrap();
        let (_, again, _) = Journal::open(&path).unwrap();
        assert_eq!(content(&again), content(&store));
        assert_eq!(again.revision(), store.revision());
    }
}
