//! What a server gives to a new object that its client did not ask for. Pure.

use serde_json::{Value, json};

use crate::rehearsal::{
    answer::Failure,
    kinds::Kind,
    store::{Store, stamp},
    world::text_at,
};

/// Completes a new object by its kind.
pub fn begin(store: &Store, kind: &Kind, value: &mut Value, now: jiff::Timestamp) {
    match kind.key.as_str() {
        "Namespace" => namespace(value),
        "PersistentVolumeClaim" => claim(store, value),
        "PersistentVolume" => {
            hold(value, "kubernetes.io/pv-protection");
            value["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": stamp(now)});
        }
        "Pod" => pod(store, value),
        "DaemonSet.apps" => mark_templates(value, 1),
        _ => {}
    }
}

/// Completes a changed object by its kind.
pub fn follow(kind: &Kind, old: &Value, value: &mut Value, now: jiff::Timestamp) {
    match kind.key.as_str() {
        "DaemonSet.apps" => {
            let changed = old.pointer("/spec/template") != value.pointer("/spec/template");
            let known = old
                .pointer("/metadata/annotations")
                .and_then(|marks| marks.get(TEMPLATES)?.as_str()?.parse().ok())
                .unwrap_or(0_u64);
            mark_templates(value, known + u64::from(changed));
        }
        "PersistentVolume" => {
            let phase = |value: &Value| value.pointer("/status/phase").cloned();
            let since = |value: &Value| value.pointer("/status/lastPhaseTransitionTime").cloned();
            let told = since(value).filter(|time| !time.is_null());
            if phase(old) != phase(value) && (told.is_none() || told == since(old)) {
                value["status"]["lastPhaseTransitionTime"] = stamp(now).into();
            } else if told.is_none()
                && let Some(known) = since(old)
            {
                value["status"]["lastPhaseTransitionTime"] = known;
            }
        }
        "Pod" => {
            tolerate(value);
            // The class of service is decided once.
            let known = old.pointer("/status/qosClass").cloned();
            if let (Some(known), Some(status)) = (known, value.get_mut("status"))
                && status.get("qosClass").is_none()
            {
                status["qosClass"] = known;
            }
        }
        _ => {}
    }
}

fn namespace(value: &mut Value) {
    if !value.get("spec").is_some_and(Value::is_object) {
        value["spec"] = json!({});
    }
    value["spec"]["finalizers"] = json!(["kubernetes"]);
    value["status"] = json!({"phase": "Active"});
}

fn hold(value: &mut Value, finalizer: &str) {
    let meta = &mut value["metadata"];
    if !meta.get("finalizers").is_some_and(Value::is_array) {
        meta["finalizers"] = json!([]);
    }
    if let Some(list) = meta["finalizers"].as_array_mut()
        && !list.iter().any(|known| known == finalizer)
    {
        list.push(finalizer.into());
    }
}

fn claim(store: &Store, value: &mut Value) {
    hold(value, "kubernetes.io/pvc-protection");
    if value.pointer("/spec/storageClassName").is_none() {
        let usual = store
            .list("StorageClass.storage.k8s.io", None)
            .find(|class| {
                let marks = class.pointer("/metadata/annotations");
                marks
                    .and_then(|marks| marks.get("storageclass.kubernetes.io/is-default-class"))
                    .and_then(Value::as_str)
                    == Some("true")
            });
        if let Some(name) = usual.and_then(|class| text_at(class, "/metadata/name")) {
            value["spec"]["storageClassName"] = name.into();
        }
    }
    value["status"] = json!({"phase": "Pending"});
}

/// The classes of priority that every cluster has.
const CRITICAL: &[(&str, i64)] = &[
    ("system-node-critical", 2_000_001_000),
    ("system-cluster-critical", 2_000_000_000),
];

/// A pod of a class that is not there is not let in.
///
/// # Errors
/// 403
pub fn classed(store: &Store, kind: &Kind, value: &Value) -> Result<(), Failure> {
    let class = text_at(value, "/spec/priorityClassName").unwrap_or("");
    let known = class.is_empty()
        || CRITICAL.iter().any(|(name, _)| *name == class)
        || store
            .get("PriorityClass.scheduling.k8s.io", "", class)
            .is_some();
    if known {
        return Ok(());
    }
    let name = text_at(value, "/metadata/name").unwrap_or("");
    let why = format!("no PriorityClass with name {class} was found");
    Err(Failure::forbidden(kind, name, &why))
}

fn pod(store: &Store, value: &mut Value) {
    let class = text_at(value, "/spec/priorityClassName")
        .unwrap_or("")
        .to_owned();
    let found = store.get("PriorityClass.scheduling.k8s.io", "", &class);
    let priority = found
        .and_then(|class| class.get("value"))
        .and_then(Value::as_i64)
        .or_else(|| {
            CRITICAL
                .iter()
                .find(|(name, _)| *name == class)
                .map(|(_, value)| *value)
        });
    let policy = found
        .and_then(|class| text_at(class, "/preemptionPolicy"))
        .unwrap_or("PreemptLowerPriority")
        .to_owned();
    let Some(spec) = value.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    spec["priority"] = priority.unwrap_or(0).into();
    spec["preemptionPolicy"] = policy.into();
    tolerate(value);
    let quality = quality(value.get("spec"));
    value["status"] = json!({"phase": "Pending", "qosClass": quality});
}

/// Every pod stays for a while on a node that is not heard of.
fn tolerate(value: &mut Value) {
    let Some(spec) = value.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    if !spec.get("tolerations").is_some_and(Value::is_array) {
        spec["tolerations"] = json!([]);
    }
    if let Some(list) = spec["tolerations"].as_array_mut() {
        for key in [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
        ] {
            let tolerates = |known: &Value| {
                let text = |field: &str| known.get(field).and_then(Value::as_str).unwrap_or("");
                (text("key") == key || text("key").is_empty())
                    && matches!(text("effect"), "NoExecute" | "")
            };
            if !list.iter().any(tolerates) {
                list.push(
                    json!({"key": key, "operator": "Exists", "effect": "NoExecute",
                    "tolerationSeconds": 300}),
                );
            }
        }
    }
}

/// The class of service that a pod's resources give it.
fn quality(spec: Option<&Value>) -> &'static str {
    let containers = ["containers", "initContainers"]
        .iter()
        .filter_map(|list| spec?.get(*list)?.as_array())
        .flatten();
    let (mut any, mut all) = (false, true);
    for container in containers {
        let of = |side: &str, name: &str| {
            let found = container.pointer(&format!("/resources/{side}/{name}"));
            found.filter(|amount| *amount != "0")
        };
        for name in ["cpu", "memory"] {
            let (limit, request) = (of("limits", name), of("requests", name));
            any |= limit.is_some() || request.is_some();
            all &= limit.is_some() && request.is_none_or(|request| Some(request) == limit);
        }
    }
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Where daemon sets count the changes of their template for older clients.
const TEMPLATES: &str = "deprecated.daemonset.template.generation";

fn mark_templates(value: &mut Value, count: u64) {
    if !value["metadata"]
        .get("annotations")
        .is_some_and(Value::is_object)
    {
        value["metadata"]["annotations"] = json!({});
    }
    value["metadata"]["annotations"][TEMPLATES] = count.to_string().into();
}
