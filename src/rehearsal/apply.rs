//! Server-side apply: merges a wish into the live object by schema, field by field owned. Pure.

use serde_json::Value;

use super::{
    fields::{Fields, item_key, parts, readable},
    managed::{Entries, Manager},
    schema::{List, Node},
};

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it, as messages name it.
    pub manager: String,
    /// The field, such as `.spec.replicas`.
    pub field: String,
}

/// Applies a wish of `manager`; gives the merged object with its new `managedFields`.
///
/// # Errors
/// The conflicts, unless forced.
pub fn apply(
    live: &Value,
    wish: &Value,
    node: Option<Node<'_>>,
    manager: &Manager,
    force: bool,
) -> Result<Value, Vec<Conflict>> {
    let mut entries = Entries::of(live);
    let new = Fields::of_object(wish, node);
    let mut merged = live.clone();
    merge(&mut merged, wish, node);
    let clashes = conflicts(live, &merged, node, &entries, manager);
    if !clashes.is_empty() {
        if !force {
            return Err(clashes.into_iter().map(|(conflict, _)| conflict).collect());
        }
        for (_, path) in &clashes {
            entries.yield_path(path, manager);
        }
    }
    let old = entries.applied(manager);
    let others = entries.all_but(manager);
    drop_fields(&mut merged, &old, Some(&new), Some(&others), node);
    restore_identity(live, &mut merged);
    entries.set_applied(manager, new);
    entries.write(&mut merged);
    Ok(merged)
}

/// A new object as its first applier wishes it.
pub fn create(wish: &Value, node: Option<Node<'_>>, manager: &Manager) -> Value {
    let mut value = wish.clone();
    drop_nulls(&mut value);
    let mut entries = Entries::default();
    entries.set_applied(manager, Fields::of_object(&value, node));
    entries.write(&mut value);
    value
}

fn restore_identity(live: &Value, merged: &mut Value) {
    for field in ["apiVersion", "kind"] {
        if let (Some(value), Some(map)) = (live.get(field), merged.as_object_mut()) {
            map.insert(field.into(), value.clone());
        }
    }
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

fn merge(live: &mut Value, wish: &Value, node: Option<Node<'_>>) {
    if live == wish {
        return;
    }
    let atomic = node.is_some_and(|node| node.atomic());
    match (live, wish) {
        (Value::Object(live), Value::Object(wish)) if !atomic => {
            for (name, item) in wish {
                let inner = node.and_then(|node| node.field(name));
                match live.get_mut(name) {
                    Some(old) => merge(old, item, inner),
                    None => {
                        live.insert(name.clone(), item.clone());
                    }
                }
            }
        }
        (Value::Array(live), Value::Array(wish))
            if node.is_some_and(|node| node.list() != List::Atomic) =>
        {
            merge_list(live, wish, node);
        }
        (live, wish) => *live = wish.clone(),
    }
}

fn merge_list(live: &mut Vec<Value>, wish: &[Value], node: Option<Node<'_>>) {
    let how = node.map_or(List::Atomic, |node| node.list());
    let items = node.and_then(|node| node.items());
    for item in wish {
        let key = item_key(item, how, items);
        match live.iter_mut().find(|old| item_key(old, how, items) == key) {
            Some(old) => merge(old, item, items),
            None => live.push(item.clone()),
        }
    }
}

/// Removes what the manager owned and no longer wishes, except what others own.
fn drop_fields(
    live: &mut Value,
    old: &Fields,
    new: Option<&Fields>,
    others: Option<&Fields>,
    node: Option<Node<'_>>,
) {
    for (key, was) in &old.below {
        let is = new.and_then(|new| new.below.get(key));
        let kept = others.and_then(|others| others.below.get(key));
        if is.is_none() && kept.is_none() {
            remove_part(live, key, node);
        } else if !was.below.is_empty()
            && let Some((item, inner)) = part_mut(live, key, node)
        {
            drop_fields(item, was, is, kept, inner);
        }
    }
}

fn part_mut<'v, 's>(
    live: &'v mut Value,
    key: &str,
    node: Option<Node<'s>>,
) -> Option<(&'v mut Value, Option<Node<'s>>)> {
    match live {
        Value::Object(map) => {
            let name = key.strip_prefix("f:")?;
            let inner = node.and_then(|node| node.field(name));
            Some((map.get_mut(name)?, inner))
        }
        Value::Array(list) => {
            let node = node?;
            let (how, items) = (node.list(), node.items());
            let item = list
                .iter_mut()
                .find(|item| item_key(item, how, items) == key)?;
            Some((item, items))
        }
        _ => None,
    }
}

fn remove_part(live: &mut Value, key: &str, node: Option<Node<'_>>) {
    match live {
        Value::Object(map) => {
            if let Some(name) = key.strip_prefix("f:") {
                map.shift_remove(name);
            }
        }
        Value::Array(list) => {
            if let Some(node) = node {
                let (how, items) = (node.list(), node.items());
                list.retain(|item| item_key(item, how, items) != key);
            }
        }
        _ => {}
    }
}

type Clash = (Conflict, Vec<String>);

/// The fields that the merge changed although others own them.
fn conflicts(
    live: &Value,
    merged: &Value,
    node: Option<Node<'_>>,
    entries: &Entries,
    manager: &Manager,
) -> Vec<Clash> {
    let mut found = Vec::new();
    for (name, fields) in entries.others(manager) {
        let mut walk = Walk::default();
        walk.compare(live, merged, fields, node);
        found.extend(walk.found.into_iter().map(|path| {
            let conflict = Conflict {
                manager: name.clone(),
                field: readable(&path),
            };
            (conflict, path)
        }));
    }
    found
}

#[derive(Default)]
struct Walk {
    path: Vec<String>,
    found: Vec<Vec<String>>,
}

impl Walk {
    fn compare(&mut self, live: &Value, merged: &Value, owned: &Fields, node: Option<Node<'_>>) {
        if live == merged {
            return;
        }
        let (old, new) = (parts(live, node), parts(merged, node));
        if old.is_empty() && new.is_empty() {
            if owned.owned {
                self.found.push(self.path.clone());
            }
            return;
        }
        for (key, item, inner) in new {
            let was = old.iter().find(|(other, _, _)| *other == key);
            if let (Some(child), Some((_, was, _))) = (owned.below.get(&key), was) {
                self.path.push(key);
                self.compare(was, item, child, inner);
                self.path.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests;
