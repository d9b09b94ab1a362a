//! What is told of volumes and disks.

use super::*;

#[test]
fn a_volume_short_of_copies_names_them_and_the_claim() {
    let long = "2026-11-24T01:30:00Z";
    let found = only(&[
        manager(),
        volume("attached", "degraded", long),
        copy("primary", long, ""),
        copy("secondary", "", long),
    ]);
    assert_eq!(
        (found.health, found.problem.code),
        (Health::Warn, Code::Vol01)
    );
    assert_eq!(
        found.problem.what,
        "The volume of database/care-db-1 has fewer copies than it should."
    );
    assert_eq!(
        found.problem.causes,
        ["copy on primary: good", "copy on secondary: failed"]
    );
    assert_eq!(
        codes(&[
            manager(),
            volume("attached", "degraded", "2026-11-24T01:59:40Z")
        ]),
        []
    );
    assert_eq!(codes(&[manager(), volume("detached", "unknown", "")]), []);
    assert_eq!(
        codes(&[manager(), volume("detached", "faulted", "")]),
        [Code::Vol02]
    );
}

#[test]
fn volumes_are_not_believed_without_a_manager_or_when_their_own_is_on_a_silent_node() {
    let faulted = volume("attached", "faulted", "");
    assert_eq!(codes(std::slice::from_ref(&faulted)), [Code::Vol06]);
    let other = with(faulted, "/status/ownerID", json!("secondary"));
    assert_eq!(
        codes(&[manager(), silent("secondary"), other]),
        [Code::Wait10]
    );
}

#[test]
fn disks_that_fail_or_are_nearly_full_and_a_silent_backup_store_are_told() {
    let disks = |available: u64, conditions: Value| {
        json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Node", "metadata": {"namespace": "longhorn-system", "name": "primary"},
            "status": {"diskStatus": {"disk-1": {"diskName": "ssd", "diskPath": "/mnt/ssd",
                "storageAvailable": available << 30, "storageMaximum": 100_u64 << 30, "conditions": conditions}}}})
    };
    assert_eq!(codes(&[manager(), disks(60, json!([]))]), []);
    let pressed = json!([{"type": "Schedulable", "status": "False", "reason": "DiskPressure"}]);
    let found = only(&[manager(), disks(20, pressed)]);
    assert_eq!(
        (found.health, found.problem.what.as_str()),
        (
            Health::Warn,
            "The disk ssd of primary is nearly full: 20 GiB of 100 GiB are free."
        )
    );
    assert_eq!(only(&[manager(), disks(5, json!([]))]).health, Health::Bad);
    let broken = json!([{"type": "Ready", "status": "False", "message": "not mounted"}]);
    assert_eq!(codes(&[manager(), disks(60, broken)]), [Code::Vol04]);
    let target = json!({"apiVersion": "longhorn.io/v1beta2", "kind": "BackupTarget", "metadata": {"namespace": "longhorn-system", "name": "default"},
        "spec": {"backupTargetURL": "s3://bucket@region/"}, "status": {"available": false, "ownerID": "primary"}});
    assert_eq!(
        codes(&[manager(), disks(60, json!([])), target]),
        [Code::Vol05]
    );
}
