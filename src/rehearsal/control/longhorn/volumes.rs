//! A volume of Longhorn for every volume of the cluster that its driver made: where its replicas are, who uses it. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{DRIVER, ENGINE, NAMESPACE, copies, object};
use crate::rehearsal::{
    control::{
        pods::{claims, ended},
        quantity::bytes,
        shape::{
            after, fingerprint, holds, items, leaving, letters, name, report, stamp, text, time,
        },
    },
    world::{Reaction, World, Write, reference},
};

const VOLUME: &str = "Volume.longhorn.io";
/// Seconds that attaching a volume to a machine takes.
const ATTACHING: i64 = 3;
/// The part of a practice volume that is written.
const WRITTEN: u64 = 20;

/// One turn for all volumes.
pub(super) fn volumes(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    for volume in world.list("PersistentVolume", None) {
        if volume["spec"]["csi"]["driver"] != DRIVER || leaving(volume) {
            continue;
        }
        match world.get(
            VOLUME,
            NAMESPACE,
            text(&volume["spec"]["csi"]["volumeHandle"]),
        ) {
            None => reaction.writes.push(Write::Create(fresh(world, volume))),
            Some(known) => {
                let status = status(world, (known, volume), now, reaction);
                reaction.writes.extend(report(known, status));
            }
        }
    }
}

fn fresh(world: &World<'_>, volume: &Value) -> Value {
    let class = text(&volume["spec"]["storageClassName"]);
    let class = world.get("StorageClass.storage.k8s.io", "", class);
    let parameter = |key: &str| class.map_or("", |class| text(&class["parameters"][key]));
    let tags: Vec<&str> = parameter("diskSelector")
        .split(',')
        .filter(|tag| !tag.is_empty())
        .collect();
    let number = |key: &str, usual: u64| parameter(key).parse().unwrap_or(usual);
    let mut value = object("Volume", text(&volume["spec"]["csi"]["volumeHandle"]));
    value["metadata"]["labels"] = json!({"longhornvolume": volume["spec"]["csi"]["volumeHandle"], "backup-target": "default"});
    value["spec"] = json!({
        "size": bytes(text(&volume["spec"]["capacity"]["storage"])).to_string(),
        "numberOfReplicas": number("numberOfReplicas", 3),
        "staleReplicaTimeout": number("staleReplicaTimeout", 30),
        "frontend": "blockdev",
        "accessMode": "rwo",
        "dataEngine": "v1",
        "dataLocality": match parameter("dataLocality") { "" => "disabled", locality => locality },
        "diskSelector": tags,
        "nodeSelector": [],
        "image": ENGINE,
        "backupTargetName": "default",
        "nodeID": "",
    });
    if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
        // Then the driver deletes it with the volume of the cluster.
        value["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "PersistentVolume",
            "name": name(volume), "uid": volume["metadata"]["uid"],
        }]);
    }
    value
}

fn status(
    world: &World<'_>,
    (known, volume): (&Value, &Value),
    now: Timestamp,
    reaction: &mut Reaction,
) -> Value {
    let claim = &volume["spec"]["claimRef"];
    let users: Vec<&Value> = world
        .list("Pod", Some(text(&claim["namespace"])))
        .map(AsRef::as_ref)
        .filter(|pod| !ended(pod) && claims(pod).any(|used| *used == claim["name"]))
        .collect();
    // A pod on a silent node keeps the volume only while nobody else wants it.
    let placed = || {
        users
            .iter()
            .filter(|pod| !text(&pod["spec"]["nodeName"]).is_empty())
    };
    let user = placed()
        .find(|pod| reports(world, pod))
        .or_else(|| placed().next());
    let node = user.map_or("", |pod| text(&pod["spec"]["nodeName"]));
    let began = user.map(|pod| time(&pod["status"]["startTime"]).unwrap_or(now));
    let already = known["status"]["currentNodeID"] == node;
    let state = match began.map(|began| after(began, ATTACHING)) {
        None => "detached",
        Some(due) if now < due && !already => {
            reaction.wake(due);
            "attaching"
        }
        Some(_) => "attached",
    };
    let attached = state == "attached";
    let size: u64 = text(&known["spec"]["size"]).parse().unwrap_or(0);
    let mut status = json!({
        "state": state,
        "robustness": if attached { robustness(world, known) } else { "unknown" },
        "currentNodeID": if attached { node } else { "" },
        "currentImage": ENGINE,
        "ownerID": node,
        "frontendDisabled": false,
        "actualSize": if already && attached || !text(&known["status"]["state"]).is_empty() {
            size / WRITTEN
        } else {
            0
        },
        "kubernetesStatus": {
            "pvName": name(volume),
            "pvStatus": volume["status"]["phase"],
            "pvcName": claim["name"],
            "namespace": claim["namespace"],
            "lastPVCRefAt": "",
            "lastPodRefAt": "",
            "workloadsStatus": users.iter().map(|pod| workload(pod)).collect::<Vec<_>>(),
        },
    });
    let degraded = status["robustness"] == "degraded";
    if degraded != (known["status"]["robustness"] == "degraded") {
        status["lastDegradedAt"] = if degraded { stamp(now) } else { String::new() }.into();
    }
    if let Some((backup, at)) = copies::newest(world, name(known)) {
        status["lastBackup"] = backup.into();
        status["lastBackupAt"] = at.into();
    }
    for (field, value) in known["status"].as_object().into_iter().flatten() {
        if status.get(field).is_none() {
            status[field.as_str()] = value.clone();
        }
    }
    status
}

/// Whether the node of a pod reports.
fn reports(world: &World<'_>, pod: &Value) -> bool {
    let node = world.get("Node", "", text(&pod["spec"]["nodeName"]));
    node.is_some_and(|node| holds(node, "Ready"))
}

/// Pods of workloads that should have ended on a silent node hold their volume: they are removed, as the setting
/// `node-down-pod-deletion-policy` asks for, so that others can take their place.
pub(super) fn let_go(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    for pod in world.list("Pod", None) {
        let owner =
            items(&pod["metadata"]["ownerReferences"]).find(|owner| owner["controller"] == true);
        let workload =
            owner.is_some_and(|owner| matches!(text(&owner["kind"]), "StatefulSet" | "ReplicaSet"));
        let placed = !text(&pod["spec"]["nodeName"]).is_empty();
        if !leaving(pod)
            || !workload
            || !placed
            || reports(world, pod)
            || claims(pod).next().is_none()
        {
            continue;
        }
        match time(&pod["metadata"]["deletionTimestamp"]) {
            Some(due) if now < due => reaction.wake(due),
            _ => reaction.writes.push(Write::Remove {
                target: reference(pod),
            }),
        }
    }
}

fn workload(pod: &Value) -> Value {
    let owner =
        items(&pod["metadata"]["ownerReferences"]).find(|owner| owner["controller"] == true);
    json!({
        "podName": name(pod),
        "podStatus": pod["status"]["phase"],
        "workloadName": owner.map_or("", |owner| text(&owner["name"])),
        "workloadType": owner.map_or("", |owner| text(&owner["kind"])),
    })
}

/// How many of the machines that hold a replica are there.
fn robustness(world: &World<'_>, volume: &Value) -> &'static str {
    let wanted = volume["spec"]["numberOfReplicas"].as_u64().unwrap_or(1);
    let serving = homes(world, volume)
        .iter()
        .filter(|home| {
            let node = world.get("Node.longhorn.io", NAMESPACE, home);
            node.is_some_and(|node| holds(node, "Ready"))
        })
        .count() as u64;
    match serving {
        0 => "faulted",
        serving if serving < wanted => "degraded",
        _ => "healthy",
    }
}

/// The machines that hold a replica of a volume, always the same for the same machines.
fn homes<'w>(world: &World<'w>, volume: &Value) -> Vec<&'w str> {
    let wanted = volume["spec"]["numberOfReplicas"].as_u64().unwrap_or(1);
    let tags = &volume["spec"]["diskSelector"];
    let mut homes: Vec<(u64, &str)> = world
        .list("Node.longhorn.io", Some(NAMESPACE))
        .filter(|node| {
            let disks = node["spec"]["disks"].as_object();
            disks
                .into_iter()
                .flatten()
                .any(|(_, disk)| takes(&disk["tags"], tags))
        })
        .map(|node| (fingerprint(&json!([name(volume), name(node)])), name(node)))
        .collect();
    homes.sort_unstable();
    homes.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
    homes.into_iter().map(|(_, name)| name).collect()
}

/// Whether a disk with these tags takes a volume that asks for those.
fn takes(tags: &Value, asked: &Value) -> bool {
    items(asked).all(|asked| items(tags).any(|tag| tag == asked))
}

/// The replicas on a disk of a machine, with their sizes.
pub(super) fn placed(world: &World<'_>, node: &str, tags: &Value) -> Vec<(String, u64)> {
    world
        .list(VOLUME, Some(NAMESPACE))
        .filter(|volume| takes(tags, &volume["spec"]["diskSelector"]))
        .filter(|volume| homes(world, volume).contains(&node))
        .map(|volume| {
            let mark = letters(fingerprint(&json!([name(volume), node])), 8);
            let size = text(&volume["spec"]["size"]).parse().unwrap_or(0);
            (format!("{}-r-{mark}", name(volume)), size)
        })
        .collect()
}
