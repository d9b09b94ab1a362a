//! Jobs that failed, do not begin or do not end, and schedules that stand still. Pure.

use std::time::Duration;

use serde_json::Value;

use super::{Found, SETTLING};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::Facts,
        rows::pods::{short, when},
        snapshot::{
            Kind, condition, holds, items, label, leaving, made, name, namespace, number, text,
            time,
        },
        view::Health,
    },
};

/// No job of a site takes so long: terminologies are loaded and images built within it.
const LONG: Duration = Duration::from_hours(6);

/// A missed time of a schedule is told for so long after the newest word about it.
const MISSED: Duration = Duration::from_hours(2);

/// Findings about all jobs and schedules.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let jobs = facts.snapshot.all(Kind::Job).filter(|job| !leaving(job));
    let mut found: Vec<Found> = jobs
        .filter_map(|job| {
            failed(job, facts)
                .or_else(|| refused(job, facts))
                .or_else(|| endless(job, facts))
        })
        .collect();
    let schedules = facts
        .snapshot
        .all(Kind::CronJob)
        .filter(|cron| !leaving(cron));
    found.extend(schedules.filter_map(|cron| stopped(cron, facts)));
    found
}

fn is_over(job: &Value) -> bool {
    holds(job, "Complete") || holds(job, "Failed")
}

fn found(job: &Value, health: Health, since: Option<jiff::Timestamp>, problem: Problem) -> Found {
    let (kind, place, who) = (text(job, "/kind"), namespace(job), name(job));
    let found = Found::new(health, format!("{kind} {place}/{who}"), since, problem);
    found.within(place).of(kind, who)
}

/// Its pods cannot be made.
fn refused(job: &Value, facts: &Facts<'_>) -> Option<Found> {
    let active = number(job, "/status/active").unwrap_or(0) > 0;
    let event = facts
        .events("Job", job)
        .into_iter()
        .filter(|event| text(event, "/reason") == "FailedCreate")
        .max_by_key(|event| when(event))?;
    let since = time(job, "/status/startTime").or_else(|| made(job));
    if is_over(job) || active || !facts.lasts(since, SETTLING) {
        return None;
    }
    let said = text(&event, "/message");
    let problem = Problem::new(
        Code::Wait09,
        format!(
            "Job {} cannot make its pods: {}.",
            name(job),
            super::workloads::refusal(said)
        ),
        super::workloads::allow(said),
    );
    Some(found(job, Health::Bad, since, problem).short(format!("job {} cannot begin", name(job))))
}

/// It runs on and on.
fn endless(job: &Value, facts: &Facts<'_>) -> Option<Found> {
    let since = time(job, "/status/startTime");
    let active = number(job, "/status/active").unwrap_or(0) > 0;
    if is_over(job) || !active || !facts.lasts(since, LONG) {
        return None;
    }
    let problem = Problem::new(
        Code::App07,
        format!(
            "Job {} has been running for hours and does not end.",
            name(job)
        ),
        format!(
            "Read the log of its pod (press l). If it does not move: kubectl -n {} delete job {}, then deploy again.",
            namespace(job),
            name(job)
        ),
    );
    Some(found(job, Health::Warn, since, problem).short(format!("job {} does not end", name(job))))
}

/// It begins no jobs any more.
fn stopped(cron: &Value, facts: &Facts<'_>) -> Option<Found> {
    let (place, who) = (namespace(cron), name(cron));
    let short = format!("schedule {who} stands still");
    if cron.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        let problem = Problem::new(
            Code::App06,
            format!("The schedule {who} is suspended: it begins no jobs."),
            format!(
                "If that is not wanted any more: kubectl -n {place} patch cronjob {who} -p '{{\"spec\":{{\"suspend\":false}}}}', or deploy again."
            ),
        );
        return Some(found(cron, Health::Warn, None, problem).short(short));
    }
    let missed = ["MissSchedule", "TooManyMissedTimes", "FailedNeedsStart"];
    let event = facts
        .events("CronJob", cron)
        .into_iter()
        .filter(|event| missed.contains(&text(event, "/reason")))
        .max_by_key(|event| when(event))?;
    let told = when(&event);
    let began = time(cron, "/status/lastScheduleTime");
    // A job that was begun after it, or a word that is old, makes it history.
    if began > told || facts.lasts(told, MISSED) {
        return None;
    }
    let mut problem = Problem::new(
        Code::App06,
        format!("The schedule {who} missed its time: no job was begun."),
        format!("See whether an old job of it still runs: kubectl -n {place} get jobs. Otherwise kube-controller-manager was away or its clock jumped; the next time comes by itself."),
    )
    .because(self::short(text(&event, "/message")));
    if let Some(began) = began {
        problem = problem.because(format!(
            "the last one began at {}",
            crate::watch::snapshot::moment(began)
        ));
    }
    Some(found(cron, Health::Warn, told, problem).short(short))
}

fn failed(job: &Value, facts: &Facts<'_>) -> Option<Found> {
    let failed = condition(job, "Failed").filter(|_| holds(job, "Failed"))?;
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
    let short = format!("job {} failed", name(job));
    Some(found(job, health, since, problem).short(short))
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
