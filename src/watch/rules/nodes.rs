//! Nodes that are silent, closed or short of something. Pure.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{Found, Link, counted, some};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::{Facts, age, ended, node_of},
        rows::nodes::{PRESSURE, is_cordoned},
        snapshot::{
            Kind, condition, holds, items, key, moment, name, namespace, number, text, time,
        },
        view::Health,
    },
};

/// Names of pods in one cause.
const NAMES: usize = 4;

/// Clocks may differ by so much: watches and kubelets are late by seconds.
const CLOCKS: Duration = Duration::from_mins(1);

/// A drain moves what it may within this.
const EMPTYING: Duration = Duration::from_mins(5);

/// Findings about all nodes.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for node in facts.snapshot.all(Kind::Node) {
        found.extend(silent(node, facts));
        found.extend(cordoned(node));
        found.extend(not_emptied(node, facts));
        if !silent_now(node) {
            found.extend(clock(node, facts));
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
        .pods_on(who)
        .iter()
        .filter(|pod| !ended(pod))
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
    let found = found.tells(Link::Silent(who.to_owned()));
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
    let found = found.tells(Link::Closed(who.to_owned()));
    is_cordoned(node).then(|| found.short(format!("{who} is cordoned")))
}

/// A closed node that a drain cannot empty, because a budget allows none of a program's pods to be away.
fn not_emptied(node: &Value, facts: &Facts<'_>) -> Option<Found> {
    let who = name(node);
    let closed = items(node, "/spec/taints")
        .find(|taint| text(taint, "/key") == "node.kubernetes.io/unschedulable")
        .and_then(|taint| time(taint, "/timeAdded"));
    if !is_cordoned(node) || !facts.lasts(closed, EMPTYING) {
        return None;
    }
    let full = |budget: &&Arc<Value>| {
        number(budget, "/status/disruptionsAllowed") == Some(0)
            && number(budget, "/status/expectedPods").unwrap_or(0) > 0
            // The operator of a database moves the primary away by itself.
            && items(budget, "/metadata/ownerReferences").all(|one| text(one, "/kind") != "Cluster")
    };
    let held: Vec<(&Arc<Value>, &Arc<Value>)> = facts
        .snapshot
        .all(Kind::Budget)
        .filter(full)
        .flat_map(|budget| {
            let pods = facts.selected(budget).into_iter();
            pods.filter(|pod| node_of(pod) == who && !ended(pod))
                .map(move |pod| (budget, pod))
        })
        .collect();
    let (budget, pod) = held.first()?;
    let mut problem = Problem::new(
        Code::Node05,
        format!(
            "Node {who} cannot be emptied: no pod of {} may be away now.",
            name(budget)
        ),
        format!(
            "Let {} get its other copies first: its own findings, or kubectl -n {} get pods, say what keeps them. A drain then goes on by itself.",
            name(budget),
            namespace(pod)
        ),
    );
    for (budget, pod) in held.iter().take(NAMES) {
        problem = problem.because(format!(
            "PodDisruptionBudget {} allows none to be away, and pod {} is on {who}: {} of {} are well",
            key(budget),
            name(pod),
            number(budget, "/status/currentHealthy").unwrap_or(0),
            number(budget, "/status/expectedPods").unwrap_or(0),
        ));
    }
    let found = Found::new(Health::Warn, format!("Node {who}"), closed, problem)
        .tells(Link::Closed(who.to_owned()));
    Some(found.short(format!("{who} cannot be emptied")).ranked(1))
}

/// A clock that is ahead of ours, or behind that of the API server.
fn clock(node: &Value, facts: &Facts<'_>) -> Option<Found> {
    let who = name(node);
    let heard = condition(node, "Ready").and_then(|ready| time(ready, "/lastHeartbeatTime"));
    let ahead = heard
        .map(|heard| heard.duration_since(facts.now))
        .and_then(|ahead| Duration::try_from(ahead).ok())
        .filter(|ahead| *ahead > CLOCKS);
    // What a kubelet begins is stamped by its own clock, and what is asked of it by that of the API server.
    let newest = facts
        .pods_on(who)
        .iter()
        .filter_map(|pod| facts.snapshot.short(pod)?.began)
        .max();
    let behind = newest
        .and_then(|(made, began)| age(Some(began), made))
        .filter(|behind| *behind > CLOCKS);
    let (way, off, evidence) = match (ahead, behind) {
        (Some(off), _) => (
            "ahead of this computer's",
            off,
            "the time of its kubelet's last word has not come yet here",
        ),
        (None, Some(off)) => (
            "behind that of the API server",
            off,
            "it began its newest pod before that was made",
        ),
        (None, None) => return None,
    };
    let minutes = usize::try_from(off.as_secs() / 60).unwrap_or(usize::MAX);
    let problem = Problem::new(
        Code::Node04,
        format!("The clock of node {who} is {way}."),
        format!(
            "Compare date on {who} and here. Where it is wrong: timedatectl; chronyc tracking (or systemctl status systemd-timesyncd), and start its time service."
        ),
    )
    .because(evidence)
    .because(format!(
        "by {} at least",
        counted(minutes, "minute", "minutes")
    ));
    let found = Found::new(Health::Warn, format!("Node {who}"), None, problem);
    Some(
        found
            .short(format!("the clock of {who} is wrong"))
            .ranked(0),
    )
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
    let found = Found::new(health, format!("Node {who}"), since, problem)
        .tells(Link::Short(who.to_owned()));
    Some(found.short(format!("{who}: {kind}")).ranked(0))
}
