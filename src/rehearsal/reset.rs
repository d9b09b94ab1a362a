//! What each way of writing changes: a status only the status, an object everything but the status. Pure.

use serde_json::Value;

use super::{fields::Fields, kinds::Kind};

/// The fields that a write through this subresource leaves as they are.
pub fn fields(kind: &Kind, subresource: &str) -> Fields {
    let mut fields = Fields::default();
    let mut leave = |path: &[&str]| fields.add(&Fields::path(path));
    match subresource {
        "" if kind.has("status") => leave(&["f:status"]),
        "finalize" => leave(&["f:status"]),
        "status" => {
            leave(&["f:spec"]);
            match kind.key.as_str() {
                _ if kind.custom.is_some() => leave(&["f:metadata"]),
                "Deployment.apps" => leave(&["f:metadata", "f:labels"]),
                "Pod" => {
                    leave(&["f:metadata", "f:deletionTimestamp"]);
                    leave(&["f:metadata", "f:ownerReferences"]);
                }
                _ => {}
            }
        }
        _ => {}
    }
    fields
}

/// What of a new value counts, as the subresource allows.
pub fn confined(kind: &Kind, subresource: &str, old: &Value, mut value: Value) -> Value {
    match subresource {
        "status" if kind.custom.is_some() => {
            let mut kept = old.clone();
            copy(&mut kept, &value, "status");
            for field in ["managedFields", "resourceVersion", "uid"] {
                copy_meta(&mut kept, &value, field);
            }
            kept
        }
        "status" => {
            for (name, _) in old.as_object().into_iter().flatten() {
                if !matches!(name.as_str(), "metadata" | "status") {
                    copy(&mut value, old, name);
                }
            }
            if let Some(map) = value.as_object_mut() {
                map.retain(|name, _| {
                    matches!(name.as_str(), "metadata" | "status") || old.get(name).is_some()
                });
            }
            match kind.key.as_str() {
                "Deployment.apps" => copy_meta(&mut value, old, "labels"),
                "Pod" => copy_meta(&mut value, old, "ownerReferences"),
                _ => {}
            }
            value
        }
        "finalize" => {
            copy(&mut value, old, "status");
            value
        }
        _ if kind.has("status") => {
            copy(&mut value, old, "status");
            value
        }
        _ => value,
    }
}

/// Makes a field of one value what it is in the other.
fn copy(into: &mut Value, from: &Value, field: &str) {
    let Some(map) = into.as_object_mut() else {
        return;
    };
    match from.get(field) {
        Some(part) => {
            map.insert(field.to_owned(), part.clone());
        }
        None => {
            map.shift_remove(field);
        }
    }
}

fn copy_meta(into: &mut Value, from: &Value, field: &str) {
    if let (Some(into), Some(from)) = (into.get_mut("metadata"), from.get("metadata")) {
        copy(into, from, field);
    }
}
