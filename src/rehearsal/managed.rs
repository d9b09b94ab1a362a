//! The `managedFields` of an object: who owns which fields, after an apply and after any other write. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    fields::Fields,
    packed,
    schema::Node,
    store::stamp,
    typed::{Comparison, compare},
};

/// How many managers that update are remembered; the oldest become one.
const MOST_UPDATERS: usize = 10;

/// The name under which the oldest are kept.
const ANCIENT: &str = "ancient-changes";

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
    /// Empty when this manager has never changed anything.
    time: String,
    fields: Fields,
}

/// All entries of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(Vec<Entry>);

/// The two values of an update and how to read them.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// What is stored.
    pub old: &'a Value,
    /// What will be stored.
    pub new: &'a Value,
    /// Their schema.
    pub node: Option<Node<'a>>,
    /// What the way of writing does not change.
    pub reset: &'a Fields,
}

impl Change<'_> {
    fn comparison(&self) -> Comparison {
        let mut found = compare(Some(self.old), Some(self.new), self.node);
        found.cut(&Fields::path(&["f:metadata", "f:managedFields"]));
        found.cut(self.reset);
        found
    }
}

/// What no manager owns: identity and bookkeeping.
fn bookkeeping() -> Fields {
    let mut fields = Fields::default();
    for name in ["f:apiVersion", "f:kind", "f:metadata"] {
        fields.add(&Fields::path(&[name]));
    }
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        fields.add(&Fields::path(&["f:metadata", &["f:", name].concat()]));
    }
    fields
}

impl Entries {
    /// Reads an object's `managedFields`.
    pub fn of(value: &Value) -> Self {
        let list = value
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array);
        Self(list.into_iter().flatten().map(Entry::read).collect())
    }

    /// True when nobody is known to own anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes them into an object, applies first, in the order of their times; none are left out.
    pub fn write(&self, value: &mut Value) {
        let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        let mut entries: Vec<&Entry> = self.0.iter().collect();
        entries.sort_by_key(|entry| {
            (
                !entry.applies,
                entry.time.clone(),
                entry.manager.clone(),
                entry.api_version.clone(),
                entry.subresource.clone(),
            )
        });
        let list: Vec<_> = entries.into_iter().map(Entry::to_json).collect();
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

    /// What all own together.
    pub fn all(&self) -> Fields {
        let mut all = Fields::default();
        for entry in &self.0 {
            all.add(&entry.fields);
        }
        all
    }

    /// What others than this applier own of a set, by the name that conflict messages give them.
    pub fn held_by_others(&self, manager: &Manager, set: &Fields) -> Vec<(String, Fields)> {
        let mut found: Vec<_> = self
            .0
            .iter()
            .filter(|entry| !entry.is_apply_of(manager))
            .map(|entry| (entry.key(), entry.title(), entry.fields.common(set)))
            .filter(|(_, _, fields)| !fields.is_empty())
            .collect();
        found.sort_by(|one, two| one.0.cmp(&two.0));
        found
            .into_iter()
            .map(|(_, title, fields)| (title, fields))
            .collect()
    }

    /// Takes fields away from everybody but this applier.
    pub fn take(&mut self, manager: &Manager, set: &Fields) {
        for entry in &mut self.0 {
            if !entry.is_apply_of(manager) {
                entry.fields.subtract(set);
            }
        }
        self.0.retain(|entry| !entry.fields.is_empty());
    }

    /// Records what this manager applies.
    pub fn set_applied(&mut self, manager: &Manager, fields: Fields) {
        let known = self.0.iter_mut().find(|entry| entry.is_apply_of(manager));
        match known {
            Some(entry) => {
                entry.fields = fields;
                entry.api_version.clone_from(&manager.api_version);
            }
            None => self.0.push(Entry::new(manager, true, fields)),
        }
    }

    /// Ends an apply: identity belongs to nobody, and a change has its time.
    pub fn end_apply(&mut self, manager: &Manager, changed: bool) {
        for entry in self.0.iter_mut().filter(|entry| entry.is_apply_of(manager)) {
            entry.fields.subtract(&bookkeeping());
            if changed {
                entry.time = stamp(manager.now);
            }
        }
        self.0.retain(|entry| !entry.fields.is_empty());
    }

    /// Records a write that was not an apply: what it changed is now this manager's.
    pub fn updated(&mut self, change: Change<'_>, manager: &Manager) {
        let found = change.comparison();
        let mut mine = found.modified;
        mine.add(&found.added);
        for entry in &mut self.0 {
            entry.fields.subtract(&mine);
            entry.fields.subtract(&found.removed);
        }
        self.0.retain(|entry| !entry.fields.is_empty());
        mine.subtract(&bookkeeping());
        if mine.is_empty() {
            return;
        }
        let known = self.0.iter_mut().find(|entry| {
            !entry.applies
                && entry.manager == manager.name
                && entry.api_version == manager.api_version
                && entry.subresource == manager.subresource
        });
        if let Some(entry) = known {
            entry.fields.add(&mine);
            entry.time = stamp(manager.now);
        } else {
            let mut entry = Entry::new(manager, false, mine);
            entry.time = stamp(manager.now);
            self.0.push(entry);
        }
        self.join_oldest();
    }

    /// Records that a scale was set: whoever owned the number loses it. It is nobody's when nobody owned it before,
    /// and has no time of its own, for the scale is another object.
    pub fn scaled(&mut self, path: &Fields, manager: &Manager, none: bool) {
        if self
            .0
            .iter()
            .all(|entry| entry.fields.common(path).is_empty())
        {
            return;
        }
        let same = |entry: &Entry| {
            !entry.applies
                && entry.manager == manager.name
                && entry.api_version == manager.api_version
                && entry.subresource == manager.subresource
        };
        for entry in self.0.iter_mut().filter(|entry| none || !same(entry)) {
            entry.fields.subtract(path);
        }
        self.0.retain(|entry| !entry.fields.is_empty());
        // A scale of nothing says nothing.
        if !none && !self.0.iter().any(same) {
            self.0.push(Entry::new(manager, false, path.clone()));
        }
    }

    /// Joins the oldest updaters of a version when there are too many.
    fn join_oldest(&mut self) {
        let mut updaters: Vec<Entry> = Vec::new();
        let (rest, these): (Vec<_>, Vec<_>) = self.0.drain(..).partition(|entry| entry.applies);
        updaters.extend(these);
        updaters.sort_by_key(|entry| (entry.time.clone(), entry.key()));
        let mut at = 1;
        while updaters.len() > MOST_UPDATERS && at < updaters.len() {
            let version = updaters.get(at).map(|entry| entry.api_version.clone());
            let first = updaters
                .iter()
                .take(at)
                .position(|entry| Some(&entry.api_version) == version.as_ref());
            let Some(first) = first else {
                at += 1;
                continue;
            };
            let joined = updaters.remove(at);
            if let Some(bucket) = updaters.get_mut(first) {
                ANCIENT.clone_into(&mut bucket.manager);
                bucket.subresource.clear();
                bucket.fields.add(&joined.fields);
                bucket.time = joined.time;
            }
        }
        self.0 = rest;
        self.0.extend(updaters);
    }
}

impl Entry {
    fn new(manager: &Manager, applies: bool, fields: Fields) -> Self {
        Self {
            manager: manager.name.clone(),
            applies,
            api_version: manager.api_version.clone(),
            subresource: manager.subresource.clone(),
            time: String::new(),
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
                .map(|fields| Fields::from_json(&packed::fields_of(fields)))
                .unwrap_or_default(),
        }
    }

    fn to_json(&self) -> Value {
        let mut value = json!({
            "manager": self.manager,
            "operation": if self.applies { "Apply" } else { "Update" },
            "apiVersion": self.api_version,
        });
        let Some(map) = value.as_object_mut() else {
            return value;
        };
        if !self.time.is_empty() {
            map.insert("time".into(), self.time.as_str().into());
        }
        map.insert("fieldsType".into(), "FieldsV1".into());
        map.insert("fieldsV1".into(), self.fields.to_json());
        if !self.subresource.is_empty() {
            map.insert("subresource".into(), self.subresource.as_str().into());
        }
        value
    }

    fn is_apply_of(&self, manager: &Manager) -> bool {
        self.applies && self.manager == manager.name && self.subresource == manager.subresource
    }

    /// By this text messages order the managers.
    fn key(&self) -> String {
        let (operation, version) = if self.applies {
            ("Apply", "")
        } else {
            ("Update", self.api_version.as_str())
        };
        let said = [
            ("manager", self.manager.as_str()),
            ("operation", operation),
            ("apiVersion", version),
            ("subresource", self.subresource.as_str()),
        ];
        let parts: Vec<String> = said
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| format!("\"{name}\":\"{text}\""))
            .collect();
        format!("{{{}}}", parts.join(","))
    }

    fn title(&self) -> String {
        let through = match self.subresource.as_str() {
            "" => String::new(),
            name => format!(" with subresource \"{name}\""),
        };
        if self.applies {
            return format!("\"{}\"{through}", self.manager);
        }
        format!("\"{}\"{through} using {}", self.manager, self.api_version)
    }
}
