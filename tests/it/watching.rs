//! The day-2 picture over HTTP: pods come, fail and go on the practice cluster, and the screen's rows follow.

use std::{path::Path, sync::Arc, time::Duration};

use care_install::{
    plan::{Object, ObjectRef},
    problem::Code,
    rehearsal::{self, ServeOptions, Serving, Speed, control},
    sys::{
        clock::Clock,
        kube::{Kube, Only, Source},
    },
    watch::{
        self, Watched,
        usage::Heard,
        view::{ClusterView, Health},
    },
};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

/// Longest wait for a picture.
const LIMIT: Duration = Duration::from_mins(1);

const BROKEN: &str = "registry.example.org/care_be:v25.40.0";

async fn serve(folder: &Path) -> Serving {
    serve_at(folder, Speed::Max).await
}

async fn serve_at(folder: &Path, speed: Speed) -> Serving {
    let mut world = control::beginnings();
    world.extend(control::nodes(&[
        ("primary", "10.0.0.11", "primary"),
        ("secondary", "10.0.0.12", "secondary"),
    ]));
    world.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "care-be"}}));
    world.push(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": control::SCENARIO, "namespace": "kube-system"}, "data": {"name": "image-pull-fails"}}));
    let options = ServeOptions {
        dir: folder.to_path_buf(),
        port: 0,
        speed,
        idle_exit: None,
        world,
        token: None,
    };
    rehearsal::serve(options).await.unwrap()
}

async fn watched(serving: &Serving) -> Watched {
    let source = Source::Endpoint {
        url: serving.url.clone(),
        token: serving.token.clone(),
    };
    Watched {
        kube: Kube::connect(&source).await.unwrap(),
        clock: Clock::real(),
    }
}

fn deployment(image: &str) -> Object {
    let labels = json!({"app.kubernetes.io/name": "care"});
    let value = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "care", "namespace": "care-be"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": image}]}}}});
    Object::from_value(value).unwrap()
}

/// Waits for a picture that fits.
async fn until(
    seen: &mut Receiver<Arc<ClusterView>>,
    what: &str,
    fits: impl Fn(&ClusterView) -> bool,
) -> Arc<ClusterView> {
    let found = tokio::time::timeout(LIMIT, async {
        let view = seen.wait_for(|view| fits(view)).await.unwrap();
        Arc::clone(&view)
    })
    .await;
    let last = seen.borrow().clone();
    assert!(found.is_ok(), "never seen: {what}; last {last:#?}");
    found.unwrap()
}

#[tokio::test]
async fn pods_come_fail_and_go_and_the_picture_follows() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let watched = watched(&serving).await;
    let kube = watched.kube.clone();
    let mut seen = watch::start(watched.clone());

    let empty = until(&mut seen, "the nodes", |view| view.nodes.len() == 2).await;
    assert!(empty.at.is_some() && empty.stale_since.is_none());
    assert!(empty.pods.is_empty() && empty.volumes.is_empty());

    kube.apply(&deployment("registry.example.org/other:1"))
        .await
        .unwrap();
    let running = until(&mut seen, "a pod that runs", |view| {
        view.pods
            .iter()
            .any(|pod| pod.status == "Running" && pod.health == Health::Good)
    })
    .await;
    assert_eq!(running.pods.len(), 1);
    assert_eq!((running.pods[0].ready, running.pods[0].containers), (1, 1));
    assert!(running.findings.is_empty(), "{:#?}", running.findings);

    kube.delete(&deployment("").reference()).await.unwrap();
    until(&mut seen, "no pod", |view| view.pods.is_empty()).await;

    kube.apply(&deployment(BROKEN)).await.unwrap();
    let failing = until(&mut seen, "a finding", |view| !view.findings.is_empty()).await;
    let finding = &failing.findings[0];
    assert_eq!(
        (finding.health, finding.problem.code),
        (Health::Bad, Code::Wait02)
    );
    assert!(finding.problem.what.contains(BROKEN), "{}", finding.problem);
    assert!(finding.about.starts_with("Pod care-be/care-"));

    let once = watch::once(watched).await.unwrap();
    assert_eq!(once.findings[0].problem.code, Code::Wait02);
    assert_eq!(once.nodes.len(), 2);
}

#[tokio::test]
async fn a_cluster_that_falls_silent_makes_the_picture_stale_and_it_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let port = serving
        .url
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches('/')
        .parse()
        .unwrap();
    let token = serving.token.clone();
    let mut seen = watch::start(watched(&serving).await);
    until(&mut seen, "the nodes", |view| view.nodes.len() == 2).await;
    serving.stop.cancel();
    let stale = until(&mut seen, "a stale picture", |view| {
        view.stale_since.is_some()
    })
    .await;
    assert_eq!(stale.nodes.len(), 2, "the last picture stays");
    let again = ServeOptions {
        dir: folder.path().to_path_buf(),
        port,
        speed: Speed::Max,
        idle_exit: None,
        world: Vec::new(),
        token: Some(token),
    };
    let _serving = rehearsal::serve(again).await.unwrap();
    until(&mut seen, "a fresh picture", |view| {
        view.stale_since.is_none()
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_is_an_error_at_once_and_stale_in_a_watch() {
    let source = Source::Endpoint {
        url: "http://127.0.0.1:1".to_owned(),
        token: "x".into(),
    };
    let watched = Watched {
        kube: Kube::connect(&source).await.unwrap(),
        clock: Clock::real(),
    };
    let error = watch::once(watched.clone()).await.unwrap_err();
    assert_eq!(error.problem.code, Code::Kube03);
    let mut seen = watch::start(watched);
    let view = until(&mut seen, "a stale picture", |view| {
        view.stale_since.is_some()
    })
    .await;
    assert!(view.at.is_none());
}

#[tokio::test]
async fn what_is_used_is_heard_once_the_metrics_server_works() {
    let folder = tempfile::tempdir().unwrap();
    // A container is measured once it has run for half a minute.
    let serving = serve_at(folder.path(), Speed::Times(200)).await;
    let kube = watched(&serving).await.kube;
    assert_eq!(watch::usage(&kube).await, Heard::Absent);

    let mut server = deployment("registry.k8s.io/metrics-server/metrics-server:v0.8.1")
        .value()
        .clone();
    let labels = json!({"app.kubernetes.io/name": "metrics-server"});
    server["metadata"] = json!({"name": "metrics-server", "namespace": "kube-system"});
    server["spec"]["selector"]["matchLabels"] = labels.clone();
    server["spec"]["template"]["metadata"]["labels"] = labels;
    kube.apply(&Object::from_value(server).unwrap())
        .await
        .unwrap();
    let measured = async {
        let mut before = Vec::new();
        loop {
            match watch::usage(&kube).await {
                Heard::Measured { nodes, pods } if !pods.is_empty() => {
                    return (before, nodes, pods);
                }
                other => before.push(other),
            }
            tokio::task::yield_now().await;
        }
    };
    let (before, nodes, pods) = tokio::time::timeout(LIMIT, measured).await.unwrap();
    // Until its pod is ready, nothing is believed; then the machines are known before the pods that have just begun.
    assert_eq!(before.first(), Some(&Heard::NotReady));
    assert!(!before.contains(&Heard::Absent), "{before:?}");
    assert_eq!(nodes.len(), 2);
    assert!(
        nodes
            .iter()
            .all(|node| node.used.memory > 500 << 20 && node.used.cpu > 0),
        "{nodes:?}"
    );
    assert!(
        pods.iter()
            .any(|pod| pod.name.starts_with("metrics-server") && pod.used.memory > 1 << 20),
        "{pods:?}"
    );
    serving.stop.cancel();
    serving.ended().await;
}

fn pod(name: &str, note: &str) -> Object {
    let value = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "care-be", "annotations": {"note": note}},
        "spec": {"containers": [{"name": "web", "image": "registry.example.org/other:1"}]}});
    Object::from_value(value).unwrap()
}

#[tokio::test]
async fn a_change_of_what_nobody_looks_at_is_no_news() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let kube = watched(&serving).await.kube;
    kube.apply(&pod("first", "one")).await.unwrap();
    let pods = ObjectRef::new("v1", "Pod", "care-be", "");
    let feed = kube.feed();
    let mut watch = feed.watch_only(&pods, Only::PodsInShort).await.unwrap();
    let seen = async {
        loop {
            let objects = watch.objects();
            let first = objects.get("care-be/first");
            let ready = |pod: &&Arc<Value>| pod["status"]["containerStatuses"][0]["ready"] == true;
            if let Some(first) = first.filter(ready) {
                return Arc::clone(first);
            }
            watch.changed().await;
        }
    };
    let before = tokio::time::timeout(LIMIT, seen).await.unwrap();
    kube.apply(&pod("first", "two")).await.unwrap();
    // A watch tells in order: with the second pod the change of the first one has come, too.
    kube.apply(&pod("second", "one")).await.unwrap();
    let after = async {
        loop {
            let objects = watch.objects();
            if objects.contains_key("care-be/second") {
                return Arc::clone(&objects["care-be/first"]);
            }
            watch.changed().await;
        }
    };
    let after = tokio::time::timeout(LIMIT, after).await.unwrap();
    assert!(Arc::ptr_eq(&before, &after));
    serving.stop.cancel();
    serving.ended().await;
}
