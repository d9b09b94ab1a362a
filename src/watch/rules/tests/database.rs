//! What is told of a database and of its backups.

use super::*;

#[test]
fn a_healthy_database_needs_no_attention() {
    assert_eq!(codes(&database(&[])), []);
}

#[test]
fn the_words_of_a_cluster_without_an_operator_are_not_believed() {
    // It says healthy; its operator and its primary are on a silent machine.
    let mut objects = database(&[silent("primary"), instance("care-db-2", "secondary")]);
    let found = findings(&objects);
    let said: Vec<Code> = found.iter().map(|one| one.problem.code).collect();
    assert_eq!(said, [Code::Wait10, Code::Pg07, Code::Pg01]);
    assert!(found[1].follows(&found[0]) && found[2].because_of.is_none());
    assert!(found[2].problem.causes[0].contains("still says"));
    // It says that archiving fails; nobody has written that for long.
    objects = database(&[archiving("False", "2026-11-24T01:00:00Z")]);
    objects.retain(|object| object["metadata"]["name"] != "cnpg-1");
    assert_eq!(codes(&objects), [Code::Pg07]);
}

#[test]
fn an_archive_condition_means_nothing_without_an_archive() {
    let bare = with(healthy(), "/spec/plugins", json!([]));
    // Nor is there a store whose window could prove a backup.
    assert_eq!(codes(&database(&[bare])), [Code::Pg06, Code::Pg04]);
}

#[test]
fn archiving_that_fails_for_a_moment_at_a_failover_is_no_finding() {
    let refused = |since: &str| {
        let mut says = archiving("False", since);
        says["status"]["conditions"][1]["message"] =
            "switchover in progress, refusing archiving".into();
        codes(&database(&[says]))
    };
    assert_eq!(refused("2026-11-24T01:59:45Z"), []);
    assert_eq!(refused("2026-11-24T01:40:00Z"), [Code::Pg03]);
    // Any other reason is told at once.
    let found = only(&database(&[archiving("False", "2026-11-24T01:59:45Z")]));
    assert_eq!(
        (found.health, found.problem.code),
        (Health::Warn, Code::Pg03)
    );
    assert_eq!(
        found.problem.causes,
        ["unexpected failure invoking barman-cloud-wal-archive: exit status 4"]
    );
}

#[test]
fn a_backup_is_judged_by_its_age_and_not_by_the_state_of_the_cluster() {
    assert_eq!(codes(&database(&[store("2026-11-22T22:05:00Z")])), []);
    let found = only(&database(&[store("2026-11-22T19:00:00Z")]));
    assert_eq!(found.problem.code, Code::Pg04);
    assert_eq!(
        found.problem.causes,
        [
            "it ended at 2026-11-22 19:00:00 UTC",
            "one is due every 24 hours"
        ]
    );
    let other = json!({"apiVersion": "barmancloud.cnpg.io/v1", "kind": "ObjectStore", "metadata": {"namespace": "database", "name": "care-db"},
        "status": {"serverRecoveryWindow": {"another": {"lastSuccessfulBackupTime": "2026-11-24T01:00:00Z"}}}});
    assert_eq!(codes(&database(&[other])), [Code::Pg04]);
}

#[test]
fn a_started_backup_without_an_error_is_not_believed_for_ever() {
    let started = |since: &str| {
        backup(
            "b1",
            json!({"phase": "started", "reconciliationStartedAt": since}),
        )
    };
    assert_eq!(codes(&database(&[started("2026-11-24T01:45:00Z")])), []);
    assert_eq!(
        codes(&database(&[started("2026-11-24T01:15:00Z")])),
        [Code::Pg05]
    );
    // One that took forty minutes before may take two hours.
    let before = backup(
        "b0",
        json!({"phase": "completed", "startedAt": "2026-11-23T22:00:00Z", "stoppedAt": "2026-11-23T22:40:00Z"}),
    );
    assert_eq!(
        codes(&database(&[before, started("2026-11-24T01:15:00Z")])),
        []
    );
}

#[test]
fn a_failed_backup_is_told_until_one_completes() {
    let failed = backup("b1", json!({"phase": "failed", "error": "exit status 4"}));
    assert_eq!(
        codes(&database(std::slice::from_ref(&failed))),
        [Code::Wait12]
    );
    let mut later = backup(
        "b2",
        json!({"phase": "completed", "stoppedAt": "2026-11-24T01:00:00Z"}),
    );
    later["metadata"]["creationTimestamp"] = "2026-11-24T00:50:00Z".into();
    assert_eq!(codes(&database(&[failed, later])), []);
}

#[test]
fn a_schedule_that_stands_still_is_told() {
    assert_eq!(
        codes(&database(&[with(schedule(), "/spec/suspend", json!(true))])),
        [Code::Pg08]
    );
    let late = with(
        schedule(),
        "/status/nextScheduleTime",
        json!("2026-11-24T01:30:00Z"),
    );
    assert_eq!(codes(&database(&[late])), [Code::Pg08]);
}

#[test]
fn a_first_start_may_take_a_while_and_initialized_proves_nothing() {
    let young = |made: &str| {
        let mut one = cluster(
            "Setting up primary",
            json!([{"type": "Initialized", "status": "True"}]),
        );
        one["metadata"]["creationTimestamp"] = made.into();
        one["status"] =
            json!({"phase": "Setting up primary", "conditions": one["status"]["conditions"]});
        let mut all = database(&[one]);
        all.retain(|object| {
            !["Pod", "ObjectStore", "ScheduledBackup"].contains(&object["kind"].as_str().unwrap())
        });
        all.push(operator());
        codes(&all)
    };
    assert_eq!(young("2026-11-24T01:55:00Z"), []);
    assert_eq!(young("2026-11-24T01:30:00Z"), [Code::Pg01]);
}

#[test]
fn a_primary_whose_pod_is_gone_is_told_unless_its_operator_is_content() {
    let mut objects = database(&[]);
    objects.retain(|object| object["metadata"]["name"] != "care-db-1");
    // Pods are made anew within a moment.
    assert_eq!(codes(&objects), []);
    objects.retain(|object| object["metadata"]["name"] != "cnpg-1");
    assert_eq!(codes(&objects), [Code::Pg01, Code::Pg07]);
}

#[test]
fn a_missing_copy_is_a_warning_and_a_missing_primary_is_not() {
    let unready = |name: &str, node: &str| {
        let condition = json!([{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-24T01:40:00Z"}]);
        with(instance(name, node), "/status/conditions", condition)
    };
    let copy = findings(&database(&[unready("care-db-2", "secondary")]));
    assert_eq!(
        (copy[0].health, copy[0].problem.code),
        (Health::Warn, Code::Pg02)
    );
    let primary = findings(&database(&[unready("care-db-1", "primary")]));
    assert_eq!(
        (primary[0].health, primary[0].problem.code),
        (Health::Bad, Code::Pg01)
    );
}

// Longhorn.
