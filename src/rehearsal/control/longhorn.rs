//! Longhorn as far as others see it: its nodes and disks, its volumes with their copies, its backup target. Pure.

mod copies;
mod recurring;
mod volumes;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    operator::defined,
    pods::ready,
    shape::{
        Says, after, fingerprint, holds, items, leaving, name, report, set_condition, stamp, text,
        time,
    },
    trouble::{DISK_FULL, plays},
};
use crate::rehearsal::world::{Reaction, World, Write};

/// The name of its volume driver.
pub const DRIVER: &str = "driver.longhorn.io";
const NAMESPACE: &str = "longhorn-system";
const API: &str = "longhorn.io/v1beta2";
/// The workload of its managers, which also answer the webhooks.
const MANAGER: &str = "longhorn-manager";
/// The version of its engine.
const ENGINE: &str = "docker.io/longhornio/longhorn-engine:v1.12.1";
/// Seconds from a manager's first look at its machine until its disks are known.
const DISKS: i64 = 3;
/// Seconds until a backup target has answered for the first time.
const SYNC: i64 = 8;
/// How large the practice machines' disks are, by tag.
const SIZES: [(&str, u64); 2] = [("ssd", 1 << 40), ("hdd", 4 << 40)];
/// The part that is free on a full disk, and the part that Longhorn wants to be free.
const FULL: u64 = 50;
const LEAST: u64 = 4;
/// How large other disks are.
const OTHER: u64 = 500 << 30;

/// The settings that Longhorn makes by itself, with the values that the chart is given.
const SETTINGS: [(&str, &str); 6] = [
    ("allow-volume-creation-with-degraded-availability", "true"),
    ("create-default-disk-labeled-nodes", "true"),
    ("default-replica-count", "2"),
    (
        "node-down-pod-deletion-policy",
        "delete-both-statefulset-and-deployment-pod",
    ),
    ("replica-soft-anti-affinity", "false"),
    ("upgrade-checker", "false"),
];

/// Whether the DaemonSet of the managers serves on every node that reports.
pub fn runs(world: &World<'_>) -> bool {
    world
        .get("DaemonSet.apps", NAMESPACE, MANAGER)
        .is_some_and(|set| all_serve(set))
}

fn all_serve(set: &Value) -> bool {
    let wanted = set["status"]["desiredNumberScheduled"]
        .as_u64()
        .unwrap_or(0);
    wanted > 0 && set["status"]["numberReady"].as_u64() >= Some(wanted)
}

/// Whether volumes can be made now: the managers run, and so does the provisioner that they start.
pub fn provisions(world: &World<'_>) -> bool {
    runs(world) && super::operator::runs(world, NAMESPACE, "csi-provisioner")
}

/// One turn for all objects of Longhorn.
pub fn longhorn(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let managed: Vec<&str> = managers(world);
    if managed.is_empty() && world.list("Node.longhorn.io", None).next().is_none() {
        return reaction;
    }
    if defined(world, "nodes.longhorn.io") {
        for node in world.list("Node", None) {
            one_node(
                world,
                node,
                managed.contains(&name(node)),
                now,
                &mut reaction,
            );
        }
    }
    if !runs(world) {
        return reaction;
    }
    settings(world, &mut reaction);
    target(world, now, &mut reaction);
    if defined(world, "volumes.longhorn.io") {
        volumes::volumes(world, now, &mut reaction);
        volumes::let_go(world, now, &mut reaction);
        copies::copies(world, now, &mut reaction);
        recurring::recurring(world, now, &mut reaction);
    }
    reaction
}

/// The nodes on which a manager serves.
fn managers<'w>(world: &World<'w>) -> Vec<&'w str> {
    world
        .list("Pod", Some(NAMESPACE))
        .filter(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == MANAGER && ready(pod))
        .map(|pod| text(&pod["spec"]["nodeName"]))
        .collect()
}

fn object(kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": API,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
    })
}

/// Keeps Longhorn's picture of a machine; the disks are read once, when its manager first starts there.
fn one_node(
    world: &World<'_>,
    node: &Value,
    managed: bool,
    now: Timestamp,
    reaction: &mut Reaction,
) {
    let Some(known) = world.get("Node.longhorn.io", NAMESPACE, name(node)) else {
        if managed {
            let mut fresh = object("Node", name(node));
            fresh["spec"] = json!({
                "name": name(node), "allowScheduling": true, "evictionRequested": false,
                "tags": [], "disks": disks(node),
            });
            reaction.writes.push(Write::Create(fresh));
        }
        return;
    };
    let mut status = known["status"].clone();
    let (holds_ready, reason, message) = if !holds(node, "Ready") {
        (
            false,
            "KubernetesNodeNotReady",
            "the Kubernetes node is not ready",
        )
    } else if managed {
        (true, "", "the node is ready")
    } else {
        (false, "ManagerPodDown", "the manager pod is not running")
    };
    let says = Says::new("Ready", holds_ready, reason, message);
    set_condition(&mut status, &says, now);
    let cordoned = node["spec"]["unschedulable"] == true;
    let reason = if cordoned {
        "KubernetesNodeCordoned"
    } else {
        ""
    };
    let says = Says::new("Schedulable", holds_ready && !cordoned, reason, "");
    set_condition(&mut status, &says, now);
    let born = time(&known["metadata"]["creationTimestamp"]).map(|born| after(born, DISKS));
    match born.filter(|due| *due > now) {
        Some(due) => reaction.wake(due),
        None => status["diskStatus"] = disk_status(world, known, now),
    }
    reaction.writes.extend(report(known, status));
}

/// The disks that the node's annotation asks for.
fn disks(node: &Value) -> Value {
    let mut disks = json!({});
    if node["metadata"]["labels"]["node.longhorn.io/create-default-disk"] != "config" {
        return disks;
    }
    let asked = &node["metadata"]["annotations"]["node.longhorn.io/default-disks-config"];
    let asked: Vec<Value> = serde_json::from_str(text(asked)).unwrap_or_default();
    for (index, disk) in asked.iter().enumerate() {
        let label = match text(&disk["name"]) {
            "" => format!("default-disk-{index}"),
            label => label.to_owned(),
        };
        disks[label] = json!({
            "path": disk["path"],
            "allowScheduling": disk["allowScheduling"].as_bool().unwrap_or(true),
            "evictionRequested": false,
            "storageReserved": disk["storageReserved"].as_u64().unwrap_or(0),
            "tags": if disk["tags"].is_array() { disk["tags"].clone() } else { json!([]) },
            "diskType": "filesystem",
            "diskDriver": "",
        });
    }
    disks
}

fn disk_status(world: &World<'_>, node: &Value, now: Timestamp) -> Value {
    let mut all = json!({});
    for (label, disk) in node["spec"]["disks"].as_object().into_iter().flatten() {
        let replicas = volumes::placed(world, name(node), &disk["tags"]);
        let scheduled: u64 = replicas.iter().map(|(_, size)| size).sum();
        let size = size(&disk["tags"]);
        let mut status = node["status"]["diskStatus"][label].clone();
        if !status.is_object() {
            status = json!({});
        }
        let available = if is_full(world, node, &disk["tags"]) {
            size / FULL
        } else {
            size - size / 10
        };
        set_condition(&mut status, &Says::new("Ready", true, "", ""), now);
        let says = if available < size / LEAST {
            let message = format!(
                "Disk {label} ({}) on the node {} has {available} available, but requires reserved 0, minimal {}% to schedule more replicas",
                text(&disk["path"]),
                name(node),
                100 / LEAST
            );
            Says::new("Schedulable", false, "DiskPressure", message)
        } else {
            Says::new("Schedulable", true, "", "")
        };
        set_condition(&mut status, &says, now);
        let id = fingerprint(&json!([name(node), label]));
        let fields = json!({
            "diskName": label, "diskPath": disk["path"], "diskType": "filesystem",
            "diskDriver": "", "filesystemType": "ext2/ext3",
            "diskUUID": format!("{:08x}-0000-4000-8000-{:012x}", id >> 32, id & 0xffff_ffff_ffff),
            "instanceManagerName": "", "scheduledBackingImage": {},
            "scheduledReplica": replicas.into_iter().map(|(name, size)| (name, size.into()))
                .collect::<serde_json::Map<String, Value>>(),
            "storageMaximum": size, "storageAvailable": available,
            "storageScheduled": scheduled,
        });
        for (key, value) in fields.as_object().into_iter().flatten() {
            status[key.as_str()] = value.clone();
        }
        all[label.as_str()] = status;
    }
    all
}

/// Whether somebody has filled this disk: the fast one of the first machine.
fn is_full(world: &World<'_>, node: &Value, tags: &Value) -> bool {
    let machine = world.get("Node", "", name(node));
    plays(world, DISK_FULL)
        && machine.is_some_and(|machine| machine["metadata"]["labels"]["ohn/role"] == "primary")
        && items(tags).any(|tag| tag == "ssd")
}

fn size(tags: &Value) -> u64 {
    items(tags)
        .find_map(|tag| SIZES.iter().find(|(known, _)| tag == known))
        .map_or(OTHER, |(_, size)| *size)
}

fn settings(world: &World<'_>, reaction: &mut Reaction) {
    if !defined(world, "settings.longhorn.io") {
        return;
    }
    for (setting, value) in SETTINGS {
        match world.get("Setting.longhorn.io", NAMESPACE, setting) {
            None => {
                let mut fresh = object("Setting", setting);
                fresh["value"] = value.into();
                fresh["status"] = json!({"applied": true});
                reaction.writes.push(Write::Create(fresh));
            }
            Some(known) => reaction
                .writes
                .extend(report(known, json!({"applied": true}))),
        }
    }
}

/// The backup target `default` is there from the beginning, without an address; with one it answers after a while.
fn target(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    let kind = "BackupTarget.longhorn.io";
    if !defined(world, "backuptargets.longhorn.io") {
        return;
    }
    if world.get(kind, NAMESPACE, "default").is_none() {
        let mut fresh = object("BackupTarget", "default");
        fresh["spec"] =
            json!({"backupTargetURL": "", "credentialSecret": "", "pollInterval": "5m0s"});
        reaction.writes.push(Write::Create(fresh));
    }
    for target in world
        .list(kind, Some(NAMESPACE))
        .filter(|target| !leaving(target))
    {
        let status = target_status(world, target, now, reaction);
        reaction.writes.extend(report(target, status));
    }
}

fn target_status(
    world: &World<'_>,
    target: &Value,
    now: Timestamp,
    reaction: &mut Reaction,
) -> Value {
    let mut status = target["status"].clone();
    let secret = text(&target["spec"]["credentialSecret"]);
    let says = |status: &mut Value, truth: &'static str, message: String| {
        let mut says = Says::new("Unavailable", truth == "True", "", message);
        says.status = truth;
        says.reason = if truth == "True" { "Unavailable" } else { "" };
        set_condition(status, &says, now);
        status["available"] = (truth == "False").into();
    };
    if text(&target["spec"]["backupTargetURL"]).is_empty() {
        says(&mut status, "True", "backup target URL is empty".to_owned());
    } else if !secret.is_empty() && world.get("Secret", NAMESPACE, secret).is_none() {
        let message =
            format!("failed to get the credential secret: secrets \"{secret}\" not found");
        says(&mut status, "True", message);
    } else if target["status"]["available"] != true {
        let trying = items(&target["status"]["conditions"])
            .find(|known| known["type"] == "Unavailable" && known["status"] == "Unknown");
        let due = trying.and_then(|trying| time(&trying["lastTransitionTime"]));
        let due = due.map_or_else(|| after(now, SYNC), |since| after(since, SYNC));
        if now >= due {
            says(&mut status, "False", String::new());
            status["lastSyncedAt"] = stamp(now).into();
        } else {
            says(&mut status, "Unknown", String::new());
            reaction.wake(due);
        }
    }
    let owner = world
        .list("Node", None)
        .next()
        .map_or("", |node| name(node));
    status["ownerID"] = owner.into();
    status
}
