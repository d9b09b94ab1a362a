//! DaemonSets: one pod on every node that takes it. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    placing::fits,
    pods::{ended, from_template, ready},
    shape::{
        Owned, by_owner, delete, event, holds, items, leaving, name, report, revision_of, share,
        suffix, text, uid,
    },
};
use crate::rehearsal::world::{Reaction, World, Write};

const SOURCE: &str = "daemonset-controller";
const REVISION: &str = "controller-revision-hash";

/// One turn for all DaemonSets.
pub fn daemon_sets(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let pods = by_owner(world.list("Pod", None));
    let nodes: Vec<&Value> = world.list("Node", None).map(AsRef::as_ref).collect();
    for set in world.list("DaemonSet.apps", None) {
        if !leaving(set) {
            one(set, &pods, &nodes, world.revision(), &mut reaction);
        }
    }
    reaction
}

fn one(set: &Value, pods: &Owned<'_>, nodes: &[&Value], revision: u64, reaction: &mut Reaction) {
    let owned: &[&Value] = pods.get(uid(set)).map_or(&[], Vec::as_slice);
    let hash = revision_of(&set["spec"]["template"]);
    let template = tolerant(&set["spec"]["template"]);
    let (mut wanted, mut stray) = (Vec::new(), Vec::new());
    for node in nodes {
        if fits(&template["spec"], node) {
            wanted.push(*node);
        } else if holds(node, "Ready") {
            stray.push(name(node));
        }
        // On a silent node its pod stays, and no new one is made there.
    }
    for (index, node) in wanted.iter().enumerate() {
        let here: Vec<&&Value> = owned
            .iter()
            .filter(|pod| place(pod) == name(node))
            .collect();
        if here.is_empty() {
            let pod_name = format!("{}-{}", name(set), suffix(set, revision, index as u64));
            reaction.writes.push(Write::Create(pod_on(
                set,
                &template,
                &pod_name,
                (name(node), &hash),
            )));
            let text = format!("Created pod: {pod_name}");
            reaction
                .writes
                .push(event(set, SOURCE, "SuccessfulCreate", text));
        }
        for pod in here.into_iter().filter(|pod| ended(pod) && !leaving(pod)) {
            reaction.writes.push(delete(pod));
        }
    }
    for pod in owned
        .iter()
        .filter(|pod| stray.contains(&place(pod)) && !leaving(pod))
    {
        reaction.writes.push(delete(pod));
    }
    renew(set, owned, &hash, wanted.len() as u64, reaction);
    reaction
        .writes
        .extend(report(set, status(set, owned, &hash, &wanted)));
}

/// Pods of DaemonSets run on nodes that others must leave.
fn tolerant(template: &Value) -> Value {
    let mut template = template.clone();
    if !template["spec"]["tolerations"].is_array() {
        template["spec"]["tolerations"] = json!([]);
    }
    if let Some(list) = template["spec"]["tolerations"].as_array_mut() {
        for (key, effect) in [
            ("not-ready", "NoExecute"),
            ("unreachable", "NoExecute"),
            ("disk-pressure", "NoSchedule"),
            ("memory-pressure", "NoSchedule"),
            ("pid-pressure", "NoSchedule"),
            ("unschedulable", "NoSchedule"),
        ] {
            let key = format!("node.kubernetes.io/{key}");
            list.push(json!({"key": key, "operator": "Exists", "effect": effect}));
        }
    }
    template
}

fn pod_on(set: &Value, template: &Value, pod_name: &str, (node, hash): (&str, &str)) -> Value {
    let mut pod = from_template(
        set,
        template,
        pod_name,
        &[(REVISION, hash), ("pod-template-generation", "1")],
    );
    pod["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchFields": [
            {"key": "metadata.name", "operator": "In", "values": [node]},
        ]}],
    }}});
    pod
}

/// The node that a pod is on or is meant for.
fn place(pod: &Value) -> &str {
    let node = text(&pod["spec"]["nodeName"]);
    if !node.is_empty() {
        return node;
    }
    let affinity = &pod["spec"]["affinity"]["nodeAffinity"];
    let terms = &affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    text(&terms[0]["matchFields"][0]["values"][0])
}

/// Deletes pods of a former template, as many at a time as may be missing.
fn renew(set: &Value, owned: &[&Value], hash: &str, wanted: u64, reaction: &mut Reaction) {
    if set["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return;
    }
    let rolling = &set["spec"]["updateStrategy"]["rollingUpdate"];
    let allowed = share(&rolling["maxUnavailable"], wanted, true)
        .unwrap_or(1)
        .max(1);
    let fresh = |pod: &Value| pod["metadata"]["labels"][REVISION] == hash;
    let serving = owned.iter().filter(|pod| ready(pod)).count() as u64;
    let missing = wanted.saturating_sub(serving);
    let mut budget = allowed.saturating_sub(missing);
    for pod in owned.iter().filter(|pod| !fresh(pod) && !leaving(pod)) {
        // One that does not serve anyway costs nothing.
        if ready(pod) {
            if budget == 0 {
                continue;
            }
            budget -= 1;
        }
        reaction.writes.push(delete(pod));
    }
}

fn status(set: &Value, owned: &[&Value], hash: &str, nodes: &[&Value]) -> Value {
    let on = |wanted: &dyn Fn(&Value) -> bool| {
        nodes
            .iter()
            .filter(|node| {
                owned
                    .iter()
                    .any(|pod| place(pod) == name(node) && wanted(pod))
            })
            .count()
    };
    let total = nodes.len();
    let serving = on(&ready);
    let updated = on(&|pod| !leaving(pod) && pod["metadata"]["labels"][REVISION] == hash);
    let mut status = json!({
        "currentNumberScheduled": on(&|pod| !leaving(pod)),
        "desiredNumberScheduled": total,
        "numberMisscheduled": 0,
        "numberReady": serving,
        "observedGeneration": set["metadata"]["generation"],
    });
    for (field, number) in [
        ("updatedNumberScheduled", updated),
        ("numberAvailable", serving),
        ("numberUnavailable", total - serving),
    ] {
        if number > 0 {
            status[field] = number.into();
        }
    }
    if items(&set["status"]["conditions"]).next().is_some() {
        status["conditions"] = set["status"]["conditions"].clone();
    }
    status
}
