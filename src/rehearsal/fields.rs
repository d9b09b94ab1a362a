//! Field ownership as `managedFields` writes it: sets of paths. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    schema::Node,
    typed::{How, Shape, child, item_node, shape_of},
};

/// A set of fields as a tree; the keys are those of `FieldsV1`: `f:name`, `k:{"name":"x"}`, `v:"x"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Whether this place itself is in the set.
    pub owned: bool,
    /// What is in the set below.
    pub below: BTreeMap<String, Fields>,
}

impl Fields {
    /// A place by itself.
    pub fn leaf() -> Self {
        Self {
            owned: true,
            below: BTreeMap::new(),
        }
    }

    /// One path.
    pub fn path(path: &[&str]) -> Self {
        path.iter().rev().fold(Self::leaf(), |inner, key| Self {
            owned: false,
            below: [((*key).to_owned(), inner)].into(),
        })
    }

    /// True when nothing is in the set.
    pub fn is_empty(&self) -> bool {
        !self.owned && self.below.is_empty()
    }

    /// Reads `fieldsV1`.
    pub fn from_json(value: &Value) -> Self {
        let mut fields = Self::default();
        for (key, inner) in value.as_object().into_iter().flatten() {
            if key == "." {
                fields.owned = true;
                continue;
            }
            let mut child = Self::from_json(inner);
            if child.below.is_empty() {
                child.owned = true;
            }
            fields.below.insert(key.clone(), child);
        }
        fields
    }

    /// Writes `fieldsV1`.
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        if self.owned && !self.below.is_empty() {
            map.insert(".".into(), json!({}));
        }
        for (key, child) in &self.below {
            map.insert(key.clone(), child.to_json());
        }
        map.into()
    }

    /// Puts a set below a key, unless it is empty.
    pub fn attach(&mut self, key: &str, child: &Self) {
        if !child.is_empty() {
            self.below.entry(key.to_owned()).or_default().add(child);
        }
    }

    /// Adds everything that the other set has.
    pub fn add(&mut self, other: &Self) {
        self.owned |= other.owned;
        for (key, child) in &other.below {
            self.below.entry(key.clone()).or_default().add(child);
        }
    }

    /// Takes away every place that is in the other set.
    pub fn subtract(&mut self, other: &Self) {
        if other.owned {
            self.owned = false;
        }
        for (key, child) in &other.below {
            if let Some(mine) = self.below.get_mut(key) {
                mine.subtract(child);
                if mine.is_empty() {
                    self.below.remove(key);
                }
            }
        }
    }

    /// Takes away every place that is in the other set, with all below it.
    pub fn cut(&mut self, other: &Self) {
        for (key, child) in &other.below {
            if child.owned {
                self.below.remove(key);
            } else if let Some(mine) = self.below.get_mut(key) {
                mine.cut(child);
                if mine.is_empty() {
                    self.below.remove(key);
                }
            }
        }
    }

    /// What both sets have.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let mut found = Self {
            owned: self.owned && other.owned,
            below: BTreeMap::new(),
        };
        for (key, child) in &self.below {
            if let Some(same) = other.below.get(key) {
                found.attach(key, &child.common(same));
            }
        }
        found
    }

    /// The same set, where declared fields are in it themselves once something below them is.
    #[must_use]
    pub fn with_parents(&self, node: Option<Node<'_>>) -> Self {
        let mut found = self.clone();
        for (key, child) in &mut found.below {
            let name = key.strip_prefix("f:");
            let inner = match name {
                Some(name) => node.and_then(|node| super::typed::child(node, name)),
                None => node.and_then(|node| item_node(&node)),
            };
            let whole = child.with_parents(inner);
            let declared = name.is_some_and(|name| {
                node.and_then(|node| node.properties())
                    .is_some_and(|map| map.contains_key(name))
            });
            child.below = whole.below;
            child.owned |= declared && !child.below.is_empty();
        }
        found
    }

    /// What a value says: the set of its leaves, and of the places that have a name of their own.
    pub fn of(value: &Value, node: Option<Node<'_>>) -> Self {
        let mut fields = Self::default();
        match shape_of(node, value) {
            Shape::Scalar | Shape::Map { atomic: true } | Shape::List(How::Atomic) => {
                fields.owned = true;
            }
            Shape::Map { atomic: false } => {
                for (name, item) in value.as_object().into_iter().flatten() {
                    let inner = node.and_then(|node| child(node, name));
                    let mut below = Self::of(item, inner);
                    let empty = item.is_null() || item.as_object().is_some_and(Map::is_empty);
                    let declared = node
                        .and_then(|node| node.properties())
                        .is_some_and(|map| map.contains_key(name));
                    below.owned |= empty || !declared;
                    fields.attach(&["f:", name].concat(), &below);
                }
            }
            Shape::List(how) => {
                let inner = node.and_then(|node| item_node(&node));
                let list = value.as_array().map_or(&[][..], Vec::as_slice);
                let keys: Vec<_> = list.iter().map(|item| item_key(item, how, inner)).collect();
                for (at, (key, item)) in keys.iter().zip(list).enumerate() {
                    let twice = keys
                        .iter()
                        .enumerate()
                        .any(|(other, same)| other != at && same == key);
                    let mut below = if twice {
                        Self::default()
                    } else {
                        Self::of(item, inner)
                    };
                    below.owned = true;
                    fields.attach(key, &below);
                }
            }
        }
        fields
    }

    /// Every path, the places of one level before what is below them, as messages list them.
    pub fn paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        self.walk(&mut Vec::new(), &mut found);
        found
    }

    fn walk(&self, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        for (key, child) in &self.below {
            if child.owned {
                let mut whole = path.clone();
                whole.push(key.clone());
                found.push(whole);
            }
        }
        for (key, child) in &self.below {
            path.push(key.clone());
            child.walk(path, found);
            path.pop();
        }
    }
}

/// The key of a list's item: its own value, or the fields that tell it apart with their defaults.
pub fn item_key(item: &Value, how: How<'_>, node: Option<Node<'_>>) -> String {
    let How::Keys(keys) = how else {
        return format!("v:{item}");
    };
    let mut map = BTreeMap::new();
    for name in keys {
        let default = || {
            node.and_then(|node| node.field(name))
                .and_then(|field| field.said_default())
        };
        if let Some(value) = item.get(name).or_else(default) {
            map.insert(name, value);
        }
    }
    format!("k:{}", serde_json::to_string(&map).unwrap_or_default())
}

/// A path as messages write it, from the keys of `FieldsV1`.
pub fn readable(path: &[String]) -> String {
    let mut text = String::new();
    for part in path {
        match part.split_once(':') {
            Some(("f", name)) => {
                text.push('.');
                text.push_str(name);
            }
            Some(("k", keys)) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let words: Vec<_> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                text.push_str(&["[", &words.join(","), "]"].concat());
            }
            Some((_, value)) => text.push_str(&["[=", value, "]"].concat()),
            None => {}
        }
    }
    text
}
