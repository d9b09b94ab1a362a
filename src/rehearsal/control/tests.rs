use serde_json::{Value, json};

use super::testing::{Bed, course, workload};
use crate::{
    ready::{Readiness, object},
    rehearsal::world::reference,
};

fn is_ready(bed: &Bed, kind: &str, name: &str) -> bool {
    let live = bed.get(kind, "default", name);
    object(&reference(live), Some(live)) == Readiness::Ready
}

fn class(bed: &mut Bed, name: &str, mode: &str) {
    bed.add(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": "example.org/disk", "volumeBindingMode": mode, "reclaimPolicy": "Delete",
    }));
}

fn claim_template(class: &str) -> Value {
    json!([{
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": class,
            "resources": {"requests": {"storage": "10Gi"}},
        },
    }])
}

#[test]
fn a_deployment_becomes_available_through_its_pods() {
    let mut bed = Bed::new();
    bed.add(workload("Deployment", "web", 2));
    let phases = course(&mut bed, 3600, |bed| {
        let pods = bed.list("Pod", "default");
        pods.first().map_or_else(String::new, |pod| {
            let state = &pod["status"]["containerStatuses"][0]["state"];
            let ready = &pod["status"]["containerStatuses"][0]["ready"];
            format!(
                "{} {}{}",
                pod["status"]["phase"].as_str().unwrap(),
                state["waiting"]["reason"]
                    .as_str()
                    .unwrap_or(if state["running"].is_object() {
                        "running"
                    } else {
                        "-"
                    }),
                if *ready == true { " ready" } else { "" },
            )
        })
    });
    let wanted = [
        "",
        "Pending -",
        "Pending ContainerCreating",
        "Running running",
        "Running running ready",
    ];
    assert_eq!(phases, wanted);
    assert!(is_ready(&bed, "Deployment.apps", "web"));
    let web = bed.get("Deployment.apps", "default", "web");
    assert_eq!(web["status"]["availableReplicas"], 2);
    assert!(web["status"].get("unavailableReplicas").is_none());
    let reasons: Vec<&str> = web["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|condition| condition["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]
    );
    let mut nodes: Vec<&str> = bed
        .list("Pod", "default")
        .iter()
        .map(|pod| pod["spec"]["nodeName"].as_str().unwrap())
        .collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["one", "two"], "siblings are spread");
    assert_eq!(bed.events("Pulled").len(), 2);
    bed.settle();
}

#[test]
fn a_rollout_never_has_fewer_pods_than_it_may() {
    let mut bed = Bed::new();
    bed.add(workload("Deployment", "web", 3)).settle();
    bed.change("Deployment.apps", "default", "web", |web| {
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/web:2".into();
    });
    bed.watch(3600, |bed| {
        let serving = bed
            .list("Pod", "default")
            .iter()
            .filter(|pod| super::pods::ready(pod))
            .count();
        assert!(serving >= 3, "only {serving} pods serve");
    });
    assert!(is_ready(&bed, "Deployment.apps", "web"));
    let pods = bed.list("Pod", "default");
    assert_eq!(pods.len(), 3);
    assert!(
        pods.iter()
            .all(|pod| pod["spec"]["containers"][0]["image"] == "example.org/web:2")
    );
    bed.settle();
}

#[test]
fn recreate_ends_all_old_pods_before_it_starts_new_ones() {
    let mut bed = Bed::new();
    let mut web = workload("Deployment", "web", 2);
    web["spec"]["strategy"] = json!({"type": "Recreate"});
    bed.add(web).settle();
    bed.change("Deployment.apps", "default", "web", |web| {
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/web:2".into();
    });
    bed.watch(3600, |bed| {
        let pods = bed.list("Pod", "default");
        let new = |pod: &Value| pod["spec"]["containers"][0]["image"] == "example.org/web:2";
        let mixed = pods.iter().any(|pod| new(pod)) && pods.iter().any(|pod| !new(pod));
        assert!(!mixed, "old and new pods at once");
    });
    assert!(is_ready(&bed, "Deployment.apps", "web"));
    bed.settle();
}

#[test]
fn scaling_down_and_up_ends_with_the_wished_number() {
    let mut bed = Bed::new();
    bed.add(workload("Deployment", "web", 3)).settle();
    for size in [1, 4, 0] {
        bed.change("Deployment.apps", "default", "web", |web| {
            web["spec"]["replicas"] = size.into();
        });
        bed.settle();
        assert_eq!(bed.list("Pod", "default").len(), size);
        assert!(is_ready(&bed, "Deployment.apps", "web"), "{size}");
    }
}

#[test]
fn a_stateful_set_starts_in_order_with_a_claim_for_each() {
    let mut bed = Bed::new();
    class(&mut bed, "disk", "WaitForFirstConsumer");
    let mut db = workload("StatefulSet", "db", 2);
    db["spec"]["serviceName"] = "db".into();
    db["spec"]["volumeClaimTemplates"] = claim_template("disk");
    bed.add(db);
    bed.watch(3600, |bed| {
        let second = bed.store.get("Pod", "default", "db-1").is_some();
        let first = bed
            .store
            .get("Pod", "default", "db-0")
            .is_some_and(|pod| super::pods::ready(pod));
        assert!(
            first || !second,
            "the second pod came before the first was ready"
        );
    });
    assert!(is_ready(&bed, "StatefulSet.apps", "db"));
    for claim in ["data-db-0", "data-db-1"] {
        assert!(is_ready(&bed, "PersistentVolumeClaim", claim));
    }
    assert_eq!(bed.store.list("PersistentVolume", None).count(), 2);
    assert_eq!(bed.events("WaitForFirstConsumer").len(), 2);
    bed.settle();
    bed.change("StatefulSet.apps", "default", "db", |db| {
        db["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/db:2".into();
    });
    let order = course(&mut bed, 3600, |bed| {
        let version = |name| {
            bed.store
                .get("Pod", "default", name)
                .map_or("gone", |pod| {
                    pod["spec"]["containers"][0]["image"].as_str().unwrap()
                })
                .replace("example.org/db:", "")
        };
        format!("{} {}", version("db-0"), version("db-1"))
    });
    assert_eq!(
        order,
        ["1 1", "1 gone", "1 2", "gone 2", "2 2"],
        "the last is renewed first"
    );
    let db = bed.get("StatefulSet.apps", "default", "db");
    assert_eq!(
        db["status"]["currentRevision"],
        db["status"]["updateRevision"]
    );
    bed.settle();
}

#[test]
fn a_daemon_set_runs_on_every_node_that_takes_it() {
    let mut bed = Bed::new();
    bed.add(workload("DaemonSet", "agent", 0));
    let mut picky = workload("DaemonSet", "picky", 0);
    picky["spec"]["template"]["spec"]["nodeSelector"] = json!({"ohn/role": "secondary"});
    bed.add(picky).settle();
    assert_eq!(
        bed.get("DaemonSet.apps", "default", "agent")["status"]["numberReady"],
        2
    );
    assert_eq!(
        bed.get("DaemonSet.apps", "default", "picky")["status"]["desiredNumberScheduled"],
        1
    );
    assert!(is_ready(&bed, "DaemonSet.apps", "picky"));
    bed.change("DaemonSet.apps", "default", "agent", |agent| {
        agent["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/agent:2".into();
    });
    bed.settle();
    let agent = bed.get("DaemonSet.apps", "default", "agent");
    assert_eq!(agent["status"]["updatedNumberScheduled"], 2);
    assert!(is_ready(&bed, "DaemonSet.apps", "agent"));
}

#[test]
fn a_job_runs_once_and_says_so() {
    let mut bed = Bed::new();
    bed.add(workload("Job", "migrate", 1));
    let course = course(&mut bed, 3600, |bed| {
        let status = &bed.get("Job.batch", "default", "migrate")["status"];
        format!(
            "active {} succeeded {}",
            status["active"], status["succeeded"]
        )
    });
    let wanted = [
        "active null succeeded null",
        "active 1 succeeded null",
        "active null succeeded 1",
    ];
    assert_eq!(course, wanted);
    assert!(is_ready(&bed, "Job.batch", "migrate"));
    let job = bed.get("Job.batch", "default", "migrate");
    for kind in ["SuccessCriteriaMet", "Complete"] {
        assert!(super::shape::holds(job, kind), "{kind}");
    }
    assert!(job["status"]["completionTime"].is_string());
    let pods = bed.list("Pod", "default");
    assert_eq!(pods.len(), 1);
    assert_eq!(pods[0]["status"]["phase"], "Succeeded");
    assert_eq!(
        pods[0]["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"],
        0
    );
    bed.settle();
}

#[test]
fn a_job_gives_up_after_its_tries_with_growing_pauses() {
    let mut bed = Bed::new();
    let mut job = workload("Job", "load", 1);
    job["spec"]["backoffLimit"] = 2.into();
    job["spec"]["template"]["metadata"]["annotations"] = json!({super::EXIT: "3"});
    bed.add(job).settle();
    let job = bed.get("Job.batch", "default", "load");
    assert_eq!(job["status"]["failed"], 3);
    assert_eq!(
        super::shape::condition(job, "Failed").unwrap()["reason"],
        "BackoffLimitExceeded"
    );
    let mut starts: Vec<&str> = bed
        .list("Pod", "default")
        .iter()
        .map(|pod| pod["metadata"]["creationTimestamp"].as_str().unwrap())
        .collect();
    starts.sort_unstable();
    assert_eq!(
        starts,
        [
            "2026-11-24T06:00:00Z",
            "2026-11-24T06:00:18Z",
            "2026-11-24T06:00:46Z"
        ]
    );
}

#[test]
fn a_finished_job_leaves_when_its_time_to_live_is_over() {
    let mut bed = Bed::new();
    let mut job = workload("Job", "load", 1);
    job["spec"]["ttlSecondsAfterFinished"] = 60.into();
    bed.add(job).run(40);
    assert!(is_ready(&bed, "Job.batch", "load"));
    bed.run(60);
    assert!(bed.store.get("Job.batch", "default", "load").is_none());
}

#[test]
fn a_pod_that_no_node_takes_says_why_and_goes_on_when_one_does() {
    let mut bed = Bed::new();
    let mut web = workload("Deployment", "web", 1);
    web["spec"]["template"]["spec"]["nodeSelector"] = json!({"ohn/role": "tertiary"});
    bed.add(web).run(300);
    let wanted = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
    assert_eq!(bed.events("FailedScheduling"), [wanted]);
    bed.change("Node", "", "two", |node| {
        node["metadata"]["labels"]["ohn/role"] = "tertiary".into();
    });
    bed.settle();
    assert!(is_ready(&bed, "Deployment.apps", "web"));
}

#[test]
fn a_pod_that_asks_for_more_memory_than_there_is_waits() {
    let mut bed = Bed::new();
    let mut web = workload("Deployment", "web", 3);
    web["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"memory": "40Gi"}});
    bed.add(web).run(300);
    let wanted = "0/2 nodes are available: 2 Insufficient memory. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
    assert_eq!(bed.events("FailedScheduling"), [wanted]);
    assert_eq!(
        bed.get("Deployment.apps", "default", "web")["status"]["readyReplicas"],
        2
    );
}

#[test]
fn a_claim_of_an_unknown_class_waits_and_its_pod_with_it() {
    let mut bed = Bed::new();
    let mut db = workload("StatefulSet", "db", 1);
    db["spec"]["volumeClaimTemplates"] = claim_template("nowhere");
    bed.add(db).run(300);
    assert_eq!(
        bed.events("ProvisioningFailed"),
        ["storageclass.storage.k8s.io \"nowhere\" not found"]
    );
    assert!(bed.events("FailedScheduling")[0].contains("unbound immediate PersistentVolumeClaims"));
    class(&mut bed, "nowhere", "Immediate");
    bed.settle();
    assert!(is_ready(&bed, "StatefulSet.apps", "db"));
}

#[test]
fn init_containers_come_one_after_the_other_and_before_the_rest() {
    let mut bed = Bed::new();
    let mut web = workload("Deployment", "web", 1);
    web["spec"]["template"]["spec"]["initContainers"] = json!([
        {"name": "first", "image": "example.org/first:1"},
        {"name": "sidecar", "image": "example.org/sidecar:1", "restartPolicy": "Always"},
        {"name": "last", "image": "example.org/last:1"},
    ]);
    web["spec"]["template"]["metadata"]["annotations"] = json!({super::SECONDS: "60"});
    bed.add(web);
    let course = course(&mut bed, 600, |bed| {
        let pods = bed.list("Pod", "default");
        let Some(pod) = pods.first() else {
            return String::new();
        };
        let inits = pod["status"]["initContainerStatuses"].as_array();
        let letters = inits.into_iter().flatten().chain(
            pod["status"]["containerStatuses"]
                .as_array()
                .into_iter()
                .flatten(),
        );
        letters
            .map(|status| match &status["state"] {
                state if state["running"].is_object() => 'R',
                state if state["terminated"].is_object() => 'T',
                _ => 'w',
            })
            .collect()
    });
    assert_eq!(
        course,
        ["", "wwww", "Rwww", "Twww", "TRww", "TRRw", "TRTw", "TRTR"]
    );
    assert!(is_ready(&bed, "Deployment.apps", "web"));
    bed.settle();
}

#[test]
fn a_missing_secret_holds_a_container_back_until_it_is_there() {
    let mut bed = Bed::new();
    let mut web = workload("Deployment", "web", 1);
    web["spec"]["template"]["spec"]["containers"][0]["env"] = json!([
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "web", "key": "key"}}},
    ]);
    bed.add(web).run(300);
    let pods = bed.list("Pod", "default");
    let waiting = &pods[0]["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "CreateContainerConfigError");
    assert_eq!(waiting["message"], "secret \"web\" not found");
    bed.add(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": "default"},
        "data": {"key": "eA=="},
    }));
    bed.settle();
    assert!(is_ready(&bed, "Deployment.apps", "web"));
}

#[test]
fn a_missing_volume_source_is_told_and_waited_for() {
    let mut bed = Bed::new();
    let mut web = workload("Deployment", "web", 1);
    web["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "conf", "configMap": {"name": "web"}}]);
    bed.add(web).run(300);
    assert_eq!(
        bed.events("FailedMount"),
        ["MountVolume.SetUp failed for volume \"conf\" : configmap \"web\" not found"]
    );
    bed.add(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "default"},
    }));
    bed.settle();
    assert!(is_ready(&bed, "Deployment.apps", "web"));
}

#[test]
fn a_service_has_an_address_and_the_pods_that_serve() {
    let mut bed = Bed::new();
    let service = |name: &str, kind: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "type": kind, "selector": {"app.kubernetes.io/name": "web"},
                "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
            },
        })
    };
    bed.add(service("web", "ClusterIP"))
        .add(service("open", "NodePort"));
    bed.add(workload("Deployment", "web", 2)).settle();
    let web = bed.get("Service", "default", "web");
    let open = bed.get("Service", "default", "open");
    assert!(
        web["spec"]["clusterIP"]
            .as_str()
            .unwrap()
            .starts_with("10.96.")
    );
    assert_ne!(web["spec"]["clusterIP"], open["spec"]["clusterIP"]);
    assert!((30_000..32_768).contains(&open["spec"]["ports"][0]["nodePort"].as_u64().unwrap()));
    let slices = bed.list("EndpointSlice.discovery.k8s.io", "default");
    let slice = slices
        .iter()
        .find(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == "web")
        .unwrap();
    let ends = slice["endpoints"].as_array().unwrap();
    assert_eq!(ends.len(), 2);
    assert!(ends.iter().all(|end| end["conditions"]["ready"] == true));
    assert_eq!(slice["ports"][0]["port"], 8080);
}

#[test]
fn an_ingress_gets_the_address_of_the_node_where_its_controller_serves() {
    let mut bed = Bed::new();
    bed.add(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "public"},
        "spec": {"controller": "example.org/ingress"},
    }));
    bed.add(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"ingressClassName": "public"},
    }));
    bed.run(60);
    assert!(
        bed.get("Ingress.networking.k8s.io", "default", "web")
            .get("status")
            .is_none()
    );
    let mut controller = workload("DaemonSet", "nginx", 0);
    controller["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/instance"] =
        "public".into();
    controller["spec"]["template"]["spec"]["nodeSelector"] = json!({"ohn/role": "secondary"});
    bed.add(controller).settle();
    let ingress = bed.get("Ingress.networking.k8s.io", "default", "web");
    assert_eq!(
        ingress["status"]["loadBalancer"]["ingress"],
        json!([{"ip": "10.0.0.12"}])
    );
}

#[test]
fn a_deleted_pod_stops_within_its_grace_and_is_replaced() {
    let mut bed = Bed::new();
    bed.add(workload("Deployment", "web", 1)).settle();
    let pod = bed.list("Pod", "default")[0].clone();
    bed.store.delete(&reference(&pod), bed.now, None).unwrap();
    bed.run(1);
    let name = pod["metadata"]["name"].as_str().unwrap();
    assert!(
        !super::pods::ready(bed.get("Pod", "default", name)),
        "it serves no longer"
    );
    bed.settle();
    let pods = bed.list("Pod", "default");
    assert_eq!(pods.len(), 1);
    assert_ne!(pods[0]["metadata"]["name"], name);
    assert!(is_ready(&bed, "Deployment.apps", "web"));
}

#[test]
fn every_namespace_has_its_account_and_the_certificate_of_the_cluster() {
    let mut bed = Bed::new();
    bed.add(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "care-be"}}))
        .settle();
    assert_eq!(
        bed.get("Namespace", "", "care-be")["status"]["phase"],
        "Active"
    );
    bed.get("ServiceAccount", "care-be", "default");
    bed.get("ConfigMap", "care-be", "kube-root-ca.crt");
}

#[test]
fn a_rollout_that_stands_still_fails_after_its_deadline() {
    let mut bed = Bed::new();
    let mut web = workload("Deployment", "web", 1);
    web["spec"]["template"]["spec"]["nodeSelector"] = json!({"ohn/role": "nowhere"});
    bed.add(web).settle();
    let web = bed.get("Deployment.apps", "default", "web");
    let progressing = super::shape::condition(web, "Progressing").unwrap();
    assert_eq!(progressing["reason"], "ProgressDeadlineExceeded");
    assert_eq!(progressing["status"], "False");
}
