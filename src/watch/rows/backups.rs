//! Backups, their schedules, the archive of changes and the store of the volumes' backups. Pure.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::Value;

use super::pods::{newest, short};
use crate::watch::{
    facts::{Facts, Operator, Works, age},
    rules::archivers,
    snapshot::{Kind, condition, made, moment, name, namespace, text, time},
    view::{BackupRow, Health},
};

/// Backups that are shown; older ones are in the bucket all the same.
const MOST: usize = 500;

/// The rows: where backups go first, then every backup, newest first.
pub fn rows(facts: &Facts<'_>) -> Vec<BackupRow> {
    let all = |kind| facts.snapshot.all(kind);
    let mut rows: Vec<BackupRow> = all(Kind::Cluster)
        .filter_map(|one| archive(one, facts))
        .collect();
    rows.extend(all(Kind::BackupTarget).filter_map(|one| target(one, facts)));
    rows.extend(all(Kind::ScheduledBackup).map(|one| schedule(one, facts)));
    let mut backups: Vec<BackupRow> = all(Kind::Backup).map(|one| backup(one, facts)).collect();
    backups.sort_by_key(|row| Reverse(row.at));
    backups.truncate(MOST);
    rows.extend(backups);
    rows
}

fn empty(object: &Value, kind: &'static str) -> BackupRow {
    BackupRow {
        namespace: namespace(object).to_owned(),
        name: name(object).to_owned(),
        kind,
        of: text(object, "/spec/cluster/name").to_owned(),
        status: String::new(),
        health: Health::Good,
        at: None,
        took: None,
        method: text(object, "/spec/method").to_owned(),
        details: Vec::new(),
    }
}

fn backup(object: &Value, facts: &Facts<'_>) -> BackupRow {
    let began = time(object, "/status/startedAt");
    let ended = time(object, "/status/stoppedAt");
    let status = match text(object, "/status/phase") {
        "" => "pending",
        phase => phase,
    };
    let health = match status {
        "completed" => Health::Good,
        "failed" => Health::Bad,
        _ if facts.works(Operator::Cnpg) != Works::Yes => Health::Unknown,
        _ => Health::Busy,
    };
    let mut details = Vec::new();
    for (word, pointer) in [
        ("error", "/status/error"),
        ("begins at WAL", "/status/beginWal"),
        ("ends at WAL", "/status/endWal"),
        ("server name in the bucket", "/status/serverName"),
        ("taken from instance", "/status/instanceID/podName"),
    ] {
        let found = text(object, pointer);
        if !found.is_empty() {
            details.push(format!("{word}: {}", short(found)));
        }
    }
    if let Some(began) = began {
        details.push(format!("began {}", moment(began)));
    }
    if status == "started" {
        details.push(
            "\"started\" is said by a backup that cannot reach its store, too: it is no proof that it moves"
                .to_owned(),
        );
    }
    details.extend(newest(&facts.events("Backup", object)));
    BackupRow {
        status: status.to_owned(),
        health,
        at: ended.or(began).or_else(|| made(object)),
        took: ended.and_then(|ended| age(began, ended)),
        details,
        ..empty(object, "Backup")
    }
}

fn schedule(object: &Value, facts: &Facts<'_>) -> BackupRow {
    let suspended = object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
    let believed = facts.works(Operator::Cnpg) == Works::Yes;
    let (status, health) = match (suspended, believed) {
        (true, _) => ("suspended", Health::Warn),
        (false, true) => ("scheduled", Health::Good),
        (false, false) => ("nobody starts it", Health::Unknown),
    };
    let mut details = vec![format!(
        "schedule {} (the first field is seconds)",
        text(object, "/spec/schedule")
    )];
    if let Some(next) = time(object, "/status/nextScheduleTime") {
        details.push(format!("next at {}", moment(next)));
    }
    if !believed {
        details.push("the operator that starts them does not work".to_owned());
    }
    BackupRow {
        status: status.to_owned(),
        health,
        at: time(object, "/status/lastScheduleTime"),
        details,
        ..empty(object, "Schedule")
    }
}

/// The stream of changes between the backups, and what it allows.
fn archive(cluster: &Value, facts: &Facts<'_>) -> Option<BackupRow> {
    let plugin = archivers(cluster).next()?;
    let store = text(plugin, "/parameters/barmanObjectName");
    let server = match text(plugin, "/parameters/serverName") {
        "" => name(cluster),
        server => server,
    };
    let believed = facts.works(Operator::Cnpg) == Works::Yes;
    let said = condition(cluster, "ContinuousArchiving");
    let (status, health) = match said.map(|said| text(said, "/status")) {
        _ if !believed => ("unknown", Health::Unknown),
        Some("True") => ("archiving", Health::Good),
        Some(_) => ("not archiving", Health::Bad),
        None => ("not begun", Health::Busy),
    };
    let window = facts
        .snapshot
        .get(Kind::ObjectStore, namespace(cluster), store)
        .and_then(|store| store.pointer("/status/serverRecoveryWindow")?.get(server));
    let mut details = vec![format!("store {store}, server name {server}")];
    let of = |field| window.and_then(|window| time(window, field));
    let told = |word: &str, at: Option<Timestamp>| at.map(|at| format!("{word}: {}", moment(at)));
    details.extend(told("can go back to", of("/firstRecoverabilityPoint")));
    details.extend(told("last good backup", of("/lastSuccessfulBackupTime")));
    details.extend(told("last failed backup", of("/lastFailedBackupTime")));
    if let Some(said) = said.filter(|said| text(said, "/status") != "True") {
        details.push(short(text(said, "/message")));
    }
    if !believed {
        details.push("the operator that writes this does not work; what it said is old".to_owned());
    }
    Some(BackupRow {
        of: name(cluster).to_owned(),
        status: status.to_owned(),
        health,
        at: of("/lastSuccessfulBackupTime"),
        method: "WAL".to_owned(),
        details,
        ..empty(cluster, "Archive")
    })
}

fn target(target: &Value, facts: &Facts<'_>) -> Option<BackupRow> {
    let url = text(target, "/spec/backupTargetURL");
    if url.is_empty() {
        return None;
    }
    let believed = facts.works(Operator::Longhorn) == Works::Yes;
    let available = target.pointer("/status/available").and_then(Value::as_bool);
    let (status, health) = match available {
        _ if !believed => ("unknown", Health::Unknown),
        Some(true) => ("reachable", Health::Good),
        Some(false) => ("not reachable", Health::Warn),
        None => ("not asked yet", Health::Busy),
    };
    let mut details = vec![format!("store {url}")];
    if let Some(broken) = condition(target, "Unavailable") {
        let message = short(text(broken, "/message"));
        if !message.is_empty() {
            details.push(message);
        }
    }
    Some(BackupRow {
        status: status.to_owned(),
        health,
        at: time(target, "/status/lastSyncedAt"),
        method: "longhorn".to_owned(),
        details,
        ..empty(target, "Volumes")
    })
}
