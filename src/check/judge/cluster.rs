//! Whether the cluster is the one that the settings describe: version, nodes, their state, their roles. Pure.

use serde_json::Value;

use super::{fail, pass, warn};
use crate::{
    check::Verdict,
    problem::{Code, Problem},
};

/// A node as the settings describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its role: `primary`, `secondary`, or none for a further node.
    pub role: Option<&'static str>,
}

/// The minor number of a version such as `v1.36.3+k3s1`.
fn minor(version: &str) -> Option<u32> {
    let rest = version
        .strip_prefix('v')
        .unwrap_or(version)
        .strip_prefix("1.")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Lines of Kubernetes that the settings can name.
const LINES: core::ops::RangeInclusive<u32> = 34..=36;

/// Judges the version of the cluster.
pub fn version(found: &str, wanted: u32) -> Verdict {
    let wrong = |remedy: String| {
        let what = format!("The cluster runs Kubernetes {found}, and the settings say 1.{wanted}.");
        fail(found, Problem::new(Code::K8s02, what, remedy))
    };
    match minor(found) {
        Some(minor) if minor == wanted => pass(found),
        Some(minor) if LINES.contains(&minor) => wrong(format!(
            "Set `cluster.version` to \"1.{minor}\" in site.yaml. See the version: `kubectl version`."
        )),
        Some(minor) => wrong(format!(
            "This version of care-install works with Kubernetes 1.{} to 1.{}. {} See: `kubectl version`.",
            LINES.start(),
            LINES.end(),
            if minor < *LINES.start() {
                "Upgrade the cluster first."
            } else {
                "Use a newer care-install."
            }
        )),
        None => wrong("Look at what answers there: `kubectl version`.".to_owned()),
    }
}

fn text<'v>(node: &'v Value, pointer: &str) -> &'v str {
    node.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn array<'v>(node: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    node.pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn name(node: &Value) -> &str {
    text(node, "/metadata/name")
}

/// A label; its key may hold a slash.
fn label<'v>(node: &'v Value, key: &str) -> Option<&'v str> {
    node.pointer("/metadata/labels")?.get(key)?.as_str()
}

/// The node of the settings among those of the cluster.
pub fn find<'v, V: AsRef<Value>>(nodes: &'v [V], expected: &Expected) -> Option<&'v Value> {
    nodes
        .iter()
        .map(AsRef::as_ref)
        .find(|node| name(node) == expected.name)
}

/// Judges whether the node is in the cluster, under its address.
pub fn present<V: AsRef<Value>>(nodes: &[V], expected: &Expected) -> Verdict {
    let Expected {
        name: wanted,
        address,
        ..
    } = expected;
    let Some(node) = find(nodes, expected) else {
        let there: Vec<&str> = nodes
            .iter()
            .map(|node| name(node.as_ref()))
            .take(8)
            .collect();
        let same = nodes.iter().map(AsRef::as_ref).find(|node| {
            array(node, "/status/addresses").any(|entry| text(entry, "/address") == address)
        });
        let remedy = match same {
            Some(same) => format!(
                "The node with the address {address} is called {}: correct the name in site.yaml. See: `kubectl get nodes -o wide`.",
                name(same)
            ),
            None => "Correct the name in site.yaml, or join the machine to the cluster. See: `kubectl get nodes -o wide`.".to_owned(),
        };
        let problem = Problem::new(
            Code::K8s03,
            format!("The cluster has no node {wanted}."),
            remedy,
        );
        return fail(
            "not there",
            problem.because(format!("it has: {}", words(&there))),
        );
    };
    let addresses: Vec<&str> = array(node, "/status/addresses")
        .filter(|entry| text(entry, "/type").ends_with("IP"))
        .map(|entry| text(entry, "/address"))
        .collect();
    if addresses.is_empty() || addresses.contains(&address.as_str()) {
        return pass(addresses.first().copied().unwrap_or("there"));
    }
    let problem = Problem::new(
        Code::K8s03,
        format!(
            "The cluster knows {wanted} at {}, and the settings say {address}.",
            words(&addresses)
        ),
        "If the machine has several networks, this is fine; else correct the address in site.yaml. See: `kubectl get nodes -o wide`.",
    );
    warn(words(&addresses), problem)
}

fn words(items: &[&str]) -> String {
    match items {
        [] => "none".to_owned(),
        items => items.join(", "),
    }
}

fn condition<'v>(node: &'v Value, kind: &str) -> Option<&'v Value> {
    array(node, "/status/conditions").find(|condition| text(condition, "/type") == kind)
}

/// Judges whether the node takes pods: Ready, not cordoned, no taint that turns ours away.
pub fn ready(node: &Value) -> Verdict {
    let name = name(node);
    let problem = |what: String, remedy: String| Problem::new(Code::K8s04, what, remedy);
    let state = condition(node, "Ready");
    if state.map(|state| text(state, "/status")) != Some("True") {
        let (reason, message) = state.map_or(("", ""), |state| {
            (text(state, "/reason"), text(state, "/message"))
        });
        let mut wrong = problem(
            format!("The node {name} is not Ready."),
            format!(
                "Look at its kubelet, on {name}: `systemctl status kubelet; journalctl -u kubelet -n 50`."
            ),
        );
        if !message.is_empty() {
            wrong = wrong.because(message);
        }
        let seen = match reason {
            "" => "not Ready".to_owned(),
            reason => format!("not Ready: {reason}"),
        };
        return fail(seen, wrong);
    }
    if node.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true) {
        let what = format!("The node {name} is cordoned, so that no new pod starts there.");
        return fail(
            "cordoned",
            problem(what, format!("Open it again: `kubectl uncordon {name}`.")),
        );
    }
    let taint = array(node, "/spec/taints").find(|taint| {
        text(taint, "/effect") != "PreferNoSchedule"
            && !text(taint, "/key").starts_with("node.kubernetes.io/")
            && !text(taint, "/key").starts_with("node.cilium.io/")
    });
    if let Some(taint) = taint {
        let (key, effect) = (text(taint, "/key"), text(taint, "/effect"));
        let what = format!("The node {name} turns pods away by its taint {key}.");
        let remedy = format!("Take it off: `kubectl taint nodes {name} {key}:{effect}-`.");
        return fail(format!("taint {key}"), problem(what, remedy));
    }
    let pressed = ["MemoryPressure", "DiskPressure", "PIDPressure"]
        .into_iter()
        .find(|kind| condition(node, kind).is_some_and(|state| text(state, "/status") == "True"));
    if let Some(kind) = pressed {
        let what = format!("The node {name} reports {kind}.");
        let remedy = format!("Free what is short, on {name}: `df -h; free -h`.");
        return warn(kind, problem(what, remedy));
    }
    pass(format!(
        "Ready, {}",
        text(node, "/status/nodeInfo/kubeletVersion")
    ))
}

/// Judges role and architecture.
pub fn role(node: &Value, expected: &Expected, others: &[&Value]) -> Verdict {
    let name = name(node);
    let wrong = |seen: String, what: String, remedy: String| {
        fail(seen, Problem::new(Code::K8s05, what, remedy))
    };
    let look = "`kubectl get nodes -L ohn/role,kubernetes.io/arch`";
    let found = label(node, "ohn/role");
    if let Some(found) = found.filter(|found| Some(*found) != expected.role) {
        return wrong(
            format!("labelled {found}"),
            match expected.role {
                Some(role) => {
                    format!("The node {name} is labelled {found}, and the settings make it {role}.")
                }
                None => format!(
                    "The node {name} is labelled {found}, and the settings make it a further node."
                ),
            },
            format!(
                "If the names are swapped, correct site.yaml; if the label is a leftover, take it off: `kubectl label node {name} ohn/role-`. See: {look}."
            ),
        );
    }
    let system = text(node, "/status/nodeInfo/operatingSystem");
    let kind = text(node, "/status/nodeInfo/architecture");
    if !matches!(kind, "" | "amd64" | "arm64") || !matches!(system, "" | "linux") {
        return wrong(
            format!("{system}/{kind}"),
            format!("The node {name} is {system} on {kind}, for which there are no images."),
            format!("Use a Linux machine with amd64 or arm64. See: {look}."),
        );
    }
    let other = others.iter().find(|other| {
        let theirs = text(other, "/status/nodeInfo/architecture");
        !theirs.is_empty() && !kind.is_empty() && theirs != kind
    });
    if let Some(other) = other {
        let theirs = text(other, "/status/nodeInfo/architecture");
        let problem = Problem::new(
            Code::K8s05,
            format!(
                "The node {name} is {kind}, and {} is {theirs}.",
                self::name(other)
            ),
            format!(
                "Use machines of one kind, or make sure that every image exists for both. See: {look}."
            ),
        );
        return warn(format!("{kind}, not {theirs}"), problem);
    }
    pass(match found {
        Some(found) => format!("{found}, {kind}"),
        None => format!("not labelled yet, {kind}"),
    })
}
