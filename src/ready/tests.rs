use serde_json::json;

use super::*;

fn check(api_version: &str, kind: &str, live: &Value, expected: &str) {
    let said = match object(&ObjectRef::new(api_version, kind, "ns", "x"), Some(live)) {
        Readiness::Ready => "ready".to_owned(),
        Readiness::NotYet(why) => why,
        Readiness::Failed(problem) => format!("failed: {}", problem.what),
    };
    assert_eq!(said, expected, "{live}");
}

#[test]
fn deployments_are_ready_when_every_replica_is_new_and_available() {
    let live = |status: Value| json!({"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status});
    let check = |status, expected| check("apps/v1", "Deployment", &live(status), expected);
    check(json!({}), "its controller has not started yet");
    check(
        json!({"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2}),
        "its controller has not seen the newest change yet",
    );
    check(
        json!({"observedGeneration": 2, "updatedReplicas": 1}),
        "1 of 2 replicas are of the newest version",
    );
    check(
        json!({"observedGeneration": 2, "updatedReplicas": 2, "replicas": 3}),
        "replicas of the former version are still ending",
    );
    check(
        json!({"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 1}),
        "1 of 2 replicas are ready",
    );
    check(
        json!({"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}),
        "ready",
    );
}

#[test]
fn a_daemon_set_that_no_node_takes_is_not_ready() {
    let live = json!({"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "desiredNumberScheduled": 0}});
    check("apps/v1", "DaemonSet", &live, "no node takes its pods");
}

#[test]
fn a_copy_of_a_volume_is_ready_when_it_is_whole_in_the_bucket() {
    let check = |kind, status, expected| {
        check(
            "longhorn.io/v1beta2",
            kind,
            &json!({ "status": status }),
            expected,
        );
    };
    check("Snapshot", json!({}), "the snapshot is not made yet");
    check("Snapshot", json!({"readyToUse": true}), "ready");
    let error = json!({"readyToUse": false, "error": "no engine"});
    check("Snapshot", error, "failed: Snapshot ns/x failed.");
    check("Backup", json!({}), "the backup has not started yet");
    let half = json!({"state": "InProgress", "progress": 40});
    check(
        "Backup",
        half,
        "40 % of the volume are in the backup bucket",
    );
    check("Backup", json!({"state": "Completed"}), "ready");
    let error = json!({"state": "Error", "error": "the bucket refused"});
    check("Backup", error, "failed: Backup ns/x failed.");
}

#[test]
fn jobs_are_ready_when_complete_and_failed_when_failed() {
    let live = |kind: &str| json!({"status": {"conditions": [{"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": "no more"}]}});
    check("batch/v1", "Job", &live("Complete"), "ready");
    check(
        "batch/v1",
        "Job",
        &live("Failed"),
        "failed: Job ns/x failed.",
    );
    check(
        "batch/v1",
        "Job",
        &json!({"status": {"active": 1, "failed": 2}}),
        "the job is running, 2 tries failed",
    );
}

#[test]
fn a_database_cluster_that_only_says_initialized_is_not_ready() {
    let live = json!({"spec": {"instances": 2}, "status": {"phase": "Setting up primary", "phaseReason": "Creating primary instance x-1",
        "conditions": [{"type": "Initialized", "status": "True"}]}});
    check(
        "postgresql.cnpg.io/v1",
        "Cluster",
        &live,
        "0 of 2 instances are ready: Setting up primary (Creating primary instance x-1)",
    );
    let live = json!({"spec": {"instances": 2}, "status": {"phase": "Cluster in healthy state", "readyInstances": 2,
        "conditions": [{"type": "Ready", "status": "True"}]}});
    check("postgresql.cnpg.io/v1", "Cluster", &live, "ready");
}

#[test]
fn conditions_of_an_older_generation_do_not_count() {
    let live = json!({"metadata": {"generation": 3}, "status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]}});
    check(
        "cert-manager.io/v1",
        "Certificate",
        &live,
        "it is not Ready yet",
    );
}

#[test]
fn objects_without_a_status_are_ready_when_they_are_there_and_stay() {
    check(
        "v1",
        "ConfigMap",
        &json!({"metadata": {"name": "x"}}),
        "ready",
    );
    check(
        "v1",
        "ConfigMap",
        &json!({"metadata": {"deletionTimestamp": "2026-11-24T10:00:00Z"}}),
        "ConfigMap ns/x is being deleted",
    );
    assert_eq!(
        object(&ObjectRef::new("v1", "ConfigMap", "ns", "x"), None),
        Readiness::NotYet("ConfigMap ns/x does not exist yet".to_owned())
    );
}

#[test]
fn all_counts_and_names_the_first_that_is_not_ready() {
    let node = |name: &str, status: &str| {
        Arc::new(
            json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": status}]}}),
        )
    };
    let ready = Ready::All {
        of: ObjectRef::new("v1", "Node", "", ""),
        selector: String::new(),
        at_least: 2,
    };
    let judged = |targets| {
        judge(
            &ready,
            &Live {
                targets,
                ..Live::default()
            },
        )
    };
    assert_eq!(
        judged(vec![node("a", "True")]),
        Readiness::NotYet("1 of 2 Node objects are ready".to_owned())
    );
    assert_eq!(
        judged(vec![node("a", "True"), node("b", "True")]),
        Readiness::Ready
    );
    assert_eq!(
        judged(vec![node("a", "True"), node("b", "False")]),
        Readiness::NotYet("1 of 2 Node objects are ready: it is not Ready yet".to_owned())
    );
}
