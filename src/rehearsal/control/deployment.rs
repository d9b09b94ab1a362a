//! Deployments: one ReplicaSet per template, rolled over, and the conditions that `kubectl rollout status` reads. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::shape::{
    Owned, Says, after, by_owner, condition, controller, event, label, leaving, name, namespace,
    owned_by, replicas, report, revision_of, set_condition, share, stamp, time, uid,
};
use crate::rehearsal::world::{Reaction, World, Write};

const SOURCE: &str = "deployment-controller";
const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
/// How long a rollout may stand still unless the Deployment says otherwise.
const DEADLINE: i64 = 600;

/// One turn for all Deployments.
pub fn deployments(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let sets = by_owner(world.list("ReplicaSet.apps", None));
    for deployment in world.list("Deployment.apps", None) {
        if !leaving(deployment) {
            one(world, (deployment, now), &sets, &mut reaction);
        }
    }
    reaction
}

fn one(
    world: &World<'_>,
    (deployment, now): (&Value, Timestamp),
    sets: &Owned<'_>,
    reaction: &mut Reaction,
) {
    let owned: &[&Value] = sets.get(uid(deployment)).map_or(&[], Vec::as_slice);
    let hash = revision_of(&deployment["spec"]["template"]);
    let newest = owned
        .iter()
        .copied()
        .find(|set| set["metadata"]["labels"][HASH] == hash.as_str());
    let old: Vec<&Value> = owned
        .iter()
        .copied()
        .filter(|set| set["metadata"]["labels"][HASH] != hash.as_str())
        .collect();
    let Some(newest) = newest else {
        let first = first_size(world, deployment, &old);
        let highest = old.iter().map(|set| revision(set)).max().unwrap_or(0);
        let set = replica_set(deployment, &hash, first, highest + 1);
        let text = format!("Scaled up replica set {} from 0 to {first}", name(&set));
        reaction.writes.push(Write::Create(set));
        reaction
            .writes
            .push(event(deployment, SOURCE, "ScalingReplicaSet", text));
        return;
    };
    roll(world, (deployment, newest), &old, reaction);
    let status = status(deployment, newest, &old, now);
    if let Some(due) = deadline(deployment, &status).filter(|due| *due > now) {
        reaction.wake(due);
    }
    reaction.writes.extend(report(deployment, status));
}

fn revision(set: &Value) -> u64 {
    set["metadata"]["annotations"][REVISION]
        .as_str()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn recreates(deployment: &Value) -> bool {
    deployment["spec"]["strategy"]["type"] == "Recreate"
}

/// How many pods more, and how many fewer, than wished a rollout may have.
fn room(deployment: &Value) -> (u64, u64) {
    let wanted = replicas(deployment);
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    let quarter = Value::from("25%");
    let surge = share(&rolling["maxSurge"], wanted, true)
        .or_else(|| share(&quarter, wanted, true))
        .unwrap_or(1);
    let missing = share(&rolling["maxUnavailable"], wanted, false)
        .or_else(|| share(&quarter, wanted, false))
        .unwrap_or(0);
    if surge == 0 && missing == 0 {
        (0, 1)
    } else {
        (surge, missing)
    }
}

fn total(sets: &[&Value], field: &str) -> u64 {
    sets.iter()
        .filter_map(|set| set["status"][field].as_u64())
        .sum()
}

fn wished(sets: &[&Value]) -> u64 {
    sets.iter().map(|set| replicas(set)).sum()
}

/// Whether no pod of these sets is left, not even one that is stopping.
fn gone(world: &World<'_>, sets: &[&Value]) -> bool {
    let Some(first) = sets.first() else {
        return true;
    };
    let uids: Vec<&str> = sets.iter().map(|set| uid(set)).collect();
    !world
        .list("Pod", Some(namespace(first)))
        .any(|pod| controller(pod).is_some_and(|owner| uids.contains(&owner)))
}

fn first_size(world: &World<'_>, deployment: &Value, old: &[&Value]) -> u64 {
    let wanted = replicas(deployment);
    if old.is_empty() {
        return wanted;
    }
    if recreates(deployment) {
        return if wished(old) == 0 && gone(world, old) {
            wanted
        } else {
            0
        };
    }
    let (surge, _) = room(deployment);
    wanted.min((wanted + surge).saturating_sub(wished(old)))
}

fn replica_set(deployment: &Value, hash: &str, size: u64, revision: u64) -> Value {
    let mut template = deployment["spec"]["template"].clone();
    label(&mut template, &[(HASH, hash)]);
    let mut selector = deployment["spec"]["selector"].clone();
    if !selector["matchLabels"].is_object() {
        selector["matchLabels"] = json!({});
    }
    selector["matchLabels"][HASH] = hash.into();
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", name(deployment)),
            "namespace": namespace(deployment),
            "labels": template["metadata"]["labels"],
            "annotations": {
                REVISION: revision.to_string(),
                "deployment.kubernetes.io/desired-replicas": replicas(deployment).to_string(),
            },
            "ownerReferences": owned_by(deployment),
        },
        "spec": {"replicas": size, "selector": selector, "template": template},
        "status": {"replicas": 0},
    })
}

fn scale(deployment: &Value, set: &Value, size: u64, reaction: &mut Reaction) {
    let present = replicas(set);
    if present == size {
        return;
    }
    let mut changed = set.clone();
    changed["spec"]["replicas"] = size.into();
    let way = if size > present { "up" } else { "down" };
    let text = format!(
        "Scaled {way} replica set {} from {present} to {size}",
        name(set)
    );
    reaction.writes.push(Write::Replace(changed));
    reaction
        .writes
        .push(event(deployment, SOURCE, "ScalingReplicaSet", text));
}

/// How many pods of a set serve and are meant to stay.
fn serving(set: &Value) -> u64 {
    let available = set["status"]["availableReplicas"].as_u64().unwrap_or(0);
    available.min(replicas(set))
}

/// Moves the sizes of the old sets towards none and of the newest towards the wish, within the room there is.
fn roll(
    world: &World<'_>,
    (deployment, newest): (&Value, &Value),
    old: &[&Value],
    reaction: &mut Reaction,
) {
    let wanted = replicas(deployment);
    let rest = wished(old) == 0 && total(old, "replicas") == 0;
    if rest && (!recreates(deployment) || gone(world, old)) {
        scale(deployment, newest, wanted, reaction);
        return;
    }
    if recreates(deployment) {
        for set in old {
            scale(deployment, set, 0, reaction);
        }
        return;
    }
    let (surge, missing) = room(deployment);
    let mut all = old.to_vec();
    all.push(newest);
    let grown = wanted.min((wanted + surge).saturating_sub(wished(old)));
    scale(
        deployment,
        newest,
        grown.max(replicas(newest).min(wanted)),
        reaction,
    );
    // Pods of the newest set that do not serve yet hold the old ones back.
    let least = wanted.saturating_sub(missing);
    let available: u64 = all.iter().map(|set| serving(set)).sum();
    let mut spare = available.saturating_sub(least);
    for set in old {
        let idle = replicas(set) - serving(set);
        let gone = (spare + idle).min(replicas(set));
        spare = spare.saturating_sub(gone.saturating_sub(idle));
        scale(deployment, set, replicas(set) - gone, reaction);
    }
}

fn status(deployment: &Value, newest: &Value, old: &[&Value], now: Timestamp) -> Value {
    let wanted = replicas(deployment);
    let mut all = old.to_vec();
    all.push(newest);
    let count = |field| total(&all, field);
    let updated = newest["status"]["replicas"].as_u64().unwrap_or(0);
    let available = count("availableReplicas");
    let mut status = json!({"observedGeneration": deployment["metadata"]["generation"]});
    let numbers = [
        ("replicas", count("replicas")),
        ("updatedReplicas", updated),
        ("readyReplicas", count("readyReplicas")),
        ("availableReplicas", available),
        (
            "unavailableReplicas",
            count("replicas").max(wanted).saturating_sub(available),
        ),
    ];
    for (field, number) in numbers.into_iter().filter(|(_, number)| *number > 0) {
        status[field] = number.into();
    }
    if deployment["status"]["conditions"].is_array() {
        status["conditions"] = deployment["status"]["conditions"].clone();
    }
    let (_, missing) = room(deployment);
    let serves = available >= wanted.saturating_sub(missing);
    let says = if serves {
        Says::new(
            "Available",
            true,
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        Says::new(
            "Available",
            false,
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    set_condition(&mut status, &says, now);
    let done = updated == wanted && count("replicas") == wanted && available == wanted;
    progress(deployment, newest, done, &mut status, now);
    status
}

fn progress(deployment: &Value, newest: &Value, done: bool, status: &mut Value, now: Timestamp) {
    let set = name(newest);
    let moved = [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ]
    .iter()
    .any(|field| status[*field] != deployment["status"][*field]);
    let late = deadline(deployment, &deployment["status"]).is_some_and(|due| now >= due);
    let says = if done {
        Says::new(
            "Progressing",
            true,
            "NewReplicaSetAvailable",
            format!("ReplicaSet \"{set}\" has successfully progressed."),
        )
    } else if late && !moved {
        Says::new(
            "Progressing",
            false,
            "ProgressDeadlineExceeded",
            format!("ReplicaSet \"{set}\" has timed out progressing."),
        )
    } else {
        Says::new(
            "Progressing",
            true,
            "ReplicaSetUpdated",
            format!("ReplicaSet \"{set}\" is progressing."),
        )
    };
    let overdue = condition(deployment, "Progressing")
        .is_some_and(|known| known["reason"] == "ProgressDeadlineExceeded");
    if overdue && !done && !moved {
        return;
    }
    set_condition(status, &says, now);
    let Some(list) = status["conditions"].as_array_mut() else {
        return;
    };
    for entry in list.iter_mut() {
        if !entry["lastUpdateTime"].is_string()
            || (moved && !done && entry["type"] == "Progressing")
        {
            entry["lastUpdateTime"] = stamp(now).into();
        }
    }
}

/// When a rollout that stands still counts as failed; nothing once it is done or has failed.
fn deadline(deployment: &Value, status: &Value) -> Option<Timestamp> {
    let limit = deployment["spec"]["progressDeadlineSeconds"]
        .as_i64()
        .unwrap_or(DEADLINE);
    let known = super::shape::items(&status["conditions"])
        .find(|known| known["type"] == "Progressing" && known["reason"] == "ReplicaSetUpdated")?;
    Some(after(time(&known["lastUpdateTime"])?, limit))
}
