//! Operators: whether they serve, and the workloads that some make of their own once their chart's workloads run. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    pods::{ended, ready},
    shape::{after, condition, items, leaving, name, namespace, text, time},
};
use crate::rehearsal::{
    kinds::DEFINITION,
    world::{Reaction, World, Write, reference},
};

/// The label of a ConfigMap that lists what an operator makes later.
const LISTED: &str = "care-install/standin";
/// The release that an object belongs to.
const RELEASE: &str = "app.kubernetes.io/instance";
/// Seconds from the moment the chart's workloads serve until the operator has made its own.
const THINKING: i64 = 20;

/// Whether a Deployment has at least one pod that serves: of two operators one is enough.
pub fn serves(deployment: &Value) -> bool {
    deployment["status"]["availableReplicas"].as_u64() > Some(0)
}

/// Whether a Deployment of this name serves.
pub fn runs(world: &World<'_>, namespace: &str, deployment: &str) -> bool {
    world
        .get("Deployment.apps", namespace, deployment)
        .is_some_and(|deployment| serves(deployment))
}

/// Whether a kind is defined, by the name of its definition: nothing is made of a kind that is gone.
pub fn defined(world: &World<'_>, definition: &str) -> bool {
    world
        .get(DEFINITION, "", definition)
        .is_some_and(|definition| !leaving(definition))
}

/// One turn for all lists of later workloads.
pub fn later_workloads(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    for list in world.list("ConfigMap", None) {
        if list["metadata"]["labels"][LISTED] == "true" && !leaving(list) {
            make(world, list, now, &mut reaction);
        }
    }
    reaction
}

fn make(world: &World<'_>, list: &Value, now: Timestamp, reaction: &mut Reaction) {
    let text = list["data"]["operators.json"].as_str().unwrap_or("[]");
    // A list that cannot be read makes nothing, as an operator with a wrong setting does.
    let wanted: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let missing: Vec<Value> = wanted
        .into_iter()
        .filter(|object| !exists(world, object))
        .collect();
    if missing.is_empty() {
        return;
    }
    let Some(due) = serving_since(world, list).map(|since| after(since, THINKING)) else {
        return;
    };
    if now < due {
        reaction.wake(due);
        return;
    }
    for mut object in missing {
        object["metadata"]["ownerReferences"] = serde_json::json!([{
            "apiVersion": "v1", "kind": "ConfigMap",
            "name": name(list), "uid": list["metadata"]["uid"],
        }]);
        reaction.writes.push(Write::Create(object));
    }
}

fn exists(world: &World<'_>, object: &Value) -> bool {
    let target = reference(object);
    let key = crate::rehearsal::world::kind_key(&target.api_version, &target.kind);
    world.get(&key, namespace(object), name(object)).is_some()
}

/// Since when every pod of the release serves; nothing while one does not.
fn serving_since(world: &World<'_>, list: &Value) -> Option<Timestamp> {
    let release = text(&list["metadata"]["labels"][RELEASE]);
    let mut since = None;
    for pod in world.list("Pod", Some(namespace(list))) {
        if pod["metadata"]["labels"][RELEASE] != release || leaving(pod) || ended(pod) {
            continue;
        }
        if !ready(pod) {
            return None;
        }
        let began = condition(pod, "Ready").and_then(|says| time(&says["lastTransitionTime"]));
        since = since.max(began);
    }
    let whole = ["Deployment.apps", "DaemonSet.apps", "StatefulSet.apps"]
        .iter()
        .flat_map(|kind| world.list(kind, Some(namespace(list))))
        .filter(|workload| workload["metadata"]["labels"][RELEASE] == release)
        .all(|workload| has_pods(workload));
    since.filter(|_| whole)
}

/// Whether a workload has all the pods it wants: those that are there are judged one by one.
fn has_pods(workload: &Value) -> bool {
    let status = &workload["status"];
    match text(&workload["kind"]) {
        "DaemonSet" => {
            let wanted = status["desiredNumberScheduled"].as_u64().unwrap_or(0);
            wanted > 0 && status["numberReady"].as_u64() >= Some(wanted)
        }
        _ => status["readyReplicas"].as_u64().unwrap_or(0) >= super::shape::replicas(workload),
    }
}

/// The image of the first container of a Deployment.
pub fn image<'w>(world: &World<'w>, namespace: &str, deployment: &str) -> Option<&'w str> {
    let deployment = world.get("Deployment.apps", namespace, deployment)?;
    items(&deployment["spec"]["template"]["spec"]["containers"]).next()?["image"].as_str()
}

#[cfg(test)]
mod tests;
