//! When an object that calls itself ready is not believed: its machine is silent, and so is whoever would correct it. Pure.

use std::sync::Arc;

use serde_json::Value;

use super::Live;
use crate::plan::ObjectRef;

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// Why the object's own words are not believed; nothing when no silent node is known.
pub fn doubt(target: &ObjectRef, live: &Live) -> Option<String> {
    let named = |pod: &&Arc<Value>| match (target.group(), target.kind.as_str()) {
        ("", "Pod") => text(pod, "/metadata/name") == target.name,
        ("postgresql.cnpg.io", "Cluster") => {
            text(pod, "/metadata/labels/cnpg.io~1cluster") == target.name
                && text(pod, "/metadata/labels/cnpg.io~1podRole") == "instance"
        }
        _ => false,
    };
    live.pods.iter().filter(named).find_map(|pod| {
        let node = text(pod, "/spec/nodeName");
        let since = silent(&live.nodes, node)?;
        Some(format!(
            "nothing is known of it{since}: {} is on node {node}, which is not ready",
            text(pod, "/metadata/name")
        ))
    })
}

/// ` since 14:07:31 UTC` for a node that is known and not ready.
pub fn silent(nodes: &[Arc<Value>], name: &str) -> Option<String> {
    let node = nodes
        .iter()
        .find(|node| text(node, "/metadata/name") == name)?;
    let all = node.pointer("/status/conditions").and_then(Value::as_array);
    let ready = all
        .into_iter()
        .flatten()
        .find(|one| text(one, "/type") == "Ready")?;
    if text(ready, "/status") == "True" {
        return None;
    }
    let since: Option<jiff::Timestamp> = text(ready, "/lastTransitionTime").parse().ok();
    Some(since.map_or_else(String::new, |since| {
        since.strftime(" since %H:%M:%S UTC").to_string()
    }))
}
