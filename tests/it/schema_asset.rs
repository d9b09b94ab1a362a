//! Derives `assets/schemas.json.gz`: what the rehearsal needs of every schema, without its prose.
//!
//! Run by hand against a real API server:
//! `CARE_SCHEMA_KUBECONFIG=FILE CARE_SCHEMA_CRDS=DIR CARE_SCHEMA_GO=DIR cargo test --test it schema_asset -- --ignored`
//! where the last names the folder of the Go module cache that holds `api@VERSION` and `apimachinery@VERSION`.

mod wire;

use std::{collections::BTreeSet, io::Write as _, path::PathBuf};

use http::Request;
use kube::{Client, Config, config::KubeConfigOptions, config::Kubeconfig};
use serde_json::{Map, Value, json};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// The words of a schema that the rehearsal obeys; everything else is prose or not checked.
const KEPT: &[&str] = &[
    "type",
    "format",
    "properties",
    "items",
    "additionalProperties",
    "required",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "default",
    "nullable",
    "$ref",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
    "x-kubernetes-embedded-resource",
];

#[tokio::test]
#[ignore = "writes assets/schemas.json.gz from a real API server; run by hand when the Kubernetes version changes"]
async fn the_schema_asset_is_derived_from_a_real_server_and_the_definitions() {
    let client = client().await;
    let mut types = Map::new();
    let mut kinds = Map::new();
    let index: Value = get(&client, "/openapi/v3", "application/json").await;
    let paths: Vec<String> = index["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for path in paths.iter().filter(|path| is_versioned(path)) {
        let document = get(&client, &format!("/openapi/v3/{path}"), "application/json").await;
        collect_types(&document, &mut types, &mut kinds);
    }
    let discovery = json!({
        "api": discovery(&client, "/api").await,
        "apis": discovery(&client, "/apis").await,
    });
    keep_reachable(&mut types, &kinds);
    let crds = definitions();
    let wanted = kinds
        .values()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let version = client
        .apiserver_version()
        .await
        .unwrap()
        .git_version
        .replace("v1.", "v0.");
    let modules = PathBuf::from(std::env::var("CARE_SCHEMA_GO").expect("CARE_SCHEMA_GO"));
    let wire = wire::tables(&modules, &version, wanted);
    let columns = columns(&client, &discovery).await;
    let asset = json!({"discovery": discovery, "kinds": kinds, "types": types, "crds": crds, "wire": wire,
        "columns": columns});
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/schemas.json.gz");
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    let file = std::fs::File::create(target).unwrap();
    let mut packed = flate2::GzBuilder::new().write(file, flate2::Compression::best());
    packed
        .write_all(serde_json::to_string(&asset).unwrap().as_bytes())
        .unwrap();
    packed.finish().unwrap();
}

async fn client() -> Client {
    let file = std::env::var("CARE_SCHEMA_KUBECONFIG").expect("CARE_SCHEMA_KUBECONFIG");
    let config = Kubeconfig::read_from(file).unwrap();
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

async fn get(client: &Client, path: &str, accept: &str) -> Value {
    let request = Request::get(path)
        .header("accept", accept)
        .body(Vec::new())
        .unwrap();
    client.request(request).await.unwrap()
}

fn is_versioned(path: &str) -> bool {
    path == "api/v1" || (path.starts_with("apis/") && path.matches('/').count() == 2)
}

async fn discovery(client: &Client, path: &str) -> Value {
    let mut found = get(client, path, AGGREGATED).await;
    for group in found["items"].as_array_mut().unwrap() {
        let group = group.as_object_mut().unwrap();
        group.retain(|key, _| matches!(key.as_str(), "metadata" | "versions"));
        group["metadata"]
            .as_object_mut()
            .unwrap()
            .retain(|key, _| key == "name");
        for version in group["versions"].as_array_mut().unwrap() {
            for resource in version["resources"].as_array_mut().unwrap() {
                resource["responseKind"]
                    .as_object_mut()
                    .unwrap()
                    .retain(|_, value| value != "");
            }
        }
    }
    found["items"].take()
}

/// The columns that the server prints for each kind: name, type, format and priority.
async fn columns(client: &Client, discovery: &Value) -> Value {
    let mut found = Map::new();
    let groups = ["api", "apis"]
        .iter()
        .flat_map(|side| discovery[side].as_array().unwrap());
    for group in groups {
        let name = group["metadata"]["name"].as_str().unwrap_or("");
        for version in group["versions"].as_array().unwrap() {
            let number = version["version"].as_str().unwrap();
            let root = if name.is_empty() {
                "/api".to_owned()
            } else {
                format!("/apis/{name}")
            };
            for resource in version["resources"].as_array().unwrap() {
                if !resource["verbs"]
                    .as_array()
                    .unwrap()
                    .contains(&"list".into())
                {
                    continue;
                }
                let plural = resource["resource"].as_str().unwrap();
                let path = format!("{root}/{number}/{plural}?limit=1");
                let table = get(client, &path, TABLE).await;
                let list = table["columnDefinitions"].as_array().unwrap().iter();
                let list: Vec<Value> = list
                    .map(|column| {
                        json!([
                            column["name"],
                            column["type"],
                            column["format"],
                            column["priority"]
                        ])
                    })
                    .collect();
                found.insert(format!("{name}/{number}/{plural}"), list.into());
            }
        }
    }
    found.into()
}

fn collect_types(document: &Value, types: &mut Map<String, Value>, kinds: &mut Map<String, Value>) {
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let marks = schema["x-kubernetes-group-version-kind"].as_array();
        if let Some([mark]) = marks.map(Vec::as_slice) {
            let text = |key: &str| mark[key].as_str().unwrap_or("").to_owned();
            if !text("kind").ends_with("List") {
                let key = format!("{}/{}/{}", text("group"), text("version"), text("kind"));
                kinds.insert(key, name.as_str().into());
            }
        }
        types.insert(name.clone(), bare(schema));
    }
}

/// A schema without prose; a reference with a default, written as `allOf`, becomes one node.
fn bare(schema: &Value) -> Value {
    let Some(map) = schema.as_object() else {
        return schema.clone();
    };
    let mut out = Map::new();
    for (key, value) in map {
        match key.as_str() {
            "properties" => {
                let inner = value.as_object().unwrap().iter();
                let inner: Map<_, _> = inner
                    .map(|(name, node)| (name.clone(), bare(node)))
                    .collect();
                out.insert(key.clone(), inner.into());
            }
            "items" | "additionalProperties" => {
                out.insert(key.clone(), bare(value));
            }
            "allOf" => {
                if let Some(target) = value[0]["$ref"].as_str() {
                    out.insert("$ref".into(), short(target));
                }
            }
            "$ref" => {
                out.insert(key.clone(), short(value.as_str().unwrap()));
            }
            kept if KEPT.contains(&kept) => {
                out.insert(key.clone(), value.clone());
            }
            _ => {}
        }
    }
    out.into()
}

fn short(reference: &str) -> Value {
    reference.rsplit('/').next().unwrap().into()
}

fn keep_reachable(types: &mut Map<String, Value>, kinds: &Map<String, Value>) {
    let mut wanted: Vec<String> = kinds
        .values()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if seen.insert(name.clone()) {
            references(&types[&name], &mut wanted);
        }
    }
    types.retain(|name, _| seen.contains(name));
}

fn references(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Object(map) => {
            if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                found.push(target.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// The known definitions, whole but without the prose of their schemas.
fn definitions() -> Value {
    let folder = std::env::var("CARE_SCHEMA_CRDS").expect("CARE_SCHEMA_CRDS");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    let mut found = Map::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut crd: Value = serde_yaml::from_str(&text).unwrap();
        let name = crd["metadata"]["name"].as_str().unwrap().to_owned();
        crd["metadata"] = json!({ "name": name });
        crd.as_object_mut().unwrap().remove("status");
        for version in crd["spec"]["versions"].as_array_mut().unwrap() {
            let schema = bare(&version["schema"]["openAPIV3Schema"]);
            version["schema"]["openAPIV3Schema"] = schema;
        }
        found.insert(name, crd);
    }
    found.into()
}
