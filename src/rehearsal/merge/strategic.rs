//! Strategic merge patches: lists with a merge key are merged by it, directives are obeyed, the order is the patch's. Pure.

use serde_json::{Map, Value};

use crate::rehearsal::schema::Node;

/// Why a patch cannot be merged.
#[derive(Clone, Debug, PartialEq)]
pub enum Unmergeable {
    /// An item does not say which one it is.
    NoKey {
        /// The item.
        item: Value,
        /// The field that would say it.
        key: String,
    },
    /// An object stands where a list must be.
    NoList,
    /// A directive that does not exist.
    Directive(String),
}

type Done = Result<(), Unmergeable>;

const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Merges a patch into a value.
///
/// # Errors
/// What in the patch cannot be merged.
pub fn strategic(target: &mut Value, patch: &Value, node: Option<Node<'_>>) -> Done {
    let (Value::Object(map), Value::Object(changes)) = (&mut *target, patch) else {
        *target = bare(patch);
        return Ok(());
    };
    match changes.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = bare(patch);
            return Ok(());
        }
        Some("delete") => {
            map.clear();
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(Unmergeable::Directive(other.to_owned())),
    }
    if let Some(kept) = changes.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|name, _| kept.iter().any(|kept| kept == name.as_str()));
    }
    for (name, gone) in changes {
        if let Some(list) = name.strip_prefix(DELETE)
            && let (Some(Value::Array(old)), Some(gone)) = (map.get_mut(list), gone.as_array())
        {
            old.retain(|value| !gone.contains(value));
        }
    }
    for (name, item) in changes.iter().filter(|(name, _)| !name.starts_with('$')) {
        let inner = node.and_then(|node| node.field(name));
        let order = changes.get([ORDER, name].concat().as_str());
        field(map, (name, item), inner, order.and_then(Value::as_array))?;
    }
    // An order may be set for a list that does not change otherwise.
    for (name, order) in changes {
        let list = name.strip_prefix(ORDER);
        if let (Some(list), Some(order)) = (list, order.as_array())
            && !changes.contains_key(list)
            && let Some(Value::Array(old)) = map.get_mut(list)
        {
            let key = node
                .and_then(|node| node.field(list))
                .and_then(|n| n.patch_key());
            let before = old.clone();
            arrange(old, order, &before, key);
        }
    }
    Ok(())
}

fn field(
    map: &mut Map<String, Value>,
    (name, item): (&str, &Value),
    node: Option<Node<'_>>,
    order: Option<&Vec<Value>>,
) -> Done {
    if item.is_null() {
        map.shift_remove(name);
        return Ok(());
    }
    let listed = node.is_some_and(|node| node.kind() == Some("array"));
    if listed && item.is_object() {
        return Err(Unmergeable::NoList);
    }
    match (map.get_mut(name), item) {
        (Some(Value::Array(old)), Value::Array(new)) => list(old, new, node, order),
        (Some(old), _) => strategic(old, item, node),
        (None, Value::Array(new)) => {
            let mut fresh = Vec::new();
            list(&mut fresh, new, node, order)?;
            map.insert(name.to_owned(), fresh.into());
            Ok(())
        }
        (None, _) => {
            map.insert(name.to_owned(), bare(item));
            Ok(())
        }
    }
}

fn list(
    old: &mut Vec<Value>,
    new: &[Value],
    node: Option<Node<'_>>,
    order: Option<&Vec<Value>>,
) -> Done {
    let Some(node) = node.filter(Node::patch_merges) else {
        *old = new.iter().map(bare).collect();
        return Ok(());
    };
    let before = old.clone();
    let Some(key) = node.patch_key() else {
        for value in new {
            if !old.contains(value) {
                old.push(value.clone());
            }
        }
        arrange(old, order.map_or(new, Vec::as_slice), &before, None);
        return Ok(());
    };
    let directive = |item: &Value| {
        item.get("$patch")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if new
        .iter()
        .any(|item| directive(item).as_deref() == Some("replace"))
    {
        let kept = new.iter().filter(|item| directive(item).is_none());
        *old = kept.map(bare).collect();
        return Ok(());
    }
    for item in new {
        if item.get(key).is_none() {
            return Err(Unmergeable::NoKey {
                item: item.clone(),
                key: key.to_owned(),
            });
        }
        let same = |other: &Value| other.get(key) == item.get(key);
        if directive(item).as_deref() == Some("delete") {
            old.retain(|other| !same(other));
        } else if let Some(known) = old.iter_mut().find(|other| same(other)) {
            strategic(known, item, node.items())?;
        } else {
            old.push(bare(item));
        }
    }
    arrange(old, order.map_or(new, Vec::as_slice), &before, Some(key));
    Ok(())
}

/// Brings items into the order of the patch; the others keep their places among them as far as that goes.
fn arrange(list: &mut Vec<Value>, order: &[Value], before: &[Value], key: Option<&str>) {
    let same = |one: &Value, other: &Value| match key {
        Some(key) => one.get(key) == other.get(key),
        None => one == other,
    };
    let place = |among: &[Value], item: &Value| among.iter().position(|other| same(other, item));
    let (mut named, mut rest): (Vec<Value>, Vec<Value>) = std::mem::take(list)
        .into_iter()
        .partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    rest.sort_by_key(|item| place(before, item).unwrap_or(usize::MAX));
    let (mut named, mut rest) = (named.into_iter().peekable(), rest.into_iter().peekable());
    loop {
        let first = match (rest.peek(), named.peek()) {
            (Some(other), Some(item)) => {
                let places = place(before, other).zip(place(before, item));
                places.is_some_and(|(other, item)| other < item)
            }
            (Some(_), None) => true,
            (None, _) => false,
        };
        let next = if first { rest.next() } else { named.next() };
        match next {
            Some(item) => list.push(item),
            None => return,
        }
    }
}

fn bare(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(name, item)| !name.starts_with('$') && !item.is_null())
            .map(|(name, item)| (name.clone(), bare(item)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.iter().map(bare).collect(),
        other => other.clone(),
    }
}
