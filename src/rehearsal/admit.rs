//! What a real server decides about built-in kinds beside their schema: names, addresses, defaults, what may not change. Pure.

mod defaults;
mod fresh;
mod rules;
mod webhooks;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    answer::{Failure, Invalid},
    kinds::{DEFINITION, Kind},
    meta_check,
    store::{Store, stamp},
    world::text_at,
};

/// The first and the last port that a node may give to a Service.
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30000..=32767;

/// What a written object follows, and how it was written.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What is stored.
    pub old: Option<&'a Value>,
    /// When.
    pub now: jiff::Timestamp,
}

/// Fills in the defaults that belong to the type of a kind.
pub fn complete(kind: &Kind, value: &mut Value) {
    if kind.key == "Secret" {
        secret(value);
    }
    defaults::fill(kind, value);
}

/// What a server says to the person who sent an object that it accepts.
pub fn warnings(kind: &Kind, subresource: &str, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if !subresource.is_empty() {
        return found;
    }
    if kind.key == "Endpoints" {
        found.push(
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
                .to_owned(),
        );
    }
    if kind.key == "Service" && value.pointer("/spec/externalIPs").is_some() {
        found.push(
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
                .to_owned(),
        );
    }
    found
}

/// Completes a new or changed object.
///
/// # Errors
/// What the server refuses.
pub fn admit(store: &Store, kind: &Kind, wish: Wish<'_>, value: &mut Value) -> Result<(), Failure> {
    let Wish { old, now, .. } = wish;
    let name = text_at(value, "/metadata/name").unwrap_or("").to_owned();
    if old.is_none() {
        check_namespace(store, kind, value, &name)?;
        check_name(kind, &name)?;
    }
    webhooks::ask(store, kind)?;
    if old.is_none() && kind.key == "Pod" {
        fresh::classed(store, kind, value)?;
    }
    match old {
        None => fresh::begin(store, kind, value, now),
        Some(old) => fresh::follow(kind, old, value, now),
    }
    let mut wrong = Vec::new();
    rules::check(kind, value, &mut wrong);
    mismatched(kind, value, &mut wrong);
    if let Some(old) = old {
        frozen(kind, old, value, &mut wrong);
    }
    if !wrong.is_empty() {
        return Err(Failure::invalid(kind, &name, &wrong));
    }
    match kind.key.as_str() {
        "Service" => address(store, kind, old, value, &name)?,
        DEFINITION => establish(old, value, now),
        _ => {}
    }
    Ok(())
}

fn check_name(kind: &Kind, name: &str) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    if name.is_empty() {
        let mut missing = Invalid::required("metadata.name");
        missing
            .message
            .push_str(": name or generateName is required");
        wrong.push(missing);
    } else {
        for why in meta_check::name(kind, name) {
            wrong.push(Invalid::value("metadata.name", &name.into(), &why));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(kind, name, &wrong))
}

fn check_namespace(store: &Store, kind: &Kind, value: &Value, name: &str) -> Result<(), Failure> {
    if !kind.namespaced {
        return Ok(());
    }
    let namespace = text_at(value, "/metadata/namespace").unwrap_or("");
    let Some(known) = store.get("Namespace", "", namespace) else {
        let mut failure = Failure::new(
            404,
            "NotFound",
            format!("namespaces \"{namespace}\" not found"),
        );
        failure.details = json!({"name": namespace, "kind": "namespaces"});
        return Err(failure);
    };
    if text_at(known, "/metadata/deletionTimestamp").is_some() {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut failure = Failure::forbidden(kind, name, &why);
        failure.details["causes"] = json!([{"reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"), "field": "metadata.namespace"}]);
        return Err(failure);
    }
    Ok(())
}

fn secret(value: &mut Value) {
    use base64::Engine as _;
    let Some(map) = value.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(plain)) = map.shift_remove("stringData") {
        let data = map.entry("data").or_insert_with(|| json!({}));
        for (key, text) in plain {
            let text = text.as_str().unwrap_or_default();
            let packed = base64::engine::general_purpose::STANDARD.encode(text);
            if let Some(data) = data.as_object_mut() {
                data.insert(key, packed.into());
            }
        }
    }
}

/// Gives a Service its addresses and node ports, and keeps those it has.
fn address(
    store: &Store,
    kind: &Kind,
    old: Option<&Value>,
    value: &mut Value,
    name: &str,
) -> Result<(), Failure> {
    let form = text_at(value, "/spec/type")
        .unwrap_or("ClusterIP")
        .to_owned();
    if form == "ExternalName" {
        return Ok(());
    }
    let spec = &mut value["spec"];
    for (field, usual) in [
        ("ipFamilies", json!(["IPv4"])),
        ("ipFamilyPolicy", "SingleStack".into()),
    ] {
        if spec.get(field).is_none() {
            spec[field] = usual;
        }
    }
    let known = old.and_then(|old| text_at(old, "/spec/clusterIP"));
    let asked = text_at(value, "/spec/clusterIP").unwrap_or("").to_owned();
    if old.is_none() && !matches!(asked.as_str(), "" | "None") && !asked.starts_with("10.96.") {
        let why = format!(
            "failed to allocate IP {asked}: the provided network does not match the current range"
        );
        let wrong = Invalid::value("spec.clusterIPs", &json!([asked]), &why);
        return Err(Failure::invalid(kind, name, &[wrong]));
    }
    let address = text_at(value, "/spec/clusterIP")
        .filter(|address| !address.is_empty())
        .or(known)
        .map_or_else(|| free_address(store), str::to_owned);
    value["spec"]["clusterIPs"] = json!([address]);
    value["spec"]["clusterIP"] = address.into();
    if form == "ClusterIP" {
        // What only traffic from outside needs goes with it.
        let inside = value.pointer("/spec/externalIPs").is_none();
        if let Some(spec) = value
            .get_mut("spec")
            .and_then(Value::as_object_mut)
            .filter(|_| inside)
        {
            spec.shift_remove("externalTrafficPolicy");
        }
        return Ok(());
    }
    give_ports(store, kind, old, value, name)
}

/// Gives each port of a Service its port on the nodes, and keeps those they have.
fn give_ports(
    store: &Store,
    kind: &Kind,
    old: Option<&Value>,
    value: &mut Value,
    name: &str,
) -> Result<(), Failure> {
    let mut taken = node_ports(store, value);
    let before = old.and_then(|old| old.pointer("/spec/ports")).cloned();
    let Some(ports) = value
        .pointer_mut("/spec/ports")
        .and_then(Value::as_array_mut)
    else {
        return Ok(());
    };
    for (at, port) in ports.iter_mut().enumerate() {
        let same = |other: &&Value| other.get("port") == port.get("port");
        let former = before.as_ref().and_then(Value::as_array);
        let former = former
            .and_then(|list| list.iter().find(same))
            .and_then(|other| other.get("nodePort"));
        let asked = port.get("nodePort").or(former).and_then(Value::as_u64);
        let given = match asked.filter(|port| *port != 0) {
            Some(asked) => asked,
            None => NODE_PORTS.clone().find(|p| !taken.contains(p)).unwrap_or(0),
        };
        if !NODE_PORTS.contains(&given) || !taken.insert(given) {
            let why = if NODE_PORTS.contains(&given) {
                "provided port is already allocated"
            } else {
                "provided port is not in the valid range. The range of valid ports is 30000-32767"
            };
            let field = format!("spec.ports[{at}].nodePort");
            return Err(Failure::invalid(
                kind,
                name,
                &[Invalid::value(&field, &given.into(), why)],
            ));
        }
        port["nodePort"] = given.into();
    }
    Ok(())
}

fn free_address(store: &Store) -> String {
    let taken: BTreeSet<&str> = store
        .list("Service", None)
        .filter_map(|service| text_at(service, "/spec/clusterIP"))
        .collect();
    let all = (1..=255_u8).flat_map(|third| (1..=254_u8).map(move |last| (third, last)));
    all.map(|(third, last)| format!("10.96.{third}.{last}"))
        .find(|address| !taken.contains(address.as_str()))
        .unwrap_or_default()
}

fn node_ports(store: &Store, but: &Value) -> BTreeSet<u64> {
    let identity = |value: &Value| {
        let text = |pointer| text_at(value, pointer).unwrap_or("").to_owned();
        (text("/metadata/namespace"), text("/metadata/name"))
    };
    let me = identity(but);
    store
        .list("Service", None)
        .filter(|service| identity(service) != me)
        .filter_map(|service| service.pointer("/spec/ports")?.as_array())
        .flatten()
        .filter_map(|port| port.get("nodePort")?.as_u64())
        .collect()
}

/// Accepts a definition's names and says that it is served.
fn establish(old: Option<&Value>, value: &mut Value, now: jiff::Timestamp) {
    let kind = text_at(value, "/spec/names/kind").unwrap_or("").to_owned();
    let names = &mut value["spec"]["names"];
    if names.get("singular").is_none() {
        names["singular"] = kind.to_lowercase().into();
    }
    if names.get("listKind").is_none() {
        names["listKind"] = format!("{kind}List").into();
    }
    if value["spec"].get("conversion").is_none() {
        value["spec"]["conversion"] = json!({"strategy": "None"});
    }
    let stored: Vec<Value> = value
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|version| version.get("storage") == Some(&Value::Bool(true)))
        .filter_map(|version| version.get("name").cloned())
        .collect();
    let conditions = old
        .and_then(|old| old.pointer("/status/conditions").cloned())
        .unwrap_or_else(|| {
            let at = stamp(now);
            json!([
                {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts",
                    "message": "no conflicts found", "lastTransitionTime": at},
                {"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
                    "message": "the initial names have been accepted", "lastTransitionTime": at},
            ])
        });
    value["status"] = json!({"conditions": conditions, "acceptedNames": value["spec"]["names"],
        "storedVersions": stored});
}

fn mismatched(kind: &Kind, value: &Value, wrong: &mut Vec<Invalid>) {
    if kind.group != "apps" {
        return;
    }
    let Some(wanted) = value
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object)
    else {
        return;
    };
    let labels = value.pointer("/spec/template/metadata/labels");
    let fits = |(key, wanted): (&String, &Value)| {
        labels.and_then(|labels| labels.get(key)) == Some(wanted)
    };
    if !wanted.iter().all(fits) {
        let shown = labels.cloned().unwrap_or_else(|| json!({}));
        let why = "`selector` does not match template `labels`";
        wrong.push(Invalid::value("spec.template.metadata.labels", &shown, why));
    }
}

/// What may not change once it is stored.
fn frozen(kind: &Kind, old: &Value, new: &Value, wrong: &mut Vec<Invalid>) {
    let mut hold = |pointer: &str| {
        if old.pointer(pointer) != new.pointer(pointer) {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            let shown = new.pointer(pointer).cloned().unwrap_or_default();
            wrong.push(Invalid::value(&field, &shown, "field is immutable"));
        }
    };
    match kind.key.as_str() {
        "Deployment.apps" | "DaemonSet.apps" | "ReplicaSet.apps" => hold("/spec/selector"),
        "Job.batch" => {
            hold("/spec/selector");
            hold("/spec/template/spec");
            hold("/spec/completions");
        }
        "StorageClass.storage.k8s.io" => {
            hold("/provisioner");
            hold("/parameters");
        }
        "ClusterRoleBinding.rbac.authorization.k8s.io"
        | "RoleBinding.rbac.authorization.k8s.io"
            if old.get("roleRef") != new.get("roleRef") =>
        {
            let part = |name: &str| new.pointer(&format!("/roleRef/{name}")).cloned();
            let shown =
                json!({"APIGroup": part("apiGroup"), "Kind": part("kind"), "Name": part("name")});
            wrong.push(Invalid::value("roleRef", &shown, "cannot change roleRef"));
        }
        "Secret" => hold("/type"),
        "PersistentVolumeClaim" => claim(old, new, wrong),
        "PriorityClass.scheduling.k8s.io" if old.get("value") != new.get("value") => {
            wrong.push(Invalid::forbidden(
                "value",
                "may not be changed in an update.",
            ));
        }
        "Service" => {
            let address =
                |value: &Value| text_at(value, "/spec/clusterIP").unwrap_or("").to_owned();
            if !address(old).is_empty() && !address(new).is_empty() && address(old) != address(new)
            {
                let why = "may not change once set";
                wrong.push(Invalid::value(
                    "spec.clusterIPs[0]",
                    &json!([address(new)]),
                    why,
                ));
            }
        }
        "StatefulSet.apps" => stateful(old, new, wrong),
        "Pod" => pod(old, new, wrong),
        _ => {}
    }
    let sealed = old.get("immutable") == Some(&Value::Bool(true));
    if sealed && old.get("data") != new.get("data") {
        wrong.push(Invalid::forbidden(
            "data",
            "field is immutable when `immutable` is set",
        ));
    }
}

/// Only the request of a bound claim may change, and only grow.
fn claim(old: &Value, new: &Value, wrong: &mut Vec<Invalid>) {
    let bound = text_at(old, "/status/phase") == Some("Bound");
    let held = |value: &Value| {
        let mut spec = value.get("spec").cloned().unwrap_or_default();
        if let Some(map) = spec.as_object_mut() {
            if bound {
                map.shift_remove("resources");
            }
            // The name of the volume is given by binding.
            map.shift_remove("volumeName");
        }
        spec
    };
    if held(old) != held(new) {
        wrong.push(Invalid::forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        ));
    }
}

const POD_FREE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Little of a pod may change once it is there.
fn pod(old: &Value, new: &Value, wrong: &mut Vec<Invalid>) {
    let limit = |value: &Value| value.pointer("/spec/activeDeadlineSeconds").is_some();
    if limit(old) && !limit(new) {
        let why = "must not update from a positive integer to nil value";
        wrong.push(Invalid::value(
            "spec.activeDeadlineSeconds",
            &Value::Null,
            why,
        ));
    }
    // For how long something is tolerated may change.
    let tolerations = |value: &Value| {
        let list = value.pointer("/spec/tolerations").and_then(Value::as_array);
        let mut list = list.cloned().unwrap_or_default();
        for toleration in list.iter_mut().filter_map(Value::as_object_mut) {
            toleration.remove("tolerationSeconds");
        }
        list
    };
    let now = tolerations(new);
    if tolerations(old).iter().any(|known| !now.contains(known)) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        wrong.push(Invalid::forbidden("spec.tolerations", why));
    }
    let held = |value: &Value| {
        let mut spec = value.get("spec").cloned().unwrap_or_default();
        for list in ["containers", "initContainers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            for container in containers
                .into_iter()
                .flatten()
                .filter_map(Value::as_object_mut)
            {
                container.shift_remove("image");
            }
        }
        if let Some(map) = spec.as_object_mut() {
            map.shift_remove("activeDeadlineSeconds");
            map.shift_remove("tolerations");
        }
        spec
    };
    if held(old) != held(new) {
        wrong.push(Invalid::forbidden("spec", POD_FREE));
    }
}

const STATEFUL_FREE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

fn stateful(old: &Value, new: &Value, wrong: &mut Vec<Invalid>) {
    let held = |value: &Value| {
        let mut spec = value.get("spec").cloned().unwrap_or_default();
        if let Some(map) = spec.as_object_mut() {
            map.retain(|name, _| !STATEFUL_FREE.contains(&name.as_str()));
        }
        spec
    };
    if held(old) != held(new) {
        wrong.push(Invalid::forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
             'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ));
    }
}
