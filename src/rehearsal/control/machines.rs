//! A machine that is lost and comes back: its node falls silent, its pods are given up after their time, it starts again. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    pods::ended,
    shape::{
        Says, after, condition, delete, holds, items, leaving, name, set_condition, stamp, text,
        time, warning,
    },
    trouble::{SECONDARY_LOST, plays},
};
use crate::rehearsal::world::{Reaction, World, Write, reference};

const SOURCE: &str = "node-controller";
/// Seconds between two reports of a kubelet to which nothing happens.
const REPORTS: i64 = 300;
/// The note of a node about its machine: `down SINCE`, or `starting SINCE`.
const MACHINE: &str = "rehearsal.care-install/machine";
/// The note of a node about the switch of its machine: `off`.
pub const SWITCH: &str = "rehearsal.care-install/switch";
/// Seconds without a word until a node counts as silent.
const SILENT: i64 = 40;
/// Seconds that a machine takes to start, as seen on a real one.
const STARTING: i64 = 90;
/// The taint of a silent node.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The conditions that a kubelet reports, with what they say when all is well.
const REPORTED: [(&str, bool, &str, &str); 4] = [
    (
        "MemoryPressure",
        false,
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    (
        "DiskPressure",
        false,
        "KubeletHasNoDiskPressure",
        "kubelet has no disk pressure",
    ),
    (
        "PIDPressure",
        false,
        "KubeletHasSufficientPID",
        "kubelet has sufficient PID available",
    ),
    (
        "Ready",
        true,
        "KubeletReady",
        "kubelet is posting ready status",
    ),
];

/// How a machine is.
enum Machine {
    Runs,
    Down(Timestamp),
    Starting(Timestamp),
}

/// Whether a node's machine runs: on one that does not, nothing moves.
pub fn runs(node: &Value) -> bool {
    matches!(machine(node), Machine::Runs)
}

fn machine(node: &Value) -> Machine {
    let said = text(&node["metadata"]["annotations"][MACHINE]);
    let since = |rest: &str| rest.parse().ok();
    match said.split_once(' ') {
        Some(("down", rest)) => since(rest).map_or(Machine::Runs, Machine::Down),
        Some(("starting", rest)) => since(rest).map_or(Machine::Runs, Machine::Starting),
        _ => Machine::Runs,
    }
}

/// A node as it is answered to who asks for it: with the last report of its kubelet. Reports that say nothing new are not kept, so
/// that the clock can rest while nothing happens.
pub fn reported(node: &Arc<Value>, now: Timestamp) -> Arc<Value> {
    let last = now.as_second().div_euclid(REPORTS) * REPORTS;
    let last = Timestamp::from_second(last).unwrap_or(now);
    let heard = condition(node, "Ready").and_then(|ready| time(&ready["lastHeartbeatTime"]));
    if !runs(node) || !holds(node, "Ready") || heard.is_none_or(|heard| heard >= last) {
        return Arc::clone(node);
    }
    let mut told = Value::clone(node);
    heard_at(&mut told, last);
    Arc::new(told)
}

/// One turn for all machines, and for the pods of those that are silent.
pub fn machines(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let lost = plays(world, SECONDARY_LOST);
    for node in world.list("Node", None) {
        let plays = lost && node["metadata"]["labels"]["ohn/role"] == "secondary";
        let lost = plays || node["metadata"]["annotations"][SWITCH] == "off";
        match machine(node) {
            Machine::Runs if lost => reaction.writes.push(stop(node, now)),
            Machine::Runs => {}
            Machine::Down(since) if lost => silence(node, since, now, &mut reaction),
            Machine::Down(_) => reaction.writes.push(noted(node, "starting", now)),
            Machine::Starting(_) if lost => reaction.writes.push(noted(node, "down", now)),
            Machine::Starting(since) => {
                silence(node, since, now, &mut reaction);
                start(node, since, now, &mut reaction);
            }
        }
        if !holds(node, "Ready") {
            give_up(world, node, now, &mut reaction);
        }
    }
    reaction
}

fn noted(node: &Value, how: &str, now: Timestamp) -> Write {
    let mut noted = node.clone();
    noted["metadata"]["annotations"][MACHINE] = format!("{how} {}", stamp(now)).into();
    Write::Replace(noted)
}

/// Its kubelet was heard last at this moment.
fn heard_at(node: &mut Value, at: Timestamp) {
    let conditions = node["status"]["conditions"].as_array_mut();
    for condition in conditions.into_iter().flatten() {
        condition["lastHeartbeatTime"] = stamp(at).into();
    }
}

/// The machine goes down: what was heard of it last was heard now.
fn stop(node: &Value, now: Timestamp) -> Write {
    let mut stopped = node.clone();
    stopped["metadata"]["annotations"][MACHINE] = format!("down {}", stamp(now)).into();
    heard_at(&mut stopped, now);
    Write::Replace(stopped)
}

/// After its time without a word the node's conditions are unknown, and taints keep pods away.
fn silence(node: &Value, since: Timestamp, now: Timestamp, reaction: &mut Reaction) {
    if !holds(node, "Ready") {
        return;
    }
    let due = after(since, SILENT);
    if now < due {
        reaction.wake(due);
        return;
    }
    let mut silent = node.clone();
    for condition in silent["status"]["conditions"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        condition["status"] = "Unknown".into();
        condition["reason"] = "NodeStatusUnknown".into();
        condition["message"] = "Kubelet stopped posting node status.".into();
        condition["lastTransitionTime"] = stamp(now).into();
    }
    let mut taints: Vec<Value> = items(&node["spec"]["taints"]).cloned().collect();
    for effect in ["NoSchedule", "NoExecute"] {
        taints.push(json!({"key": UNREACHABLE, "effect": effect, "timeAdded": stamp(now)}));
    }
    silent["spec"]["taints"] = taints.into();
    reaction.writes.push(Write::Replace(silent));
}

/// A machine that has started reports again, and its taints go.
fn start(node: &Value, since: Timestamp, now: Timestamp, reaction: &mut Reaction) {
    let due = after(since, STARTING);
    if now < due {
        reaction.wake(due);
        return;
    }
    let mut back = node.clone();
    if let Some(notes) = back["metadata"]["annotations"].as_object_mut() {
        notes.shift_remove(MACHINE);
    }
    for condition in back["status"]["conditions"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        let said = REPORTED
            .iter()
            .find(|(kind, ..)| condition["type"] == *kind);
        let Some((_, holds, reason, message)) = said else {
            continue;
        };
        let status = if *holds { "True" } else { "False" };
        if condition["status"] != status {
            condition["lastTransitionTime"] = stamp(now).into();
        }
        condition["status"] = status.into();
        condition["reason"] = (*reason).into();
        condition["message"] = (*message).into();
        condition["lastHeartbeatTime"] = stamp(now).into();
    }
    let taints = items(&node["spec"]["taints"]).filter(|taint| taint["key"] != UNREACHABLE);
    let taints: Vec<Value> = taints.cloned().collect();
    if let Some(spec) = back["spec"].as_object_mut() {
        spec.shift_remove("taints");
        if !taints.is_empty() {
            spec.insert("taints".to_owned(), taints.into());
        }
    }
    reaction.writes.push(Write::Replace(back));
}

/// The pods of a silent node: not ready at once, asked to end when they tolerate it no longer.
fn give_up(world: &World<'_>, node: &Value, now: Timestamp, reaction: &mut Reaction) {
    let taint = items(&node["spec"]["taints"])
        .find(|taint| taint["key"] == UNREACHABLE && taint["effect"] == "NoExecute");
    for pod in world.list("Pod", None) {
        if text(&pod["spec"]["nodeName"]) != name(node) || ended(pod) {
            continue;
        }
        if holds(pod, "Ready") {
            let mut status = pod["status"].clone();
            set_condition(&mut status, &Says::new("Ready", false, "", ""), now);
            let target = reference(pod);
            reaction.writes.push(Write::Status { target, status });
            reaction
                .writes
                .push(warning(pod, SOURCE, "NodeNotReady", "Node is not ready"));
            continue;
        }
        let added = taint.and_then(|taint| time(&taint["timeAdded"]));
        let due = added
            .zip(tolerated(pod))
            .map(|(added, seconds)| after(added, seconds));
        match due.filter(|_| !leaving(pod)) {
            Some(due) if now < due => reaction.wake(due),
            Some(_) => evict(pod, now, reaction),
            None => {}
        }
    }
}

/// Seconds that a pod stays on a silent node; nothing when it stays for ever.
fn tolerated(pod: &Value) -> Option<i64> {
    let matching = items(&pod["spec"]["tolerations"]).filter(|one| {
        let key = text(&one["key"]);
        let effect = text(&one["effect"]);
        (key == UNREACHABLE || (key.is_empty() && one["operator"] == "Exists"))
            && (effect.is_empty() || effect == "NoExecute")
    });
    let seconds: Vec<Option<i64>> = matching
        .map(|one| one["tolerationSeconds"].as_i64())
        .collect();
    if seconds.is_empty() {
        return Some(0);
    }
    let for_ever = seconds.iter().all(Option::is_none);
    (!for_ever).then(|| seconds.into_iter().flatten().min().unwrap_or(0).max(0))
}

fn evict(pod: &Value, now: Timestamp, reaction: &mut Reaction) {
    let mut status = pod["status"].clone();
    let says = Says::new(
        "DisruptionTarget",
        true,
        "DeletionByTaintManager",
        "Taint manager: deleting due to NoExecute taint",
    );
    set_condition(&mut status, &says, now);
    let target = reference(pod);
    reaction.writes.push(Write::Status { target, status });
    reaction.writes.push(delete(pod));
}
