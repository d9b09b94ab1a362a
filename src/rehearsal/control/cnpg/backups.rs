//! Backups by the plugin: the first of a schedule, started and completed, and the window that can be restored. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CLUSTER, PLUGIN, Phase, parts, status::archive};
use crate::rehearsal::{
    control::{
        cron,
        pods::ready,
        shape::{
            after, event, fingerprint, items, label, leaving, name, namespace, report, stamp, text,
            time, uid,
        },
        trouble::{BACKUP_STUCK, plays},
    },
    world::{Reaction, World, Write},
};

const BACKUP: &str = "Backup.postgresql.cnpg.io";
const SOURCE: &str = "cloudnative-pg-backup";
/// Seconds that a base backup of a small database takes.
const COPYING: i64 = 10;
/// Since how many seconds a backup hangs when that is played.
const STUCK: i64 = 3600;

/// One turn for all schedules, backups and object stores.
pub(super) fn backups(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    for schedule in world.list("ScheduledBackup.postgresql.cnpg.io", None) {
        if leaving(schedule) {
            continue;
        }
        if schedule["status"]["lastCheckTime"].is_string() {
            later(world, schedule, now, reaction);
        } else {
            first_of(world, schedule, now, reaction);
        }
    }
    for backup in world.list(BACKUP, None).filter(|backup| !leaving(backup)) {
        match text(&backup["status"]["phase"]) {
            "completed" | "failed" => {}
            "started" => complete(world, backup, now, reaction),
            _ => start(world, backup, now, reaction),
        }
    }
    if plays(world, BACKUP_STUCK) {
        stuck(world, now, reaction);
    }
    for store in world.list("ObjectStore.barmancloud.cnpg.io", None) {
        if !leaving(store) {
            window(world, store, reaction);
        }
    }
}

/// An immediate schedule makes its first backup at once.
fn first_of(world: &World<'_>, schedule: &Value, now: Timestamp, reaction: &mut Reaction) {
    let cluster = text(&schedule["spec"]["cluster"]["name"]);
    let Some(cluster) = world.get(CLUSTER, namespace(schedule), cluster) else {
        return;
    };
    let mut status = json!({"lastCheckTime": stamp(now)});
    if let Some(next) = next_of(schedule, now) {
        status["nextScheduleTime"] = stamp(next).into();
    }
    if schedule["spec"]["immediate"] == true {
        let text = format!("Scheduled immediate backup now: {}", stamp(now));
        begin(
            schedule,
            made_by(schedule, cluster, (now, true)),
            text,
            reaction,
        );
        status["lastScheduleTime"] = stamp(now).into();
    }
    reaction.writes.extend(report(schedule, status));
}

/// Makes the backup and says so.
fn begin(schedule: &Value, backup: Value, text: String, reaction: &mut Reaction) {
    let told = event(schedule, SOURCE, "BackupSchedule", text);
    reaction.writes.extend([told, Write::Create(backup)]);
}

/// The next moment of a schedule.
fn next_of(schedule: &Value, after: Timestamp) -> Option<Timestamp> {
    cron::next(text(&schedule["spec"]["schedule"]), after)
}

/// A backup at each moment of the schedule; of several that were missed, one.
///
/// The clock that jumps never jumps as far as a usual schedule: it comes to rest between two backups.
fn later(world: &World<'_>, schedule: &Value, now: Timestamp, reaction: &mut Reaction) {
    let cluster = text(&schedule["spec"]["cluster"]["name"]);
    let cluster = world.get(CLUSTER, namespace(schedule), cluster);
    let Some(cluster) = cluster.filter(|_| schedule["spec"]["suspend"] != true) else {
        return;
    };
    let checked = time(&schedule["status"]["lastCheckTime"]).unwrap_or(now);
    let due = time(&schedule["status"]["nextScheduleTime"]).or_else(|| next_of(schedule, checked));
    let Some(due) = due else { return };
    if now < due {
        reaction.wake(due);
        return;
    }
    let text = format!("Scheduled backup {}", stamp(due));
    begin(
        schedule,
        made_by(schedule, cluster, (now, false)),
        text,
        reaction,
    );
    let mut status = schedule["status"].clone();
    status["lastCheckTime"] = stamp(now).into();
    status["lastScheduleTime"] = stamp(due).into();
    status["nextScheduleTime"] = next_of(schedule, now).map(stamp).into();
    reaction.writes.extend(report(schedule, status));
}

fn made_by(schedule: &Value, cluster: &Value, (now, immediate): (Timestamp, bool)) -> Value {
    let spec = &schedule["spec"];
    let mut backup = json!({
        "apiVersion": schedule["apiVersion"],
        "kind": "Backup",
        "metadata": {
            "name": format!("{}-{}", name(schedule), now.strftime("%Y%m%d%H%M%S")),
            "namespace": namespace(schedule),
        },
        "spec": {"cluster": spec["cluster"], "method": spec["method"].as_str().unwrap_or("barmanObjectStore")},
    });
    for field in ["pluginConfiguration", "target", "online"] {
        if !spec[field].is_null() {
            backup["spec"][field] = spec[field].clone();
        }
    }
    let owner = match text(&spec["backupOwnerReference"]) {
        "self" => Some(schedule),
        "cluster" => Some(cluster),
        _ => None,
    };
    if let Some(owner) = owner {
        backup["metadata"]["ownerReferences"] = json!([{
            "apiVersion": owner["apiVersion"], "kind": owner["kind"],
            "name": name(owner), "uid": uid(owner), "controller": true,
        }]);
    }
    label(
        &mut backup,
        &[
            ("cnpg.io/cluster", name(cluster)),
            (
                "cnpg.io/immediateBackup",
                if immediate { "true" } else { "false" },
            ),
            ("cnpg.io/scheduled-backup", name(schedule)),
        ],
    );
    backup
}

fn cluster_of<'w>(world: &World<'w>, backup: &Value) -> Option<&'w Value> {
    let cluster = text(&backup["spec"]["cluster"]["name"]);
    world
        .get(CLUSTER, namespace(backup), cluster)
        .map(AsRef::as_ref)
}

/// The instance that is copied: a replica where there is one.
fn copied<'w>(world: &World<'w>, cluster: &Value) -> Option<&'w Value> {
    let primary = text(&cluster["status"]["currentPrimary"]);
    let healthy = items(&cluster["status"]["instancesStatus"]["healthy"]).map(text);
    let mut names: Vec<&str> = healthy.collect();
    names.sort_by_key(|name| *name == primary);
    names
        .into_iter()
        .filter_map(|name| world.get("Pod", namespace(cluster), name))
        .map(AsRef::as_ref)
        .find(|pod| ready(pod))
}

fn start(world: &World<'_>, backup: &Value, now: Timestamp, reaction: &mut Reaction) {
    let Some(cluster) = cluster_of(world, backup) else {
        return;
    };
    let major = parts::major(cluster);
    let healthy = cluster["status"]["phase"] == Phase::healthy().name;
    let Some(pod) = copied(world, cluster).filter(|_| healthy) else {
        let waits = json!({"majorVersion": major});
        reaction.writes.extend(report(backup, waits));
        return;
    };
    let container = items(&pod["status"]["containerStatuses"])
        .next()
        .map_or("", |status| text(&status["containerID"]));
    let session = fingerprint(&json!([uid(pod), uid(backup)]));
    let status = json!({
        "majorVersion": major,
        "method": backup["spec"]["method"],
        "phase": "started",
        "reconciliationStartedAt": stamp(now),
        "instanceID": {
            "podName": name(pod),
            "ContainerID": container,
            "sessionID": format!("{:08x}-0000-4000-8000-{:012x}", session >> 32, session & 0xffff_ffff),
        },
    });
    let text = format!("Starting backup for cluster {}", name(cluster));
    reaction
        .writes
        .push(event(backup, SOURCE, "Starting", text));
    reaction.writes.extend(report(backup, status));
}

fn complete(world: &World<'_>, backup: &Value, now: Timestamp, reaction: &mut Reaction) {
    let began = time(&backup["status"]["reconciliationStartedAt"]).unwrap_or(now);
    let due = after(began, COPYING);
    if now < due {
        reaction.wake(due);
        return;
    }
    let Some(cluster) = cluster_of(world, backup) else {
        return;
    };
    if super::rows::archive_stands(world, cluster) || plays(world, BACKUP_STUCK) {
        return;
    }
    let timeline = cluster["status"]["timelineID"].as_u64().unwrap_or(1);
    let mut status = backup["status"].clone();
    let done = json!({
        "phase": "completed",
        "backupId": began.strftime("%Y%m%dT%H%M%S").to_string(),
        "backupName": format!("backup-{}", began.strftime("%Y%m%d%H%M%S")),
        "beginLSN": "0/3000028", "endLSN": "0/5000088",
        "beginWal": format!("{timeline:08X}0000000000000003"),
        "endWal": format!("{timeline:08X}0000000000000005"),
        "online": true,
        "startedAt": stamp(began), "stoppedAt": stamp(now),
        "reconciliationTerminatedAt": stamp(now),
        "pluginMetadata": {
            "clusterUID": uid(cluster), "displayName": "BarmanCloudInstance", "name": PLUGIN,
            "pluginName": PLUGIN, "timeline": timeline.to_string(), "version": "0.14.0",
        },
    });
    for (field, value) in done.as_object().into_iter().flatten() {
        status[field.as_str()] = value.clone();
    }
    let note = event(backup, "local-webserver", "Completed", "Backup completed");
    reaction.writes.push(note);
    reaction.writes.extend(report(backup, status));
}

/// A backup of the first schedule that began long ago, unless one hangs already.
fn stuck(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    let hangs =
        |backup: &Value| !["completed", "failed"].contains(&text(&backup["status"]["phase"]));
    if world.list(BACKUP, None).any(|backup| hangs(backup)) {
        return;
    }
    let mut schedules = world.list("ScheduledBackup.postgresql.cnpg.io", None);
    let Some(schedule) = schedules.find(|schedule| !leaving(schedule)) else {
        return;
    };
    let cluster = text(&schedule["spec"]["cluster"]["name"]);
    let Some(cluster) = world.get(CLUSTER, namespace(schedule), cluster) else {
        return;
    };
    let began = after(now, -STUCK);
    let mut backup = made_by(schedule, cluster, (began, false));
    backup["status"] = json!({
        "majorVersion": parts::major(cluster), "method": backup["spec"]["method"],
        "phase": "started", "reconciliationStartedAt": stamp(began),
    });
    reaction.writes.push(Write::Create(backup));
}

/// Whether the newest backup of a cluster is completed; nothing when none has begun.
pub(super) fn newest_is_done(world: &World<'_>, cluster: &Value) -> Option<bool> {
    world
        .list(BACKUP, Some(namespace(cluster)))
        .filter(|backup| backup["spec"]["cluster"]["name"] == name(cluster))
        .filter(|backup| backup["status"]["reconciliationStartedAt"].is_string())
        .max_by_key(|backup| text(&backup["status"]["reconciliationStartedAt"]))
        .map(|backup| backup["status"]["phase"] == "completed")
}

/// What can be restored from a store: from the end of the first completed backup on.
fn window(world: &World<'_>, store: &Value, reaction: &mut Reaction) {
    let mut status = store["status"].clone();
    for cluster in world.list(CLUSTER, Some(namespace(store))) {
        let Some((_, server)) = archive(cluster).filter(|(known, _)| *known == name(store)) else {
            continue;
        };
        let ends = || {
            world
                .list(BACKUP, Some(namespace(store)))
                .filter(|backup| backup["spec"]["cluster"]["name"] == name(cluster))
                .filter(|backup| backup["status"]["phase"] == "completed")
                .map(|backup| text(&backup["status"]["stoppedAt"]))
        };
        let (Some(first), Some(last)) = (ends().min(), ends().max()) else {
            continue;
        };
        let known = &store["status"]["serverRecoveryWindow"][server]["firstRecoverabilityPoint"];
        let first = known.as_str().map_or(first, |known| known.min(first));
        if !status.is_object() {
            status = json!({});
        }
        status["serverRecoveryWindow"][server] =
            json!({"firstRecoverabilityPoint": first, "lastSuccessfulBackupTime": last});
    }
    if !status.is_null() {
        reaction.writes.extend(report(store, status));
    }
}
