//! Deployments, stateful and daemon sets below their wish, and changes of them that stand still. Pure.

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{Found, Link, SETTLING, counted};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::{Facts, ended, node_of, unready_since},
        rows::pods::{printed, short, when},
        snapshot::{Kind, condition, leaving, made, name, namespace, number, text, time},
        view::Health,
    },
};

/// Pods named as causes.
const NAMES: usize = 4;

/// Findings about all workloads; what a finding about their pods tells already is left out.
pub fn findings(facts: &Facts<'_>, pods: &[Found]) -> Vec<Found> {
    let told: Told<'_> = pods.iter().filter_map(of_pods).collect();
    let mut found = Vec::new();
    for kind in [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet] {
        let all = facts.snapshot.all(kind).filter(|one| !leaving(one));
        found.extend(all.filter_map(|workload| {
            short_of(workload, kind, facts, &told)
                .or_else(|| stands_still(workload, kind, facts, &told))
        }));
    }
    found
}

/// Workloads whose pods a finding tells of already: namespace, kind and name.
type Told<'f> = HashSet<(&'f str, &'f str, &'f str)>;

/// The workload that a finding about pods tells of.
fn of_pods(found: &Found) -> Option<(&str, &str, &str)> {
    let super::Area::Namespace(place) = &found.area else {
        return None;
    };
    Some((place, &found.owner.0, &found.owner.1))
}

fn short_of(workload: &Value, kind: Kind, facts: &Facts<'_>, told: &Told<'_>) -> Option<Found> {
    let pods = facts.selected(workload);
    let serving = pods.iter().filter(|pod| facts.serves(pod)).count();
    let wish = wish(workload, kind)?;
    if serving >= wish {
        return None;
    }
    let idle: Vec<&&Arc<Value>> = pods
        .iter()
        .filter(|pod| !ended(pod) && !facts.serves(pod))
        .collect();
    let lost: Vec<&str> = idle
        .iter()
        .filter(|pod| facts.pod_lost(pod).is_some())
        .map(|pod| node_of(pod))
        .collect();
    // A daemon's pod on a silent node is the node's matter.
    if kind == Kind::DaemonSet && serving + lost.len() >= wish {
        return None;
    }
    if let Some(refused) = refused(workload, kind, &idle, (serving, wish), facts) {
        return Some(refused);
    }
    let (word, who) = (kind.word(), name(workload));
    let told = told.contains(&(namespace(workload), word, who));
    let since = since(workload, &idle, facts);
    if (told && lost.is_empty()) || (lost.is_empty() && !facts.lasts(since, SETTLING)) {
        return None;
    }
    let health = if serving == 0 {
        Health::Bad
    } else {
        Health::Warn
    };
    let what = match serving {
        0 => format!(
            "{word} {who} does not run: none of its {} is ready.",
            counted(wish, "copy", "copies")
        ),
        some => format!("{word} {who} runs with {some} of {wish} copies."),
    };
    let mut problem = Problem::new(Code::App01, what, remedy(&lost));
    for cause in causes(&idle, facts) {
        problem = problem.because(cause);
    }
    let about = format!("{word} {}/{who}", namespace(workload));
    let words = match serving {
        0 => format!("{who} is down"),
        some => format!("{who} runs with {some} of {wish}"),
    };
    let found = Found::new(health, about, since, problem)
        .follows(lost.iter().map(|node| Link::Silent((*node).to_owned())));
    Some(
        found
            .within(namespace(workload))
            .of(word, who)
            .short(words)
            .ranked(3),
    )
}

/// Its pods cannot be made: the API's own words are the cause.
fn refused(
    workload: &Value,
    kind: Kind,
    idle: &[&&Arc<Value>],
    (serving, wish): (usize, usize),
    facts: &Facts<'_>,
) -> Option<Found> {
    let condition =
        condition(workload, "ReplicaFailure").filter(|one| text(one, "/status") == "True");
    let event = facts
        .events(kind.word(), workload)
        .into_iter()
        .filter(|event| text(event, "/reason") == "FailedCreate")
        .max_by_key(|event| when(event))
        .filter(|_| idle.is_empty());
    let said = condition
        .map(|one| text(one, "/message").to_owned())
        .or_else(|| {
            event
                .as_ref()
                .map(|event| text(event, "/message").to_owned())
        })?;
    let since = condition
        .and_then(|one| time(one, "/lastTransitionTime"))
        .or_else(|| {
            event
                .as_ref()
                .and_then(|event| time(event, "/firstTimestamp").or_else(|| when(event)))
        })
        .or_else(|| made(workload));
    if !facts.lasts(since, SETTLING) {
        return None;
    }
    let (word, who) = (kind.word(), name(workload));
    let health = if serving == 0 {
        Health::Bad
    } else {
        Health::Warn
    };
    let problem = Problem::new(
        Code::Wait09,
        format!("{word} {who} cannot make its pods: {}.", refusal(&said)),
        allow(&said),
    )
    .because(match serving {
        0 => format!("none of its {} is ready", counted(wish, "copy", "copies")),
        some => format!("{some} of {} ready", counted(wish, "copy is", "copies are")),
    });
    let about = format!("{word} {}/{who}", namespace(workload));
    let found = Found::new(health, about, since, problem);
    Some(
        found
            .within(namespace(workload))
            .of(word, who)
            .short(format!("{who} cannot make its pods"))
            .ranked(2),
    )
}

/// The part of a refusal that tells why: the pod's made-up name before it is of no use.
pub fn refusal(said: &str) -> String {
    let words = said
        .split_once(" is forbidden: ")
        .map_or(said, |(_, why)| why);
    let words = words
        .trim_start_matches("Error creating: ")
        .trim()
        .trim_end_matches('.');
    short(words)
}

/// What lets such pods be made again.
pub fn allow(said: &str) -> &'static str {
    if said.contains("exceeded quota") {
        "Give the namespace a larger quota (kubectl describe quota in it shows what is used), or stop what is not needed there. The pods are made by themselves then."
    } else if said.contains("webhook") {
        "Look at the pods of the webhook that is named: it has to answer before anything is made. The pods are made by themselves then."
    } else {
        "Change the rule that is named, or the program so that it keeps it. The pods are made by themselves then."
    }
}

/// A change of a workload that does not come to its end, while the copies from before serve.
fn stands_still(workload: &Value, kind: Kind, facts: &Facts<'_>, told: &Told<'_>) -> Option<Found> {
    let still = condition(workload, "Progressing").filter(|one| {
        text(one, "/status") == "False" && text(one, "/reason") == "ProgressDeadlineExceeded"
    })?;
    let (word, who, place) = (kind.word(), name(workload), namespace(workload));
    let serving = facts
        .selected(workload)
        .iter()
        .filter(|pod| facts.serves(pod))
        .count();
    let known = told.contains(&(place, word, who));
    // With fewer copies than wished, or with a pod that tells why, that is the finding.
    if known || serving < wish(workload, kind)? {
        return None;
    }
    let since = time(still, "/lastTransitionTime");
    let problem = Problem::new(
        Code::App08,
        format!("The new version of {who} does not get ready; the one before goes on."),
        format!("Look at its newest pods; e explains each. To go back: kubectl -n {place} rollout undo {}/{who}.", word.to_lowercase()),
    )
    .because(text(still, "/message").trim_end_matches('.'));
    let found = Found::new(
        Health::Warn,
        format!("{word} {place}/{who}"),
        since,
        problem,
    );
    Some(
        found
            .within(place)
            .of(word, who)
            .short(format!("the new version of {who} waits"))
            .ranked(3),
    )
}

fn remedy(lost: &[&str]) -> String {
    match lost.first() {
        Some(node) => format!(
            "Bring {node} back. Kubernetes starts what can run elsewhere there by itself, once {node} has been silent for long enough."
        ),
        None => "Look at its pods in the list of pods; e explains each.".to_owned(),
    }
}

/// How many copies there should be; nothing when it is switched off.
fn wish(workload: &Value, kind: Kind) -> Option<usize> {
    let wish = if kind == Kind::DaemonSet {
        number(workload, "/status/desiredNumberScheduled").unwrap_or(0)
    } else {
        number(workload, "/spec/replicas").unwrap_or(1)
    };
    usize::try_from(wish).ok().filter(|wish| *wish > 0)
}

fn since(workload: &Value, idle: &[&&Arc<Value>], facts: &Facts<'_>) -> Option<Timestamp> {
    let pods = idle
        .iter()
        .filter_map(|pod| match facts.pod_lost(pod) {
            Some(lost) => lost.since,
            None => unready_since(pod),
        })
        .min();
    let progress =
        condition(workload, "Progressing").and_then(|progress| time(progress, "/lastUpdateTime"));
    pods.or(progress).or_else(|| made(workload))
}

fn causes(idle: &[&&Arc<Value>], facts: &Facts<'_>) -> Vec<String> {
    let mut causes = Vec::new();
    for pod in idle.iter().take(NAMES) {
        causes.push(if facts.pod_lost(pod).is_some() {
            format!(
                "pod {} is on {}, which is not ready",
                name(pod),
                node_of(pod)
            )
        } else {
            format!("pod {} is {}", name(pod), printed(pod).status)
        });
    }
    causes
}
