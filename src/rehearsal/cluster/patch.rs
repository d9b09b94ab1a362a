//! PATCH: server-side apply and the three older kinds of patch. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Came, Cluster, Writing, align, complete, create::unborn, decode, manager, prune};
use crate::rehearsal::{
    admit,
    answer::{Answer, Failure, Invalid},
    apply::{self, Conflict, Reading},
    body,
    call::Call,
    form, gotalk,
    kinds::Kind,
    merge::{self, MOST_OPERATIONS, Unmergeable},
    options,
    packed::{self, unpack},
    reset,
    schema::Node,
    store::same_body,
    typed,
    world::text_at,
};

impl Cluster {
    pub(super) fn patch(
        &mut self,
        kind: &Kind,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        body::check(kind, call)?;
        if options::applies(call) {
            return self.apply(kind, call, now);
        }
        let old = Arc::clone(self.stored(kind, call)?);
        let schema = kind.schema.as_deref();
        let strategic = call.content.starts_with("application/strategic");
        let changed = || {
            let mut value = (*old).clone();
            value["apiVersion"] = kind.api_version().into();
            if strategic {
                merge::strategic(&mut value, &call.body, schema.map(Node::new))
                    .map_err(|why| unmergeable(&why, &call.body))?;
            } else if call.content.starts_with("application/merge") {
                merged(&mut value, &call.body)?;
            } else {
                value = unpack(value);
                patched(&mut value, &call.body)?;
            }
            Ok::<_, Failure>(value)
        };
        let mut value = changed()?;
        // What the patch leaves as it was has been read before.
        let body = same_body(&old, &value).then(|| set_aside(&mut value));
        let warnings = decode(kind, call, &mut value, Came::Patched("")).or_else(|_refusal| {
            // Refusals show what was patched, and only they: it is put together once more.
            let mut value = changed()?;
            let shown = if strategic {
                gotalk::shown(&call.body)
            } else {
                packed::text(&value)
            };
            decode(kind, call, &mut value, Came::Patched(&shown))
        })?;
        if let Some(body) = body {
            put_back(&old, &mut value, body);
            // What a server adds to the metadata hangs on the body only here: labels of a job on those of its template.
            if kind.key == "Job.batch" {
                admit::complete(kind, &mut value);
            }
        }
        let uid = |value: &Value| value.pointer("/metadata/uid").cloned();
        if let Some(said) = uid(&value).filter(|said| Some(said) != uid(&old).as_ref()) {
            let wrong = Invalid::value("metadata.uid", &said, "field is immutable");
            return Err(Failure::invalid(
                kind,
                &call.place.name,
                &[wrong.clone(), wrong],
            ));
        }
        self.update(kind, call, (&old, value), (now, warnings))
    }

    fn apply(&mut self, kind: &Kind, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
        let mut wish = call.body.clone();
        let said = |pointer| text_at(&wish, pointer).unwrap_or("");
        let (version, name) = (said("/apiVersion"), said("/kind"));
        if (version, name) != (kind.api_version().as_str(), kind.kind.as_str()) {
            let (group, number) = version.split_once('/').unwrap_or(("", version));
            let what = format!("invalid object type: {group}/{number}, Kind={name}");
            return Err(Failure::bad_request(what));
        }
        let space = said("/metadata/namespace").to_owned();
        align(kind, call, &mut wish, Came::Whole)?;
        if wish.pointer("/metadata/managedFields").is_some() {
            let why = "metadata.managedFields must be nil";
            return Err(Failure::bad_request(why));
        }
        let schema = kind.schema.clone();
        let node = schema.as_deref().map(Node::new);
        if let Some(place) = node.and_then(|node| typed::undeclared(&wish, node)) {
            return Err(not_declared(kind, (&space, &call.place.name), &place));
        }
        let warnings = prune(kind, call, &mut wish.clone())
            .map_err(|why| Failure::bad_request(format!("error decoding YAML: {why}")))?;
        let who = manager(kind, call, now);
        let writing = Writing {
            kind,
            call,
            now,
            warnings,
        };
        let place = &call.place;
        let (nothing, reset) = (form::nothing(kind), reset::fields(kind, &place.subresource));
        let reading = Reading {
            node,
            reset: &reset,
            nothing: &nothing,
        };
        let old = self.store.get(&kind.key, &place.namespace, &place.name);
        let Some(old) = old.cloned() else {
            if !place.subresource.is_empty() {
                return Err(Failure::missing(kind, &place.name));
            }
            if let Some(uid) = text_at(&wish, "/metadata/uid") {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                return Err(Failure::unfulfilled(kind, &place.name, &why));
            }
            let mut value = apply::create(&wish, reading, &who);
            complete(kind, &mut value, Came::Whole)?;
            unborn(kind, &mut value);
            return self.keep(writing, None, value);
        };
        let force = call.query.on("force");
        let mut merged = apply::apply(&old, &wish, reading, &who, force)
            .map_err(|conflicts| refusal(&conflicts))?;
        complete(kind, &mut merged, Came::Whole)?;
        let merged = reset::confined(kind, &place.subresource, &old, merged);
        self.keep(writing, Some(&old), merged)
    }
}

/// Takes everything but the kind and the metadata out of an object.
fn set_aside(value: &mut Value) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(map) = value.as_object_mut() {
        let head = |name: &str| matches!(name, "apiVersion" | "kind" | "metadata");
        for (name, item) in std::mem::take(map) {
            let side = if head(&name) { &mut *map } else { &mut body };
            side.insert(name, item);
        }
    }
    body
}

/// Puts it back, in the order of the stored object.
fn put_back(old: &Value, value: &mut Value, mut body: Map<String, Value>) {
    if let (Some(old), Some(map)) = (old.as_object(), value.as_object_mut()) {
        let mut head = std::mem::take(map);
        for name in old.keys() {
            let item = body.get_mut(name).or_else(|| head.get_mut(name));
            map.extend(item.map(|item| (name.clone(), item.take())));
        }
    }
}

/// Refuses a JSON patch of too many operations, as a real server does.
fn limited(operations: &Value) -> Result<(), Failure> {
    let count = operations.as_array().map_or(0, Vec::len);
    if count <= MOST_OPERATIONS {
        return Ok(());
    }
    let why =
        format!("The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {count}");
    Err(Failure::new(413, "RequestEntityTooLarge", why))
}

fn not_declared(kind: &Kind, (namespace, name): (&str, &str), place: &str) -> Failure {
    let what = format!(
        "failed to create typed patch object ({namespace}/{name}; {}/{}, Kind={}): {place}: field not declared in schema",
        kind.group, kind.version, kind.kind
    );
    Failure::unexplained(what)
}

fn unmergeable(why: &Unmergeable, patch: &Value) -> Failure {
    match why {
        Unmergeable::NoKey { item, key } => Failure::unexplained(format!(
            "map: {} does not contain declared merge key: {key}",
            gotalk::shown(item)
        )),
        Unmergeable::NoList => {
            Failure::invalid_patch(&gotalk::shown(patch), "cannot restore slice from map")
        }
        Unmergeable::Directive(word) => Failure::unexplained(format!(
            "unknown patch type: {word} in map: map[$patch:{word}]"
        )),
    }
}

fn merged(value: &mut Value, patch: &Value) -> Result<(), Failure> {
    if !patch.is_object() {
        let word = gotalk::word(patch);
        let why = format!(
            "error decoding patch: json: cannot unmarshal {word} into Go value of type map[string]interface {{}}"
        );
        return Err(Failure::bad_request(why));
    }
    merge::json_merge(value, patch);
    Ok(())
}

fn patched(value: &mut Value, patch: &Value) -> Result<(), Failure> {
    if !patch.is_array() {
        let word = gotalk::word(patch);
        let why = format!(
            "error decoding patch: json: cannot unmarshal {word} into Go value of type []handlers.jsonPatchOp"
        );
        return Err(Failure::bad_request(why));
    }
    limited(patch)?;
    // Which of the operations could not be done is not told.
    let words = "the server rejected our request due to an error in our request";
    merge::json_patch(value, patch).map_err(|_why| Failure::bare(422, "Invalid", words))
}

fn refusal(conflicts: &[Conflict]) -> Failure {
    let words = match conflicts {
        [one] => format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            one.manager, one.field
        ),
        many => {
            let mut managers: Vec<_> = many.iter().map(|c| c.manager.as_str()).collect();
            managers.dedup();
            let lines = managers.iter().map(|manager| {
                let own = many.iter().filter(|c| c.manager == **manager);
                let fields: Vec<_> = own.map(|c| format!("- {}", c.field)).collect();
                format!("conflicts with {manager}:\n{}", fields.join("\n"))
            });
            let lines: Vec<_> = lines.collect();
            let count = many.len();
            format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
        }
    };
    let causes: Vec<_> = conflicts
        .iter()
        .map(|conflict| {
            json!({"reason": "FieldManagerConflict", "field": conflict.field,
                "message": format!("conflict with {}", conflict.manager)})
        })
        .collect();
    let mut failure = Failure::new(409, "Conflict", words);
    failure.details = json!({ "causes": causes });
    failure
}
