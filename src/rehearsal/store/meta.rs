//! The part of an object's metadata that the server owns, and the shape of Events. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::rehearsal::world::{Note, at, text_at};

/// A Kubernetes time: whole seconds, UTC.
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn metadata(value: &mut Value) -> Option<&mut Map<String, Value>> {
    value.get_mut("metadata")?.as_object_mut()
}

/// Fills in uid, creationTimestamp, generation and resourceVersion of a new object.
pub fn born(value: &mut Value, revision: u64, now: Timestamp) {
    let counted = counts(value);
    let created = stamp(now);
    let Some(meta) = metadata(value) else { return };
    meta.remove("deletionTimestamp");
    meta.remove("selfLink");
    meta.insert("uid".into(), uid(revision, &created).into());
    meta.insert("creationTimestamp".into(), created.into());
    meta.insert("resourceVersion".into(), revision.to_string().into());
    if counted {
        meta.insert("generation".into(), 1.into());
    }
    select_pods(value);
}

/// The built-in kinds whose wishes are counted; custom kinds all are.
const COUNTED: &[&str] = &[
    "apps/v1/Deployment",
    "apps/v1/ReplicaSet",
    "apps/v1/StatefulSet",
    "apps/v1/DaemonSet",
    "batch/v1/Job",
    "batch/v1/CronJob",
    "networking.k8s.io/v1/Ingress",
    "networking.k8s.io/v1/IngressClass",
    "networking.k8s.io/v1/NetworkPolicy",
    "policy/v1/PodDisruptionBudget",
    "v1/Pod",
    "v1/ReplicationController",
    "apiextensions.k8s.io/v1/CustomResourceDefinition",
    "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration",
    "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration",
    "scheduling.k8s.io/v1/PriorityClass",
];

fn counts(value: &Value) -> bool {
    let text = |pointer| text_at(value, pointer).unwrap_or("");
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let custom = group.contains('.') && !group.ends_with(".k8s.io");
    custom || COUNTED.contains(&[version, kind].join("/").as_str())
}

/// A job finds its pods by its own uid, unless it says how.
fn select_pods(value: &mut Value) {
    let given = value.pointer("/spec/selector").is_some();
    if given || text_at(value, "/kind") != Some("Job") {
        return;
    }
    let name = text_at(value, "/metadata/name").unwrap_or("").to_owned();
    let uid = text_at(value, "/metadata/uid").unwrap_or("").to_owned();
    let unlabelled = value.pointer("/metadata/labels").is_none();
    let Some(spec) = value.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    spec["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    for (label, said) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        spec["template"]["metadata"]["labels"][label] = said.as_str().into();
    }
    let labels = spec["template"]["metadata"]["labels"].clone();
    if unlabelled {
        value["metadata"]["labels"] = labels;
    }
}

/// Whether a new version may follow the old: what it says of uid and resourceVersion is what is stored.
pub fn succeeds(old: &Value, new: &Value) -> bool {
    ["/metadata/uid", "/metadata/resourceVersion"]
        .into_iter()
        .all(|pointer| match text_at(new, pointer) {
            Some(said) if !said.is_empty() => text_at(old, pointer) == Some(said),
            _ => true,
        })
}

/// What of an object's metadata is not said by those who write it.
const OWNED: &[&str] = &[
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

/// Whether two versions differ in what those who write them say: seen at a glance, where [`is_same`] looks at all.
pub fn differs(old: &Value, new: &Value) -> bool {
    !same_body(old, new) || !same_but(old.get("metadata"), new.get("metadata"), OWNED)
}

/// Whether two versions say the same outside of their metadata.
pub fn same_body(old: &Value, new: &Value) -> bool {
    same_but(Some(old), Some(new), &["metadata"])
}

/// Whether nothing has changed but annotations without a prefix. Such are private to the user (so the documentation of labels
/// and annotations), and concern no controller.
pub fn only_private_notes(old: &Value, new: &Value) -> bool {
    let notes = |value: &Value| -> BTreeMap<String, Value> {
        let notes = at(value, "/metadata/annotations").and_then(Value::as_object);
        let all = notes.into_iter().flatten();
        all.filter(|(name, _)| name.contains('/'))
            .map(|(name, note)| (name.clone(), note.clone()))
            .collect()
    };
    same_but(
        old.get("metadata"),
        new.get("metadata"),
        &["resourceVersion", "managedFields", "annotations"],
    ) && notes(old) == notes(new)
        && same_body(old, new)
}

/// Whether two maps are the same but for these fields; a missing one is an empty one.
fn same_but(left: Option<&Value>, right: Option<&Value>, but: &[&str]) -> bool {
    let within = |one: Option<&Value>, other: Option<&Value>, equal: bool| {
        let map = one.and_then(Value::as_object);
        let mut fields = map.into_iter().flatten();
        fields.all(|(name, item)| {
            let there = other.and_then(|other| other.get(name));
            but.contains(&name.as_str()) || there.is_some_and(|there| !equal || there == item)
        })
    };
    within(left, right, true) && within(right, left, false)
}

/// Whether a new version says nothing that the old one does not say.
pub fn is_same(old: &Value, new: &Value) -> bool {
    let mut new = new.clone();
    inherit(old, &mut new);
    *old == new
}

/// Carries over what a client cannot change, and counts the generation when the wish has changed.
pub fn inherit(old: &Value, new: &mut Value) {
    let changed = wish_changed(old, new) && text_at(new, "/kind") != Some("PriorityClass");
    let known = old.get("metadata").unwrap_or(&Value::Null);
    let Some(meta) = metadata(new) else { return };
    for field in ["uid", "creationTimestamp", "resourceVersion"] {
        match known.get(field) {
            Some(value) => meta.insert(field.into(), value.clone()),
            None => meta.remove(field),
        };
    }
    // A deletion is a wish too.
    let ends = meta.contains_key("deletionTimestamp") && known.get("deletionTimestamp").is_none();
    // Once being deleted, always being deleted.
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        if let Some(value) = known.get(field)
            && !meta.contains_key(field)
        {
            meta.insert(field.into(), value.clone());
        }
    }
    match known.get("generation").and_then(Value::as_u64) {
        Some(generation) => {
            let next = generation + u64::from(changed || ends);
            meta.insert("generation".into(), next.into());
        }
        None => {
            meta.remove("generation");
        }
    }
}

fn wish_changed(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return old != new;
    };
    // Only what deployments are annotated with is part of their wish.
    if new.get("kind").and_then(Value::as_str) == Some("Deployment")
        && old.get("metadata").and_then(|meta| meta.get("annotations"))
            != new.get("metadata").and_then(|meta| meta.get("annotations"))
    {
        return true;
    }
    let wish = |field: &&String| !matches!(field.as_str(), "metadata" | "status");
    // To which node a pod goes is nobody's wish.
    if new.get("kind").and_then(Value::as_str) == Some("Pod") {
        return !same_but(old.get("spec"), new.get("spec"), &["nodeName"]);
    }
    old.keys()
        .chain(new.keys())
        .filter(wish)
        .any(|field| old.get(field) != new.get(field))
}

/// Gives an object the revision of another.
pub fn inherit_version(old: &Value, value: &mut Value) {
    let known = old.pointer("/metadata/resourceVersion").cloned();
    if let (Some(known), Some(meta)) = (known, metadata(value)) {
        meta.insert("resourceVersion".into(), known);
    }
}

/// Lets a finalizer hold an object.
pub fn hold(value: &mut Value, finalizer: &str) {
    let Some(meta) = metadata(value) else { return };
    let list = meta.entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut()
        && !list.iter().any(|known| known == finalizer)
    {
        list.push(finalizer.into());
    }
}

/// Stamps the revision.
pub fn renew(value: &mut Value, revision: u64) {
    if let Some(meta) = metadata(value) {
        meta.insert("resourceVersion".into(), revision.to_string().into());
    }
}

/// Whether finalizers hold the object.
pub fn lingers(value: &Value) -> bool {
    value
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty())
        || value
            .pointer("/spec/finalizers")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty() && text_at(value, "/kind") == Some("Namespace"))
}

/// Whether something on a node has to stop first: a pod that a kubelet has.
pub fn stops_slowly(value: &Value) -> bool {
    text_at(value, "/kind") == Some("Pod")
        && text_at(value, "/apiVersion") == Some("v1")
        && text_at(value, "/spec/nodeName").is_some_and(|node| !node.is_empty())
        && !matches!(
            text_at(value, "/status/phase"),
            Some("Succeeded" | "Failed")
        )
}

/// The grace period that a deletion gives when it does not say.
pub fn usual_grace(value: &Value) -> i64 {
    if !stops_slowly(value) {
        return 0;
    }
    value
        .pointer("/spec/terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(30)
}

/// Marks an object as being deleted; a shorter grace moves the moment forward.
pub fn mark_deleted(value: &mut Value, now: Timestamp, grace: i64) {
    let at = now
        .checked_add(jiff::SignedDuration::from_secs(grace))
        .unwrap_or(now);
    if let Some(meta) = metadata(value) {
        meta.insert("deletionTimestamp".into(), stamp(at).into());
        meta.insert("deletionGracePeriodSeconds".into(), grace.into());
    }
}

/// A namespace says itself that it ends, and has no grace.
pub fn end_namespace(value: &mut Value) {
    if text_at(value, "/kind") != Some("Namespace") || text_at(value, "/apiVersion") != Some("v1") {
        return;
    }
    if let Some(meta) = metadata(value) {
        meta.remove("deletionGracePeriodSeconds");
    }
    if !value.get("status").is_some_and(Value::is_object) {
        value["status"] = json!({});
    }
    value["status"]["phase"] = "Terminating".into();
}

/// Whether an object that is being deleted waits for nothing any more.
pub fn may_go(value: &Value, now: Timestamp) -> bool {
    let Some(deleted) = text_at(value, "/metadata/deletionTimestamp") else {
        return false;
    };
    let graceless = value
        .pointer("/metadata/deletionGracePeriodSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(0)
        == 0;
    let over = graceless && deleted <= stamp(now).as_str();
    !lingers(value) && (over || !stops_slowly(value))
}

/// An Event object; its name depends only on what it says, so a repetition finds the former one.
pub fn event(note: &Note, uid: &str, now: Timestamp) -> Value {
    let about = &note.about;
    let namespace = about.namespace.as_deref().unwrap_or("default");
    let mark = hex(
        &[uid, &about.name, &note.reason, &note.message, &note.source].join("\n"),
        8,
    );
    let at = stamp(now);
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": format!("{}.{mark}", about.name), "namespace": namespace},
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "namespace": about.namespace.as_deref().unwrap_or(""),
            "name": about.name,
            "uid": uid,
        },
        "reason": note.reason,
        "message": note.message,
        "type": if note.warning { "Warning" } else { "Normal" },
        "source": {"component": note.source},
        "reportingComponent": note.source,
        "reportingInstance": "",
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    })
}

/// The same Event once more.
pub fn repeated(old: &Value, now: Timestamp) -> Value {
    let mut value = old.clone();
    if let Some(map) = value.as_object_mut() {
        let count = map.get("count").and_then(Value::as_u64).unwrap_or(1) + 1;
        map.insert("count".into(), count.into());
        map.insert("lastTimestamp".into(), stamp(now).into());
    }
    value
}

fn hex(text: &str, bytes: usize) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .take(bytes)
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// A uid that never repeats: revisions never do.
fn uid(revision: u64, created: &str) -> String {
    let digits = hex(&format!("{revision} {created}"), 16);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    [
        part(0, 8),
        part(8, 12),
        format!("4{}", part(13, 16)),
        format!("a{}", part(17, 20)),
        part(20, 32),
    ]
    .join("-")
}
