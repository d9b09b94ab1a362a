//! Why something is not ready: sentences from the pods, events, claims and nodes themselves, most telling first. Pure.

mod definitions;
mod pods;
pub mod recovery;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    engine::event::Reason,
    plan::Ready,
    problem::Code,
    ready::{Live, Readiness, judge},
};

/// Reasons told at once; more would hide the first.
const MOST: usize = 6;

/// Explains why the condition does not hold yet. Empty when it holds.
pub fn explain(ready: &Ready, live: &Live) -> Vec<Reason> {
    let Readiness::NotYet(why) = judge(ready, live) else {
        return Vec::new();
    };
    let mut ranked: Vec<(u8, Reason)> = Vec::new();
    let pods = pods::of(ready, live);
    for pod in &pods {
        ranked.extend(pods::reasons(pod, &pods, live));
    }
    for target in &live.targets {
        ranked.extend(refused_pods(target, live));
        ranked.extend(definitions::reason(target));
        ranked.extend(running_backup(target));
    }
    ranked.extend(claims(live));
    ranked.extend(nodes(live));
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut seen = HashSet::new();
    let mut reasons: Vec<Reason> = ranked
        .into_iter()
        .map(|(_, reason)| reason)
        .filter(|reason| seen.insert(reason.sentence.clone()))
        .take(MOST)
        .collect();
    reasons.push(plain(why, None));
    reasons
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}

fn plain(sentence: String, since: Option<Timestamp>) -> Reason {
    Reason {
        sentence,
        since,
        code: None,
        remedy: None,
    }
}

fn known(code: Code, sentence: String, since: Option<Timestamp>, remedy: &str) -> Reason {
    Reason {
        sentence,
        since,
        code: Some(code),
        remedy: Some(remedy.to_owned()),
    }
}

/// Newest event about the object with one of these reasons.
fn event<'l>(live: &'l Live, kind: &str, name: &str, reasons: &[&str]) -> Option<&'l Value> {
    live.events
        .iter()
        .map(AsRef::as_ref)
        .filter(|event| {
            text(event, "/involvedObject/kind") == kind
                && text(event, "/involvedObject/name") == name
        })
        .filter(|event| reasons.contains(&text(event, "/reason")))
        .max_by_key(|event| when(event))
}

fn newest<'l>(live: &'l Live, kind: &str, name: &str) -> Option<&'l Value> {
    event(live, kind, name, &["SuccessfulCreate"])
}

fn when(event: &Value) -> Option<Timestamp> {
    time(event, "/series/lastObservedTime")
        .or_else(|| time(event, "/lastTimestamp"))
        .or_else(|| time(event, "/eventTime"))
        .or_else(|| time(event, "/metadata/creationTimestamp"))
}

/// A controller that asked for pods and was refused: on the target itself, or on a replica set that it owns.
fn refused_pods(target: &Value, live: &Live) -> Vec<(u8, Reason)> {
    let uid = text(target, "/metadata/uid");
    let owned = live
        .replica_sets
        .iter()
        .chain(&live.jobs)
        .map(AsRef::as_ref)
        .filter(|object| {
            let owners = object
                .pointer("/metadata/ownerReferences")
                .and_then(Value::as_array);
            !uid.is_empty()
                && owners
                    .into_iter()
                    .flatten()
                    .any(|owner| text(owner, "/uid") == uid)
        });
    [target]
        .into_iter()
        .chain(owned)
        .filter_map(|object| {
            let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
            let event = event(live, kind, name, &["FailedCreate"])?;
            // A refusal that is followed by success is history.
            let later = newest(live, kind, name);
            if later.and_then(when) > when(event) {
                return None;
            }
            let sentence = format!("{kind} {name} cannot make its pods: {}", text(event, "/message"));
            let remedy = "Read the refusal above: a quota or policy has to allow these pods, or the webhook it names has to answer.";
            Some((2, known(Code::Wait09, sentence, when(event), remedy)))
        })
        .collect()
}

/// A backup whose bucket does not answer says the same as one that moves.
fn running_backup(target: &Value) -> Option<(u8, Reason)> {
    if text(target, "/kind") != "Backup" || text(target, "/status/phase") != "started" {
        return None;
    }
    let reason = Reason {
        sentence: format!(
            "backup {} is being copied, or its bucket does not answer: both say \"started\"",
            text(target, "/metadata/name")
        ),
        since: time(target, "/status/reconciliationStartedAt"),
        code: None,
        remedy: Some(
            "If it lasts longer than usual, check that pods of the database reach the backup's endpoint, not only the nodes.".to_owned(),
        ),
    };
    Some((6, reason))
}

/// Claims that wait for a volume and say why.
fn claims(live: &Live) -> Vec<(u8, Reason)> {
    live.claims
        .iter()
        .filter(|claim| text(claim, "/status/phase") == "Pending")
        .filter_map(|claim| {
            let name = text(claim, "/metadata/name");
            let event = event(live, "PersistentVolumeClaim", name, &["ProvisioningFailed", "FailedBinding"])?;
            let class = text(claim, "/spec/storageClassName");
            let sentence = format!("claim {name} (class {class}) has no volume: {}", text(event, "/message"));
            let remedy = format!(
                "Check that the storage class {class} exists and that Longhorn has free space on disks with its tag."
            );
            Some((3, known(Code::Wait06, sentence, time(claim, "/metadata/creationTimestamp"), &remedy)))
        })
        .collect()
}

fn nodes(live: &Live) -> Vec<(u8, Reason)> {
    live.nodes
        .iter()
        .filter_map(|node| {
            let all = node
                .pointer("/status/conditions")
                .and_then(Value::as_array)?;
            let ready = all
                .iter()
                .find(|condition| text(condition, "/type") == "Ready")?;
            if text(ready, "/status") == "True" {
                return None;
            }
            let name = text(node, "/metadata/name");
            let sentence = format!("node {name} is not ready: {}", text(ready, "/message"));
            let remedy = format!(
                "Check that {name} is up and that its kubelet runs: systemctl status kubelet."
            );
            Some((
                1,
                known(
                    Code::Wait10,
                    sentence,
                    time(ready, "/lastTransitionTime"),
                    &remedy,
                ),
            ))
        })
        .collect()
}
