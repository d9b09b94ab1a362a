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
    admit::{self, Wish},
    answer::{Answer, Failure, Invalid},
    apply::drop_nulls,
    call::{Call, Method, Place},
    control::{machines, measured},
    form, gotalk,
    kinds::{DEFINITION, Kind, Registry},
    managed::{Change, Entries, Manager},
    meta_check, options,
    packed::unpack,
    reset,
    schema::{self, Node},
    store::{self, Refused, Store},
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
        if place.group == measured::METRICS {
            return self.measured(call, now);
        }
        let kind = self
            .registry
            .find(&place.group, &place.version, &place.plural)
            .ok_or_else(Failure::no_such_path)?;
        let kind = Arc::clone(kind);
        if !kind.can("list") {
            return special::review(&kind, call, now);
        }
        let within = kind.namespaced && !place.namespace.is_empty();
        if kind.namespaced && !within && !place.name.is_empty() {
            return Err(Failure::no_such_path());
        }
        let subresource = place.subresource.as_str();
        if !subresource.is_empty() && !kind.has(subresource) {
            return Err(Failure::no_such_path());
        }
        options::check(call)?;
        let answer = match (call.method, place.name.is_empty(), subresource) {
            (Method::Get, true, _) => self.list(&kind, call),
            (Method::Get, false, "" | "status") => {
                self.stored(&kind, call).map(|object| match &*kind.key {
                    "Node" => Answer::ok(machines::reported(object, now)),
                    _ => Answer::ok(Arc::clone(object)),
                })
            }
            (Method::Post, true, _) if within || !kind.namespaced => self.create(&kind, call, now),
            (Method::Put, false, "" | "status" | "finalize") => self.put(&kind, call, now),
            (Method::Patch, false, "" | "status") => self.patch(&kind, call, now),
            (Method::Delete, false, "") => self.delete(&kind, call, now),
            (Method::Delete, true, _)
                if kind.can("deletecollection") && (within || !kind.namespaced) =>
            {
                self.delete_all(&kind, call, now)
            }
            (_, false, "scale") => self.scale(&kind, call, now),
            (_, false, special) if !matches!(special, "" | "status") => {
                self.special(&kind, call, now)
            }
            _ => Err(Failure::not_allowed()),
        }?;
        self.catch_up();
        Ok(speaking(answer, &kind))
    }

    /// What is measured of pods or nodes; they are chosen by what the pods and nodes themselves are chosen by.
    fn measured(&self, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
        let kind = self.registry.find("", "v1", &call.place.plural);
        let kind = kind.ok_or_else(Failure::no_such_path)?;
        let selector = call.query.selector(kind)?;
        measured::answer(&self.store, (call, &selector), now)
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
        let wish = Wish { old, now };
        admit::admit(&self.store, kind, wish, &mut value)?;
        let same = old.is_some_and(|old| store::same_body(old, &value));
        if same {
            form::shape_metadata(&mut value);
        } else {
            form::shape(kind, &mut value);
        }
        drop_empty_metadata(&mut value);
        let mut wrong = wrong(kind, old, &value, same);
        if kind.custom.is_some() && call.place.subresource == "status" {
            // A status is looked at by itself, and spoken of so.
            for cause in &mut wrong {
                cause.message = cause.message.replace("status.", "");
            }
        }
        refuse(kind, &name, &wrong)?;
        if let Some(old) = old {
            keep_times(old, &mut value);
        }
        let mut warnings = writing.warnings;
        warnings.extend(admit::warnings(kind, &call.place.subresource, &value));
        let mut aside;
        let store = if call.dry() {
            let there = self.store.get(&kind.key, &call.place.namespace, &name);
            aside = self.store.aside(there.map(AsRef::as_ref));
            &mut aside
        } else {
            &mut self.store
        };
        let kept = match old {
            Some(_) => store.replace(value, now),
            None => store.create(value, now),
        };
        let object = kept.map_err(|refused| self.refusal(refused, kind, (old, &name), call))?;
        let object = if call.dry() {
            unkept(old, &object)
        } else {
            object
        };
        Ok(Answer::Object {
            code: if old.is_some() { 200 } else { 201 },
            object,
            warnings,
        })
    }

    /// What a refusal of the store means for the caller.
    fn refusal(
        &self,
        refused: Refused,
        kind: &Kind,
        (old, name): (Option<&Value>, &str),
        call: &Call,
    ) -> Failure {
        let there = self.store.get(&kind.key, &call.place.namespace, name);
        let leaves = there.is_some_and(|old| text_at(old, "/metadata/deletionTimestamp").is_some());
        let mut failure = Failure::refused(refused, kind, name);
        if refused == Refused::Exists && leaves {
            failure.message = format!("object is being deleted: {}", failure.message);
        }
        let wanted = text_at(&call.body, "/metadata/uid").unwrap_or("");
        let known = old
            .and_then(|old| text_at(old, "/metadata/uid"))
            .unwrap_or("");
        if refused == Refused::Conflict && !wanted.is_empty() && wanted != known {
            let place = [&call.place.namespace, name].join("/");
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}/{place}, ResourceVersion: 0, \
                 AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {known}",
                kind.plural
            );
            return Failure::unfulfilled(kind, name, &why);
        }
        failure
    }

    /// Records in `value` that the caller changed it by a write that was not an apply.
    ///
    /// What it says of its managers itself counts, so that a client may forget them.
    fn sign(kind: &Kind, call: &Call, old: Option<&Value>, value: &mut Value, now: Timestamp) {
        let said = value.pointer("/metadata/managedFields").cloned();
        let through = !call.place.subresource.is_empty();
        let forgets = said
            .as_ref()
            .and_then(Value::as_array)
            .is_some_and(|list| list.is_empty() || *list == [json!({})]);
        let mut entries = Entries::of(value);
        if through || (entries.is_empty() && !forgets) {
            entries = Entries::of(old.unwrap_or(&Value::Null));
        } else if forgets {
            entries = Entries::default();
        }
        if old.is_some() && entries.is_empty() {
            // Nobody is known to own anything, and nobody will until the first apply.
            entries.write(value);
            return;
        }
        let nothing = form::nothing(kind);
        let reset = reset::fields(kind, &call.place.subresource);
        let schema = kind.schema.as_deref();
        let change = Change {
            old: old.unwrap_or(&nothing),
            new: value,
            node: schema.map(Node::new),
            reset: &reset,
        };
        entries.updated(change, &manager(kind, call, now));
        entries.write(value);
    }
}

/// What a dry run gives back: nothing was kept, so there is no new revision.
fn unkept(old: Option<&Value>, object: &Arc<Value>) -> Arc<Value> {
    let mut value = (**object).clone();
    let known = old.and_then(|old| old.pointer("/metadata/resourceVersion"));
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        match known {
            Some(version) => meta.insert("resourceVersion".into(), version.clone()),
            None => meta.shift_remove("resourceVersion"),
        };
    }
    Arc::new(value)
}

/// Everything that is wrong with an object; a body that is the stored one has been looked at before.
fn wrong(kind: &Kind, old: Option<&Value>, value: &Value, same: bool) -> Vec<Invalid> {
    let mut wrong = meta_check::metadata(value);
    if let Some(old) = old {
        // A server finds this twice.
        wrong.extend(meta_check::changed(old, value));
        wrong.extend(meta_check::changed(old, value));
    }
    if matches!(kind.key.as_str(), "ConfigMap" | "Secret") {
        wrong.extend(meta_check::keys(value));
    }
    if let Some(schema) = &kind.schema {
        let node = Node::new(schema);
        wrong.extend(if same {
            validate::check_metadata(value, node)
        } else {
            validate::check(value, node)
        });
    }
    wrong.extend(special::miscounted(kind, value));
    wrong
}

/// A write that changes nothing but the times of its managers changes nothing.
fn keep_times(old: &Value, value: &mut Value) {
    if store::differs(old, value) {
        return;
    }
    let timeless = |value: &Value| {
        let mut list = unpack(value.clone())
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for entry in list.iter_mut().filter_map(Value::as_object_mut) {
            entry.shift_remove("time");
        }
        list.sort_by_key(Value::to_string);
        list
    };
    let Some(list) = old.pointer("/metadata/managedFields") else {
        return;
    };
    let mut same = value.clone();
    same["metadata"]["managedFields"] = list.clone();
    if timeless(old) == timeless(value) && store::is_same(old, &same) {
        *value = same;
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

/// Refuses an object for what is wrong with it.
fn refuse(kind: &Kind, name: &str, wrong: &[Invalid]) -> Result<(), Failure> {
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(kind, name, wrong))
}

/// Prunes what the schema does not know; gives the warnings, or the words of a strict refusal.
fn prune(kind: &Kind, call: &Call, value: &mut Value) -> Result<Vec<String>, String> {
    let Some(schema) = &kind.schema else {
        return Ok(Vec::new());
    };
    let unknown = validate::prune(value, Node::new(schema));
    let twice = call.twice.iter();
    let words: Vec<_> = twice
        .map(|field| format!("duplicate field \"{field}\""))
        .chain(
            unknown
                .iter()
                .map(|field| format!("unknown field \"{field}\"")),
        )
        .collect();
    match call.query.text("fieldValidation") {
        "Strict" if !words.is_empty() => {
            Err(format!("strict decoding error: {}", words.join(", ")))
        }
        "Ignore" | "Strict" => Ok(Vec::new()),
        _ => Ok(words),
    }
}

/// 400 of a body that does not fit the type.
fn unfit(kind: &Kind, why: &str) -> Failure {
    Failure::bad_request(format!(
        "{} in version \"{}\" cannot be handled as a {}: {why}",
        kind.kind, kind.version, kind.kind
    ))
}

/// How a body came, for the words of its refusal.
#[derive(Clone, Copy, Debug)]
enum Came<'a> {
    /// Whole.
    Whole,
    /// From a patch, which messages show like this.
    Patched(&'a str),
}

impl Came<'_> {
    fn refusal(self, kind: &Kind, why: &str) -> Failure {
        match self {
            Self::Whole => unfit(kind, why),
            Self::Patched(shown) => Failure::invalid_patch(shown, why),
        }
    }
}

/// Reads a body as the kind's own type: what is unknown goes, what is missing gets its default.
fn decode(
    kind: &Kind,
    call: &Call,
    value: &mut Value,
    came: Came<'_>,
) -> Result<Vec<String>, Failure> {
    align(kind, call, value, came)?;
    let warnings = prune(kind, call, value).map_err(|why| came.refusal(kind, &why))?;
    complete(kind, value, came)?;
    Ok(warnings)
}

/// Gives a value the form and the defaults of its kind.
fn complete(kind: &Kind, value: &mut Value, came: Came<'_>) -> Result<(), Failure> {
    let node = kind.schema.as_deref().map(Node::new);
    if let (Some(_), None) = (node, &kind.custom)
        && let Some(why) = gotalk::unreadable(kind, value)
    {
        return Err(came.refusal(kind, &why));
    }
    match (node, &kind.custom) {
        (Some(node), Some(_)) => validate::drop_nulls(value, node),
        _ => drop_nulls(value),
    }
    form::shape(kind, value);
    if let Some(node) = node {
        validate::fill(value, node);
    }
    admit::complete(kind, value);
    form::shape(kind, value);
    Ok(())
}

/// Checks that the body names what the path names, and fills in what only the path says.
fn align(kind: &Kind, call: &Call, value: &mut Value, came: Came<'_>) -> Result<(), Failure> {
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
        return Err(mismatch(kind, &said, came));
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

/// The body is of another kind than the path.
fn mismatch(kind: &Kind, said: &(String, String), came: Came<'_>) -> Failure {
    let (version, name) = (kind.api_version(), &kind.kind);
    let number = said.0.rsplit('/').next().unwrap_or("");
    if kind.custom.is_some() {
        return Failure::bad_request(format!(
            "the API version in the data ({}) does not match the expected API version ({version})",
            said.0
        ));
    }
    let known = schema::type_name("", number, &said.1).is_some() && said.0 == version;
    if !known {
        let why = format!(
            "no kind \"{}\" is registered for version \"{}\" in scheme \"pkg/runtime/scheme.go:111\"",
            said.1, said.0
        );
        return match came {
            Came::Patched(shown) => Failure::invalid_patch(shown, &why),
            Came::Whole => Failure::bad_request(format!(
                "{} in version \"{number}\" cannot be handled as a {name}: {why}",
                said.1
            )),
        };
    }
    Failure::bad_request(format!(
        "{} in version \"{number}\" cannot be handled as a {name}: converting (v1.{}) to (core.{name}): unknown conversion",
        said.1, said.1
    ))
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
