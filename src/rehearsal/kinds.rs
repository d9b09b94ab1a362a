//! Which kinds are served: the built-in ones and those of the definitions in the store. Pure.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    control::measured::METRICS,
    schema,
    store::Store,
    world::{kind_key, text_at},
};

/// The kind under which definitions are stored.
pub const DEFINITION: &str = "CustomResourceDefinition.apiextensions.k8s.io";

/// A served kind in one version.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "Kubernetes calls the name of a kind its kind"
)]
pub struct Kind {
    /// Group, empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural name, as in paths.
    pub plural: String,
    /// Key of the store.
    pub key: String,
    /// Namespaced or of the whole cluster.
    pub namespaced: bool,
    /// What may be done with it.
    pub verbs: Vec<String>,
    /// `status`, `scale` ...
    pub subresources: Vec<String>,
    /// Its schema, absent when anything goes.
    pub schema: Option<Arc<Value>>,
    /// The definition's version entry; absent for built-in kinds.
    pub custom: Option<Arc<Value>>,
    /// The version in which it is stored.
    pub stored: String,
}

impl Kind {
    /// `v1`, `apps/v1` ...
    pub fn api_version(&self) -> String {
        join(&self.group, &self.version)
    }

    /// `apps/v1` in which it is stored.
    pub fn stored_version(&self) -> String {
        join(&self.group, &self.stored)
    }

    /// `deployments.apps`, as messages name it.
    pub fn resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Whether a subresource is served.
    pub fn has(&self, subresource: &str) -> bool {
        self.subresources.iter().any(|name| name == subresource)
    }

    /// Whether a verb is served.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|name| name == verb)
    }
}

fn join(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// Every served kind, and discovery in the aggregated form.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    kinds: BTreeMap<(String, String, String), Arc<Kind>>,
    /// Groups beside the core group, in the order of discovery.
    pub groups: Vec<Value>,
}

impl Registry {
    /// Reads what the store defines beside the built-in kinds.
    pub fn of(store: &Store) -> Self {
        let mut registry = Self {
            kinds: BTreeMap::new(),
            groups: schema::discovery("apis").to_vec(),
        };
        for group in schema::discovery("api")
            .iter()
            .chain(schema::discovery("apis"))
        {
            registry.add_group(group);
        }
        for crd in store.list(DEFINITION, None) {
            registry.define(crd);
        }
        registry
    }

    /// A kind by group, version and plural name.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.kinds
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// Whether a path leads to a group that is served; all others are no paths at all.
    pub fn leads_to(&self, path: &str) -> bool {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match (parts.next(), parts.next()) {
            // While nothing is measured, that is said in words of its own.
            (Some("api"), _) | (Some("apis"), None | Some(METRICS)) => true,
            (Some("apis"), Some(name)) => {
                // Of custom groups only the versions that are served are paths.
                let custom = self
                    .all()
                    .any(|kind| kind.group == name && kind.custom.is_some());
                let version = parts.next().filter(|_| custom);
                let served = |version| {
                    self.all()
                        .any(|kind| kind.group == name && kind.version == version)
                };
                self.groups
                    .iter()
                    .any(|group| text_at(group, "/metadata/name") == Some(name))
                    && version.is_none_or(served)
            }
            _ => false,
        }
    }

    /// Every kind in every version.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.kinds.values()
    }

    fn add_group(&mut self, group: &Value) {
        let name = text_at(group, "/metadata/name").unwrap_or("");
        let versions = group.get("versions").and_then(Value::as_array);
        let stored = group.pointer("/versions/0/version").and_then(Value::as_str);
        for version in versions.into_iter().flatten() {
            let number = text_at(version, "/version").unwrap_or("");
            let resources = version.get("resources").and_then(Value::as_array);
            for resource in resources.into_iter().flatten() {
                let kind = built_in(name, number, stored.unwrap_or(number), resource);
                self.insert(kind);
            }
        }
    }

    fn insert(&mut self, kind: Kind) {
        let at = (
            kind.group.clone(),
            kind.version.clone(),
            kind.plural.clone(),
        );
        self.kinds.insert(at, Arc::new(kind));
    }

    /// Serves what a definition defines.
    fn define(&mut self, crd: &Value) {
        if text_at(crd, "/metadata/deletionTimestamp").is_some() {
            return;
        }
        let Some(group) = text_at(crd, "/spec/group") else {
            return;
        };
        let versions = crd.pointer("/spec/versions").and_then(Value::as_array);
        let served = || {
            versions
                .into_iter()
                .flatten()
                .filter(|version| version.get("served") == Some(&Value::Bool(true)))
        };
        let mut listed = Vec::new();
        for version in served() {
            let kind = custom(crd, group, version);
            listed.push(json!({"version": kind.version, "freshness": "Current",
                "resources": [resource(crd, &kind)]}));
            self.insert(kind);
        }
        self.list_group(group, listed);
    }

    fn list_group(&mut self, name: &str, versions: Vec<Value>) {
        let at = self
            .groups
            .iter()
            .position(|group| text_at(group, "/metadata/name") == Some(name));
        let Some(at) = at else {
            self.groups
                .push(json!({"metadata": {"name": name}, "versions": versions}));
            return;
        };
        let known = self
            .groups
            .get_mut(at)
            .and_then(|group| group.get_mut("versions"))
            .and_then(Value::as_array_mut);
        let Some(known) = known else { return };
        for version in versions {
            let same = |other: &&mut Value| other.get("version") == version.get("version");
            match known.iter_mut().find(same) {
                Some(other) => {
                    let more = version.pointer("/resources/0").cloned();
                    if let Some(list) = other.get_mut("resources").and_then(Value::as_array_mut) {
                        list.extend(more);
                    }
                }
                None => known.push(version),
            }
        }
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn built_in(group: &str, version: &str, stored: &str, resource: &Value) -> Kind {
    let text = |pointer: &str| text_at(resource, pointer).unwrap_or("").to_owned();
    let kind = text("/responseKind/kind");
    let subresources = resource.get("subresources").and_then(Value::as_array);
    let schema = schema::builtin(group, version, &kind);
    Kind {
        key: kind_key(&join(group, version), &kind),
        group: group.to_owned(),
        version: version.to_owned(),
        plural: text("/resource"),
        namespaced: text("/scope") == "Namespaced",
        verbs: texts(resource.get("verbs")),
        subresources: subresources
            .into_iter()
            .flatten()
            .filter_map(|entry| text_at(entry, "/subresource"))
            .map(str::to_owned)
            .collect(),
        schema: schema.map(Arc::new),
        custom: None,
        stored: stored.to_owned(),
        kind,
    }
}

const VERBS: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

fn custom(crd: &Value, group: &str, version: &Value) -> Kind {
    let text = |pointer: &str| text_at(crd, pointer).unwrap_or("").to_owned();
    let number = text_at(version, "/name").unwrap_or("").to_owned();
    let kind = text("/spec/names/kind");
    let stored = crd
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|version| version.get("storage") == Some(&Value::Bool(true)))
        .and_then(|version| text_at(version, "/name"))
        .unwrap_or(&number)
        .to_owned();
    let subresources = version.get("subresources").and_then(Value::as_object);
    Kind {
        key: kind_key(&join(group, &number), &kind),
        group: group.to_owned(),
        plural: text("/spec/names/plural"),
        namespaced: text("/spec/scope") == "Namespaced",
        verbs: VERBS.iter().map(|&verb| verb.to_owned()).collect(),
        subresources: subresources
            .into_iter()
            .flat_map(|map| map.keys().cloned())
            .collect(),
        schema: version
            .pointer("/schema/openAPIV3Schema")
            .map(|open| Arc::new(schema::custom(open))),
        custom: Some(Arc::new(version.clone())),
        version: number,
        kind,
        stored,
    }
}

/// A custom kind in aggregated discovery.
fn resource(crd: &Value, kind: &Kind) -> Value {
    let names = |field: &str| crd.pointer(&format!("/spec/names/{field}")).cloned();
    let response = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let mut found = json!({
        "resource": kind.plural,
        "responseKind": response,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": names("singular").unwrap_or_else(|| kind.kind.to_lowercase().into()),
        "verbs": kind.verbs,
    });
    if let Some(short) = names("shortNames") {
        found["shortNames"] = short;
    }
    if let Some(categories) = names("categories") {
        found["categories"] = categories;
    }
    let subresources: Vec<_> = kind
        .subresources
        .iter()
        .map(|name| {
            let answers = match name.as_str() {
                "scale" => json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}),
                _ => found["responseKind"].clone(),
            };
            json!({"subresource": name, "responseKind": answers, "verbs": ["get", "patch", "update"]})
        })
        .collect();
    if !subresources.is_empty() {
        found["subresources"] = subresources.into();
    }
    found
}
