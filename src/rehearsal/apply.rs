//! Server-side apply: merges a wish into the live object by schema, field by field owned. Pure.

use serde_json::Value;

use super::{
    fields::{Fields, readable},
    managed::{Change, Entries, Manager},
    schema::Node,
    typed::{compare, merge, remove},
};

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it, as messages name it.
    pub manager: String,
    /// The field, such as `.spec.replicas`.
    pub field: String,
}

/// The name under which everything is kept that was there before anybody applied.
const BEFORE: &str = "before-first-apply";

/// How a wish is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The schema of the kind.
    pub node: Option<Node<'a>>,
    /// What this way of writing does not change.
    pub reset: &'a Fields,
    /// An object of the kind about which nothing is said.
    pub nothing: &'a Value,
}

/// Applies a wish of `manager`; gives the merged object with its new `managedFields`.
///
/// # Errors
/// The conflicts, unless forced.
pub fn apply(
    live: &Value,
    wish: &Value,
    reading: Reading<'_>,
    manager: &Manager,
    force: bool,
) -> Result<Value, Vec<Conflict>> {
    let Reading { node, reset, .. } = reading;
    let mut entries = Entries::of(live);
    if entries.is_empty() {
        begin(&mut entries, live, reading, manager);
    }
    let mut live = live.clone();
    if let Some(meta) = live.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.shift_remove("managedFields");
    }
    let last = entries.applied(manager);
    let mut set = Fields::of(wish, node);
    set.owned = false;
    set.cut(reset);
    entries.set_applied(manager, set);
    let merged = merge(Some(&live), Some(wish), node).unwrap_or_default();
    let mut merged = prune(merged, &entries, &last, node);
    let mut found = compare(Some(&live), Some(&merged), node);
    found.cut(reset);
    let mut touched = found.modified;
    touched.add(&found.added);
    let held = entries.held_by_others(manager, &touched);
    if !held.is_empty() && !force {
        return Err(conflicts(&held));
    }
    touched.add(&found.removed);
    entries.take(manager, &touched);
    entries.end_apply(manager, live != merged);
    entries.write(&mut merged);
    Ok(merged)
}

/// A new object as its first applier wishes it: `nothing` is what the server begins with.
pub fn create(wish: &Value, reading: Reading<'_>, manager: &Manager) -> Value {
    let mut entries = Entries::default();
    let mut set = Fields::of(wish, reading.node);
    set.owned = false;
    set.cut(reading.reset);
    entries.set_applied(manager, set);
    let merged = merge(Some(reading.nothing), Some(wish), reading.node);
    let mut merged = merged.unwrap_or_default();
    entries.end_apply(manager, *reading.nothing != merged);
    entries.write(&mut merged);
    merged
}

/// What is there before anybody applies belongs to a manager of its own, so that nothing is lost.
fn begin(entries: &mut Entries, live: &Value, reading: Reading<'_>, manager: &Manager) {
    let before = Manager {
        name: BEFORE.to_owned(),
        ..manager.clone()
    };
    let change = Change {
        old: reading.nothing,
        new: live,
        node: reading.node,
        reset: reading.reset,
    };
    entries.updated(change, &before);
}

fn conflicts(held: &[(String, Fields)]) -> Vec<Conflict> {
    held.iter()
        .flat_map(|(manager, fields)| {
            fields.paths().into_iter().map(|path| Conflict {
                manager: manager.clone(),
                field: readable(&path),
            })
        })
        .collect()
}

/// Takes out what the manager applied before and does not wish any more, except what somebody else owns.
fn prune(merged: Value, entries: &Entries, last: &Fields, node: Option<Node<'_>>) -> Value {
    if last.is_empty() {
        return merged;
    }
    let set = |value: &Value| Fields::of(value, node).with_parents(node);
    let last = last.with_parents(node);
    let pruned = remove(&merged, &last, node);
    let whole = set(&merged);
    // What others own comes back.
    let mut kept = set(&pruned);
    kept.add(&entries.all().with_parents(node));
    let mut gone = whole.clone();
    gone.subtract(&kept);
    let pruned = remove(&merged, &gone, node);
    // So does what nobody owned, unless this manager did.
    let mut gone = whole;
    gone.subtract(&set(&pruned));
    remove(&merged, &gone.common(&last), node)
}

/// A missing value and null say the same in a wish.
pub fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, item| !item.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
