//! The commands of kubectl, one after the other, with what each of them says.

use care_install::rehearsal::Speed;

use super::{Row, Scene};

const MANIFEST: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop, labels: {part: shop}}
data: {colour: red}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store, namespace: shop, labels: {part: shop}}
spec:
  serviceName: store
  replicas: 1
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      containers:
      - name: store
        image: 'example.org/store:1'
        ports: [{containerPort: 80}]
        env: [{name: GREETING, value: hello}]
        volumeMounts: [{name: config, mountPath: /etc/shop}]
      - {name: helper, image: 'example.org/helper:1'}
      volumes: [{name: config, configMap: {name: settings}}]
";

/// kubectl checks these by the older document, in protobuf.
const LIST: &str = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: listed, namespace: shop}, data: {a: b}}
- apiVersion: v1
  kind: Service
  metadata: {name: door, namespace: shop}
  spec: {selector: {app: store}, ports: [{port: 80, targetPort: 8080}]}
";

const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: count, namespace: shop}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {app: count}}
    spec: {restartPolicy: Never, containers: [{name: count, image: 'example.org/count:1'}]}
";

/// What a cluster says about itself and about who asks.
const ABOUT: &[Row] = &[
    ("version", "Server Version: v1.36"),
    ("cluster-info", "is running at"),
    ("get --raw /readyz", "ok"),
    ("api-versions", "apps/v1"),
    ("api-resources --api-group=apps", "deploy"),
    (
        "api-resources --verbs=list --namespaced -o name",
        "endpointslices.discovery.k8s.io",
    ),
    (
        "explain statefulset.spec.serviceName",
        "FIELD: serviceName <string>",
    ),
    ("explain deployment --recursive", "maxSurge\t<IntOrString>"),
    (
        "explain pod.spec.containers --recursive",
        "readinessProbe\t<Probe>",
    ),
    (
        "explain nothing",
        "ERROR: the server doesn't have a resource type",
    ),
    ("auth can-i create deployments", "yes"),
    ("auth can-i --list", "*.*"),
    ("auth whoami", "system:masters"),
    ("get nodes -o wide", "INTERNAL-IP"),
    ("get nodes -o name", "node/primary"),
    (
        "get node primary -o jsonpath={.status.nodeInfo.kubeletVersion}",
        "v1.",
    ),
    ("describe node primary", "Allocatable:"),
    ("get events -A", ""),
    ("get storageclasses,namespaces", "namespace/kube-system"),
    (
        "get nothing",
        "ERROR: the server doesn't have a resource type",
    ),
];

/// Making, reading and changing objects.
const OBJECTS: &[Row] = &[
    ("create namespace shop", "namespace/shop created"),
    (
        "create namespace shop --dry-run=server",
        "ERROR: already exists",
    ),
    (
        "create namespace other --dry-run=server",
        "created (server dry run)",
    ),
    (
        "-n shop create configmap plain --from-literal=a=b",
        "configmap/plain created",
    ),
    (
        "-n shop create secret generic hidden --from-literal=a=b",
        "secret/hidden created",
    ),
    (
        "-n shop create serviceaccount robot",
        "serviceaccount/robot created",
    ),
    ("-n shop get secret hidden -o jsonpath={.data.a}", "Yg=="),
    ("-n shop describe secret hidden", "a:  1 bytes"),
    ("apply -f @manifest.yaml", "configmap/settings created"),
    ("apply -f @manifest.yaml", "configmap/settings unchanged"),
    (
        "-n shop get configmap settings -o yaml",
        "last-applied-configuration",
    ),
    ("apply -f @unknown.yaml", "ERROR: unknown field \"dta\""),
    ("apply -f @list.yaml", "service/door created"),
    (
        "apply --server-side -f @list.yaml",
        "service/door serverside-applied",
    ),
    ("apply -f @wrong-list.yaml", "ERROR: unknown field \"prts\""),
    ("delete -f @list.yaml", "service \"door\" deleted"),
    ("diff -f @manifest.yaml", ""),
    ("diff -f @changed.yaml", "ERROR: +  colour: blue"),
    ("apply -f @changed.yaml", "configmap/settings configured"),
    (
        "apply view-last-applied -n shop configmap/settings",
        "colour: blue",
    ),
    (
        "apply --server-side -f @manifest.yaml",
        "ERROR: conflict with \"kubectl-client-side-apply\" using v1: .data.colour",
    ),
    (
        "apply --server-side -f @manifest.yaml",
        "ERROR: --force-conflicts",
    ),
    (
        "apply --server-side --force-conflicts -f @manifest.yaml",
        "configmap/settings serverside-applied",
    ),
    (
        "diff --server-side -f @changed.yaml",
        "ERROR: +  colour: blue",
    ),
    (
        "apply --server-side --field-manager=other -f @changed.yaml",
        "ERROR: conflict with \"kubectl\": .data.colour",
    ),
    ("-n shop get configmap settings -o yaml", "colour: red"),
    (
        "-n shop get configmap settings -o json",
        "\"colour\": \"red\"",
    ),
    (
        "-n shop get configmap settings -o yaml --show-managed-fields",
        "operation: Apply",
    ),
    (
        "-n shop get configmaps -o custom-columns=N:.metadata.name,C:.data.colour",
        "settings",
    ),
    (
        "-n shop get configmaps --sort-by=.metadata.name --show-labels",
        "part=shop",
    ),
    ("-n shop get configmaps -L part --no-headers", "shop"),
    (
        "-n shop get configmaps --chunk-size=1 -o name",
        "configmap/settings",
    ),
    ("-n shop label configmap settings tier=front", "labeled"),
    (
        "-n shop label configmap settings tier=back",
        "ERROR: already has a value (front)",
    ),
    ("-n shop label configmap settings tier-", "unlabeled"),
    ("-n shop annotate configmap settings note=kept", "annotated"),
    (
        "-n shop patch configmap settings --type=merge -p '{\"data\":{\"a\":\"1\"}}'",
        "patched",
    ),
    (
        "-n shop patch configmap settings --type=merge -p '{\"data\":{\"a\":\"1\"}}'",
        "patched (no change)",
    ),
    (
        "-n shop patch configmap settings --type=json -p '[{\"op\":\"remove\",\"path\":\"/data/a\"}]'",
        "patched",
    ),
    (
        "-n shop patch configmap settings --type=json -p '[{\"op\":\"remove\",\"path\":\"/data/a\"}]'",
        "ERROR: The request is invalid",
    ),
    (
        "-n shop set data configmap/settings x=y",
        "ERROR: unknown command",
    ),
    (
        "-n shop get configmap nobody",
        "ERROR: configmaps \"nobody\" not found",
    ),
    (
        "-n shop wait --for=jsonpath={.data.colour}=red configmap/settings --timeout=20s",
        "condition met",
    ),
    (
        "apply --prune -l part=shop -n shop -f @settings.yaml --prune-allowlist=apps/v1/StatefulSet",
        "statefulset.apps/store pruned",
    ),
    (
        "-n shop wait --for=delete statefulset/store --timeout=30s",
        "",
    ),
    ("replace -f @changed.yaml", "ERROR: \"store\" not found"),
    ("delete -f @settings.yaml", "configmap \"settings\" deleted"),
    (
        "delete namespace shop --timeout=60s",
        "namespace \"shop\" deleted",
    ),
    ("get namespace shop", "ERROR: NotFound"),
];

/// Workloads and what is done with them.
const WORKLOADS: &[Row] = &[
    ("create namespace shop", "namespace/shop created"),
    ("apply -f @manifest.yaml", "statefulset.apps/store created"),
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
    (
        "-n shop rollout status statefulset/store --timeout=60s",
        "roll",
    ),
    (
        "-n shop wait --for=condition=Ready pod/store-0 --timeout=60s",
        "condition met",
    ),
    ("-n shop get deployments", "2/2"),
    ("-n shop get pods -o wide", "2/2     Running"),
    ("-n shop get all", "statefulset.apps/store"),
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
    (
        "-n shop describe pod store-0",
        "Successfully assigned shop/store-0",
    ),
    (
        "-n shop patch deployment web -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"tty\":true}]}}}}'",
        "patched",
    ),
    (
        "-n shop get deployment web -o jsonpath={.spec.template.spec.containers[*].image}",
        "example.org/web:1",
    ),
    ("-n shop rollout pause deployment/web", "paused"),
    (
        "-n shop set image deployment/web web=example.org/web:2",
        "image updated",
    ),
    (
        "-n shop rollout undo deployment/web",
        "ERROR: cannot rollback a paused deployment",
    ),
    ("-n shop rollout resume deployment/web", "resumed"),
    (
        "-n shop rollout status deployment/web --timeout=60s",
        "successfully rolled out",
    ),
    ("-n shop rollout history deployment/web", "REVISION"),
    (
        "-n shop rollout history deployment/web --revision=1",
        "example.org/web:1",
    ),
    ("-n shop rollout undo deployment/web", "rolled back"),
    ("-n shop rollout restart deployment/web", "restarted"),
    ("-n shop rollout restart statefulset/store", "restarted"),
    (
        "-n shop rollout status deployment/web --timeout=60s",
        "successfully rolled out",
    ),
    (
        "-n shop rollout status statefulset/store --timeout=60s",
        "roll",
    ),
    ("-n shop set env deployment/web COLOUR=red", "env updated"),
    (
        "-n shop set resources deployment/web --requests=cpu=10m",
        "resource requirements updated",
    ),
    ("-n shop scale deployment web --replicas=3", "scaled"),
    (
        "-n shop scale deployment web --replicas=1 --current-replicas=7",
        "ERROR: Expected replicas to be 7",
    ),
    (
        "-n shop wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=60s",
        "condition met",
    ),
    (
        "-n shop expose deployment web --port=80",
        "service/web exposed",
    ),
    ("-n shop describe service web", "Endpoints:"),
    ("-n shop events", "ScalingReplicaSet"),
    (
        "-n shop events --for deployment/web --types=Normal",
        "ScalingReplicaSet",
    ),
    (
        "-n shop get events --field-selector=involvedObject.name=web",
        "ScalingReplicaSet",
    ),
    (
        "-n shop logs deployment/web --tail=1",
        "ready: accepting connections",
    ),
    (
        "-n shop logs store-0 -c helper",
        "practice container helper",
    ),
    (
        "-n shop logs store-0 --all-containers --prefix",
        "[pod/store-0/helper]",
    ),
    ("-n shop logs -l app=web --tail=1 --prefix", "/web] "),
    (
        "-n shop logs store-0 -c store --timestamps --since=24h",
        "Z 2",
    ),
    ("-n shop logs store-0 -c store --limit-bytes=1", ""),
    (
        "-n shop logs store-0 -c store --previous",
        "ERROR: previous terminated container \"store\" in pod \"store-0\" not found",
    ),
    (
        "-n shop logs store-0 -c nobody",
        "ERROR: container nobody is not valid for pod store-0",
    ),
    ("apply -f @job.yaml", "job.batch/count created"),
    (
        "-n shop wait --for=condition=Complete job/count --timeout=60s",
        "condition met",
    ),
    ("-n shop logs -f job/count", "ends with exit code 0"),
    (
        "-n shop create cronjob night --image=example.org/night:1 --schedule='0 2 * * *'",
        "cronjob.batch/night created",
    ),
    ("-n shop describe cronjob night", "0 2 * * *"),
    ("-n shop describe job count", "1 Succeeded"),
    (
        "-n shop create job now --from=cronjob/night",
        "job.batch/now created",
    ),
    ("-n shop delete deployment web --cascade=orphan", "deleted"),
    (
        "-n shop get replicasets -l app=web -o name",
        "replicaset.apps/web-",
    ),
    (
        "-n shop delete replicasets -l app=web --cascade=foreground --timeout=60s",
        "deleted",
    ),
    ("-n shop wait --for=delete pod -l app=web --timeout=60s", ""),
    (
        "-n shop delete statefulset store --cascade=background --timeout=60s",
        "deleted",
    ),
    ("-n shop wait --for=delete pod/store-0 --timeout=60s", ""),
    (
        "delete namespace shop --timeout=60s",
        "namespace \"shop\" deleted",
    ),
];

/// Nodes are emptied and come back.
const NODES: &[Row] = &[
    ("create namespace shop", "created"),
    (
        "-n shop create deployment web --image=example.org/web:1 --replicas=2",
        "created",
    ),
    (
        "-n shop run lonely --image=example.org/lonely:1",
        "pod/lonely created",
    ),
    (
        "-n shop rollout status deployment/web --timeout=60s",
        "successfully rolled out",
    ),
    (
        "-n shop wait --for=condition=Ready pod/lonely --timeout=60s",
        "condition met",
    ),
    ("cordon primary", "node/primary cordoned"),
    ("get node primary", "Ready,SchedulingDisabled"),
    (
        "drain primary secondary --ignore-daemonsets --timeout=20s",
        "ERROR: cannot delete Pods that declare no controller",
    ),
    (
        "drain primary secondary --ignore-daemonsets --force --delete-emptydir-data --timeout=60s",
        "node/secondary drained",
    ),
    (
        "-n shop get pods -o name --field-selector=spec.nodeName=primary",
        "",
    ),
    ("-n shop get pod lonely", "ERROR: not found"),
    ("uncordon primary secondary", "node/primary uncordoned"),
    (
        "-n shop rollout status deployment/web --timeout=60s",
        "successfully rolled out",
    ),
    (
        "taint node primary kept=for-others:NoSchedule",
        "node/primary tainted",
    ),
    ("taint node primary kept-", "node/primary untainted"),
];

/// Commands inside of a container.
const INSIDE: &[Row] = &[
    ("create namespace shop", "created"),
    ("apply -f @manifest.yaml", "created"),
    (
        "-n shop wait --for=condition=Ready pod/store-0 --timeout=60s",
        "condition met",
    ),
    ("-n shop exec store-0 -c store -- true", ""),
    ("-n shop exec store-0 -- false", "ERROR: exit code 1"),
    (
        "-n shop exec store-0 -c store -- echo hello  there",
        "hello there",
    ),
    (
        "-n shop exec store-0 -c store -- cat /etc/shop/colour",
        "red",
    ),
    (
        "-n shop exec store-0 -c store -- cat /etc/passwd",
        "ERROR: No such file or directory",
    ),
    ("-n shop exec store-0 -c store -- ls /etc/shop", "colour"),
    ("-n shop exec store-0 -c store -- env", "GREETING=hello"),
    ("-n shop exec statefulset/store -- hostname", "store-0"),
    (
        "-n shop exec store-0 -c store -- sh -c 'echo $GREETING && exit 7'",
        "ERROR: exit code 7",
    ),
    (
        "-n shop exec store-0 -c store -- sh -c 'echo $GREETING && exit 7'",
        "ERROR: hello",
    ),
    (
        "-n shop exec store-0 -c store -- ps",
        "ERROR: exit code 127",
    ),
    (
        "-n shop exec store-0 -c store -- ps",
        "ERROR: the practice cluster runs no containers",
    ),
    (
        "-n shop exec store-0 -c nobody -- true",
        "ERROR: container nobody is not valid for pod store-0",
    ),
    (
        "-n shop exec nobody -- true",
        "ERROR: pods \"nobody\" not found",
    ),
];

/// What is not done says so, and what to use instead.
const DECLINED: &[Row] = &[
    ("create namespace shop", "created"),
    ("apply -f @manifest.yaml", "created"),
    (
        "-n shop wait --for=condition=Ready pod/store-0 --timeout=60s",
        "condition met",
    ),
    ("top nodes", "ERROR: `kubectl describe node NAME` shows"),
    (
        "top pods -A",
        "ERROR: the practice cluster measures nothing before the metrics server is deployed",
    ),
    (
        "-n shop autoscale statefulset store --max=3 --cpu=80%",
        "ERROR: kubectl scale",
    ),
    (
        "-n shop attach store-0",
        "ERROR: the practice cluster runs no containers to attach to",
    ),
    (
        "-n shop port-forward pod/store-0 0:80",
        "ERROR: the practice cluster runs nothing that listens on a port",
    ),
    (
        "-n shop cp store-0:/etc/shop/colour @copied",
        "ERROR: the practice cluster keeps no files that could be copied",
    ),
    (
        "-n shop debug store-0 --image=example.org/tools:1",
        "ERROR: the practice cluster runs no containers to debug",
    ),
];

async fn check(rows: &'static [Row]) {
    check_at(Speed::Max, rows).await;
}

pub async fn check_at(speed: Speed, rows: &'static [Row]) {
    let changed = MANIFEST.replace("red", "blue");
    let unknown = MANIFEST.replace("\ndata:", "\ndta:");
    let wrong = LIST.replace("ports:", "prts:");
    let files = [
        ("manifest.yaml", MANIFEST),
        ("changed.yaml", changed.as_str()),
        ("unknown.yaml", &unknown),
        ("settings.yaml", MANIFEST.split("---").next().unwrap()),
        ("list.yaml", LIST),
        ("wrong-list.yaml", &wrong),
        ("job.yaml", JOB),
        ("metrics.yaml", super::measured::METRICS),
    ];
    let scene = Scene::at(speed, &files).await;
    scene.check("kubectl", rows).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_learns_what_the_practice_cluster_is() {
    check(ABOUT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_makes_reads_and_changes_objects() {
    check(OBJECTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_rolls_out_scales_follows_and_deletes_workloads() {
    check(WORKLOADS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_empties_nodes() {
    check(NODES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_runs_simulated_commands_in_containers() {
    check(INSIDE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_is_told_politely_what_is_not_done() {
    check(DECLINED).await;
}
