//! Pods that fail, were restarted, do not end, or do not become ready. Pure.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{Found, Link, SETTLING, sentence};
use crate::{
    engine::event::Reason,
    plan::{ObjectRef, Ready},
    problem::{Code, Problem},
    ready::Live,
    waiting,
    watch::{
        facts::{Facts, node_of, owned_by, owner, unready_since},
        rows::{
            nodes::PRESSURE,
            pods::{LATE, SLOW, printed, short},
        },
        snapshot::{
            Kind, condition, holds, items, label, leaving, made, name, namespace, number, text,
            time,
        },
        view::Health,
    },
};

/// Restarts are told when the last one is so recent.
const RECENT: Duration = Duration::from_hours(1);

/// An eviction is told for so long.
const EVICTED: Duration = Duration::from_hours(12);

/// So many restarts are more than a mishap.
const MANY: u64 = 3;

/// Other pods named in one finding.
const OTHERS: usize = 3;

/// How long the scheduler may look for a node.
const PLACING: Duration = Duration::from_secs(30);

/// Findings about all pods; pods of one owner with one cause are told once.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let mut found: Vec<(Found, Vec<String>)> = Vec::new();
    let mut places: HashMap<_, usize> = HashMap::new();
    for (pod, short) in facts.snapshot.pods() {
        // Nearly all pods of a large cluster: nothing below has a word for them.
        if short.is_quiet() {
            continue;
        }
        let Some(new) = one(pod, facts) else { continue };
        let same = (namespace(pod), owned_by(pod), new.finding.problem.code);
        let place = *places.entry(same).or_insert(found.len());
        match found.get_mut(place) {
            Some((known, others)) => {
                let health = known.finding.health.max(new.finding.health);
                // The one that has been so longest stands for all: a job's next try is no new finding.
                let older = new.finding.since.is_some() && new.finding.since < known.finding.since;
                let other = if older {
                    std::mem::replace(known, new)
                } else {
                    new
                };
                others.push(other.finding.about);
                known.finding.health = health;
            }
            None => found.push((new, Vec::new())),
        }
    }
    found
        .into_iter()
        .map(|(found, others)| with_others(found, &others))
        .collect()
}

/// Names the other pods with the same cause, or how many they are.
fn with_others(mut found: Found, others: &[String]) -> Found {
    let named = others.iter().take(OTHERS);
    let mut causes: Vec<String> = named.map(|about| format!("{about} as well")).collect();
    let more = others.len().saturating_sub(OTHERS);
    if more > 0 {
        let pods = super::counted(more, "more pod", "more pods");
        causes.push(format!("{pods} of {} as well", found.owner.1));
    }
    found.finding.problem.causes.extend(causes);
    found
}

fn one(pod: &Arc<Value>, facts: &Facts<'_>) -> Option<Found> {
    // A silent node tells nothing about its pods: its own finding says so.
    if facts.pod_lost(pod).is_some() {
        return None;
    }
    let found = if leaving(pod) {
        stuck(pod, facts)
    } else if text(pod, "/status/phase") == "Succeeded" || job_is_done(pod, facts) {
        None
    } else if text(pod, "/status/phase") == "Failed" {
        failed(pod, facts)
    } else if holds(pod, "Ready") {
        restarted(pod, facts)
    } else {
        unready(pod, facts)
    }?;
    let (kind, who) = owner(pod);
    let short = format!("{who}: {}", found.short);
    let links = links(pod, found.finding.problem.code, facts);
    let mut found = found.within(namespace(pod)).of(&kind, &who);
    if found.finding.problem.code == Code::Wait02 {
        for image in missing_images(pod) {
            found = found.tells(Link::Image(image));
        }
    }
    Some(found.follows(links).short(short))
}

/// The images of containers that wait for them.
fn missing_images(pod: &Value) -> Vec<String> {
    let lists = [
        ("/status/initContainerStatuses", "/spec/initContainers"),
        ("/status/containerStatuses", "/spec/containers"),
    ];
    let waiting = lists.iter().flat_map(|(statuses, parts)| {
        let names = items(pod, statuses)
            .filter(|one| text(one, "/state/waiting/reason").contains("Image"))
            .map(|one| text(one, "/name"));
        names.filter_map(|name| items(pod, parts).find(|part| text(part, "/name") == name))
    });
    waiting
        .map(|part| text(part, "/image").to_owned())
        .collect()
}

/// What the trouble of a pod may come from: its claims, and the nodes that do not take it or ended it.
fn links(pod: &Value, code: Code, facts: &Facts<'_>) -> Vec<Link> {
    let claims =
        items(pod, "/spec/volumes").map(|one| text(one, "/persistentVolumeClaim/claimName"));
    let place = namespace(pod);
    let mut links: Vec<Link> = claims
        .filter(|claim| !claim.is_empty())
        .map(|claim| Link::Claim(place.to_owned(), claim.to_owned()))
        .collect();
    match code {
        Code::Wait05 => {
            let refusal = condition(pod, "PodScheduled").map_or("", |one| text(one, "/message"));
            for node in facts.snapshot.all(Kind::Node) {
                let node = name(node).to_owned();
                if refusal.contains("unschedulable") {
                    links.push(Link::Closed(node.clone()));
                }
                if refusal.contains("pressure") {
                    links.push(Link::Short(node.clone()));
                }
                if refusal.contains("unreachable") || refusal.contains("not-ready") {
                    links.push(Link::Silent(node));
                }
            }
        }
        Code::Pod03 => links.push(Link::Short(node_of(pod).to_owned())),
        Code::Wait07 => links.push(Link::Unattached),
        _ => {}
    }
    links
}

fn about(pod: &Value) -> String {
    format!("Pod {}/{}", namespace(pod), name(pod))
}

fn stuck(pod: &Value, facts: &Facts<'_>) -> Option<Found> {
    // The moment in the object is when the pod's own time to end is over; a node that was silent hears of it only now.
    let node = node_of(pod);
    let back = facts
        .snapshot
        .get(Kind::Node, "", node)
        .and_then(|node| condition(node, "Ready"))
        .and_then(|ready| time(ready, "/lastTransitionTime"));
    let due =
        time(pod, "/metadata/deletionTimestamp").map(|due| back.map_or(due, |back| due.max(back)));
    let problem = Problem::new(
        Code::Pod04,
        format!("Pod {} was asked to end and is still there.", name(pod)),
        format!(
            "On {node}: crictl pods and dmesg show what hangs, often a volume that cannot be unmounted. Do not force it while {node} may still write."
        ),
    );
    let found = Found::new(Health::Warn, about(pod), due, problem);
    facts.lasts(due, LATE).then_some(found)
}

/// Failed tries of a job that has an end of its own: the job tells.
fn job_is_done(pod: &Value, facts: &Facts<'_>) -> bool {
    let (kind, job) = owned_by(pod);
    if kind != "Job" {
        return false;
    }
    let done = facts.snapshot.get(Kind::Job, namespace(pod), job);
    done.is_some_and(|job| holds(job, "Complete") || holds(job, "Failed")) || facts.replaced(pod)
}

fn failed(pod: &Arc<Value>, facts: &Facts<'_>) -> Option<Found> {
    if text(pod, "/status/reason") == "Evicted" {
        let since = unready_since(pod);
        let problem = Problem::new(
            Code::Pod03,
            format!("Pod {} was ended by its node, which ran short.", name(pod)),
            format!(
                "On {}: df -h; free -m. Free what is short; a new pod takes its place by itself.",
                node_of(pod)
            ),
        )
        .because(short(text(pod, "/status/message")));
        let found = Found::new(Health::Warn, about(pod), since, problem);
        // Once another pod does its work and the node is well again, it is history.
        let over = facts.replaced(pod) && !short_of_something(node_of(pod), facts);
        return (!over && !facts.lasts(since, EVICTED)).then_some(found);
    }
    // A pod that is replaced is history; nobody comes back to tidy it up.
    if facts.replaced(pod) || node_of(pod).is_empty() {
        return None;
    }
    unready(pod, facts)
}

fn short_of_something(node: &str, facts: &Facts<'_>) -> bool {
    let node = facts.snapshot.get(Kind::Node, "", node);
    node.is_some_and(|node| PRESSURE.iter().any(|kind| holds(node, kind)))
}

fn restarted(pod: &Value, facts: &Facts<'_>) -> Option<Found> {
    let last = |status: &Value| time(status, "/lastState/terminated/finishedAt");
    let lists = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let status = lists
        .iter()
        .flat_map(|list| items(pod, list))
        .filter(|status| last(status).is_some())
        .max_by_key(|status| last(status))?;
    let since = last(status);
    let count = number(status, "/restartCount").unwrap_or(0);
    if facts.lasts(since, RECENT) {
        return None;
    }
    let (part, who) = (text(status, "/name"), name(pod));
    let times = super::counted(
        usize::try_from(count).unwrap_or(usize::MAX),
        "time",
        "times",
    );
    let problem = if text(status, "/lastState/terminated/reason") == "OOMKilled" {
        Problem::new(
            Code::Pod02,
            format!(
                "Container {part} of pod {who} was ended for using too much memory; it was restarted {times}."
            ),
            "Read its former log (kubectl logs --previous). If it needs that much, raise its memory limit.",
        )
    } else if count >= MANY {
        let code = status
            .pointer("/lastState/terminated/exitCode")
            .and_then(Value::as_i64);
        let problem = Problem::new(
            Code::Pod01,
            format!(
                "Container {part} of pod {who} was restarted {times}, the last time within the hour."
            ),
            "Read its former log: kubectl logs --previous shows why it ended.",
        );
        match code {
            Some(code) => problem.because(format!("it ended with exit code {code}")),
            None => problem,
        }
    } else {
        return None;
    };
    Some(Found::new(Health::Warn, about(pod), since, problem))
}

/// What the pod, its containers and its events say about why it is not ready.
fn unready(pod: &Arc<Value>, facts: &Facts<'_>) -> Option<Found> {
    let reasons = reasons(pod, facts);
    let known = reasons
        .iter()
        .find_map(|reason| Some((reason, reason.code?)));
    let spare = facts.replaced(pod);
    let serious = if spare { Health::Warn } else { Health::Bad };
    if let Some((reason, code)) = known {
        let health = match code {
            // A program may need a moment to start.
            Code::Wait08 if !facts.lasts(reason.since, SETTLING) => return None,
            // Mounts often need a second try.
            Code::Wait07 if !facts.lasts(began(pod), SETTLING) => return None,
            Code::Wait05 if !facts.lasts(reason.since, PLACING) => return None,
            Code::Wait08 => Health::Warn,
            _ => serious,
        };
        let mut problem = Problem::new(code, sentence(&reason.sentence), remedy(code, reason));
        if let Some(deployment) = new_version(pod, facts) {
            problem = problem.because(format!(
                "it is the new version; the one before goes on. To go back: kubectl -n {} rollout undo deployment {deployment}",
                namespace(pod)
            ));
        }
        return Some(Found::new(health, about(pod), reason.since, problem));
    }
    let since = began(pod);
    let why = reasons.first()?;
    let problem = Problem::new(
        Code::Pod05,
        format!("Pod {} is not ready, for longer than usual.", name(pod)),
        "Read its log (press l): it says what it waits for.",
    )
    .because(format!("{} ({})", why.sentence, printed(pod).status));
    let found = Found::new(Health::Warn, about(pod), since, problem);
    facts.lasts(since, SLOW).then_some(found)
}

/// The Deployment of a pod beside which pods of another version serve.
fn new_version(pod: &Value, facts: &Facts<'_>) -> Option<String> {
    let hash = label(pod, "pod-template-hash")?;
    let (kind, who) = owner(pod);
    let before = facts.family(pod).iter().any(|other| {
        facts.serves(other) && label(other, "pod-template-hash").is_some_and(|its| its != hash)
    });
    (kind == "Deployment" && before).then_some(who)
}

/// Since when it is unready: the condition's moment, or the pod's own beginning.
fn began(pod: &Value) -> Option<Timestamp> {
    unready_since(pod).max(made(pod))
}

fn reasons(pod: &Arc<Value>, facts: &Facts<'_>) -> Vec<Reason> {
    let target = ObjectRef::new("v1", "Pod", namespace(pod), name(pod));
    let live = Live {
        targets: vec![Arc::clone(pod)],
        pods: vec![Arc::clone(pod)],
        events: facts.events("Pod", pod),
        claims: claims(pod, facts),
        ..Live::default()
    };
    waiting::explain(&Ready::Object(target), &live)
}

/// The bound claims of a pod: one that still waits for its volume has a finding of its own.
fn claims(pod: &Value, facts: &Facts<'_>) -> Vec<Arc<Value>> {
    let named =
        items(pod, "/spec/volumes").map(|one| text(one, "/persistentVolumeClaim/claimName"));
    let named: BTreeSet<&str> = named.filter(|name| !name.is_empty()).collect();
    let claims = named.into_iter().filter_map(|claim| {
        let found = facts.snapshot.find(Kind::Claim, namespace(pod), claim);
        found.filter(|claim| text(claim, "/status/phase") == "Bound")
    });
    claims.cloned().collect()
}

/// The remedy as the health screen can offer it: it has no steps to run again.
fn remedy(code: Code, reason: &Reason) -> String {
    match code {
        Code::Wait04 => {
            "Deploy again: the component's own step makes the missing ConfigMap, Secret or key."
                .to_owned()
        }
        _ => reason.remedy.clone().unwrap_or_default(),
    }
}
