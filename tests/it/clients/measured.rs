//! What is measured of a practice cluster, as kubectl shows it.

use care_install::rehearsal::Speed;

use super::{Row, kubectl::check_at};

/// What the metrics server would have measured, once it works.
const MEASURED: &[Row] = &[
    ("create namespace shop", "created"),
    ("apply -f @manifest.yaml", "created"),
    ("apply -f @metrics.yaml", "created"),
    (
        "-n kube-system wait --for=condition=Available deployment/metrics-server --timeout=60s",
        "condition met",
    ),
    (
        "-n shop wait --for=condition=Ready pod/store-0 --timeout=60s",
        "condition met",
    ),
    ("api-resources --api-group=metrics.k8s.io", "PodMetrics"),
    (
        "get --raw /apis/metrics.k8s.io/v1beta1/nodes/primary",
        "\"window\":\"15s\"",
    ),
    ("top nodes", "secondary"),
    ("top node primary", "Mi"),
    ("top pods -A --sort-by=memory", "metrics-server"),
    ("top pods -A --containers", "metrics-server"),
    (
        "-n kube-system top pods -l app.kubernetes.io/name=metrics-server",
        "metrics-server",
    ),
    ("-n shop top pod nobody", "ERROR: not found"),
];

/// What stands for the metrics server's chart.
pub const METRICS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: metrics-server, namespace: kube-system}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: metrics-server}}
  template:
    metadata: {labels: {app.kubernetes.io/name: metrics-server}}
    spec:
      containers: [{name: metrics-server, image: 'registry.k8s.io/metrics-server/metrics-server:v0.8.1', resources: {requests: {cpu: 100m, memory: 200Mi}}}]
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_tells_what_is_used_once_the_metrics_server_works() {
    // A container is measured once it has run for half a minute: on a fast clock that is soon.
    check_at(Speed::Times(200), MEASURED).await;
}
