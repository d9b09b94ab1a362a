//! Sicknesses that can be made by objects alone, on a real control plane: its own controllers write what the rules read.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use care_install::{
    sys::{
        clock::Clock,
        kube::{Kube, Source},
    },
    watch::{
        self, Watched,
        view::{ClusterView, Finding},
    },
};
use jiff::{SignedDuration, Timestamp};
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};

use crate::testbed::Testbed;

/// Longer than the controllers of an idle cluster take.
const LIMIT: Duration = Duration::from_mins(3);

/// The picture is of ten minutes later, when nothing is on its way any more.
const LATER: i64 = 600;

/// Sicknesses by their namespaces, with the code of the finding that stands first.
const SICK: &[(&str, &str)] = &[
    ("quota", "WAIT-09"),
    ("policy", "WAIT-09"),
    ("room", "WAIT-05"),
    ("label", "WAIT-05"),
    ("claim", "WAIT-06"),
    ("class", "APP-04"),
    ("labels", "APP-03"),
    ("off", "APP-03"),
    ("job", "WAIT-09"),
    ("schedule", "APP-06"),
    ("ending", "APP-05"),
    ("names", "CRT-04"),
];

fn program(space: &str, replicas: u32, pod: &Value) -> Value {
    let labels = json!({"app": "web"});
    let mut spec = json!({"containers": [{"name": "web", "image": "example.org/web:1"}]});
    for (key, value) in pod.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": space},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}})
}

/// A program behind an address of this class; the service looks for pods of that name.
fn addressed(space: &str, class: &str, looks_for: &str) -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": space},
            "spec": {"selector": {"app": looks_for}, "ports": [{"port": 80}]}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": space},
            "spec": {"ingressClassName": class, "rules": [{"host": "web.example.org", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}),
    ]
}

fn quota(space: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": space}, "spec": {"hard": {"pods": "0"}}})
}

fn job(space: &str) -> Value {
    json!({"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": format!("example.org/{space}:1")}]}}})
}

fn objects() -> Vec<Value> {
    let mut all: Vec<Value> = SICK
        .iter()
        .map(|(space, _)| {
            let level = if *space == "policy" { "restricted" } else { "privileged" };
            json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": space, "labels": {"pod-security.kubernetes.io/enforce": level}}})
        })
        .collect();
    let none = json!({});
    all.push(json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "public"},
        "spec": {"controller": "example.org/entrance"}}));
    all.extend([quota("quota"), program("quota", 1, &none)]);
    all.push(program("policy", 1, &none));
    let hungry = json!({"containers": [{"name": "web", "image": "example.org/web:1", "resources": {"requests": {"cpu": "5000"}}}]});
    all.push(program("room", 1, &hungry));
    all.push(program(
        "label",
        1,
        &json!({"nodeSelector": {"example.org/disk": "fast"}}),
    ));
    all.push(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "files", "namespace": "claim"},
        "spec": {"storageClassName": "absent", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}));
    let claiming =
        json!({"volumes": [{"name": "files", "persistentVolumeClaim": {"claimName": "files"}}]});
    all.push(program("claim", 1, &claiming));
    for (space, class, looks_for, replicas) in [
        ("class", "other", "web", 1),
        ("labels", "public", "else", 1),
        ("off", "public", "web", 0),
        ("names", "public", "web", 1),
    ] {
        all.push(program(space, replicas, &none));
        all.extend(addressed(space, class, looks_for));
    }
    all.push(quota("job"));
    let mut spec = job("job");
    all.push(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work", "namespace": "job"}, "spec": spec.take()}));
    all.push(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "work", "namespace": "schedule"},
        "spec": {"schedule": "0 * * * *", "suspend": true, "jobTemplate": {"spec": job("schedule")}}}));
    all.push(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": "ending", "finalizers": ["example.org/hold"]}}));
    let made = generate_simple_self_signed(vec!["other.example.org".to_owned()]).unwrap();
    all.push(json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "own", "namespace": "names"},
        "data": {"tls.crt": STANDARD.encode(made.cert.pem()), "tls.key": STANDARD.encode(made.signing_key.serialize_pem())}}));
    for ingress in all
        .iter_mut()
        .filter(|one| one["kind"] == "Ingress" && one["metadata"]["namespace"] == "names")
    {
        ingress["spec"]["tls"] = json!([{"hosts": ["web.example.org"], "secretName": "own"}]);
    }
    all
}

/// The findings of a namespace that follow from no other.
fn first<'v>(view: &'v ClusterView, space: &str) -> Vec<&'v Finding> {
    let of = |about: &str| {
        about == format!("Namespace {space}")
            || about.contains(&format!(" {space}/"))
            || (space == "names" && about == "Certificate own")
    };
    view.causes().filter(|finding| of(&finding.about)).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn what_real_controllers_write_of_a_sickness_gives_its_own_finding_alone() {
    let bed = Testbed::start();
    let everything = json!({"apiVersion": "v1", "kind": "List", "items": objects()});
    bed.kubectl_with(
        &["apply", "--server-side", "-f", "-"],
        &everything.to_string(),
    );
    bed.kubectl(&["delete", "namespace", "ending", "--wait=false"]);
    let source = Source::Kubeconfig {
        file: Some(bed.kubeconfig()),
        context: None,
    };
    let now = Timestamp::now();
    let later = now + SignedDuration::from_secs(LATER);
    let watched = Watched {
        kube: Kube::connect(&source).await.unwrap(),
        clock: Clock::of_cluster(later, now, 1),
    };
    let mut seen = watch::start(watched);
    let codes = |view: &ClusterView| -> Vec<(&str, Vec<&str>)> {
        let of = |space| {
            first(view, space)
                .iter()
                .map(|one| one.problem.code.as_str())
                .collect()
        };
        SICK.iter().map(|(space, _)| (*space, of(space))).collect()
    };
    let wanted: Vec<(&str, Vec<&str>)> = SICK
        .iter()
        .map(|(space, code)| (*space, vec![*code]))
        .collect();
    let found = tokio::time::timeout(LIMIT, async {
        let view = seen.wait_for(|view| codes(view) == wanted).await.unwrap();
        Arc::clone(&view)
    })
    .await;
    let last = seen.borrow().clone();
    assert!(found.is_ok(), "{:#?}\n{:#?}", codes(&last), last.findings);
    let view = found.unwrap();
    let elsewhere: Vec<&Finding> = view
        .causes()
        .filter(|one| {
            !SICK
                .iter()
                .any(|(space, _)| first(&view, space).contains(one))
        })
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
    for (space, words) in [
        ("quota", "exceeded quota"),
        ("policy", "violates PodSecurity"),
        ("claim", "not found"),
        ("room", "Insufficient cpu"),
    ] {
        assert!(first(&view, space)[0].problem.what.contains(words));
    }
    // A machine is closed meanwhile: nothing but that is new.
    bed.kubectl(&["cordon", "secondary"]);
    let cordoned = |view: &ClusterView| {
        view.causes()
            .any(|one| one.problem.code.as_str() == "NODE-01")
    };
    tokio::time::timeout(LIMIT, seen.wait_for(|view| cordoned(view)))
        .await
        .unwrap()
        .unwrap();
}
