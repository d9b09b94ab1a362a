//! Whether a node takes a pod: labels, affinity, taints, readiness. Pure.

use serde_json::Value;

use super::shape::{holds, items, name, text};

/// Why a node does not take a pod, in the scheduler's words; nothing when it does.
pub fn refusal(spec: &Value, node: &Value) -> Option<String> {
    if !selected(spec, node) {
        return Some("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    if node["spec"]["unschedulable"] == true
        && !tolerates(spec, "node.kubernetes.io/unschedulable", "", "NoSchedule")
    {
        return Some("node(s) were unschedulable".to_owned());
    }
    if !holds(node, "Ready") && !tolerates(spec, "node.kubernetes.io/not-ready", "", "NoExecute") {
        return Some("node(s) were not ready".to_owned());
    }
    let repelled = items(&node["spec"]["taints"]).find(|taint| {
        let effect = text(&taint["effect"]);
        effect != "PreferNoSchedule"
            && !tolerates(spec, text(&taint["key"]), text(&taint["value"]), effect)
    })?;
    Some(format!(
        "node(s) had untolerated taint {{{}: {}}}",
        text(&repelled["key"]),
        text(&repelled["value"])
    ))
}

/// Whether a node takes a pod as far as labels, affinity and taints are concerned.
pub fn fits(spec: &Value, node: &Value) -> bool {
    refusal(spec, node).is_none()
}

fn selected(spec: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let selector = spec["nodeSelector"].as_object();
    let plain = selector.is_none_or(|selector| {
        selector
            .iter()
            .all(|(key, wanted)| labels.get(key) == Some(wanted))
    });
    let required =
        &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = &required["nodeSelectorTerms"];
    plain && (!terms.is_array() || items(terms).any(|term| meets(term, node)))
}

fn meets(term: &Value, node: &Value) -> bool {
    let fields = items(&term["matchFields"]).all(|wish| {
        let own = (text(&wish["key"]) == "metadata.name").then(|| name(node));
        matches(wish, own)
    });
    let expressions = items(&term["matchExpressions"]).all(|wish| {
        let own = node["metadata"]["labels"].get(text(&wish["key"]));
        matches(wish, own.and_then(Value::as_str))
    });
    fields && expressions
}

/// One expression of a selector against the value that is there.
pub fn matches(wish: &Value, own: Option<&str>) -> bool {
    let listed = || own.is_some_and(|own| items(&wish["values"]).any(|value| value == own));
    let number = |text: &str| text.parse::<i64>().ok();
    let bound = || number(text(&wish["values"][0]));
    match text(&wish["operator"]) {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => own.is_some(),
        "DoesNotExist" => own.is_none(),
        "Gt" => own.and_then(number) > bound(),
        "Lt" => own.and_then(number).is_some_and(|own| Some(own) < bound()),
        _ => false,
    }
}

/// Whether a label selector (`matchLabels`, `matchExpressions`) takes an object.
pub fn selects(selector: &Value, object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    let plain = selector["matchLabels"].as_object().is_none_or(|wanted| {
        wanted
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    });
    plain
        && selector.is_object()
        && items(&selector["matchExpressions"])
            .all(|wish| matches(wish, labels.get(text(&wish["key"])).and_then(Value::as_str)))
}

fn tolerates(spec: &Value, key: &str, value: &str, effect: &str) -> bool {
    items(&spec["tolerations"]).any(|toleration| {
        let any_key = text(&toleration["key"]).is_empty() && toleration["operator"] == "Exists";
        let same_key = any_key || toleration["key"] == key;
        let same_value = toleration["operator"] == "Exists" || text(&toleration["value"]) == value;
        let same_effect = text(&toleration["effect"]).is_empty() || toleration["effect"] == effect;
        same_key && same_value && same_effect
    })
}
