//! Disruption budgets: how many pods may be away by a person's wish now. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    pods::{ended, ready},
    shape::{carries, leaving, namespace, replicas, report, share, text},
};
use crate::rehearsal::world::{Reaction, World};

/// One turn for all budgets.
pub fn budgets(world: &World<'_>, _now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    for budget in world.list("PodDisruptionBudget.policy", None) {
        if !leaving(budget) {
            reaction
                .writes
                .extend(report(budget, counted(world, budget)));
        }
    }
    reaction
}

fn counted(world: &World<'_>, budget: &Value) -> Value {
    let labels = &budget["spec"]["selector"]["matchLabels"];
    let pods: Vec<&Value> = world
        .list("Pod", Some(namespace(budget)))
        .map(AsRef::as_ref)
        .filter(|pod| labels.is_object() && carries(pod, labels) && !ended(pod))
        .collect();
    let expected = wished(world, &pods);
    let spec = &budget["spec"];
    let desired = match share(&spec["maxUnavailable"], expected, true) {
        Some(away) => expected.saturating_sub(away),
        None => share(&spec["minAvailable"], expected, true).unwrap_or(0),
    };
    let healthy = pods.iter().filter(|pod| ready(pod) && !leaving(pod));
    let healthy = u64::try_from(healthy.count()).unwrap_or(u64::MAX);
    let allowed = if expected == 0 {
        0
    } else {
        healthy.saturating_sub(desired)
    };
    let mut status = budget["status"].clone();
    if !status.is_object() {
        status = json!({});
    }
    status["currentHealthy"] = healthy.into();
    status["desiredHealthy"] = desired.into();
    status["expectedPods"] = expected.into();
    status["disruptionsAllowed"] = allowed.into();
    status["observedGeneration"] = budget["metadata"]["generation"].clone();
    status
}

/// How many pods there shall be: what makes them says so; a pod that nobody made counts as itself.
fn wished(world: &World<'_>, pods: &[&Value]) -> u64 {
    let mut makers: Vec<(&str, &str)> = Vec::new();
    let mut wished = 0;
    for pod in pods {
        let owner = &pod["metadata"]["ownerReferences"][0];
        let maker = (text(&owner["kind"]), text(&owner["name"]));
        let key = match maker.0 {
            "ReplicaSet" => "ReplicaSet.apps",
            "StatefulSet" => "StatefulSet.apps",
            _ => {
                wished += 1;
                continue;
            }
        };
        if makers.contains(&maker) {
            continue;
        }
        makers.push(maker);
        let found = world.get(key, namespace(pod), maker.1);
        wished += found.map_or(0, |found| replicas(found));
    }
    wished
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Bed;

    #[test]
    fn a_budget_allows_what_its_pods_can_spare() {
        let check = |spec: serde_json::Value, replicas: u64| {
            let mut bed = Bed::new();
            let labels = json!({"app": "web"});
            bed.add(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
                "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "web", "image": "registry.example.org/web:1"}]}}}}));
            let mut budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": {"matchLabels": labels}}});
            for (field, value) in spec.as_object().unwrap() {
                budget["spec"][field] = value.clone();
            }
            bed.add(budget).run(120);
            let status = &bed.get("PodDisruptionBudget.policy", "default", "web")["status"];
            [
                "expectedPods",
                "currentHealthy",
                "desiredHealthy",
                "disruptionsAllowed",
            ]
            .map(|field| status[field].as_u64().unwrap())
        };
        assert_eq!(check(json!({"minAvailable": 1}), 2), [2, 2, 1, 1]);
        assert_eq!(check(json!({"minAvailable": 2}), 2), [2, 2, 2, 0]);
        assert_eq!(check(json!({"maxUnavailable": 1}), 3), [3, 3, 2, 1]);
        assert_eq!(check(json!({"minAvailable": "50%"}), 3), [3, 3, 2, 1]);
    }
}
