mod listed;

use serde_json::{Value, json};

use crate::watch::{
    tests::{node, pod, silent, view},
    view::{ClusterView, Health},
};

const NOW: &str = "2026-11-24T02:00:00Z";

/// The row of a pod with this status: READY, STATUS, RESTARTS, health.
fn check(status: Value, more: &[(&str, Value)]) -> (String, String, u32, Health) {
    let mut one = pod("care-be", "care-1", "primary");
    one["status"] = status;
    for (pointer, value) in more {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        one.pointer_mut(parent).unwrap()[field] = value.clone();
    }
    let view = view(&[node("primary"), one], NOW);
    let row = view.pods.into_iter().next().unwrap();
    (
        format!("{}/{}", row.ready, row.containers),
        row.status.clone(),
        row.restarts,
        row.health,
    )
}

fn container(ready: bool, restarts: u32, state: Value) -> Value {
    let mut one = json!({"name": "main", "ready": ready, "restartCount": restarts});
    one["state"] = state;
    one
}

fn status(phase: &str, ready: bool, containers: Value) -> Value {
    let ready = if ready { "True" } else { "False" };
    let mut one = json!({"phase": phase,
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-24T01:59:30Z"}]});
    one["containerStatuses"] = containers;
    one
}

fn row(ready: &str, status: &str, restarts: u32, health: Health) -> (String, String, u32, Health) {
    (ready.to_owned(), status.to_owned(), restarts, health)
}

#[test]
fn statuses_read_as_kubectl_prints_them() {
    let running = json!({"running": {"startedAt": "2026-11-24T01:59:00Z"}});
    let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
    let one = |phase: &str, ready: bool, restarts: u32, state: &Value| {
        let containers = json!([container(ready, restarts, state.clone())]);
        check(status(phase, ready, containers), &[])
    };
    let ok = one("Running", true, 2, &running);
    assert_eq!(ok, row("1/1", "Running", 2, Health::Good));
    let unready = one("Running", false, 0, &running);
    assert_eq!(unready, row("0/1", "Running", 0, Health::Busy));
    for (phase, restarts, reason, health) in [
        ("Pending", 0, "ContainerCreating", Health::Busy),
        ("Running", 7, "CrashLoopBackOff", Health::Bad),
        ("Pending", 0, "ImagePullBackOff", Health::Bad),
        ("Pending", 0, "CreateContainerConfigError", Health::Bad),
    ] {
        let seen = one(phase, false, restarts, &waiting(reason));
        assert_eq!(seen, row("0/1", reason, restarts, health));
    }
}

#[test]
fn ended_pods_read_as_kubectl_prints_them() {
    let ended =
        |reason: &str, code: i64| json!({"terminated": {"reason": reason, "exitCode": code}});
    for (phase, restarts, state, word, health) in [
        (
            "Running",
            1,
            ended("OOMKilled", 137),
            "OOMKilled",
            Health::Bad,
        ),
        (
            "Succeeded",
            0,
            ended("Completed", 0),
            "Completed",
            Health::Good,
        ),
        ("Failed", 0, ended("Error", 1), "Error", Health::Bad),
        ("Failed", 0, ended("", 3), "ExitCode:3", Health::Bad),
    ] {
        let containers = json!([container(false, restarts, state)]);
        let seen = check(status(phase, false, containers), &[]);
        assert_eq!(seen, row("0/1", word, restarts, health));
    }
    let evicted = json!({"phase": "Failed", "reason": "Evicted"});
    assert_eq!(check(evicted, &[]), row("0/1", "Evicted", 0, Health::Bad));
    // It has waited since yesterday.
    let pending = json!({"phase": "Pending"});
    assert_eq!(check(pending, &[]), row("0/1", "Pending", 0, Health::Warn));
}

#[test]
fn init_containers_and_sidecars_read_as_kubectl_prints_them() {
    let spec = (
        "/spec/initContainers",
        json!([{"name": "a"}, {"name": "b"}]),
    );
    let init = |first: Value, second: Value| {
        json!({"phase": "Pending", "initContainerStatuses": [
            {"name": "a", "restartCount": 0, "ready": false, "state": first},
            {"name": "b", "restartCount": 3, "ready": false, "started": false, "state": second}],
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-24T01:59:30Z"}]})
    };
    let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let cases = [
        (
            json!({"running": {}}),
            json!({"waiting": {"reason": "PodInitializing"}}),
            row("0/1", "Init:0/2", 0, Health::Busy),
        ),
        (
            done.clone(),
            json!({"running": {}}),
            row("0/1", "Init:1/2", 3, Health::Busy),
        ),
        (
            done.clone(),
            json!({"waiting": {"reason": "CrashLoopBackOff"}}),
            row("0/1", "Init:CrashLoopBackOff", 3, Health::Bad),
        ),
        (
            done.clone(),
            json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
            row("0/1", "Init:Error", 3, Health::Bad),
        ),
        (
            done,
            json!({"terminated": {"exitCode": 4}}),
            row("0/1", "Init:ExitCode:4", 3, Health::Bad),
        ),
    ];
    for (first, second, wanted) in cases {
        assert_eq!(
            check(init(first, second), std::slice::from_ref(&spec)),
            wanted
        );
    }
    // The database's pods: the backup plugin is a sidecar that counts.
    let sidecar = (
        "/spec/initContainers",
        json!([{"name": "plugin-barman-cloud", "restartPolicy": "Always"}]),
    );
    let both = json!({"phase": "Running",
        "initContainerStatuses": [{"name": "plugin-barman-cloud", "ready": true, "started": true, "restartCount": 1, "state": {"running": {}}}],
        "containerStatuses": [{"name": "postgres", "ready": true, "restartCount": 0, "state": {"running": {}}}],
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}]});
    assert_eq!(
        check(both, &[sidecar]),
        row("2/2", "Running", 1, Health::Good)
    );
}

#[test]
fn a_pod_that_was_asked_to_end_is_terminating_and_a_warning_only_when_it_is_late() {
    let leaving = |moment: &str| {
        let mut one = pod("care-be", "care-1", "primary");
        one["metadata"]["deletionTimestamp"] = moment.into();
        let row = view(&[node("primary"), one], NOW).pods.remove(0);
        (row.status.clone(), row.health)
    };
    assert_eq!(
        leaving("2026-11-24T02:29:00Z"),
        ("Terminating".to_owned(), Health::Busy)
    );
    assert_eq!(
        leaving("2026-11-24T01:50:00Z"),
        ("Terminating".to_owned(), Health::Warn)
    );
}

#[test]
fn a_running_pod_is_not_believed_when_its_node_is_silent_or_gone() {
    let one = pod("care-be", "care-1", "secondary");
    for nodes in [
        vec![node("primary"), silent("secondary")],
        vec![node("primary")],
    ] {
        let objects: Vec<Value> = nodes.into_iter().chain([one.clone()]).collect();
        let row = view(&objects, NOW).pods.remove(0);
        assert_eq!(
            (row.status.as_str(), row.ready, row.health),
            ("Unknown", 0, Health::Unknown)
        );
        assert!(
            row.details[0].ends_with("before that it was Running"),
            "{:?}",
            row.details
        );
    }
}

#[test]
fn a_completed_pod_stays_completed_when_its_node_is_silent() {
    let mut one = pod("care-be", "care-migrate-1", "secondary");
    one["status"] = json!({"phase": "Succeeded"});
    let row = view(&[silent("secondary"), one], NOW).pods.remove(0);
    assert_eq!(
        (row.status.as_str(), row.health),
        ("Succeeded", Health::Good)
    );
}

#[test]
fn the_details_of_a_pod_hold_images_the_former_end_and_the_newest_events() {
    let mut one = pod("care-be", "care-1", "primary");
    one["status"]["containerStatuses"][0]["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-24T01:00:00Z"}});
    let mut objects = vec![node("primary"), one];
    for minute in 10..20 {
        objects.push(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "care-be", "name": format!("e{minute}")},
            "involvedObject": {"kind": "Pod", "namespace": "care-be", "name": "care-1"}, "reason": "Unhealthy", "count": 3,
            "message": format!("Readiness probe failed: try {minute}"), "lastTimestamp": format!("2026-11-24T01:{minute}:00Z")}));
    }
    let row = view(&objects, NOW).pods.remove(0);
    assert_eq!(
        row.details,
        [
            "container main: running since 2026-11-23 00:00:30 UTC; image example.org/main:1",
            "  before: ended 2026-11-24 01:00:00 UTC with exit code 137 (OOMKilled)",
            "event 2026-11-24 01:19:00 UTC (3 times): Unhealthy: Readiness probe failed: try 19",
            "event 2026-11-24 01:18:00 UTC (3 times): Unhealthy: Readiness probe failed: try 18",
            "event 2026-11-24 01:17:00 UTC (3 times): Unhealthy: Readiness probe failed: try 17",
            "event 2026-11-24 01:16:00 UTC (3 times): Unhealthy: Readiness probe failed: try 16",
            "event 2026-11-24 01:15:00 UTC (3 times): Unhealthy: Readiness probe failed: try 15",
        ]
    );
}

fn claim(volume: Value, manager_node: Value) -> ClusterView {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": "database", "name": "care-db-1", "creationTimestamp": "2026-11-23T00:00:00Z"},
        "spec": {"storageClassName": "longhorn-database", "volumeName": "pvc-1", "resources": {"requests": {"storage": "20Gi"}}},
        "status": {"phase": "Bound", "capacity": {"storage": "50Gi"}}});
    let manager = pod("longhorn-system", "longhorn-manager-x", "primary");
    view(&[manager_node, claim, volume, manager], NOW)
}

#[test]
fn a_claim_shows_what_longhorn_says_only_while_a_manager_runs() {
    let volume = |robustness: &str| {
        json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Volume", "metadata": {"namespace": "longhorn-system", "name": "pvc-1"},
            "status": {"state": "attached", "robustness": robustness}})
    };
    let cases = [
        ("healthy", node("primary"), "Bound", Health::Good),
        ("unknown", node("primary"), "Bound", Health::Good),
        ("degraded", node("primary"), "Degraded", Health::Warn),
        ("faulted", node("primary"), "Faulted", Health::Bad),
        ("healthy", silent("primary"), "Unknown", Health::Unknown),
        ("faulted", silent("primary"), "Unknown", Health::Unknown),
    ];
    for (robustness, node, status, health) in cases {
        let row = claim(volume(robustness), node).volumes.remove(0);
        assert_eq!(
            (row.status.as_str(), row.health),
            (status, health),
            "{robustness}"
        );
        assert_eq!(
            (row.size.as_str(), row.class.as_str()),
            ("50Gi", "longhorn-database")
        );
    }
}

#[test]
fn nodes_say_ready_cordoned_pressure_and_their_part() {
    let mut cordoned = node("primary");
    cordoned["spec"] = json!({"unschedulable": true});
    cordoned["status"]["allocatable"] = json!({"cpu": "8", "memory": "32861052Ki"});
    let mut pressed = node("secondary");
    pressed["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .push(json!({"type": "DiskPressure", "status": "True"}));
    let mut plain = node("third");
    plain["metadata"]["labels"] = json!({"node-role.kubernetes.io/control-plane": ""});
    plain["status"]["conditions"] = json!([]);
    let rows = view(&[cordoned, pressed, plain, silent("z")], NOW).nodes;
    let said: Vec<(&str, &str, Health)> = rows
        .iter()
        .map(|row| (row.role.as_str(), row.status.as_str(), row.health))
        .collect();
    assert_eq!(
        said,
        [
            ("primary", "Ready, cordoned", Health::Warn),
            ("secondary", "Ready, pressure", Health::Warn),
            ("control plane", "Unknown", Health::Unknown),
            ("z", "NotReady", Health::Bad),
        ]
    );
    assert_eq!(
        (rows[0].cpu.as_str(), rows[0].memory.as_str()),
        ("8", "31Gi")
    );
}
