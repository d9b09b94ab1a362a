//! Field ownership as `managedFields` writes it: sets of paths, and what a value owns by its schema. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema::{List, Node};

/// A set of fields as a tree; the keys are those of `FieldsV1`: `f:name`, `k:{"name":"x"}`, `v:"x"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Whether this place itself is owned.
    pub owned: bool,
    /// What is owned below.
    pub below: BTreeMap<String, Fields>,
}

impl Fields {
    fn leaf() -> Self {
        Self {
            owned: true,
            below: BTreeMap::new(),
        }
    }

    /// True when nothing is owned.
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

    /// What a value says, as the set of its leaves; `apiVersion`, `kind` and the identity are left out.
    pub fn of_object(value: &Value, node: Option<Node<'_>>) -> Self {
        let mut fields = Self::of(value, node);
        fields.owned = false;
        fields.below.remove("f:apiVersion");
        fields.below.remove("f:kind");
        if let Some(meta) = fields.below.get_mut("f:metadata") {
            for name in [
                "name",
                "namespace",
                "uid",
                "creationTimestamp",
                "generation",
                "resourceVersion",
                "selfLink",
                "managedFields",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            ] {
                meta.below.remove(&format!("f:{name}"));
            }
            if meta.below.is_empty() {
                fields.below.remove("f:metadata");
            }
        }
        fields
    }

    fn of(value: &Value, node: Option<Node<'_>>) -> Self {
        let mut fields = Self::default();
        for (key, item, inner) in parts(value, node) {
            let mut child = Self::of(item, inner);
            child.owned |= !key.starts_with("f:");
            fields.below.insert(key, child);
        }
        if fields.below.is_empty() {
            return Self::leaf();
        }
        fields
    }

    /// Adds everything that the other set has.
    pub fn add(&mut self, other: &Self) {
        self.owned |= other.owned;
        for (key, child) in &other.below {
            self.below.entry(key.clone()).or_default().add(child);
        }
    }

    /// Takes away what the other set owns.
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

    /// Takes away every place that the value no longer has.
    pub fn keep_present(&mut self, value: &Value, node: Option<Node<'_>>) {
        let present: BTreeMap<_, _> = parts(value, node)
            .into_iter()
            .map(|(key, item, inner)| (key, (item, inner)))
            .collect();
        self.below.retain(|key, child| match present.get(key) {
            Some((item, inner)) => {
                let whole = child.below.is_empty();
                child.keep_present(item, *inner);
                whole || !child.is_empty()
            }
            None => false,
        });
    }
}

/// The parts by which a value is owned: none for a leaf or an atomic place.
///
/// For each: the key in `FieldsV1`, the value and its schema.
pub fn parts<'v, 's>(
    value: &'v Value,
    node: Option<Node<'s>>,
) -> Vec<(String, &'v Value, Option<Node<'s>>)> {
    match value {
        Value::Object(map) if !node.is_some_and(|node| node.atomic()) => map
            .iter()
            .map(|(name, item)| {
                let inner = node.and_then(|node| node.field(name));
                (format!("f:{name}"), item, inner)
            })
            .collect(),
        Value::Array(list) => {
            let Some(node) = node else { return Vec::new() };
            let how = node.list();
            if how == List::Atomic {
                return Vec::new();
            }
            list.iter()
                .map(|item| (item_key(item, how, node.items()), item, node.items()))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The key of a list's item: its own value, or the fields that tell it apart with their defaults.
pub fn item_key(item: &Value, how: List<'_>, node: Option<Node<'_>>) -> String {
    let List::Map(keys) = how else {
        return format!("v:{item}");
    };
    let mut map = BTreeMap::new();
    for name in keys.iter().filter_map(Value::as_str) {
        let default = || {
            node.and_then(|node| node.field(name))
                .and_then(|n| n.default())
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
