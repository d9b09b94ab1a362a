//! The nights of the practice cluster's volumes.

use serde_json::Value;

use crate::rehearsal::control::{
    shape::{controller, name, uid},
    testing::{Bed, claim_with_pod, longhorn, plan_objects},
};

const SPACE: &str = "longhorn-system";
const DAY: i64 = 24 * 3600;

/// Longhorn with the site's classes, its bucket and its recurring jobs, and one volume in use.
fn site() -> Bed {
    let mut bed = longhorn();
    for object in plan_objects("longhorn/backups") {
        if object["kind"] == "BackupTarget" {
            bed.change("BackupTarget.longhorn.io", SPACE, "default", |target| {
                target["spec"] = object["spec"].clone();
            });
        } else {
            bed.add(object);
        }
    }
    claim_with_pod(&mut bed);
    bed.run(300);
    bed
}

/// How many objects of a kind a job has made.
fn made(bed: &Bed, kind: &str, job: &str) -> usize {
    let all = bed.list(kind, SPACE);
    all.iter()
        .filter(|object| object["spec"]["labels"]["RecurringJob"] == job)
        .count()
}

fn volume(bed: &Bed) -> Value {
    let all = bed.list("Volume.longhorn.io", SPACE);
    assert_eq!(all.len(), 1);
    (**all[0]).clone()
}

#[test]
fn each_night_brings_a_snapshot_and_a_copy_of_every_volume_in_use() {
    let mut bed = site();
    for job in ["snapshot-daily", "backup-daily"] {
        let cron = bed.get("CronJob.batch", SPACE, job);
        assert_eq!(cron["status"]["lastScheduleTime"], Value::Null);
        let owner = bed.get("RecurringJob.longhorn.io", SPACE, job);
        assert_eq!(controller(cron), Some(uid(owner)));
    }
    assert_eq!(volume(&bed)["status"]["lastBackupAt"], Value::Null);
    bed.run(DAY);
    for (kind, job) in [
        ("Snapshot.longhorn.io", "snapshot-daily"),
        ("Snapshot.longhorn.io", "backup-daily"),
        ("Backup.longhorn.io", "backup-daily"),
    ] {
        assert_eq!(made(&bed, kind, job), 1, "{kind} of {job}");
    }
    let backup = (**bed.list("Backup.longhorn.io", SPACE)[0]).clone();
    assert_eq!(backup["status"]["state"], "Completed");
    let status = volume(&bed)["status"].clone();
    assert_eq!(status["lastBackup"], name(&backup));
    assert_eq!(status["lastBackupAt"], "2026-11-25T01:30:45Z");
    let cron = bed.get("CronJob.batch", SPACE, "backup-daily");
    assert_eq!(cron["status"]["lastScheduleTime"], "2026-11-25T01:30:00Z");
    let job = bed.get("RecurringJob.longhorn.io", SPACE, "backup-daily");
    assert_eq!(job["status"]["executionCount"], 1);
}

#[test]
fn what_is_older_than_the_site_keeps_leaves() {
    let mut bed = site();
    bed.change("RecurringJob.longhorn.io", SPACE, "backup-daily", |job| {
        job["spec"]["retain"] = 3.into();
    });
    bed.run(9 * DAY);
    assert_eq!(made(&bed, "Snapshot.longhorn.io", "snapshot-daily"), 7);
    assert_eq!(made(&bed, "Snapshot.longhorn.io", "backup-daily"), 1);
    assert_eq!(made(&bed, "Backup.longhorn.io", "backup-daily"), 3);
    assert_eq!(
        volume(&bed)["status"]["lastBackupAt"],
        "2026-12-03T01:30:45Z"
    );
}

#[test]
fn a_volume_that_nobody_uses_or_that_names_another_job_is_left_out() {
    let mut bed = site();
    let other = name(&volume(&bed)).to_owned();
    bed.change("Volume.longhorn.io", SPACE, &other, |volume| {
        volume["metadata"]["labels"]["recurring-job.longhorn.io/snapshot-daily"] = "enabled".into();
    });
    bed.run(DAY);
    assert_eq!(made(&bed, "Snapshot.longhorn.io", "snapshot-daily"), 1);
    assert_eq!(made(&bed, "Backup.longhorn.io", "backup-daily"), 0);
    bed.change("Deployment.apps", "default", "user", |user| {
        user["spec"]["replicas"] = 0.into();
    });
    bed.run(DAY);
    assert_eq!(made(&bed, "Snapshot.longhorn.io", "snapshot-daily"), 1);
}

#[test]
fn a_schedule_that_was_changed_or_suspended_is_kept() {
    let mut bed = site();
    bed.change("RecurringJob.longhorn.io", SPACE, "backup-daily", |job| {
        job["spec"]["cron"] = "0 12 * * *".into();
    });
    bed.run(12 * 3600);
    let cron = bed.get("CronJob.batch", SPACE, "backup-daily");
    assert_eq!(cron["spec"]["schedule"], "0 12 * * *");
    assert_eq!(cron["status"]["lastScheduleTime"], "2026-11-24T12:00:00Z");
    bed.change("CronJob.batch", SPACE, "backup-daily", |cron| {
        cron["spec"]["suspend"] = true.into();
    });
    bed.run(2 * DAY);
    assert_eq!(made(&bed, "Backup.longhorn.io", "backup-daily"), 1);
}
