//! Subresources and reviews: scale, eviction, binding, logs, "may I?". Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Cluster, Writing};
use crate::rehearsal::{
    answer::{Answer, Failure, Invalid},
    call::{Call, Method},
    fields::Fields,
    gotalk,
    kinds::Kind,
    logs,
    managed::Entries,
    merge,
    select::Selector,
    store::stamp,
    world::{World, text_at},
};

/// Answers the kinds that are only questions: the practice cluster lets everyone with the token do everything.
pub(super) fn review(kind: &Kind, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
    if !call.place.name.is_empty() {
        return Err(Failure::no_such_path());
    }
    if call.method != Method::Post {
        return Err(Failure::not_allowed());
    }
    if kind.plural == "selfsubjectaccessreviews"
        && call.body.pointer("/spec/resourceAttributes").is_none()
        && call.body.pointer("/spec/nonResourceAttributes").is_none()
    {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let wrong = Invalid::value("spec.resourceAttributes", &Value::Null, why);
        return Err(Failure::invalid_review(&kind.group, &[wrong]));
    }
    let mut value = call.body.clone();
    if !value.is_object() {
        value = json!({});
    }
    let everything = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let user =
        json!({"username": "rehearsal", "groups": ["system:masters", "system:authenticated"]});
    value["apiVersion"] = kind.api_version().into();
    value["kind"] = kind.kind.as_str().into();
    if !value.get("metadata").is_some_and(Value::is_object) {
        value["metadata"] = json!({});
    }
    match kind.plural.as_str() {
        "selfsubjectrulesreviews" => value["spec"] = json!({}),
        "selfsubjectreviews" => value["metadata"]["creationTimestamp"] = stamp(now).into(),
        _ => Cluster::sign(kind, call, None, &mut value, now),
    }
    value["status"] = match kind.plural.as_str() {
        "selfsubjectrulesreviews" => json!({"incomplete": false, "resourceRules": everything,
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}),
        "selfsubjectreviews" => json!({ "userInfo": user }),
        "tokenreviews" => json!({"authenticated": true, "user": user}),
        _ => json!({"allowed": true}),
    };
    Ok(Answer::Object {
        code: 201,
        object: Arc::new(value),
        warnings: Vec::new(),
    })
}

/// Where a custom kind keeps its replicas there is a number.
pub(super) fn miscounted(kind: &Kind, value: &Value) -> Option<Invalid> {
    let scale = kind.custom.as_ref()?.pointer("/subresources/scale")?;
    let path = text_at(scale, "/specReplicasPath")?;
    let mut at = value;
    let mut parts = path.split('.').skip(1).peekable();
    while let Some(part) = parts.next() {
        if !at.is_object() {
            let shown = gotalk::shown(at);
            let why = format!(
                "{path} accessor error: {shown} is of the type {}, expected map[string]interface{{}}",
                gotalk::type_of(at)
            );
            return Some(Invalid::value(path, &json!(0), &why));
        }
        at = at.get(part)?;
        if parts.peek().is_none() && !at.is_null() && !at.is_i64() && !at.is_u64() {
            let shown = gotalk::shown(at);
            let why = format!(
                "{path} accessor error: {shown} is of the type {}, expected int64",
                gotalk::type_of(at)
            );
            return Some(Invalid::value(path, &json!(0), &why));
        }
    }
    None
}

impl Cluster {
    pub(super) fn special(
        &mut self,
        kind: &Kind,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let subresource = call.place.subresource.as_str();
        match (kind.key.as_str(), subresource, call.method) {
            ("Pod", "log", Method::Get) => self.log(kind, call, now),
            ("Pod", "eviction", Method::Post) => self.evict(kind, call, now),
            ("Pod", "binding", Method::Post) => self.bind(kind, call, now),
            _ if kind.has(subresource) => Err(Failure::not_allowed()),
            _ => Err(Failure::no_such_path()),
        }
    }

    fn log(&self, kind: &Kind, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
        let pod = self.stored(kind, call)?;
        let world = World::new(&self.store);
        let (container, query) = (call.query.text("container"), &call.query);
        let log = logs::log(&world, pod, container, query.on("previous"));
        let log = log.map_err(Failure::bad_request)?;
        let lines = logs::wanted(&log.lines, query, now)?;
        Ok(Answer::Text(
            lines.iter().map(|line| line.shown(query)).collect(),
        ))
    }

    fn evict(&mut self, kind: &Kind, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
        let said = text_at(&call.body, "/metadata/name").unwrap_or(&call.place.name);
        if said != call.place.name {
            let why = "name in URL does not match name in Eviction object";
            return Err(Failure::bad_request(why));
        }
        let pod = Arc::clone(self.stored(kind, call)?);
        for budget in self
            .store
            .list("PodDisruptionBudget.policy", Some(&call.place.namespace))
        {
            let none_left = budget.pointer("/status/disruptionsAllowed") == Some(&json!(0));
            if none_left && covers(budget, &pod) {
                let why = "Cannot evict pod as it would violate the pod's disruption budget.";
                return Err(disrupted(budget, why));
            }
        }
        if call.dry() {
            return Ok(success(201));
        }
        self.let_go(call, &pod, now)
            .map_err(|refused| Failure::refused(refused, kind, &call.place.name))?;
        Ok(success(201))
    }

    fn bind(&mut self, kind: &Kind, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
        let mut value = (**self.stored(kind, call)?).clone();
        let node = text_at(&call.body, "/target/name").unwrap_or("");
        if node.is_empty() {
            return Err(Failure::unexplained("target.name: Required value"));
        }
        let name = &call.place.name;
        if let Some(there) = text_at(&value, "/spec/nodeName") {
            let why = format!("pod {name} is already assigned to node \"{there}\"");
            let mut failure = Failure::unfulfilled(kind, name, &why);
            failure.message = failure.message.replacen("pods", "pods/binding", 1);
            failure.details["kind"] = "pods/binding".into();
            return Err(failure);
        }
        value["spec"]["nodeName"] = node.into();
        schedule(&mut value, now);
        self.store
            .replace(value, now)
            .map_err(|refused| Failure::refused(refused, kind, &call.place.name))?;
        Ok(success(201))
    }

    pub(super) fn scale(
        &mut self,
        kind: &Kind,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        if !kind.has("scale") {
            return Err(Failure::no_such_path());
        }
        let old = Arc::clone(self.stored(kind, call)?);
        let paths = Paths::of(kind);
        let seen = paths.read(&old);
        let wanted = match call.method {
            Method::Get => return Ok(Answer::ok(Arc::new(seen))),
            Method::Put => call.body.clone(),
            Method::Patch => {
                let mut value = seen;
                if call.content.starts_with("application/json-patch") {
                    merge::json_patch(&mut value, &call.body).map_err(Failure::bad_request)?;
                } else {
                    merge::json_merge(&mut value, &call.body);
                }
                value
            }
            _ => return Err(Failure::not_allowed()),
        };
        let replicas = wanted
            .pointer("/spec/replicas")
            .cloned()
            .unwrap_or_else(|| json!(0));
        let said = |value: &Value| text_at(value, "/metadata/resourceVersion").map(str::to_owned);
        if said(&wanted).is_some_and(|version| Some(version) != said(&old)) {
            return Err(Failure::conflict(kind, &call.place.name));
        }
        if replicas.as_i64().is_some_and(|count| count < 0) {
            let why = "must be greater than or equal to 0";
            let wrong = Invalid::value("spec.replicas", &replicas, why);
            return Err(Failure::invalid_scale(&call.place.name, &[wrong]));
        }
        let none = replicas == 0;
        let mut value = (*old).clone();
        match value.pointer_mut(&paths.wish) {
            Some(place) => *place = replicas,
            None => value["spec"]["replicas"] = replicas,
        }
        if value == *old {
            return Ok(Answer::ok(Arc::new(paths.read(&old))));
        }
        let parts: Vec<String> = paths
            .wish
            .split('/')
            .skip(1)
            .map(|part| format!("f:{part}"))
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let mut entries = Entries::of(&old);
        entries.scaled(
            &Fields::path(&parts),
            &super::manager(kind, call, now),
            none,
        );
        entries.write(&mut value);
        let writing = Writing {
            kind,
            call,
            now,
            warnings: Vec::new(),
        };
        match self.keep(writing, Some(&old), value)? {
            Answer::Object { object, .. } => Ok(Answer::ok(Arc::new(paths.read(&object)))),
            other => Ok(other),
        }
    }
}

/// A pod that gets its node is scheduled.
fn schedule(value: &mut Value, now: Timestamp) {
    if !value.get("status").is_some_and(Value::is_object) {
        value["status"] = json!({});
    }
    let status = &mut value["status"];
    if !status.get("conditions").is_some_and(Value::is_array) {
        status["conditions"] = json!([]);
    }
    if let Some(list) = status["conditions"].as_array_mut() {
        list.retain(|condition| condition.get("type") != Some(&"PodScheduled".into()));
        list.push(
            json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": stamp(now)}),
        );
    }
}

/// 429 of an eviction that a budget does not allow.
fn disrupted(budget: &Value, why: &str) -> Failure {
    let number = |field: &str| {
        budget
            .pointer(&format!("/status/{field}"))
            .cloned()
            .unwrap_or_else(|| json!(0))
    };
    let name = text_at(budget, "/metadata/name").unwrap_or("");
    let message = format!(
        "The disruption budget {name} needs {} healthy pods and has {} currently",
        number("desiredHealthy"),
        number("currentHealthy")
    );
    let mut failure = Failure::new(429, "TooManyRequests", why);
    failure.details = json!({"causes": [{"reason": "DisruptionBudget", "message": message}]});
    failure
}

fn success(code: u16) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code});
    Answer::Object {
        code,
        object: Arc::new(body),
        warnings: Vec::new(),
    }
}

fn covers(budget: &Value, pod: &Value) -> bool {
    let labels = budget
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object);
    let words: Vec<_> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    !words.is_empty() && Selector::of_labels(&words.join(",")).is_ok_and(|s| s.matches(pod))
}

/// Where a kind keeps its replicas.
struct Paths {
    wish: String,
    seen: String,
    selector: String,
}

impl Paths {
    fn of(kind: &Kind) -> Self {
        let scale = kind
            .custom
            .as_ref()
            .and_then(|version| version.pointer("/subresources/scale"));
        let path = |field: &str, usual: &str| {
            let said = scale
                .and_then(|scale| scale.get(field))
                .and_then(Value::as_str);
            said.unwrap_or(usual).replace('.', "/")
        };
        Self {
            wish: path("specReplicasPath", ".spec.replicas"),
            seen: path("statusReplicasPath", ".status.replicas"),
            selector: path("labelSelectorPath", ".status.selector"),
        }
    }

    fn read(&self, object: &Value) -> Value {
        let meta = |field: &str| object.pointer(&format!("/metadata/{field}"));
        let labels = object
            .pointer("/spec/selector/matchLabels")
            .and_then(Value::as_object);
        let words: Vec<_> = labels
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
            .collect();
        let selector =
            text_at(object, &self.selector).map_or_else(|| words.join(","), str::to_owned);
        json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {"name": meta("name"), "namespace": meta("namespace"), "uid": meta("uid"),
                "resourceVersion": meta("resourceVersion"), "creationTimestamp": meta("creationTimestamp")},
            "spec": match object.pointer(&self.wish).filter(|count| **count != 0) {
                Some(count) => json!({ "replicas": count }),
                None => json!({}),
            },
            "status": {"replicas": object.pointer(&self.seen).cloned().unwrap_or_else(|| json!(0)),
                "selector": selector},
        })
    }
}
