//! Pods as `kubectl get pods` prints them, but not believed when their node is silent. Pure.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use crate::watch::{
    facts::{Facts, ended, node_of, owner, unready_since},
    short::{End, Short},
    snapshot::{
        condition, holds, items, label, leaving, made, moment, name, namespace, number, text, time,
    },
    usage::{Amount, Asks, millicores, units},
    view::{Health, PodRow},
};

/// Newest events shown for a pod.
const EVENTS: usize = 5;

/// Longest text of a message in the details.
const MESSAGE: usize = 300;

/// How long a container may run without being ready before that is a warning.
pub const SLOW: Duration = Duration::from_mins(5);

/// A pod that was asked to end may take this much longer than its own limit.
pub const LATE: Duration = Duration::from_mins(1);

/// Statuses of containers that do not cure themselves.
const BAD: &[&str] = &[
    "CrashLoopBackOff",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "Error",
    "OOMKilled",
    "ContainerStatusUnknown",
];

/// What `kubectl` prints in the columns READY, STATUS and RESTARTS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// Containers that are ready.
    pub ready: u32,
    /// All that count.
    pub containers: u32,
    /// The word.
    pub status: String,
    /// Restarts of all of them.
    pub restarts: u32,
}

/// The rows of all pods, by namespace and name. A pod that is well, and of which nothing is told beside, keeps the row that it
/// has: of many thousand pods only few are otherwise from one picture to the next.
pub fn rows(facts: &Facts<'_>) -> Vec<Arc<PodRow>> {
    let row_of = |(pod, short): (&Arc<Value>, &Short)| {
        let made = || Arc::new(row(pod, facts));
        if follows_from_itself(short, facts) {
            Arc::clone(short.row.get_or_init(made))
        } else {
            made()
        }
    };
    facts.snapshot.pods().map(row_of).collect()
}

/// Whether the row follows from the pod alone: neither from the time, nor from its node, its family or its events.
fn follows_from_itself(pod: &Short, facts: &Facts<'_>) -> bool {
    (pod.is_ready || pod.end == Some(End::Succeeded))
        && pod.end != Some(End::Failed)
        && !pod.is_leaving
        && facts.short_lost(pod).is_none()
        && !facts.has_events(pod)
}

fn row(pod: &Value, facts: &Facts<'_>) -> PodRow {
    let printed = printed(pod);
    let lost = facts.pod_lost(pod);
    let health = health(pod, &printed, facts);
    let details = details(pod, &printed, facts);
    PodRow {
        namespace: namespace(pod).to_owned(),
        name: name(pod).to_owned(),
        // What a silent node said last is no count of what is ready.
        ready: if lost.is_some() { 0 } else { printed.ready },
        containers: printed.containers,
        status: if lost.is_some() {
            "Unknown".to_owned()
        } else {
            printed.status
        },
        health,
        restarts: printed.restarts,
        node: node_of(pod).to_owned(),
        owner: belongs_to(pod),
        asks: asks(pod),
        since: made(pod),
        details,
    }
}

/// What the containers of a pod ask for together; without a limit of one of them the pod has none.
fn asks(pod: &Value) -> Asks {
    let of = |container: &Value, kind: &str| {
        let words = container
            .pointer("/resources")
            .and_then(|resources| resources.get(kind));
        let word = |name: &str| {
            let word = words.and_then(|words| words.get(name));
            word.and_then(Value::as_str).unwrap_or("")
        };
        Amount {
            cpu: millicores(word("cpu")),
            memory: units(word("memory")),
        }
    };
    let mut asks = Asks::default();
    let (mut no_cpu, mut no_memory) = (false, false);
    for container in items(pod, "/spec/containers") {
        let (request, limit) = (of(container, "requests"), of(container, "limits"));
        asks.request.cpu += request.cpu;
        asks.request.memory += request.memory;
        asks.limit.cpu += limit.cpu;
        asks.limit.memory += limit.memory;
        no_cpu |= limit.cpu == 0;
        no_memory |= limit.memory == 0;
    }
    if no_cpu {
        asks.limit.cpu = 0;
    }
    if no_memory {
        asks.limit.memory = 0;
    }
    asks
}

/// What a pod belongs to; a pod that nobody made belongs to itself.
fn belongs_to(pod: &Value) -> String {
    let (kind, name) = owner(pod);
    format!("{kind} {name}")
}

/// Says what `kubectl` would say.
pub fn printed(pod: &Value) -> Printed {
    let sidecars: Vec<&str> = items(pod, "/spec/initContainers")
        .filter(|container| text(container, "/restartPolicy") == "Always")
        .map(|container| text(container, "/name"))
        .collect();
    let listed = items(pod, "/spec/containers").count();
    let counted = listed.max(items(pod, "/status/containerStatuses").count()) + sidecars.len();
    let mut printed = Printed {
        containers: u32::try_from(counted).unwrap_or(u32::MAX),
        status: match (text(pod, "/status/reason"), text(pod, "/status/phase")) {
            ("", "") => "Pending".to_owned(),
            ("", phase) => phase.to_owned(),
            (reason, _) => reason.to_owned(),
        },
        ..Printed::default()
    };
    let gated = condition(pod, "PodScheduled")
        .is_some_and(|scheduled| text(scheduled, "/reason") == "SchedulingGated");
    if gated {
        "SchedulingGated".clone_into(&mut printed.status);
    }
    let initializing = init(pod, &sidecars, &mut printed);
    if !initializing || holds(pod, "Initialized") {
        main(pod, &mut printed);
    }
    if leaving(pod) && text(pod, "/status/reason") == "NodeLost" {
        "Unknown".clone_into(&mut printed.status);
    } else if leaving(pod) && !ended(pod) {
        "Terminating".clone_into(&mut printed.status);
    }
    printed
}

/// Looks at the init containers; true while one of them keeps the others from starting.
fn init(pod: &Value, sidecars: &[&str], printed: &mut Printed) -> bool {
    let total = items(pod, "/spec/initContainers")
        .count()
        .max(items(pod, "/status/initContainerStatuses").count());
    for (index, status) in items(pod, "/status/initContainerStatuses").enumerate() {
        printed.restarts += restarts(status);
        let ended = status.pointer("/state/terminated");
        let sidecar = sidecars.contains(&text(status, "/name"));
        let started = status.pointer("/started").and_then(Value::as_bool) == Some(true);
        if ended.is_some_and(|ended| exit_code(ended) == Some(0)) {
            continue;
        }
        if sidecar && started {
            if is_ready(status) {
                printed.ready += 1;
            }
            continue;
        }
        let waiting = text(status, "/state/waiting/reason");
        printed.status = match ended {
            Some(ended) => format!("Init:{}", last_word(ended)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => {
                format!("Init:{waiting}")
            }
            None => format!("Init:{index}/{total}"),
        };
        return true;
    }
    false
}

fn main(pod: &Value, printed: &mut Printed) {
    let mut running = false;
    let statuses: Vec<&Value> = items(pod, "/status/containerStatuses").collect();
    for status in statuses.iter().rev() {
        printed.restarts += restarts(status);
        let waiting = text(status, "/state/waiting/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut printed.status);
        } else if let Some(ended) = status.pointer("/state/terminated") {
            printed.status = last_word(ended);
        } else if is_ready(status) && status.pointer("/state/running").is_some() {
            running = true;
            printed.ready += 1;
        }
    }
    if printed.status == "Completed" && running {
        let word = if holds(pod, "Ready") {
            "Running"
        } else {
            "NotReady"
        };
        word.clone_into(&mut printed.status);
    }
}

fn last_word(ended: &Value) -> String {
    let signal = number(ended, "/signal").unwrap_or(0);
    match text(ended, "/reason") {
        "" if signal != 0 => format!("Signal:{signal}"),
        "" => format!("ExitCode:{}", exit_code(ended).unwrap_or(0)),
        reason => reason.to_owned(),
    }
}

fn exit_code(ended: &Value) -> Option<i64> {
    ended.pointer("/exitCode").and_then(Value::as_i64)
}

fn restarts(status: &Value) -> u32 {
    number(status, "/restartCount")
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(0)
}

fn is_ready(status: &Value) -> bool {
    status.pointer("/ready").and_then(Value::as_bool) == Some(true)
}

fn health(pod: &Value, printed: &Printed, facts: &Facts<'_>) -> Health {
    if facts.pod_lost(pod).is_some() {
        return Health::Unknown;
    }
    match text(pod, "/status/phase") {
        "Succeeded" => return Health::Good,
        // What failed for good is replaced by its owner, or it is the job's matter.
        "Failed" => {
            return if facts.replaced(pod) {
                Health::Warn
            } else {
                Health::Bad
            };
        }
        _ => {}
    }
    if leaving(pod) {
        let late = facts.lasts(time(pod, "/metadata/deletionTimestamp"), LATE);
        return if late { Health::Warn } else { Health::Busy };
    }
    if holds(pod, "Ready") {
        return Health::Good;
    }
    let word = printed.status.trim_start_matches("Init:");
    let failing = ["ExitCode:", "Signal:"];
    if BAD.contains(&word) || failing.iter().any(|start| word.starts_with(start)) {
        return Health::Bad;
    }
    if facts.lasts(unready_since(pod), SLOW) {
        Health::Warn
    } else {
        Health::Busy
    }
}

fn details(pod: &Value, printed: &Printed, facts: &Facts<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(lost) = facts.pod_lost(pod) {
        let since = lost
            .since
            .map_or_else(String::new, |at| format!(" since {}", moment(at)));
        lines.push(format!(
            "unknown{since}: its node {} is not ready; before that it was {}",
            node_of(pod),
            printed.status
        ));
    }
    for (statuses, specs, word) in [
        (
            "/status/initContainerStatuses",
            "/spec/initContainers",
            "init container",
        ),
        ("/status/containerStatuses", "/spec/containers", "container"),
    ] {
        for status in items(pod, statuses) {
            let spec = items(pod, specs).find(|spec| text(spec, "/name") == text(status, "/name"));
            lines.extend(container(word, status, spec));
        }
    }
    for condition in items(pod, "/status/conditions") {
        if text(condition, "/status") != "True" && !text(condition, "/message").is_empty() {
            let message = short(text(condition, "/message"));
            lines.push(format!("not {}: {message}", text(condition, "/type")));
        }
    }
    lines.extend(newest(&facts.events("Pod", pod)));
    lines
}

fn container(word: &str, status: &Value, spec: Option<&Value>) -> Vec<String> {
    let image = spec.map_or_else(|| text(status, "/image"), |spec| text(spec, "/image"));
    let mut lines = vec![format!(
        "{word} {}: {}; image {image}",
        text(status, "/name"),
        state(status, "/state")
    )];
    if status.pointer("/lastState/terminated").is_some() {
        lines.push(format!("  before: {}", state(status, "/lastState")));
    }
    lines
}

fn state(status: &Value, pointer: &str) -> String {
    let at = |field: &str| {
        time(status, &format!("{pointer}{field}"))
            .map_or_else(String::new, |at| format!(" {}", moment(at)))
    };
    if let Some(ended) = status.pointer(&format!("{pointer}/terminated")) {
        let code = exit_code(ended).unwrap_or(0);
        let reason = text(ended, "/reason");
        return format!(
            "ended{} with exit code {code} ({reason})",
            at("/terminated/finishedAt")
        );
    }
    if let Some(waiting) = status.pointer(&format!("{pointer}/waiting")) {
        let message = short(text(waiting, "/message"));
        let more = if message.is_empty() {
            String::new()
        } else {
            format!(", {message}")
        };
        return format!("waiting: {}{more}", text(waiting, "/reason"));
    }
    if status.pointer(&format!("{pointer}/running")).is_some() {
        let unready = if is_ready(status) { "" } else { ", not ready" };
        return format!("running since{}{unready}", at("/running/startedAt"));
    }
    "not started".to_owned()
}

/// When an event happened last.
pub fn when(event: &Value) -> Option<Timestamp> {
    time(event, "/series/lastObservedTime")
        .or_else(|| time(event, "/lastTimestamp"))
        .or_else(|| time(event, "/eventTime"))
        .or_else(|| made(event))
}

/// The newest events as lines.
pub fn newest(events: &[Arc<Value>]) -> Vec<String> {
    let mut events: Vec<&Arc<Value>> = events.iter().collect();
    events.sort_by_key(|event| std::cmp::Reverse(when(event)));
    events
        .into_iter()
        .take(EVENTS)
        .map(|event| {
            let at = when(event).map_or_else(String::new, |at| format!(" {}", moment(at)));
            let count = number(event, "/count").filter(|count| *count > 1);
            let times = count.map_or_else(String::new, |count| format!(" ({count} times)"));
            let message = short(text(event, "/message"));
            format!("event{at}{times}: {}: {message}", text(event, "/reason"))
        })
        .collect()
}

/// A message on one line and of bearable length.
pub fn short(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MESSAGE {
        return line;
    }
    let mut cut: String = line.chars().take(MESSAGE).collect();
    cut.push('…');
    cut
}

/// Whether the pod is an instance of the database cluster, and not one of its jobs.
pub fn is_instance(pod: &Value, cluster: &str) -> bool {
    label(pod, "cnpg.io/cluster") == Some(cluster) && label(pod, "cnpg.io/jobRole").is_none()
}
