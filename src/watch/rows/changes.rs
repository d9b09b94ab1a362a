//! What changed across components, as the objects themselves remember it: rollouts, releases, jobs, backups, nodes. Pure.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::Value;

use crate::watch::{
    facts::Facts,
    snapshot::{Kind, condition, holds, made, name, namespace, text, time},
    view::{BackupRow, Health, JobRow, ReleaseRow, TimelineRow},
};

/// Changes that are shown.
const MOST: usize = 200;

/// The changes, newest first.
pub fn rows(
    facts: &Facts<'_>,
    (releases, jobs, backups): (&[ReleaseRow], &[JobRow], &[BackupRow]),
) -> Vec<TimelineRow> {
    let all = |kind| facts.snapshot.all(kind);
    let mut rows: Vec<TimelineRow> = all(Kind::Deployment)
        .filter_map(|one| rollout(one))
        .collect();
    rows.extend(all(Kind::Node).flat_map(|one| node(one)));
    rows.extend(releases.iter().filter_map(release));
    rows.extend(jobs.iter().filter_map(job));
    rows.extend(backups.iter().filter_map(backup));
    rows.sort_by_key(|row| Reverse(row.until.max(row.at)));
    rows.truncate(MOST);
    rows
}

fn change(at: Timestamp, about: String, what: String, health: Health) -> TimelineRow {
    TimelineRow {
        at: Some(at),
        until: None,
        kind: "change",
        what,
        about,
        code: None,
        health,
    }
}

/// The newest version of a Deployment is out, or comes.
fn rollout(deployment: &Value) -> Option<TimelineRow> {
    let progress = condition(deployment, "Progressing")?;
    let at = time(progress, "/lastUpdateTime")?;
    let who = name(deployment);
    let about = format!("Deployment {}/{who}", namespace(deployment));
    let (what, health) = match text(progress, "/reason") {
        "NewReplicaSetAvailable" => (format!("{who}: its newest version is out."), Health::Good),
        "ProgressDeadlineExceeded" => (
            format!("{who}: its newest version does not come up."),
            Health::Warn,
        ),
        _ => (format!("{who}: its newest version comes."), Health::Busy),
    };
    Some(change(at, about, what, health))
}

/// When a node came, and when it was last lost or heard again.
fn node(node: &Value) -> Vec<TimelineRow> {
    let who = name(node);
    let about = format!("Node {who}");
    let mut rows = Vec::new();
    if let Some(at) = made(node) {
        let what = format!("{who} joined the cluster.");
        rows.push(change(at, about.clone(), what, Health::Good));
    }
    let turned = condition(node, "Ready").and_then(|ready| time(ready, "/lastTransitionTime"));
    if let Some(at) = turned.filter(|at| made(node).is_none_or(|made| *at > made)) {
        rows.push(if holds(node, "Ready") {
            change(at, about, format!("{who} is ready."), Health::Good)
        } else {
            change(
                at,
                about,
                format!("{who} is not ready any more."),
                Health::Bad,
            )
        });
    }
    rows
}

fn release(row: &ReleaseRow) -> Option<TimelineRow> {
    let what = format!(
        "{}: revision {} of {} {} {}.",
        row.name, row.revision, row.chart, row.version, row.status
    );
    let about = format!("Release {}/{}", row.namespace, row.name);
    Some(change(row.at?, about, what, row.health))
}

fn job(row: &JobRow) -> Option<TimelineRow> {
    if row.kind != "Job" {
        return None;
    }
    let about = format!("Job {}/{}", row.namespace, row.name);
    let what = format!("{}: {}.", row.name, row.status);
    let began = row.at?;
    let until = row.took.and_then(|took| began.checked_add(took).ok());
    Some(TimelineRow {
        until,
        ..change(began, about, what, row.health)
    })
}

fn backup(row: &BackupRow) -> Option<TimelineRow> {
    if row.kind != "Backup" {
        return None;
    }
    let about = format!("Backup {}/{}", row.namespace, row.name);
    let what = format!("{}: backup {}.", row.of, row.status);
    let ended = row.at?;
    let began = row.took.and_then(|took| ended.checked_sub(took).ok());
    Some(TimelineRow {
        at: began.or(Some(ended)),
        until: began.map(|_| ended),
        ..change(ended, about, what, row.health)
    })
}
