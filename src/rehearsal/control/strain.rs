//! What wears a running site down, as scenarios play it: a container that outgrows its memory, a machine that runs short of it, a
//! certificate that ends. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    machines,
    pods::ended,
    shape::{
        Says, after, condition, controller, holds, items, leaving, name, namespace, set_condition,
        stamp, text, time, warning,
    },
    trouble::{CERTIFICATE_EXPIRED, NODE_PRESSURE, OUT_OF_MEMORY, plays},
};
use crate::{
    rehearsal::{
        packed::fields_of,
        world::{Reaction, World, Write, reference},
    },
    sys::kube::MANAGER,
};

const SOURCE: &str = "kubelet";
/// Seconds between two ends of the container, and how often it ends.
const PAUSE: i64 = 20;
const TIMES: u64 = 3;
/// The taint of a machine that is short of memory.
const SHORT: &str = "node.kubernetes.io/memory-pressure";
/// A certificate that ended on 2026-10-30, for nobody's name; only its dates are of use.
const EXPIRED: &str = include_str!("../../../assets/expired.pem");
/// The note of a secret whose certificate was exchanged: the one it had.
const KEPT: &str = "rehearsal.care-install/certificate";
/// Who puts the old certificate there.
const SOMEBODY: &str = "kubectl-edit";

/// One turn for whatever is played.
pub fn strain(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    if plays(world, OUT_OF_MEMORY) {
        outgrow(world, now, &mut reaction);
    }
    let short = plays(world, NODE_PRESSURE);
    for node in world.list("Node", None) {
        let short = short && node["metadata"]["labels"]["ohn/role"] == "secondary";
        if holds(node, "Ready") && machines::runs(node) && short != holds(node, "MemoryPressure") {
            reaction.writes.push(pressed(node, short, now));
        }
        if short && holds(node, "MemoryPressure") {
            evict(world, node, now, &mut reaction);
        }
    }
    let expired = plays(world, CERTIFICATE_EXPIRED);
    for secret in world.list("Secret", None) {
        if secret["type"] == "kubernetes.io/tls" && name(secret) == "lets-encrypt-cert" {
            reaction.writes.extend(exchanged(secret, expired, now));
        }
    }
    reaction
}

/// The container of the background tasks is ended a few times; it starts again at once.
fn outgrow(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    let mut pods = world.list("Pod", None).filter(|pod| {
        pod["metadata"]["labels"]["app.kubernetes.io/component"] == "worker"
            && holds(pod, "Ready")
            && !leaving(pod)
    });
    let Some(pod) = pods.next() else { return };
    let known = &pod["status"]["containerStatuses"][0];
    let count = known["restartCount"].as_u64().unwrap_or(0);
    let started = time(&known["state"]["running"]["startedAt"]).unwrap_or(now);
    let last = time(&known["lastState"]["terminated"]["finishedAt"]);
    if count >= TIMES {
        return;
    }
    if let Some(due) = last.map(|last| after(last, PAUSE)).filter(|due| now < *due) {
        reaction.wake(due);
        return;
    }
    let mut status = pod["status"].clone();
    let container = &mut status["containerStatuses"][0];
    container["lastState"] = json!({"terminated": {
        "exitCode": 137, "reason": "OOMKilled", "startedAt": stamp(started), "finishedAt": stamp(now),
        "containerID": known["containerID"],
    }});
    container["restartCount"] = (count + 1).into();
    container["state"] = json!({"running": {"startedAt": stamp(now)}});
    let target = reference(pod);
    reaction.writes.push(Write::Status { target, status });
}

/// The machine says that its memory runs out, or that it is enough again.
fn pressed(node: &Value, short: bool, now: Timestamp) -> Write {
    let mut told = node.clone();
    let conditions = told["status"]["conditions"].as_array_mut();
    for condition in conditions.into_iter().flatten() {
        if condition["type"] == "MemoryPressure" {
            let (status, reason, message) = if short {
                (
                    "True",
                    "KubeletHasInsufficientMemory",
                    "kubelet has insufficient memory available",
                )
            } else {
                (
                    "False",
                    "KubeletHasSufficientMemory",
                    "kubelet has sufficient memory available",
                )
            };
            condition["status"] = status.into();
            condition["reason"] = reason.into();
            condition["message"] = message.into();
            condition["lastHeartbeatTime"] = stamp(now).into();
            condition["lastTransitionTime"] = stamp(now).into();
        }
    }
    let others = items(&node["spec"]["taints"]).filter(|taint| taint["key"] != SHORT);
    let mut taints: Vec<Value> = others.cloned().collect();
    if short {
        taints.push(json!({"key": SHORT, "effect": "NoSchedule", "timeAdded": stamp(now)}));
    }
    if let Some(spec) = told["spec"].as_object_mut() {
        spec.shift_remove("taints");
        if !taints.is_empty() {
            spec.insert("taints".to_owned(), taints.into());
        }
    }
    Write::Replace(told)
}

/// One pod is ended to save the machine: the first that another one takes the place of, by what its maker calls it. Its own name
/// holds digests, which differ from one site to the next.
fn evict(world: &World<'_>, node: &Value, now: Timestamp, reaction: &mut Reaction) {
    let since = condition(node, "MemoryPressure")
        .and_then(|pressure| time(&pressure["lastTransitionTime"]));
    let here = || {
        world
            .list("Pod", None)
            .filter(|pod| text(&pod["spec"]["nodeName"]) == name(node))
    };
    let done = here().any(|pod| {
        let out =
            condition(pod, "DisruptionTarget").and_then(|out| time(&out["lastTransitionTime"]));
        pod["status"]["reason"] == "Evicted" && out >= since
    });
    let may = |pod: &&std::sync::Arc<Value>| {
        !ended(pod)
            && !leaving(pod)
            && holds(pod, "Ready")
            && !text(&pod["spec"]["priorityClassName"]).starts_with("system-")
            && items(&pod["metadata"]["ownerReferences"]).any(|owner| owner["kind"] == "ReplicaSet")
            && controller(pod).is_some()
    };
    let chosen = here().filter(may).min_by_key(|pod| kin(pod));
    let Some(pod) = chosen.filter(|_| !done) else {
        return;
    };
    let why =
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 81220Ki. ";
    let mut status = pod["status"].clone();
    status["phase"] = "Failed".into();
    status["reason"] = "Evicted".into();
    status["message"] = why.into();
    for kind in ["Ready", "ContainersReady"] {
        set_condition(&mut status, &Says::new(kind, false, "PodFailed", ""), now);
    }
    let says = Says::new("DisruptionTarget", true, "TerminationByKubelet", why);
    set_condition(&mut status, &says, now);
    for container in status["containerStatuses"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        let started = container["state"]["running"]["startedAt"].clone();
        container["ready"] = false.into();
        container["started"] = false.into();
        container["state"] = json!({"terminated": {
            "exitCode": 137, "reason": "Error", "startedAt": started, "finishedAt": stamp(now),
            "containerID": container["containerID"],
        }});
    }
    let target = reference(pod);
    reaction.writes.push(Write::Status { target, status });
    reaction.writes.push(warning(pod, SOURCE, "Evicted", why));
}

/// The namespace of a pod and what its labels say beside the digest of its template.
fn kin(pod: &Value) -> (String, String) {
    let labels = pod["metadata"]["labels"].as_object().into_iter().flatten();
    let said: Vec<&str> = labels
        .filter(|(key, _)| *key != "pod-template-hash")
        .filter_map(|(_, value)| value.as_str())
        .collect();
    (namespace(pod).to_owned(), said.join("/"))
}

/// The secret with the certificate that has ended, or with its own again. One that was deployed anew meanwhile keeps the new one:
/// that is how a person cures it.
fn exchanged(secret: &Value, expired: bool, now: Timestamp) -> Option<Write> {
    let kept = secret["metadata"]["annotations"][KEPT].as_str();
    let mut changed = secret.clone();
    match (expired, kept) {
        (true, None) => {
            if !changed["metadata"]["annotations"].is_object() {
                changed["metadata"]["annotations"] = json!({});
            }
            changed["metadata"]["annotations"][KEPT] = secret["data"]["tls.crt"].clone();
            changed["data"]["tls.crt"] = STANDARD.encode(EXPIRED).into();
            let by = json!({"manager": SOMEBODY, "operation": "Update", "apiVersion": "v1", "time": stamp(now)});
            owned(&mut changed, by);
        }
        (false, Some(own)) => {
            if secret["data"]["tls.crt"] == STANDARD.encode(EXPIRED) {
                changed["data"]["tls.crt"] = own.into();
                let by = json!({"manager": MANAGER, "operation": "Apply", "apiVersion": "v1", "time": stamp(now)});
                owned(&mut changed, by);
            }
            if let Some(metadata) = changed["metadata"].as_object_mut()
                && let Some(notes) = metadata
                    .get_mut("annotations")
                    .and_then(Value::as_object_mut)
            {
                notes.shift_remove(KEPT);
                if notes.is_empty() {
                    metadata.shift_remove("annotations");
                }
            }
        }
        _ => return None,
    }
    Some(Write::Replace(changed))
}

/// From now on the certificate is what this manager set.
fn owned(secret: &mut Value, by: Value) {
    let field = json!({"f:data": {"f:tls.crt": {}}});
    let mut entries: Vec<Value> = items(&secret["metadata"]["managedFields"])
        .cloned()
        .collect();
    for entry in &mut entries {
        entry["fieldsV1"] = fields_of(&entry["fieldsV1"]).into_owned();
        let data = entry["fieldsV1"].get_mut("f:data");
        if let Some(fields) = data.and_then(Value::as_object_mut) {
            fields.shift_remove("f:tls.crt");
        }
    }
    let same = |entry: &Value| {
        ["manager", "operation"]
            .iter()
            .all(|key| entry[*key] == by[*key])
    };
    if let Some(entry) = entries.iter_mut().find(|entry| same(entry)) {
        entry["fieldsV1"]["f:data"]["f:tls.crt"] = json!({});
    } else {
        let mut entry = by;
        entry["fieldsType"] = "FieldsV1".into();
        entry["fieldsV1"] = field;
        entries.push(entry);
    }
    entries
        .retain(|entry| entry["manager"] != SOMEBODY || entry["fieldsV1"]["f:data"] != json!({}));
    secret["metadata"]["managedFields"] = entries.into();
}
