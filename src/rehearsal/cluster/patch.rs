//! PATCH: server-side apply and the three older kinds of patch. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Cluster, Writing, align, create::confined, manager, prune};
use crate::rehearsal::{
    answer::{Answer, Failure},
    apply::{self, Conflict, drop_nulls},
    call::Call,
    kinds::Kind,
    merge::{self, MOST_OPERATIONS},
    schema::Node,
    world::text_at,
};

impl Cluster {
    pub(super) fn patch(
        &mut self,
        kind: &Kind,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let media = call.content.split(';').next().unwrap_or("").trim();
        if matches!(
            media,
            "application/apply-patch+yaml" | "application/apply-patch+json"
        ) {
            return self.apply(kind, call, now);
        }
        let old = Arc::clone(self.stored(kind, call)?);
        let schema = kind.schema.as_deref();
        let mut value = (*old).clone();
        value["apiVersion"] = kind.api_version().into();
        match media {
            "application/merge-patch+json" => merge::json_merge(&mut value, &call.body),
            "application/json-patch+json" => {
                limited(&call.body)?;
                merge::json_patch(&mut value, &call.body)
                    .map_err(|why| Failure::new(422, "Invalid", why))?;
            }
            "application/strategic-merge-patch+json" if kind.custom.is_none() => {
                merge::strategic(&mut value, &call.body, schema.map(Node::new));
            }
            other => return Err(unsupported(other)),
        }
        align(kind, call, &mut value)?;
        let warnings = prune(kind, call, &mut value)?;
        drop_nulls(&mut value);
        self.update(kind, call, (&old, value), (now, warnings))
    }

    fn apply(&mut self, kind: &Kind, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
        if call.query.text("fieldManager").is_empty() {
            let why = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: \
                       is required for apply patch";
            return Err(Failure::new(422, "Invalid", why));
        }
        let mut wish = call.body.clone();
        for field in ["apiVersion", "kind"] {
            if text_at(&wish, &format!("/{field}")).is_none() {
                return Err(Failure::bad_request(format!("{field} must be set")));
            }
        }
        align(kind, call, &mut wish)?;
        let warnings = prune(kind, call, &mut wish)?;
        drop_nulls(&mut wish);
        if wish.pointer("/metadata/managedFields").is_some() {
            let why = "metadata.managedFields must be nil";
            return Err(Failure::bad_request(why));
        }
        confine_wish(kind, call, &mut wish);
        let schema = kind.schema.clone();
        let node = schema.as_deref().map(Node::new);
        let who = manager(kind, call, now);
        let writing = Writing {
            kind,
            call,
            now,
            warnings,
        };
        let place = &call.place;
        let old = self.store.get(&kind.key, &place.namespace, &place.name);
        let Some(old) = old.cloned() else {
            if !place.subresource.is_empty() {
                return Err(Failure::missing(kind, &place.name));
            }
            if wish.pointer("/metadata/uid").is_some() {
                return Err(Failure::conflict(kind, &place.name));
            }
            let value = apply::create(&wish, node, &who);
            return self.keep(writing, None, value);
        };
        let force = call.query.on("force");
        let merged = apply::apply(&old, &wish, node, &who, force)
            .map_err(|conflicts| refusal(&conflicts))?;
        self.keep(writing, Some(&old), confined(kind, call, &old, merged))
    }
}

/// A status apply speaks of the status only, any other of everything else.
fn confine_wish(kind: &Kind, call: &Call, wish: &mut Value) {
    let Some(map) = wish.as_object_mut() else {
        return;
    };
    if call.place.subresource == "status" {
        map.retain(|name, _| {
            matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status")
        });
        if let Some(meta) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.retain(|name, _| {
                matches!(name.as_str(), "name" | "namespace" | "resourceVersion")
            });
        }
    } else if kind.has("status") {
        map.shift_remove("status");
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

fn unsupported(media: &str) -> Failure {
    let why = format!(
        "the body of the request was in an unknown format ({media}) - accepted media types include: \
         application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    );
    Failure::new(415, "UnsupportedMediaType", why)
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
