//! ReplicaSets: as many pods as wished, and how many of them serve. Pure.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    pods::{active, count, from_template, ready},
    shape::{Owned, by_owner, delete, event, items, leaving, name, replicas, report, suffix, uid},
};
use crate::rehearsal::world::{Reaction, World, Write};

const SOURCE: &str = "replicaset-controller";

/// One turn for all ReplicaSets.
pub fn replica_sets(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let pods = by_owner(world.list("Pod", None));
    for set in world.list("ReplicaSet.apps", None) {
        if !leaving(set) {
            one(set, &pods, world.revision(), &mut reaction);
        }
    }
    reaction
}

fn one(set: &Value, pods: &Owned<'_>, revision: u64, reaction: &mut Reaction) {
    let wanted = replicas(set);
    let owned: &[&Value] = pods.get(uid(set)).map_or(&[], Vec::as_slice);
    let mut alive: Vec<&Value> = owned.iter().copied().filter(|pod| active(pod)).collect();
    let have = alive.len() as u64;
    for index in have..wanted {
        let pod_name = format!("{}-{}", name(set), suffix(set, revision, index));
        let pod = from_template(set, &set["spec"]["template"], &pod_name, &[]);
        reaction.writes.push(Write::Create(pod));
        let text = format!("Created pod: {pod_name}");
        reaction
            .writes
            .push(event(set, SOURCE, "SuccessfulCreate", text));
    }
    if have > wanted {
        // What serves longest stays.
        alive.sort_by_cached_key(|pod| {
            (
                ready(pod),
                Reverse(pod["metadata"]["creationTimestamp"].to_string()),
            )
        });
        let surplus = usize::try_from(have - wanted).unwrap_or(0);
        for pod in alive.iter().take(surplus) {
            reaction.writes.push(delete(pod));
            let text = format!("Deleted pod: {}", name(pod));
            reaction
                .writes
                .push(event(set, SOURCE, "SuccessfulDelete", text));
        }
    }
    let mut status = json!({
        "replicas": have,
        "fullyLabeledReplicas": have,
        "observedGeneration": set["metadata"]["generation"],
    });
    let serving = count(owned, ready);
    if serving > 0 {
        status["readyReplicas"] = serving.into();
        status["availableReplicas"] = serving.into();
    }
    if items(&set["status"]["conditions"]).next().is_some() {
        status["conditions"] = set["status"]["conditions"].clone();
    }
    reaction.writes.extend(report(set, status));
}
