//! Jobs: pods that run once, tried again with growing pauses, and the conditions of a finished job. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    pods::{active, count, from_template, ready},
    shape::{
        Owned, Says, after, by_owner, delete, event, holds, items, leaving, name, report,
        set_condition, stamp, suffix, time, uid, warning,
    },
};
use crate::rehearsal::world::{Reaction, World, Write};

const SOURCE: &str = "job-controller";
/// The first pause before a failed pod is replaced; each next is twice as long.
const PAUSE: i64 = 10;
/// The longest pause.
const LONGEST: i64 = 360;

/// One turn for all Jobs.
pub fn jobs(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    let pods = by_owner(world.list("Pod", None));
    for job in world.list("Job.batch", None) {
        if leaving(job) {
            continue;
        }
        if holds(job, "Complete") || holds(job, "Failed") {
            expire(job, now, &mut reaction);
        } else {
            one(job, &pods, (world.revision(), now), &mut reaction);
        }
    }
    reaction
}

/// Deletes a finished job when its time to live is over.
fn expire(job: &Value, now: Timestamp, reaction: &mut Reaction) {
    let Some(live) = job["spec"]["ttlSecondsAfterFinished"].as_i64() else {
        return;
    };
    let finished = items(&job["status"]["conditions"])
        .filter(|condition| condition["type"] == "Complete" || condition["type"] == "Failed")
        .find_map(|condition| time(&condition["lastTransitionTime"]));
    let Some(due) = finished.map(|finished| after(finished, live)) else {
        return;
    };
    if now >= due {
        reaction.writes.push(delete(job));
    } else {
        reaction.wake(due);
    }
}

struct Tally {
    active: u64,
    ready: u64,
    succeeded: u64,
    failed: u64,
}

fn tally(pods: &[&Value]) -> Tally {
    Tally {
        active: count(pods, active),
        ready: count(pods, ready),
        succeeded: count(pods, |pod| pod["status"]["phase"] == "Succeeded"),
        failed: count(pods, |pod| pod["status"]["phase"] == "Failed"),
    }
}

fn one(job: &Value, pods: &Owned<'_>, (revision, now): (u64, Timestamp), reaction: &mut Reaction) {
    let owned: &[&Value] = pods.get(uid(job)).map_or(&[], Vec::as_slice);
    let seen = tally(owned);
    let wanted = job["spec"]["completions"].as_u64().unwrap_or(1);
    let limit = job["spec"]["backoffLimit"].as_u64().unwrap_or(6);
    let mut status = status(job, &seen, now);
    if seen.succeeded >= wanted {
        complete(job, &mut status, now, reaction);
    } else if seen.failed > limit {
        fail(job, owned, &mut status, now, reaction);
    } else if job["spec"]["suspend"] != true {
        start(job, owned, (revision, now), reaction);
    }
    reaction.writes.extend(report(job, status));
}

fn status(job: &Value, seen: &Tally, now: Timestamp) -> Value {
    let mut status = job["status"].clone();
    if !status.is_object() {
        status = json!({});
    }
    if !status["startTime"].is_string() {
        status["startTime"] = stamp(now).into();
    }
    for (field, number) in [
        ("active", seen.active),
        ("succeeded", seen.succeeded),
        ("failed", seen.failed),
    ] {
        if number > 0 {
            status[field] = number.into();
        } else if let Some(map) = status.as_object_mut() {
            map.shift_remove(field);
        }
    }
    status["ready"] = seen.ready.into();
    status["terminating"] = 0.into();
    status["uncountedTerminatedPods"] = json!({});
    status
}

fn complete(job: &Value, status: &mut Value, now: Timestamp, reaction: &mut Reaction) {
    status["completionTime"] = stamp(now).into();
    for kind in ["SuccessCriteriaMet", "Complete"] {
        let says = Says::new(
            kind,
            true,
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        );
        set_condition(status, &says, now);
        probed(status, now);
    }
    reaction
        .writes
        .push(event(job, SOURCE, "Completed", "Job completed"));
}

fn fail(job: &Value, pods: &[&Value], status: &mut Value, now: Timestamp, reaction: &mut Reaction) {
    let message = "Job has reached the specified backoff limit";
    for kind in ["FailureTarget", "Failed"] {
        set_condition(
            status,
            &Says::new(kind, true, "BackoffLimitExceeded", message),
            now,
        );
        probed(status, now);
    }
    for pod in pods.iter().filter(|pod| active(pod)) {
        reaction.writes.push(delete(pod));
    }
    reaction
        .writes
        .push(warning(job, SOURCE, "BackoffLimitExceeded", message));
}

fn probed(status: &mut Value, now: Timestamp) {
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if !condition["lastProbeTime"].is_string() {
            condition["lastProbeTime"] = stamp(now).into();
        }
    }
}

/// Makes the pods that are due: after a failure only when the pause is over.
fn start(
    job: &Value,
    owned: &[&Value],
    (revision, now): (u64, Timestamp),
    reaction: &mut Reaction,
) {
    let seen = tally(owned);
    let wanted = job["spec"]["completions"].as_u64().unwrap_or(1);
    let parallel = job["spec"]["parallelism"].as_u64().unwrap_or(1);
    let room = parallel
        .min(wanted - seen.succeeded)
        .saturating_sub(seen.active);
    if room == 0 {
        return;
    }
    let last = owned
        .iter()
        .filter(|pod| pod["status"]["phase"] == "Failed")
        .filter_map(|pod| ended_at(pod))
        .max();
    if let Some(last) = last {
        let doublings = u32::try_from(seen.failed.saturating_sub(1).min(10)).unwrap_or(10);
        let due = after(last, (PAUSE << doublings).min(LONGEST));
        if now < due {
            reaction.wake(due);
            return;
        }
    }
    for index in 0..room {
        let pod_name = format!("{}-{}", name(job), suffix(job, revision, index));
        let labels = [
            ("batch.kubernetes.io/job-name", name(job)),
            ("batch.kubernetes.io/controller-uid", uid(job)),
            ("job-name", name(job)),
            ("controller-uid", uid(job)),
        ];
        let pod = from_template(job, &job["spec"]["template"], &pod_name, &labels);
        reaction.writes.push(Write::Create(pod));
        let text = format!("Created pod: {pod_name}");
        reaction
            .writes
            .push(event(job, SOURCE, "SuccessfulCreate", text));
    }
}

fn ended_at(pod: &Value) -> Option<Timestamp> {
    items(&pod["status"]["containerStatuses"])
        .filter_map(|status| time(&status["state"]["terminated"]["finishedAt"]))
        .max()
        .or_else(|| time(&pod["metadata"]["creationTimestamp"]))
}
