//! What is wrong with machines, the cluster's own programs, names and addresses.

use serde_json::{Value, json};

use super::{
    Sickness,
    world::{World, condition},
};

pub const ALL: &[Sickness] = &[
    (
        "a machine is off that held the database's second copy",
        "WAIT-10",
        |world| {
            let writes = on_primary(world);
            world.silence("secondary");
            let since = world.at(600 - 170);
            world.change("Cluster", "database", "care-db", |cluster| {
            cluster["status"]["currentPrimary"] = writes.clone().into();
            cluster["status"]["phase"] = "Waiting for the instances to become active".into();
            cluster["status"]["readyInstances"] = 1.into();
            condition(cluster, json!({"type": "Ready", "status": "False", "reason": "ClusterIsNotReady", "lastTransitionTime": since}));
        });
        },
    ),
    (
        "a machine is off that held the database's primary and its operator",
        "WAIT-10 PG-01",
        |world| {
            world.change("Pod", "cnpg-system", "cnpg-cloudnative-pg", |pod| {
                pod["spec"]["nodeName"] = "secondary".into();
            });
            world.silence("secondary");
        },
    ),
    (
        "the kubelet of a machine cannot reach containerd",
        "WAIT-10",
        |world| {
            let writes = on_primary(world);
            world.change("Cluster", "database", "care-db", |cluster| {
                cluster["status"]["currentPrimary"] = writes.clone().into();
            });
            world.node("secondary", "Ready", "False", "container runtime is down");
        },
    ),
    ("a machine was cordoned and forgotten", "NODE-01", |world| {
        cordon(world, "secondary", -7200);
    }),
    (
        "a drain waits for a program that has no other copy",
        "NODE-05",
        |world| {
            cordon(world, "secondary", 0);
            world.change("PodDisruptionBudget", "care-be", "care", |budget| {
                budget["spec"]["minAvailable"] = 2.into();
                budget["status"]["disruptionsAllowed"] = 0.into();
            });
        },
    ),
    ("a machine runs out of disk space", "NODE-02", |world| {
        world.node(
            "primary",
            "DiskPressure",
            "True",
            "kubelet has disk pressure",
        );
        evict(
            world,
            "odoo",
            "odoo",
            "The node was low on resource: ephemeral-storage. Threshold quantity: 51592832Ki, available: 49031204Ki.",
        );
    }),
    ("a machine runs out of memory", "NODE-02", |world| {
        world.node(
            "primary",
            "MemoryPressure",
            "True",
            "kubelet has insufficient memory available",
        );
        evict(
            world,
            "metabase",
            "metabase",
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 71020Ki.",
        );
    }),
    (
        "the pods of a machine have no network",
        "NODE-03",
        |world| {
            world.node(
                "secondary",
                "NetworkUnavailable",
                "True",
                "Cilium is not running on this node",
            );
        },
    ),
    ("the clock of a machine is ahead", "NODE-04", |world| {
        let ahead = world.at(600 + 25 * 60);
        world.change("Node", "", "secondary", |node| {
            condition(
                node,
                json!({"type": "Ready", "status": "True", "reason": "KubeletReady",
                "lastTransitionTime": "2026-11-24T06:00:00Z", "lastHeartbeatTime": ahead}),
            );
        });
    }),
    ("the clock of a machine is behind", "NODE-04", |world| {
        let (made, began) = (world.at(30), world.at(30 - 12 * 60));
        let mut pod = world.one("Pod", "care-be", "care");
        pod["metadata"]["name"] = "care-fresh".into();
        pod["metadata"]["creationTimestamp"] = made.into();
        pod["status"]["startTime"] = began.into();
        world.add(pod);
    }),
    ("the cluster's name server is down", "APP-02", |world| {
        world.crashes("kube-system", "coredns", (1, "Error"));
        world.crashes("care-be", "care-worker", (1, "Error"));
        world.crashes("odoo", "odoo", (1, "Error"));
        world.probe_fails(
            "metabase",
            "metabase",
            "Get \"http://10.244.0.9:3000/api/health\": context deadline exceeded",
        );
    }),
    (
        "an address names a class that no entrance has",
        "APP-04",
        |world| {
            world.change("Ingress", "care-fe", "care-web", |ingress| {
                ingress["spec"]["ingressClassName"] = "nginx".into();
            });
        },
    ),
    (
        "the service behind an address looks for other pods",
        "APP-03",
        |world| {
            world.change("EndpointSlice", "care-fe", "care-web", |slice| {
                slice["endpoints"] = json!([]);
            });
        },
    ),
    (
        "a program was set to no copies and forgotten",
        "APP-03",
        |world| {
            world.change("Deployment", "metabase", "metabase", |program| {
                program["spec"]["replicas"] = 0.into();
            });
            world.remove("Pod", "metabase", "metabase");
        },
    ),
    (
        "a service without an address finds no pod",
        "APP-03",
        |world| {
            world.change("EndpointSlice", "snowstorm", "elasticsearch", |slice| {
                slice["endpoints"] = json!([]);
            });
        },
    ),
    ("a namespace does not end", "APP-05", |world| {
        let (asked, said) = (world.at(-1800), world.at(-1795));
        world.add(json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "trial", "creationTimestamp": "2026-11-24T06:00:00Z", "deletionTimestamp": asked},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Terminating", "conditions": [
                {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "reason": "ResourcesDiscovered", "message": "All resources successfully discovered", "lastTransitionTime": said},
                {"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "lastTransitionTime": said,
                    "message": "Some resources are remaining: clusters.postgresql.cnpg.io has 1 resource instances"},
                {"type": "NamespaceFinalizersRemaining", "status": "True", "reason": "SomeFinalizersRemain", "lastTransitionTime": said,
                    "message": "Some content in the namespace has finalizers remaining: cnpg.io/deleteDatabase in 1 resource instances"}]}}));
    }),
    ("the entrance for the public is down", "WAIT-03", |world| {
        world.crashes("public-nginx", "public-nginx-controller", (255, "Error"));
    }),
    ("the monitoring is down", "WAIT-03", |world| {
        world.crashes("monitoring", "prometheus-kps-prometheus", (2, "Error"));
    }),
    (
        "metrics of the machines are not collected",
        "POD-05",
        |world| {
            let started = world.at(2);
            world.unready(
                "kube-system",
                "metrics-server",
                &json!({"state": {"running": {"startedAt": started}}}),
            );
        },
    ),
];

pub fn cordon(world: &mut World, node: &str, seconds: i64) {
    let added = world.at(seconds);
    world.change("Node", "", node, |node| {
        node["spec"]["unschedulable"] = true.into();
        node["spec"]["taints"] = json!([{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": added}]);
    });
}

/// The instance of the database on the primary machine.
fn on_primary(world: &World) -> String {
    ["care-db-1", "care-db-2"]
        .into_iter()
        .find(|name| world.one("Pod", "database", name)["spec"]["nodeName"] == "primary")
        .unwrap()
        .to_owned()
}

/// Its node ended the pod, and the one that was made instead finds no place.
fn evict(world: &mut World, space: &str, workload: &str, message: &str) {
    let mut gone: Value = world.one("Pod", space, workload);
    let taint = message.split_once("memory").map_or("disk", |_| "memory");
    world.unplaced(
        space,
        workload,
        &format!("0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {{node.kubernetes.io/{taint}-pressure: }}."),
    );
    gone["metadata"]["name"] = format!("{workload}-evicted").into();
    gone["spec"]["nodeName"] = "primary".into();
    gone["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": message, "startTime": world.at(-60),
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": world.at(60)}]});
    world.add(gone);
}
