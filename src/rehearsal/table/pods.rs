//! The cells of a pod, worked out as a real server does it. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::since;
use crate::rehearsal::world::text_at;

/// What a pod's row says.
pub struct Seen {
    /// `Running`, `Init:0/1`, `CrashLoopBackOff` ...
    pub reason: String,
    /// Ready containers.
    pub ready: usize,
    /// All containers that stay.
    pub total: usize,
    /// `2 (5m ago)`
    pub restarts: String,
}

fn list<'v>(pod: &'v Value, pointer: &str) -> impl DoubleEndedIterator<Item = &'v Value> {
    pod.pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

fn condition(pod: &Value, kind: &str) -> bool {
    list(pod, "/status/conditions").any(|entry| {
        text_at(entry, "/type") == Some(kind) && text_at(entry, "/status") == Some("True")
    })
}

/// Looks at a pod.
pub fn look(pod: &Value, now: Timestamp) -> Seen {
    let phase = text_at(pod, "/status/phase").unwrap_or("");
    let said = text_at(pod, "/status/reason").filter(|reason| !reason.is_empty());
    let gated = list(pod, "/status/conditions").any(|entry| {
        text_at(entry, "/type") == Some("PodScheduled")
            && text_at(entry, "/reason") == Some("SchedulingGated")
    });
    let mut reason = if gated {
        "SchedulingGated"
    } else {
        said.unwrap_or(phase)
    }
    .to_owned();
    let (initializing, mut count) = (initial(pod), Count::default());
    match initializing {
        Some(words) if !condition(pod, "Initialized") => {
            reason = words;
            list(pod, "/status/initContainerStatuses").for_each(|status| count.restarts(status));
        }
        _ => mains(pod, &mut reason, &mut count),
    }
    let deleted = text_at(pod, "/metadata/deletionTimestamp").is_some();
    if deleted && said == Some("NodeLost") {
        reason = "Unknown".into();
    } else if deleted && !matches!(phase, "Succeeded" | "Failed") {
        reason = "Terminating".into();
    }
    let mut restarts = count.restarts.to_string();
    if count.restarts > 0
        && let Some(last) = count.last
    {
        restarts = format!("{restarts} ({} ago)", since(Some(&last), now));
    }
    Seen {
        reason,
        ready: count.ready,
        total: list(pod, "/spec/containers").count(),
        restarts,
    }
}

#[derive(Default)]
struct Count {
    restarts: u64,
    last: Option<String>,
    ready: usize,
}

impl Count {
    fn restarts(&mut self, status: &Value) {
        self.restarts += status
            .get("restartCount")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        let at = text_at(status, "/lastState/terminated/finishedAt").map(str::to_owned);
        self.last = self.last.take().max(at);
    }
}

fn initial(pod: &Value) -> Option<String> {
    let total = list(pod, "/spec/initContainers").count();
    for (at, status) in list(pod, "/status/initContainerStatuses").enumerate() {
        if let Some(end) = status.pointer("/state/terminated") {
            if end.get("exitCode") == Some(&0.into()) {
                continue;
            }
            return Some(format!("Init:{}", ended(end)));
        }
        return Some(match text_at(status, "/state/waiting/reason") {
            Some(waits) if !waits.is_empty() && waits != "PodInitializing" => {
                format!("Init:{waits}")
            }
            _ => format!("Init:{at}/{total}"),
        });
    }
    None
}

fn ended(end: &Value) -> String {
    let number = |name: &str| end.get(name).and_then(Value::as_i64).unwrap_or(0);
    match text_at(end, "/reason") {
        Some(reason) if !reason.is_empty() => reason.to_owned(),
        _ if number("signal") != 0 => format!("Signal:{}", number("signal")),
        _ => format!("ExitCode:{}", number("exitCode")),
    }
}

fn mains(pod: &Value, reason: &mut String, count: &mut Count) {
    let mut running = false;
    for status in list(pod, "/status/containerStatuses").rev() {
        count.restarts(status);
        if let Some(waits) =
            text_at(status, "/state/waiting/reason").filter(|waits| !waits.is_empty())
        {
            waits.clone_into(reason);
        } else if let Some(end) = status.pointer("/state/terminated") {
            *reason = ended(end);
        } else if status.get("ready") == Some(&Value::Bool(true))
            && status.pointer("/state/running").is_some()
        {
            running = true;
            count.ready += 1;
        }
    }
    if reason == "Completed" && running {
        *reason = if condition(pod, "Ready") {
            "Running"
        } else {
            "NotReady"
        }
        .into();
    }
}
