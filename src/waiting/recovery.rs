//! Why a recovery of the database can never succeed: its Cluster says nothing, only the log of its pods does. Pure.

use serde_json::Value;

use super::text;
use crate::{
    plan::Ready,
    problem::{Code, Problem},
    ready::Live,
};

/// The containers whose logs hold the reason.
pub const CONTAINERS: [&str; 2] = ["full-recovery", "plugin-barman-cloud"];

/// Pods of recovery jobs that have failed, of the Clusters that are waited for.
pub fn failed_pods(ready: &Ready, live: &Live) -> Vec<(String, String)> {
    let Ready::Object(target) = ready else {
        return Vec::new();
    };
    if target.group() != "postgresql.cnpg.io" || target.kind != "Cluster" {
        return Vec::new();
    }
    let label = |pod: &Value, key: &str| {
        let labels = pod.pointer("/metadata/labels");
        let value = labels.and_then(|labels| labels.get(key)?.as_str());
        value.unwrap_or_default().to_owned()
    };
    live.pods
        .iter()
        .filter(|pod| label(pod, "cnpg.io/cluster") == target.name)
        .filter(|pod| label(pod, "cnpg.io/jobRole") == "full-recovery")
        .filter(|pod| text(pod, "/status/phase") == "Failed")
        .map(|pod| {
            let part = |pointer| text(pod, pointer).to_owned();
            (part("/metadata/namespace"), part("/metadata/name"))
        })
        .collect()
}

/// Names the mistake that a log shows; nothing when the next try may succeed.
pub fn diagnose(lines: &[String]) -> Option<Problem> {
    const SIGNS: [(&str, Code, &str, &str); 4] = [
        ("Expected empty archive", Code::Rst04, SAME, ANOTHER_NAME),
        (
            "barman-cloud-check-wal-archive",
            Code::Rst04,
            SAME,
            ANOTHER_NAME,
        ),
        (
            "no target backup found",
            Code::Rst07,
            NO_BACKUP,
            ANOTHER_MOMENT,
        ),
        (
            "recovery ended before configured recovery target",
            Code::Rst02,
            TOO_LATE,
            ANOTHER_MOMENT,
        ),
    ];
    SIGNS.iter().find_map(|(sign, code, what, remedy)| {
        let line = lines.iter().find(|line| line.contains(sign))?;
        Some(Problem::new(*code, *what, *remedy).because(said(line)))
    })
}

const SAME: &str =
    "The recovery cannot begin: the new database would archive into a name that is not empty.";
const NO_BACKUP: &str = "The recovery cannot begin: the bucket has no base backup that ended before the chosen moment under that name.";
const TOO_LATE: &str =
    "The recovery cannot end: the changes in the bucket end before the chosen moment.";
const ANOTHER_NAME: &str = "Put everything back with care-install restore cancel, then begin again: a new name is taken by itself.";
const ANOTHER_MOMENT: &str = "Put everything back with care-install restore cancel, look at care-install backup list, and choose another moment.";

/// The words of a line, without the JSON around them.
fn said(line: &str) -> String {
    let value: Option<Value> = serde_json::from_str(line).ok();
    let Some(value) = value else {
        return line.to_owned();
    };
    let parts = ["/msg", "/error"].map(|pointer| text(&value, pointer));
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{
        plan::ObjectRef,
        ready::{self, Readiness},
    };

    /// The wrong restores of a real cluster after 75 seconds, with what the containers of their pods had written.
    const WRONG: [(&str, &str, [&str; 2], Code); 4] = [
        (
            include_str!("../../tests/recordings/cnpg-restore-fails-same-server-name.jsonl"),
            "same",
            [
                r#"{"level":"error","msg":"Error invoking barman-cloud-check-wal-archive","error":"exit status 1"}"#,
                r#"{"level":"error","msg":"Error while restoring","error":"unexpected failure invoking barman-cloud-wal-archive: exit status 1"}"#,
            ],
            Code::Rst04,
        ),
        (
            include_str!("../../tests/recordings/cnpg-restore-fails-target-too-early.jsonl"),
            "early",
            [
                r#"{"level":"info","msg":"Recovering from external cluster"}"#,
                r#"{"level":"error","msg":"Error while restoring a backup","error":"rpc error: code = Unknown desc = no target backup found"}"#,
            ],
            Code::Rst07,
        ),
        (
            include_str!("../../tests/recordings/cnpg-restore-fails-unknown-server-name.jsonl"),
            "unknown",
            [
                r#"{"level":"info","msg":"Recovering from external cluster"}"#,
                r#"{"level":"error","msg":"Error while restoring a backup","error":"rpc error: code = Unknown desc = no target backup found"}"#,
            ],
            Code::Rst07,
        ),
        (
            include_str!("../../tests/recordings/cnpg-restore-fails-target-too-late.jsonl"),
            "late",
            [
                "FATAL:  recovery ended before configured recovery target was reached",
                r#"{"level":"error","msg":"Error while restoring a backup","error":"failed to connect: .s.PGSQL.5432"}"#,
            ],
            Code::Rst02,
        ),
    ];

    /// The newest state of every recorded object.
    fn live(recording: &str) -> (Live, Ready) {
        let mut newest: Vec<Value> = Vec::new();
        for line in recording.lines() {
            let object: Value = serde_json::from_str(line).unwrap();
            let same = |other: &Value| {
                (&other["kind"], &other["metadata"]["name"])
                    == (&object["kind"], &object["metadata"]["name"])
            };
            newest.retain(|other| !same(other));
            newest.push(object);
        }
        let of = |kind: &str| -> Vec<Arc<Value>> {
            let all = newest.iter().filter(|object| object["kind"] == kind);
            all.cloned().map(Arc::new).collect()
        };
        let (targets, pods) = (of("Cluster"), of("Pod"));
        let metadata = &targets[0]["metadata"];
        let name = |field: &str| metadata[field].as_str().unwrap();
        let target = ObjectRef::new(
            "postgresql.cnpg.io/v1",
            "Cluster",
            name("namespace"),
            name("name"),
        );
        let live = Live {
            targets,
            pods,
            ..Live::default()
        };
        (live, Ready::Object(target))
    }

    #[test]
    fn each_recorded_wrong_restore_says_nothing_itself_and_is_named_from_the_logs_of_its_failed_pods()
     {
        for (recording, about, lines, code) in WRONG {
            let (live, ready) = live(recording);
            let judged = ready::judge(&ready, &live);
            assert!(
                matches!(judged, Readiness::NotYet(_)),
                "{about}: {judged:?}"
            );
            let failed = failed_pods(&ready, &live);
            assert!(failed.len() >= 3, "{about}: {failed:?}");
            assert_eq!(failed.len(), live.pods.len());
            let lines = lines.map(str::to_owned);
            let found = diagnose(&lines).expect(about);
            assert_eq!(found.code, code, "{about}: {found}");
            assert!(
                found.remedy.contains("care-install restore cancel"),
                "{found}"
            );
        }
    }

    #[test]
    fn pods_that_still_work_or_belong_to_others_are_not_read_and_other_lines_name_nothing() {
        let (mut live, ready) = live(WRONG[0].0);
        let mut pods: Vec<Value> = live.pods.iter().map(|pod| (**pod).clone()).collect();
        pods[0]["status"]["phase"] = json!("Running");
        pods[1]["metadata"]["labels"]["cnpg.io/cluster"] = json!("another");
        pods[2]["metadata"]["labels"]["cnpg.io/jobRole"] = json!("join");
        live.pods = pods.into_iter().map(Arc::new).collect();
        assert_eq!(failed_pods(&ready, &live).len(), live.pods.len() - 3);
        let quiet = r#"{"level":"info","msg":"Recovering from external cluster"}"#;
        assert_eq!(diagnose(&[quiet.to_owned()]), None);
        let found = diagnose(&[WRONG[0].2[0].to_owned()]).unwrap();
        assert_eq!(
            found.causes,
            ["Error invoking barman-cloud-check-wal-archive: exit status 1"]
        );
    }
}
