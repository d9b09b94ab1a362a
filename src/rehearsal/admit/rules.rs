//! What built-in kinds are refused for beside their schema. Pure.

use serde_json::{Value, json};

use crate::rehearsal::{answer::Invalid, kinds::Kind, quantity};

/// Everything that is wrong with an object of a built-in kind.
pub fn check(kind: &Kind, value: &Value, wrong: &mut Vec<Invalid>) {
    match kind.key.as_str() {
        "Pod" => pod(value.get("spec"), "spec", wrong),
        "Deployment.apps" | "ReplicaSet.apps" | "StatefulSet.apps" | "DaemonSet.apps" => {
            workload(kind, value, wrong);
        }
        "Job.batch" => job(value.get("spec"), "spec", wrong),
        "CronJob.batch" => {
            schedule(value, wrong);
            job(
                value.pointer("/spec/jobTemplate/spec"),
                "spec.jobTemplate.spec",
                wrong,
            );
        }
        "ClusterRole.rbac.authorization.k8s.io" => aggregation(value, wrong),
        "PodDisruptionBudget.policy" => budget(value, wrong),
        "Role.rbac.authorization.k8s.io" => roles(value, wrong),
        "Service" => ports(value, wrong),
        "Secret" if text(value, "type") == "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"] {
                if value.get("data").and_then(|data| data.get(key)).is_none() {
                    wrong.push(required(&format!("data[{key}]"), ""));
                }
            }
        }
        "PersistentVolumeClaim" if value.pointer("/spec/resources/requests/storage").is_none() => {
            wrong.push(required("spec.resources[storage]", ""));
        }
        "Ingress.networking.k8s.io" => ingress(value, wrong),
        _ => {}
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn required(field: &str, why: &str) -> Invalid {
    let mut missing = Invalid::required(field);
    if !why.is_empty() {
        missing.message.push_str(": ");
        missing.message.push_str(why);
    }
    missing
}

fn negative(value: Option<&Value>, field: &str, wrong: &mut Vec<Invalid>) {
    if let Some(number) = value.filter(|number| number.as_i64().is_some_and(|n| n < 0)) {
        wrong.push(Invalid::value(
            field,
            number,
            "must be greater than or equal to 0",
        ));
    }
}

fn workload(kind: &Kind, value: &Value, wrong: &mut Vec<Invalid>) {
    negative(value.pointer("/spec/replicas"), "spec.replicas", wrong);
    let selector = value.pointer("/spec/selector").filter(|s| !s.is_null());
    if selector.is_none() {
        wrong.push(required("spec.selector", ""));
        let labels = value.pointer("/spec/template/metadata/labels").cloned();
        let why = "`selector` does not match template `labels`";
        wrong.push(Invalid::value(
            "spec.template.metadata.labels",
            &labels.unwrap_or_default(),
            why,
        ));
    }
    let claims = value
        .pointer("/spec/volumeClaimTemplates")
        .and_then(Value::as_array);
    let claims: Vec<&str> = claims
        .into_iter()
        .flatten()
        .filter_map(|claim| claim.pointer("/metadata/name")?.as_str())
        .collect();
    pod_with(
        value.pointer("/spec/template/spec"),
        "spec.template.spec",
        &claims,
        wrong,
    );
    let restart = value
        .pointer("/spec/template/spec/restartPolicy")
        .and_then(Value::as_str)
        .unwrap_or("Always");
    if restart != "Always" {
        wrong.push(Invalid::unsupported(
            "spec.template.spec.restartPolicy",
            &restart.into(),
            &["Always"],
        ));
    }
    if kind.key == "StatefulSet.apps" {
        stateful(value, wrong);
    }
    let strategy = value.pointer("/spec/strategy");
    if kind.key == "Deployment.apps"
        && let Some(strategy) = strategy.filter(|strategy| text(strategy, "type") == "Recreate")
        && strategy.get("rollingUpdate").is_some()
    {
        wrong.push(Invalid::forbidden(
            "spec.strategy.rollingUpdate",
            "may not be specified when strategy `type` is 'Recreate'",
        ));
    }
}

fn job(spec: Option<&Value>, path: &str, wrong: &mut Vec<Invalid>) {
    let Some(spec) = spec else { return };
    let place = format!("{path}.template.spec");
    pod(spec.pointer("/template/spec"), &place, wrong);
    let policy = spec
        .pointer("/template/spec/restartPolicy")
        .and_then(Value::as_str)
        .unwrap_or("");
    let field = format!("{place}.restartPolicy");
    match policy {
        "OnFailure" | "Never" => {}
        "" => wrong.push(required(&field, "valid values: \"OnFailure\", \"Never\"")),
        other => wrong.push(Invalid::unsupported(
            &field,
            &other.into(),
            &["OnFailure", "Never"],
        )),
    }
}

fn pod(spec: Option<&Value>, path: &str, wrong: &mut Vec<Invalid>) {
    pod_with(spec, path, &[], wrong);
}

fn pod_with(spec: Option<&Value>, path: &str, claims: &[&str], wrong: &mut Vec<Invalid>) {
    let Some(spec) = spec else { return };
    let volumes = list(spec, "volumes");
    for (at, volume) in volumes.iter().enumerate() {
        let name = text(volume, "name");
        let before = volumes.iter().take(at);
        if before.clone().any(|other| text(other, "name") == name) {
            wrong.push(duplicate(&format!("{path}.volumes[{at}].name"), name));
        }
    }
    let known: Vec<&str> = volumes
        .iter()
        .map(|volume| text(volume, "name"))
        .chain(claims.iter().copied())
        .collect();
    if list(spec, "containers").is_empty() {
        wrong.push(required(&format!("{path}.containers"), ""));
    }
    for group in ["containers", "initContainers"] {
        let containers = list(spec, group);
        for (at, one) in containers.iter().enumerate() {
            let place = format!("{path}.{group}[{at}]");
            container(one, &place, &known, wrong);
            let name = text(one, "name");
            let before = containers.iter().take(at);
            if !name.is_empty() && before.clone().any(|other| text(other, "name") == name) {
                wrong.push(duplicate(&format!("{place}.name"), name));
            }
        }
    }
}

fn duplicate(field: &str, name: &str) -> Invalid {
    Invalid {
        reason: "FieldValueDuplicate",
        field: field.to_owned(),
        message: format!("Duplicate value: \"{name}\""),
    }
}

fn container(value: &Value, place: &str, volumes: &[&str], wrong: &mut Vec<Invalid>) {
    if text(value, "name").is_empty() {
        wrong.push(required(&format!("{place}.name"), ""));
    }
    if text(value, "image").is_empty() {
        wrong.push(required(&format!("{place}.image"), ""));
    }
    let policy = text(value, "imagePullPolicy");
    if !matches!(policy, "" | "Always" | "IfNotPresent" | "Never") {
        wrong.push(Invalid::unsupported(
            &format!("{place}.imagePullPolicy"),
            &policy.into(),
            &["Always", "IfNotPresent", "Never"],
        ));
    }
    for (at, port) in list(value, "ports").iter().enumerate() {
        let number = port.get("containerPort").cloned().unwrap_or(json!(0));
        let field = format!("{place}.ports[{at}].containerPort");
        if number == 0 {
            wrong.push(required(&field, ""));
        } else if !number.as_i64().is_some_and(|n| (1..=65535).contains(&n)) {
            let why = "must be between 1 and 65535, inclusive";
            wrong.push(Invalid::value(&field, &number, why));
        }
    }
    resources(value, place, wrong);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        for how in ["httpGet", "tcpSocket"] {
            let port = value.pointer(&format!("/{probe}/{how}/port"));
            if port.is_some_and(|port| port == 0) {
                let why = "must be between 1 and 65535, inclusive";
                let field = format!("{place}.{probe}.{how}.port");
                wrong.push(Invalid::value(&field, &json!(0), why));
            }
        }
    }
    for (at, mount) in list(value, "volumeMounts").iter().enumerate() {
        let name = text(mount, "name");
        if !volumes.contains(&name) {
            wrong.push(Invalid {
                reason: "FieldValueNotFound",
                field: format!("{place}.volumeMounts[{at}].name"),
                message: format!("Not found: \"{name}\""),
            });
        }
    }
}

/// A stateful set rolls only when it is told to, and has no more of its pods than it has pods.
fn stateful(value: &Value, wrong: &mut Vec<Invalid>) {
    let update = value
        .pointer("/spec/updateStrategy")
        .cloned()
        .unwrap_or_default();
    if text(&update, "type") == "OnDelete"
        && let Some(rolling) = update.get("rollingUpdate")
    {
        let field = |name: &str| rolling.get(name).cloned().unwrap_or_default();
        let shown =
            json!({"Partition": field("partition"), "MaxUnavailable": field("maxUnavailable")});
        let why = "only allowed for updateStrategy 'RollingUpdate'";
        wrong.push(Invalid::value(
            "spec.updateStrategy.rollingUpdate",
            &shown,
            why,
        ));
    }
    let count = |name: &str| {
        value
            .pointer(&format!("/status/{name}"))
            .and_then(Value::as_i64)
    };
    let all = count("replicas").unwrap_or(0);
    for name in [
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
    ] {
        if let Some(some) = count(name).filter(|some| *some > all) {
            let why = "cannot be greater than status.replicas";
            wrong.push(Invalid::value(&format!("status.{name}"), &some.into(), why));
        }
    }
}

/// Nobody may ask for more than the limit.
fn resources(value: &Value, place: &str, wrong: &mut Vec<Invalid>) {
    let limits = value
        .pointer("/resources/limits")
        .and_then(Value::as_object);
    for (name, limit) in limits.into_iter().flatten() {
        let request = value.pointer(&format!("/resources/requests/{name}"));
        if let Some(request) = request
            && quantity::amount(request) > quantity::amount(limit)
        {
            let limit = limit.as_str().unwrap_or_default();
            let why = format!("must be less than or equal to {name} limit of {limit}");
            let field = format!("{place}.resources.requests");
            wrong.push(Invalid::value(&field, request, &why));
        }
    }
}

fn aggregation(value: &Value, wrong: &mut Vec<Invalid>) {
    let rule = value.get("aggregationRule");
    if rule.is_some_and(|rule| list(rule, "clusterRoleSelectors").is_empty()) {
        wrong.push(required(
            "aggregationRule.clusterRoleSelectors",
            "at least one clusterRoleSelector required if aggregationRule is non-nil",
        ));
    }
}

fn budget(value: &Value, wrong: &mut Vec<Invalid>) {
    let spec = value.get("spec").cloned().unwrap_or_default();
    if spec.get("minAvailable").is_some() && spec.get("maxUnavailable").is_some() {
        let why = "minAvailable and maxUnavailable cannot be both set";
        let field = |name: &str| spec.get(name).cloned().unwrap_or_default();
        let shown = json!({"MinAvailable": field("minAvailable"), "Selector": field("selector"),
            "MaxUnavailable": field("maxUnavailable"), "UnhealthyPodEvictionPolicy": field("unhealthyPodEvictionPolicy")});
        wrong.push(Invalid::value("spec", &shown, why));
    }
}

fn ingress(value: &Value, wrong: &mut Vec<Invalid>) {
    let Some(spec) = value.get("spec") else {
        return;
    };
    if spec.get("rules").is_none() && spec.get("defaultBackend").is_none() {
        let why = "either `defaultBackend` or `rules` must be specified";
        wrong.push(Invalid::value("spec", &Value::Null, why));
    }
    if let Some(backend) = spec.get("defaultBackend") {
        service(backend, "spec.defaultBackend", wrong);
    }
    for (at, rule) in list(spec, "rules").iter().enumerate() {
        let Some(http) = rule.get("http") else {
            continue;
        };
        for (number, path) in list(http, "paths").iter().enumerate() {
            let place = format!("spec.rules[{at}].http.paths[{number}]");
            if text(path, "pathType").is_empty() {
                wrong.push(required(
                    &format!("{place}.pathType"),
                    "pathType must be specified",
                ));
            }
            if let Some(backend) = path.get("backend") {
                service(backend, &format!("{place}.backend"), wrong);
            }
        }
    }
}

fn service(backend: &Value, place: &str, wrong: &mut Vec<Invalid>) {
    let Some(service) = backend.get("service") else {
        return;
    };
    if text(service, "name").is_empty() {
        wrong.push(required(&format!("{place}.service.name"), ""));
    }
    let port = service.get("port").cloned().unwrap_or_default();
    if text(&port, "name").is_empty() && port.get("number").is_none() {
        wrong.push(required(place, "port name or number is required"));
    }
}

fn roles(value: &Value, wrong: &mut Vec<Invalid>) {
    for (at, rule) in list(value, "rules").iter().enumerate() {
        if list(rule, "verbs").is_empty() {
            let field = format!("rules[{at}].verbs");
            wrong.push(required(&field, "verbs must contain at least one value"));
        }
    }
}

fn schedule(value: &Value, wrong: &mut Vec<Invalid>) {
    let shown = value.pointer("/spec/schedule").cloned().unwrap_or_default();
    let words: Vec<&str> = shown.as_str().unwrap_or("").split_whitespace().collect();
    let named = words.first().is_some_and(|word| word.starts_with('@'));
    if !named && words.len() != 5 {
        let why = format!(
            "expected exactly 5 fields, found {}: [{}]",
            words.len(),
            words.join(" ")
        );
        wrong.push(Invalid::value("spec.schedule", &shown, &why));
    }
}

fn ports(value: &Value, wrong: &mut Vec<Invalid>) {
    let Some(spec) = value.get("spec") else {
        return;
    };
    let ports = list(spec, "ports");
    let free = text(spec, "type") == "ExternalName" || text(spec, "clusterIP") == "None";
    if ports.is_empty() && !free {
        wrong.push(required("spec.ports", ""));
    }
    for (at, port) in ports.iter().enumerate() {
        if ports.len() > 1 && text(port, "name").is_empty() {
            wrong.push(required(&format!("spec.ports[{at}].name"), ""));
        }
        for field in ["port", "targetPort"] {
            let number = port.get(field).cloned().unwrap_or_default();
            if number.as_i64().is_some_and(|n| !(1..=65535).contains(&n)) {
                let why = "must be between 1 and 65535, inclusive";
                let field = format!("spec.ports[{at}].{field}");
                wrong.push(Invalid::value(&field, &number, why));
            }
        }
    }
}
