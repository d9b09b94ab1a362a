//! The defaults that a real server fills into built-in kinds and that no schema tells. Pure.

use serde_json::{Map, Value, json};

use crate::rehearsal::kinds::Kind;

/// Fills in what is missing; what is given stays.
pub fn fill(kind: &Kind, value: &mut Value) {
    if kind.custom.is_some() {
        return;
    }
    match kind.key.as_str() {
        "Pod" => {
            pod(value.get_mut("spec"), true);
            below(value, json!({"status": {"phase": "Pending"}}));
        }
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
            template(value, true);
        }
        "Job.batch" => {
            below(value, job());
            template(value, false);
        }
        "CronJob.batch" => {
            below(value, cron());
            template_at(value, "/spec/jobTemplate/spec/template", false);
        }
        "Service" => service(value),
        "Secret" => below(value, json!({"type": "Opaque"})),
        "PersistentVolumeClaim" => below(value, json!({"spec": {"volumeMode": "Filesystem"}})),
        "PersistentVolume" => below(
            value,
            json!({"spec": {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"}}),
        ),
        "StorageClass.storage.k8s.io" => below(
            value,
            json!({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
        ),
        "PriorityClass.scheduling.k8s.io" => {
            below(value, json!({"preemptionPolicy": "PreemptLowerPriority"}));
        }
        "ClusterRoleBinding.rbac.authorization.k8s.io"
        | "RoleBinding.rbac.authorization.k8s.io" => binding(value),
        _ => {}
    }
}

fn deployment() -> Value {
    json!({"spec": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate"}}})
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
    json!({"spec": {"backoffLimit": 6, "completions": 1, "parallelism": 1, "completionMode": "NonIndexed",
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
    below(
        spec,
        json!({"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"}),
    );
    if spec.get("type").and_then(Value::as_str) != Some("ClusterIP") {
        below(spec, json!({"externalTrafficPolicy": "Cluster"}));
    }
    each(spec.get_mut("ports"), |port| {
        let number = port.get("port").cloned().unwrap_or_default();
        below(port, json!({"protocol": "TCP", "targetPort": number}));
    });
    let ports = spec.get("ports").and_then(Value::as_array);
    if ports.is_none_or(Vec::is_empty)
        && spec.get("ports").is_some_and(Value::is_null)
        && let Some(map) = spec.as_object_mut()
    {
        map.shift_remove("ports");
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
