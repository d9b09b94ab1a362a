//! StatefulSets: pods by ordinal, each with its own claims, made in order and renewed from the last to the first. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    pods::{active, count, ended, from_template, ready},
    shape::{
        Owned, by_owner, delete, event, items, label, leaving, name, namespace, replicas, report,
        revision_of, text, uid,
    },
};
use crate::rehearsal::world::{Reaction, World, Write};

const SOURCE: &str = "statefulset-controller";
const REVISION: &str = "controller-revision-hash";
const INDEX: &str = "apps.kubernetes.io/pod-index";

/// One turn for all StatefulSets.
pub fn stateful_sets(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let pods = by_owner(world.list("Pod", None));
    for set in world.list("StatefulSet.apps", None) {
        if !leaving(set) {
            one(world, set, &pods, &mut reaction);
        }
    }
    reaction
}

fn one(world: &World<'_>, set: &Value, pods: &Owned<'_>, reaction: &mut Reaction) {
    let owned: &[&Value] = pods.get(uid(set)).map_or(&[], Vec::as_slice);
    let revision = format!("{}-{}", name(set), revision_of(&set["spec"]["template"]));
    if !missing(world, set, owned, &revision, reaction) {
        shrink_or_renew(set, owned, &revision, reaction);
    }
    reaction
        .writes
        .extend(report(set, status(set, owned, &revision)));
}

fn ordinal(pod: &Value) -> u64 {
    text(&pod["metadata"]["labels"][INDEX]).parse().unwrap_or(0)
}

/// Makes what is missing, in order; true when something was made or an earlier pod is waited for.
fn missing(
    world: &World<'_>,
    set: &Value,
    owned: &[&Value],
    revision: &str,
    reaction: &mut Reaction,
) -> bool {
    let ordered = set["spec"]["podManagementPolicy"] != "Parallel";
    let mut made = false;
    for index in 0..replicas(set) {
        match owned.iter().find(|pod| ordinal(pod) == index) {
            Some(pod) if ended(pod) && !leaving(pod) => {
                reaction.writes.push(delete(pod));
                made = true;
            }
            Some(_) => {}
            None => {
                create(world, set, index, revision, reaction);
                made = true;
            }
        }
        let waits = owned.iter().all(|pod| ordinal(pod) != index || !ready(pod));
        if ordered && waits {
            // An outdated pod that never becomes ready must not block its own renewal.
            return made
                || !owned
                    .iter()
                    .any(|pod| ordinal(pod) == index && outdated(pod, revision));
        }
    }
    made
}

fn outdated(pod: &Value, revision: &str) -> bool {
    pod["metadata"]["labels"][REVISION] != revision
}

fn create(world: &World<'_>, set: &Value, index: u64, revision: &str, reaction: &mut Reaction) {
    let pod_name = format!("{}-{index}", name(set));
    let labels = [
        (REVISION, revision),
        ("statefulset.kubernetes.io/pod-name", pod_name.as_str()),
        (INDEX, &index.to_string()),
    ];
    let mut pod = from_template(set, &set["spec"]["template"], &pod_name, &labels);
    pod["spec"]["hostname"] = pod_name.as_str().into();
    if set["spec"]["serviceName"].is_string() {
        pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
    }
    for template in items(&set["spec"]["volumeClaimTemplates"]) {
        let claim = format!("{}-{pod_name}", name(template));
        mount(&mut pod, name(template), &claim);
        if world
            .get("PersistentVolumeClaim", namespace(set), &claim)
            .is_none()
        {
            reaction
                .writes
                .push(Write::Create(claim_of(set, template, &claim)));
            let text = format!(
                "create Claim {claim} Pod {pod_name} in StatefulSet {} success",
                name(set)
            );
            reaction
                .writes
                .push(event(set, SOURCE, "SuccessfulCreate", text));
        }
    }
    reaction.writes.push(Write::Create(pod));
    let text = format!(
        "create Pod {pod_name} in StatefulSet {} successful",
        name(set)
    );
    reaction
        .writes
        .push(event(set, SOURCE, "SuccessfulCreate", text));
}

fn mount(pod: &mut Value, volume: &str, claim: &str) {
    if !pod["spec"]["volumes"].is_array() {
        pod["spec"]["volumes"] = json!([]);
    }
    if let Some(volumes) = pod["spec"]["volumes"].as_array_mut() {
        volumes.retain(|known| known["name"] != volume);
        volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}}));
    }
}

fn claim_of(set: &Value, template: &Value, claim: &str) -> Value {
    let mut value = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": namespace(set)},
        "spec": template["spec"],
    });
    for part in ["labels", "annotations"] {
        if template["metadata"][part].is_object() {
            value["metadata"][part] = template["metadata"][part].clone();
        }
    }
    for (key, wanted) in set["spec"]["selector"]["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
    {
        label(&mut value, &[(key, text(wanted))]);
    }
    if !value["spec"]["volumeMode"].is_string() {
        value["spec"]["volumeMode"] = "Filesystem".into();
    }
    value
}

/// Takes away one pod at a time, the last first: those beyond the wish, then those of a former template.
fn shrink_or_renew(set: &Value, owned: &[&Value], revision: &str, reaction: &mut Reaction) {
    if owned.iter().any(|pod| leaving(pod)) {
        return;
    }
    let wanted = replicas(set);
    let mut victims: Vec<&Value> = owned
        .iter()
        .copied()
        .filter(|pod| ordinal(pod) >= wanted)
        .collect();
    if victims.is_empty() && set["spec"]["updateStrategy"]["type"] != "OnDelete" {
        let from = set["spec"]["updateStrategy"]["rollingUpdate"]["partition"]
            .as_u64()
            .unwrap_or(0);
        let waits = owned
            .iter()
            .any(|pod| !outdated(pod, revision) && !ready(pod));
        let mut old: Vec<&Value> = owned
            .iter()
            .copied()
            .filter(|pod| outdated(pod, revision))
            .collect();
        old.retain(|pod| ordinal(pod) >= from && !waits);
        victims = old;
    }
    if let Some(last) = victims.into_iter().max_by_key(|pod| ordinal(pod)) {
        reaction.writes.push(delete(last));
        let text = format!(
            "delete Pod {} in StatefulSet {} successful",
            name(last),
            name(set)
        );
        reaction
            .writes
            .push(event(set, SOURCE, "SuccessfulDelete", text));
    }
}

fn status(set: &Value, owned: &[&Value], revision: &str) -> Value {
    let wanted = replicas(set);
    let updated = count(owned, |pod| active(pod) && !outdated(pod, revision));
    let serving = count(owned, ready);
    let known = text(&set["status"]["currentRevision"]);
    let done = updated == wanted && serving == wanted;
    let current = if done || known.is_empty() {
        revision
    } else {
        known
    };
    let of_current = count(owned, |pod| active(pod) && !outdated(pod, current));
    let mut status = json!({
        "observedGeneration": set["metadata"]["generation"],
        "replicas": count(owned, active),
        "availableReplicas": serving,
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
    });
    for (field, number) in [
        ("readyReplicas", serving),
        ("currentReplicas", of_current),
        ("updatedReplicas", updated),
    ] {
        if number > 0 {
            status[field] = number.into();
        }
    }
    status
}
