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

/// Why the API gave no version; the door's own words are kept.
pub fn no_version(problem: &Problem) -> Verdict {
    let seen = match problem.code {
        Code::Kube01 => "kubeconfig not usable",
        Code::Kube02 => "not trusted",
        Code::Kube04 => "not Kubernetes",
        Code::Kube06 => "login refused",
        Code::Kube10 => "an error of its own",
        _ => "no answer",
    };
    fail(seen, problem.clone())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn expected() -> Expected {
        Expected {
            name: "primary".to_owned(),
            address: "10.0.0.11".to_owned(),
            role: Some("primary"),
        }
    }

    /// A node as the API tells it, changed at one place.
    fn node(pointer: &str, value: Value) -> Value {
        let mut node = json!({
            "metadata": {"name": "primary", "labels": {"ohn/role": "primary"}},
            "spec": {"taints": [], "unschedulable": false},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": "10.0.0.11"},
                    {"type": "Hostname", "address": "primary"},
                ],
                "conditions": [
                    {"type": "DiskPressure", "status": "False"},
                    {"type": "Ready", "status": "True", "reason": "KubeletReady"},
                ],
                "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.36.3"},
            },
        });
        if !pointer.is_empty() {
            *node.pointer_mut(pointer).unwrap() = value;
        }
        node
    }

    fn good() -> Value {
        node("", Value::Null)
    }

    fn short(verdict: &Verdict) -> String {
        match verdict {
            Verdict::Pass { seen } => format!("pass {seen}"),
            Verdict::Warn { seen, problem } => format!("warn {seen} {}", problem.code),
            Verdict::Fail { seen, problem } => {
                assert!(problem.remedy.contains('`'), "{problem}");
                format!("fail {seen} {}", problem.code)
            }
            Verdict::Skipped { reason } => format!("skipped {reason}"),
        }
    }

    #[test]
    fn an_api_without_a_version_is_told_in_a_word() {
        for (code, word) in [
            (Code::Kube01, "kubeconfig not usable"),
            (Code::Kube06, "login refused"),
            (Code::Kube03, "no answer"),
        ] {
            let verdict = no_version(&Problem::new(code, "What.", "Try `this`."));
            assert_eq!(short(&verdict), format!("fail {word} {code}"));
        }
    }

    #[test]
    fn the_version_must_be_of_the_line_that_the_settings_name() {
        for (found, verdict) in [
            ("v1.36.3", "pass v1.36.3"),
            ("v1.36.0+k3s1", "pass v1.36.0+k3s1"),
            ("v1.35.9", "fail v1.35.9 K8S-02"),
            ("v1.29.0", "fail v1.29.0 K8S-02"),
            ("v1.37.1", "fail v1.37.1 K8S-02"),
            ("unknown", "fail unknown K8S-02"),
        ] {
            assert_eq!(short(&version(found, 36)), verdict);
        }
        let remedy = |found| match version(found, 36) {
            Verdict::Fail { problem, .. } => problem.remedy,
            other => panic!("{other:?}"),
        };
        assert!(remedy("v1.35.9").contains("Set `cluster.version` to \"1.35\""));
        assert!(remedy("v1.29.0").contains("Upgrade the cluster"));
        assert!(remedy("v1.37.1").contains("newer care-install"));
    }

    #[test]
    fn a_node_is_found_by_its_name_and_compared_by_its_address() {
        let there = |node| short(&present(&[Arc::new(node)], &expected()));
        assert_eq!(there(good()), "pass 10.0.0.11");
        let elsewhere = json!([{"type": "InternalIP", "address": "172.16.0.1"}]);
        assert_eq!(
            there(node("/status/addresses", elsewhere)),
            "warn 172.16.0.1 K8S-03"
        );
        assert_eq!(there(node("/status/addresses", json!([]))), "pass there");
        assert_eq!(
            there(node("/metadata/name", json!("node-1"))),
            "fail not there K8S-03"
        );
        assert_eq!(
            short(&present::<Arc<Value>>(&[], &expected())),
            "fail not there K8S-03"
        );
    }

    #[test]
    fn a_node_under_another_name_is_offered_by_its_address() {
        let other = Arc::new(node("/metadata/name", json!("node-1")));
        let Verdict::Fail { problem, .. } = present(&[other], &expected()) else {
            panic!("it is not there")
        };
        assert!(
            problem.remedy.contains("10.0.0.11 is called node-1"),
            "{problem}"
        );
        assert_eq!(problem.causes, ["it has: node-1"]);
    }

    #[test]
    fn a_node_that_takes_no_pods_says_why() {
        let not_ready = json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status."}]);
        let pressed = json!([{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]);
        let plane =
            json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        let passing = json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
            {"key": "soft", "effect": "PreferNoSchedule"}]);
        for (pointer, value, verdict) in [
            ("", Value::Null, "pass Ready, v1.36.3"),
            (
                "/status/conditions",
                not_ready,
                "fail not Ready: NodeStatusUnknown K8S-04",
            ),
            ("/status/conditions", json!([]), "fail not Ready K8S-04"),
            ("/spec/unschedulable", json!(true), "fail cordoned K8S-04"),
            (
                "/spec/taints",
                plane,
                "fail taint node-role.kubernetes.io/control-plane K8S-04",
            ),
            ("/spec/taints", passing, "pass Ready, v1.36.3"),
            ("/status/conditions", pressed, "warn DiskPressure K8S-04"),
        ] {
            assert_eq!(short(&ready(&node(pointer, value))), verdict);
        }
    }

    #[test]
    fn the_taint_is_taken_off_by_the_line_in_the_remedy() {
        let plane =
            json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        let Verdict::Fail { problem, .. } = ready(&node("/spec/taints", plane)) else {
            panic!("it turns pods away")
        };
        let line =
            "`kubectl taint nodes primary node-role.kubernetes.io/control-plane:NoSchedule-`";
        assert!(problem.remedy.contains(line), "{problem}");
    }

    #[test]
    fn roles_and_architectures_must_fit() {
        let other = node("/status/nodeInfo/architecture", json!("arm64"));
        let judged = |node: &Value, others: &[&Value]| short(&role(node, &expected(), others));
        assert_eq!(judged(&good(), &[&good()]), "pass primary, amd64");
        assert_eq!(
            judged(&node("/metadata/labels", json!({})), &[]),
            "pass not labelled yet, amd64"
        );
        let swapped = node("/metadata/labels", json!({"ohn/role": "secondary"}));
        assert_eq!(judged(&swapped, &[]), "fail labelled secondary K8S-05");
        assert_eq!(
            judged(&good(), &[&good(), &other]),
            "warn amd64, not arm64 K8S-05"
        );
        let odd = node("/status/nodeInfo/architecture", json!("riscv64"));
        assert_eq!(judged(&odd, &[]), "fail linux/riscv64 K8S-05");
        let worker = Expected {
            role: None,
            ..expected()
        };
        assert_eq!(
            short(&role(&good(), &worker, &[])),
            "fail labelled primary K8S-05"
        );
    }

    #[test]
    fn the_words_read_like_a_letter() {
        let nodes = |node: Value| [Arc::new(node)];
        let unknown = json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status."}]);
        let pressed = json!([{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]);
        let plane =
            json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        let elsewhere = json!([{"type": "InternalIP", "address": "172.16.0.1"}]);
        let mut other = node("/status/nodeInfo/architecture", json!("arm64"));
        other["metadata"]["name"] = json!("secondary");
        let verdicts = [
            version("v1.35.9", 36),
            version("v1.29.0", 36),
            version("v1.38.0", 36),
            present(&nodes(node("/metadata/name", json!("node-1"))), &expected()),
            present(&nodes(node("/status/addresses", elsewhere)), &expected()),
            ready(&node("/status/conditions", unknown)),
            ready(&node("/spec/unschedulable", json!(true))),
            ready(&node("/spec/taints", plane)),
            ready(&node("/status/conditions", pressed)),
            role(
                &node("/metadata/labels", json!({"ohn/role": "secondary"})),
                &expected(),
                &[],
            ),
            role(
                &node("/status/nodeInfo/architecture", json!("riscv64")),
                &expected(),
                &[],
            ),
            role(&good(), &expected(), &[&other]),
        ];
        insta::assert_snapshot!(crate::check::judge::letter(&verdicts));
    }
}
