//! Snapshots of volumes, and their copies in the backup bucket. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{super::operator::defined, NAMESPACE};
use crate::rehearsal::{
    control::shape::{after, name, report, stamp, text, time},
    world::{Reaction, World},
};

/// Seconds that a snapshot takes.
const SNAPSHOT: i64 = 2;
/// Seconds that a copy of a practice volume takes.
const COPYING: i64 = 45;

/// One turn for all of them.
pub(super) fn copies(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    if defined(world, "snapshots.longhorn.io") {
        for snapshot in world.list("Snapshot.longhorn.io", Some(NAMESPACE)) {
            let status = snapshot_status(world, snapshot, now, reaction);
            reaction.writes.extend(report(snapshot, status));
        }
    }
    if defined(world, "backups.longhorn.io") {
        for backup in world.list("Backup.longhorn.io", Some(NAMESPACE)) {
            let status = backup_status(world, backup, now, reaction);
            reaction.writes.extend(report(backup, status));
        }
    }
}

/// The name of the newest copy of a volume in the bucket, and when it was made.
pub(super) fn newest(world: &World<'_>, volume: &str) -> Option<(String, String)> {
    let backups = world.list("Backup.longhorn.io", Some(NAMESPACE));
    backups
        .filter(|backup| {
            let status = &backup["status"];
            status["state"] == "Completed" && status["volumeName"] == volume
        })
        .map(|backup| (text(&backup["status"]["backupCreatedAt"]), name(backup)))
        .max()
        .map(|(at, backup)| (backup.to_owned(), at.to_owned()))
}

fn born(object: &Value, now: Timestamp) -> Timestamp {
    time(&object["metadata"]["creationTimestamp"]).unwrap_or(now)
}

fn snapshot_status(
    world: &World<'_>,
    snapshot: &Value,
    now: Timestamp,
    reaction: &mut Reaction,
) -> Value {
    let mut status = snapshot["status"].clone();
    if status["readyToUse"] == true {
        return status;
    }
    let volume = text(&snapshot["spec"]["volume"]);
    let Some(volume) = world.get("Volume.longhorn.io", NAMESPACE, volume) else {
        return json!({"readyToUse": false, "error": format!("volume.longhorn.io \"{volume}\" not found")});
    };
    let due = after(born(snapshot, now), SNAPSHOT);
    if now < due {
        reaction.wake(due);
        return status;
    }
    status = json!({
        "readyToUse": true, "userCreated": true, "markRemoved": false,
        "creationTime": stamp(now), "ownerID": volume["status"]["ownerID"], "parent": "",
        "children": {"volume-head": true},
        "labels": if snapshot["spec"]["labels"].is_object() { snapshot["spec"]["labels"].clone() } else { json!({}) },
        "restoreSize": volume["spec"]["size"].as_str().and_then(|size| size.parse::<u64>().ok()).unwrap_or(0),
        "size": 0,
    });
    status
}

fn backup_status(
    world: &World<'_>,
    backup: &Value,
    now: Timestamp,
    reaction: &mut Reaction,
) -> Value {
    let status = backup["status"].clone();
    if status["state"] == "Completed" {
        return status;
    }
    let snapshot = text(&backup["spec"]["snapshotName"]);
    let known = world.get("Snapshot.longhorn.io", NAMESPACE, snapshot);
    let Some(known) = known.filter(|known| known["status"]["readyToUse"] == true) else {
        return status;
    };
    let target = world.get("BackupTarget.longhorn.io", NAMESPACE, "default");
    if target.is_none_or(|target| target["status"]["available"] != true) {
        return json!({"state": "Error", "error": "backup target default is not available"});
    }
    let began = born(backup, now);
    let due = after(began, COPYING);
    let volume = &known["spec"]["volume"];
    let mut status = json!({
        "state": "InProgress", "progress": 0, "snapshotName": snapshot, "volumeName": volume,
        "backupTargetName": "default", "ownerID": known["status"]["ownerID"],
    });
    if now < due {
        let spent = now.duration_since(began).as_secs().max(0);
        status["progress"] = (spent * 100 / COPYING).into();
        reaction.wake(due);
        return status;
    }
    for (key, value) in [
        ("state", json!("Completed")),
        ("progress", json!(100)),
        (
            "url",
            json!(format!(
                "s3://backups?backup={}&volume={}",
                name(backup),
                text(volume)
            )),
        ),
        ("backupCreatedAt", json!(stamp(now))),
        ("snapshotCreatedAt", known["status"]["creationTime"].clone()),
        (
            "volumeSize",
            json!(known["status"]["restoreSize"].to_string()),
        ),
    ] {
        status[key] = value;
    }
    status
}
