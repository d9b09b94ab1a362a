//! The `managedFields` of an object: who owns which fields, after an apply and after any other write. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    fields::{Fields, parts},
    schema::Node,
    store::stamp,
};

/// Who writes, how and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// The field manager's name.
    pub name: String,
    /// The version in which it speaks.
    pub api_version: String,
    /// The subresource, empty for the object itself.
    pub subresource: String,
    /// When.
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    manager: String,
    applies: bool,
    api_version: String,
    subresource: String,
    time: String,
    fields: Fields,
}

/// All entries of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(Vec<Entry>);

impl Entries {
    /// Reads an object's `managedFields`.
    pub fn of(value: &Value) -> Self {
        let list = value
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array);
        Self(list.into_iter().flatten().map(Entry::read).collect())
    }

    /// Writes them into an object; none are left out.
    pub fn write(&self, value: &mut Value) {
        let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        let list: Vec<_> = self
            .0
            .iter()
            .filter(|entry| !entry.fields.is_empty())
            .map(Entry::to_json)
            .collect();
        if list.is_empty() {
            meta.shift_remove("managedFields");
        } else {
            meta.insert("managedFields".into(), list.into());
        }
    }

    /// What this manager applied before.
    pub fn applied(&self, manager: &Manager) -> Fields {
        self.0
            .iter()
            .find(|entry| entry.is_apply_of(manager))
            .map(|entry| entry.fields.clone())
            .unwrap_or_default()
    }

    /// What all others own together.
    pub fn all_but(&self, manager: &Manager) -> Fields {
        let mut all = Fields::default();
        for entry in self.0.iter().filter(|entry| !entry.is_apply_of(manager)) {
            all.add(&entry.fields);
        }
        all
    }

    /// The others with what they own, by the name that conflict messages give them.
    pub fn others(&self, manager: &Manager) -> impl Iterator<Item = (String, &Fields)> {
        self.0
            .iter()
            .filter(|entry| !entry.is_apply_of(manager))
            .map(|entry| (entry.title(), &entry.fields))
    }

    /// Takes a field away from everybody but this manager.
    pub fn yield_path(&mut self, path: &[String], manager: &Manager) {
        let taken = path.iter().rev().fold(
            Fields {
                owned: true,
                ..Fields::default()
            },
            |inner, key| Fields {
                owned: false,
                below: [(key.clone(), inner)].into(),
            },
        );
        for entry in &mut self.0 {
            if !entry.is_apply_of(manager) {
                entry.fields.subtract(&taken);
            }
        }
    }

    /// Records what this manager applied; its time stays when its set stays.
    pub fn set_applied(&mut self, manager: &Manager, fields: Fields) {
        let known = self.0.iter_mut().find(|entry| entry.is_apply_of(manager));
        match known {
            Some(entry) if entry.fields == fields => {
                entry.api_version.clone_from(&manager.api_version);
            }
            Some(entry) => {
                entry.fields = fields;
                entry.api_version.clone_from(&manager.api_version);
                entry.time = stamp(manager.now);
            }
            None => self.0.push(Entry::new(manager, true, fields)),
        }
    }

    /// Records a write that was not an apply: what it changed is now this manager's.
    pub fn updated(
        &mut self,
        old: Option<&Value>,
        new: &Value,
        node: Option<Node<'_>>,
        manager: &Manager,
    ) {
        let changed = changed_fields(old, new, node);
        for entry in &mut self.0 {
            entry.fields.subtract(&changed);
            entry.fields.keep_present(new, node);
        }
        if changed.is_empty() {
            return;
        }
        let known = self.0.iter_mut().find(|entry| {
            !entry.applies
                && entry.manager == manager.name
                && entry.api_version == manager.api_version
                && entry.subresource == manager.subresource
        });
        match known {
            Some(entry) => {
                entry.fields.add(&changed);
                entry.time = stamp(manager.now);
            }
            None => self.0.push(Entry::new(manager, false, changed)),
        }
    }
}

impl Entry {
    fn new(manager: &Manager, applies: bool, fields: Fields) -> Self {
        Self {
            manager: manager.name.clone(),
            applies,
            api_version: manager.api_version.clone(),
            subresource: manager.subresource.clone(),
            time: stamp(manager.now),
            fields,
        }
    }

    fn read(value: &Value) -> Self {
        let text = |key: &str| {
            let found = value.get(key).and_then(Value::as_str);
            found.unwrap_or("").to_owned()
        };
        Self {
            manager: text("manager"),
            applies: text("operation") == "Apply",
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            time: text("time"),
            fields: value
                .get("fieldsV1")
                .map(Fields::from_json)
                .unwrap_or_default(),
        }
    }

    fn to_json(&self) -> Value {
        let mut value = json!({
            "manager": self.manager,
            "operation": if self.applies { "Apply" } else { "Update" },
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.fields.to_json(),
        });
        if !self.subresource.is_empty()
            && let Some(map) = value.as_object_mut()
        {
            map.insert("subresource".into(), self.subresource.as_str().into());
        }
        value
    }

    fn is_apply_of(&self, manager: &Manager) -> bool {
        self.applies && self.manager == manager.name && self.subresource == manager.subresource
    }

    fn title(&self) -> String {
        if self.applies {
            return format!("\"{}\"", self.manager);
        }
        let through = match self.subresource.as_str() {
            "" => String::new(),
            name => format!(" with subresource \"{name}\""),
        };
        format!("\"{}\"{through} using {}", self.manager, self.api_version)
    }
}

/// The leaves of `new` that are not the same in `old`, without identity and bookkeeping.
fn changed_fields(old: Option<&Value>, new: &Value, node: Option<Node<'_>>) -> Fields {
    let Some(old) = old else {
        return Fields::of_object(new, node);
    };
    let mut changed = Fields::of_object(new, node);
    drop_same(&mut changed, old, new, node);
    changed.owned = false;
    changed
}

fn drop_same(fields: &mut Fields, old: &Value, new: &Value, node: Option<Node<'_>>) {
    if old == new {
        *fields = Fields::default();
        return;
    }
    let olds: BTreeMap<_, _> = parts(old, node)
        .into_iter()
        .map(|(key, was, _)| (key, was))
        .collect();
    for (key, item, inner) in parts(new, node) {
        let Some(child) = fields.below.get_mut(&key) else {
            continue;
        };
        if let Some(was) = olds.get(&key) {
            if !child.below.is_empty() {
                child.owned = false;
            }
            drop_same(child, was, item, inner);
            if child.is_empty() {
                fields.below.remove(&key);
            }
        }
    }
}
