//! What a simulated container has written: a pure function of its pod. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::world::{World, text_at};

/// The lines of a container's log, oldest first; an empty container name means the only or first one.
///
/// # Errors
/// The sentence of a real server when there is nothing to read yet.
pub fn lines(_world: &World<'_>, pod: &Value, container: &str) -> Result<Vec<String>, String> {
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
