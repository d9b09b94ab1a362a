//! What Longhorn does by itself at set times: snapshots of the volumes and their copies in the backup bucket, night by night. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{super::operator::defined, API, MANAGER, NAMESPACE, object};
use crate::rehearsal::{
    control::{
        cron,
        shape::{
            delete, fingerprint, items, leaving, letters, name, owned_by, report, stamp, text,
            time, uid,
        },
    },
    world::{Reaction, World, Write},
};

const JOB: &str = "RecurringJob.longhorn.io";
const CRON: &str = "CronJob.batch";
const VOLUME: &str = "Volume.longhorn.io";
const SNAPSHOT: &str = "Snapshot.longhorn.io";
const BACKUP: &str = "Backup.longhorn.io";
/// The key under which a snapshot and a copy name the job that made them.
const MADE_BY: &str = "RecurringJob";
/// Labels by which a volume names its jobs, and the groups of jobs that it belongs to.
const BY_NAME: &str = "recurring-job.longhorn.io";
const BY_GROUP: &str = "recurring-job-group.longhorn.io";
/// Letters of a job's name that its snapshots carry.
const SHORT: usize = 8;
/// How many of each are kept when the job does not say.
const KEPT: u64 = 1;

/// One turn for all jobs that come again. Longhorn has Kubernetes keep the time: each has a `CronJob` of its name.
pub(super) fn recurring(world: &World<'_>, now: Timestamp, reaction: &mut Reaction) {
    let known = ["recurringjobs", "snapshots", "backups"];
    if !known
        .iter()
        .all(|kind| defined(world, &format!("{kind}.longhorn.io")))
    {
        return;
    }
    for job in world.list(JOB, Some(NAMESPACE)) {
        if leaving(job) {
            continue;
        }
        match world.get(CRON, NAMESPACE, name(job)) {
            None => reaction.writes.push(Write::Create(timekeeper(world, job))),
            Some(cron) => keep_time(world, (job, cron), now, reaction),
        }
    }
}

/// The `CronJob` of a job.
fn timekeeper(world: &World<'_>, job: &Value) -> Value {
    let managers = world.get("DaemonSet.apps", NAMESPACE, MANAGER);
    let image =
        managers.map(|managers| &managers["spec"]["template"]["spec"]["containers"][0]["image"]);
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {
            "name": name(job), "namespace": NAMESPACE, "ownerReferences": owned_by(job),
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
        },
        "spec": {
            "schedule": job["spec"]["cron"], "concurrencyPolicy": "Forbid", "suspend": false,
            "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": {"backoffLimit": 3, "template": {"spec": {
                "restartPolicy": "OnFailure",
                "containers": [{
                    "name": name(job), "image": image,
                    "command": [MANAGER, "recurring-job", name(job)],
                }],
            }}}},
        },
    })
}

/// At its moment the job is done; of several moments that were missed, once.
fn keep_time(
    world: &World<'_>,
    (job, cron): (&Value, &Value),
    now: Timestamp,
    reaction: &mut Reaction,
) {
    if cron["spec"]["schedule"] != job["spec"]["cron"] {
        let mut turned = cron.clone();
        turned["spec"]["schedule"] = job["spec"]["cron"].clone();
        reaction.writes.push(Write::Replace(turned));
        return;
    }
    if cron["spec"]["suspend"] == true {
        return;
    }
    let last = time(&cron["status"]["lastScheduleTime"]);
    let since = last.or_else(|| time(&cron["metadata"]["creationTimestamp"]));
    let schedule = format!("0 {}", text(&cron["spec"]["schedule"]));
    let Some(due) = cron::next(&schedule, since.unwrap_or(now)) else {
        return;
    };
    if now < due {
        reaction.wake(due);
        return;
    }
    let volumes = world.list(VOLUME, Some(NAMESPACE));
    // A volume that nobody uses has not changed.
    for volume in volumes.filter(|volume| volume["status"]["state"] == "attached") {
        if !leaving(volume) && concerns(job, volume) {
            do_it(world, (job, volume), now, reaction);
        }
    }
    let mut status = cron["status"].clone();
    status["lastScheduleTime"] = stamp(now).into();
    status["lastSuccessfulTime"] = stamp(now).into();
    reaction.writes.extend(report(cron, status));
    let mut status = job["status"].clone();
    status["executionCount"] = (status["executionCount"].as_u64().unwrap_or(0) + 1).into();
    status["ownerID"] = world
        .list("Node.longhorn.io", Some(NAMESPACE))
        .next()
        .map_or("", |node| name(node))
        .into();
    reaction.writes.extend(report(job, status));
}

/// A volume that names no job and no group belongs to the group `default`.
fn concerns(job: &Value, volume: &Value) -> bool {
    let labels = &volume["metadata"]["labels"];
    let mut groups = items(&job["spec"]["groups"]).map(text);
    let mut keys = labels.as_object().into_iter().flatten();
    if keys.any(|(key, _)| key.starts_with(BY_NAME) || key.starts_with(BY_GROUP)) {
        let named = |by: &str, what: &str| labels[format!("{by}/{what}")] == "enabled";
        return named(BY_NAME, name(job)) || groups.any(|group| named(BY_GROUP, group));
    }
    groups.any(|group| group == "default")
}

/// A snapshot, its copy where the job is to make one, and what is too old leaves.
fn do_it(
    world: &World<'_>,
    (job, volume): (&Value, &Value),
    now: Timestamp,
    reaction: &mut Reaction,
) {
    let of = json!([uid(volume), name(job), stamp(now)]);
    let tail = letters(fingerprint(&of), 12);
    let short: String = name(job).chars().take(SHORT).collect();
    let labels = json!({MADE_BY: name(job)});
    let mut snapshot = object("Snapshot", &format!("{short}-{tail}"));
    snapshot["metadata"]["ownerReferences"] = json!([{
        "apiVersion": API, "kind": "Volume", "name": name(volume), "uid": uid(volume),
    }]);
    snapshot["spec"] = json!({"volume": name(volume), "createSnapshot": true, "labels": labels});
    let retain = job["spec"]["retain"].as_u64().unwrap_or(KEPT);
    if text(&job["spec"]["task"]).starts_with("backup") {
        let mut backup = object("Backup", &format!("backup-{tail}"));
        backup["metadata"]["labels"] = json!({"backup-volume": name(volume)});
        backup["spec"] = json!({"snapshotName": name(&snapshot), "labels": labels});
        reaction.writes.push(Write::Create(backup));
        thin(world, (BACKUP, retain), (job, volume), reaction);
        // Only the newest is needed, so that the next copy holds what has changed since.
        thin(world, (SNAPSHOT, KEPT), (job, volume), reaction);
    } else {
        thin(world, (SNAPSHOT, retain), (job, volume), reaction);
    }
    reaction.writes.push(Write::Create(snapshot));
}

/// Makes room for one more: the oldest of the job leave.
fn thin(
    world: &World<'_>,
    (kind, retain): (&str, u64),
    (job, volume): (&Value, &Value),
    reaction: &mut Reaction,
) {
    let of = |object: &Value| {
        let volumes = [
            &object["spec"]["volume"],
            &object["metadata"]["labels"]["backup-volume"],
        ];
        object["spec"]["labels"][MADE_BY] == name(job)
            && volumes.contains(&&volume["metadata"]["name"])
    };
    let mut all: Vec<&Value> = world
        .list(kind, Some(NAMESPACE))
        .map(AsRef::as_ref)
        .filter(|object| !leaving(object) && of(object))
        .collect();
    all.sort_by_key(|object| text(&object["metadata"]["creationTimestamp"]));
    let retain = usize::try_from(retain).unwrap_or(usize::MAX);
    let over = (all.len() + 1).saturating_sub(retain);
    reaction
        .writes
        .extend(all.into_iter().take(over).map(delete));
}

#[cfg(test)]
mod tests;
