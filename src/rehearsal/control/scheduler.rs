//! The scheduler: gives every waiting pod a node, or says in the real scheduler's words why none takes it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    placing::{refusal, selects},
    pods::{claims, ended},
    quantity::{bytes, millicores},
    shape::{
        Says, condition, controller, event, items, leaving, name, namespace, set_condition, text,
        warning,
    },
};
use crate::rehearsal::world::{Reaction, World, Write};

const SOURCE: &str = "default-scheduler";
/// Tells the provisioner for which node a volume is wanted.
pub const SELECTED: &str = "volume.kubernetes.io/selected-node";

/// What runs on a node as far as it matters for the next pod.
#[derive(Default)]
struct Load<'w> {
    pods: Vec<&'w Value>,
    millicores: u64,
    bytes: u64,
}

type Loads<'w> = BTreeMap<&'w str, Load<'w>>;

/// One turn for all pods without a node.
pub fn scheduler(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let waiting: Vec<&Value> = world
        .list("Pod", None)
        .map(AsRef::as_ref)
        .filter(|pod| text(&pod["spec"]["nodeName"]).is_empty() && !leaving(pod) && !ended(pod))
        .collect();
    if waiting.is_empty() {
        return reaction;
    }
    let mut loads = Loads::new();
    for pod in world.list("Pod", None) {
        let node = text(&pod["spec"]["nodeName"]);
        if !node.is_empty() && !ended(pod) {
            add(&mut loads, node, pod);
        }
    }
    for pod in waiting {
        match place(world, pod, &loads) {
            Placing::Node(node) => {
                add(&mut loads, node, pod);
                bind(pod, node, now, &mut reaction);
            }
            Placing::Claims(writes) => reaction.writes.extend(writes),
            Placing::Nowhere(message) => refuse(pod, message, now, &mut reaction),
        }
    }
    reaction
}

enum Placing<'w> {
    Node(&'w str),
    /// A node is chosen and the volumes are asked for there.
    Claims(Vec<Write>),
    Nowhere(String),
}

fn add<'w>(loads: &mut Loads<'w>, node: &'w str, pod: &'w Value) {
    let load = loads.entry(node).or_default();
    let (cores, memory) = requests(pod);
    load.millicores += cores;
    load.bytes += memory;
    load.pods.push(pod);
}

fn requests(pod: &Value) -> (u64, u64) {
    items(&pod["spec"]["containers"]).fold((0, 0), |(cores, memory), container| {
        let resources = &container["resources"];
        let wish = |what: &str| {
            let asked = &resources["requests"][what];
            text(if asked.is_string() {
                asked
            } else {
                &resources["limits"][what]
            })
        };
        (
            cores + millicores(wish("cpu")),
            memory + bytes(wish("memory")),
        )
    })
}

fn bind(pod: &Value, node: &str, now: Timestamp, reaction: &mut Reaction) {
    let mut bound = pod.clone();
    bound["spec"]["nodeName"] = node.into();
    set_condition(
        &mut bound["status"],
        &Says::new("PodScheduled", true, "", ""),
        now,
    );
    reaction.writes.push(Write::Replace(bound));
    let text = format!(
        "Successfully assigned {}/{} to {node}",
        namespace(pod),
        name(pod)
    );
    reaction.writes.push(event(pod, SOURCE, "Scheduled", text));
}

fn refuse(pod: &Value, message: String, now: Timestamp, reaction: &mut Reaction) {
    let known = condition(pod, "PodScheduled");
    if known.is_some_and(|known| known["message"] == message.as_str()) {
        return;
    }
    let mut changed = pod.clone();
    let says = Says::new("PodScheduled", false, "Unschedulable", message.clone());
    set_condition(&mut changed["status"], &says, now);
    reaction.writes.push(Write::Status {
        target: crate::rehearsal::world::reference(pod),
        status: changed["status"].take(),
    });
    reaction
        .writes
        .push(warning(pod, SOURCE, "FailedScheduling", message));
}

fn place<'w>(world: &World<'w>, pod: &'w Value, loads: &Loads<'w>) -> Placing<'w> {
    let nodes: Vec<&'w Value> = world.list("Node", None).map(AsRef::as_ref).collect();
    let total = nodes.len();
    if total == 0 {
        return Placing::Nowhere("no nodes available to schedule pods".to_owned());
    }
    let wishes = match volumes(world, pod) {
        Ok(wishes) => wishes,
        Err(why) => return Placing::Nowhere(nowhere(total, &why)),
    };
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    let mut takers = Vec::new();
    for node in nodes {
        match unfit(pod, node, loads, wishes.node) {
            Some(why) => *refusals.entry(why).or_default() += 1,
            None => takers.push(name(node)),
        }
    }
    let kin = controller(pod);
    let best = takers.into_iter().min_by_key(|node| {
        let here: &[&Value] = loads.get(node).map_or(&[], |load| load.pods.as_slice());
        let siblings = here
            .iter()
            .filter(|other| kin.is_some() && controller(other) == kin);
        (repulsion(pod, here), siblings.count(), here.len())
    });
    let Some(node) = best else {
        let parts: Vec<String> = refusals
            .iter()
            .map(|(why, count)| format!("{count} {why}"))
            .collect();
        return Placing::Nowhere(nowhere(total, &parts.join(", ")));
    };
    if wishes.unbound.is_empty() {
        return Placing::Node(node);
    }
    Placing::Claims(
        wishes
            .unbound
            .into_iter()
            .filter(|claim| !claim["metadata"]["annotations"][SELECTED].is_string())
            .map(|claim| {
                let mut asked = claim.clone();
                asked["metadata"]["annotations"][SELECTED] = node.into();
                Write::Replace(asked)
            })
            .collect(),
    )
}

fn nowhere(total: usize, why: &str) -> String {
    format!(
        "0/{total} nodes are available: {why}. preemption: 0/{total} nodes are available: {total} Preemption is not helpful for scheduling."
    )
}

struct Volumes<'w> {
    /// Claims whose volume is only made once a node is chosen.
    unbound: Vec<&'w Value>,
    /// The node that was chosen for them before.
    node: Option<&'w str>,
}

fn volumes<'w>(world: &World<'w>, pod: &Value) -> Result<Volumes<'w>, String> {
    let mut wishes = Volumes {
        unbound: Vec::new(),
        node: None,
    };
    for claim in claims(pod) {
        let Some(found) = world.get("PersistentVolumeClaim", namespace(pod), claim) else {
            return Err(format!("persistentvolumeclaim \"{claim}\" not found"));
        };
        if leaving(found) {
            return Err(format!(
                "persistentvolumeclaim \"{claim}\" is being deleted"
            ));
        }
        if found["status"]["phase"] == "Bound" {
            continue;
        }
        if !super::claims::waits_for_consumer(world, found) {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        wishes.node = wishes
            .node
            .or_else(|| found["metadata"]["annotations"][SELECTED].as_str());
        wishes.unbound.push(found);
    }
    Ok(wishes)
}

fn unfit(pod: &Value, node: &Value, loads: &Loads<'_>, chosen: Option<&str>) -> Option<String> {
    if let Some(why) = refusal(&pod["spec"], node) {
        return Some(why);
    }
    if chosen.is_some_and(|chosen| chosen != name(node)) {
        return Some("node(s) had volume node affinity conflict".to_owned());
    }
    let idle = Load::default();
    let load = loads.get(name(node)).unwrap_or(&idle);
    let room = &node["status"]["allocatable"];
    let (cores, memory) = requests(pod);
    if room["cpu"].is_string() && load.millicores + cores > millicores(text(&room["cpu"])) {
        return Some("Insufficient cpu".to_owned());
    }
    if room["memory"].is_string() && load.bytes + memory > bytes(text(&room["memory"])) {
        return Some("Insufficient memory".to_owned());
    }
    let apart = &pod["spec"]["affinity"]["podAntiAffinity"];
    let terms = &apart["requiredDuringSchedulingIgnoredDuringExecution"];
    let clash = items(terms).any(|term| load.pods.iter().any(|other| near(term, pod, other)));
    clash.then(|| "node(s) didn't match pod anti-affinity rules".to_owned())
}

fn near(term: &Value, pod: &Value, other: &Value) -> bool {
    namespace(other) == namespace(pod) && selects(&term["labelSelector"], other)
}

/// How much a pod would rather be elsewhere.
fn repulsion(pod: &Value, here: &[&Value]) -> u64 {
    let apart = &pod["spec"]["affinity"]["podAntiAffinity"];
    items(&apart["preferredDuringSchedulingIgnoredDuringExecution"])
        .filter(|wish| {
            here.iter()
                .any(|other| near(&wish["podAffinityTerm"], pod, other))
        })
        .map(|wish| wish["weight"].as_u64().unwrap_or(1))
        .sum()
}
