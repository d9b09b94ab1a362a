//! The practice machines as kubeadm and the reference make them, and what every cluster has from its first minute. Pure.

use serde_json::{Value, json};

/// The version that the practice nodes run.
pub const KUBELET: &str = "v1.36.3";
/// The seconds of the first minute that the nodes' conditions name.
const SINCE: &str = "2026-01-05T06:00:00Z";

/// Node objects: name, address and role (`primary`, `secondary`, anything else is a plain worker).
pub fn nodes(machines: &[(&str, &str, &str)]) -> Vec<Value> {
    machines
        .iter()
        .enumerate()
        .map(|(index, machine)| node(index, *machine))
        .collect()
}

fn node(index: usize, (name, address, role): (&str, &str, &str)) -> Value {
    let mut labels = json!({
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.longhorn.io/create-default-disk": "config",
    });
    if role == "primary" {
        labels["node-role.kubernetes.io/control-plane"] = "".into();
        labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "".into();
    }
    if matches!(role, "primary" | "secondary") {
        labels["ohn/role"] = role.into();
        labels["ingress"] = "private".into();
        labels["onlyingress"] = "nope".into();
    }
    let disks = json!([
        {"name": "ssd", "path": "/mnt/ssd", "allowScheduling": true, "storageReserved": 0, "tags": ["ssd"]},
        {"name": "hdd", "path": "/mnt/hdd", "allowScheduling": true, "storageReserved": 0, "tags": ["hdd"]},
    ]);
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                "node.longhorn.io/default-disks-config": disks.to_string(),
            },
        },
        "spec": {
            "podCIDR": format!("10.244.{index}.0/24"),
            "podCIDRs": [format!("10.244.{index}.0/24")],
        },
        "status": status(name, address),
    })
}

fn status(name: &str, address: &str) -> Value {
    json!({
        "addresses": [
            {"address": address, "type": "InternalIP"},
            {"address": name, "type": "Hostname"},
        ],
        "capacity": {
            "cpu": "16", "ephemeral-storage": "515928320Ki", "hugepages-1Gi": "0",
            "hugepages-2Mi": "0", "memory": "65837212Ki", "pods": "110",
        },
        "allocatable": {
            "cpu": "16", "ephemeral-storage": "475479539092", "hugepages-1Gi": "0",
            "hugepages-2Mi": "0", "memory": "65734812Ki", "pods": "110",
        },
        "conditions": [
            condition("MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", true, "KubeletReady", "kubelet is posting ready status"),
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "images": [],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": format!("00000000-0000-4000-8000-{:012x}", name.len()),
            "containerRuntimeVersion": "containerd://2.4.2",
            "kernelVersion": "6.8.0-90-generic",
            "kubeProxyVersion": "",
            "kubeletVersion": KUBELET,
            "machineID": format!("{:032x}", name.len()),
            "operatingSystem": "linux",
            "osImage": "Ubuntu 24.04.4 LTS",
            "systemUUID": format!("{:032x}", name.len()),
        },
    })
}

fn condition(kind: &str, holds: bool, reason: &str, message: &str) -> Value {
    json!({
        "type": kind,
        "status": if holds { "True" } else { "False" },
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": SINCE,
        "lastTransitionTime": SINCE,
    })
}

/// The namespaces, the API's own Service and the objects that kubeadm makes before anything is installed.
pub fn beginnings() -> Vec<Value> {
    let mut objects: Vec<Value> = ["default", "kube-system", "kube-public", "kube-node-lease"]
        .iter()
        .map(|name| namespace(name))
        .collect();
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.96.0.1",
            "clusterIPs": ["10.96.0.1"],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    }));
    for (name, value) in [
        ("system-node-critical", 2_000_001_000_i64),
        ("system-cluster-critical", 2_000_000_000),
    ] {
        objects.push(json!({
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "preemptionPolicy": "PreemptLowerPriority",
            "metadata": {"name": name},
            "value": value,
        }));
    }
    objects
}

fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}
