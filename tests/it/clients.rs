//! The real kubectl and the real helm against the practice cluster: what people and scripts do by hand works there too.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use care_install::{
    rehearsal::{self, HostOptions, Hosted, Speed},
    site::{self, Site},
};

use crate::testbed;

/// One command: what it is given, and what it says at least.
type Row = (&'static str, &'static str);

const MANIFEST: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {colour: red}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store, namespace: shop}
spec:
  serviceName: store
  replicas: 1
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec: {containers: [{name: store, image: 'example.org/store:1', ports: [{containerPort: 80}]}]}
";

/// What works, in the order in which it is done.
const WORKS: &[Row] = &[
    ("version", "Server Version: v1.36"),
    ("api-resources --api-group=apps", "deploy"),
    (
        "explain statefulset.spec.serviceName",
        "FIELD: serviceName <string>",
    ),
    ("auth can-i create deployments", "yes"),
    ("auth whoami", "system:masters"),
    ("create namespace shop", "namespace/shop created"),
    (
        "create namespace shop --dry-run=server",
        "ERROR: already exists",
    ),
    (
        "-n shop create configmap plain --from-literal=a=b",
        "configmap/plain created",
    ),
    (
        "-n shop create secret generic hidden --from-literal=a=b",
        "secret/hidden created",
    ),
    ("-n shop get secret hidden -o jsonpath={.data.a}", "Yg=="),
    (
        "-n shop create deployment web --image=example.org/web:1 --replicas=2",
        "deployment.apps/web created",
    ),
    (
        "-n shop rollout status deployment/web --timeout=60s",
        "successfully rolled out",
    ),
    (
        "-n shop wait --for=condition=Available deployment/web --timeout=60s",
        "condition met",
    ),
    ("apply -f MANIFEST", "configmap/settings created"),
    ("apply -f MANIFEST", "configmap/settings unchanged"),
    ("apply -f UNKNOWN", "ERROR: unknown field \"dta\""),
    ("diff -f CHANGED", "ERROR: +  colour: blue"),
    ("apply -f CHANGED", "configmap/settings configured"),
    (
        "apply --server-side -f MANIFEST",
        "ERROR: conflict with \"kubectl-client-side-apply\"",
    ),
    (
        "apply --server-side --force-conflicts -f MANIFEST",
        "configmap/settings serverside-applied",
    ),
    (
        "-n shop rollout status statefulset/store --timeout=60s",
        "roll",
    ),
    ("get nodes -o wide", "INTERNAL-IP"),
    ("-n shop get deployments", "2/2"),
    ("-n shop get pods -o wide", "1/1     Running"),
    ("-n shop get all", "statefulset.apps/store"),
    ("-n shop get pods --watch --request-timeout=1s", "READY"),
    ("-n shop get configmap settings -o yaml", "colour: red"),
    (
        "-n shop get configmap settings -o json",
        "\"colour\": \"red\"",
    ),
    (
        "-n shop get deployments -l app=web -o name",
        "deployment.apps/web",
    ),
    (
        "-n shop get pods --field-selector=status.phase=Running -o name",
        "pod/store-0",
    ),
    (
        "-n shop describe deployment web",
        "2 desired | 2 updated | 2 total | 2 available",
    ),
    ("-n shop describe statefulset store", "Update Strategy:"),
    ("describe node primary", "Allocatable:"),
    ("-n shop label configmap settings tier=front", "labeled"),
    ("-n shop annotate configmap settings note=kept", "annotated"),
    (
        "-n shop patch configmap settings --type=merge -p {\"data\":{\"a\":\"1\"}}",
        "patched",
    ),
    (
        "-n shop patch configmap settings --type=json -p [{\"op\":\"remove\",\"path\":\"/data/a\"}]",
        "patched",
    ),
    (
        "-n shop patch deployment web -p {\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"tty\":true}]}}}}",
        "patched",
    ),
    (
        "-n shop get deployment web -o jsonpath={.spec.template.spec.containers[*].image}",
        "example.org/web:1",
    ),
    (
        "-n shop set image deployment/web web=example.org/web:2",
        "image updated",
    ),
    (
        "-n shop rollout status deployment/web --timeout=60s",
        "successfully rolled out",
    ),
    ("-n shop rollout history deployment/web", "REVISION"),
    ("-n shop rollout undo deployment/web", "rolled back"),
    ("-n shop rollout restart deployment/web", "restarted"),
    (
        "-n shop rollout status deployment/web --timeout=60s",
        "successfully rolled out",
    ),
    ("-n shop scale deployment web --replicas=3", "scaled"),
    (
        "-n shop expose deployment web --port=80",
        "service/web exposed",
    ),
    (
        "-n shop logs deployment/web --tail=2",
        "ready: accepting connections",
    ),
    ("-n shop events", "ScalingReplicaSet"),
    ("cordon primary", "node/primary cordoned"),
    (
        "drain primary --ignore-daemonsets --force --delete-emptydir-data --timeout=60s",
        "node/primary drained",
    ),
    ("uncordon primary", "node/primary uncordoned"),
    ("-n shop delete deployment web --cascade=orphan", "deleted"),
    (
        "-n shop get replicasets -l app=web -o name",
        "replicaset.apps/web-",
    ),
    (
        "-n shop delete replicasets -l app=web --cascade=foreground --timeout=60s",
        "deleted",
    ),
    (
        "-n shop delete statefulset store --cascade=background --timeout=60s",
        "deleted",
    ),
    (
        "delete namespace shop --timeout=60s",
        "namespace \"shop\" deleted",
    ),
    ("get namespace shop", "ERROR: NotFound"),
    ("top nodes", "ERROR: Metrics API not available"),
];

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
    spec: {containers: [{name: main, image: "example.org/little:1"}]}
"#;

const RELEASED: &[Row] = &[
    (
        "install little CHART --wait --timeout 60s",
        "STATUS: deployed",
    ),
    ("install little CHART", "ERROR: cannot reuse a name"),
    (
        "upgrade little CHART --set replicas=2 --wait --timeout 60s",
        "REVISION: 2",
    ),
    (
        "rollback little 1 --wait --timeout 60s",
        "Rollback was a success",
    ),
    ("list", "little"),
    ("status little", "STATUS: deployed"),
    ("history little", "Rollback to 1"),
    ("get values little --revision 2", "replicas: 2"),
    ("get manifest little", "example.org/little:1"),
    ("uninstall little --wait --timeout 60s", "uninstalled"),
    ("status little", "ERROR: not found"),
];

async fn host(folder: &Path) -> Hosted {
    let options = HostOptions {
        folder: folder.join("cluster"),
        port: 0,
        speed: Speed::Max,
        idle_exit: None,
        site: Arc::new(Site::try_from(&site::sample()).unwrap()),
        kubeconfig: Some(folder.join("kubeconfig")),
        scenario: None,
    };
    rehearsal::host(options).await.unwrap()
}

fn run(program: &str, folder: &Path, words: &str) -> Output {
    let file = |name: &str| folder.join(name).display().to_string();
    let arguments = words.split(' ').map(|word| match word {
        "MANIFEST" => file("manifest.yaml"),
        "CHANGED" => file("changed.yaml"),
        "UNKNOWN" => file("unknown.yaml"),
        "CHART" => file("chart"),
        other => other.to_owned(),
    });
    Command::new(testbed::binary(program))
        .args(arguments)
        .env("KUBECONFIG", folder.join("kubeconfig"))
        .env("HOME", folder)
        .env_remove("HELM_NAMESPACE")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs every command and gives what did not go as it should.
fn failures(program: &'static str, folder: &Path, rows: &[Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (words, expected) in rows {
        let output = run(program, folder, words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        let (fails, expected) = match expected.strip_prefix("ERROR: ") {
            Some(expected) => (true, expected),
            None => (false, *expected),
        };
        if output.status.success() == fails || !said.contains(expected) {
            wrong.push(format!(
                "{program} {words}\n  wanted {expected:?}, said: {said}"
            ));
        }
    }
    wrong
}

async fn check(program: &'static str, rows: &'static [Row]) {
    let folder = tempfile::tempdir().unwrap();
    let hosted = host(folder.path()).await;
    let place = folder.path().to_path_buf();
    std::fs::create_dir_all(place.join("chart/templates")).unwrap();
    for (name, text) in [
        ("manifest.yaml", MANIFEST.to_owned()),
        ("changed.yaml", MANIFEST.replace("red", "blue")),
        ("unknown.yaml", MANIFEST.replace("\ndata:", "\ndta:")),
        ("chart/Chart.yaml", CHART.to_owned()),
        ("chart/templates/all.yaml", TEMPLATE.to_owned()),
    ] {
        std::fs::write(place.join(name), text).unwrap();
    }
    let wrong = tokio::task::spawn_blocking(move || failures(program, &place, rows));
    let wrong = wrong.await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    hosted.stop.cancel();
    hosted.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn the_real_kubectl_does_its_work_on_the_practice_cluster() {
    check("kubectl", WORKS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build helm")]
async fn the_real_helm_does_its_work_on_the_practice_cluster() {
    check("helm", RELEASED).await;
}
