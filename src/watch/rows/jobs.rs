//! Jobs and the schedules that begin them. Pure.

use std::cmp::Reverse;

use serde_json::Value;

use super::pods::{newest, printed};
use crate::watch::{
    facts::{Facts, age},
    snapshot::{Kind, condition, holds, items, made, moment, name, namespace, number, text, time},
    view::{Health, JobRow},
};

/// The rows: schedules and jobs, the newest first.
pub fn rows(facts: &Facts<'_>) -> Vec<JobRow> {
    let all = |kind| facts.snapshot.all(kind);
    let mut rows: Vec<JobRow> = all(Kind::CronJob).map(|one| schedule(one, facts)).collect();
    rows.extend(all(Kind::Job).map(|one| job(one, facts)));
    rows.sort_by_key(|row| Reverse(row.at));
    rows
}

fn job(job: &Value, facts: &Facts<'_>) -> JobRow {
    let began = time(job, "/status/startTime");
    let ended = time(job, "/status/completionTime");
    let active = number(job, "/status/active").unwrap_or(0) > 0;
    let suspended = job.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
    let (status, health) = if holds(job, "Complete") {
        ("complete", Health::Good)
    } else if holds(job, "Failed") {
        ("failed", Health::Bad)
    } else if suspended {
        ("suspended", Health::Warn)
    } else if active {
        ("running", Health::Busy)
    } else {
        ("waiting", Health::Busy)
    };
    let mut details = Vec::new();
    if let Some(failed) = condition(job, "Failed").filter(|_| status == "failed") {
        details.push(format!(
            "{}: {}",
            text(failed, "/reason"),
            text(failed, "/message")
        ));
    }
    let tries = number(job, "/status/failed").unwrap_or(0);
    if tries > 0 {
        details.push(format!("tries that failed: {tries}"));
    }
    for pod in facts.pods_in(namespace(job)) {
        let mine = items(pod, "/metadata/ownerReferences")
            .any(|owner| text(owner, "/kind") == "Job" && text(owner, "/name") == name(job));
        if mine {
            details.push(format!("pod {}: {}", name(pod), printed(pod).status));
        }
    }
    details.extend(newest(&facts.events("Job", job)));
    JobRow {
        namespace: namespace(job).to_owned(),
        name: name(job).to_owned(),
        kind: "Job",
        status,
        health,
        done: format!(
            "{}/{}",
            number(job, "/status/succeeded").unwrap_or(0),
            number(job, "/spec/completions").unwrap_or(1)
        ),
        schedule: String::new(),
        at: began.or_else(|| made(job)),
        took: ended.and_then(|ended| age(began, ended)),
        details,
    }
}

fn schedule(cron: &Value, facts: &Facts<'_>) -> JobRow {
    let suspended = cron.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
    let running = items(cron, "/status/active").count();
    let (status, health) = match (suspended, running) {
        (true, _) => ("suspended", Health::Warn),
        (false, 0) => ("scheduled", Health::Good),
        (false, _) => ("running", Health::Busy),
    };
    let mut details = Vec::new();
    if let Some(good) = time(cron, "/status/lastSuccessfulTime") {
        details.push(format!("last good end: {}", moment(good)));
    }
    details.extend(newest(&facts.events("CronJob", cron)));
    JobRow {
        namespace: namespace(cron).to_owned(),
        name: name(cron).to_owned(),
        kind: "CronJob",
        status,
        health,
        done: String::new(),
        schedule: text(cron, "/spec/schedule").to_owned(),
        at: time(cron, "/status/lastScheduleTime"),
        took: None,
        details,
    }
}
