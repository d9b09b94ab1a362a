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
    use super::*;

    #[test]
    fn each_recorded_mistake_is_named_by_its_log_and_other_lines_are_not() {
        let cases = [
            (
                r#"{"level":"error","msg":"Error invoking barman-cloud-check-wal-archive","error":"exit status 1"}"#,
                Some(Code::Rst04),
            ),
            (
                r#"{"level":"error","msg":"x","error":"rpc error: code = Unknown desc = no target backup found"}"#,
                Some(Code::Rst07),
            ),
            (
                "FATAL:  recovery ended before configured recovery target was reached",
                Some(Code::Rst02),
            ),
            (
                r#"{"level":"info","msg":"Recovering from external cluster"}"#,
                None,
            ),
        ];
        for (line, code) in cases {
            let found = diagnose(&[line.to_owned()]);
            assert_eq!(found.as_ref().map(|problem| problem.code), code, "{line}");
        }
        let found = diagnose(&[cases[0].0.to_owned()]).unwrap();
        assert_eq!(
            found.causes,
            ["Error invoking barman-cloud-check-wal-archive: exit status 1"]
        );
    }
}
