//! The commands of helm 4, one after the other, and what a helm that was killed or that failed leaves behind.

use std::process::Stdio;

use care_install::rehearsal::Speed;

use super::{Row, Scene, said};

const CHART: &str = "apiVersion: v2\nname: little\nversion: 1.0.0\n";

const TEMPLATE: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas | default 1 }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      nodeSelector: {{ .Values.nodes | default dict | toJson }}
      containers: [{name: main, image: "example.org/little:1"}]
"#;

const HOOK: &str = r#"
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-before
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {rehearsal.care-install/exit: "{{ .Values.exit | default 0 }}"}}
    spec: {restartPolicy: Never, containers: [{name: before, image: "example.org/before:1"}]}
"#;

/// A release from its first to its last day.
const RELEASED: &[Row] = &[
    (
        "install little @chart --wait --timeout 60s",
        "STATUS: deployed",
    ),
    ("install little @chart", "ERROR: cannot reuse a name"),
    (
        "upgrade little @chart --set replicas=2 --wait --timeout 60s",
        "REVISION: 2",
    ),
    (
        "upgrade --install little @chart --set replicas=2",
        "REVISION: 3",
    ),
    (
        "upgrade --install second @chart --wait --timeout 60s",
        "STATUS: deployed",
    ),
    ("upgrade nobody @chart", "ERROR: has no deployed releases"),
    (
        "rollback little 1 --wait --timeout 60s",
        "Rollback was a success",
    ),
    ("list", "little"),
    ("list -A -o json", "\"name\":\"second\""),
    ("status little", "STATUS: deployed"),
    ("history little", "Rollback to 1"),
    ("get values little --revision 2", "replicas: 2"),
    ("get manifest little", "example.org/little:1"),
    ("get hooks little", "little-before"),
    ("get metadata little", "CHART: little"),
    ("get all little", "HOOKS:"),
    ("template little @chart --validate", "kind: Deployment"),
    ("uninstall little --wait --timeout 60s", "uninstalled"),
    ("uninstall second --wait --timeout 60s", "uninstalled"),
    ("status little", "ERROR: not found"),
];

/// What fails is seen as failed, is put back, and is cured by the next try.
const FAILING: &[Row] = &[
    (
        "install hooked @chart --set-string exit=3 --timeout 60s",
        "ERROR: failed pre-install",
    ),
    ("list --failed", "hooked"),
    ("status hooked", "STATUS: failed"),
    (
        "upgrade --install hooked @chart --set-string exit=0 --wait --timeout 60s",
        "STATUS: deployed",
    ),
    (
        "upgrade hooked @chart --set nodes.none=there --rollback-on-failure --wait --timeout 3s",
        "ERROR: rolled back",
    ),
    ("history hooked", "Rollback to 2"),
    (
        "install whole @chart --set nodes.none=there --atomic --timeout 3s",
        "ERROR: uninstalled due to",
    ),
    ("status whole", "ERROR: not found"),
    ("uninstall hooked --wait --timeout 60s", "uninstalled"),
];

/// A release whose helm was killed.
const PENDING: &[Row] = &[
    ("list --pending", "pending-install"),
    ("status stuck", "STATUS: pending-install"),
    (
        "upgrade stuck @chart",
        "ERROR: another operation (install/upgrade/rollback) is in progress",
    ),
    ("uninstall stuck --wait --timeout 60s", "uninstalled"),
    (
        "install stuck @chart --wait --timeout 60s",
        "STATUS: deployed",
    ),
];

async fn scene(speed: Speed) -> Scene {
    let files = [
        ("chart/Chart.yaml", CHART),
        ("chart/templates/all.yaml", TEMPLATE),
        ("chart/templates/hook.yaml", HOOK),
    ];
    Scene::at(speed, &files).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build helm")]
async fn helm_keeps_a_release_from_its_first_to_its_last_day() {
    let scene = scene(Speed::Max).await;
    scene.check("helm", RELEASED).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build helm")]
async fn helm_sees_what_fails_and_puts_it_back() {
    let scene = scene(Speed::Max).await;
    scene.check("helm", FAILING).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build helm")]
async fn a_killed_helm_leaves_a_pending_release_that_is_recognised() {
    // At the greatest speed its deadline comes before the kill.
    let scene = scene(Speed::Times(20)).await;
    let words = "install stuck @chart --set nodes.none=there --wait --timeout 600s";
    let mut helm = scene.client("helm", words);
    let mut helm = helm
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let waits = "wait --for=create deployment/stuck --timeout=60s";
    let mut waits = scene.client("kubectl", waits);
    let seen = tokio::task::spawn_blocking(move || waits.output().unwrap());
    let seen = seen.await.unwrap();
    assert!(seen.status.success(), "{}", said(seen));
    helm.kill().unwrap();
    helm.wait().unwrap();
    scene.check("helm", PENDING).await;
    scene.end().await;
}
