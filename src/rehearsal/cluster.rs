//! The practice cluster as one value: its store and what it serves; every request is a function of it. Pure.

mod create;
mod delete;
mod patch;
mod read;
mod special;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    admit,
    answer::{Answer, Failure, Invalid},
    call::{Call, Method, Place},
    kinds::{DEFINITION, Kind, Registry},
    managed::{Entries, Manager},
    schema::Node,
    store::Store,
    validate, weight,
    world::text_at,
};

/// The store and the kinds it serves.
#[derive(Debug, Default)]
pub struct Cluster {
    /// The objects.
    pub store: Store,
    /// The kinds.
    pub registry: Arc<Registry>,
    /// The revision up to which definitions are served.
    known: u64,
}

/// The parts of a write that stay the same from its check to its end.
struct Writing<'a> {
    kind: &'a Kind,
    call: &'a Call,
    now: Timestamp,
    warnings: Vec<String>,
}

impl Cluster {
    /// Begins with what a store holds.
    pub fn new(store: Store) -> Self {
        let registry = Arc::new(Registry::of(&store));
        let known = store.revision();
        Self {
            store,
            registry,
            known,
        }
    }

    /// Serves what definitions have come to say since the last look.
    pub fn catch_up(&mut self) {
        let news = self
            .store
            .changes_after(self.known)
            .is_none_or(|mut changes| changes.any(|change| &*change.kind == DEFINITION));
        if news {
            self.registry = Arc::new(Registry::of(&self.store));
        }
        self.known = self.store.revision();
    }

    /// Answers a request to a resource; watches are not requests of this kind.
    ///
    /// # Errors
    /// The refusal as the client reads it.
    pub fn perform(&mut self, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
        let place = &call.place;
        let kind = self
            .registry
            .find(&place.group, &place.version, &place.plural)
            .ok_or_else(Failure::no_such_path)?;
        let kind = Arc::clone(kind);
        if !kind.can("list") {
            return special::review(&kind, call);
        }
        if kind.namespaced && place.namespace.is_empty() && !place.name.is_empty() {
            return Err(Failure::no_such_path());
        }
        let answer = match (
            call.method,
            place.name.is_empty(),
            place.subresource.as_str(),
        ) {
            (Method::Get, true, _) => self.list(&kind, call),
            (Method::Get, false, "" | "status") => self
                .stored(&kind, call)
                .map(|object| Answer::ok(Arc::clone(object))),
            (Method::Post, true, _) => self.create(&kind, call, now),
            (Method::Put, false, "" | "status" | "finalize") => self.put(&kind, call, now),
            (Method::Patch, false, "" | "status") => self.patch(&kind, call, now),
            (Method::Delete, false, "") => self.delete(&kind, call, now),
            (Method::Delete, true, _) => self.delete_all(&kind, call, now),
            (_, false, "scale") => self.scale(&kind, call, now),
            (_, false, _) => self.special(&kind, call, now),
            _ => Err(Failure::not_allowed()),
        }?;
        self.catch_up();
        Ok(speaking(answer, &kind))
    }

    /// The kind that a place names.
    pub fn kind(&self, place: &Place) -> Option<Arc<Kind>> {
        let found = self
            .registry
            .find(&place.group, &place.version, &place.plural);
        found.map(Arc::clone)
    }

    fn stored(&self, kind: &Kind, call: &Call) -> Result<&Arc<Value>, Failure> {
        let place = &call.place;
        self.store
            .get(&kind.key, &place.namespace, &place.name)
            .ok_or_else(|| Failure::missing(kind, &place.name))
    }

    /// Checks, completes and keeps a value that follows `old`.
    fn keep(
        &mut self,
        writing: Writing<'_>,
        old: Option<&Value>,
        mut value: Value,
    ) -> Result<Answer, Failure> {
        let Writing {
            kind, call, now, ..
        } = writing;
        weight::check(&value)?;
        let name = text_at(&value, "/metadata/name").unwrap_or("").to_owned();
        value["apiVersion"] = kind.stored_version().into();
        value["kind"] = kind.kind.as_str().into();
        if let Some(schema) = &kind.schema {
            let node = Node::new(schema);
            let wrong = validate::check(&value, node);
            refuse(kind, &name, &wrong)?;
            validate::fill(&mut value, node);
        }
        admit::admit(&self.store, kind, old, &mut value, now)?;
        drop_empty_metadata(&mut value);
        let mut aside;
        let store = if call.dry() {
            aside = self.store.aside(old);
            &mut aside
        } else {
            &mut self.store
        };
        let kept = match old {
            Some(_) => store.replace(value, now),
            None => store.create(value, now),
        };
        let object = kept.map_err(|refused| Failure::refused(refused, kind, &name))?;
        Ok(Answer::Object {
            code: if old.is_some() { 200 } else { 201 },
            object,
            warnings: writing.warnings,
        })
    }

    /// Records in `value` that the caller changed it by a write that was not an apply.
    fn sign(kind: &Kind, call: &Call, old: Option<&Value>, value: &mut Value, now: Timestamp) {
        let manager = manager(kind, call, now);
        let schema = kind.schema.as_deref();
        let mut entries = Entries::of(old.unwrap_or(&Value::Null));
        entries.updated(old, value, schema.map(Node::new), &manager);
        entries.write(value);
    }
}

fn manager(kind: &Kind, call: &Call, now: Timestamp) -> Manager {
    Manager {
        name: call.manager(),
        api_version: kind.api_version(),
        subresource: call.place.subresource.clone(),
        now,
    }
}

/// Built-in kinds are decoded by type and so refuse wrong types as unreadable; definitions explain.
fn refuse(kind: &Kind, name: &str, wrong: &[Invalid]) -> Result<(), Failure> {
    let Some(first) = wrong.first() else {
        return Ok(());
    };
    if kind.custom.is_none() && first.message.contains("must be of type") {
        let what = format!(
            "{} in version \"{}\" cannot be handled as a {}: {}: {}",
            kind.kind, kind.version, kind.kind, first.field, first.message
        );
        return Err(Failure::bad_request(what));
    }
    Err(Failure::invalid(kind, name, wrong))
}

/// Prunes what the schema does not know; with `fieldValidation=Strict` that is refused.
fn prune(kind: &Kind, call: &Call, value: &mut Value) -> Result<Vec<String>, Failure> {
    let Some(schema) = &kind.schema else {
        return Ok(Vec::new());
    };
    let unknown = validate::prune(value, Node::new(schema));
    let words: Vec<_> = unknown
        .iter()
        .map(|field| format!("unknown field \"{field}\""))
        .collect();
    match call.query.text("fieldValidation") {
        "Strict" if !words.is_empty() => {
            let what = format!(
                "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
                kind.kind,
                kind.version,
                kind.kind,
                words.join(", ")
            );
            Err(Failure::bad_request(what))
        }
        "Ignore" | "Strict" => Ok(Vec::new()),
        _ => Ok(words),
    }
}

/// Checks that the body names what the path names, and fills in what only the path says.
fn align(kind: &Kind, call: &Call, value: &mut Value) -> Result<(), Failure> {
    let place = &call.place;
    if !value.is_object() {
        return Err(Failure::bad_request("the body is not an object"));
    }
    let said = (
        text_at(value, "/apiVersion").unwrap_or("").to_owned(),
        text_at(value, "/kind").unwrap_or("").to_owned(),
    );
    let (api_version, name) = (kind.api_version(), kind.kind.clone());
    if (!said.0.is_empty() && said.0 != api_version) || (!said.1.is_empty() && said.1 != name) {
        let what = format!(
            "the API version in the data ({}, Kind={}) does not match the expected API version ({api_version}, Kind={name})",
            said.0, said.1
        );
        return Err(Failure::bad_request(what));
    }
    value["apiVersion"] = api_version.into();
    value["kind"] = name.into();
    if !value.get("metadata").is_some_and(Value::is_object) {
        value["metadata"] = json!({});
    }
    let meta = &mut value["metadata"];
    if kind.namespaced {
        let said = meta.get("namespace").and_then(Value::as_str).unwrap_or("");
        if !said.is_empty() && said != place.namespace {
            let what = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Failure::bad_request(what));
        }
        meta["namespace"] = place.namespace.as_str().into();
    } else if let Some(meta) = meta.as_object_mut() {
        meta.shift_remove("namespace");
    }
    let said = meta.get("name").and_then(Value::as_str).unwrap_or("");
    if !place.name.is_empty() {
        if !said.is_empty() && said != place.name {
            let what = format!(
                "the name of the object ({said}) does not match the name on the URL ({})",
                place.name
            );
            return Err(Failure::bad_request(what));
        }
        meta["name"] = place.name.as_str().into();
    }
    Ok(())
}

/// A real server keeps no empty maps and lists of metadata.
fn drop_empty_metadata(value: &mut Value) {
    let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    meta.retain(|_, item| match item {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.is_empty(),
        other => !other.is_null(),
    });
}

/// Answers in the version that was asked for.
fn speaking(answer: Answer, kind: &Kind) -> Answer {
    if kind.version == kind.stored {
        return answer;
    }
    let turn = |object: Arc<Value>| {
        let mut value = (*object).clone();
        value["apiVersion"] = kind.api_version().into();
        Arc::new(value)
    };
    match answer {
        Answer::Object {
            code,
            object,
            warnings,
        } => Answer::Object {
            code,
            object: turn(object),
            warnings,
        },
        Answer::List(mut list) => {
            list.items = list.items.into_iter().map(turn).collect();
            Answer::List(list)
        }
        other => other,
    }
}
