//! A value as its schema divides it: what is one piece, what is merged field by field, and how two values differ. Pure.

mod merge;
mod remove;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    fields::{Fields, item_key},
    schema::Node,
};

pub use merge::merge;
pub use remove::remove;

/// The schema type whose content is one piece, whatever it is.
const RAW: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/// How the items of a list belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How<'a> {
    /// The list is one piece.
    Atomic,
    /// The items are their own keys.
    Set,
    /// The items are told apart by these fields.
    Keys(Keys<'a>),
}

/// The names of the fields that tell items apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys<'a> {
    /// As the schema lists them.
    Listed(&'a [Value]),
    /// The one key of strategic merge.
    One(&'a str),
}

impl<'a> IntoIterator for Keys<'a> {
    type Item = &'a str;
    type IntoIter = std::vec::IntoIter<&'a str>;

    fn into_iter(self) -> Self::IntoIter {
        let names: Vec<&str> = match self {
            Self::Listed(list) => list.iter().filter_map(Value::as_str).collect(),
            Self::One(name) => vec![name],
        };
        names.into_iter()
    }
}

/// What a place is for ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// One piece.
    Scalar,
    /// A list.
    List(How<'a>),
    /// An object.
    Map {
        /// It is one piece all the same.
        atomic: bool,
    },
}

/// The shape of a value at a place; without a schema it is deduced: objects are divided, lists are not.
pub fn shape_of<'a>(node: Option<Node<'a>>, value: &Value) -> Shape<'a> {
    let Some(node) = node else {
        return deduced(value, false);
    };
    if node.refers_to(RAW) {
        return deduced(value, true);
    }
    let atomic = node.says("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
    match node.kind() {
        Some("object") => Shape::Map { atomic },
        Some("array") => Shape::List(how(&node)),
        Some(_) => Shape::Scalar,
        None if node.refers_to_scalar() => Shape::Scalar,
        None => match value {
            Value::Array(_) => Shape::List(how(&node)),
            other => deduced(other, atomic),
        },
    }
}

fn deduced<'a>(value: &Value, atomic: bool) -> Shape<'a> {
    match value {
        Value::Object(_) | Value::Null => Shape::Map { atomic },
        Value::Array(_) => Shape::List(How::Atomic),
        _ => Shape::Scalar,
    }
}

fn how<'a>(node: &Node<'a>) -> How<'a> {
    match node.says("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => How::Set,
        Some("map") => node
            .says("x-kubernetes-list-map-keys")
            .and_then(Value::as_array)
            .map_or(How::Atomic, |keys| How::Keys(Keys::Listed(keys))),
        None if node.patch_merges() => node
            .patch_key()
            .map_or(How::Set, |key| How::Keys(Keys::One(key))),
        Some(_) | None => How::Atomic,
    }
}

/// The schema of a field; nothing when it is to be deduced.
pub fn child<'a>(node: Node<'a>, name: &str) -> Option<Node<'a>> {
    node.field(name)
}

/// The schema of a list's items.
pub fn item_node<'a>(node: &Node<'a>) -> Option<Node<'a>> {
    node.items()
}

/// What has changed from one value to another.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Places that only the old one has.
    pub removed: Fields,
    /// Places with another value.
    pub modified: Fields,
    /// Places that only the new one has.
    pub added: Fields,
}

impl Comparison {
    fn attach(&mut self, key: &str, other: &Self) {
        self.removed.attach(key, &other.removed);
        self.modified.attach(key, &other.modified);
        self.added.attach(key, &other.added);
    }

    /// Leaves out what a write cannot change.
    pub fn cut(&mut self, fields: &Fields) {
        for set in [&mut self.removed, &mut self.modified, &mut self.added] {
            set.cut(fields);
        }
    }
}

/// Compares two values; at least one of them is there.
pub fn compare(old: Option<&Value>, new: Option<&Value>, node: Option<Node<'_>>) -> Comparison {
    let mut found = Comparison::default();
    let shapes = shapes(old, new, node);
    let mut whole = false;
    for shape in shapes.into_iter().flatten() {
        whole = match shape {
            Shape::Map { atomic: false } => maps(old, new, node, &mut found),
            Shape::List(how) if how != How::Atomic => lists((old, new), node, how, &mut found),
            _ => leaf(old, new, &mut found),
        };
    }
    if !whole {
        found.added.owned |= old.is_none();
        found.removed.owned |= new.is_none();
    }
    found
}

/// The shape of the pair, or both shapes where they differ.
pub(super) fn shapes<'a>(
    old: Option<&Value>,
    new: Option<&Value>,
    node: Option<Node<'a>>,
) -> [Option<Shape<'a>>; 2] {
    let of = |value: Option<&Value>| value.map(|value| shape_of(node, value));
    match (of(old), of(new)) {
        (one, None) => [one, None],
        (None, two) => [two, None],
        (one, two) if one == two => [one, None],
        both => [both.0, both.1],
    }
}

/// A place that is one piece; always true, for it is not looked into.
fn leaf(old: Option<&Value>, new: Option<&Value>, found: &mut Comparison) -> bool {
    match (old, new) {
        (None, _) => found.added.owned = true,
        (_, None) => found.removed.owned = true,
        (Some(old), Some(new)) => found.modified.owned |= old != new,
    }
    true
}

fn maps(
    old: Option<&Value>,
    new: Option<&Value>,
    node: Option<Node<'_>>,
    found: &mut Comparison,
) -> bool {
    let (olds, news) = (object(old), object(new));
    if olds.is_none_or(Map::is_empty) && news.is_none_or(Map::is_empty) {
        return leaf(old, new, found);
    }
    let names: BTreeSet<&String> = [olds, news]
        .into_iter()
        .flatten()
        .flat_map(Map::keys)
        .collect();
    for name in names {
        let (one, two) = (
            olds.and_then(|map| map.get(name)),
            news.and_then(|map| map.get(name)),
        );
        if one == two {
            continue;
        }
        let inner = node.and_then(|node| child(node, name));
        found.attach(&["f:", name].concat(), &compare(one, two, inner));
    }
    false
}

fn lists(
    (old, new): (Option<&Value>, Option<&Value>),
    node: Option<Node<'_>>,
    how: How<'_>,
    found: &mut Comparison,
) -> bool {
    let (olds, news) = (items(old), items(new));
    if olds.is_empty() && news.is_empty() {
        return leaf(old, new, found);
    }
    let inner = node.and_then(|node| item_node(&node));
    let mut groups: BTreeMap<String, [Vec<&Value>; 2]> = BTreeMap::new();
    for (side, list) in [olds, news].into_iter().enumerate() {
        for item in list {
            let group = groups.entry(item_key(item, how, inner)).or_default();
            if let Some(side) = group.get_mut(side) {
                side.push(item);
            }
        }
    }
    for (key, [one, two]) in groups {
        let mut below = Comparison::default();
        match (one.as_slice(), two.as_slice()) {
            ([] | [_], [] | [_]) => {
                below = compare(one.first().copied(), two.first().copied(), inner);
            }
            ([_, _, ..], [_, _, ..]) => below.modified.owned = one != two,
            ([_, _, ..], rest) => {
                if let Some(item) = rest.first() {
                    below = compare(None, Some(item), inner);
                }
                below.removed.owned = true;
            }
            (rest, _) => {
                if let Some(item) = rest.first() {
                    below = compare(Some(item), None, inner);
                }
                below.added.owned = true;
            }
        }
        found.attach(&key, &below);
    }
    false
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn object(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

/// The first place of a value that its schema does not declare, as messages name it.
pub fn undeclared(value: &Value, node: Node<'_>) -> Option<String> {
    match value {
        Value::Object(map) => map.iter().find_map(|(name, item)| match node.field(name) {
            Some(inner) => undeclared(item, inner).map(|below| format!(".{name}{below}")),
            None if node.deduces() => None,
            None => Some(format!(".{name}")),
        }),
        Value::Array(list) => {
            let inner = item_node(&node)?;
            let how = how(&node);
            list.iter().enumerate().find_map(|(at, item)| {
                let below = undeclared(item, inner)?;
                let place = match how {
                    How::Atomic => format!("[{at}]"),
                    how => super::fields::readable(&[item_key(item, how, Some(inner))]),
                };
                Some(place + &below)
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
