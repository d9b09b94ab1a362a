//! The defaults that a real server fills into built-in kinds and that no schema tells. Pure.

use serde_json::{Map, Value, json};

use crate::rehearsal::kinds::Kind;

/// Fills in what is missing; what is given stays.
pub fn fill(kind: &Kind, value: &mut Value) {
    if kind.custom.is_some() {
        return;
    }
    match kind.key.as_str() {
        "Service" => service(value),
        "Secret" => below(value, json!({"type": "Opaque"})),
        "PersistentVolumeClaim" => below(
            value,
            json!({"spec": {"volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}),
        ),
        "PersistentVolume" => {
            below(
                value,
                json!({"spec": {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"}}),
            );
            if let Some(path) = value.pointer_mut("/spec/hostPath") {
                below(path, json!({"type": ""}));
            }
        }
        "NetworkPolicy.networking.k8s.io" => network(value),
        "Endpoints" => each(value.get_mut("subsets"), |subset| {
            each(subset.get_mut("ports"), |port| {
                below(port, json!({"protocol": "TCP"}));
            });
        }),
        "PriorityClass.scheduling.k8s.io" => {
            below(value, json!({"preemptionPolicy": "PreemptLowerPriority"}));
        }
        "StorageClass.storage.k8s.io" => below(
            value,
            json!({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
        ),
        "ClusterRoleBinding.rbac.authorization.k8s.io"
        | "RoleBinding.rbac.authorization.k8s.io" => binding(value),
        "Namespace" => {
            let name = value.pointer("/metadata/name").cloned().unwrap_or_default();
            below(
                value,
                json!({"metadata": {"labels": {"kubernetes.io/metadata.name": name}}}),
            );
        }
        "Pod" => whole_pod(value),
        _ => workload(kind, value),
    }
}

fn whole_pod(value: &mut Value) {
    for (one, many) in [("podIP", "podIPs"), ("hostIP", "hostIPs")] {
        if let Some(status) = value.get_mut("status")
            && let Some(address) = status.get(one).cloned()
            && status.get(many).is_none()
        {
            status[many] = json!([{ "ip": address }]);
        }
    }
    pod(value.get_mut("spec"), true);
    below(value, json!({"spec": {"enableServiceLinks": true}}));
    for list in ["containers", "initContainers"] {
        each(value.pointer_mut(&format!("/spec/{list}")), |container| {
            // Who sets only a limit asks for as much.
            if let Some(limits) = container.pointer("/resources/limits").cloned() {
                below(container, json!({"resources": {"requests": limits}}));
            }
        });
    }
}

fn workload(kind: &Kind, value: &mut Value) {
    match kind.key.as_str() {
        "Deployment.apps" => {
            below(value, deployment());
            template(value, true);
        }
        "ReplicaSet.apps" => {
            below(value, json!({"spec": {"replicas": 1}}));
            template(value, true);
        }
        "StatefulSet.apps" => {
            below(value, stateful());
            claims(value);
            template(value, true);
        }
        "DaemonSet.apps" => {
            below(value, daemon());
            let mark = json!({"deprecated.daemonset.template.generation": "0"});
            below(value, json!({"metadata": {"annotations": mark}}));
            template(value, true);
        }
        "Job.batch" => {
            if value.pointer("/spec/completions").is_none()
                && value.pointer("/spec/parallelism").is_none()
            {
                below(value, json!({"spec": {"completions": 1}}));
            }
            let labels = value.pointer("/spec/template/metadata/labels").cloned();
            if let Some(labels) = labels.filter(|_| value.pointer("/metadata/labels").is_none()) {
                below(value, json!({"metadata": {"labels": labels}}));
            }
            below(value, job());
            template(value, false);
        }
        "CronJob.batch" => {
            below(value, cron());
            template_at(value, "/spec/jobTemplate/spec/template", false);
        }
        _ => {}
    }
}

fn deployment() -> Value {
    json!({"spec": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}}})
}

fn stateful() -> Value {
    json!({"spec": {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}}})
}

fn daemon() -> Value {
    json!({"spec": {"revisionHistoryLimit": 10,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}})
}

fn job() -> Value {
    json!({"spec": {"backoffLimit": 6, "parallelism": 1, "completionMode": "NonIndexed",
        "suspend": false, "manualSelector": false, "podReplacementPolicy": "TerminatingOrFailed"}})
}

fn cron() -> Value {
    json!({"spec": {"concurrencyPolicy": "Allow", "suspend": false, "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1}})
}

/// Puts the missing parts of `usual` into the value.
fn below(value: &mut Value, usual: Value) {
    let (Value::Object(map), Value::Object(usual)) = (value, usual) else {
        return;
    };
    for (name, item) in usual {
        match map.get_mut(&name) {
            None | Some(Value::Null) => {
                map.insert(name, item);
            }
            Some(old) => {
                // A strategy of another type has no rolling parameters.
                let other = item.get("type").is_some()
                    && old.get("type").is_some()
                    && old.get("type") != item.get("type");
                if !other {
                    below(old, item);
                }
            }
        }
    }
}

fn template(value: &mut Value, always: bool) {
    template_at(value, "/spec/template", always);
}

fn template_at(value: &mut Value, pointer: &str, always: bool) {
    let spec = value
        .pointer_mut(pointer)
        .and_then(|template| template.get_mut("spec"));
    pod(spec, always);
}

fn pod(spec: Option<&mut Value>, always: bool) {
    let Some(spec) = spec else { return };
    if always {
        below(spec, json!({"restartPolicy": "Always"}));
    }
    below(
        spec,
        json!({"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
            "terminationGracePeriodSeconds": 30, "securityContext": {}}),
    );
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        below(spec, json!({ "serviceAccount": account }));
    } else if let Some(account) = spec.get("serviceAccount").cloned() {
        below(spec, json!({ "serviceAccountName": account }));
    }
    for list in ["containers", "initContainers"] {
        each(spec.get_mut(list), container);
    }
    each(spec.get_mut("volumes"), volume);
}

fn each(list: Option<&mut Value>, change: fn(&mut Value)) {
    if let Some(list) = list.and_then(Value::as_array_mut) {
        list.iter_mut().for_each(change);
    }
}

fn container(value: &mut Value) {
    let image = value.get("image").and_then(Value::as_str).unwrap_or("");
    let tag = image.rsplit('/').next().unwrap_or("").split_once(':');
    let latest = !image.contains('@') && tag.is_none_or(|(_, tag)| tag == "latest");
    let policy = if latest { "Always" } else { "IfNotPresent" };
    below(
        value,
        json!({"imagePullPolicy": policy, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "resources": {}}),
    );
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = value.get_mut(probe).filter(|probe| probe.is_object()) {
            below(
                probe,
                json!({"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}),
            );
            if let Some(http) = probe.get_mut("httpGet") {
                below(http, json!({"scheme": "HTTP"}));
            }
        }
    }
    each(value.get_mut("env"), |entry| {
        if let Some(field) = entry.pointer_mut("/valueFrom/fieldRef") {
            below(field, json!({"apiVersion": "v1"}));
        }
    });
}

fn volume(value: &mut Value) {
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = value.get_mut(source).filter(|source| source.is_object()) {
            below(source, json!({"defaultMode": 420}));
        }
    }
    if let Some(path) = value.get_mut("hostPath") {
        below(path, json!({"type": ""}));
    }
}

fn claims(value: &mut Value) {
    each(value.pointer_mut("/spec/volumeClaimTemplates"), |claim| {
        below(
            claim,
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "spec": {"volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}),
        );
    });
}

fn service(value: &mut Value) {
    below(value, json!({"spec": {"type": "ClusterIP"}}));
    let Some(spec) = value.get_mut("spec") else {
        return;
    };
    let external = spec.get("type").and_then(Value::as_str) == Some("ExternalName");
    below(spec, json!({"sessionAffinity": "None"}));
    if external {
        return;
    }
    below(spec, json!({"internalTrafficPolicy": "Cluster"}));
    if spec.get("type").and_then(Value::as_str) == Some("LoadBalancer") {
        below(spec, json!({"allocateLoadBalancerNodePorts": true}));
    }
    if spec.get("sessionAffinity").and_then(Value::as_str) == Some("ClientIP") {
        below(
            spec,
            json!({"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}),
        );
    }
    if spec.get("sessionAffinity").and_then(Value::as_str) == Some("None")
        && let Some(map) = spec.as_object_mut()
    {
        map.shift_remove("sessionAffinityConfig");
    }
    let outside = spec.get("externalIPs").is_some();
    if outside || spec.get("type").and_then(Value::as_str) != Some("ClusterIP") {
        below(spec, json!({"externalTrafficPolicy": "Cluster"}));
    }
    each(spec.get_mut("ports"), |port| {
        let number = port.get("port").cloned().unwrap_or_default();
        below(port, json!({"protocol": "TCP"}));
        if port
            .get("targetPort")
            .is_none_or(|target| target == 0 || target == "")
        {
            port["targetPort"] = number;
        }
    });
    let ports = spec.get("ports").and_then(Value::as_array);
    if ports.is_none_or(Vec::is_empty)
        && spec.get("ports").is_some_and(Value::is_null)
        && let Some(map) = spec.as_object_mut()
    {
        map.shift_remove("ports");
    }
}

fn network(value: &mut Value) {
    let Some(spec) = value.get_mut("spec") else {
        return;
    };
    let types = if spec.get("egress").is_some() {
        json!(["Ingress", "Egress"])
    } else {
        json!(["Ingress"])
    };
    below(spec, json!({ "policyTypes": types }));
    for side in ["ingress", "egress"] {
        each(spec.get_mut(side), |rule| {
            each(rule.get_mut("ports"), |port| {
                below(port, json!({"protocol": "TCP"}));
            });
        });
    }
}

fn binding(value: &mut Value) {
    let group = |kind: Option<&Value>| match kind.and_then(Value::as_str) {
        Some("User" | "Group") => "rbac.authorization.k8s.io",
        _ => "",
    };
    if let Some(subjects) = value.get_mut("subjects").and_then(Value::as_array_mut) {
        for subject in subjects {
            let group = group(subject.get("kind"));
            if !group.is_empty() {
                below(subject, json!({ "apiGroup": group }));
            }
        }
    }
    let mut role = Map::new();
    role.insert("apiGroup".into(), "rbac.authorization.k8s.io".into());
    below(value, json!({ "roleRef": role }));
}
