//! Small readings and shapes that all simulated controllers share: times, conditions, owners, fingerprints. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::rehearsal::world::{Note, Write, reference};

/// The letters of generated names: no vowels, so no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A Kubernetes time: whole seconds, UTC.
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time inside an object.
pub fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A moment some seconds later.
pub fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}

/// A text; empty when it is missing.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// The name of an object.
pub fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

/// The namespace of an object; empty for cluster-scoped ones.
pub fn namespace(object: &Value) -> &str {
    text(&object["metadata"]["namespace"])
}

/// The uid of an object.
pub fn uid(object: &Value) -> &str {
    text(&object["metadata"]["uid"])
}

/// Whether an object is being deleted.
pub fn leaving(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// The elements of a list; none when it is missing.
pub fn items(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().map_or([].iter(), |list| list.iter())
}

/// Whether an object carries all these labels (a `matchLabels` map).
pub fn carries(object: &Value, labels: &Value) -> bool {
    let own = &object["metadata"]["labels"];
    labels.as_object().is_some_and(|labels| {
        labels
            .iter()
            .all(|(key, value)| own.get(key) == Some(value))
    })
}

/// A condition of an object.
pub fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    items(&object["status"]["conditions"]).find(|condition| condition["type"] == kind)
}

/// Whether a condition is `True`.
pub fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

/// What a condition is to say.
#[derive(Clone, Debug)]
pub struct Says<'a> {
    /// `Ready`, `Available` ...
    pub kind: &'a str,
    /// `True`, `False`, `Unknown`.
    pub status: &'a str,
    /// One CamelCase word; may be empty.
    pub reason: &'a str,
    /// A sentence; may be empty.
    pub message: String,
}

impl<'a> Says<'a> {
    /// A condition in short.
    pub fn new(kind: &'a str, holds: bool, reason: &'a str, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: if holds { "True" } else { "False" },
            reason,
            message: message.into(),
        }
    }
}

/// Puts a condition into a status; the time of its transition moves only when its status changes.
pub fn set_condition(status: &mut Value, says: &Says<'_>, now: Timestamp) {
    let known = items(&status["conditions"]).find(|known| known["type"] == says.kind);
    let since = known
        .filter(|known| known["status"] == says.status)
        .and_then(|known| known["lastTransitionTime"].as_str())
        .map_or_else(|| stamp(now), ToOwned::to_owned);
    let mut fresh = json!({"type": says.kind, "status": says.status, "lastTransitionTime": since});
    if !says.reason.is_empty() {
        fresh["reason"] = says.reason.into();
    }
    if !says.message.is_empty() {
        fresh["message"] = says.message.as_str().into();
    }
    if !status.is_object() {
        *status = json!({});
    }
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(list) = status["conditions"].as_array_mut() else {
        return;
    };
    match list.iter_mut().find(|known| known["type"] == says.kind) {
        Some(known) => {
            if known["lastUpdateTime"].is_string() {
                let same = known["status"] == fresh["status"] && known["reason"] == fresh["reason"];
                fresh["lastUpdateTime"] = if same {
                    known["lastUpdateTime"].clone()
                } else {
                    stamp(now).into()
                };
            }
            *known = fresh;
        }
        None => list.push(fresh),
    }
}

/// Writes a status when it differs from the present one.
pub fn report(object: &Value, status: Value) -> Option<Write> {
    (object["status"] != status).then(|| Write::Status {
        target: reference(object),
        status,
    })
}

/// An Event about an object.
pub fn event(about: &Value, source: &str, reason: &str, message: impl Into<String>) -> Write {
    Write::Event(Note {
        about: reference(about),
        warning: false,
        reason: reason.into(),
        message: message.into(),
        source: source.into(),
    })
}

/// A warning about an object.
pub fn warning(about: &Value, source: &str, reason: &str, message: impl Into<String>) -> Write {
    Write::Event(Note {
        about: reference(about),
        warning: true,
        reason: reason.into(),
        message: message.into(),
        source: source.into(),
    })
}

/// The reference of an object for a delete.
pub fn delete(object: &Value) -> Write {
    Write::Delete {
        target: reference(object),
    }
}

/// The entry of `ownerReferences` that makes `owner` the controller of an object.
pub fn owned_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// The uid of the controller of an object.
pub fn controller(object: &Value) -> Option<&str> {
    items(&object["metadata"]["ownerReferences"])
        .find(|owner| owner["controller"] == true)
        .and_then(|owner| owner["uid"].as_str())
}

/// Objects by the uid of their controller.
pub type Owned<'w> = BTreeMap<&'w str, Vec<&'w Value>>;

/// Sorts objects by their controllers, once per turn.
pub fn by_owner<'w>(objects: impl Iterator<Item = &'w std::sync::Arc<Value>>) -> Owned<'w> {
    let mut owned = Owned::new();
    for object in objects {
        if let Some(owner) = controller(object) {
            owned.entry(owner).or_default().push(object);
        }
    }
    owned
}

/// A fingerprint of a value that does not depend on the order of keys (FNV-1a).
pub fn fingerprint(value: &Value) -> u64 {
    match value {
        Value::Null => fnv(1, b"null"),
        Value::Bool(flag) => fnv(2, if *flag { b"1" } else { b"0" }),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), _, _) => fnv(3, &whole.to_le_bytes()),
            (None, Some(whole), _) => fnv(4, &whole.to_le_bytes()),
            (None, None, broken) => fnv(5, &broken.unwrap_or_default().to_le_bytes()),
        },
        Value::String(text) => fnv(6, text.as_bytes()),
        Value::Array(list) => list
            .iter()
            .fold(7, |sum, item| fnv(sum, &fingerprint(item).to_le_bytes())),
        Value::Object(map) => map.iter().fold(8_u64, |sum, (key, item)| {
            sum.wrapping_add(fnv(fingerprint(item), key.as_bytes()))
        }),
    }
}

fn fnv(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(
        0xcbf2_9ce4_8422_2325 ^ seed.rotate_left(17),
        |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3),
    )
}

/// Letters that stand for a number in generated names.
pub fn letters(mut number: u64, count: usize) -> String {
    let base = LETTERS.len() as u64;
    (0..count)
        .filter_map(|_| {
            let at = usize::try_from(number % base).ok()?;
            number /= base;
            LETTERS.get(at).map(|letter| char::from(*letter))
        })
        .collect()
}

/// A suffix that no other object of this owner had: the revision of the world is part of it.
pub fn suffix(owner: &Value, revision: u64, index: u64) -> String {
    letters(
        fnv(
            revision.wrapping_mul(31).wrapping_add(index),
            uid(owner).as_bytes(),
        ),
        5,
    )
}

/// The fingerprint of a pod template as it appears in names and labels.
pub fn revision_of(template: &Value) -> String {
    letters(fingerprint(template), 10)
}

/// The wished number of replicas.
pub fn replicas(object: &Value) -> u64 {
    object["spec"]["replicas"].as_u64().unwrap_or(1)
}

/// A whole number or a percentage of a total, as rolling updates name them.
pub fn share(value: &Value, total: u64, round_up: bool) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return Some(number);
    }
    let percent: u64 = value.as_str()?.strip_suffix('%')?.parse().ok()?;
    let scaled = total * percent;
    Some(if round_up {
        scaled.div_ceil(100)
    } else {
        scaled / 100
    })
}

/// Adds labels to an object.
pub fn label(object: &mut Value, labels: &[(&str, &str)]) {
    if !object["metadata"]["labels"].is_object() {
        object["metadata"]["labels"] = json!({});
    }
    for (key, value) in labels {
        object["metadata"]["labels"][*key] = (*value).into();
    }
}
