//! The recordings of a real cluster, replayed line by line: what readiness, waiting reasons and findings say at each of them.
//!
//! Each recording has one golden file that is read like a letter, with the truth of what happened beside it.

mod letter;
mod standins;
mod timeline;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use letter::{Letter, Subjects};
use timeline::Timeline;

use super::view::ClusterView;

/// What the status streams leave out and the person who recorded them applied: `spec` of a Cluster by its name.
fn applied(cluster: &str) -> Value {
    let archiver = |server: &str| {
        json!([{"name": "barman-cloud.cloudnative-pg.io", "enabled": true, "isWALArchiver": true,
            "parameters": {"barmanObjectName": "pg-backup", "serverName": server}}])
    };
    match cluster {
        "care-db" => json!({"instances": 2, "bootstrap": {"initdb": {"database": "care"}}}),
        "pg" => {
            json!({"instances": 1, "bootstrap": {"initdb": {"database": "care"}}, "plugins": archiver("gen1")})
        }
        _ => {
            json!({"instances": 1, "bootstrap": {"recovery": {"source": "origin"}}, "plugins": archiver("gen2")})
        }
    }
}

/// The last lines of the failed pods' logs, in the words that were seen; the recordings hold no logs.
fn logs(recording: &str) -> Vec<String> {
    let line = |message: &str, error: &str| {
        json!({"level": "error", "msg": message, "error": error}).to_string()
    };
    match recording {
        "cnpg-restore-fails-same-server-name" => vec![
            line(
                "Error invoking barman-cloud-check-wal-archive",
                "exit status 1",
            ),
            line(
                "Error while restoring a backup",
                "unexpected failure invoking barman-cloud-wal-archive: exit status 1",
            ),
        ],
        "cnpg-restore-fails-target-too-late" => vec![
            line(
                "FATAL:  recovery ended before configured recovery target was reached",
                "",
            ),
            line(
                "Error while restoring a backup",
                "failed to connect to .s.PGSQL.5432",
            ),
        ],
        "cnpg-restore-fails-target-too-early" | "cnpg-restore-fails-unknown-server-name" => {
            vec![line(
                "Error while restoring a backup",
                "rpc error: code = Unknown desc = no target backup found",
            )]
        }
        _ => Vec::new(),
    }
}

/// The pictures of everything that was recorded, one recording after the other, for tests of the screens.
pub fn pictures() -> Vec<ClusterView> {
    let recorded = [
        Timeline::of_the_lost_node(),
        Timeline::of_cluster("cnpg-backup", "pg"),
        Timeline::of_cluster("cnpg-restore-to-moment", "pg2"),
        Timeline::of_events(),
    ];
    recorded.iter().flat_map(letter::pictures).collect()
}

/// Seconds that the world is left as it is after the last line: what is not repaired is told then at the latest.
const AFTER: i64 = 180;

fn letter(recording: &str, timeline: &Timeline, subjects: Subjects) -> Letter {
    Letter::write(timeline, &logs(recording), subjects, AFTER)
}

/// Nothing begins twice: what comes and goes would be noise at night.
fn held_once(letter: &Letter) {
    let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
    for begins in &letter.begun {
        *begun.entry(begins).or_default() += 1;
    }
    let twice: Vec<_> = begun.iter().filter(|(_, count)| **count > 1).collect();
    assert!(
        twice.is_empty(),
        "told more than once: {twice:#?}\n{}",
        letter.text
    );
}

fn cluster_letter(recording: &str, cluster: &str) -> Letter {
    let timeline = Timeline::of_cluster(recording, cluster);
    let letter = letter(recording, &timeline, Subjects::Clusters);
    held_once(&letter);
    insta::assert_snapshot!(recording, letter.text);
    letter
}

#[test]
fn a_fresh_cluster_whose_volume_came_late_and_its_two_instances() {
    let letter = cluster_letter("cnpg-initdb-two-instances", "care-db");
    assert!(letter.ended_ready);
    assert!(
        letter
            .text
            .contains("claim care-db-1 (class longhorn-database) has no volume")
    );
}

#[test]
fn a_broken_sidecar_then_a_bucket_out_of_reach_then_all_is_well() {
    let letter = cluster_letter("cnpg-initdb-archiver-s3-unreachable-then-ok", "pg");
    assert!(letter.ended_ready);
    assert!(
        letter
            .text
            .contains("container plugin-barman-cloud of pod pg-1 cannot be started")
    );
}

#[test]
fn had_the_bucket_stayed_out_of_reach() {
    /// The last line before it answered again.
    const ARCHIVING_FAILS: u64 = 5823;
    const HOUR: i64 = 3600;
    let timeline = Timeline::of_cluster("cnpg-backup", "pg").until(ARCHIVING_FAILS);
    let letter = Letter::write(&timeline, &[], Subjects::Backups, HOUR);
    held_once(&letter);
    insta::assert_snapshot!("cnpg-backup-had-it-stayed-so", letter.text);
    for code in ["PG-03", "PG-05"] {
        assert!(
            letter.begun.iter().any(|begun| begun.starts_with(code)),
            "{}",
            letter.text
        );
    }
    assert!(!letter.ended_ready);
}

#[test]
fn a_backup_that_hung_while_the_bucket_was_out_of_reach() {
    let timeline = Timeline::of_cluster("cnpg-backup", "pg");
    let letter = letter("cnpg-backup", &timeline, Subjects::Backups);
    held_once(&letter);
    insta::assert_snapshot!("cnpg-backup", letter.text);
}

#[test]
fn a_restore_to_a_moment() {
    assert!(cluster_letter("cnpg-restore-to-moment", "pg2").ended_ready);
}

#[test]
fn the_wrong_restores_are_named_by_their_logs_and_never_called_ready() {
    for (recording, cluster, code) in [
        ("cnpg-restore-fails-same-server-name", "same", "RST-04"),
        ("cnpg-restore-fails-target-too-late", "late", "RST-02"),
        ("cnpg-restore-fails-target-too-early", "early", "RST-07"),
        (
            "cnpg-restore-fails-unknown-server-name",
            "wrongname",
            "RST-07",
        ),
    ] {
        let letter = cluster_letter(recording, cluster);
        assert!(!letter.ended_ready);
        assert!(
            letter.text.contains(&format!("[{code}]")),
            "{}",
            letter.text
        );
    }
}

#[test]
fn what_is_kept_of_a_picture_never_makes_the_next_one_another() {
    for timeline in [
        Timeline::of_the_lost_node(),
        Timeline::of_cluster("cnpg-backup", "pg"),
        Timeline::of_cluster("cnpg-initdb-two-instances", "care-db"),
        Timeline::of_events(),
    ] {
        letter::holds_what_is_kept(&timeline);
    }
}

#[test]
fn the_events_of_the_namespace_as_causes() {
    let timeline = Timeline::of_events();
    let letter = letter("events-database", &timeline, Subjects::JobsAndClaims);
    insta::assert_snapshot!("events-database", letter.text);
}

#[test]
fn the_night_a_machine_was_lost_line_by_line() {
    for (recording, subjects) in [
        ("node-lost-nodes", Subjects::Nodes),
        ("node-lost-pods", Subjects::Pods),
        ("node-lost-cluster", Subjects::Clusters),
    ] {
        let letter = letter(recording, &Timeline::of_the_lost_node(), subjects);
        held_once(&letter);
        insta::assert_snapshot!(recording, letter.text);
    }
}

#[test]
fn the_night_a_machine_was_lost_as_the_health_screen_showed_it() {
    let letter = letter(
        "node-lost-screen",
        &Timeline::of_the_lost_node(),
        Subjects::Screen,
    );
    insta::assert_snapshot!("node-lost-screen", letter.text);
    // While its operator is dead and its primary out of reach, the database is never called well.
    let lost = letter
        .text
        .split("\n\n")
        .filter(|at| at.contains("nobody can tell of"));
    for moment in lost {
        assert!(!moment.contains("Registration and records ok"), "{moment}");
        assert!(!moment.contains("archive care-db: archiving"), "{moment}");
    }
}

#[test]
fn the_other_recordings_as_the_health_screen_showed_them() {
    for (recording, cluster) in [
        ("cnpg-initdb-two-instances", "care-db"),
        ("cnpg-initdb-archiver-s3-unreachable-then-ok", "pg"),
        ("cnpg-backup", "pg"),
        ("cnpg-restore-to-moment", "pg2"),
        ("cnpg-restore-fails-target-too-late", "late"),
    ] {
        let timeline = Timeline::of_cluster(recording, cluster);
        let letter = letter(recording, &timeline, Subjects::Screen);
        insta::assert_snapshot!(format!("{recording}-screen"), letter.text);
    }
}
