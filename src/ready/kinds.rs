//! The predicate of each kind, as that kind's own documentation defines its status. Pure.

use serde_json::Value;

use super::Readiness;
use crate::{
    plan::ObjectRef,
    problem::{Code, Problem},
};

/// Judges a live object that is not being deleted.
pub fn judge(target: &ObjectRef, live: &Value) -> Readiness {
    if stale(live) {
        return not_yet("its controller has not seen the newest change yet");
    }
    match (target.group(), target.kind.as_str()) {
        ("apps", "Deployment") => deployment(live),
        ("apps", "StatefulSet") => stateful_set(live),
        ("apps", "DaemonSet") => daemon_set(live),
        ("apps", "ReplicaSet") => {
            counted(live, "/status/readyReplicas", replicas(live), "replicas")
        }
        ("batch", "Job") => job(target, live),
        ("", "Pod") => pod(live),
        ("", "Namespace") => phase(live, "Active"),
        ("", "PersistentVolumeClaim") => phase(live, "Bound"),
        ("", "Service") => service(live),
        ("apiextensions.k8s.io", _) => conditions(live, &["NamesAccepted", "Established"]),
        ("apiregistration.k8s.io", _) => conditions(live, &["Available"]),
        ("", "Node") | ("cert-manager.io", _) => conditions(live, &["Ready"]),
        ("postgresql.cnpg.io", "Cluster") => cluster(live),
        ("postgresql.cnpg.io", "Database") => database(live),
        ("postgresql.cnpg.io", "Backup") => backup(target, live),
        ("longhorn.io", "Node") => conditions(live, &["Ready", "Schedulable"]),
        ("longhorn.io", "Volume") => volume(live),
        ("longhorn.io", "BackupTarget") => backup_target(live),
        ("longhorn.io", "Snapshot") => snapshot(target, live),
        ("longhorn.io", "Backup") => volume_backup(target, live),
        ("longhorn.io", "Setting") => applied_setting(live),
        _ => any(live),
    }
}

fn not_yet(why: impl Into<String>) -> Readiness {
    Readiness::NotYet(why.into())
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn replicas(live: &Value) -> u64 {
    live.pointer("/spec/replicas")
        .and_then(Value::as_u64)
        .unwrap_or(1)
}

/// A status that speaks of an older generation says nothing about the object as it is.
fn stale(live: &Value) -> bool {
    let seen = live
        .pointer("/status/observedGeneration")
        .and_then(Value::as_u64);
    seen.is_some_and(|seen| seen < number(live, "/metadata/generation"))
}

fn counted(live: &Value, pointer: &str, wanted: u64, what: &str) -> Readiness {
    let have = number(live, pointer);
    if have >= wanted {
        Readiness::Ready
    } else {
        not_yet(format!("{have} of {wanted} {what} are ready"))
    }
}

fn unobserved(live: &Value) -> bool {
    live.pointer("/status/observedGeneration").is_none()
}

fn deployment(live: &Value) -> Readiness {
    if unobserved(live) {
        return not_yet("its controller has not started yet");
    }
    let wanted = replicas(live);
    let updated = number(live, "/status/updatedReplicas");
    if updated < wanted {
        return not_yet(format!(
            "{updated} of {wanted} replicas are of the newest version"
        ));
    }
    if number(live, "/status/replicas") > updated {
        return not_yet("replicas of the former version are still ending");
    }
    counted(live, "/status/availableReplicas", wanted, "replicas")
}

fn stateful_set(live: &Value) -> Readiness {
    if unobserved(live) {
        return not_yet("its controller has not started yet");
    }
    let wanted = replicas(live);
    let rolling = text(live, "/spec/updateStrategy/type") != "OnDelete";
    let updated = number(live, "/status/updatedReplicas");
    if rolling && updated < wanted {
        return not_yet(format!(
            "{updated} of {wanted} replicas are of the newest version"
        ));
    }
    counted(live, "/status/readyReplicas", wanted, "replicas")
}

fn daemon_set(live: &Value) -> Readiness {
    if unobserved(live) {
        return not_yet("its controller has not started yet");
    }
    let wanted = number(live, "/status/desiredNumberScheduled");
    if wanted == 0 {
        return not_yet("no node takes its pods");
    }
    let updated = number(live, "/status/updatedNumberScheduled");
    if updated < wanted {
        return not_yet(format!(
            "{updated} of {wanted} nodes have the newest version"
        ));
    }
    counted(live, "/status/numberAvailable", wanted, "pods")
}

fn job(target: &ObjectRef, live: &Value) -> Readiness {
    if holds(live, "Complete") {
        return Readiness::Ready;
    }
    if holds(live, "Failed") {
        let problem = Problem::new(
            Code::Wait11,
            format!("{target} failed."),
            "Read its log (press l), cure the cause it names, then run the step again (press r on it): the job is made anew.",
        );
        let (reason, message) =
            condition(live, "Failed").map_or(("", ""), |(_, reason, message)| (reason, message));
        return Readiness::Failed(problem.because(format!("{reason}: {message}")));
    }
    let (active, failed) = (
        number(live, "/status/active"),
        number(live, "/status/failed"),
    );
    let tries = if failed > 0 {
        format!(", {failed} tries failed")
    } else {
        String::new()
    };
    not_yet(match active {
        0 => format!("the job has not started yet{tries}"),
        _ => format!("the job is running{tries}"),
    })
}

fn pod(live: &Value) -> Readiness {
    match text(live, "/status/phase") {
        "Succeeded" => Readiness::Ready,
        "Running" => conditions(live, &["Ready"]),
        "" => not_yet("the pod has not started yet"),
        phase => not_yet(format!("the pod is {phase}")),
    }
}

fn phase(live: &Value, wanted: &str) -> Readiness {
    match text(live, "/status/phase") {
        phase if phase == wanted => Readiness::Ready,
        "" => not_yet(format!("it is not {wanted} yet")),
        phase => not_yet(format!("it is {phase}, not {wanted} yet")),
    }
}

/// A Service that wants an address of its own has nothing to answer on before it gets one.
fn service(live: &Value) -> Readiness {
    let given = live
        .pointer("/status/loadBalancer/ingress")
        .and_then(Value::as_array)
        .is_some_and(|given| !given.is_empty());
    if text(live, "/spec/type") != "LoadBalancer" || given {
        return Readiness::Ready;
    }
    not_yet("it has no address yet")
}

/// `Ready=True` is the condition to wait for: `Initialized=True` also comes while the first job can never finish.
fn cluster(live: &Value) -> Readiness {
    let wanted = live
        .pointer("/spec/instances")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    let have = number(live, "/status/readyInstances");
    let phase = text(live, "/status/phase");
    let reason = match text(live, "/status/phaseReason") {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    if holds(live, "Ready") && have >= wanted && phase == "Cluster in healthy state" {
        return Readiness::Ready;
    }
    let says = if phase.is_empty() {
        "the operator has not begun".to_owned()
    } else {
        format!("{phase}{reason}")
    };
    not_yet(format!("{have} of {wanted} instances are ready: {says}"))
}

fn database(live: &Value) -> Readiness {
    if live.pointer("/status/applied").and_then(Value::as_bool) == Some(true) {
        return Readiness::Ready;
    }
    match text(live, "/status/message") {
        "" => not_yet("the operator has not made it yet"),
        message => not_yet(format!("the operator could not make it yet: {message}")),
    }
}

fn backup(target: &ObjectRef, live: &Value) -> Readiness {
    match text(live, "/status/phase") {
        "completed" => Readiness::Ready,
        "failed" => Readiness::Failed(
            Problem::new(
                Code::Wait12,
                format!("{target} failed."),
                "Check the address, the bucket and the keys of the backups in site.yaml, then run the step again (press r on it).",
            )
            .because(text(live, "/status/error")),
        ),
        "" => not_yet("the backup has not started yet"),
        phase => not_yet(format!("the backup is {phase}")),
    }
}

fn volume(live: &Value) -> Readiness {
    match (
        text(live, "/status/state"),
        text(live, "/status/robustness"),
    ) {
        ("attached", "healthy") => Readiness::Ready,
        (state, "" | "unknown") => not_yet(format!("the volume is {state}")),
        (state, robustness) => not_yet(format!("the volume is {state} and {robustness}")),
    }
}

/// A target without an address has nothing to reach.
fn backup_target(live: &Value) -> Readiness {
    if text(live, "/spec/backupTargetURL").is_empty()
        || live.pointer("/status/available").and_then(Value::as_bool) == Some(true)
    {
        return Readiness::Ready;
    }
    match condition(live, "Unavailable") {
        Some((_, _, message)) if !message.is_empty() => {
            not_yet(format!("Longhorn cannot reach it: {message}"))
        }
        _ => not_yet("Longhorn has not reached it yet"),
    }
}

fn snapshot(target: &ObjectRef, live: &Value) -> Readiness {
    if live.pointer("/status/readyToUse").and_then(Value::as_bool) == Some(true) {
        return Readiness::Ready;
    }
    match text(live, "/status/error") {
        "" => not_yet("the snapshot is not made yet"),
        error => copy_failed(target, error),
    }
}

fn volume_backup(target: &ObjectRef, live: &Value) -> Readiness {
    match text(live, "/status/state") {
        "Completed" => Readiness::Ready,
        "Error" => copy_failed(target, text(live, "/status/error")),
        "" => not_yet("the backup has not started yet"),
        _ => not_yet(format!(
            "{} % of the volume are in the backup bucket",
            number(live, "/status/progress")
        )),
    }
}

fn copy_failed(target: &ObjectRef, error: &str) -> Readiness {
    Readiness::Failed(
        Problem::new(
            Code::Wait13,
            format!("{target} failed."),
            "Look at the volume and at the backup target in Longhorn, then start the deploy again: it makes a new copy before the upgrade.",
        )
        .because(error),
    )
}

fn applied_setting(live: &Value) -> Readiness {
    match live.pointer("/status/applied").and_then(Value::as_bool) {
        Some(false) => not_yet("Longhorn has not taken the setting over yet"),
        _ => Readiness::Ready,
    }
}

/// Kinds that say `Ready` or `Available` are taken at their word; for others being there is enough.
fn any(live: &Value) -> Readiness {
    for kind in ["Ready", "Available"] {
        if condition(live, kind).is_some() {
            return conditions(live, &[kind]);
        }
    }
    Readiness::Ready
}

fn conditions(live: &Value, kinds: &[&str]) -> Readiness {
    for kind in kinds {
        match condition(live, kind) {
            Some(("True", _, _)) => {}
            Some((_, reason, message)) => {
                let why = [reason, message]
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(": ");
                return not_yet(if why.is_empty() {
                    format!("it is not {kind} yet")
                } else {
                    format!("it is not {kind} yet: {why}")
                });
            }
            None => return not_yet(format!("it is not {kind} yet")),
        }
    }
    Readiness::Ready
}

fn holds(live: &Value, kind: &str) -> bool {
    condition(live, kind).is_some_and(|(status, _, _)| status == "True")
}

/// Status, reason and message of a condition that speaks of the newest generation.
fn condition<'v>(live: &'v Value, kind: &str) -> Option<(&'v str, &'v str, &'v str)> {
    let all = live
        .pointer("/status/conditions")
        .and_then(Value::as_array)?;
    let found = all
        .iter()
        .find(|condition| text(condition, "/type") == kind)?;
    let seen = found.pointer("/observedGeneration").and_then(Value::as_u64);
    if seen.is_some_and(|seen| seen < number(live, "/metadata/generation")) {
        return None;
    }
    Some((
        text(found, "/status"),
        text(found, "/reason"),
        text(found, "/message"),
    ))
}
