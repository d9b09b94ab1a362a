//! Merges a wish into a value field by field; the order of a list follows the wish as far as the value's own order allows. Pure.

use serde_json::{Map, Value};

use super::{How, Shape, child, item_node, shapes};
use crate::rehearsal::{fields::item_key, schema::Node};

/// The merged value; nothing when both are empty objects or lists of items.
pub fn merge(old: Option<&Value>, new: Option<&Value>, node: Option<Node<'_>>) -> Option<Value> {
    let mut out = None;
    for shape in shapes(old, new, node).into_iter().flatten() {
        out = match shape {
            Shape::Map { atomic: false } => maps(old, new, node),
            Shape::List(how) if how != How::Atomic => lists(old, new, node, how),
            _ => new.or(old).cloned(),
        };
    }
    out
}

fn maps(old: Option<&Value>, new: Option<&Value>, node: Option<Node<'_>>) -> Option<Value> {
    let object = |value: Option<&Value>| {
        value
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let (olds, news) = (object(old), object(new));
    if olds.is_empty() && news.is_empty() {
        return new.or(old).cloned();
    }
    let mut out = Map::new();
    let more = news.keys().filter(|name| !olds.contains_key(*name));
    for name in olds.keys().chain(more) {
        let inner = node.and_then(|node| child(node, name));
        if let Some(value) = merge(olds.get(name), news.get(name), inner) {
            out.insert(name.clone(), value);
        }
    }
    (!out.is_empty()).then(|| out.into())
}

/// A list with the keys of its items.
struct Keyed<'a> {
    items: &'a [Value],
    keys: Vec<String>,
}

impl<'a> Keyed<'a> {
    fn new(value: Option<&'a Value>, how: How<'_>, node: Option<Node<'_>>) -> Self {
        let items = value
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let keys = items.iter().map(|item| item_key(item, how, node)).collect();
        Self { items, keys }
    }

    /// The one item with a key; of doubles there is none.
    fn one(&self, key: &str) -> Option<&'a Value> {
        let mut found = self
            .keys
            .iter()
            .zip(self.items)
            .filter(|(other, _)| *other == key)
            .map(|(_, item)| item);
        let first = found.next();
        first.filter(|_| found.next().is_none())
    }

    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|other| other == key)
    }
}

fn lists(
    old: Option<&Value>,
    new: Option<&Value>,
    node: Option<Node<'_>>,
    how: How<'_>,
) -> Option<Value> {
    let inner = node.and_then(|node| item_node(&node));
    let (olds, news) = (Keyed::new(old, how, inner), Keyed::new(new, how, inner));
    if olds.keys.is_empty() && news.keys.is_empty() {
        return new.or(old).cloned();
    }
    let mut shared = news.keys.iter().filter(|key| olds.has(key));
    let mut next = shared.next();
    let mut done: Vec<&String> = Vec::new();
    let mut out = Vec::new();
    let (mut left, mut right) = (0, 0);
    while left < olds.keys.len() || right < news.keys.len() {
        let (mine, wished) = (olds.keys.get(left), news.keys.get(right));
        if let (Some(mine), Some(wished)) = (mine, wished) {
            if mine == wished {
                done.push(wished);
                out.extend(merge(olds.one(mine), news.one(mine), inner));
                left += 1;
                right += 1;
                next = shared.next();
                continue;
            }
            // An item that the wish has too, but later: its turn comes with the wish.
            if news.has(mine) && next.is_some_and(|next| next != mine) {
                left += 1;
                continue;
            }
        }
        if let Some(mine) = mine {
            if !news.has(mine) {
                out.extend(merge(olds.items.get(left), None, inner));
                left += 1;
                continue;
            }
            if done.contains(&mine) {
                left += 1;
            }
        }
        if let Some(wished) = wished {
            done.push(wished);
            out.extend(merge(olds.one(wished), news.one(wished), inner));
            right += 1;
            if next == Some(wished) {
                next = shared.next();
            }
        }
    }
    (!out.is_empty()).then(|| out.into())
}
