//! Tests of the scenarios: the failing image pull, the failing archive, the lost machine, and of schedules.

use serde_json::{Value, json};

use super::testing::{Bed, workload};

fn scenario(bed: &mut Bed, name: &str) {
    bed.add(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": super::SCENARIO, "namespace": "kube-system"},
        "data": {"name": name},
    }));
}

fn backend(bed: &mut Bed) {
    let mut care = workload("Deployment", "care", 1);
    care["spec"]["template"]["spec"]["containers"][0]["image"] =
        "registry.example.org/care_be:v25.40.0".into();
    bed.add(care).add(workload("Deployment", "other", 1));
}

fn waiting(bed: &Bed) -> String {
    let pods = bed.list("Pod", "default");
    let pod = pods
        .iter()
        .find(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == "care");
    pod.map_or_else(String::new, |pod| {
        let state = &pod["status"]["containerStatuses"][0]["state"];
        state["waiting"]["reason"].as_str().unwrap_or("").to_owned()
    })
}

#[test]
fn a_missing_image_is_tried_again_with_growing_pauses_and_works_once_it_is_there() {
    let mut bed = Bed::new();
    scenario(&mut bed, "image-pull-fails");
    backend(&mut bed);
    let mut seen: Vec<(String, String)> = Vec::new();
    bed.watch(150, |bed| {
        let now = waiting(bed);
        if seen.last().is_none_or(|(last, _)| *last != now) {
            seen.push((now, bed.now.to_string()));
        }
    });
    let reasons: Vec<&str> = seen.iter().map(|(reason, _)| reason.as_str()).collect();
    let wanted = [
        "",
        "ContainerCreating",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
    ];
    assert_eq!(reasons, wanted);
    let tries: Vec<&str> = seen
        .iter()
        .filter(|(reason, _)| reason == "ErrImagePull")
        .map(|(_, at)| at.as_str())
        .collect();
    let wanted = [
        "2026-11-24T06:00:03Z",
        "2026-11-24T06:00:13Z",
        "2026-11-24T06:00:33Z",
        "2026-11-24T06:01:13Z",
    ];
    assert_eq!(tries, wanted);
    let words = "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example.org/care_be:v25.40.0\": failed to resolve reference \"registry.example.org/care_be:v25.40.0\": registry.example.org/care_be:v25.40.0: not found";
    let failed = bed.events("Failed");
    assert!(
        failed.iter().any(|message| message.ends_with(words)),
        "{failed:?}"
    );
    assert_eq!(
        bed.events("BackOff"),
        ["Back-off pulling image \"registry.example.org/care_be:v25.40.0\""]
    );
    assert!(super::shape::holds(
        bed.get("Deployment.apps", "default", "other"),
        "Available"
    ));

    bed.change("ConfigMap", "kube-system", super::SCENARIO, |map| {
        map["data"]["name"] = "healthy".into();
    });
    bed.run(2);
    assert_eq!(
        waiting(&bed),
        "ImagePullBackOff",
        "only the next try succeeds"
    );
    bed.settle();
    assert_eq!(waiting(&bed), "");
    assert!(super::shape::holds(
        bed.get("Deployment.apps", "default", "care"),
        "Available"
    ));
}

#[test]
fn a_missing_image_lets_the_clock_rest_and_still_recovers_much_later() {
    let mut bed = Bed::new();
    scenario(&mut bed, "image-pull-fails");
    backend(&mut bed);
    bed.settle();
    assert_eq!(waiting(&bed), "ImagePullBackOff");
    bed.change("ConfigMap", "kube-system", super::SCENARIO, |map| {
        map["data"]["name"] = "healthy".into();
    });
    bed.run(301);
    assert_eq!(waiting(&bed), "");
    bed.settle();
    assert!(super::shape::holds(
        bed.get("Deployment.apps", "default", "care"),
        "Available"
    ));
}

/// The whole database with its operators, and Longhorn's volumes under it.
fn database_bed() -> Bed {
    let mut bed = super::testing::installed(&[]);
    bed.add(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "longhorn-database"}, "provisioner": "example.org/disk",
        "volumeBindingMode": "Immediate", "reclaimPolicy": "Retain",
    }));
    super::testing::database(&mut bed);
    bed.run(300);
    bed
}

fn says(bed: &Bed, kind: &str) -> String {
    let cluster = bed.get("Cluster.postgresql.cnpg.io", "database", "care-db");
    super::shape::condition(cluster, kind).map_or_else(String::new, |one| {
        one["status"].as_str().unwrap().to_owned()
    })
}

#[test]
fn archiving_that_is_refused_is_said_with_the_next_segment_and_ends_by_itself() {
    let mut bed = database_bed();
    assert_eq!(says(&bed, "ContinuousArchiving"), "True");
    let began = bed.now;
    scenario(&mut bed, "wal-archiving-fails");
    let mut said = None;
    bed.watch(600, |bed| {
        if said.is_none() && says(bed, "ContinuousArchiving") == "False" {
            said = Some(bed.now);
        }
    });
    let after = said
        .expect("it never says so")
        .duration_since(began)
        .as_secs();
    assert!((20..=40).contains(&after), "{after} s");
    bed.change("ConfigMap", "kube-system", super::SCENARIO, |map| {
        map["data"]["name"] = "healthy".into();
    });
    bed.run(10);
    assert_eq!(says(&bed, "ContinuousArchiving"), "True");
}

#[test]
fn a_schedule_makes_its_backups_one_after_the_other_and_the_window_follows() {
    let mut bed = database_bed();
    let backups = |bed: &Bed| bed.list("Backup.postgresql.cnpg.io", "database").len();
    assert_eq!(backups(&bed), 1);
    let window = |bed: &Bed| {
        bed.get("ObjectStore.barmancloud.cnpg.io", "database", "care-db")["status"]["serverRecoveryWindow"]["care-db-1"].clone()
    };
    let first = window(&bed);
    bed.run(3 * 86_400);
    assert_eq!(backups(&bed), 4, "one each night");
    let later = window(&bed);
    assert_eq!(
        first["firstRecoverabilityPoint"],
        later["firstRecoverabilityPoint"]
    );
    assert!(
        first["lastSuccessfulBackupTime"].as_str() < later["lastSuccessfulBackupTime"].as_str()
    );
    let schedule = bed.get("ScheduledBackup.postgresql.cnpg.io", "database", "care-db");
    let next: jiff::Timestamp = schedule["status"]["nextScheduleTime"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(next > bed.now);
    bed.change(
        "ScheduledBackup.postgresql.cnpg.io",
        "database",
        "care-db",
        |one| {
            one["spec"]["suspend"] = true.into();
        },
    );
    bed.run(2 * 86_400);
    assert_eq!(backups(&bed), 4, "a suspended schedule makes none");
}

#[test]
fn a_lost_machine_falls_silent_after_its_time_its_pods_are_given_up_as_they_ask_and_it_comes_back()
{
    let mut bed = Bed::new();
    for (name, seconds) in [("quick", 30), ("usual", 300)] {
        let mut one = workload("Deployment", name, 1);
        one["spec"]["template"]["spec"]["tolerations"] = json!(
            ["not-ready", "unreachable"]
                .map(|key| json!({"key": format!("node.kubernetes.io/{key}"),
                "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}))
        );
        bed.add(one);
    }
    bed.add(workload("DaemonSet", "everywhere", 1));
    bed.change("Node", "", "one", |node| {
        node["spec"]["unschedulable"] = true.into();
    });
    bed.settle();
    bed.change("Node", "", "one", |node| {
        node["spec"]["unschedulable"] = false.into();
    });
    let began = bed.now;
    scenario(&mut bed, "secondary-lost");
    let mut moments = std::collections::BTreeMap::new();
    bed.watch(900, |bed| {
        let passed = bed.now.duration_since(began).as_secs();
        if !super::shape::holds(bed.get("Node", "", "two"), "Ready") {
            moments.entry("silent".to_owned()).or_insert(passed);
        }
        for pod in bed.list("Pod", "default") {
            let app = pod["metadata"]["labels"]["app.kubernetes.io/name"]
                .as_str()
                .unwrap();
            if super::shape::leaving(pod) {
                moments.entry(format!("{app} given up")).or_insert(passed);
            }
            if pod["spec"]["nodeName"] == "one" && app != "everywhere" && super::pods::ready(pod) {
                moments.entry(format!("{app} elsewhere")).or_insert(passed);
            }
        }
    });
    assert_eq!(
        moments
            .into_iter()
            .map(|(what, at)| format!("{what} {at}"))
            .collect::<Vec<_>>(),
        [
            "quick elsewhere 78",
            "quick given up 70",
            "silent 40",
            "usual elsewhere 348",
            "usual given up 340"
        ]
    );
    let node = bed.get("Node", "", "two");
    assert_eq!(
        super::shape::condition(node, "Ready").unwrap()["status"],
        "Unknown"
    );
    assert_eq!(node["spec"]["taints"].as_array().unwrap().len(), 2);
    bed.change("ConfigMap", "kube-system", super::SCENARIO, |map| {
        map["data"]["name"] = "healthy".into();
    });
    bed.settle();
    let node = bed.get("Node", "", "two");
    assert!(super::shape::holds(node, "Ready") && node["spec"]["taints"].is_null());
    assert!(
        bed.list("Pod", "default")
            .iter()
            .all(|pod| super::pods::ready(pod)),
        "nothing is left over"
    );
}

#[test]
fn who_asks_for_a_machine_hears_its_last_report_while_the_clock_rests() {
    let mut bed = Bed::new();
    bed.run(4000);
    let node = bed.get("Node", "", "one").clone();
    let heard = |node: &Value| {
        let ready = super::shape::condition(node, "Ready").unwrap();
        super::shape::time(&ready["lastHeartbeatTime"]).unwrap()
    };
    let told = super::machines::reported(&std::sync::Arc::new(node.clone()), bed.now);
    let ago = bed.now.duration_since(heard(&told)).as_secs();
    assert!((0..300).contains(&ago), "{ago} s");
    let mut off = node;
    off["metadata"]["annotations"]["rehearsal.care-install/machine"] =
        "down 2026-11-24T06:00:00Z".into();
    let off = std::sync::Arc::new(off);
    assert_eq!(super::machines::reported(&off, bed.now), off);
}
