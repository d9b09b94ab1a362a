//! Objects that were not recorded, as far as the events tell of them: claims, jobs and pods of a cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::timeline::{place, standing_for};

/// Objects by kind and name.
pub type Objects = BTreeMap<(String, String), Value>;

/// The annotation of what stands for an object that was not recorded.
pub const MARK: &str = "stands-in";

/// The containers of an instance by a part of their image.
const PARTS: [(&str, &str); 3] = [
    ("cloudnative-pg:", "bootstrap-controller"),
    ("plugin-barman-cloud-sidecar", "plugin-barman-cloud"),
    ("/postgresql:", "postgres"),
];

/// A Kubernetes time.
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What an event tells of an object that was not recorded.
pub fn learn(
    objects: &mut Objects,
    event: &Value,
    at: Timestamp,
    recorded: &dyn Fn(&str, &str) -> bool,
) {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let (kind, name) = (text("/involvedObject/kind"), text("/involvedObject/name"));
    if recorded(kind, name) {
        return;
    }
    match (kind, text("/reason")) {
        ("PersistentVolumeClaim", reason) => claim(objects, name, reason, at),
        ("Job", "SuccessfulCreate") => {
            let pod = text("/message").trim_start_matches("Created pod: ");
            if !recorded("Pod", pod) {
                job_pod(objects, (name, pod), at);
            }
            let job = entry(objects, "Job", name, at);
            job["apiVersion"] = "batch/v1".into();
            job["status"]["active"] = 1.into();
        }
        ("Job", "Completed") => {
            let job = entry(objects, "Job", name, at);
            job["status"] =
                json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]});
            for pod in objects.values_mut() {
                if pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == name {
                    pod["status"]["phase"] = "Succeeded".into();
                }
            }
        }
        ("Pod", reason) => pod(objects, name, (reason, text("/message"), event), at),
        _ => {}
    }
}

fn entry<'o>(objects: &'o mut Objects, kind: &str, name: &str, at: Timestamp) -> &'o mut Value {
    let fresh = standing_for(kind, name, at);
    objects.entry(place(&fresh)).or_insert(fresh)
}

fn claim(objects: &mut Objects, name: &str, reason: &str, at: Timestamp) {
    let claim = entry(objects, "PersistentVolumeClaim", name, at);
    claim["apiVersion"] = "v1".into();
    claim["spec"]["storageClassName"] = "longhorn-database".into();
    let bound = reason == "ProvisioningSucceeded" || claim["status"]["phase"] == "Bound";
    claim["status"]["phase"] = if bound { "Bound" } else { "Pending" }.into();
}

/// The cluster that a pod or job of that name belongs to: all before the number of the instance.
fn cluster_of(name: &str) -> &str {
    let end = name
        .char_indices()
        .find(|(at, _)| {
            let rest = name.get(*at..).unwrap_or("");
            let digits = rest.trim_start_matches('-').chars().next();
            rest.starts_with('-') && digits.is_some_and(|digit| digit.is_ascii_digit())
        })
        .map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or(name)
}

fn job_pod(objects: &mut Objects, (job, name): (&str, &str), at: Timestamp) {
    let role = ["initdb", "join", "full-recovery"]
        .into_iter()
        .find(|role| job.ends_with(role));
    let instance = job
        .trim_end_matches(role.unwrap_or(""))
        .trim_end_matches('-')
        .to_owned();
    let pod = entry(objects, "Pod", name, at);
    pod["apiVersion"] = "v1".into();
    pod["metadata"]["labels"] = json!({"cnpg.io/cluster": cluster_of(job), "cnpg.io/jobRole": role,
        "cnpg.io/instanceName": instance, "batch.kubernetes.io/job-name": job});
    pod["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": job}]);
    pod["spec"] = json!({"containers": [{"name": role}],
        "volumes": [{"name": "pgdata", "persistentVolumeClaim": {"claimName": instance}}]});
    pod["status"]["phase"] = "Pending".into();
}

fn pod(
    objects: &mut Objects,
    name: &str,
    (reason, message, event): (&str, &str, &Value),
    at: Timestamp,
) {
    if reason == "NodeNotReady" {
        return;
    }
    let of_job =
        name.contains("-initdb-") || name.contains("-join-") || name.contains("-full-recovery-");
    let pod = entry(objects, "Pod", name, at);
    if !of_job && pod["spec"].is_null() {
        pod["apiVersion"] = "v1".into();
        pod["metadata"]["labels"] = json!({"cnpg.io/cluster": cluster_of(name), "cnpg.io/podRole": "instance", "cnpg.io/instanceName": name});
        pod["spec"] = json!({"containers": [{"name": "postgres"}]});
        pod["status"] = json!({"phase": "Pending"});
    }
    match reason {
        "Scheduled" => {
            let node = message.rsplit(' ').next().unwrap_or("");
            pod["spec"]["nodeName"] = node.into();
            pod["status"]["startTime"] = stamp(at).into();
            pod["status"]["conditions"] = json!([
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(at)},
                {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": stamp(at)},
            ]);
        }
        "Pulled" => {
            let part = PARTS.iter().find(|(image, _)| message.contains(image));
            pod["metadata"]["annotations"]["part"] = part.map_or("", |(_, part)| part).into();
        }
        "Started" => started(pod, of_job, at),
        "Failed" => {
            let part = pod["metadata"]["annotations"]["part"]
                .as_str()
                .unwrap_or("")
                .to_owned();
            let message = message.trim_start_matches("Error: ");
            let restarts = event["count"].as_u64().unwrap_or(1).saturating_sub(1);
            set(
                pod,
                &part,
                json!({"waiting": {"reason": "RunContainerError", "message": message}}),
                restarts,
            );
            last_try(pod, &part, message, at);
        }
        "BackOff" => {
            let part = message.split(' ').nth(4).unwrap_or("").to_owned();
            let restarts = restarts(pod, &part);
            set(
                pod,
                &part,
                json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}}),
                restarts,
            );
        }
        _ => {}
    }
}

fn started(pod: &mut Value, of_job: bool, at: Timestamp) {
    let part = pod["metadata"]["annotations"]["part"]
        .as_str()
        .unwrap_or("")
        .to_owned();
    let running = json!({"running": {"startedAt": stamp(at)}});
    if part == "bootstrap-controller" {
        set(
            pod,
            &part,
            json!({"terminated": {"exitCode": 0, "finishedAt": stamp(at)}}),
            0,
        );
        return;
    }
    if part != "postgres" {
        return set(pod, &part, running, 0);
    }
    pod["status"]["phase"] = "Running".into();
    let main = pod["spec"]["containers"][0]["name"]
        .as_str()
        .unwrap_or("")
        .to_owned();
    let main = if of_job { main } else { part };
    set(pod, &main, running, 0);
}

fn list(part: &str) -> &'static str {
    if ["bootstrap-controller", "plugin-barman-cloud"].contains(&part) {
        "initContainerStatuses"
    } else {
        "containerStatuses"
    }
}

fn status<'p>(pod: &'p mut Value, part: &str) -> &'p mut Value {
    let list = list(part);
    if !pod["status"][list].is_array() {
        pod["status"][list] = json!([]);
    }
    let all = pod["status"][list].as_array_mut().unwrap();
    if let Some(at) = all.iter().position(|status| status["name"] == part) {
        return &mut all[at];
    }
    all.push(json!({"name": part, "ready": false, "restartCount": 0}));
    all.last_mut().unwrap()
}

fn restarts(pod: &mut Value, part: &str) -> u64 {
    status(pod, part)["restartCount"].as_u64().unwrap_or(0)
}

fn set(pod: &mut Value, part: &str, state: Value, restarts: u64) {
    let init = list(part) == "initContainerStatuses";
    let status = status(pod, part);
    status["ready"] = (init && state["waiting"].is_null()).into();
    status["state"] = state;
    status["restartCount"] = restarts.into();
}

/// A container that could not even be started leaves this behind.
fn last_try(pod: &mut Value, part: &str, message: &str, at: Timestamp) {
    status(pod, part)["lastState"] = json!({"terminated": {"exitCode": 128, "reason": "StartError",
        "message": message, "finishedAt": stamp(at)}});
}

/// What a cluster says of its instances' pods that were not recorded themselves.
pub fn instances(objects: &mut Objects, cluster: &Value, at: Timestamp) {
    let said = cluster["status"]["instancesStatus"].clone();
    let lists = |state: &str, name: &str| {
        said[state]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == name))
    };
    let mut gone = Vec::new();
    for (place, pod) in objects.iter_mut() {
        let labels = &pod["metadata"]["labels"];
        if labels["cnpg.io/podRole"] != "instance"
            || labels["cnpg.io/cluster"] != cluster["metadata"]["name"]
            || pod["metadata"]["annotations"][MARK].is_null()
        {
            continue;
        }
        let name = pod["metadata"]["name"].as_str().unwrap_or("").to_owned();
        let listed = ["healthy", "replicating", "failed"]
            .into_iter()
            .any(|state| lists(state, &name));
        if listed {
            pod["metadata"]["annotations"]["listed"] = "true".into();
        } else if pod["metadata"]["annotations"]["listed"] == "true" {
            gone.push(place.clone());
        }
        let ready = lists("healthy", &name);
        let was = pod["status"]["conditions"][1]["status"] == "True";
        if ready != was && pod["status"]["conditions"].is_array() {
            pod["status"]["conditions"][1] = json!({"type": "Ready", "status": if ready { "True" } else { "False" },
                "lastTransitionTime": stamp(at)});
            status(pod, "postgres")["ready"] = ready.into();
        }
    }
    for place in gone {
        objects.remove(&place);
    }
}
