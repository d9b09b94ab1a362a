//! Nodes that are silent, closed or short of something. Pure.

use serde_json::Value;

use super::{Found, counted, some};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::{Facts, ended, node_of},
        rows::nodes::{PRESSURE, is_cordoned},
        snapshot::{Kind, condition, holds, items, key, moment, name, text, time},
        view::Health,
    },
};

/// Names of pods in one cause.
const NAMES: usize = 4;

/// Findings about all nodes.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for node in facts.snapshot.all(Kind::Node) {
        found.extend(silent(node, facts));
        found.extend(cordoned(node));
        if !silent_now(node) {
            found.extend(PRESSURE.iter().filter_map(|kind| pressure(node, kind)));
        }
    }
    found
}

fn silent_now(node: &Value) -> bool {
    condition(node, "Ready").is_some_and(|ready| text(ready, "/status") != "True")
}

fn silent(node: &Value, facts: &Facts<'_>) -> Option<Found> {
    let ready = condition(node, "Ready").filter(|_| silent_now(node))?;
    let who = name(node);
    let since = time(ready, "/lastTransitionTime");
    let address = items(node, "/status/addresses")
        .find(|one| text(one, "/type") == "InternalIP")
        .map_or("", |one| text(one, "/address"));
    let gone = text(ready, "/status") == "Unknown";
    let what = if gone {
        format!("Node {who} does not answer: the machine, its network or its kubelet is down.")
    } else {
        format!("Node {who} is not ready.")
    };
    let remedy = if gone {
        format!(
            "Look whether {who} is on and reachable (ping {address}). If it is, on it: systemctl status kubelet. When it is back, its pods go on by themselves."
        )
    } else {
        format!(
            "On {who}: systemctl status kubelet containerd; journalctl -u kubelet -n 50; df -h."
        )
    };
    let mut problem = Problem::new(Code::Wait10, what, remedy)
        .because(text(ready, "/message").trim_end_matches('.'));
    if let Some(heard) = time(ready, "/lastHeartbeatTime").filter(|_| gone) {
        problem = problem.because(format!("last heard at {}", moment(heard)));
    }
    let pods: Vec<String> = facts
        .snapshot
        .all(Kind::Pod)
        .filter(|pod| node_of(pod) == who && !ended(pod))
        .map(|pod| key(pod))
        .collect();
    if !pods.is_empty() {
        problem = problem.because(format!(
            "nothing is known since then of {} there: {}",
            counted(pods.len(), "pod", "pods"),
            some(&pods, NAMES)
        ));
    }
    let found = Found::new(Health::Bad, format!("Node {who}"), since, problem);
    Some(found.short(format!("{who} does not answer")).ranked(0))
}

fn cordoned(node: &Value) -> Option<Found> {
    let who = name(node);
    let since = items(node, "/spec/taints")
        .find(|taint| text(taint, "/key") == "node.kubernetes.io/unschedulable")
        .and_then(|taint| time(taint, "/timeAdded"));
    let problem = Problem::new(
        Code::Node01,
        format!("Node {who} takes no new pods: it is cordoned."),
        format!("When its maintenance is over: kubectl uncordon {who}."),
    );
    let found = Found::new(Health::Warn, format!("Node {who}"), since, problem);
    is_cordoned(node).then(|| found.short(format!("{who} is cordoned")))
}

fn pressure(node: &Value, kind: &str) -> Option<Found> {
    let condition = condition(node, kind).filter(|_| holds(node, kind))?;
    let who = name(node);
    let (code, health, what, remedy) = match kind {
        "MemoryPressure" => (
            Code::Node02,
            Health::Warn,
            format!("Node {who} runs out of memory."),
            format!(
                "On {who}: free -m; ps aux --sort=-rss | head. Stop what is not needed, before pods are ended."
            ),
        ),
        "DiskPressure" => (
            Code::Node02,
            Health::Warn,
            format!("Node {who} runs out of disk space."),
            format!(
                "On {who}: df -h; crictl rmi --prune removes unused images. Pods are ended if it lasts."
            ),
        ),
        "PIDPressure" => (
            Code::Node02,
            Health::Warn,
            format!("Node {who} runs out of process numbers."),
            format!("On {who}: ps -eLf | wc -l; find the program that starts so many."),
        ),
        _ => (
            Code::Node03,
            Health::Bad,
            format!("Node {who} has no pod network."),
            format!(
                "Look at the network's pods on {who}: kubectl -n kube-system get pods -o wide --field-selector spec.nodeName={who}."
            ),
        ),
    };
    let problem = Problem::new(code, what, remedy).because(text(condition, "/message"));
    let since = time(condition, "/lastTransitionTime");
    let found = Found::new(health, format!("Node {who}"), since, problem);
    Some(found.short(format!("{who}: {kind}")).ranked(0))
}
