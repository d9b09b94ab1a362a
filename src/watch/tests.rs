//! What the tests of this folder share, and the loss of a machine replayed as it was recorded.

use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    picture,
    services::Carriers,
    snapshot::{Kind, Objects, Snapshot, key},
    view::{ClusterView, Health, Stop},
};
use crate::{catalog::Catalog, plan::Service};

/// A moment of the night of all tests.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The kind of an object; what was recorded names no version.
pub fn kind_of(object: &Value) -> Kind {
    let longhorn = object["apiVersion"]
        .as_str()
        .is_some_and(|version| version.starts_with("longhorn.io"));
    let by_word = || {
        Kind::ALL
            .into_iter()
            .filter(|kind| (*kind == Kind::StorageNode) == (longhorn && object["kind"] == "Node"))
            .find(|kind| kind.word() == object["kind"])
    };
    Kind::of(object).or_else(by_word).unwrap()
}

/// A snapshot of these objects.
pub fn snapshot(objects: &[Value]) -> Snapshot {
    let mut kinds: BTreeMap<Kind, Objects> = BTreeMap::new();
    for object in objects {
        let objects = kinds.entry(kind_of(object)).or_default();
        objects.insert(key(object), Arc::new(object.clone()));
    }
    let mut snapshot = Snapshot::default();
    for (kind, objects) in kinds {
        snapshot.take(kind, Arc::new(objects));
    }
    snapshot
}

/// The picture of these objects.
pub fn view(objects: &[Value], now: &str) -> ClusterView {
    let carriers = Carriers::of(&Catalog::load().unwrap());
    picture::draw(&snapshot(objects), &carriers, at(now))
}

/// A node that reports.
pub fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"ohn/role": name}},
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-01T00:00:00Z"}]}})
}

/// A node that has been silent since half past one.
pub fn silent(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"ohn/role": name}},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-11-24T01:30:00Z"}]}})
}

/// A pod that runs and is ready.
pub fn pod(namespace: &str, name: &str, node: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "creationTimestamp": "2026-11-23T00:00:00Z", "labels": {}},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": "example.org/main:1"}]},
        "status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T00:01:00Z"}],
            "containerStatuses": [{"name": "main", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-11-23T00:00:30Z"}}}]}})
}

/// The objects as they were at a moment of the recording.
fn recorded(until: &str) -> Vec<Value> {
    let mut objects: BTreeMap<(String, String), Value> = BTreeMap::new();
    for line in include_str!("rules/node-lost.jsonl").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if at(line["at"].as_str().unwrap()) > at(until) {
            break;
        }
        let place = |object: &Value| (object["kind"].to_string(), key(object));
        if line["gone"].is_object() {
            objects.remove(&place(&line["gone"]));
        } else {
            objects.insert(place(&line["object"]), line["object"].clone());
        }
    }
    objects.into_values().collect()
}

/// What a technician would read.
fn told(view: &ClusterView) -> String {
    let mut text = String::new();
    for row in &view.services {
        if row.note != "not installed" {
            writeln!(
                text,
                "{}: {} {}",
                row.service.title(),
                row.health.word(),
                row.note
            )
            .unwrap();
        }
    }
    for finding in &view.findings {
        let since = finding.since.map(|at| at.to_string()).unwrap_or_default();
        writeln!(
            text,
            "\n{} {} since {since}\n{}",
            finding.health.word(),
            finding.about,
            finding.problem
        )
        .unwrap();
    }
    text.push('\n');
    for pod in &view.pods {
        writeln!(
            text,
            "{}/{} {}/{} {} ({}) on {}",
            pod.namespace,
            pod.name,
            pod.ready,
            pod.containers,
            pod.status,
            pod.health.word(),
            pod.node
        )
        .unwrap();
    }
    for node in &view.nodes {
        writeln!(
            text,
            "\n{} {} ({})",
            node.name,
            node.status,
            node.health.word()
        )
        .unwrap();
        for line in &node.details {
            writeln!(text, "| {line}").unwrap();
        }
    }
    text
}

#[test]
fn the_night_a_machine_was_lost() {
    let moments = [
        ("1 before", "2026-11-24T04:42:00Z"),
        ("2 the node is silent", "2026-11-24T04:43:40Z"),
        ("3 nothing moves", "2026-11-24T04:47:00Z"),
        ("4 the pods are given up", "2026-11-24T04:48:34Z"),
        ("5 failing over", "2026-11-24T04:48:55Z"),
        ("6 the other copy is primary", "2026-11-24T04:49:30Z"),
        ("7 the machine is back", "2026-11-24T04:52:30Z"),
        ("8 after", "2026-11-24T04:55:00Z"),
    ];
    let mut text = String::new();
    for (name, moment) in moments {
        let view = view(&recorded(moment), moment);
        writeln!(text, "======== {name}, {moment}\n{}", told(&view)).unwrap();
    }
    insta::assert_snapshot!("node_lost", text);
}

#[test]
fn between_the_loss_and_the_failover_the_old_words_of_the_cluster_are_not_believed() {
    let moment = "2026-11-24T04:45:00Z";
    let objects = recorded(moment);
    let cluster = objects
        .iter()
        .find(|object| object["kind"] == "Cluster")
        .unwrap();
    assert_eq!(cluster["status"]["phase"], "Cluster in healthy state");
    let view = view(&objects, moment);
    assert!(
        view.findings[0]
            .problem
            .what
            .contains("secondary does not answer")
    );
    let second = view.causes().nth(1).unwrap();
    assert!(second.problem.what.contains("takes no writes"));
    assert_eq!(second.since, Some(at("2026-11-24T04:43:31Z")));
    let lost = view
        .pods
        .iter()
        .find(|pod| pod.name == "care-db-1")
        .unwrap();
    assert_eq!(
        (lost.status.as_str(), lost.health, lost.ready),
        ("Unknown", Health::Unknown, 0)
    );
    assert!(
        lost.details[0]
            .starts_with("unknown since 2026-11-24 04:43:31 UTC: its node secondary is not ready")
    );
}

#[test]
fn what_is_not_installed_says_so() {
    let empty = view(&[node("primary")], "2026-11-24T02:00:00Z");
    assert_eq!(empty.services.len(), Service::ALL.len());
    for row in &empty.services {
        assert_eq!(
            (row.health, row.note.as_str()),
            (Health::Unknown, "not installed")
        );
    }
    let rustfs = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "rustfs", "name": "rustfs", "creationTimestamp": "2026-11-24T01:59:50Z"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "rustfs"}}}});
    let mut pod = pod("rustfs", "rustfs-1", "primary");
    pod["metadata"]["labels"] = json!({"app": "rustfs"});
    let files = |objects: &[Value]| {
        let view = view(objects, "2026-11-24T02:00:00Z");
        let row = view
            .services
            .into_iter()
            .find(|row| row.service == Service::Files)
            .unwrap();
        (row.health, row.note)
    };
    let starting = files(&[node("primary"), rustfs.clone()]);
    assert_eq!(starting, (Health::Busy, "rustfs is starting".to_owned()));
    let serving = files(&[node("primary"), rustfs.clone(), pod.clone()]);
    assert_eq!(serving, (Health::Good, String::new()));
    let lost = files(&[silent("primary"), rustfs, pod]);
    assert_eq!(lost, (Health::Bad, "rustfs is down".to_owned()));
}

/// The sentences of a node about its own end.
fn ending(objects: &[Value], node: &str) -> Vec<String> {
    let view = view(objects, "2026-11-24T02:00:00Z");
    let row = view.nodes.into_iter().find(|row| row.name == node).unwrap();
    let lines = row.details.into_iter();
    lines
        .filter(|line| line.starts_with("  "))
        .map(|line| line.trim().to_owned())
        .collect()
}

fn owned(mut pod: Value, owner: &str) -> Value {
    pod["metadata"]["ownerReferences"] = json!([{"kind": "StatefulSet", "name": owner}]);
    pod
}

#[test]
fn what_ends_with_a_node_is_told_by_name_and_service() {
    let mut pinned = owned(pod("rustfs", "rustfs-0", "secondary"), "rustfs");
    pinned["spec"]["nodeSelector"] = json!({"ohn/role": "secondary"});
    let mut quick = owned(pod("other", "free-0", "secondary"), "free");
    quick["spec"]["tolerations"] =
        json!([{"key": "node.kubernetes.io/unreachable", "tolerationSeconds": 30}]);
    let objects = [
        node("primary"),
        node("secondary"),
        pinned,
        quick,
        owned(pod("care-be", "care-0", "secondary"), "care"),
        owned(pod("care-be", "care-1", "primary"), "care"),
    ];
    assert_eq!(
        ending(&objects, "secondary"),
        [
            "ends until it is back: rustfs/rustfs (Files).",
            "starts elsewhere after about 1 min 16 s: other/free.",
            "goes on elsewhere with fewer copies: care-be/care (Registration and records).",
        ]
    );
    // With the other node silent nothing can go anywhere.
    let mut alone = objects.clone();
    alone[0] = silent("primary");
    let told = ending(&alone, "secondary");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("ends until it is back: care-be/care"));
    assert_eq!(ending(&alone, "primary"), [""; 0]);
    assert_eq!(
        ending(&[node("primary")], "primary"),
        ["nothing ends: no pod here is needed."]
    );
}

#[test]
fn the_only_good_copy_of_a_volume_is_named_before_its_node_is_stopped() {
    let volume = json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Volume", "metadata": {"namespace": "longhorn-system", "name": "pvc-1"},
        "status": {"state": "attached", "robustness": "degraded", "kubernetesStatus": {"namespace": "rustfs", "pvcName": "data"}}});
    let copy = |node: &str, failed: &str| {
        json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Replica", "metadata": {"namespace": "longhorn-system", "name": node},
            "spec": {"volumeName": "pvc-1", "nodeID": node, "healthyAt": "2026-11-20T00:00:00Z", "failedAt": failed}})
    };
    let sentence = "the only good copy of these volumes is out of reach: rustfs/data.";
    let told = |failed: &str| {
        let objects = [
            node("primary"),
            node("secondary"),
            volume.clone(),
            copy("primary", ""),
            copy("secondary", failed),
        ];
        ending(&objects, "primary").contains(&sentence.to_owned())
    };
    assert!(!told(""));
    assert!(told("2026-11-24T01:00:00Z"));
}

#[test]
fn the_database_is_away_for_as_long_as_its_operator_needs() {
    let cluster = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"namespace": "database", "name": "care-db"},
        "status": {"currentPrimary": "care-db-1"}});
    let instance = |name: &str, node: &str| {
        let mut one = pod("database", name, node);
        one["metadata"]["labels"] = json!({"cnpg.io/cluster": "care-db"});
        one
    };
    let operator = |node: &str| {
        let mut one = pod("cnpg-system", &format!("cnpg-{node}"), node);
        one["metadata"]["labels"] = json!({"app.kubernetes.io/name": "cloudnative-pg"});
        one
    };
    let told = |more: &[Value]| {
        let mut objects = vec![
            node("primary"),
            node("secondary"),
            cluster.clone(),
            instance("care-db-1", "secondary"),
        ];
        objects.extend_from_slice(more);
        ending(&objects, "secondary").remove(0)
    };
    let spare = instance("care-db-2", "primary");
    assert_eq!(
        told(&[spare.clone(), operator("secondary")]),
        "the database care-db takes no writes for about 6 min 24 s: the primary care-db-1 is here, care-db-2 takes over."
    );
    assert!(
        told(&[spare, operator("secondary"), operator("primary")]).contains("for about 1 min 31 s")
    );
    assert_eq!(
        told(&[operator("primary")]),
        "the database care-db ends until it is back: there is no working copy elsewhere."
    );
}

/// What becomes of the services that are there when this node stops.
fn stops(objects: &[Value], node: &str) -> Vec<(Service, Stop, String)> {
    let view = view(objects, "2026-11-24T02:00:00Z");
    let row = view.nodes.into_iter().find(|row| row.name == node).unwrap();
    let told = row.stops.into_iter();
    told.map(|one| (one.service, one.stop, one.why)).collect()
}

fn instance(name: &str, place: &str) -> Value {
    let mut one = pod("database", name, place);
    one["metadata"]["labels"] = json!({"cnpg.io/cluster": "care-db"});
    one
}

fn copy(name: &str, place: &str) -> Value {
    json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Replica", "metadata": {"namespace": "longhorn-system", "name": name},
        "spec": {"volumeName": "pvc-1", "nodeID": place, "healthyAt": "2026-11-23T00:00:00Z"}})
}

/// A database with a standby, its operator, and files whose volume has one copy.
fn two_machines() -> Vec<Value> {
    let owned = |mut pod: Value, kind: &str, name: &str| {
        pod["metadata"]["ownerReferences"] = json!([{"kind": kind, "name": name}]);
        pod
    };
    let mut operator = owned(
        pod("cnpg-system", "cnpg-1", "secondary"),
        "StatefulSet",
        "cnpg",
    );
    operator["metadata"]["labels"] = json!({"app.kubernetes.io/name": "cloudnative-pg"});
    let cluster = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"namespace": "database", "name": "care-db"},
        "spec": {"instances": 2}, "status": {"currentPrimary": "care-db-1"}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "rustfs", "name": "rustfs"}});
    let mut files = owned(
        pod("rustfs", "rustfs-0", "secondary"),
        "StatefulSet",
        "rustfs",
    );
    files["spec"]["volumes"] = json!([{"persistentVolumeClaim": {"claimName": "data"}}]);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": "rustfs", "name": "data"},
        "spec": {"volumeName": "pvc-1"}, "status": {"phase": "Bound"}});
    vec![
        node("primary"),
        node("secondary"),
        cluster,
        instance("care-db-1", "primary"),
        instance("care-db-2", "secondary"),
        operator,
        deployment,
        files,
        claim,
        copy("a", "primary"),
    ]
}

#[test]
fn if_a_node_stops_each_service_says_what_becomes_of_it() {
    let mut all = two_machines();
    // The primary's database moves; the only copy of the files' volume is on it, though their pod is elsewhere.
    let failover = Duration::from_secs(46 + 45);
    assert_eq!(
        stops(&all, "primary"),
        [
            (
                Service::Records,
                Stop::Pauses(failover),
                "care-db changes its primary".to_owned()
            ),
            (
                Service::Files,
                Stop::Ends,
                "rustfs: its volume has no other copy".to_owned()
            ),
        ]
    );
    assert_eq!(
        stops(&all, "secondary"),
        [
            (
                Service::Records,
                Stop::Fewer,
                "care-db without its copy here".to_owned()
            ),
            (
                Service::Files,
                Stop::Pauses(Duration::from_secs(46 + 300)),
                "rustfs starts elsewhere".to_owned()
            ),
        ]
    );
    // With a second copy the loss of the first machine no longer reaches the files.
    all.push(copy("b", "secondary"));
    assert_eq!(
        stops(&all, "primary")[1],
        (Service::Files, Stop::GoesOn, String::new())
    );
    // Nobody is there to take over, and nobody governs: the database ends.
    all.retain(|one| one["metadata"]["name"] != "care-db-2");
    assert_eq!(stops(&all, "primary")[0].1, Stop::Ends);
    all[0]["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = "".into();
    all[3] = instance("care-db-1", "secondary");
    let told = view(&all, "2026-11-24T02:00:00Z").nodes[0]
        .details
        .join(" ");
    assert!(told.contains("the Kubernetes API ends with it"), "{told}");
    assert_eq!(stops(&all, "secondary")[0].1, Stop::Ends);
}

#[test]
fn a_budget_that_lets_no_pod_go_is_named_before_a_drain() {
    let mut one = pod("care-be", "care-1", "primary");
    one["metadata"]["labels"] = json!({"app": "care"});
    let budget = |left: u64| {
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"namespace": "care-be", "name": "care"},
            "spec": {"selector": {"matchLabels": {"app": "care"}}}, "status": {"disruptionsAllowed": left}})
    };
    let told = |left, place: &str| {
        let all = [
            node("primary"),
            node("secondary"),
            one.clone(),
            budget(left),
        ];
        let view = view(&all, "2026-11-24T02:00:00Z");
        let row = view
            .nodes
            .into_iter()
            .find(|row| row.name == place)
            .unwrap();
        row.details
            .iter()
            .any(|line| line.contains("a drain would wait") && line.contains("care-be/care"))
    };
    assert!(told(0, "primary"));
    assert!(!told(1, "primary") && !told(0, "secondary"));
}
