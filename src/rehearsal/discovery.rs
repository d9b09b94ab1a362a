//! What is served, as clients ask for it: the short lists, and the aggregated form of newer clients. Pure.

use serde_json::{Value, json};

use super::{
    control::measured::{METRICS, VERSION},
    kinds::Registry,
    schema,
    world::text_at,
};

/// The words by which a client asks for the aggregated form.
const AGGREGATED: &str = "as=APIGroupDiscoveryList";

/// The answer to a path of discovery; nothing when it is another path. Measurements are listed once somebody measures.
pub(super) fn answer(
    (registry, measured): (&Registry, bool),
    path: &str,
    accept: &str,
) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let aggregated = accept.contains(AGGREGATED);
    match parts.as_slice() {
        ["version"] => Some(version()),
        ["api"] if aggregated => Some(aggregate(schema::discovery("api"))),
        ["apis"] if aggregated => {
            let mut all = registry.groups.clone();
            all.push(metrics(measured));
            Some(aggregate(&all))
        }
        ["api"] => Some(json!({
            "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [],
        })),
        ["apis"] => {
            let mut groups: Vec<Value> = registry.groups.iter().map(group).collect();
            groups.push(group(&metrics(measured)));
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["apis", name] => {
            let of = metrics(measured);
            let found = registry
                .groups
                .iter()
                .chain([&of])
                .find(|group| text_at(group, "/metadata/name") == Some(name))?;
            let mut found = group(found);
            found["kind"] = "APIGroup".into();
            found["apiVersion"] = "v1".into();
            Some(found)
        }
        ["apis", METRICS, VERSION] => {
            let of = metrics(measured);
            let resources = of["versions"][0]["resources"].as_array().into_iter();
            let listed: Vec<Value> = resources
                .flatten()
                .flat_map(|resource| entries(resource, (METRICS, VERSION), false))
                .collect();
            Some(json!({"kind": "APIResourceList", "apiVersion": "v1",
                "groupVersion": format!("{METRICS}/{VERSION}"), "resources": listed}))
        }
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

/// The group of measurements. It is listed also while nobody measures: `kubectl top` asks it then and is told why.
fn metrics(measured: bool) -> Value {
    let one = |plural: &str, kind: &str, scope: &str| {
        json!({"resource": plural, "responseKind": {"group": METRICS, "version": VERSION, "kind": kind}, "scope": scope,
            "singularResource": "", "verbs": ["get", "list"]})
    };
    let resources = if measured {
        vec![
            one("nodes", "NodeMetrics", "Cluster"),
            one("pods", "PodMetrics", "Namespaced"),
        ]
    } else {
        Vec::new()
    };
    json!({"metadata": {"name": METRICS, "creationTimestamp": null},
        "versions": [{"version": VERSION, "freshness": "Current", "resources": resources}]})
}

fn aggregate(groups: &[Value]) -> Value {
    let mut groups = groups.to_vec();
    for group in &mut groups {
        let resources = group
            .get_mut("versions")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter_map(|version| version.get_mut("resources")?.as_array_mut())
            .flatten();
        for resource in resources {
            named(resource);
            let subresources = resource
                .get_mut("subresources")
                .and_then(Value::as_array_mut);
            subresources.into_iter().flatten().for_each(named);
        }
    }
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": groups})
}

/// The kind that answers is named in full, also where group or version say nothing.
fn named(entry: &mut Value) {
    if let Some(kind) = entry.get_mut("responseKind").and_then(Value::as_object_mut) {
        for field in ["group", "version"] {
            kind.entry(field).or_insert_with(|| "".into());
        }
    }
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
    let groups = if name.is_empty() {
        schema::discovery("api")
    } else {
        &registry.groups
    };
    let group = groups
        .iter()
        .find(|group| text_at(group, "/metadata/name").unwrap_or("") == name)?;
    let version = group
        .get("versions")?
        .as_array()?
        .iter()
        .find(|version| text_at(version, "/version") == Some(number))?;
    let of = [name, number].join("/");
    let of = of.trim_start_matches('/');
    let custom = registry
        .all()
        .any(|kind| kind.group == name && kind.custom.is_some());
    let listed: Vec<Value> = version
        .get("resources")?
        .as_array()?
        .iter()
        .flat_map(|resource| entries(resource, (name, number), custom))
        .collect();
    let mut list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": of, "resources": listed});
    // The oldest of the lists does not say its version.
    if name.is_empty()
        && let Some(map) = list.as_object_mut()
    {
        map.shift_remove("apiVersion");
    }
    Some(list)
}

/// A resource and its subresources as the short lists tell of them.
fn entries(resource: &Value, of: (&str, &str), custom: bool) -> Vec<Value> {
    let get = |value: &Value, pointer: &str| value.pointer(pointer).cloned();
    let plural = text_at(resource, "/resource").unwrap_or("");
    let namespaced = text_at(resource, "/scope") == Some("Namespaced");
    let mut first = json!({"name": plural, "singularName": get(resource, "/singularResource").unwrap_or_default(),
        "namespaced": namespaced});
    foreign(&mut first, resource, of);
    first["kind"] = get(resource, "/responseKind/kind").unwrap_or_default();
    first["verbs"] = if custom {
        json!(VERBS)
    } else {
        get(resource, "/verbs").unwrap_or_default()
    };
    for field in ["shortNames", "categories"] {
        if let Some(words) = resource.get(field) {
            first[field] = words.clone();
        }
    }
    let kept = first["verbs"]
        .as_array()
        .is_some_and(|verbs| verbs.contains(&"create".into()) && verbs.contains(&"get".into()));
    if kept {
        let kind = text_at(resource, "/responseKind/kind").unwrap_or("");
        first["storageVersionHash"] = hash(&[of.0, stored(of), kind].join("/")).into();
    }
    let mut found = vec![first];
    let subresources = resource.get("subresources").and_then(Value::as_array);
    for subresource in subresources.into_iter().flatten() {
        let name = text_at(subresource, "/subresource").unwrap_or("");
        let mut entry = json!({"name": format!("{plural}/{name}"), "singularName": "", "namespaced": namespaced});
        foreign(&mut entry, subresource, of);
        entry["kind"] = get(subresource, "/responseKind/kind").unwrap_or_default();
        entry["verbs"] = get(subresource, "/verbs").unwrap_or_default();
        found.push(entry);
    }
    found
}

/// The verbs of custom kinds in the order in which a server lists them.
const VERBS: &[&str] = &[
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

/// Names group and version of what answers when they are others than those of the list.
fn foreign(entry: &mut Value, from: &Value, of: (&str, &str)) {
    let text = |pointer| text_at(from, pointer).unwrap_or("");
    let (group, version) = (text("/responseKind/group"), text("/responseKind/version"));
    if !version.is_empty() && (group, version) != of {
        entry["group"] = group.into();
        entry["version"] = version.into();
    }
}

/// Definitions are stored in a version that is not served any more.
fn stored<'a>(of: (&str, &'a str)) -> &'a str {
    match of.0 {
        "apiextensions.k8s.io" => "v1beta1",
        _ => of.1,
    }
}

/// By this mark clients see that objects are stored in another version.
fn hash(text: &str) -> String {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(text.as_bytes());
    let first = digest.get(..8).unwrap_or_default();
    base64::engine::general_purpose::STANDARD.encode(first)
}
