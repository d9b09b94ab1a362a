//! What workload controllers know of pods: how they are made from a template and what their status says. Pure.

use serde_json::{Value, json};

use super::shape::{holds, items, label, leaving, namespace, owned_by, text};

/// A pod of a workload's template.
pub fn from_template(
    owner: &Value,
    template: &Value,
    name: &str,
    labels: &[(&str, &str)],
) -> Value {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace(owner),
            "ownerReferences": owned_by(owner),
        },
        "spec": template["spec"],
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    });
    for part in ["labels", "annotations"] {
        if template["metadata"][part].is_object() {
            pod["metadata"][part] = template["metadata"][part].clone();
        }
    }
    label(&mut pod, labels);
    usual(&mut pod["spec"]);
    pod
}

/// The values that the API server fills in.
fn usual(spec: &mut Value) {
    let defaults = json!({
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "serviceAccountName": "default",
        "enableServiceLinks": true,
    });
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    for (key, value) in defaults.as_object().into_iter().flatten() {
        if !spec.contains_key(key) {
            spec.insert(key.clone(), value.clone());
        }
    }
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let known = items(tolerations).any(|toleration| toleration["key"] == key);
        if let Some(list) = tolerations.as_array_mut().filter(|_| !known) {
            list.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
}

/// Whether a pod serves: Ready and not on its way out.
pub fn ready(pod: &Value) -> bool {
    !leaving(pod) && holds(pod, "Ready")
}

/// Whether a pod has come to its end, well or badly.
pub fn ended(pod: &Value) -> bool {
    matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed")
}

/// Whether a pod counts as one of its owner's: it neither leaves nor has ended.
pub fn active(pod: &Value) -> bool {
    !leaving(pod) && !ended(pod)
}

/// How many of the pods fulfil a condition.
pub fn count(pods: &[&Value], wanted: impl Fn(&Value) -> bool) -> u64 {
    pods.iter().filter(|pod| wanted(pod)).count() as u64
}

/// The names of the claims that a pod uses.
pub fn claims(pod: &Value) -> impl Iterator<Item = &str> {
    items(&pod["spec"]["volumes"])
        .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
}
