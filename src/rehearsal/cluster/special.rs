//! Subresources and reviews: scale, eviction, binding, logs, "may I?". Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Cluster;
use crate::rehearsal::{
    answer::{Answer, Failure},
    call::{Call, Method},
    kinds::Kind,
    logs, merge,
    select::Selector,
    world::{World, text_at},
};

/// Answers the kinds that are only questions: the practice cluster lets everyone with the token do everything.
pub(super) fn review(kind: &Kind, call: &Call) -> Result<Answer, Failure> {
    if call.method != Method::Post {
        return Err(Failure::not_allowed());
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
    value["status"] = match kind.plural.as_str() {
        "selfsubjectrulesreviews" => json!({"incomplete": false, "resourceRules": everything,
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}),
        "selfsubjectreviews" => json!({ "userInfo": user }),
        "tokenreviews" => json!({"authenticated": true, "user": user}),
        _ => json!({"allowed": true, "reason": "the rehearsal allows everything"}),
    };
    Ok(Answer::Object {
        code: 201,
        object: Arc::new(value),
        warnings: Vec::new(),
    })
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
        let pod = Arc::clone(self.stored(kind, call)?);
        for budget in self
            .store
            .list("PodDisruptionBudget.policy", Some(&call.place.namespace))
        {
            let none_left = budget.pointer("/status/disruptionsAllowed") == Some(&json!(0));
            if none_left && covers(budget, &pod) {
                let why = "Cannot evict pod as it would violate the pod's disruption budget.";
                return Err(Failure::new(429, "TooManyRequests", why));
            }
        }
        self.let_go(call, &pod, now)
            .map_err(|refused| Failure::refused(refused, kind, &call.place.name))?;
        Ok(success(201))
    }

    fn bind(&mut self, kind: &Kind, call: &Call, now: Timestamp) -> Result<Answer, Failure> {
        let mut value = (**self.stored(kind, call)?).clone();
        let node = text_at(&call.body, "/target/name").unwrap_or("");
        if value.pointer("/spec/nodeName").is_some() {
            return Err(Failure::conflict(kind, &call.place.name));
        }
        value["spec"]["nodeName"] = node.into();
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
        let mut value = (*old).clone();
        match value.pointer_mut(&paths.wish) {
            Some(place) => *place = replicas,
            None => value["spec"]["replicas"] = replicas,
        }
        self.update(kind, call, (&old, value), (now, Vec::new()))?;
        let object = self.stored(kind, call)?;
        Ok(Answer::ok(Arc::new(paths.read(object))))
    }
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
    !words.is_empty() && Selector::parse(&words.join(","), "").is_ok_and(|s| s.matches(pod))
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
            "spec": {"replicas": object.pointer(&self.wish).cloned().unwrap_or_else(|| json!(0))},
            "status": {"replicas": object.pointer(&self.seen).cloned().unwrap_or_else(|| json!(0)),
                "selector": selector},
        })
    }
}
