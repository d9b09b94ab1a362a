//! A cluster that is asked to rest: its primary's pod goes first, then the others, and its claims stay. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::{Phase, SOURCE, instances::Instance};
use crate::rehearsal::{
    control::shape::{Says, condition, delete, event, items, leaving, name, set_condition},
    world::Reaction,
};

/// The annotation that asks for it, and the condition that tells how far it is.
const HIBERNATION: &str = "cnpg.io/hibernation";

/// Whether a cluster rests or is about to: it must have been healthy before.
pub(super) fn goes_on(cluster: &Value) -> bool {
    let asked = cluster["metadata"]["annotations"][HIBERNATION] == "on";
    let healthy = cluster["status"]["phase"] == Phase::healthy().name;
    asked && (healthy || condition(cluster, HIBERNATION).is_some())
}

/// One turn: the next pod goes, once the one before is gone.
pub(super) fn turn(
    cluster: &Value,
    seen: &[Instance<'_>],
    reaction: &mut Reaction,
) -> Says<'static> {
    let mut pods: Vec<(&Instance<'_>, &Value)> = seen
        .iter()
        .filter_map(|one| Some((one, one.pod?)))
        .collect();
    pods.sort_by_key(|(one, _)| (one.role != "primary", one.serial));
    let Some((first, pod)) = pods.first() else {
        return Says::new(
            HIBERNATION,
            true,
            "Hibernated",
            "Cluster has been hibernated",
        );
    };
    if let Some((_, ending)) = pods.iter().find(|(_, pod)| leaving(pod)) {
        let message = format!("Waiting for {} to be deleted", name(ending));
        return Says::new(HIBERNATION, false, "WaitingPodsDeletion", message);
    }
    let says = Says::new(
        HIBERNATION,
        false,
        "DeletingPods",
        "Hibernation is in progress",
    );
    // As in life it says so first.
    if condition(cluster, HIBERNATION).is_some() {
        reaction.writes.push(delete(pod));
        let text = format!("Deleting instance {}", first.name);
        reaction
            .writes
            .push(event(cluster, SOURCE, "Hibernation", text));
    }
    says
}

/// The status with the condition, or without it once nothing rests any more.
pub(super) fn told(status: &mut Value, says: Option<&Says<'_>>, now: Timestamp) {
    if let Some(says) = says {
        set_condition(status, says, now);
        return;
    }
    let left: Vec<Value> = items(&status["conditions"])
        .filter(|one| one["type"] != HIBERNATION)
        .cloned()
        .collect();
    if status["conditions"].is_array() {
        status["conditions"] = left.into();
    }
}
