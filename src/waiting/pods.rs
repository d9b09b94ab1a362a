//! What pods and their containers say about why they are not ready. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::{event, known, plain, text, time, when};
use crate::{
    engine::event::Reason,
    plan::Ready,
    problem::Code,
    ready::{Live, silent},
};

/// The pods that belong to the condition's objects.
pub fn of<'l>(ready: &Ready, live: &'l Live) -> Vec<&'l Value> {
    let selectors: Vec<Vec<(String, String)>> = match ready {
        Ready::Object(_) | Ready::All { .. } => {
            live.targets.iter().map(|target| selector(target)).collect()
        }
        Ready::Accepts(_) => Vec::new(),
    };
    live.pods
        .iter()
        .map(AsRef::as_ref)
        .filter(|pod| {
            let itself = live.targets.iter().any(|target| {
                text(target, "/kind") == "Pod"
                    && text(target, "/metadata/name") == text(pod, "/metadata/name")
            });
            itself || selectors.iter().any(|labels| carries(pod, labels))
        })
        .collect()
}

fn selector(target: &Value) -> Vec<(String, String)> {
    let name = text(target, "/metadata/name");
    if text(target, "/kind") == "Cluster" {
        return vec![("cnpg.io/cluster".to_owned(), name.to_owned())];
    }
    let labels = target
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object);
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    labels.into_iter().flatten().filter_map(pair).collect()
}

fn carries(pod: &Value, labels: &[(String, String)]) -> bool {
    let own = pod.pointer("/metadata/labels").and_then(Value::as_object);
    !labels.is_empty()
        && labels.iter().all(|(key, value)| {
            own.and_then(|own| own.get(key)).and_then(Value::as_str) == Some(value)
        })
}

/// Everything worth telling about one pod among the others of the condition, with its rank: 0 is the most telling.
pub fn reasons(pod: &Value, others: &[&Value], live: &Live) -> Vec<(u8, Reason)> {
    let name = text(pod, "/metadata/name");
    if text(pod, "/status/phase") == "Succeeded" {
        return Vec::new();
    }
    if let Some(since) = silent(&live.nodes, text(pod, "/spec/nodeName")) {
        let node = text(pod, "/spec/nodeName");
        let sentence =
            format!("nothing is known of pod {name}{since}: its node {node} is not ready");
        return vec![(5, plain(sentence, unready_since(pod)))];
    }
    if ready(pod) {
        return Vec::new();
    }
    if !text(pod, "/metadata/deletionTimestamp").is_empty()
        && text(pod, "/status/phase") != "Failed"
    {
        let sentence = format!("pod {name} is being ended; another one takes its place after that");
        return vec![(6, plain(sentence, unready_since(pod)))];
    }
    let tries = tries(pod, others);
    if tries == Tries::Earlier {
        return Vec::new();
    }
    if let Some(why) = unscheduled(pod, name) {
        return vec![why];
    }
    let mut reasons = Vec::new();
    for (list, images) in [
        ("initContainerStatuses", "initContainers"),
        ("containerStatuses", "containers"),
    ] {
        let statuses = pod
            .pointer(&format!("/status/{list}"))
            .and_then(Value::as_array);
        for status in statuses.into_iter().flatten() {
            reasons.extend(container(pod, status, images, live));
        }
    }
    reasons.extend(volumes(pod, live));
    if let (Tries::Last(before), Some((_, first))) = (tries, reasons.first_mut())
        && before > 0
    {
        let tries = if before == 1 { "try" } else { "tries" };
        first.sentence = format!("{}, as in {before} {tries} before", first.sentence);
    }
    if reasons.is_empty() {
        let phase = match text(pod, "/status/phase") {
            "" => "Pending",
            phase => phase,
        };
        let since =
            time(pod, "/status/startTime").or_else(|| time(pod, "/metadata/creationTimestamp"));
        reasons.push((8, plain(format!("pod {name} is {phase}"), since)));
    }
    reasons
}

/// Which of a job's failed tries a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tries {
    /// It is no failed try of a job.
    None,
    /// A later one has failed, too.
    Earlier,
    /// The last one, with so many before it.
    Last(usize),
}

/// A job's failed tries are told once: by the last of them.
fn tries(pod: &Value, others: &[&Value]) -> Tries {
    let failed = |pod: &Value| text(pod, "/status/phase") == "Failed";
    let age = |pod: &Value| time(pod, "/metadata/creationTimestamp");
    let Some(job) = job_of(pod).filter(|_| failed(pod)) else {
        return Tries::None;
    };
    let kin = others
        .iter()
        .filter(|other| job_of(other) == Some(job) && failed(other));
    let order = |pod: &Value| (age(pod), text(pod, "/metadata/name").to_owned());
    let own = order(pod);
    let (mut before, mut after) = (0, 0);
    for other in kin {
        match order(other).cmp(&own) {
            std::cmp::Ordering::Less => before += 1,
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => after += 1,
        }
    }
    if after > 0 {
        Tries::Earlier
    } else {
        Tries::Last(before)
    }
}

/// The job that a pod is a try of.
fn job_of(pod: &Value) -> Option<&str> {
    let owners = pod
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)?;
    let job = owners.iter().find(|owner| text(owner, "/kind") == "Job")?;
    Some(text(job, "/name"))
}

/// Since when a pod is not ready; since it has been there when it never was.
fn unready_since(pod: &Value) -> Option<Timestamp> {
    let all = pod.pointer("/status/conditions").and_then(Value::as_array);
    let ready = all
        .into_iter()
        .flatten()
        .find(|one| text(one, "/type") == "Ready");
    ready
        .and_then(|ready| time(ready, "/lastTransitionTime"))
        .or_else(|| time(pod, "/status/startTime"))
}

fn ready(pod: &Value) -> bool {
    let all = pod.pointer("/status/conditions").and_then(Value::as_array);
    all.into_iter().flatten().any(|condition| {
        text(condition, "/type") == "Ready" && text(condition, "/status") == "True"
    })
}

fn unscheduled(pod: &Value, name: &str) -> Option<(u8, Reason)> {
    let all = pod
        .pointer("/status/conditions")
        .and_then(Value::as_array)?;
    let scheduled = all.iter().find(|condition| {
        text(condition, "/type") == "PodScheduled" && text(condition, "/status") == "False"
    })?;
    let message = text(scheduled, "/message");
    let since = time(scheduled, "/lastTransitionTime");
    // A claim that waits for its volume is told by the claim; here it is only the consequence.
    if message.contains("unbound immediate PersistentVolumeClaims") {
        return Some((5, plain(format!("pod {name} waits for its volume"), since)));
    }
    let remedy = "Free memory or CPU on a node, or correct the node's labels and taints; the numbers above say which.";
    Some((
        2,
        known(
            Code::Wait05,
            format!("no node takes pod {name}: {message}"),
            since,
            remedy,
        ),
    ))
}

fn container(pod: &Value, status: &Value, images: &str, live: &Live) -> Option<(u8, Reason)> {
    let name = text(pod, "/metadata/name");
    let part = text(status, "/name");
    let waiting = text(status, "/state/waiting/reason");
    let message = text(status, "/state/waiting/message");
    let since = unready_since(pod);
    match waiting {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => Some((0, image(pod, (part, images), status, live))),
        "CrashLoopBackOff" => Some((0, crash((name, part), status, since, live))),
        "RunContainerError" => {
            let last = status.pointer("/lastState/terminated");
            let said = last.map_or(message, |last| text(last, "/message"));
            Some((0, unstartable((name, part), said, since)))
        }
        "CreateContainerConfigError" | "CreateContainerError" => {
            let sentence = format!("container {part} of pod {name} cannot be made: {message}");
            let remedy = "Run the step that makes the missing ConfigMap, Secret or key again (press r on it).";
            Some((1, known(Code::Wait04, sentence, since, remedy)))
        }
        "PodInitializing" | "ContainerCreating" => pulling(name, live),
        "" => running(pod, status, live),
        other => Some((
            7,
            plain(format!("container {part} of pod {name} is {other}"), since),
        )),
    }
}

fn image(pod: &Value, (part, images): (&str, &str), status: &Value, live: &Live) -> Reason {
    let name = text(pod, "/metadata/name");
    let containers = pod
        .pointer(&format!("/spec/{images}"))
        .and_then(Value::as_array);
    let asked = containers
        .into_iter()
        .flatten()
        .find(|container| text(container, "/name") == part)
        .map_or_else(
            || text(status, "/image"),
            |container| text(container, "/image"),
        );
    let failed = live
        .events
        .iter()
        .filter(|event| {
            text(event, "/involvedObject/name") == name && text(event, "/reason") == "Failed"
        })
        .filter(|event| text(event, "/message").contains("Failed to pull image"))
        .max_by_key(|event| when(event));
    let said = failed.map_or_else(
        || text(status, "/state/waiting/message"),
        |event| text(event, "/message"),
    );
    let cause = cause(said, asked);
    let registry = asked.split('/').next().unwrap_or(asked);
    let remedy = if cause.contains("unauthorized")
        || cause.contains("denied")
        || cause.contains("forbidden")
    {
        format!("Check the login for {registry} on the nodes. The pod tries again by itself.")
    } else if cause.contains("toomanyrequests") || cause.contains("429") {
        format!(
            "{registry} lets nobody pull more for now: wait, or give the nodes a login for it, or use the site's own registry. The pod tries again by itself."
        )
    } else if cause.contains("not found") {
        format!(
            "Push the image to {registry} or correct its name in site.yaml. The pod tries again by itself."
        )
    } else {
        format!(
            "Check on the node that {registry} can be reached: crictl pull {asked}. The pod tries again by itself."
        )
    };
    let since = failed
        .and_then(|event| time(event, "/firstTimestamp"))
        .or_else(|| time(pod, "/status/startTime"));
    known(
        Code::Wait02,
        format!("pod {name} cannot pull the image {asked}: {cause}"),
        since,
        &remedy,
    )
}

/// The registry's own words: the last parts of containerd's long chain, without repeating the image.
fn cause(said: &str, image: &str) -> String {
    let parts: Vec<&str> = said
        .split(": ")
        .map(str::trim)
        .filter(|part| !part.is_empty() && !part.contains(image) && !part.starts_with("rpc error"))
        .collect();
    let last = parts.len().saturating_sub(2);
    let words = parts.get(last..).unwrap_or_default().join(": ");
    if words.is_empty() {
        "the registry gave no reason".to_owned()
    } else {
        words
    }
}

fn crash(
    (name, part): (&str, &str),
    status: &Value,
    since: Option<Timestamp>,
    live: &Live,
) -> Reason {
    let count = status
        .pointer("/restartCount")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let code = status
        .pointer("/lastState/terminated/exitCode")
        .and_then(Value::as_i64);
    let reason = text(status, "/lastState/terminated/reason");
    if ["StartError", "ContainerCannotRun"].contains(&reason) {
        let said = text(status, "/lastState/terminated/message");
        return unstartable((name, part), said, since);
    }
    // The kubelet ends what does not answer; the exit code then says only that it was ended.
    let unanswered = event(live, "Pod", name, &["Unhealthy"])
        .map(|event| text(event, "/message"))
        .filter(|said| {
            said.starts_with("Liveness probe failed") && matches!(code, Some(137 | 143))
        });
    let how = match (code, reason) {
        (_, "OOMKilled") => "it used more memory than its limit".to_owned(),
        _ if unanswered.is_some() => {
            format!("it did not answer ({})", unanswered.unwrap_or_default())
        }
        (Some(code), _) => format!("exit code {code}"),
        (None, _) => "for an unknown reason".to_owned(),
    };
    let times = times(count);
    let remedy = match reason {
        "OOMKilled" => MORE_MEMORY,
        _ => READ_LOG,
    };
    known(
        Code::Wait03,
        format!("container {part} of pod {name} ended {times}: {how}"),
        since,
        remedy,
    )
}

const MORE_MEMORY: &str = "Raise its memory limit if it needs that much; its log (press l) shows what it did before it ended.";

const READ_LOG: &str = "Read its log (press l): its last lines hold the reason.";

/// `1 time`, `4 times`.
fn times(count: u64) -> String {
    format!("{count} {}", if count == 1 { "time" } else { "times" })
}

/// The image is there and its program cannot be run: the container's log is empty.
fn unstartable((name, part): (&str, &str), said: &str, since: Option<Timestamp>) -> Reason {
    // containerd and runc tell in a long chain; what went wrong begins with the program.
    let cause = said.find("exec: ").and_then(|at| said.get(at..));
    let cause = cause.unwrap_or(said).trim().trim_end_matches(": unknown");
    let sentence = format!("container {part} of pod {name} cannot be started: {cause}");
    let remedy = "The image does not hold the program that it should run: correct its name or tag, or push a whole one. The pod tries again by itself.";
    known(Code::Wait03, sentence, since, remedy)
}

fn pulling(name: &str, live: &Live) -> Option<(u8, Reason)> {
    let begun = event(live, "Pod", name, &["Pulling"])?;
    let ended = event(live, "Pod", name, &["Pulled"]);
    if ended.and_then(when) > when(begun) {
        return None;
    }
    let image = text(begun, "/message")
        .trim_start_matches("Pulling image ")
        .trim_matches('"');
    Some((
        6,
        plain(
            format!("pod {name} is pulling the image {image}"),
            when(begun),
        ),
    ))
}

fn running(pod: &Value, status: &Value, live: &Live) -> Option<(u8, Reason)> {
    let (name, part) = (text(pod, "/metadata/name"), text(status, "/name"));
    if let Some(code) = status
        .pointer("/state/terminated/exitCode")
        .and_then(Value::as_i64)
    {
        let ended = unready_since(pod).or_else(|| time(status, "/state/terminated/finishedAt"));
        let sentence = format!("container {part} of pod {name} ended with exit code {code}");
        return (code != 0).then(|| (1, known(Code::Wait03, sentence, ended, READ_LOG)));
    }
    if status.pointer("/ready").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let since = time(status, "/state/running/startedAt");
    if job_of(pod).is_some() {
        let sentence = format!("container {part} of pod {name} is at work");
        return Some((7, plain(sentence, since)));
    }
    if let Some(again) = runs_again(pod, status) {
        return Some((4, again));
    }
    let probe = event(live, "Pod", name, &["Unhealthy"]).filter(|event| when(event) >= since);
    Some(match probe {
        Some(event) => {
            let sentence = format!(
                "container {part} of pod {name} runs and is not ready: {}",
                text(event, "/message")
            );
            let remedy =
                "Programs may need a moment to start. If it lasts, read its log (press l).";
            (4, known(Code::Wait08, sentence, since, remedy))
        }
        None => (
            7,
            plain(format!("container {part} of pod {name} is starting"), since),
        ),
    })
}

/// A container that has ended badly since its pod is not ready, and runs again: that is no recovery yet.
fn runs_again(pod: &Value, status: &Value) -> Option<Reason> {
    let code = status
        .pointer("/lastState/terminated/exitCode")
        .and_then(Value::as_i64)?;
    let ended = time(status, "/lastState/terminated/finishedAt");
    let began = time(status, "/state/running/startedAt");
    if code == 0 || ended < unready_since(pod) || began < ended {
        return None;
    }
    let count = status
        .pointer("/restartCount")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    let (name, part) = (text(pod, "/metadata/name"), text(status, "/name"));
    let sentence = format!(
        "container {part} of pod {name} runs again after it ended {}: exit code {code}",
        times(count)
    );
    Some(known(Code::Wait03, sentence, unready_since(pod), READ_LOG))
}

/// The disk that an event speaks of, by its claim and class as far as they are known.
fn disk(pod: &Value, said: &str, live: &Live) -> String {
    let space = text(pod, "/metadata/namespace");
    let claim = live.claims.iter().find(|claim| {
        let volume = text(claim, "/spec/volumeName");
        text(claim, "/metadata/namespace") == space && !volume.is_empty() && said.contains(volume)
    });
    claim.map_or_else(
        || "a volume".to_owned(),
        |claim| {
            format!(
                "the disk of claim {} (class {})",
                text(claim, "/metadata/name"),
                text(claim, "/spec/storageClassName")
            )
        },
    )
}

fn volumes(pod: &Value, live: &Live) -> Option<(u8, Reason)> {
    let name = text(pod, "/metadata/name");
    let event = event(live, "Pod", name, &["FailedAttachVolume", "FailedMount"])?;
    let attached = super::event(live, "Pod", name, &["SuccessfulAttachVolume", "Started"]);
    if attached.and_then(when) > when(event) {
        return None;
    }
    let node = text(pod, "/spec/nodeName");
    let said = text(event, "/message");
    let disk = disk(pod, said, live);
    let sentence = format!("pod {name} waits for {disk} on {node}: {said}");
    let remedy = format!(
        "Check on {node} that iscsid runs and multipathd does not: systemctl status iscsid multipathd. A disk that is only slow is attached in the end."
    );
    let since = time(event, "/firstTimestamp").or_else(|| when(event));
    Some((3, known(Code::Wait07, sentence, since, &remedy)))
}
