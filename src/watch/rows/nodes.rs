//! Nodes: state, room, disks, and what ends when one of them stops. Pure.

use serde_json::Value;

use crate::watch::{
    facts::Facts,
    services::Carriers,
    snapshot::{
        Kind, condition, holds, items, label, made, moment, name, namespace, number, text, time,
    },
    stops,
    usage::{Amount, millicores, units},
    view::{Health, NodeRow},
};

/// Conditions that are bad when they hold.
pub const PRESSURE: [&str; 4] = [
    "MemoryPressure",
    "DiskPressure",
    "PIDPressure",
    "NetworkUnavailable",
];

/// The rows of all nodes, by name.
pub fn rows(facts: &Facts<'_>, carriers: &Carriers) -> Vec<NodeRow> {
    facts
        .snapshot
        .all(Kind::Node)
        .map(|node| row(node, facts, carriers))
        .collect()
}

fn row(node: &Value, facts: &Facts<'_>, carriers: &Carriers) -> NodeRow {
    let (status, health) = state(node);
    let pods = facts.pods_on(name(node)).iter();
    let pods = pods.filter(|pod| {
        let short = facts.snapshot.short(pod);
        short.is_some_and(|short| !short.has_ended())
    });
    NodeRow {
        name: name(node).to_owned(),
        role: role(node),
        status,
        health,
        version: text(node, "/status/nodeInfo/kubeletVersion").to_owned(),
        pods: pods.count(),
        cpu: text(node, "/status/allocatable/cpu").to_owned(),
        memory: readable(text(node, "/status/allocatable/memory")),
        room: Amount {
            cpu: millicores(text(node, "/status/allocatable/cpu")),
            memory: units(text(node, "/status/allocatable/memory")),
        },
        since: made(node),
        stops: stops::by_service(node, facts, carriers),
        details: details(node, facts, carriers),
    }
}

fn role(node: &Value) -> String {
    if let Some(role) = label(node, "ohn/role") {
        return role.to_owned();
    }
    if is_control_plane(node) {
        "control plane".to_owned()
    } else {
        String::new()
    }
}

/// Whether the API server and its store run on it.
pub fn is_control_plane(node: &Value) -> bool {
    label(node, "node-role.kubernetes.io/control-plane").is_some()
}

/// Whether it takes no new pods by order.
pub fn is_cordoned(node: &Value) -> bool {
    node.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true)
}

fn state(node: &Value) -> (String, Health) {
    let ready = condition(node, "Ready").map(|ready| text(ready, "/status"));
    let (word, mut health) = match ready {
        Some("True") => ("Ready", Health::Good),
        Some(_) => ("NotReady", Health::Bad),
        None => ("Unknown", Health::Unknown),
    };
    let mut words = vec![word];
    if is_cordoned(node) {
        words.push("cordoned");
        health = health.max(Health::Warn);
    }
    if PRESSURE.iter().any(|kind| holds(node, kind)) {
        words.push("pressure");
        health = health.max(Health::Warn);
    }
    (words.join(", "), health)
}

fn details(node: &Value, facts: &Facts<'_>, carriers: &Carriers) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(ready) = condition(node, "Ready")
        && text(ready, "/status") != "True"
    {
        let since = time(ready, "/lastTransitionTime").map(moment);
        let since = since.map_or_else(String::new, |at| format!(" since {at}"));
        lines.push(format!("not ready{since}: {}", text(ready, "/message")));
        if let Some(heard) = time(ready, "/lastHeartbeatTime") {
            lines.push(format!("last heard at {}", moment(heard)));
        }
    }
    for kind in PRESSURE {
        if holds(node, kind)
            && let Some(found) = condition(node, kind)
        {
            lines.push(format!("{kind}: {}", text(found, "/message")));
        }
    }
    lines.extend(stops::lines(node, facts, carriers));
    let addresses: Vec<&str> = items(node, "/status/addresses")
        .filter(|one| text(one, "/type") == "InternalIP")
        .map(|one| text(one, "/address"))
        .collect();
    lines.push(format!("address {}", addresses.join(", ")));
    lines.push(format!(
        "{}, kernel {}, {}",
        text(node, "/status/nodeInfo/osImage"),
        text(node, "/status/nodeInfo/kernelVersion"),
        text(node, "/status/nodeInfo/containerRuntimeVersion")
    ));
    lines.extend(disks(node, facts));
    lines
}

fn disks(node: &Value, facts: &Facts<'_>) -> Vec<String> {
    let storage = facts
        .snapshot
        .all(Kind::StorageNode)
        .find(|storage| namespace(storage) == "longhorn-system" && name(storage) == name(node));
    let disks = storage
        .and_then(|storage| storage.pointer("/status/diskStatus"))
        .and_then(Value::as_object);
    disks
        .into_iter()
        .flatten()
        .map(|(key, disk)| {
            format!(
                "disk {}: {} of {} free",
                disk_name(key, disk),
                gib(number(disk, "/storageAvailable").unwrap_or(0)),
                gib(number(disk, "/storageMaximum").unwrap_or(0))
            )
        })
        .collect()
}

/// The name that people gave a disk.
pub fn disk_name<'v>(key: &'v str, disk: &'v Value) -> &'v str {
    match text(disk, "/diskName") {
        "" => key,
        name => name,
    }
}

/// Bytes as people read them.
pub fn gib(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    format!("{} GiB", bytes / GIB)
}

/// A quantity of memory in Gi, when it is given in Ki.
fn readable(quantity: &str) -> String {
    const KI_PER_GI: u64 = 1 << 20;
    let ki = quantity
        .strip_suffix("Ki")
        .and_then(|digits| digits.parse::<u64>().ok());
    match ki {
        Some(ki) if ki >= KI_PER_GI => format!("{}Gi", ki / KI_PER_GI),
        _ => quantity.to_owned(),
    }
}
