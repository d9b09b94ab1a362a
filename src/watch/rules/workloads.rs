//! Deployments, stateful and daemon sets below their wish, jobs that failed. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Found, SETTLING, counted};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::{Facts, ended, node_of, unready_since},
        rows::pods::{printed, short, when},
        snapshot::{
            Kind, condition, holds, items, label, leaving, made, name, namespace, number, text,
            time,
        },
        view::Health,
    },
};

/// Pods named as causes.
const NAMES: usize = 4;

/// Findings about all workloads; what a finding about their pods tells already is left out.
pub fn findings(facts: &Facts<'_>, pods: &[Found]) -> Vec<Found> {
    let mut found = Vec::new();
    for kind in [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet] {
        let all = facts.snapshot.all(kind).filter(|one| !leaving(one));
        found.extend(all.filter_map(|workload| short_of(workload, kind, facts, pods)));
    }
    found.extend(
        facts
            .snapshot
            .all(Kind::Job)
            .filter_map(|job| failed(job, facts)),
    );
    found
}

fn short_of(workload: &Value, kind: Kind, facts: &Facts<'_>, told: &[Found]) -> Option<Found> {
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
    let (word, who) = (kind.word(), name(workload));
    let told = told.iter().any(|known| {
        known.owner == (word.to_owned(), who.to_owned())
            && known.area == super::Area::Namespace(namespace(workload).to_owned())
    });
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
    for cause in causes(workload, kind, &idle, facts) {
        problem = problem.because(cause);
    }
    let about = format!("{word} {}/{who}", namespace(workload));
    let words = match serving {
        0 => format!("{who} is down"),
        some => format!("{who} runs with {some} of {wish}"),
    };
    let found = Found::new(health, about, since, problem);
    Some(found.within(namespace(workload)).short(words).ranked(3))
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

fn causes(workload: &Value, kind: Kind, idle: &[&&Arc<Value>], facts: &Facts<'_>) -> Vec<String> {
    let mut causes = Vec::new();
    if let Some(refused) = condition(workload, "ReplicaFailure")
        && text(refused, "/status") == "True"
    {
        causes.push(format!(
            "its pods are refused: {}",
            short(text(refused, "/message"))
        ));
    }
    let refused = facts
        .events(kind.word(), workload)
        .into_iter()
        .filter(|event| text(event, "/reason") == "FailedCreate")
        .max_by_key(|event| when(event));
    if let Some(event) = refused.filter(|_| idle.is_empty()) {
        causes.push(format!(
            "its pods are refused: {}",
            short(text(&event, "/message"))
        ));
    }
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

fn failed(job: &Value, facts: &Facts<'_>) -> Option<Found> {
    let failed = condition(job, "Failed").filter(|_| holds(job, "Failed") && !leaving(job))?;
    if repeated(job, facts) {
        return None;
    }
    let scheduled =
        items(job, "/metadata/ownerReferences").any(|owner| text(owner, "/kind") == "CronJob");
    let health = if scheduled { Health::Warn } else { Health::Bad };
    let since = time(failed, "/lastTransitionTime");
    let pod = facts.snapshot.all(Kind::Pod).find(|pod| {
        let of = label(pod, "batch.kubernetes.io/job-name").or_else(|| label(pod, "job-name"));
        namespace(pod) == namespace(job) && of == Some(name(job))
    });
    let remedy = match pod {
        Some(pod) => format!(
            "Read the log of its pod {}: its last lines hold the reason. Then deploy again.",
            name(pod)
        ),
        None => {
            "Its pods are gone. Deploy again and read the log of the step while it runs.".to_owned()
        }
    };
    let problem = Problem::new(Code::Wait11, format!("Job {} failed.", name(job)), remedy)
        .because(text(failed, "/message"));
    let about = format!("Job {}/{}", namespace(job), name(job));
    let short = format!("job {} failed", name(job));
    let found = Found::new(health, about, since, problem);
    Some(found.within(namespace(job)).short(short))
}

/// Whether a later job of the same name, apart from its ending, has done the work since.
fn repeated(job: &Value, facts: &Facts<'_>) -> bool {
    let Some((stem, _)) = name(job).rsplit_once('-') else {
        return false;
    };
    facts.snapshot.all(Kind::Job).any(|other| {
        namespace(other) == namespace(job)
            && name(other)
                .rsplit_once('-')
                .is_some_and(|(other, _)| other == stem)
            && made(other) > made(job)
            && holds(other, "Complete")
    })
}
