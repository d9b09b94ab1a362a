//! The OpenAPI documents: what `kubectl apply`, `diff` and `explain` and helm ask before they send anything. Pure.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    kinds::{Kind, Registry},
    schema,
};

/// The media types that PATCH reads.
const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// What may be asked of a write.
const WORDS: [&str; 4] = ["dryRun", "fieldManager", "fieldValidation", "force"];

/// The answer to a path of OpenAPI; nothing when it is another path or nothing is served there.
pub(super) fn answer(registry: &Registry, path: &str) -> Option<Value> {
    let path = path.trim_matches('/');
    if path == "openapi/v2" {
        return Some(second(registry));
    }
    if path == "openapi/v3" {
        return Some(index(registry));
    }
    let rest = path.strip_prefix("openapi/v3/")?;
    let (group, version) = match rest.split('/').collect::<Vec<_>>().as_slice() {
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return None,
    };
    third(registry, group, version)
}

/// Which documents there are, each with a digest by which clients keep them.
fn index(registry: &Registry) -> Value {
    let places: BTreeSet<(&str, &str)> = registry
        .all()
        .map(|kind| (kind.group.as_str(), kind.version.as_str()))
        .collect();
    let paths: Map<String, Value> = places
        .into_iter()
        .filter_map(|(group, version)| {
            let document = third(registry, group, version)?.to_string();
            let digest = Sha256::digest(document.as_bytes());
            let digest = URL_SAFE_NO_PAD.encode(digest);
            let place = root(group, version);
            let place = place.trim_start_matches('/');
            let url = format!("/openapi/v3/{place}?hash={digest}");
            Some((place.to_owned(), json!({ "serverRelativeURL": url })))
        })
        .collect();
    json!({ "paths": paths })
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    }
}

/// The document of one group and version.
fn third(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let (mut schemas, mut paths) = (Map::new(), Map::new());
    let mut wanted = Vec::new();
    for kind in registry
        .all()
        .filter(|kind| kind.group == group && kind.version == version)
    {
        let name = describe(kind, &mut schemas, &mut wanted);
        let (path, item) = path_item(kind, &name);
        paths.insert(path, item);
    }
    if paths.is_empty() {
        return None;
    }
    while let Some(name) = wanted.pop() {
        if !schemas.contains_key(&name)
            && let Some(known) = schema::types().get(&name)
        {
            let shown = written(known, "#/components/schemas/", &mut wanted);
            schemas.insert(name, shown);
        }
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "1.36"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

/// All in one document of the older format, for clients that read it as JSON.
fn second(registry: &Registry) -> Value {
    let (mut definitions, mut wanted) = (Map::new(), Vec::new());
    for kind in registry.all() {
        describe(kind, &mut definitions, &mut wanted);
    }
    for (name, known) in schema::types() {
        if !definitions.contains_key(name) {
            definitions.insert(name.clone(), written(known, "", &mut Vec::new()));
        }
    }
    for definition in definitions.values_mut() {
        relink(definition);
    }
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.36.3"}, "paths": {},
        "definitions": definitions})
}

/// References of the newer format turned into those of the older.
fn relink(node: &mut Value) {
    match node {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref") {
                let name = target.rsplit('/').next().unwrap_or_default();
                *target = format!("#/definitions/{name}");
            }
            map.values_mut().for_each(relink);
        }
        Value::Array(list) => list.iter_mut().for_each(relink),
        _ => {}
    }
}

/// Puts the schema of a kind among the others and gives its name.
fn describe(kind: &Kind, schemas: &mut Map<String, Value>, wanted: &mut Vec<String>) -> String {
    let known = schema::type_name(&kind.group, &kind.version, &kind.kind);
    let name = known.map_or_else(|| custom_name(kind), str::to_owned);
    let source = match (known, &kind.schema) {
        (Some(name), _) => schema::types().get(name),
        (None, custom) => custom.as_deref(),
    };
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let mut shown = written(source.unwrap_or(&open), "#/components/schemas/", wanted);
    shown["x-kubernetes-group-version-kind"] = json!([mark(kind)]);
    schemas.insert(name.clone(), shown);
    name
}

fn mark(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

/// Such as `org.example.v1.Colour` for `Colour` of `example.org/v1`.
fn custom_name(kind: &Kind) -> String {
    let mut parts: Vec<&str> = kind.group.split('.').rev().collect();
    parts.extend([kind.version.as_str(), kind.kind.as_str()]);
    parts.join(".")
}

/// A schema as a document writes it: a reference that says more is wrapped.
fn written(node: &Value, place: &str, wanted: &mut Vec<String>) -> Value {
    let Some(map) = node.as_object() else {
        return node.clone();
    };
    let mut out = Map::new();
    for (key, value) in map {
        match key.as_str() {
            "properties" => {
                let inner = value.as_object().into_iter().flatten();
                let inner: Map<_, _> = inner
                    .map(|(name, node)| (name.clone(), written(node, place, wanted)))
                    .collect();
                out.insert(key.clone(), inner.into());
            }
            "items" | "additionalProperties" => {
                out.insert(key.clone(), written(value, place, wanted));
            }
            "$ref" => {
                let target = value.as_str().unwrap_or_default();
                wanted.push(target.to_owned());
                let link = json!({"$ref": format!("{place}{target}")});
                if map.len() == 1 {
                    return link;
                }
                out.insert("allOf".into(), json!([link]));
            }
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    if map
        .get("format")
        .is_some_and(|format| format == "int-or-string")
    {
        out.shift_remove("type");
        out.insert(
            "oneOf".into(),
            json!([{"type": "integer"}, {"type": "string"}]),
        );
    }
    out.into()
}

/// The path of one object, with what may be done to it.
fn path_item(kind: &Kind, name: &str) -> (String, Value) {
    let root = root(&kind.group, &kind.version);
    let space = if kind.namespaced {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    let object = json!({"$ref": format!("#/components/schemas/{name}")});
    let content = json!({"application/json": {"schema": object}});
    let operation = |action: &str, words: &[&str]| {
        let parameters: Vec<Value> = words
            .iter()
            .map(|word| json!({"name": word, "in": "query", "schema": {"type": "string"}}))
            .collect();
        json!({
            "parameters": parameters,
            "responses": {"200": {"description": "OK", "content": content}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": mark(kind),
        })
    };
    let mut item = json!({"get": operation("get", &[])});
    if kind.can("patch") {
        let mut patch = operation("patch", &WORDS);
        let bodies: Map<String, Value> = PATCHES
            .iter()
            .map(|media| ((*media).to_owned(), json!({"schema": {"type": "object"}})))
            .collect();
        patch["requestBody"] = json!({"content": bodies, "required": true});
        item["patch"] = patch;
    }
    if kind.can("create") {
        let mut post = operation("post", WORDS.get(..3).unwrap_or_default());
        post["requestBody"] = json!({"content": content, "required": true});
        item["post"] = post;
    }
    (format!("{root}{space}/{}/{{name}}", kind.plural), item)
}

#[cfg(test)]
mod tests {
    use super::{Registry, answer};
    use crate::rehearsal::store::Store;

    #[test]
    fn every_listed_document_is_there_and_refers_only_to_what_it_holds() {
        let registry = Registry::of(&Store::default());
        let index = answer(&registry, "/openapi/v3").unwrap();
        let paths = index["paths"].as_object().unwrap();
        assert!(paths.contains_key("apis/apps/v1"));
        for path in paths.keys() {
            let document = answer(&registry, &format!("/openapi/v3/{path}")).unwrap();
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let text = document.to_string();
            for target in text.split("#/components/schemas/").skip(1) {
                let name = target.split('"').next().unwrap();
                assert!(schemas.contains_key(name), "{path}: {name}");
            }
        }
        assert!(answer(&registry, "/openapi/v3/apis/nobody/v1").is_none());
    }

    #[test]
    fn the_older_document_refers_only_to_what_it_holds() {
        let document = answer(&Registry::of(&Store::default()), "/openapi/v2").unwrap();
        let known = document["definitions"].as_object().unwrap();
        for target in document.to_string().split("#/definitions/").skip(1) {
            let name = target.split('"').next().unwrap();
            assert!(known.contains_key(name), "{name}");
        }
    }
}
