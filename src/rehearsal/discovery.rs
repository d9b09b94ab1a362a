//! What is served, as clients ask for it: the short lists, and the aggregated form of newer clients. Pure.

use serde_json::{Value, json};

use super::{
    declined::METRICS,
    kinds::{Kind, Registry},
    schema,
    world::text_at,
};

/// The words by which a client asks for the aggregated form.
const AGGREGATED: &str = "as=APIGroupDiscoveryList";

/// The answer to a path of discovery; nothing when it is another path.
pub(super) fn answer(registry: &Registry, path: &str, accept: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let aggregated = accept.contains(AGGREGATED);
    match parts.as_slice() {
        ["version"] => Some(version()),
        ["api"] if aggregated => Some(aggregate(schema::discovery("api"))),
        ["apis"] if aggregated => {
            let mut all = registry.groups.clone();
            all.push(metrics());
            Some(aggregate(&all))
        }
        ["api"] => Some(json!({
            "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [],
        })),
        ["apis"] => {
            let mut groups: Vec<Value> = registry.groups.iter().map(group).collect();
            groups.push(group(&metrics()));
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["apis", name] => {
            let found = registry
                .groups
                .iter()
                .find(|group| text_at(group, "/metadata/name") == Some(name))?;
            let mut found = group(found);
            found["kind"] = "APIGroup".into();
            found["apiVersion"] = "v1".into();
            Some(found)
        }
        ["apis", METRICS, "v1beta1"] => Some(json!({"kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": "metrics.k8s.io/v1beta1", "resources": []})),
        ["api", number] => resources(registry, "", number),
        ["apis", name, number] => resources(registry, name, number),
        _ => None,
    }
}

/// The version that the practice cluster claims; the default line of Kubernetes.
fn version() -> Value {
    json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "practice", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc", "platform": "linux/amd64"})
}

/// The group of measurements, which is listed and holds nothing: `kubectl top` asks it and is told why.
fn metrics() -> Value {
    json!({"metadata": {"name": METRICS, "creationTimestamp": null},
        "versions": [{"version": "v1beta1", "freshness": "Current", "resources": []}]})
}

fn aggregate(groups: &[Value]) -> Value {
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": groups})
}

fn group(group: &Value) -> Value {
    let name = text_at(group, "/metadata/name").unwrap_or("");
    let versions: Vec<Value> = group
        .get("versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|version| text_at(version, "/version"))
        .map(|number| json!({"groupVersion": format!("{name}/{number}"), "version": number}))
        .collect();
    let preferred = versions.first().cloned();
    json!({"name": name, "versions": versions, "preferredVersion": preferred})
}

fn resources(registry: &Registry, name: &str, number: &str) -> Option<Value> {
    let kinds: Vec<&Kind> = registry
        .all()
        .map(AsRef::as_ref)
        .filter(|kind| kind.group == name && kind.version == number)
        .collect();
    let first = kinds.first()?;
    let version = first.api_version();
    let listed: Vec<Value> = kinds.iter().flat_map(|kind| entries(kind)).collect();
    Some(
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": listed}),
    )
}

fn entries(kind: &Kind) -> Vec<Value> {
    let mut found = vec![json!({
        "name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": kind.namespaced,
        "kind": kind.kind, "verbs": kind.verbs,
    })];
    found.extend(kind.subresources.iter().map(|subresource| {
        json!({
            "name": format!("{}/{subresource}", kind.plural), "singularName": "",
            "namespaced": kind.namespaced, "kind": kind.kind, "verbs": ["get", "patch", "update"],
        })
    }));
    found
}
