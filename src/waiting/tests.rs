use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::plan::ObjectRef;

fn deployment() -> Arc<Value> {
    Arc::new(
        json!({"kind": "Deployment", "metadata": {"name": "web", "namespace": "care-be", "uid": "u1", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1}}),
    )
}

fn pod(status: &Value) -> Arc<Value> {
    Arc::new(
        json!({"kind": "Pod", "metadata": {"name": "web-1", "namespace": "care-be", "labels": {"app": "web"}},
        "spec": {"nodeName": "primary", "containers": [{"name": "web", "image": "ghcr.io/ohcnetwork/care:1"}]}, "status": status}),
    )
}

fn event_of(kind: &str, name: &str, reason: &str, message: &str) -> Arc<Value> {
    Arc::new(
        json!({"involvedObject": {"kind": kind, "name": name}, "reason": reason, "message": message,
        "firstTimestamp": "2026-11-24T02:00:00Z", "lastTimestamp": "2026-11-24T02:01:00Z"}),
    )
}

fn told(pods: Vec<Arc<Value>>, events: Vec<Arc<Value>>) -> Vec<Reason> {
    let ready = Ready::Object(ObjectRef::new("apps/v1", "Deployment", "care-be", "web"));
    explain(
        &ready,
        &Live {
            targets: vec![deployment()],
            pods,
            events,
            ..Live::default()
        },
    )
}

#[test]
fn an_image_that_cannot_be_pulled_names_pod_image_reason_and_remedy() {
    let waiting = json!({"phase": "Pending", "containerStatuses": [{"name": "web", "image": "ghcr.io/ohcnetwork/care:1",
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}]});
    let event = event_of(
        "Pod",
        "web-1",
        "Failed",
        "Failed to pull image \"ghcr.io/ohcnetwork/care:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"ghcr.io/ohcnetwork/care:1\": failed to resolve reference \"ghcr.io/ohcnetwork/care:1\": ghcr.io/ohcnetwork/care:1: not found",
    );
    let reasons = told(vec![pod(&waiting)], vec![event]);
    assert_eq!(
        reasons[0].sentence,
        "pod web-1 cannot pull the image ghcr.io/ohcnetwork/care:1: not found"
    );
    assert_eq!(reasons[0].code, Some(Code::Wait02));
    assert!(
        reasons[0]
            .remedy
            .as_deref()
            .unwrap()
            .starts_with("Push the image to ghcr.io")
    );
    assert_eq!(reasons[0].since, "2026-11-24T02:00:00Z".parse().ok());
    assert_eq!(
        reasons.last().unwrap().sentence,
        "0 of 1 replicas are ready"
    );
}

#[test]
fn a_container_out_of_memory_says_so() {
    let status = json!({"phase": "Running", "containerStatuses": [{"name": "web", "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]});
    let reasons = told(vec![pod(&status)], Vec::new());
    assert_eq!(
        reasons[0].sentence,
        "container web of pod web-1 ended 4 times: it used more memory than its limit"
    );
}

#[test]
fn a_pod_without_a_node_repeats_the_schedulers_count() {
    let status = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/2 nodes are available: 2 Insufficient memory."}]});
    let reasons = told(vec![pod(&status)], Vec::new());
    assert_eq!(
        reasons[0].sentence,
        "no node takes pod web-1: 0/2 nodes are available: 2 Insufficient memory."
    );
    assert_eq!(reasons[0].code, Some(Code::Wait05));
}

#[test]
fn a_pull_in_progress_is_told_without_alarm() {
    let status = json!({"phase": "Pending", "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "ContainerCreating"}}}]});
    let reasons = told(
        vec![pod(&status)],
        vec![event_of(
            "Pod",
            "web-1",
            "Pulling",
            "Pulling image \"ghcr.io/ohcnetwork/care:1\"",
        )],
    );
    assert_eq!(
        reasons[0].sentence,
        "pod web-1 is pulling the image ghcr.io/ohcnetwork/care:1"
    );
    assert_eq!(reasons[0].code, None);
}

#[test]
fn a_claim_without_a_class_names_it() {
    let claim = Arc::new(
        json!({"metadata": {"name": "data"}, "spec": {"storageClassName": "longhorn-database"}, "status": {"phase": "Pending"}}),
    );
    let ready = Ready::Object(ObjectRef::new(
        "v1",
        "PersistentVolumeClaim",
        "database",
        "data",
    ));
    let live = Live {
        targets: vec![Arc::clone(&claim)],
        claims: vec![claim],
        events: vec![event_of(
            "PersistentVolumeClaim",
            "data",
            "ProvisioningFailed",
            "storageclass.storage.k8s.io \"longhorn-database\" not found",
        )],
        ..Live::default()
    };
    let reasons = explain(&ready, &live);
    assert!(
        reasons[0].sentence.contains("longhorn-database"),
        "{reasons:?}"
    );
    assert_eq!(reasons[0].code, Some(Code::Wait06));
}

#[test]
fn refused_pods_are_told_until_pods_are_made() {
    let refused = event_of("Deployment", "web", "FailedCreate", "exceeded quota");
    let reasons = told(Vec::new(), vec![Arc::clone(&refused)]);
    assert_eq!(
        reasons[0].sentence,
        "Deployment web cannot make its pods: exceeded quota"
    );
    let mut later = event_of("Deployment", "web", "SuccessfulCreate", "created");
    Arc::make_mut(&mut later)["lastTimestamp"] = "2026-11-24T02:02:00Z".into();
    assert_eq!(told(Vec::new(), vec![refused, later]).len(), 1);
}

#[test]
fn a_ready_target_has_nothing_to_explain() {
    let ready = Ready::Object(ObjectRef::new("v1", "ConfigMap", "x", "y"));
    let live = Live {
        targets: vec![Arc::new(json!({"metadata": {"name": "y"}}))],
        ..Live::default()
    };
    assert!(explain(&ready, &live).is_empty());
}
