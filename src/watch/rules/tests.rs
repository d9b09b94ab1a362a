mod database;
mod volumes;

use serde_json::{Value, json};

use crate::{
    problem::Code,
    watch::{
        tests::{node, pod, silent, view},
        view::{Finding, Health},
    },
};

const NOW: &str = "2026-11-24T02:00:00Z";

fn findings(objects: &[Value]) -> Vec<Finding> {
    let mut all = vec![node("primary"), node("secondary")];
    for object in objects {
        let known = all.iter().position(|known| {
            known["kind"] == object["kind"]
                && known["metadata"]["name"] == object["metadata"]["name"]
                && known["apiVersion"] == object["apiVersion"]
        });
        match known {
            Some(at) => all[at] = object.clone(),
            None => all.push(object.clone()),
        }
    }
    view(&all, NOW).findings
}

/// The codes of all findings, worst first.
fn codes(objects: &[Value]) -> Vec<Code> {
    findings(objects)
        .into_iter()
        .map(|finding| finding.problem.code)
        .collect()
}

/// The only finding.
fn only(objects: &[Value]) -> Finding {
    let mut found = findings(objects);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    object
}

fn labelled(mut object: Value, labels: Value) -> Value {
    object["metadata"]["labels"] = labels;
    object
}

/// A pod that is not ready since the moment, with this state of its container.
fn failing(name: &str, since: &str, state: Value) -> Value {
    let mut one = labelled(pod("care-be", name, "primary"), json!({"app": "care"}));
    one["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "care-5c9f"}]);
    one["metadata"]["labels"]["pod-template-hash"] = "5c9f".into();
    one["status"]["startTime"] = since.into();
    one["status"]["conditions"] =
        json!([{"type": "Ready", "status": "False", "lastTransitionTime": since}]);
    one["status"]["containerStatuses"] = json!([{"name": "main", "ready": false, "restartCount": 5,
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-24T01:58:00Z"}}}]);
    one["status"]["containerStatuses"][0]["state"] = state;
    one
}

fn crashing(name: &str) -> Value {
    failing(
        name,
        "2026-11-24T01:50:00Z",
        json!({"waiting": {"reason": "CrashLoopBackOff"}}),
    )
}

fn deployment(replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "care-be", "name": "care", "creationTimestamp": "2026-11-23T00:00:00Z"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "care"}}}})
}

fn serving(name: &str, node: &str) -> Value {
    let labels = json!({"app": "care", "pod-template-hash": "5c9f"});
    let mut one = labelled(pod("care-be", name, node), labels);
    one["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "care-5c9f"}]);
    one
}

fn operator() -> Value {
    labelled(
        pod("cnpg-system", "cnpg-1", "primary"),
        json!({"app.kubernetes.io/name": "cnpg-cloudnative-pg"}),
    )
}

fn instance(name: &str, node: &str) -> Value {
    labelled(
        pod("database", name, node),
        json!({"cnpg.io/cluster": "care-db", "cnpg.io/podRole": "instance"}),
    )
}

fn cluster(phase: &str, conditions: Value) -> Value {
    let mut one = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster",
        "metadata": {"namespace": "database", "name": "care-db", "creationTimestamp": "2026-11-20T00:00:00Z"},
        "spec": {"instances": 2, "plugins": [{"name": "barman-cloud.cloudnative-pg.io", "isWALArchiver": true,
            "parameters": {"barmanObjectName": "care-db", "serverName": "care-db-1"}}]},
        "status": {"phase": phase, "instances": 2, "readyInstances": 2, "currentPrimary": "care-db-1"}});
    one["status"]["conditions"] = conditions;
    one
}

fn healthy() -> Value {
    cluster(
        "Cluster in healthy state",
        json!([{"type": "Ready", "status": "True"}, {"type": "ContinuousArchiving", "status": "True"}]),
    )
}

fn store(last: &str) -> Value {
    json!({"apiVersion": "barmancloud.cnpg.io/v1", "kind": "ObjectStore", "metadata": {"namespace": "database", "name": "care-db"},
        "status": {"serverRecoveryWindow": {"care-db-1": {"lastSuccessfulBackupTime": last}}}})
}

fn schedule() -> Value {
    json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "ScheduledBackup", "metadata": {"namespace": "database", "name": "care-db"},
        "spec": {"cluster": {"name": "care-db"}},
        "status": {"lastScheduleTime": "2026-11-23T22:00:00Z", "nextScheduleTime": "2026-11-24T22:00:00Z"}})
}

fn backup(name: &str, status: Value) -> Value {
    let mut one = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup",
        "metadata": {"namespace": "database", "name": name, "creationTimestamp": "2026-11-24T00:00:00Z"},
        "spec": {"cluster": {"name": "care-db"}}});
    one["status"] = status;
    one
}

/// A database as it should be, with some objects in the place of its own.
fn database(changed: &[Value]) -> Vec<Value> {
    let mut all = vec![
        operator(),
        healthy(),
        instance("care-db-1", "primary"),
        instance("care-db-2", "secondary"),
        store("2026-11-23T22:05:00Z"),
        schedule(),
    ];
    for object in changed {
        all.retain(|known| {
            known["kind"] != object["kind"]
                || known["metadata"]["name"] != object["metadata"]["name"]
        });
        all.push(object.clone());
    }
    all
}

fn archiving(status: &str, since: &str) -> Value {
    cluster(
        "Cluster in healthy state",
        json!([{"type": "Ready", "status": "True"},
        {"type": "ContinuousArchiving", "status": status, "lastTransitionTime": since,
         "message": "unexpected failure invoking barman-cloud-wal-archive: exit status 4"}]),
    )
}

fn manager() -> Value {
    pod("longhorn-system", "longhorn-manager-a", "primary")
}

fn volume(state: &str, robustness: &str, since: &str) -> Value {
    json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Volume", "metadata": {"namespace": "longhorn-system", "name": "pvc-1"},
        "status": {"state": state, "robustness": robustness, "lastDegradedAt": since, "ownerID": "primary",
            "kubernetesStatus": {"namespace": "database", "pvcName": "care-db-1"}}})
}

fn copy(node: &str, healthy: &str, failed: &str) -> Value {
    json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Replica", "metadata": {"namespace": "longhorn-system", "name": format!("r-{node}")},
        "spec": {"volumeName": "pvc-1", "nodeID": node, "healthyAt": healthy, "failedAt": failed}})
}

#[test]
fn a_healthy_cluster_needs_no_attention() {
    assert_eq!(codes(&[deployment(1), serving("care-1", "primary")]), []);
}

#[test]
fn a_crashing_pod_is_told_once_with_its_log_and_not_again_by_its_deployment() {
    let found = only(&[deployment(2), crashing("care-1"), crashing("care-2")]);
    assert_eq!(
        (found.health, found.problem.code),
        (Health::Bad, Code::Wait03)
    );
    assert_eq!(found.about, "Pod care-be/care-1");
    assert_eq!(
        found.problem.what,
        "Container main of pod care-1 ended 5 times: exit code 1."
    );
    assert_eq!(found.problem.causes, ["Pod care-be/care-2 as well"]);
}

#[test]
fn many_pods_with_one_cause_do_not_fill_the_screen() {
    let pods: Vec<Value> = (0..20)
        .map(|index| crashing(&format!("care-{index}")))
        .collect();
    let found = only(&pods);
    assert_eq!(found.problem.causes.len(), 4);
    assert_eq!(found.problem.causes[3], "16 more pods of care as well");
}

#[test]
fn a_crashing_pod_beside_one_that_serves_is_a_warning() {
    let found = only(&[
        deployment(2),
        crashing("care-1"),
        serving("care-2", "primary"),
    ]);
    assert_eq!(found.health, Health::Warn);
}

#[test]
fn a_pod_that_has_just_started_is_no_finding_and_one_that_never_gets_ready_is() {
    let running = |since: &str| failing("care-1", since, json!({"running": {"startedAt": since}}));
    assert_eq!(codes(&[running("2026-11-24T01:59:30Z")]), []);
    let found = only(&[running("2026-11-24T01:40:00Z")]);
    assert_eq!(
        (found.health, found.problem.code),
        (Health::Warn, Code::Pod05)
    );
}

#[test]
fn a_volume_that_is_not_mounted_at_the_first_try_is_told_only_when_it_lasts() {
    let mounting = |since: &str| {
        let one = failing(
            "care-1",
            since,
            json!({"waiting": {"reason": "ContainerCreating"}}),
        );
        let one = with(one, "/metadata/creationTimestamp", since.into());
        let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "care-be", "name": "e"},
            "involvedObject": {"kind": "Pod", "namespace": "care-be", "name": "care-1"},
            "reason": "FailedMount", "message": "timed out waiting for the condition", "lastTimestamp": "2026-11-24T01:59:50Z"});
        codes(&[one, event])
    };
    assert_eq!(mounting("2026-11-24T01:59:00Z"), []);
    assert_eq!(mounting("2026-11-24T01:50:00Z"), [Code::Wait07]);
}

#[test]
fn restarts_count_when_they_are_many_and_recent_and_memory_always() {
    let restarted = |count: u32, reason: &str, moment: &str| {
        let mut one = pod("care-be", "care-1", "primary");
        one["status"]["containerStatuses"][0]["restartCount"] = count.into();
        one["status"]["containerStatuses"][0]["lastState"] =
            json!({"terminated": {"exitCode": 137, "reason": reason, "finishedAt": moment}});
        codes(&[one])
    };
    assert_eq!(restarted(4, "Error", "2026-11-24T01:48:00Z"), [Code::Pod01]);
    assert_eq!(restarted(1, "Error", "2026-11-24T01:48:00Z"), []);
    assert_eq!(restarted(4, "Error", "2026-11-23T20:00:00Z"), []);
    assert_eq!(
        restarted(1, "OOMKilled", "2026-11-24T01:48:00Z"),
        [Code::Pod02]
    );
}

#[test]
fn failed_tries_of_a_job_that_is_done_and_replaced_leftovers_are_history() {
    let attempt = |name: &str, phase: &str| {
        let mut one = pod("care-be", name, "primary");
        one["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "care-migrate-1a"}]);
        one["status"] = json!({"phase": phase, "containerStatuses": [{"name": "main", "restartCount": 0,
            "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]});
        one
    };
    let job = |name: &str, made: &str, end: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"namespace": "care-be", "name": name, "creationTimestamp": made},
            "status": {"conditions": [{"type": end, "status": "True", "message": "Job has reached the specified backoff limit"}]}})
    };
    let first = job("care-migrate-1a", "2026-11-24T01:00:00Z", "Failed");
    assert_eq!(codes(&[attempt("m-1", "Failed")]), [Code::Wait03]);
    assert_eq!(
        codes(&[attempt("m-1", "Failed"), attempt("m-2", "Succeeded")]),
        []
    );
    assert_eq!(
        codes(&[attempt("m-1", "Failed"), first.clone()]),
        [Code::Wait11]
    );
    let second = job("care-migrate-2b", "2026-11-24T01:30:00Z", "Complete");
    assert_eq!(codes(&[attempt("m-1", "Failed"), first, second]), []);
    // After a power cut the old pods lie around as Failed, and the new ones serve.
    let mut left = serving("care-1", "primary");
    left["status"] = json!({"phase": "Failed", "reason": "Terminated"});
    assert_eq!(
        codes(&[deployment(1), left, serving("care-2", "primary")]),
        []
    );
}

#[test]
fn an_evicted_pod_and_one_that_does_not_end_are_told() {
    let mut evicted = serving("care-1", "primary");
    evicted["metadata"]["creationTimestamp"] = "2026-11-24T01:00:00Z".into();
    evicted["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."});
    let short = with(
        node("primary"),
        "/status/conditions",
        json!([{"type": "Ready", "status": "True"}, {"type": "MemoryPressure", "status": "True", "message": "m"}]),
    );
    let other = serving("care-2", "primary");
    assert_eq!(
        codes(&[deployment(1), evicted.clone(), other.clone(), short]),
        [Code::Node02, Code::Pod03]
    );
    // Another one does its work, and its node is well again.
    let well = [deployment(1), evicted.clone(), other, node("primary")];
    assert_eq!(codes(&well), []);
    assert!(codes(&[evicted, node("primary")]).contains(&Code::Pod03));
    let stuck = with(
        pod("care-be", "x", "primary"),
        "/metadata/deletionTimestamp",
        json!("2026-11-24T01:00:00Z"),
    );
    assert_eq!(codes(&[stuck]), [Code::Pod04]);
}

#[test]
fn a_workload_below_its_wish_says_so_after_it_had_time_to_settle() {
    let refused = json!({"type": "ReplicaFailure", "status": "True", "message": "pods \"care\" is forbidden: exceeded quota"});
    let mut old = deployment(2);
    old["status"] = json!({"conditions": [refused]});
    let found = only(std::slice::from_ref(&old));
    assert_eq!(
        (found.health, found.problem.code),
        (Health::Bad, Code::Wait09)
    );
    assert_eq!(
        found.problem.what,
        "Deployment care cannot make its pods: exceeded quota."
    );
    assert_eq!(found.problem.causes, ["none of its 2 copies is ready"]);
    assert_eq!(
        codes(&[with(
            old,
            "/metadata/creationTimestamp",
            json!("2026-11-24T01:59:30Z")
        )]),
        []
    );
    assert_eq!(codes(&[deployment(0)]), []);
}

#[test]
fn a_silent_node_is_one_finding_with_its_pods_and_what_is_down_because_of_it() {
    let found = findings(&[
        silent("secondary"),
        deployment(2),
        serving("care-1", "primary"),
        serving("care-2", "secondary"),
    ]);
    let said: Vec<(Health, Code)> = found
        .iter()
        .map(|one| (one.health, one.problem.code))
        .collect();
    assert_eq!(
        said,
        [(Health::Bad, Code::Wait10), (Health::Warn, Code::App01)]
    );
    assert_eq!(found[0].since, "2026-11-24T01:30:00Z".parse().ok());
    assert!(
        found[0]
            .problem
            .causes
            .iter()
            .any(|cause| cause.contains("1 pod there: care-be/care-2"))
    );
    assert_eq!(
        found[1].problem.causes,
        ["pod care-2 is on secondary, which is not ready"]
    );
    let found = findings(&[
        silent("secondary"),
        deployment(1),
        serving("care-2", "secondary"),
    ]);
    assert_eq!(found[1].health, Health::Bad);
}

#[test]
fn a_daemon_on_a_silent_node_is_the_nodes_matter() {
    let daemon = json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"namespace": "care-be", "name": "care", "creationTimestamp": "2026-11-23T00:00:00Z"},
        "spec": {"selector": {"matchLabels": {"app": "care"}}}, "status": {"desiredNumberScheduled": 2}});
    let pods = [serving("care-1", "primary"), serving("care-2", "secondary")];
    let [one, two] = pods;
    assert_eq!(
        codes(&[silent("secondary"), daemon, one, two]),
        [Code::Wait10]
    );
}

#[test]
fn cordons_and_pressures_are_told_with_the_command_that_helps() {
    let cordoned = with(
        node("primary"),
        "/spec",
        json!({"unschedulable": true,
        "taints": [{"key": "node.kubernetes.io/unschedulable", "timeAdded": "2026-11-24T00:10:00Z"}]}),
    );
    let found = only(&[cordoned]);
    assert_eq!(
        (found.problem.code, found.problem.remedy.as_str()),
        (
            Code::Node01,
            "When its maintenance is over: kubectl uncordon primary."
        )
    );
    assert_eq!(found.since, "2026-11-24T00:10:00Z".parse().ok());
    for (kind, code) in [
        ("DiskPressure", Code::Node02),
        ("MemoryPressure", Code::Node02),
        ("PIDPressure", Code::Node02),
        ("NetworkUnavailable", Code::Node03),
    ] {
        let mut pressed = node("primary");
        let condition = json!({"type": kind, "status": "True", "message": "m"});
        pressed["status"]["conditions"]
            .as_array_mut()
            .unwrap()
            .push(condition);
        assert_eq!(codes(&[pressed]), [code], "{kind}");
    }
}

#[test]
fn a_claim_without_a_volume_tells_what_the_provisioner_said_and_one_without_a_pod_may_wait() {
    let claim = |made: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"namespace": "database", "name": "care-db-1", "creationTimestamp": made},
            "spec": {"storageClassName": "longhorn-database"}, "status": {"phase": "Pending"}})
    };
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "database", "name": "e"},
        "involvedObject": {"kind": "PersistentVolumeClaim", "namespace": "database", "name": "care-db-1"},
        "reason": "ProvisioningFailed", "message": "storageclass \"longhorn-database\" not found", "lastTimestamp": "2026-11-24T01:59:00Z"});
    let found = only(&[claim("2026-11-24T01:50:00Z"), event.clone()]);
    assert_eq!(
        (found.health, found.problem.code),
        (Health::Bad, Code::Wait06)
    );
    assert!(
        found.problem.what.contains("not found"),
        "{}",
        found.problem.what
    );
    assert_eq!(codes(&[claim("2026-11-24T01:59:50Z"), event]), []);
    assert_eq!(codes(&[claim("2026-11-24T01:00:00Z")]), []);
    let lost = with(
        claim("2026-11-24T01:00:00Z"),
        "/status/phase",
        json!("Lost"),
    );
    assert_eq!(codes(&[lost]), [Code::Vol07]);
}

// PostgreSQL.

#[test]
fn every_finding_says_what_and_what_to_do() {
    let many = [
        findings(&[
            silent("secondary"),
            deployment(1),
            serving("care-2", "secondary"),
            crashing("care-1"),
        ]),
        findings(&database(&[
            silent("primary"),
            archiving("False", "2026-11-24T01:40:00Z"),
            store("2026-11-20T00:00:00Z"),
        ])),
        findings(&[manager(), volume("attached", "faulted", "")]),
    ];
    for finding in many.iter().flatten() {
        assert!(finding.problem.what.ends_with('.'), "{}", finding.problem);
        assert!(finding.problem.remedy.ends_with('.'), "{}", finding.problem);
        assert!(
            !finding.problem.causes.iter().any(String::is_empty),
            "{}",
            finding.problem
        );
    }
}

// What follows from what.

#[test]
fn a_program_that_failed_before_its_database_does_not_fail_because_of_it() {
    let crashing = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let because = |database_since: &str| {
        let mut primary = instance("care-db-1", "primary");
        primary["status"]["conditions"] =
            json!([{"type": "Ready", "status": "False", "lastTransitionTime": database_since}]);
        primary["status"]["containerStatuses"] = json!([{"name": "main", "ready": false, "restartCount": 4, "state": crashing,
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": database_since}}}]);
        let care = failing("care-1", "2026-11-24T01:50:00Z", crashing.clone());
        let found = findings(&database(&[primary, care]));
        let care = found.iter().find(|one| one.about == "Pod care-be/care-1");
        care.unwrap().because_of.clone().map(|cause| cause.about)
    };
    assert_eq!(
        because("2026-11-24T01:45:00Z").as_deref(),
        Some("Pod database/care-db-1")
    );
    assert_eq!(because("2026-11-24T01:55:00Z"), None);
}

#[test]
fn a_cause_is_as_bad_as_its_worst_effect_and_concerns_whom_they_concern() {
    let found = findings(&[
        silent("secondary"),
        deployment(1),
        serving("care-2", "secondary"),
    ]);
    assert!(found[1].follows(&found[0]));
    assert_eq!(found[0].brings.len(), 1);
    let services = [
        crate::plan::Service::Records,
        crate::plan::Service::Platform,
    ];
    assert_eq!(found[0].services, services);
}

#[test]
fn one_image_that_two_programs_wait_for_is_one_matter() {
    let pulling = |name: &str, program: &str| {
        let waits = json!({"waiting": {"reason": "ImagePullBackOff", "message": "x: not found"}});
        let mut one = failing(name, "2026-11-24T01:50:00Z", waits);
        one["metadata"]["ownerReferences"][0]["name"] = format!("{program}-5c9f").into();
        one
    };
    let found = findings(&[pulling("web-1", "web"), pulling("worker-1", "worker")]);
    assert_eq!(found.len(), 2);
    assert!(found[1].follows(&found[0]));
}
