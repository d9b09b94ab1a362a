//! What a simulated container has written: a pure function of its pod. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    control,
    world::{World, text_at},
};

/// The lines of a container's log, oldest first; an empty container name means the only or first one.
///
/// # Errors
/// The sentence of a real server when there is nothing to read yet.
pub fn lines(world: &World<'_>, pod: &Value, container: &str) -> Result<Vec<String>, String> {
    let name = text_at(pod, "/metadata/name").unwrap_or("");
    let container = chosen(pod, name, container)?;
    let status = status(pod, &container);
    let state = status.and_then(|status| status.get("state"));
    if let Some(waiting) = state.and_then(|state| state.get("waiting")) {
        let reason = text_at(waiting, "/reason").unwrap_or("ContainerCreating");
        if status.and_then(|status| status.get("lastState")).is_none() {
            return Err(format!(
                "container \"{container}\" in pod \"{name}\" is waiting to start: {}",
                words(reason, waiting)
            ));
        }
    }
    let Some(state) = state else {
        return Err(format!(
            "container \"{container}\" in pod \"{name}\" is waiting to start: ContainerCreating"
        ));
    };
    let image = text_at(status.unwrap_or(&Value::Null), "/image").unwrap_or("unknown");
    let started = text_at(state, "/running/startedAt")
        .or_else(|| text_at(state, "/terminated/startedAt"))
        .or_else(|| text_at(pod, "/status/startTime"))
        .unwrap_or("");
    let mut found = vec![
        format!("{started} practice container {container} of image {image} starts"),
        format!("{started} settings read from the environment and from mounted files"),
    ];
    if state.get("running").is_some() {
        let ready = status.and_then(|status| status.get("ready")) == Some(&Value::Bool(true));
        found.push(if ready {
            format!("{} ready: accepting connections", later(started, 2))
        } else {
            format!("{} starting", later(started, 1))
        });
    }
    found.extend(rows(world, pod, state));
    found.extend(recovery(pod, &container, state));
    if let Some(end) = state
        .get("terminated")
        .or_else(|| status.and_then(|status| status.pointer("/lastState/terminated")))
    {
        let at = text_at(end, "/finishedAt").unwrap_or(started);
        let code = end.get("exitCode").and_then(Value::as_i64).unwrap_or(0);
        if let Some(message) = text_at(end, "/message") {
            found.push(format!("{at} {message}"));
        }
        found.push(format!("{at} ends with exit code {code}"));
    }
    Ok(found)
}

/// What a job that counts rows finds in the simulated PostgreSQL.
fn rows(world: &World<'_>, pod: &Value, state: &Value) -> Vec<String> {
    let labels = pod.pointer("/metadata/labels");
    let cluster = labels.and_then(|labels| labels.get("care-install/counts")?.as_str());
    let ended = text_at(state, "/terminated/finishedAt").and_then(|at| at.parse().ok());
    let (Some(cluster), Some(ended)) = (cluster, ended) else {
        return Vec::new();
    };
    let space = text_at(pod, "/metadata/namespace").unwrap_or_default();
    let counted = control::counted(world, space, cluster, ended);
    let line = |(table, count)| format!("rows {table} {count}");
    counted.into_iter().map(line).collect()
}

/// The words of a recovery that can never succeed, as recorded on a real cluster.
fn recovery(pod: &Value, container: &str, state: &Value) -> Vec<String> {
    let notes = pod.pointer("/metadata/annotations");
    let wrong = notes.and_then(|notes| notes.get(control::WRONG)?.as_str());
    if state.get("terminated").is_none() && container != "plugin-barman-cloud" {
        return Vec::new();
    }
    let line = |level: &str, msg: &str, error: &str| {
        serde_json::json!({"level": level, "logger": "instance-manager", "msg": msg, "error": error}).to_string()
    };
    match (wrong, container) {
        (Some("same-server-name"), "full-recovery") => vec![
            line(
                "error",
                "Error invoking barman-cloud-check-wal-archive",
                "exit status 1",
            ),
            line(
                "error",
                "Error while restoring a backup",
                "unexpected failure invoking barman-cloud-wal-archive: exit status 1",
            ),
        ],
        (Some("same-server-name"), "plugin-barman-cloud") => vec![line(
            "error",
            "barman-cloud-check-wal-archive checking the first wal",
            "ERROR: WAL archive check failed for server: Expected empty archive",
        )],
        (Some("no-target-backup"), "full-recovery") => vec![line(
            "error",
            "Error while restoring a backup",
            "rpc error: code = Unknown desc = no target backup found",
        )],
        (Some("target-too-late"), "full-recovery") => vec![
            line(
                "info",
                "FATAL:  recovery ended before configured recovery target was reached",
                "",
            ),
            line(
                "error",
                "Error while restoring a backup",
                "failed to connect to `user=postgres database=postgres`: /controller/run/.s.PGSQL.5432: no such file or directory",
            ),
        ],
        _ => Vec::new(),
    }
}

fn words(reason: &str, waiting: &Value) -> String {
    match reason {
        "ImagePullBackOff" | "ErrImagePull" => {
            let message = text_at(waiting, "/message").unwrap_or("");
            format!("trying and failing to pull image: {message}")
        }
        other => other.to_owned(),
    }
}

fn later(at: &str, seconds: i64) -> String {
    at.parse::<Timestamp>()
        .ok()
        .and_then(|at| {
            at.checked_add(jiff::SignedDuration::from_secs(seconds))
                .ok()
        })
        .map_or_else(|| at.to_owned(), super::store::stamp)
}

fn chosen(pod: &Value, name: &str, container: &str) -> Result<String, String> {
    let all: Vec<&str> = ["containers", "initContainers"]
        .into_iter()
        .filter_map(|list| pod.pointer(&format!("/spec/{list}"))?.as_array())
        .flatten()
        .filter_map(|entry| text_at(entry, "/name"))
        .collect();
    if container.is_empty() {
        return all
            .first()
            .map(|first| (*first).to_owned())
            .ok_or_else(|| format!("pod {name} has no containers"));
    }
    if all.contains(&container) {
        return Ok(container.to_owned());
    }
    Err(format!("container {container} is not valid for pod {name}"))
}

fn status<'v>(pod: &'v Value, container: &str) -> Option<&'v Value> {
    ["containerStatuses", "initContainerStatuses"]
        .into_iter()
        .filter_map(|list| pod.pointer(&format!("/status/{list}"))?.as_array())
        .flatten()
        .find(|status| text_at(status, "/name") == Some(container))
}
